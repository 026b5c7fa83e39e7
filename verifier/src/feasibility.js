// Whether a month can be settled: judged before its cut-off makes it final. One that its rules
// cannot divide, or with money that would fall by the wayside, must not be closed.

import { refuse } from "./errors.js";
import { readInputs } from "./inputs.js";
import { metricOf, namesUsed } from "./rules.js";
import { rulesOf } from "./rulesets.js";
import { buildSettlement } from "./settlement.js";
import { inputsDocument, usageByName } from "./settlements.js";
import { balancesOf } from "./state.js";
import { CHARGE } from "./totals.js";

export function checkFeasible(state, period, evidence) {
  const rules = rulesOf(state, period, evidence);
  const totals = evidence.totals(period.id, 1);
  const recovered = namesUsed(rules).costs;
  const bad = (why) => refuse("infeasible", `${period.id} cannot be closed: ${why}`);
  for (const [what, rows] of [["revenue", period.revenue], ["cost", period.costs]]) {
    for (const [name, row] of rows) {
      if (row.currency !== rules.currency) bad(`${what} ${name} is in ${row.currency}`);
      if (what === "cost" && !recovered.has(name)) bad(`no step recovers the cost ${name}`);
    }
  }
  checkCharges(totals, rules, bad);
  checkRevenue(period, rules, bad);
  const before = balancesOf(state, rules.currency);
  const run = { totals, balances: before, amended: new Map() };
  const inputs = readInputs(inputsDocument(period, rules, run, evidence));
  const facts = { period: period.id, index: 0, logRoot: "", stateHash: "" };
  buildSettlement(facts, rules, inputs, new Uint8Array(32));
}

// A revenue of which nothing is confirmed, not even 0, may have been forgotten.
function checkRevenue(period, rules, bad) {
  for (const { from, if_missing: ifMissing = "error" } of rules.pools.values()) {
    for (const source of ifMissing === "error" ? from : []) {
      const name = source.slice("revenue.".length);
      if (source.startsWith("revenue.") && !period.revenue.has(name)) {
        bad(`nothing of the revenue ${name} is confirmed`);
      }
    }
  }
}

// Every metered charge needs a pool that takes it or a key that weighs it.
export function checkCharges(totals, rules, bad) {
  const placed = new Set();
  for (const { from, origin = null } of rules.pools.values()) {
    if (origin === null || origin === "member") from.forEach((source) => placed.add(source));
  }
  for (const step of rules.steps) {
    for (const key of [step.key, ...(step.parts ?? []).map((part) => part.key)]) {
      if (key?.input) placed.add(metricOf(rules, key.input));
    }
    if (step.limit?.of?.startsWith("total.") && step.kind !== "citizens_fund") {
      placed.add(metricOf(rules, step.limit.of.slice("total.".length)));
    }
  }
  for (const currency of new Set(totals.map((row) => row.currency).filter((text) => text))) {
    for (const [name, row] of usageByName(totals, currency)) {
      if (!name.startsWith(CHARGE) || ![...row.values()].some((amount) => amount)) continue;
      if (currency !== rules.currency) bad(`${name} was metered in ${currency}`);
      if (!placed.has(name)) bad(`no pool takes ${name}`);
    }
  }
}
