// What keys and steps may look at: the period's figures and the rule set's own names.
//
// A scope is {inputs, metrics, declared, amount}; `amount` is what a key is to divide, a fraction,
// or null where it must divide everything.

import { refuse } from "./errors.js";
import { ZERO, isLess, overCommonDenominator, reduced } from "./fraction.js";
import { sortedTexts } from "./bytes.js";

export const SUSPENSE = "suspense";
export const TOWN = "_";

// What is behind a rule set's `input` name; others stand for themselves in `table`.
export function measured(scope, name, table = "totals") {
  return scope.metrics.get(name) ?? { table, name, fallback: null, stated: false };
}

// Totals by member under an `input` name; empty when nothing was recorded, which is not taken for 0
// where the total must be stated.
export function totalsOf(scope, name, isStated = false) {
  const found = measured(scope, name);
  if (found.table !== "totals") refuse("infeasible", `${name} stands for readings`);
  const row = scope.inputs.totals.get(found.name);
  if (!row && found.fallback === null && (isStated || found.stated)) {
    refuse("infeasible", `nobody metered or reported ${found.name}`);
  }
  return row ?? new Map();
}

export function requireMembers(names, scope) {
  const known = scope.known;
  const unknown = sortedTexts(new Set(names)).filter((id) => !known.has(id));
  if (unknown.length) {
    const listed = unknown.join(", ");
    refuse("unknown-field", `the rule names ${listed}, not among this period's members`);
  }
}

// The members whom a restriction leaves out.
export function outsideOf(members, scope) {
  if (!members) return new Set();
  requireMembers(members, scope);
  const named = new Set(members);
  return new Set(scope.inputs.members.filter((id) => !named.has(id)));
}

// Who is left out where firms count: also suspense, and whoever is only owed something.
export function noHeads(members, scope) {
  const outside = outsideOf(members, scope);
  if (!members) {
    for (const id of [SUSPENSE, ...scope.inputs.beside]) if (scope.known.has(id)) outside.add(id);
  }
  return outside;
}

// Weights are {numerators, denominator, outside, allocated, notes, recipients}.
export function weightsOf(numerators, denominator, outside, more = {}) {
  const nothing = { allocated: null, notes: [], recipients: null };
  return { numerators, denominator, outside, ...nothing, ...more };
}

export const reducedWeights = (numerators, denominator, outside, more) =>
  weightsOf(...reduced(numerators, denominator), outside, more);

// Figures (fractions) in the members' order over a common denominator; 0 where none is given.
export function listed(values, scope, outside) {
  const found = scope.inputs.members.map((id) => (outside.has(id) ? ZERO : values.get(id) ?? ZERO));
  if (found.some((value) => isLess(value, ZERO))) refuse("infeasible", "a weight is negative");
  return overCommonDenominator(found);
}

export const weighBy = (values, scope, outside, more) =>
  weightsOf(...listed(values, scope, outside), outside, more);

// Weight 1 for everybody who takes part.
export function weighHeads(scope, members) {
  const outside = noHeads(members, scope);
  return weightsOf(scope.inputs.members.map((id) => (outside.has(id) ? 0n : 1n)), 1n, outside);
}

// The size of what is divided, in a step that a part can be left of.
export function amountOf(scope) {
  if (scope.amount === null) refuse("infeasible", "the key may leave a part over");
  const { n, d } = scope.amount;
  return { n: n < 0n ? -n : n, d };
}
