// Legal-form profiles: what a form of association asks of a rule set. These are checks of
// arithmetic and order, not legal advice.

import { refuse } from "../errors.js";
import { ONE, ZERO, fraction, isLess, isSame, minus, plus, times, total } from "../fraction.js";
import { filled, count, date, fund, memberName, outside, proportion } from "./models.js";
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

// How much of a pool's surplus a reserve surely takes: nothing, if it need not take it.
function putAside(step, standing) {
  let part = ZERO;
  if (step.rate?.percent && !step.limit && !step.when) {
    const isWhole = step.rate.ofOpening || step.of === "opening";
    part = isWhole ? step.rate.percent : times(step.rate.percent, standing.left);
  }
  standing.aside.set(step.to, plus(standing.aside.get(step.to) ?? ZERO, part));
  standing.left = minus(standing.left, part);
}

// Every step that pays members of a pool, with what earlier steps put aside of it.
function* distributions({ pools, steps }) {
  const standings = new Map([...pools].map(([name, { origin = null }]) =>
    [name, { left: ONE, aside: new Map(), isLate: false, origin }]));
  for (const [index, step] of steps.entries()) {
    const standing = standings.get(step.source);
    if (!standing) continue;
    if (step.split) {
      for (const target of step.split.keys()) {
        const name = target.startsWith("pool.") ? target.slice(5) : null;
        if (standings.has(name)) {
          standings.set(name, { ...standing, aside: new Map(standing.aside) });
        }
      }
    } else if (step.kind === "allocate" || step.kind === "guarantee") {
      yield { index, step, standing };
    } else if (step.kind === "reserve") putAside(step, standing);
    else if (step.kind === "recover_cost" && standing.aside.size) standing.isLate = true;
  }
}

const keysOf = (step) => [...(step.key ? [step.key] : []), ...(step.parts ?? []).map((p) => p.key)];

// Statutory funds first, costs before them, and members' own money only.
function checkDistribution({ step, standing }, duties) {
  if (standing.isLate) bad(`costs come before what is put aside: ${step.id}`);
  for (const [name, least] of duties) {
    if (name && isLess(standing.aside.get(name) ?? ZERO, least)) bad(`${name} gets too little`);
  }
  if (standing.origin !== "member") bad(`${step.id} divides a pool that is not members' own`);
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
  for (const one of distributions(rules)) {
    checkDistribution(one, duties);
    for (const key of keysOf(one.step)) {
      if (key.kind !== "capital") {
        if (!byUse.includes(key.kind)) bad(`${one.step.id} divides by ${key.kind}`);
        continue;
      }
      // At most a twelfth of 10 % of the paid capital a month.
      const amount = one.step.limit?.amount;
      const isWithin = amount !== undefined && amount * 120n <= BigInt(found.paid_capital);
      if (!one.step.key || !isWithin) bad("a dividend on capital is at most 10 % a year");
    }
  }
}

function workerCoop(rules) {
  const found = rules.articles ?? bad("the rule set must say what the articles fix");
  checkCeiling(rules);
  if (!found.employment || !found.education) bad("a fund of the articles is not named");
  const duties = [
    [found.reserve, TENTH], [found.employment, TWENTIETH], [found.education, TWENTIETH],
  ];
  for (const one of distributions(rules)) {
    checkDistribution(one, duties);
    const keys = keysOf(one.step);
    const isWork = (key) => ["proportional", "patronage", "tiered"].includes(key.kind) &&
      (found.work ?? []).includes(key.input);
    if (!keys.length || !keys.every(isWork)) bad(`${one.step.id} pays other than by work`);
  }
}

// Whether partners share otherwise than by the ratio of their capital.
function departs(rules) {
  const isOther = (key) =>
    key.kind !== "capital" || (key.asset ?? null) !== null || Boolean(key.time_weighted);
  return [...distributions(rules)].some(({ step }) => {
    const keys = keysOf(step);
    return !keys.length || keys.some(isOther);
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
