// The life of a period: opened, closing, closed, proposed, approved, settled; rule sets; and
// settlements, computed again from what the co-op knew at the cut-off.

import { equalBytes, sortedTexts, toHex } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { refuse } from "./errors.js";
import { dropUnconfirmed, sortedMap } from "./facts.js";
import { integerJson } from "./fraction.js";
import { readInputs } from "./inputs.js";
import { canonicalDigest, encodeCanonical } from "./json.js";
import { electors, neededOf, propose } from "./proposals.js";
import { metricOf, namesUsed, parseRules } from "./rules.js";
import { buildSettlement } from "./settlement.js";
import { SUSPENSE, digitsOf, periodOf, stateHash, withKey, withPeriod } from "./state.js";
import { ofRules, ofSettlement } from "./subjects.js";
import { addDays, isPlausibleMonth, nextMonth } from "./time.js";
import { CHARGE, SALT_BYTES } from "./totals.js";

// Opening and closing.

export function openPeriod(step, body) {
  const { state } = step;
  if (state.periods.has(body.period)) {
    refuse("duplicate-id", `the period ${body.period} is open already`);
  }
  if (!(body.start < body.end) || !isPlausibleMonth(body.period, body.start, body.end)) {
    refuse("out-of-range", `${body.start} to ${body.end} is not ${body.period}`);
  }
  for (const other of state.periods.values()) {
    if (body.start < other.end && other.start < body.end) {
      refuse("conflict", `${body.period} would overlap ${other.id}`);
    }
  }
  checkNeighbours(state, body);
  const period = {
    id: body.period, start: body.start, end: body.end, status: "open", epoch: 0, closing_at: null,
    cut_off: null, settlement: null, proposed_at: null, currency: null, pending: null,
    revenue: new Map(), costs: new Map(), usage: new Map(), confirmed: new Map(),
  };
  return withPeriod(state, period);
}

// A month begins at the instant at which the month before it ends.
function checkNeighbours(state, body) {
  const follows = (one, other) => nextMonth(one) === `${other}-01`;
  for (const other of state.periods.values()) {
    const isGap = (follows(other.id, body.period) && other.end !== body.start) ||
      (follows(body.period, other.id) && other.start !== body.end);
    if (isGap) refuse("out-of-range", `${body.period} does not meet ${other.id}`);
  }
}

export function beginClosing(step, body) {
  const period = periodOf(step.state, body.period);
  if (period.status !== "open") refuse("period-closed", `${body.period} is ${period.status}`);
  if (step.now < period.end) refuse("period-closed", `${body.period} ends at ${period.end}`);
  return withPeriod(step.state, { ...period, status: "closing", closing_at: step.now });
}

export function closePeriod(step, body) {
  const { state } = step;
  const period = periodOf(state, body.period);
  if (period.status !== "closing") refuse("period-closed", `${body.period} is ${period.status}`);
  const graceEnds = addDays(period.closing_at, state.charter.terms.period.grace_days);
  if (step.now < graceEnds) {
    refuse("period-closed", `the grace time of ${body.period} ends at ${graceEnds}`);
  }
  const closed = { ...period, status: "closed", epoch: 1, cut_off: cutOffOf(step, period) };
  const after = dropUnconfirmed(withPeriod(state, closed), period.id);
  checkFeasible(after, closed, step.evidence);
  return after;
}

function cutOffOf(step, period) {
  const { state } = step;
  const unconfirmed = [...period.usage].filter(
    ([account, usage]) => account !== SUSPENSE && period.confirmed.get(account) !== usage.digest,
  );
  return {
    index: step.index,
    log_root: toHex(state.frontier.root()),
    state_hash: toHex(stateHash(state)),
    rule_hash: rulesInForce(state, period).rule_hash,
    unconfirmed: sortedTexts(unconfirmed.map(([account]) => account)),
    facts: factsOf(state, period),
  };
}

function wasMember(member, period) {
  const joinedInTime = member.joined < period.end || member.founder;
  return joinedInTime && (member.left === null || member.left >= period.start);
}

function factsOf(state, period) {
  const sharing = new Set();
  for (const member of state.members.values()) {
    if (member.roles.includes("member") && wasMember(member, period)) sharing.add(member.id);
  }
  // A town that funds an asset, or whoever bore a cost, takes part without the role of a member.
  const tables = [...state.funding.values()].map((asset) => asset.amounts);
  tables.push(...[...period.costs.values()].map((cost) => cost.borne));
  for (const table of tables) for (const id of table.keys()) sharing.add(id);
  const { revenue, costs } = period;
  return { members: sortedTexts(sharing), revenue, costs, funding: state.funding };
}

function checkFeasible(state, period, evidence) {
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
  const inputs = readInputs(inputsDocument(state, period, rules, totals));
  const facts = { period: period.id, index: 0, logRoot: "", stateHash: "" };
  buildSettlement(facts, rules, inputs, new Uint8Array(32));
}

// Every metered charge needs a pool that takes it or a key that weighs it.
function checkCharges(totals, rules, bad) {
  const placed = new Set();
  for (const { from, origin = null } of rules.pools.values()) {
    if (origin === null || origin === "member") from.forEach((source) => placed.add(source));
  }
  for (const step of rules.steps) {
    for (const key of [step.key, ...(step.parts ?? []).map((part) => part.key)]) {
      if (key?.input) placed.add(metricOf(rules, key.input));
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

// Rule sets.

export function proposeRules(step, body) {
  if (step.right.approve === null) refuse("malformed-entry", "a rule set needs a quorum");
  const rules = parseRules(step.blob(body.text, "the rule set's text").subarray(SALT_BYTES));
  const found = [rules.ruleset, rules.version, rules.effective_from, toHex(rules.hash)];
  const stated = [body.ruleset, body.version, body.effective_from, body.rule_hash];
  if (stated.some((value, i) => value !== found[i])) {
    refuse("malformed-entry", `the entry says ${stated}, the rule set's text says ${found}`);
  }
  checkNames(step.state, rules);
  checkSuccession(step.state, body);
  const subject = ofRules(body);
  const { rule_hash: subjectHash } = body;
  return propose(step, step.right.approve, { subject, subjectHash, body: step.entry.body });
}

function checkNames(state, rules) {
  const { vocabulary, period, time_zone: zone } = state.charter.terms;
  const used = namesUsed(rules);
  const known = {
    metrics: vocabulary.metrics.map((term) => term.id),
    charges: vocabulary.charges.map((term) => term.id),
    members: [...state.members.keys(), SUSPENSE],
  };
  for (const [register, names] of Object.entries(known)) {
    const unknown = [...used[register]].filter((name) => !names.includes(name));
    if (unknown.length) refuse("unknown-field", `the rules use unknown ${register}: ${unknown}`);
  }
  const bad = (why) => refuse("malformed-rules", why);
  const digits = digitsOf(state, rules.currency);
  if (digits !== rules.minor_digits) bad("the digits are not the charter's");
  if (rules.late !== null) {
    const { grace_days: grace = 0, max_lookback_periods: lookback = 12 } = rules.late;
    if (grace !== period.grace_days || lookback !== period.lookback_periods) {
      bad("grace or look-back are not the charter's");
    }
  }
  if (rules.timezone !== zone) bad(`the time zone is ${zone}, not ${rules.timezone}`);
}

function checkSuccession(state, body) {
  if (state.rule_sets.some((adopted) => adopted.rule_hash === body.rule_hash)) {
    refuse("duplicate-id", "this very rule set is adopted already");
  }
  const last = state.rule_sets.at(-1);
  if (last && body.effective_from < last.effective_from) {
    refuse("conflict", `version ${last.version} holds from ${last.effective_from}; not earlier`);
  }
  if (last && (body.ruleset !== last.ruleset || body.version !== last.version + 1)) {
    refuse("conflict", `the next rule set is ${last.ruleset} version ${last.version + 1}`);
  }
  // A month that is not cut off yet may still be given rules, and the later ones keep theirs.
  const opened = [...state.periods.values()];
  const pending = opened.filter((period) => period.cut_off === null);
  for (const { id, cut_off: cut } of opened) {
    const isBlocked = cut !== null && !pending.some((earlier) => earlier.id < id);
    if (isBlocked && body.effective_from <= `${id}-01`) {
      refuse("conflict", `${id} is closed; a rule set cannot reach back into it`);
    }
  }
}

export function enactRules(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  checkSuccession(state, body);
  const { ruleset, version, effective_from, rule_hash } = body;
  const adopted = { ruleset, version, effective_from, rule_hash, text_sha256: body.text.sha256 };
  return { ...state, rule_sets: [...state.rule_sets, adopted] };
}

function rulesInForce(state, period) {
  const firstDay = `${period.id}-01`;
  const fitting = state.rule_sets.filter((adopted) => adopted.effective_from <= firstDay);
  return fitting.at(-1) ?? refuse("infeasible", `no rule set is in force on ${firstDay}`);
}

function rulesOf(state, period, evidence) {
  const wanted = period.cut_off.rule_hash;
  const adopted = state.rule_sets.find((one) => one.rule_hash === wanted);
  return parseRules(evidence.blob(adopted.text_sha256).subarray(SALT_BYTES));
}

// Settlements.

// Totals per metric or charge and account, over all facilities; charges in one currency.
function usageByName(totals, currency) {
  const found = new Map();
  for (const { account, name, currency: own, amount } of totals) {
    if (name.startsWith(CHARGE) && own !== currency) continue;
    if (!found.has(name)) found.set(name, new Map());
    const row = found.get(name);
    row.set(account, (row.get(account) ?? 0n) + amount);
  }
  return found;
}

const mapValues = (map, change) => new Map([...map].map(([name, row]) => [name, change(row)]));

// The inputs of a run from what the co-op knows, in the rule set's currency. Beside the heads stand
// those who are owed a carry and have left since.
function inputsDocument(state, period, rules, totals) {
  const { facts } = period.cut_off;
  const { currency } = rules;
  const balances = state.balances.get(currency) ?? emptyBalances();
  const usage = usageByName(totals, currency);
  const accounts = [...usage.values()].flatMap((row) => [...row.keys()]);
  const heads = new Set([...facts.members, ...accounts]);
  const creditors = [...balances.owed.values()].flatMap((row) => [...row.keys()]);
  const beside = sortedTexts(new Set(creditors.filter((id) => !heads.has(id))));
  const inCurrency = (rows) =>
    new Map([...sortedMap(rows)].filter(([, row]) => row.currency === currency));
  const amounts = (row) => mapValues(row, integerJson);
  return new Map(Object.entries({
    kyojo_inputs: 1,
    period: new Map([["start", `${period.id}-01`], ["end", nextMonth(period.id)]]),
    members: sortedTexts([...heads, ...beside]),
    ...(beside.length ? { beside } : {}),
    totals: mapValues(usage, amounts),
    revenue: mapValues(inCurrency(facts.revenue), (row) =>
      new Map([["amount_minor", row.amount_minor], ["origin", row.origin]])),
    costs: mapValues(inCurrency(facts.costs), (row) => row.borne),
    funding: mapValues(inCurrency(facts.funding), (row) => row.amounts),
    balances: balances.funds,
    carry: balances.carry,
    owed: balances.owed,
    opening: balances.pools,
  }));
}

function emptyBalances() {
  return { funds: new Map(), carry: new Map(), pools: new Map(), owed: new Map(), suspense: 0n };
}

function checkOrder(state, period) {
  for (const other of state.periods.values()) {
    if (other.id === period.id) continue;
    if (other.start < period.start && other.status === "closed") {
      refuse("conflict", `${other.id} comes before ${period.id} and is not settled`);
    }
    if (other.status === "proposed" || other.status === "approved") {
      refuse("conflict", `${other.id} is ${other.status}; settle it first`);
    }
  }
}

function compute(state, period, evidence, seed) {
  checkOrder(state, period);
  const rules = rulesOf(state, period, evidence);
  const totals = evidence.totals(period.id, 1);
  const inputs = readInputs(inputsDocument(state, period, rules, totals));
  const { index, log_root: logRoot, state_hash: hash } = period.cut_off;
  const facts = { period: period.id, index, logRoot, stateHash: hash };
  return { rules, ...buildSettlement(facts, rules, inputs, seed) };
}

export function proposeSettlement(step, body) {
  const { state } = step;
  const name = body.settlement.get("period");
  const period = typeof name === "string" ? state.periods.get(name) : undefined;
  if (!period) refuse("malformed-entry", "the settlement names no period that was opened");
  if (period.status !== "closed") refuse("period-closed", `${name} is ${period.status}`);
  if (step.right.approve === null) refuse("malformed-entry", "a settlement needs a quorum");
  const found = compute(state, period, step.evidence, step.blob(body.seed, "the seed"));
  compareDocument(body.settlement, found.document);
  compareBlob(step.blob(body.inputs, "the inputs"), found.inputsBlob, "the inputs");
  compareBlob(step.blob(body.lines, "the lines"), found.linesBlob, "the lines");
  const id = toHex(canonicalDigest(found.document));
  const after = propose(step, step.right.approve, {
    subject: subjectOf(state, period, found),
    subjectHash: id,
    body: proposalBody(period, found),
    needed: neededFor(state, step.right.approve, found.rules),
  });
  const proposed = { ...period, status: "proposed", settlement: id, proposed_at: step.now };
  step.noteSettlement({
    period: name, id, total: found.paid, suspense: found.toSuspense, currency: found.rules.currency,
    digits: digitsOf(state, found.rules.currency), members: found.document.member_count,
  });
  return withPeriod(after, proposed);
}

function subjectOf(state, period, found) {
  const { currency } = found.rules;
  const { member_count: members } = found.document;
  return ofSettlement(period.id, found, currency, members, digitsOf(state, currency));
}

function proposalBody(period, { rules, result, toSuspense }) {
  const amounts = (row) => mapValues(row, integerJson);
  return new Map(Object.entries({
    period: period.id, currency: rules.currency, suspense: integerJson(toSuspense),
    funds: amounts(result.funds),
    pools_left: amounts(result.poolsLeft), carry: amounts(result.carry),
    owed: mapValues(result.owed, amounts),
  }));
}

// The charter's quorum, or the rule set's own threshold where that asks for more members.
function neededFor(state, quorum, rules) {
  const count = electors(state, quorum).length;
  const agreed = neededOf(quorum.threshold, count);
  if (rules.approval === null) return agreed;
  const { n, d } = rules.approval.threshold;
  return Math.max(agreed, Number((n * BigInt(count) + d - 1n) / d));
}

function compareDocument(stated, computed) {
  const expected = new Map(Object.entries(computed));
  for (const field of sortedTexts(new Set([...stated.keys(), ...expected.keys()]))) {
    const isThere = stated.has(field) && expected.has(field);
    const texts = [stated, expected].map((one) => encodeCanonical(one.get(field) ?? null));
    if (!isThere || !equalBytes(...texts)) {
      const message = `the settlement's ${field} is not what the rules and the totals give`;
      refuse("sum-mismatch", message, { field });
    }
  }
}

function compareBlob(stated, computed, what) {
  if (!equalBytes(stated, computed)) {
    refuse("sum-mismatch", `${what} are not what the rules and the totals give`);
  }
}

const bigAmounts = (row) => mapValues(row, (amount) => BigInt(amount));

export function enactSettlement(step, state, proposal) {
  const { body } = proposal;
  const period = periodOf(state, body.get("period"));
  const currency = body.get("currency");
  const before = state.balances.get(currency) ?? emptyBalances();
  let { funds } = before;
  for (const [name, amount] of bigAmounts(body.get("funds"))) {
    funds = withKey(funds, name, (funds.get(name) ?? 0n) + amount);
  }
  const pending = {
    funds: sortedMap(funds), carry: bigAmounts(body.get("carry")),
    pools: bigAmounts(body.get("pools_left")), owed: mapValues(body.get("owed"), bigAmounts),
    suspense: before.suspense + BigInt(body.get("suspense")),
  };
  return withPeriod(state, { ...period, status: "approved", pending, currency });
}

export function withdrawSettlement(state, proposal) {
  const period = periodOf(state, proposal.body.get("period"));
  return withPeriod(state, { ...period, status: "closed", settlement: null, proposed_at: null });
}

export function settle(step, body) {
  const { state } = step;
  const period = periodOf(state, body.period);
  if (period.status !== "approved") {
    refuse("quorum-missing", `${body.period} is ${period.status}, not approved`);
  }
  if (body.settlement_id !== period.settlement) {
    refuse("conflict", `the approved settlement of ${body.period} is ${period.settlement}`);
  }
  const rules = rulesOf(state, period, step.evidence);
  const agreed = rules.approval?.objection_days ?? 0;
  const days = Math.max(state.charter.terms.period.objection_days, agreed);
  const until = addDays(period.proposed_at, days);
  if (step.now < until) refuse("period-closed", `objections may be raised until ${until}`);
  const balances = withKey(state.balances, period.currency, period.pending);
  return { ...withPeriod(state, { ...period, status: "settled", pending: null }), balances };
}
