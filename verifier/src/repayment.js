// Who gets what members are charged of a cost: those who bore it.

import { divide } from "./rounding.js";
import { policyOf } from "./rules/models.js";

// By charge step what each bearer is repaid: each step's money is divided by what is not repaid to
// them yet, so nobody gets more than it bore. `costs` is what each member bore, by the cost's id.
export function repayments(steps, costs) {
  const unpaid = new Map([...costs].map(([name, row]) => [name, new Map(row)]));
  const found = new Map();
  for (const { step, isCharge, taken, source } of steps) {
    if (!isCharge || !taken) continue;
    const row = unpaid.get(source.slice("cost.".length));
    const members = [...row.keys()];
    const declared = members.map((_, index) => index);
    const { amounts } = divide(taken, [...row.values()], members, policyOf({}), declared);
    found.set(step, new Map(members.map((id, i) => [id, amounts[i]]).filter(([, one]) => one)));
    for (const [id, amount] of found.get(step)) row.set(id, row.get(id) - amount);
  }
  return found;
}
