// Reports that take the place of confirmed ones, before the cut-off: revenue, cost, KPI, figures.
//
// A replacement names the entry of the report that counts now, and is confirmed like any report.
// With it the other replacements of the figure that wait fall.

import { parseEnvelope } from "./envelope.js";
import { Refusal, refuse } from "./errors.js";

const IDENTITY = ["period", "asset", "section", "id", "member"];

// The period or asset, the section, the id, and whose a report is, as far as a body has them.
export const identityOf = (body) => IDENTITY.map((name) => body.get(name)).join("\n");

// The body of the entry that is named, if it is of the same kind.
function reported(step, index) {
  try {
    const found = parseEnvelope(step.evidence.entry(index));
    return found.kind === step.entry.kind ? found.body : null;
  } catch (error) {
    if (error instanceof Refusal && error.code === "not-found") return null;
    throw error;
  }
}

export function checkFree(body, what, isConfirmed) {
  const isReplacing = body.replaces !== undefined;
  if (isConfirmed && !isReplacing) refuse("duplicate-id", `${what} is confirmed already`);
  if (!isConfirmed && isReplacing) refuse("conflict", `${what} is not confirmed`);
}

// Whether `body`, a map as it was signed, has all the fields of a report that counts.
const has = (body, current) => [...current].every(([name, value]) => isSame(body.get(name), value));

function isSame(a, b) {
  if (!(a instanceof Map) || !(b instanceof Map)) return a === b;
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

// `current` are the fields that count now, by name, or null.
export function checkReport(step, body, current, what) {
  checkFree(body, what, current !== null);
  if (current === null) return;
  const found = body.replaces < step.index ? reported(step, body.replaces) : null;
  if (found === null || identityOf(found) !== identityOf(step.entry.body)) {
    refuse("conflict", `entry ${body.replaces} is no report of ${what}`);
  }
  if (!has(found, current)) {
    refuse("conflict", `entry ${body.replaces} is not the report of ${what} that counts now`);
  }
  if (has(step.entry.body, current)) refuse("conflict", `${what} is that already`);
}

export function dropOutdated(state, done) {
  const wanted = identityOf(done.body);
  const kept = [...state.proposals].filter(([, one]) =>
    !one.body.has("replaces") || one.kind !== done.kind || identityOf(one.body) !== wanted);
  return { ...state, proposals: new Map(kept) };
}
