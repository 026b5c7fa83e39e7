// Running a rule set on a period's figures: keys give weights, steps take money from pools.
//
// All amounts are BigInt minor units, all weights integers over a common denominator.

import { compareText, sortedTexts } from "./bytes.js";
import { refuse } from "./errors.js";
import {
  ONE, ZERO, abs, floorDivide, fraction, gcd, lcm, minus, over, overCommonDenominator, sum,
  total,
} from "./fraction.js";
import { divide } from "./rounding.js";
import { fullRounding, metricOf } from "./rules.js";

const SUSPENSE = "suspense";
const least = (...values) => values.reduce((a, b) => (b < a ? b : a));

// Keys.

function requireMembers(names, inputs) {
  const unknown = sortedTexts(new Set(names)).filter((id) => !inputs.members.includes(id));
  if (unknown.length) {
    const names = unknown.join(", ");
    refuse("unknown-field", `the rule names ${names}, not among this period's members`);
  }
}

function outsideOf(members, inputs) {
  if (!members) return new Set();
  requireMembers(members, inputs);
  return new Set(inputs.members.filter((id) => !members.includes(id)));
}

function weighBy(values, key, inputs) {
  const outside = outsideOf(key.members, inputs);
  const listed = inputs.members.map((id) => (outside.has(id) ? ZERO : values.get(id) ?? ZERO));
  const [numerators, denominator] = overCommonDenominator(listed);
  if (numerators.some((weight) => weight < 0n)) refuse("infeasible", "a weight is negative");
  return { numerators, denominator, outside };
}

// Weight 1 for everybody who takes part; suspense, and who is listed beside the members, is nobody
// unless named.
function weighHeads(key, inputs) {
  const outside = outsideOf(key.members, inputs);
  if (!key.members) {
    for (const id of [SUSPENSE, ...inputs.beside]) if (inputs.members.includes(id)) outside.add(id);
  }
  const numerators = inputs.members.map((id) => (outside.has(id) ? 0n : 1n));
  return { numerators, denominator: 1n, outside };
}

function fixedWeights(key) {
  const given = [...key.weights.values()].filter((weight) => weight !== null);
  const rest = minus(ONE, total(given));
  return new Map([...key.weights].map(([id, weight]) => [id, weight ?? rest]));
}

const asFractions = (map) => new Map([...(map ?? [])].map(([id, value]) => [id, fraction(value)]));

function allFunding(funding) {
  const every = new Map();
  for (const amounts of funding.values()) {
    for (const [id, amount] of amounts) every.set(id, (every.get(id) ?? 0n) + amount);
  }
  return every;
}

function weigh(key, rules, inputs) {
  if (key.kind === "equal") return weighHeads(key, inputs);
  if (key.kind === "proportional") {
    return weighBy(asFractions(inputs.totals.get(metricOf(rules, key.input))), key, inputs);
  }
  if (key.kind === "capital") {
    const { asset = null } = key;
    const amounts = asset === null ? allFunding(inputs.funding) : inputs.funding.get(asset);
    return weighBy(asFractions(amounts), key, inputs);
  }
  requireMembers(key.weights.keys(), inputs);
  return weighBy(fixedWeights(key), key, inputs);
}

// Steps. A view is {rules, inputs, available, opening, rounding, declared, funds}.

function ceiling(limit, step, view) {
  if (!limit) return null;
  if (limit.amount !== undefined) return limit.amount;
  const whole = limit.ofOpening || step.of === "opening" ? view.opening : view.available;
  return floorDivide(limit.percent.n * whole, limit.percent.d);
}

// At most the step's limit and what its source holds, and never negative.
function bounded(wanted, step, view) {
  const limit = ceiling(step.limit, step, view);
  const found = least(limit === null ? wanted : least(wanted, limit), view.available);
  return found < 0n ? 0n : found;
}

function divideBy(amount, weights, view, parts = []) {
  const { numerators, denominator, outside } = weights;
  const { rounding, declared, inputs } = view;
  const rounded = divide(amount, numerators, inputs.members, rounding, declared);
  const weightSum = sum(numerators);
  return {
    total: amount, weights: numerators, denominator, weightSum, outside, rounding, rounded, parts,
  };
}

function recoverCost(step, view) {
  const { inputs, rules } = view;
  const reported = step.costs.map((cost) => inputs.costs.get(cost) ?? new Map());
  const costs = inputs.members.map((id) => sum(reported.map((row) => row.get(id) ?? 0n)));
  const carried = inputs.carry.get(step.id) ?? 0n;
  const due = sum(costs) + carried;
  const taken = bounded(due, step, view);
  const notes = costNotes(step, view, due - taken);
  const carry = step.carry_forward ? due - taken : null;
  if (step.key) {
    return { taken, division: divideBy(taken, weigh(step.key, rules, inputs), view), carry, notes };
  }
  const claims = claimsOf(step, view, costs, carried);
  const weights = { numerators: claims, denominator: 1n, outside: new Set() };
  const division = divideBy(taken, weights, view);
  const unpaid = inputs.members.map((id, i) => [id, claims[i] - division.rounded.amounts[i]]);
  const owed = step.carry_forward ? new Map(unpaid.filter(([, amount]) => amount)) : new Map();
  return { taken, division, carry, owed, notes };
}

// What each member is owed: its costs, and its part of the carry.
function claimsOf(step, view, costs, carried) {
  const { inputs, rounding, declared } = view;
  const owed = inputs.owed.get(step.id);
  if (owed !== undefined || carried === 0n) {
    return inputs.members.map((id, i) => costs[i] + (owed?.get(id) ?? 0n));
  }
  if (!costs.some((cost) => cost)) refuse("no-weights", `${carried} are carried, but not for whom`);
  return divide(sum(costs) + carried, costs, inputs.members, rounding, declared).amounts;
}

function costNotes(step, view, unpaid) {
  const notes = step.costs
    .filter((cost) => !view.inputs.costs.has(cost))
    .map((cost) => `no cost was reported as ${pythonText(cost)}`);
  const after = step.carry_forward ? "is carried forward" : "stays unpaid and is not carried";
  return unpaid ? [...notes, `${unpaid} of the costs ${after}`] : notes;
}

// A text as the ledger's notes quote it.
function pythonText(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`) + quote;
}

function reserve(step, view) {
  const rate = ceiling(step.rate, step, view);
  let wanted = rate ?? BigInt(step.amount ?? 0);
  const notes = [];
  if ((step.until_balance ?? null) !== null) {
    if (!view.funds.has(step.to)) notes.push(`no balance of ${step.to} was given; it counts as 0`);
    wanted = least(wanted, BigInt(step.until_balance) - (view.funds.get(step.to) ?? 0n));
  }
  return { taken: bounded(wanted, step, view), fund: step.to, notes };
}

function allocate(step, view) {
  const amount = view.available <= 0n ? view.available : bounded(view.available, step, view);
  const asked = step.key ? [{ id: "", weight: ONE, key: step.key }] : step.parts;
  const parts = asked.map((part) => weighPart(part, step, amount, view));
  const notes = parts.filter((part) => part.note).map((part) => part.note);
  const taken = amount - leftIdle(parts, amount);
  if (step.key) return { taken, division: divideBy(taken, parts[0].weights, view), notes };
  const [weights, divisions] = combine(parts);
  return { taken, division: divideBy(taken, weights, view, divisions), notes };
}

// A part's weights, after `if_no_weight` where they are all zero.
function weighPart({ id, weight, key }, step, amount, view) {
  const weights = weigh(key, view.rules, view.inputs);
  const found = { id, weight, weights, weightSum: sum(weights.numerators), note: null };
  if (found.weightSum || !amount || !weight.n) return found;
  const text = `every weight of ${id ? `part ${pythonText(id)}` : "the key"} is zero`;
  if (step.if_no_weight === "carry") {
    return { ...found, note: `${text}; its amount stays in the source` };
  }
  const heads = weighHeads(key, view.inputs);
  if (step.if_no_weight !== "equal" || !heads.numerators.some((head) => head)) {
    refuse("no-weights", `${amount} is to be divided, but ${text}`);
  }
  const note = `${text}; it is divided equally`;
  return { ...found, weights: heads, weightSum: sum(heads.numerators), note };
}

// What parts without weights leave in the source, floored in size.
function leftIdle(parts, amount) {
  const idle = total(parts.filter((part) => !part.weightSum).map((part) => part.weight));
  const share = over(idle, total(parts.map((part) => part.weight)));
  const left = (abs(amount) * share.n) / share.d;
  return amount < 0n ? -left : left;
}

// The combined shares as integers, and each part as it was divided.
function combine(parts) {
  const live = parts.filter((part) => part.weightSum && part.weight.n);
  const whole = live.length ? total(live.map((part) => part.weight)) : ONE;
  const divisions = parts.map((part) => ({
    part: part.id,
    fraction: part.weightSum ? over(part.weight, whole) : ZERO,
    weights: part.weights,
    weightSum: part.weightSum,
  }));
  const [first, ...others] = parts.map((part) => part.weights.outside);
  const outside = new Set([...first].filter((id) => others.every((set) => set.has(id))));
  const [shares] = overCommonDenominator(live.map((part) => part.weight));
  const common = live.reduce((found, part) => lcm(found, part.weightSum), 1n);
  const combined = parts[0].weights.numerators.map((_, i) =>
    sum(live.map((part, p) =>
      shares[p] * (common / part.weightSum) * part.weights.numerators[i])));
  const divisor = combined.reduce(gcd, 0n) || 1n;
  const numerators = combined.map((numerator) => numerator / divisor);
  return [{ numerators, denominator: sum(numerators) || 1n, outside }, divisions];
}

const RUN = { recover_cost: recoverCost, reserve, allocate };

// The run.

function poolAmount(name, { from, origin = null }, inputs) {
  const amounts = from.map((source) => {
    if (source.startsWith("charge.")) {
      const metered = [...(inputs.totals.get(source)?.values() ?? [])];
      return origin === null || origin === "member" ? sum(metered) : 0n;
    }
    const revenue = inputs.revenue.get(source.slice("revenue.".length));
    return revenue && (origin === null || origin === revenue.origin) ? revenue.amount : 0n;
  });
  return (inputs.opening.get(name) ?? 0n) + sum(amounts);
}

// The rule set's order of members, then those whom it does not list, by id.
function declaredOrder(rules, inputs) {
  const indices = inputs.members.map((_, index) => index);
  if (!rules.members) return indices;
  const place = (index) => {
    const at = rules.members.indexOf(inputs.members[index]);
    return at < 0 ? rules.members.length : at;
  };
  return indices.sort((a, b) =>
    place(a) - place(b) || compareText(inputs.members[a], inputs.members[b]));
}

// Money that no pool takes, or a carry that no step pays, must not fall by the wayside.
function refuseHomeless(rules, inputs) {
  const pools = [...rules.pools.values()];
  const bad = (why) => refuse("malformed-rules", `inputs: ${why}`);
  for (const [name, { origin }] of inputs.revenue) {
    const takes = (pool) => pool.from.includes(`revenue.${name}`) &&
      [null, origin].includes(pool.origin ?? null);
    if (!pools.some(takes)) bad(`no pool takes the revenue ${name} of origin ${origin}`);
  }
  for (const name of inputs.opening.keys()) {
    if (!rules.pools.has(name)) bad(`there is no pool ${name}`);
  }
  const steps = new Map(
    rules.steps.filter((s) => s.kind === "recover_cost").map((step) => [step.id, step]),
  );
  for (const [name, amount] of inputs.carry) {
    if (amount && !steps.get(name)?.carry_forward) bad(`no step ${name} carries costs forward`);
  }
  for (const [name, owed] of inputs.owed) {
    if (owed.size && steps.get(name)?.key) bad(`step ${name} pays by a key, to nobody by name`);
  }
}

function post(work, step, outcome) {
  const available = work.held.get(step.source);
  const { taken, fund = null, division = null, carry = null, owed, notes } = outcome;
  work.held.set(step.source, available - taken);
  if (fund !== null) {
    work.funds.set(fund, (work.funds.get(fund) ?? 0n) + taken);
    work.balances.set(fund, (work.balances.get(fund) ?? 0n) + taken);
  }
  if (carry) {
    work.carry.set(step.id, carry);
    if (owed?.size) work.owed.set(step.id, owed);
  }
  const left = available - taken;
  const { id, kind, source } = step;
  work.steps.push({ step: id, kind, source, available, taken, left, notes, division, fund });
}

// Divide the period's money by the rules.
export function run(rules, inputs) {
  refuseHomeless(rules, inputs);
  const pools = new Map([...rules.pools].map(([name, p]) => [name, poolAmount(name, p, inputs)]));
  const work = {
    held: new Map(pools), balances: new Map(inputs.balances), steps: [], funds: new Map(),
    carry: new Map(), owed: new Map(),
  };
  const declared = declaredOrder(rules, inputs);
  for (const step of rules.steps) {
    const view = {
      rules, inputs, declared, available: work.held.get(step.source),
      opening: pools.get(step.source), funds: work.balances,
      rounding: fullRounding(step.rounding ?? rules.rounding),
    };
    post(work, step, RUN[step.kind](step, view));
  }
  const memberTotals = inputs.members.map((_, i) =>
    sum(work.steps.map((step) => step.division?.rounded.amounts[i] ?? 0n)));
  const { steps, funds, carry, owed, held } = work;
  const { members } = inputs;
  return { members, pools, steps, memberTotals, funds, poolsLeft: held, carry, owed };
}

