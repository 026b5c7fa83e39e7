// Steps that pay claims: recover_cost, and guarantee.

import { refuse } from "../errors.js";
import { sum } from "../fraction.js";
import { weigh } from "../keys.js";
import { pythonText } from "../python.js";
import { divide } from "../rounding.js";
import { requireMembers } from "../scope.js";
import { bounded, divideBy } from "./base.js";
import { divideClaims, toTheUnit } from "./claims.js";

export function recoverCost(step, view) {
  const { scope } = view;
  const { inputs } = scope;
  const reported = step.costs.map((cost) => inputs.costs.get(cost) ?? new Map());
  const costs = inputs.members.map((id) => sum(reported.map((row) => row.get(id) ?? 0n)));
  const carried = inputs.carry.get(step.id) ?? 0n;
  const due = sum(costs) + carried;
  const taken = bounded(due, step, view);
  const notes = costNotes(step, inputs, due - taken);
  const carry = step.carry_forward ? due - taken : null;
  if (step.key) {
    return { taken, division: divideBy(taken, weigh(step.key, scope), view), carry, notes };
  }
  const claims = claimsOf(step, view, costs, carried);
  const division = divideClaims(taken, claims, step.short_rule ?? "proportional", view);
  const unpaid = inputs.members.map((id, i) => [id, claims[i] - division.rounded.amounts[i]]);
  const owed = step.carry_forward ? new Map(unpaid.filter(([, amount]) => amount)) : new Map();
  return { taken, division, carry, owed, notes };
}

// What each member is owed: its costs, and its part of the carry.
function claimsOf(step, { scope, rounding }, costs, carried) {
  const { inputs, declared } = scope;
  const owed = inputs.owed.get(step.id);
  if (owed !== undefined || carried === 0n) {
    return inputs.members.map((id, i) => costs[i] + (owed?.get(id) ?? 0n));
  }
  if (!costs.some((cost) => cost)) refuse("no-weights", `${carried} are carried, but not for whom`);
  return divide(sum(costs) + carried, costs, inputs.members, toTheUnit(rounding), declared).amounts;
}

function costNotes(step, inputs, unpaid) {
  const notes = step.costs
    .filter((cost) => !inputs.costs.has(cost))
    .map((cost) => `no cost was reported as ${pythonText(cost)}`);
  const after = step.carry_forward ? "is carried forward" : "stays unpaid and is not carried";
  return unpaid ? [...notes, `${unpaid} of the costs ${after}`] : notes;
}

// A fixed sum first; with `recoup` it is an advance on later periods.
export function guarantee(step, view) {
  const { members } = view.scope.inputs;
  requireMembers(step.claims.keys(), view.scope);
  const claims = members.map((id) => BigInt(step.claims.get(id) ?? 0));
  const taken = bounded(sum(claims), step, view);
  const division = divideClaims(taken, claims, step.short_rule ?? "proportional", view);
  const missing = sum(claims) - taken;
  const notes = missing ? [`${missing} of what is guaranteed cannot be paid`] : [];
  if (step.recoup !== "next_periods") return { taken, division, notes };
  const rows = members.map((id, i) => [id, division.amounts[i]]);
  return { taken, division, notes, advances: new Map(rows.filter(([, amount]) => amount)) };
}
