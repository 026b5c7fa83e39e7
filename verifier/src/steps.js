// Steps: ordered rules that take money from a pool. What a step answers has `taken`, and where it
// is not empty `division`, `fund`, `payees`, `payeeWeights`, `carry`, `owed`, `notes`, `overflow`
// and `advances`.

import { least } from "./fraction.js";
import { allocate } from "./steps/allocate.js";
import { bounded, ceiling, unmet } from "./steps/base.js";
import { allocateToProjects, citizensFund } from "./steps/projects.js";
import { guarantee, recoverCost } from "./steps/recover.js";

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

const RUN = {
  recover_cost: recoverCost, reserve, guarantee, citizens_fund: citizensFund,
  allocate: (step, view) =>
    (step.key?.kind === "quadratic" ? allocateToProjects(step, view) : allocate(step, view)),
};

// Carry out one step; on nothing while its condition is not met.
export function runStep(step, view) {
  const reason = unmet(step.when, view.scope);
  if (reason === null) return RUN[step.kind](step, view);
  const outcome = RUN[step.kind](step, { ...view, available: 0n, waits: true });
  return { ...outcome, notes: [...(outcome.notes ?? []), reason] };
}
