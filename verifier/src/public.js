// A settlement document adds up by itself, before any member's figures are looked at.

import { fromHex, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { sum } from "./fraction.js";
import { accountsOf } from "./result.js";
import { basisRow, weightsRoot } from "./settlement.js";

export function agree(holds, what, field) {
  if (!holds) refuse("sum-mismatch", `${what} does not follow from the public figures`, { field });
}

const isSameMap = (a, b) =>
  a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
const values = (map) => [...map.values()];
const unitOf = ({ units }, source) => units.get(source) ?? null;

// The settlement with what may be left out of it, and each step with what it divided.
export function completed(found) {
  const { units = new Map(), costs = new Map(), totals } = found;
  const steps = found.steps.map((step) => {
    const { division } = step;
    const divided = division === null ? 0n : division.total ?? step.taken;
    const payees = step.payees ?? new Map();
    const accounts = accountsOf({ ...step, payees });
    return { as: null, unit: null, ...step, divided, accounts };
  });
  const none = new Map();
  return { ...found, units, costs, steps, totals: { costs: none, units: none, ...totals } };
}

// What members got in a step, or were charged, after what they paid back of advances.
function toMembers({ division, divided }) {
  if (division === null) return 0n;
  const account = division.rounding.half_even_residual_to ?? "";
  const beside = account.startsWith("fund.") ? division.residual ?? 0n : 0n;
  return divided - (division.recouped ?? 0n) - beside;
}

function verifyStep(step, settlement, held) {
  const isRight = (holds, what) => agree(holds, `${what} of step ${step.step}`, "settlement");
  const follows = held.get(step.source) === step.available;
  isRight(follows && step.left === step.available - step.taken, "what is left");
  isRight(step.fund === null || step.division === null, "the kind");
  isRight(settlement.costs.has(step.source) === (step.as === "charge"), "the source");
  isRight(step.unit === unitOf(settlement, step.source), "the unit");
  const given = toMembers(step) + sum(values(step.accounts));
  isRight(given === (step.as === "charge" ? -step.taken : step.taken), "what was given");
  held.set(step.source, step.left);
  for (const [account, amount] of step.accounts) {
    const [kind, name = ""] = account.split(/\.([^]*)/);
    isRight(["fund", "pool", "project"].includes(kind), "an account");
    if (kind === "pool") {
      isRight(settlement.pools.has(name), "a pool");
      held.set(name, held.get(name) + amount);
    }
    isRight((kind === "pool" ? unitOf(settlement, name) : null) === step.unit, "an account's unit");
  }
}

function verifyFlow(settlement) {
  const { pools, costs, steps, totals } = settlement;
  const held = new Map([...pools, ...costs]);
  for (const step of steps) verifyStep(step, settlement, held);
  const isSame = totals.costs.size === costs.size &&
    [...costs.keys()].every((name) => totals.costs.has(name));
  agree(isSame, "the costs that are charged", "settlement");
  const open = [...costs].map(([name, cost]) => [name, cost - totals.costs.get(name)]);
  const left = new Map([...totals.pools_left, ...open]);
  agree(isSameMap(held, left), "what is left in the pools", "settlement");
}

// What accounts of one kind got over all steps.
function credited({ steps }, kind) {
  const found = new Map();
  for (const { accounts } of steps) {
    for (const [account, amount] of accounts) {
      if (account.split(".", 1)[0] !== kind) continue;
      found.set(account, (found.get(account) ?? 0n) + amount);
    }
  }
  return found;
}

function evenedByMember({ division, unit }) {
  if (division === null || unit !== null) return false;
  const account = division.rounding.half_even_residual_to ?? null;
  return account !== null && !account.startsWith("fund.");
}

export const paidTogether = (totals) => totals.paid_to_members + totals.paid_to_suspense;

// A member that takes the residual of a rounding may have the other sign than the rest of its step;
// then only the difference of the two sums is known of the steps.
function verifyMembers({ steps, totals }) {
  const given = steps.filter((step) => step.unit === null).map(toMembers);
  const [paid, charged] = [paidTogether(totals), totals.charged_to_members];
  if (steps.some(evenedByMember)) {
    agree(sum(given) === paid - charged, "what members got", "settlement");
    return;
  }
  const paidBySteps = sum(given.filter((amount) => amount > 0n));
  const chargedBySteps = -sum(given.filter((amount) => amount < 0n));
  agree(paidBySteps === paid, "what members and suspense are paid", "settlement");
  agree(chargedBySteps === charged, "what members owe", "settlement");
}

const heldOf = (settlement, pools, unit) =>
  sum([...pools].filter(([name]) => unitOf(settlement, name) === unit).map(([, held]) => held));

function verifyUnits(settlement) {
  const { units, totals, steps, pools } = settlement;
  const named = new Set(units.values());
  const isSame = totals.units.size === named.size &&
    [...named].every((unit) => totals.units.has(unit));
  agree(isSame, "the units", "settlement");
  for (const [unit, row] of totals.units) {
    const given = sum(steps.filter((step) => step.unit === unit).map(toMembers));
    const left = heldOf(settlement, totals.pools_left, unit);
    const came = heldOf(settlement, pools, unit);
    const isRight = row.in === came && row.members === given && row.left === left &&
      row.out === given + left && row.in === row.out;
    agree(isRight, `what is told of ${unit}`, "settlement");
  }
}

function commitments({ steps }) {
  return steps.filter((step) => step.division).flatMap(({ step, division }) => {
    const { basis = null } = division;
    const own = [[step, fromHex(division.commitment)]];
    return basis === null ? own : [...own, [basisRow(step), fromHex(basis.commitment)]];
  });
}

// Check steps, funds, members, pools and roots.
export function verifyTotals(settlement) {
  const { totals, pools } = settlement;
  verifyFlow(settlement);
  verifyMembers(settlement);
  verifyUnits(settlement);
  const given = paidTogether(totals) - totals.charged_to_members + sum(values(totals.funds)) +
    sum(values(totals.projects)) + sum(values(totals.costs));
  const left = heldOf(settlement, totals.pools_left, null);
  const isCharged = totals.charged_to_members !== 0n;
  for (const [what, holds] of [
    ["the funds", isSameMap(credited(settlement, "fund"), totals.funds)],
    ["the projects", isSameMap(credited(settlement, "project"), totals.projects)],
    ["the charges root", (settlement.charges_root !== null) === isCharged],
    ["what came in", heldOf(settlement, pools, null) === totals.in],
    ["what went out", given + left === totals.out],
    ["what came in and what went out", totals.in === totals.out],
    ["the weights root", toHex(weightsRoot(commitments(settlement))) === settlement.weights_root],
  ]) agree(holds, what, "settlement");
}
