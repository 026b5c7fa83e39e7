// Legal-form profiles: what a form of association asks of a rule set. These are checks of
// arithmetic and order, not legal advice.

import { refuse } from "../errors.js";
import { ONE, ZERO, fraction, isLess, isSame, minus, plus, times, total } from "../fraction.js";
import { filled, count, date, fund, memberName, outside, proportion } from "./models.js";
import { keysOf, targetsOf } from "./steps.js";
import { list, nullable, object, text } from "../schema.js";

const bad = (why) => refuse("malformed-rules", why);
const writing = text({ min: 1, max: 2000 });

export const articles = nullable(object(
  { reserve: fund, reserve_ceiling: count, paid_capital: count },
  { education: nullable(fund), employment: nullable(fund), work: list(outside) },
));
export const llp = nullable(object({
  capital_ratio: filled(proportion, memberName), split: writing, reason: writing, from: date,
}));

// How much of a pool's surplus a reserve surely takes: nothing, if it need not take it. Only the
// statutory reserve may stop at a balance, for the articles state its ceiling.
function putAside(step, standing, statutory) {
  let part = ZERO;
  const stops = (step.until_balance ?? null) !== null && step.to !== statutory;
  if (step.rate?.percent && !step.limit && !step.when && !stops) {
    const isWhole = step.rate.ofOpening || step.of === "opening";
    part = isWhole ? step.rate.percent : times(step.rate.percent, standing.left);
  }
  standing.aside.set(step.to, plus(standing.aside.get(step.to) ?? ZERO, part));
  standing.left = minus(standing.left, part);
}

// What is sure of a pool that is fed from two others.
function joined(a, b) {
  const least = (x, y) => (isLess(y, x) ? y : x);
  const both = [...a.aside].filter(([fund]) => b.aside.has(fund));
  return {
    left: isLess(a.left, b.left) ? b.left : a.left,
    aside: new Map(both.map(([fund, part]) => [fund, least(part, b.aside.get(fund))])),
    isLate: a.isLate || b.isLate,
    origin: a.origin === b.origin ? a.origin : null,
  };
}

const DISTRIBUTING = ["allocate", "guarantee"];

// Every step that pays members of a pool by a key or a claim, with what earlier steps put aside.
function* distributions({ pools, steps }, statutory) {
  const standings = new Map([...pools].map(([name, { origin = null }]) =>
    [name, { left: ONE, aside: new Map(), isLate: false, origin }]));
  const fed = new Set();
  for (const step of steps) {
    const standing = standings.get(step.source);
    if (!standing) continue;
    const isOfCosts = step.kind === "recover_cost";
    const pays = isOfCosts ? step.key : DISTRIBUTING.includes(step.kind) && !step.split;
    if (pays) yield { step, standing, isOfCosts };
    if (step.kind === "reserve") putAside(step, standing, statutory);
    else if (isOfCosts && standing.aside.size) standing.isLate = true;
    for (const target of targetsOf(step).filter((account) => account.startsWith("pool."))) {
      const name = target.slice("pool.".length);
      if (!standings.has(name)) continue;
      const copy = { ...standing, aside: new Map(standing.aside) };
      standings.set(name, fed.has(name) ? joined(copy, standings.get(name)) : copy);
      fed.add(name);
    }
  }
}

// Statutory funds first, costs before them, members' own money only, and by the law's measure only.
function checkDistribution({ step, standing, isOfCosts }, duties) {
  if (!isOfCosts && standing.isLate) bad(`costs come before what is put aside: ${step.id}`);
  for (const [name, least] of isOfCosts ? [] : duties) {
    if (name && isLess(standing.aside.get(name) ?? ZERO, least)) bad(`${name} gets too little`);
  }
  if (standing.origin !== "member") bad(`${step.id} divides a pool that is not members' own`);
  const isFixed = step.kind === "guarantee" || step.if_no_weight === "equal" ||
    (step.bounds?.floor ?? null) !== null || step.bounds?.cap instanceof Map;
  if (isFixed) bad(`${step.id} pays members whatever the law's measure gives them`);
  if (keysOf(step).some((key) => key.members)) bad(`${step.id} leaves some members out`);
}

function checkCeiling({ articles: found, steps }) {
  if (2 * found.reserve_ceiling < found.paid_capital) bad("the ceiling of the reserve is too low");
  for (const { kind, to, until_balance: until = null } of steps) {
    const isEarly = until !== null && until < found.reserve_ceiling;
    if (kind === "reserve" && to === found.reserve && isEarly) bad("a reserve stops too early");
  }
}

const [TENTH, TWENTIETH] = [fraction(1n, 10n), fraction(1n, 20n)];

function smeCoop(rules) {
  const found = rules.articles ?? bad("the rule set must say what the articles fix");
  checkCeiling(rules);
  const duties = [[found.reserve, TENTH], [found.education, TWENTIETH]];
  const byUse = ["patronage", "proportional", "tiered", "pro_rata", "user_centric"];
  let onCapital = 0n;
  for (const one of distributions(rules, found.reserve)) {
    checkDistribution(one, duties);
    const { id, key: single, limit } = one.step;
    const others = keysOf(one.step).filter(({ kind }) => kind !== "capital");
    if (others.some(({ kind }) => !byUse.includes(kind))) bad(`${id} divides by another key`);
    if (others.length === keysOf(one.step).length) continue;
    // All steps together at most a twelfth of 10 % of the paid capital a month.
    onCapital += limit?.amount ?? 0n;
    const isWithin = limit?.amount !== undefined && onCapital * 120n <= BigInt(found.paid_capital);
    if (!single || !isWithin) bad("a dividend on capital is at most 10 % a year");
  }
}

function workerCoop(rules) {
  const found = rules.articles ?? bad("the rule set must say what the articles fix");
  checkCeiling(rules);
  if (!found.employment || !found.education) bad("a fund of the articles is not named");
  const duties = [
    [found.reserve, TENTH], [found.employment, TWENTIETH], [found.education, TWENTIETH],
  ];
  for (const one of distributions(rules, found.reserve)) {
    checkDistribution(one, duties);
    const keys = keysOf(one.step);
    const isWork = (key) => ["proportional", "patronage", "tiered"].includes(key.kind) &&
      (found.work ?? []).includes(key.input);
    if (!keys.length || !keys.every(isWork)) bad(`${one.step.id} pays other than by work`);
  }
}

// Whether partners share otherwise than by the ratio of all their capital: by another key, some of
// them only, within bounds, by heads, by a sum fixed beforehand, by a key for what was borne, or
// where one of them takes what rounding leaves.
function departs({ steps, rounding }) {
  const isRatio = (key) => key.kind === "capital" && (key.asset ?? null) === null &&
    (key.members ?? null) === null && !key.time_weighted;
  return steps.some((step) => {
    const keys = keysOf(step);
    if (step.kind === "guarantee") return true;
    if (!keys.length) return false;
    const account = (step.rounding ?? rounding)?.half_even_residual_to ?? "fund.";
    return step.kind === "recover_cost" || !keys.every(isRatio) ||
      (step.bounds ?? null) !== null || step.if_no_weight === "equal" ||
      !account.startsWith("fund.");
  });
}

function checkLlp(rules) {
  const found = rules.llp ?? null;
  if (found === null) {
    if (departs(rules)) bad("partners share by capital unless a writing says otherwise");
    return;
  }
  if (found.from > rules.effective_from) bad("the writing is not in force yet");
  if (!isSame(total([...found.capital_ratio.values()]), ONE)) bad("the ratios do not add up to 1");
}

const PROFILES = {
  generic: () => {}, "jp-sme-coop": smeCoop, "jp-worker-coop": workerCoop, "jp-llp": checkLlp,
};
export const PROFILE_NAMES = Object.keys(PROFILES);

export function checkProfile(rules) {
  PROFILES[rules.profile ?? "generic"](rules);
}

// Whether by the profile's law every member must agree to these rules.
export const needsEverybody = (rules) => rules.profile === "jp-llp" && departs(rules);
