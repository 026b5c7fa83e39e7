// What a rule set must make sense of beyond its shape: references to nothing, names that clash, and
// rules that could lose money or count it twice.

import { refuse } from "../errors.js";
import { policyOf } from "./models.js";
import { targetsOf } from "./steps.js";

const bad = (why) => refuse("malformed-rules", why);

export function checkUnique(names, what) {
  if (new Set(names).size !== names.length) bad(`${what} stands twice`);
}

export function checkInput({ metric = null, kpi = null, agg = null, default: fallback = null }) {
  if ((metric === null) === (kpi === null)) bad("an input needs either 'metric' or 'kpi'");
  if (kpi !== null && agg !== null) bad("a kpi is read, not aggregated");
  const isTotal = metric !== null && [null, "sum", "count"].includes(agg);
  if (isTotal && fallback?.n) bad("a total's default is 0");
}

// The same money must not flow into two pools; what is metered and what is money never meet.
export function checkPools(pools) {
  const fed = new Map();
  for (const [pool, { from, origin = null, unit = null }] of pools) {
    checkUnique(from, "a source");
    if (unit !== null && origin !== null) bad("only money has an origin");
    for (const source of from) {
      if (source.startsWith("total.") !== (unit !== null)) bad(`${source} does not fit ${pool}`);
      for (const one of origin ? [origin] : ["member", "other", "public"]) {
        const place = `${source} ${one}`;
        if ((fed.get(place) ?? pool) !== pool) bad(`${source} already flows into another pool`);
        fed.set(place, pool);
      }
    }
  }
}

export const isCharge = (step) => step.kind === "allocate" && step.as === "charge";

function checkSource(step, { pools }) {
  const isCost = step.source.startsWith("cost.");
  if (isCost !== isCharge(step)) bad(`${step.source}: members pay for costs only`);
  if (!isCost && !pools.has(step.source)) bad(`there is no pool ${step.source}`);
}

function checkReference(step, { pools }, before) {
  const [what, name] = (step.limit?.of ?? "").split(/\.([^]*)/);
  if (what === "step" && !before.has(name)) bad(`no step ${name} stands before ${step.id}`);
  if (what === "pool" && !pools.has(name)) bad(`there is no pool ${name}`);
}

function checkTargets(step, { pools }) {
  const unit = pools.get(step.source)?.unit ?? null;
  for (const target of targetsOf(step)) {
    if (target.startsWith("fund.")) {
      if (unit !== null) bad(`${target} holds money, but ${step.source} holds ${unit}`);
      continue;
    }
    const pool = pools.get(target.slice("pool.".length));
    if (!pool) bad(`there is no pool for ${target}`);
    if (pool.from.length) bad(`${target} is fed by a step, so it has 'from: []'`);
    if ((pool.unit ?? null) !== unit) bad(`${target} holds another unit`);
  }
}

// What a pool that holds no money can be used for.
function checkUnit(step, rules) {
  if ((rules.pools.get(step.source)?.unit ?? null) === null) return;
  if (step.kind !== "allocate") bad("what is no money can only be allocated");
  if (step.key?.kind === "quadratic") bad("projects are paid money");
  const { residualTo } = policyOf(step.rounding ?? rules.rounding);
  if (residualTo?.startsWith("fund.")) bad(`${residualTo} holds money`);
}

// Money that could come back to a pool that it was taken from.
function checkCycles(steps) {
  const feeds = new Map();
  for (const step of steps) {
    const pools = targetsOf(step).filter((target) => target.startsWith("pool."));
    const fed = pools.map((target) => target.slice("pool.".length));
    const found = new Set(fed);
    for (const name of found) for (const next of feeds.get(name) ?? []) found.add(next);
    if (found.has(step.source)) bad(`money of the pool ${step.source} would come back to it`);
    feeds.set(step.source, new Set([...(feeds.get(step.source) ?? []), ...fed]));
  }
}

// A cost recovered twice would be paid twice; one that is charged is paid for by that.
function checkCosts(steps) {
  const recovered = steps.flatMap((step) => step.costs ?? []);
  checkUnique(recovered, "a cost");
  for (const step of steps.filter(isCharge)) {
    if (recovered.includes(step.source.slice("cost.".length))) bad("a cost is recovered already");
  }
}

export function checkSteps(rules) {
  const { steps } = rules;
  const before = new Set();
  for (const step of steps) {
    if (before.has(step.id)) bad(`the step ${step.id} stands twice`);
    checkSource(step, rules);
    checkReference(step, rules, before);
    checkTargets(step, rules);
    checkUnit(step, rules);
    before.add(step.id);
  }
  checkCycles(steps);
  checkCosts(steps);
}
