// Figures of a run's inputs by their place, for disputes: read as they are, or set otherwise.

import { integerJson } from "./fraction.js";
import { refuse } from "./errors.js";

const ENDS = { revenue: ["amount_minor"], kpis: ["value"] };
const BY_ACCOUNT = ["totals", "costs", "funding", "matrices"];

function pathOf(where) {
  const [table, ...names] = where.split("/");
  return [table, ...names, ...(ENDS[table] ?? [])];
}

export function figureAt(document, where) {
  const path = pathOf(where);
  const isByAccount = BY_ACCOUNT.includes(path[0]);
  if (isByAccount && !document.get("members").includes(path.at(-1))) {
    refuse("not-found", `${path.at(-1)} has no part in this settlement`);
  }
  const found = path.reduce((value, name, at) => {
    const fallback = isByAccount && at === path.length - 1 ? 0 : null;
    return value.get(name) ?? fallback ??
      refuse("not-found", `the settlement has no figure ${where}`);
  }, document);
  const isWhole = typeof found === "number" || /^-?[0-9]+$/.test(found);
  return isWhole ? BigInt(found) : refuse("out-of-range", `${where} is no whole number`);
}

// Change one figure of the inputs; the tables that it stands in are the state's, and stay.
export function amend(document, where, change) {
  const amount = integerJson(figureAt(document, where) + change);
  const set = (tree, [name, ...rest]) =>
    new Map(tree).set(name, rest.length ? set(tree.get(name), rest) : amount);
  return set(document, pathOf(where));
}
