// Running a rule set on a period's figures: keys give weights, steps take money from pools.
//
// All amounts are BigInt minor units, all weights integers over a common denominator.

import { compareText } from "./bytes.js";
import { refuse } from "./errors.js";
import { least, most, sum } from "./fraction.js";
import { totalOf } from "./inputs.js";
import { accountsOf, inAndOut, specialTotals } from "./result.js";
import { namesUsed } from "./rules.js";
import { isCharge } from "./rules/checks.js";
import { policyOf } from "./rules/models.js";
import { targetsOf } from "./rules/steps.js";
import { repayments } from "./repayment.js";
import { runStep } from "./steps.js";

const bad = (why) => refuse("malformed-rules", `inputs: ${why}`);
const add = (map, name, amount) => map.set(name, (map.get(name) ?? 0n) + amount);

// A revenue id of the pool's origin, or the metered charges, which are members' own; a pool of
// another unit holds what was metered of it, in whole units.
function sourceAmount(source, origin, inputs) {
  const at = source.indexOf(".");
  const [prefix, name] = [source.slice(0, at), source.slice(at + 1)];
  if (prefix === "total") {
    const { n, d } = totalOf(inputs.totals.get(name));
    return n / d;
  }
  if (prefix === "charge") {
    return origin === null || origin === "member" ? totalOf(inputs.totals.get(source)).n : 0n;
  }
  const revenue = inputs.revenue.get(name);
  return revenue && (origin === null || origin === revenue.origin) ? revenue.amount : 0n;
}

function poolAmount(name, { from, origin = null, if_missing: ifMissing = "error" }, inputs) {
  for (const source of ifMissing === "error" ? from : []) {
    const metered = source.slice("total.".length);
    if (source.startsWith("total.") && !inputs.totals.has(metered)) {
      refuse("infeasible", `nobody metered ${metered}, which the pool ${name} holds`);
    }
  }
  const amounts = from.map((source) => sourceAmount(source, origin, inputs));
  return (inputs.opening.get(name) ?? 0n) + sum(amounts);
}

// The rule set's order of members, then those whom it does not list, by id.
function declaredOrder(rules, inputs) {
  const indices = inputs.members.map((_, index) => index);
  if (!rules.members) return indices;
  const places = new Map(rules.members.map((id, place) => [id, place]));
  const place = (index) => places.get(inputs.members[index]) ?? places.size;
  return indices.sort((a, b) =>
    place(a) - place(b) || compareText(inputs.members[a], inputs.members[b]));
}

// The steps by which members receive what a pool holds.
const pays = (step) => step.kind === "guarantee" ||
  (step.kind === "allocate" && !step.split && step.key?.kind !== "quadratic");

// Whether members receive of a pool, also through pools that it feeds. One that says that its money
// is public hides nothing.
function isDivided(pool, rules) {
  const reached = new Set([pool]);
  for (const step of rules.steps) {
    if (!reached.has(step.source)) continue;
    if (pays(step)) return true;
    for (const target of targetsOf(step)) {
      const name = target.startsWith("pool.") ? target.slice("pool.".length) : null;
      if (name !== null && rules.pools.get(name).origin !== "public") reached.add(name);
    }
  }
  return false;
}

// Public money is divided among members only from pools that say so.
function refuseHidden(rules, inputs) {
  for (const [name, { from, origin = null }] of rules.pools) {
    const isPublic = (source) => {
      const found = inputs.revenue.get(source.slice("revenue.".length));
      return source.startsWith("revenue.") && found?.origin === "public" && found.amount;
    };
    if (origin === null && from.some(isPublic) && isDivided(name, rules)) {
      bad(`the pool ${name} of no stated origin holds public money, which members would receive`);
    }
  }
}

// Costs of which no step takes any notice: nobody would learn that they stay unpaid.
function refuseStrayCosts(rules, inputs) {
  const known = namesUsed(rules).costs;
  for (const [name, borne] of inputs.costs) {
    const isStray = !known.has(name) && [...borne.values()].some((amount) => amount);
    if (isStray) bad(`no step recovers or charges the cost ${name}`);
  }
}

// Money that no pool takes, or a carry that no step pays, must not fall by the wayside.
function refuseHomeless(rules, inputs) {
  const pools = [...rules.pools.values()];
  for (const [name, { origin }] of inputs.revenue) {
    const takes = (pool) => pool.from.includes(`revenue.${name}`) &&
      [null, origin].includes(pool.origin ?? null);
    if (!pools.some(takes)) bad(`no pool takes the revenue ${name} of origin ${origin}`);
  }
  refuseHidden(rules, inputs);
  refuseStrayCosts(rules, inputs);
  for (const name of inputs.opening.keys()) {
    if (!rules.pools.has(name)) bad(`there is no pool ${name}`);
  }
  const steps = new Map(rules.steps.map((step) => [step.id, step]));
  for (const [name, amount] of inputs.carry) {
    const step = steps.get(name);
    // What overflowed is told by name; the money itself is what its pool opens with.
    if (step?.kind === "allocate" && step.overflow === "carry") continue;
    const isCarried = step?.kind === "recover_cost" && step.carry_forward;
    if (amount && !isCarried) bad(`no step ${name} carries costs forward`);
  }
  for (const [name, owed] of inputs.owed) {
    const step = steps.get(name);
    if (owed.size && step?.kind === "recover_cost" && step.key) bad(`${name} pays by a key`);
  }
}

const unitOf = (rules, source) => rules.pools.get(source)?.unit ?? null;

// The accounts that a step names, and the fund that evens out its rounding.
function payeesOf({ payees = new Map(), division = null }) {
  const { residual = 0n } = division?.rounded ?? {};
  const account = division?.rounding.residualTo ?? "";
  if (!residual || !account.startsWith("fund.")) return payees;
  return add(new Map(payees), account, residual);
}

function credit(work, account, amount) {
  const at = account.indexOf(".");
  const [kind, name] = [account.slice(0, at), account.slice(at + 1)];
  if (kind === "fund") {
    add(work.funds, account, amount);
    add(work.balances, account, amount);
  } else if (kind === "pool") {
    add(work.held, name, amount);
    add(work.openings, name, amount);
  } else add(work.projects, account, amount);
}

// Take off what members paid back of their advances.
function keepBack(work, members, division) {
  division?.recouped?.forEach((back, i) => add(work.advances, members[i], -back));
}

function post(work, step, outcome, rules) {
  const available = work.held.get(step.source);
  const { taken, fund = null, division = null, notes = [], carry, owed, overflow } = outcome;
  work.held.set(step.source, available - taken);
  if (carry) {
    work.carry.set(step.id, carry);
    if (owed?.size) work.owed.set(step.id, owed);
  }
  if (overflow && !isCharge(step)) work.overflow.push([step.id, step.source, overflow]);
  for (const [member, amount] of outcome.advances ?? []) add(work.advanced, member, amount);
  const found = {
    step: step.id, kind: step.kind, source: step.source, available, taken, left: available - taken,
    notes, division, fund, payees: payeesOf(outcome),
    payeeWeights: outcome.payeeWeights ?? new Map(), isCharge: isCharge(step),
    unit: unitOf(rules, step.source), tax: step.tax ?? null,
  };
  work.steps.push(found);
  work.taken.set(step.id, taken);
  for (const [account, amount] of accountsOf(found)) credit(work, account, amount);
}

// What overflowed and is still in its source, by step; later steps may have taken it.
function keepByName(work) {
  const left = new Map(work.held);
  for (const [step, source, amount] of work.overflow) {
    const part = (amount > 0n ? least : most)(amount, left.get(source));
    if (part * amount <= 0n) continue;
    work.carry.set(step, part);
    add(left, source, -part);
  }
}

// What members have to pay back from the next period on.
function recoupOf({ advances, advanced }) {
  const both = new Map(advances);
  for (const [member, amount] of advanced) add(both, member, amount);
  return new Map([...both].filter(([, amount]) => amount));
}

// Not one unit may appear or vanish: what a step took is what members and accounts got, all of one
// sign, in the unit of its source; and what came in is what went out.
function checkConservation(result) {
  const violated = (what) => refuse("invariant-violated", what);
  for (const step of result.steps) {
    const { division, taken, unit } = step;
    const amounts = division?.amounts ?? [];
    const accounts = accountsOf(step);
    if (division === null && !accounts.size && taken) violated(`${step.step} gave to nobody`);
    const given = sum(amounts) + sum([...accounts.values()]);
    if (given !== (step.isCharge ? -taken : taken)) violated(`${step.step} took ${taken}`);
    const isMixed = amounts.some((amount) => amount > 0n) && amounts.some((amount) => amount < 0n);
    if (isMixed && !division.rounded.residual) violated(`${step.step} has both signs`);
    for (const account of accounts.keys()) {
      const [kind, name] = account.split(/\.([^]*)/);
      const isOther = ((kind === "pool" && result.units.get(name)) || null) !== unit;
      if (kind !== "project" && isOther) violated(`${step.step} mixes units`);
    }
  }
  const { in: came, out } = inAndOut(result);
  if (came !== out) violated(`${came} came in, ${out} went out`);
  for (const [unit, row] of specialTotals(result).units ?? []) {
    if (row.get("in") !== row.get("out")) violated(`${unit} came in, but did not go out`);
  }
  return result;
}

function scopeOf(rules, inputs) {
  const declared = declaredOrder(rules, inputs);
  return {
    inputs, metrics: rules.inputs, declared, amount: null, known: new Set(inputs.members),
  };
}

// Divide the period's money by the rules.
export function run(rules, inputs) {
  refuseHomeless(rules, inputs);
  const pools = new Map([...rules.pools].map(([name, p]) => [name, poolAmount(name, p, inputs)]));
  const costOf = ({ source }) => sum([...(inputs.costs.get(source.slice(5))?.values() ?? [])]);
  const charges = rules.steps.filter(isCharge);
  const costs = new Map(charges.map((step) => [step.source, costOf(step)]));
  const work = {
    openings: new Map([...pools, ...costs]), held: new Map([...pools, ...costs]),
    balances: new Map(inputs.balances), advances: new Map(inputs.recoup), steps: [],
    taken: new Map(), funds: new Map(), projects: new Map(), carry: new Map(), owed: new Map(),
    overflow: [], advanced: new Map(),
  };
  const scope = scopeOf(rules, inputs);
  for (const step of rules.steps) {
    const isMoney = unitOf(rules, step.source) === null;
    const outcome = runStep(step, {
      scope, available: work.held.get(step.source), opening: work.openings.get(step.source),
      rounding: policyOf(step.rounding ?? rules.rounding), funds: work.balances, taken: work.taken,
      held: work.held, advances: isMoney ? work.advances : new Map(), waits: false,
    });
    keepBack(work, inputs.members, outcome.division);
    post(work, step, outcome, rules);
  }
  keepByName(work);
  const { steps, funds, projects, carry, owed, held } = work;
  const paying = steps.filter((step) => step.division && step.unit === null);
  return checkConservation({
    members: inputs.members, pools, steps, funds, projects, carry, owed, costs,
    memberTotals: inputs.members.map((_, i) => sum(paying.map((s) => s.division.amounts[i]))),
    poolsLeft: new Map([...pools.keys()].map((name) => [name, held.get(name)])),
    charged: new Map([...costs].map(([name, cost]) => [name, cost - held.get(name)])),
    recoup: recoupOf(work), tax: inputs.tax, repaid: repayments(steps, inputs.costs),
    units: new Map([...rules.pools].flatMap(([name, { unit = null }]) =>
      (unit === null ? [] : [[name, unit]]))),
  });
}
