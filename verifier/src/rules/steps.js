// The steps of the rule language: their shapes, and what must make sense in each alone.

import { refuse } from "../errors.js";
import { ONE, ZERO, fraction, isLess, isSame, minus, plus, sum, times, total } from
  "../fraction.js";
import { list, nullable, object, oneOf, record } from "../schema.js";
import { SUSPENSE } from "../scope.js";
import { boundMembers, ownBound } from "../steps/bounding.js";
import { checkKey, isPartial, key, openAndSum } from "./keys.js";
import {
  account, bound, byKind, checkRounding, count, filled, flag, fund, label, limit, memberName, name,
  oneOrMap, outside, rate, reading, rounding, shortRule, weight, weightOrRemaining,
} from "./models.js";

const bad = (why) => refuse("malformed-rules", why);
const common = {
  limit: nullable(limit), of: oneOf("entry", "opening"), rounding: nullable(rounding), label,
  when: nullable(object({ kpi: outside, at_least: reading })),
  tax: nullable(oneOf("none", "taxable_sale", "sales_return", "purchase_return")),
};
const head = (kind) => ({ kind: oneOf(kind), id: name, source: outside });
const part = object({ id: name, weight, key }, { label });
const oneBound = nullable(oneOrMap(bound, record(bound, memberName)));
const bounds = object({}, { cap: oneBound, floor: oneBound });
const overflow = oneOrMap(oneOf("error", "carry", "redistribute"), object({ to: account }));

export const step = byKind({
  recover_cost: object(
    { ...head("recover_cost"), costs: list(outside, 1) },
    {
      ...common, pay: nullable(oneOf("payers")), key: nullable(key), carry_forward: flag,
      short_rule: shortRule,
    },
  ),
  reserve: object(
    { ...head("reserve"), to: fund },
    {
      ...common, rate: nullable(rate), amount: nullable(count), until_balance: nullable(count),
      round: oneOf("floor"),
    },
  ),
  guarantee: object(
    { ...head("guarantee"), claims: filled(count, memberName) },
    { ...common, short_rule: shortRule, recoup: oneOf("none", "next_periods") },
  ),
  allocate: object(
    head("allocate"),
    {
      ...common, key: nullable(key), parts: nullable(list(part, 1)),
      split: nullable(filled(weightOrRemaining, account)), bounds: nullable(bounds),
      overflow: nullable(overflow), short_rule: nullable(shortRule),
      if_no_weight: oneOf("error", "carry", "equal"), as: nullable(oneOf("charge")),
    },
  ),
  citizens_fund: object(
    {
      ...head("citizens_fund"), ballots: outside,
      method: oneOf("greedy", "equal_shares", "quadratic"),
    },
    {
      ...common, utility: nullable(oneOf("cost", "cardinality")),
      completion: nullable(oneOf("greedy")), scale_up: flag,
    },
  ),
});

export function keysOf(one) {
  return [...(one.parts ?? []).map((found) => found.key), one.key].filter((found) => found);
}

// The funds and pools that a step may pay into.
export function targetsOf(one) {
  if (one.kind === "reserve") return [one.to];
  return [...(one.split?.keys() ?? []), ...(one.overflow?.to ? [one.overflow.to] : [])];
}

function checkReserve(one) {
  const given = (field) => (one[field] ?? null) !== null;
  if (given("rate") === given("amount")) bad("a reserve needs either 'rate' or 'amount'");
}

function checkRecoverCost(one) {
  if (!one.key) return;
  if (isPartial(one.key)) bad("the key may leave a part over");
  if (one.pay) bad("either 'pay: payers' or a 'key', not both");
  if ((one.short_rule ?? "proportional") !== "proportional") bad("a short rule with a key");
  if (one.key.kind === "quadratic") bad("a quadratic key pays projects");
}

function checkCitizensFund(one) {
  const belongs = { utility: "equal_shares", completion: "equal_shares", scale_up: "quadratic" };
  for (const [field, method] of Object.entries(belongs)) {
    if (one[field] && one.method !== method) bad(`${field} belongs to the method ${method}`);
  }
}

function checkSplit(one) {
  const [open, whole] = openAndSum(one.split);
  if (open > 1) bad("only one target may take what is 'remaining'");
  if (open === 1 && isLess(ONE, whole)) bad("nothing remains");
  if (open === 0 && !isSame(whole, ONE)) bad("the parts do not add up to 1");
  if (one.bounds || one.overflow) bad("a split pays no members, so nothing is bounded");
  if (one.as) bad("members are charged by a 'key' or 'parts', not by a split");
}

function checkParts(parts) {
  if (total(parts.map((found) => found.weight)).n === 0n) bad("the parts weigh nothing");
  if (new Set(parts.map((found) => found.id)).size !== parts.length) bad("a part stands twice");
  if (parts.some((found) => found.key.kind === "quadratic")) bad("a quadratic key stands alone");
}

function checkProjects(one) {
  if (one.as) bad("projects are paid, not charged");
  if (one.bounds?.floor) bad("projects have no floor");
  if (one.bounds?.cap instanceof Map) bad("the cap of a match is one value for all projects");
}

function checkAllocate(one) {
  if ([one.key, one.parts, one.split].filter((found) => found).length !== 1) {
    bad("an allocation needs either 'key' or 'parts' or 'split'");
  }
  if (one.parts) checkParts(one.parts);
  if (one.split) checkSplit(one);
  if (one.as && one.overflow?.to) bad("what the caps of a charge leave over stays in the cost");
  if (one.key?.kind === "quadratic") checkProjects(one);
  if (one.short_rule && !one.bounds?.floor) bad("a short rule of an allocation is for its floors");
  if (one.bounds) checkBounds(one);
}

// The members to whom every key is restricted, or null.
function restricted(one) {
  const lists = keysOf(one).map((found) => found.members ?? null);
  return lists.includes(null) ? null : new Set(lists.flat());
}

// Bounds that no amount can keep to, as far as the rule set alone shows.
function checkBounds(one) {
  const [cap, floor] = [one.bounds.cap ?? null, one.bounds.floor ?? null];
  const named = restricted(one);
  if (cap === null && floor === null) bad("bounds need a 'cap' or a 'floor'");
  if (named && [...boundMembers(one.bounds)].some((id) => !named.has(id))) {
    bad("a bound is given to somebody whom the key leaves out");
  }
  checkCrossing(cap, floor);
  if (!one.short_rule && floor instanceof Map) checkFloors([...floor.values()], one.limit);
  checkShared(one, named);
}

// What `named` members, if they are known, cannot keep to of a bound that is one for everybody.
function checkShared(one, named) {
  const [cap, floor] = [one.bounds.cap ?? null, one.bounds.floor ?? null];
  if (!one.short_rule && floor !== null && !(floor instanceof Map)) {
    const heads = [...(named ?? [])].filter((id) => id !== SUSPENSE);
    checkFloors(heads.map(() => floor), one.limit);
  }
  const isKept = (one.overflow ?? "error") === "error";
  if (isKept && cap !== null && !(cap instanceof Map) && named && cap.percent) {
    const most = times(cap.percent, fraction(BigInt(named.size)));
    if (isLess(most, ONE)) bad("the caps of all members are less than everything");
  }
}

// The same with the members of a co-op, for the steps that leave nobody out.
export function checkHeadcount({ steps }, members) {
  const heads = new Set([...members].filter((id) => id !== SUSPENSE));
  if (!heads.size) return;
  for (const one of steps) {
    // The cap of a quadratic match is the projects', however many members there are.
    if (one.kind !== "allocate" || !one.bounds || one.key?.kind === "quadratic") continue;
    if (restricted(one) === null) checkShared(one, heads);
  }
}

function checkCrossing(cap, floor) {
  const nobody = new Set();
  const keys = [cap, floor].flatMap((one) => (one instanceof Map ? [...one.keys()] : []));
  for (const id of keys.length ? new Set(keys) : [""]) {
    const [low, high] = [ownBound(floor, id, nobody), ownBound(cap, id, nobody)];
    if (low === null || high === null) continue;
    const isAbove = low.percent && high.percent
      ? isLess(high.percent, low.percent)
      : !low.percent && !high.percent && low.amount > high.amount;
    if (isAbove) bad("a floor is above its cap");
  }
}

function checkFloors(floors, found) {
  const parts = floors.reduce((all, one) => plus(all, one.percent ?? ZERO), ZERO);
  const units = sum(floors.map((one) => one.amount ?? 0n));
  if (isLess(ONE, parts)) bad("the floors are more than all of the amount");
  const most = found?.amount;
  if (most === undefined) return;
  const room = times(fraction(most), minus(ONE, parts));
  if (isLess(room, fraction(units))) bad("the floors are more than the limit leaves for them");
}

const CHECKS = {
  recover_cost: checkRecoverCost, reserve: checkReserve, allocate: checkAllocate,
  citizens_fund: checkCitizensFund,
};

export function checkStep(one) {
  if (one.rounding) checkRounding(one.rounding);
  keysOf(one).forEach(checkKey);
  CHECKS[one.kind]?.(one);
}
