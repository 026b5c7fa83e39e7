// What is payable of a period to one member: that the part adds up and goes with the proven net.
//
// All but the net is what the state says at the size of the checkpoint; nobody looks at it here.

import { refuse } from "./errors.js";
import { most, sum } from "./fraction.js";

function agree(isRight, what) {
  if (isRight) return;
  const why = `${what} does not agree with the rest of what is payable`;
  refuse("sum-mismatch", why, { field: "payable" });
}

const total = (rows) => sum(rows.map((row) => row.amount_minor));
const isEachOnce = (ids) => new Set(ids).size === ids.length;

function checkRows(part, settlement) {
  const charges = new Map(
    settlement.steps.filter((step) => step.as === "charge").map((step) => [step.step, step.taken]),
  );
  for (const { step, amount_minor: amount } of part.repaid) {
    agree(amount > 0n && amount <= (charges.get(step) ?? 0n), `what step ${step} repays`);
    charges.delete(step);
  }
  agree(isEachOnce(part.posted.map((row) => row.id)), "what is posted");
  agree(part.posted.every((row) => row.amount_minor !== 0n), "what is posted");
  agree(isEachOnce(part.held.map((row) => row.dispute)), "what is held");
  agree(part.held.every((row) => row.amount_minor > 0n), "what is held");
  const isOpen = part.status === "settled" || part.held.length === 0;
  agree(isOpen, "what is held before it takes effect");
}

// Check a part against a member's net, the settlement, and the head under which it was said.
export function checkPayable(part, net, settlement, head) {
  if (BigInt(part.size) !== BigInt(head.size)) {
    const why = `what is payable is said of ${part.size} entries, the checkpoint of ${head.size}`;
    refuse("sum-mismatch", why, { field: "payable" });
  }
  agree(part.net_minor === net, "the net");
  checkRows(part, settlement);
  const earned = net + total(part.repaid) + total(part.posted);
  agree(part.offset_minor >= 0n && part.offset_minor <= most(0n, earned), "what is offset");
  agree(part.owing_minor === most(0n, -earned), "what is owed now");
  const rest = earned + part.owing_minor - part.offset_minor - total(part.held);
  agree(part.payable_minor === rest, "what is payable");
}
