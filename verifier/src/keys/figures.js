// Figures by member behind an `input` name: totals, where who is not named has 0, and readings,
// of which a missing one is never taken for 0.

import { refuse } from "../errors.js";
import { TOWN, measured, noHeads, outsideOf, totalsOf } from "../scope.js";

// Who is left out of a key on `name`: readings are of firms, totals of accounts.
export function takesPart(members, scope, name) {
  const isTotal = measured(scope, name).table === "totals";
  return isTotal ? outsideOf(members, scope) : noHeads(members, scope);
}

// The reading of everybody who is `needed`, and those of the others who have one.
export function readings(found, scope, needed) {
  const given = scope.inputs.kpis.get(found.name) ?? new Map();
  const isTowns = given.size === 1 && given.has(TOWN);
  const common = isTowns ? given.get(TOWN) : found.fallback;
  const values = new Map([...given].filter(([member]) => member !== TOWN));
  const missing = needed.filter((member) => !values.has(member));
  if (missing.length && common === null) {
    refuse("infeasible", `no reading of ${found.name} for ${missing.slice(0, 10).join(", ")}`);
  }
  for (const member of missing) values.set(member, common);
  return values;
}

// The figure of every member that is not `outside`, and perhaps of others.
export function figures(name, scope, outside) {
  const found = measured(scope, name);
  if (found.table === "totals") return totalsOf(scope, name);
  return readings(found, scope, scope.inputs.members.filter((id) => !outside.has(id)));
}
