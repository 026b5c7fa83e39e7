// Participatory budgeting: which projects are funded whole, by approvals and costs.

import { compareText } from "./bytes.js";
import { refuse } from "./errors.js";
import { ZERO, fraction, isLess, lcm, least, sum } from "./fraction.js";

// All projects that somebody approves.
export function candidatesOf({ costs, approvals }) {
  const counts = new Map();
  for (const [approved, voters] of approvals) {
    for (const project of approved) counts.set(project, (counts.get(project) ?? 0n) + voters);
  }
  return [...costs].filter(([project]) => counts.has(project)).map(([id, cost]) => {
    if (cost === null) refuse("infeasible", `the project ${id} has no cost to fund`);
    return { id, cost, approvals: counts.get(id) };
  });
}

// By approvals, the most first, then by cost, then by id.
function byRank(a, b) {
  if (a.approvals !== b.approvals) return a.approvals > b.approvals ? -1 : 1;
  return a.cost === b.cost ? compareText(a.id, b.id) : a.cost < b.cost ? -1 : 1;
}

export function greedy(budget, candidates) {
  const funded = [];
  let left = budget;
  for (const candidate of [...candidates].sort(byRank)) {
    if (candidate.cost > left) continue;
    funded.push(candidate);
    left -= candidate.cost;
  }
  return funded;
}

// What the voters of each group still hold, over one denominator.
class Purses {
  constructor(budget, approvals) {
    this.groups = approvals.map(([approved, voters]) => ({ approved, voters, held: budget }));
    this.denominator = sum(approvals.map(([, voters]) => voters));
  }

  supporters({ id }) {
    return this.groups.filter(({ approved }) => approved.includes(id));
  }

  // The most that a supporter has to pay, or null where they cannot afford it.
  payment(candidate) {
    let missing = candidate.cost * this.denominator;
    let payers = candidate.approvals;
    const order = (a, b) => (a.held < b.held ? -1 : a.held > b.held ? 1 : 0);
    for (const { held, voters } of this.supporters(candidate).sort(order)) {
      if (held * payers >= missing) return fraction(missing, payers * this.denominator);
      missing -= held * voters;
      payers -= voters;
    }
    return null;
  }

  charge(candidate, payment) {
    const common = lcm(this.denominator, payment.d);
    const factor = common / this.denominator;
    const most = payment.n * (common / payment.d);
    this.denominator = common;
    for (const group of this.groups) group.held *= factor;
    for (const group of this.supporters(candidate)) group.held -= least(group.held, most);
  }
}

// Method of Equal Shares: again and again the project whose supporters pay the least for what it is
// worth to them. A price only grows, so a known one is a bound from below.
export function equalShares(budget, candidates, approvals, utility) {
  const purses = new Purses(budget, approvals);
  let open = [...candidates].sort(byRank).map((candidate) => ({ candidate, bound: ZERO }));
  const funded = [];
  while (open.length) {
    const first = open.reduce((a, b) => (isLess(b.bound, a.bound) ? b : a));
    const { candidate } = first;
    const payment = purses.payment(candidate);
    const worth = utility === "cardinality" ? 1n : candidate.cost;
    const price = payment && fraction(payment.n, payment.d * worth);
    if (price && isLess(first.bound, price)) {
      first.bound = price;
      continue;
    }
    open = open.filter((one) => one !== first);
    if (payment === null) continue;
    purses.charge(candidate, payment);
    funded.push(candidate);
  }
  return funded;
}
