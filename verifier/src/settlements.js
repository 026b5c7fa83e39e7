// Settlements: proposed, approved, settled; computed again from what the co-op knew at the cut-off.

import { equalBytes, sortedTexts, toHex } from "./bytes.js";
import { amend } from "./claimed.js";
import { netsOf, totalsOf } from "./correction.js";
import { refuse } from "./errors.js";
import { sortedMap } from "./facts.js";
import { reportedSections } from "./figures.js";
import { integerJson } from "./fraction.js";
import { readInputs } from "./inputs.js";
import { canonicalDigest, encodeCanonical } from "./json.js";
import { readingsFor } from "./kpis.js";
import { postedTo } from "./postings.js";
import { electors, neededOf, propose } from "./proposals.js";
import { rulesOf } from "./rulesets.js";
import { buildSettlement } from "./settlement.js";
import {
  SUSPENSE, balancesOf, deadlinesOf, digitsOf, keepsPayouts, keepsRuns, periodOf, withKey,
  withPeriod,
} from "./state.js";
import { ofSettlement } from "./subjects.js";
import { addDays, nextMonth } from "./time.js";
import { CHARGE } from "./totals.js";

export const FIRST_EPOCHS = 1;
const BEFORE_THE_COOP = ["proposed", "approved", "disputed"];

// Totals per metric or charge and account, over all facilities; charges in one currency.
export function usageByName(totals, currency) {
  const found = new Map();
  for (const { account, name, currency: own, amount } of totals) {
    if (name.startsWith(CHARGE) && own !== currency) continue;
    if (!found.has(name)) found.set(name, new Map());
    const row = found.get(name);
    row.set(account, (row.get(account) ?? 0n) + amount);
  }
  return found;
}

export const mapValues = (map, change) =>
  new Map([...map].map(([name, row]) => [name, change(row)]));
export const amountsJson = (row) => mapValues(row, integerJson);

// The inputs of a run from what the co-op knows, in the rule set's currency. `totals` are those
// that count, `balances` what the period before left, `amended` what upheld disputes change: a
// figure's place and the difference. Beside the heads stand those who are owed a carry, or pay back
// an advance, and have left since.
export function inputsDocument(period, rules, { totals, balances, amended }, evidence) {
  const { facts } = period.cut_off;
  const { currency } = rules;
  const usage = usageByName(totals, currency);
  const accounts = [...usage.values()].flatMap((row) => [...row.keys()]);
  const heads = new Set([...facts.members, ...accounts]);
  const rows = [...balances.owed.values(), balances.recoup];
  const later = rows.flatMap((row) => [...row.keys()]);
  const beside = sortedTexts(new Set(later.filter((id) => !heads.has(id))));
  const inCurrency = (rows) =>
    new Map([...sortedMap(rows)].filter(([, row]) => row.currency === currency));
  const kpis = readingsFor(rules, facts.kpis);
  const { counts, sections } = reportedSections(facts.figures, evidence);
  const document = new Map(Object.entries({
    kyojo_inputs: 1,
    period: new Map([["start", `${period.id}-01`], ["end", nextMonth(period.id)]]),
    members: sortedTexts([...heads, ...beside]),
    ...(beside.length ? { beside } : {}),
    ...(kpis.size ? { kpis } : {}),
    totals: new Map([...mapValues(usage, amountsJson), ...counts]),
    revenue: mapValues(inCurrency(facts.revenue), (row) =>
      new Map([["amount_minor", row.amount_minor], ["origin", row.origin]])),
    costs: mapValues(inCurrency(facts.costs), (row) => row.borne),
    funding: mapValues(inCurrency(facts.funding), (row) => row.amounts),
    balances: balances.funds,
    carry: balances.carry,
    owed: balances.owed,
    opening: balances.pools,
    ...(balances.recoup.size ? { recoup: balances.recoup } : {}),
    ...sections,
  }));
  return [...amended].reduce((found, [where, change]) => amend(found, where, change), document);
}

function checkOrder(state, period) {
  for (const other of state.periods.values()) {
    if (other.id === period.id) continue;
    if (other.start < period.start && other.status === "closed") {
      refuse("conflict", `${other.id} comes before ${period.id} and is not settled`);
    }
    if (BEFORE_THE_COOP.includes(other.status)) {
      refuse("conflict", `${other.id} is ${other.status}; settle it first`);
    }
  }
}

function compute(state, period, evidence, seed) {
  checkOrder(state, period);
  const rules = rulesOf(state, period, evidence);
  const totals = evidence.totals(period.id, FIRST_EPOCHS);
  const run = { totals, balances: balancesOf(state, rules.currency), amended: period.amended };
  const inputs = readInputs(inputsDocument(period, rules, run, evidence));
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
  compareDocument(body.settlement, found.document, "settlement");
  compareBlob(step.blob(body.inputs, "the inputs"), found.inputsBlob, "the inputs");
  compareBlob(step.blob(body.lines, "the lines"), found.linesBlob, "the lines");
  const id = toHex(canonicalDigest(found.document));
  const after = propose(step, step.right.approve, {
    subject: subjectOf(state, period, found),
    subjectHash: id,
    body: proposalBody(state, period, found),
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

function proposalBody(state, period, { rules, result }) {
  return new Map(Object.entries({
    period: period.id, currency: rules.currency,
    suspense: integerJson(totalsOf(result).get(SUSPENSE) ?? 0n),
    funds: amountsJson(result.funds),
    pools_left: amountsJson(result.poolsLeft), carry: amountsJson(result.carry),
    owed: mapValues(result.owed, amountsJson),
    ...(result.recoup.size ? { recoup: amountsJson(result.recoup) } : {}),
    ...offset(state, period, rules.currency, result),
  }));
}

// What members are paid, and still owe, when corrections and old debts are offset against this
// period; nothing, as long as there has been no correction and no charge, unless the charter knows
// payouts: then what everybody is paid is kept. Those whom charges repay are paid that beside their
// lines; whom they leave below zero owes it.
function offset(state, period, currency, result) {
  const owed = balancesOf(state, currency).receivables;
  const posted = postedTo(state, period, currency);
  const [lines, earned] = [totalsOf(result), netsOf(result)];
  earned.delete(SUSPENSE);
  const isMoved = ([id, net]) => net < 0n || net !== lines.get(id);
  const moved = [...earned].filter(isMoved).map(([id]) => id);
  const kept = keepsPayouts(state) ? [...earned.keys()] : [];
  const names = new Set([...moved, ...posted.keys(), ...owed.keys(), ...kept]);
  if (!names.size) return {};
  const [receivables, paid] = [new Map(), new Map()];
  for (const id of sortedTexts(names)) {
    const net = (earned.get(id) ?? 0n) + (posted.get(id) ?? 0n) - (owed.get(id) ?? 0n);
    paid.set(id, net > 0n ? net : 0n);
    if (net < 0n) receivables.set(id, -net);
  }
  return { receivables: amountsJson(receivables), paid: amountsJson(paid) };
}

// The charter's quorum, or the rule set's own threshold where that asks for more members.
export function neededFor(state, quorum, rules) {
  const count = electors(state, quorum).length;
  const agreed = neededOf(quorum.threshold, count);
  if (rules.approval === null) return agreed;
  const { n, d } = rules.approval.threshold;
  return Math.max(agreed, Number((n * BigInt(count) + d - 1n) / d));
}

export function compareDocument(stated, computed, what) {
  const expected = new Map(Object.entries(computed));
  for (const field of sortedTexts(new Set([...stated.keys(), ...expected.keys()]))) {
    const isThere = stated.has(field) && expected.has(field);
    const texts = [stated, expected].map((one) => encodeCanonical(one.get(field) ?? null));
    if (!isThere || !equalBytes(...texts)) {
      const message = `the ${what}'s ${field} is not what the rules and the totals give`;
      refuse("sum-mismatch", message, { field });
    }
  }
}

export function compareBlob(stated, computed, what) {
  if (!equalBytes(stated, computed)) {
    refuse("sum-mismatch", `${what} are not what the rules and the totals give`);
  }
}

// Amounts as a document has them: those that a double cannot hold are texts.
export const bigAmounts = (row) => mapValues(row, (amount) => BigInt(amount));

// The balances that a run leaves, from those on which it was computed.
export function moved(before, { funds, carry, pools, owed, suspense, recoup }) {
  const sums = new Map(before.funds);
  for (const [name, amount] of funds) sums.set(name, (sums.get(name) ?? 0n) + amount);
  return {
    ...before, funds: sortedMap(sums), carry, pools, owed, suspense: before.suspense + suspense,
    recoup,
  };
}

// The electorate approved: the period may be settled, and is approved when the last dispute of it
// has ended.
export function enactSettlement(step, state, proposal) {
  const { body } = proposal;
  const period = periodOf(state, body.get("period"));
  const currency = body.get("currency");
  const before = balancesOf(state, currency);
  const pending = moved(before, {
    funds: bigAmounts(body.get("funds")), carry: bigAmounts(body.get("carry")),
    pools: bigAmounts(body.get("pools_left")), owed: mapValues(body.get("owed"), bigAmounts),
    suspense: BigInt(body.get("suspense")), recoup: bigAmounts(body.get("recoup") ?? new Map()),
  });
  if (body.has("receivables")) pending.receivables = bigAmounts(body.get("receivables"));
  const isDisputed = period.status === "disputed";
  const run = {
    order: step.index, id: period.settlement, epochs: FIRST_EPOCHS, opening: before, late: 0,
    amended: period.amended,
  };
  return withPeriod(state, {
    ...period, ...(isDisputed ? { resumes: "approved" } : { status: "approved" }), pending,
    currency, paid: body.has("paid") ? bigAmounts(body.get("paid")) : period.paid,
    run: keepsRuns(state) ? run : period.run,
  });
}

export function withdrawSettlement(state, proposal) {
  const period = periodOf(state, proposal.body.get("period"));
  return withPeriod(state, {
    ...period, status: "closed", settlement: null, proposed_at: null, resumes: null,
  });
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
  const until = objectionsUntil(state, period, step.evidence);
  if (step.now < until) refuse("period-closed", `objections may be raised until ${until}`);
  const balances = withKey(state.balances, period.currency, period.pending);
  return { ...withPeriod(state, { ...period, status: "settled", pending: null }), balances };
}

// When a proposed settlement may be settled: after the charter's or the rules' longer delay.
export function objectionsUntil(state, period, evidence) {
  const agreed = rulesOf(state, period, evidence).approval?.objection_days ?? 0;
  const days = Math.max(deadlinesOf(state, period).objection_days, agreed);
  return addDays(period.proposed_at, days);
}
