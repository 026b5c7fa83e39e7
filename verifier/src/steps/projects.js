// Paying projects: by exact weights, or whole by citizens' votes.

import { candidatesOf, equalShares, greedy } from "../ballots.js";
import { refuse } from "../errors.js";
import { ZERO, floorOf, fraction, sum } from "../fraction.js";
import { ballotsOf, weighProjects } from "../keys/quadratic.js";
import { divide } from "../rounding.js";
import { bounded } from "./base.js";
import { unitsOf } from "./bounding.js";
import { toTheUnit } from "./claims.js";

// Take from `pool` what the weights allocate, in whole units, and say what stays.
function payProjects(pool, { recipients, numerators, denominator, allocated }, view) {
  const taken = floorOf(allocated ?? ZERO);
  const rounded = divide(taken, numerators, recipients, toTheUnit(view.rounding));
  return {
    taken,
    notes: taken < pool ? [`the matches come to ${taken}; ${pool - taken} stays`] : [],
    payees: new Map(recipients.map((one, i) => [one, rounded.amounts[i]])),
    payeeWeights: new Map(recipients.map((one, i) => [one, fraction(numerators[i], denominator)])),
  };
}

// The matches out of what the limit allows; what is not matched goes where `overflow` sends it.
export function allocateToProjects(step, view) {
  const { key, overflow } = step;
  const total = bounded(view.available, step, view);
  const bound = step.bounds?.cap ?? null;
  const cap = bound === null || bound instanceof Map ? null : unitsOf(bound, total, floorOf);
  const weights = weighProjects(key.ballots, total, view.scope, key.scale_up ?? false, cap);
  const paid = payProjects(total, weights, view);
  const rest = total - paid.taken;
  if (rest && (overflow === "error" || overflow === "redistribute")) {
    refuse("infeasible", `the matches leave ${rest} of ${total} over`);
  }
  if (rest && overflow?.to) {
    const payees = new Map([...paid.payees, [overflow.to, rest]]);
    return { ...paid, taken: total, payees, notes: [] };
  }
  return { ...paid, overflow: overflow === "carry" ? rest : 0n };
}

export function citizensFund(step, view) {
  const budget = bounded(view.available, step, view);
  if (step.method === "quadratic") {
    const isUp = step.scale_up ?? false;
    return payProjects(budget, weighProjects(step.ballots, budget, view.scope, isUp), view);
  }
  const ballots = ballotsOf(step.ballots, view.scope);
  const paid = new Map([...ballots.costs.keys()].map((project) => [project, 0n]));
  for (const { id, cost } of funded(step, budget, ballots)) paid.set(id, cost);
  const payees = new Map([...paid].map(([project, amount]) => [`project.${project}`, amount]));
  return { taken: sum([...paid.values()]), payees };
}

function funded(step, budget, ballots) {
  const candidates = candidatesOf(ballots);
  if (step.method === "greedy") return greedy(budget, candidates);
  const chosen = equalShares(budget, candidates, ballots.approvals, step.utility ?? "cost");
  if (!step.completion) return chosen;
  const left = budget - sum(chosen.map(({ cost }) => cost));
  const rest = candidates.filter((candidate) => !chosen.includes(candidate));
  return [...chosen, ...greedy(left, rest)];
}
