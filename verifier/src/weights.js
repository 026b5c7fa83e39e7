// Whether the weights that a member statement tells follow from the figures that it names.
//
// The statement brings the rule set, whose hash the settlement states. Where a key takes a figure
// as it is, the member's weight is the sum of its figures; other keys only an auditor computes.

import { toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { isSame, text, total } from "./fraction.js";
import { canonicalDigest } from "./json.js";

const bad = (why) => refuse("sum-mismatch", why);

function takesFigures(key) {
  if (!(key instanceof Map)) return false;
  const kind = key.get("kind");
  return kind === "proportional" || (kind === "capital" && !key.get("time_weighted"));
}

function checkWeight(own, step, part, sources) {
  const line = own.lines.find((one) => one.step === step && one.part === part);
  const sum = total(sources.map((source) => source.value));
  if (line && !isSame(line.weight, sum)) {
    bad(`step ${step}: the figures add up to ${text(sum)}, the weight is ${text(line.weight)}`);
  }
}

export function checkWeights(own, rules) {
  const isTheirs = rules instanceof Map &&
    toHex(canonicalDigest(rules)) === own.settlement.get("rule_hash");
  if (!isTheirs) bad("the rules in the statement are not those of the settlement");
  const written = new Map(rules.get("steps").map((step) => [step.get("id"), step]));
  for (const mine of own.steps) {
    const step = written.get(mine.step) ?? bad(`the rules have no step ${mine.step}`);
    const isPlain = (mine.basis ?? null) === null && takesFigures(step.get("key"));
    if (isPlain) checkWeight(own, mine.step, null, mine.sources);
    const parts = step.get("parts") ?? [];
    const keys = new Map(parts.map((part) => [part.get("id"), part.get("key")]));
    for (const { part, sources } of mine.parts) {
      if (takesFigures(keys.get(part))) checkWeight(own, mine.step, part, sources);
    }
  }
}
