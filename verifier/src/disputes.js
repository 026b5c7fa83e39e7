// Disputes of a settlement: opened, answered, decided, withdrawn, ended by their deadline.
//
// A dispute says which inputs of a settlement are wrong and what they should be, so its outcome is
// a run of the rules like any other. While one is open the settlement waits, unless the rule set
// says `pay_undisputed`: then what each line would lose by any of the outcomes asked for, beyond
// what its member's other lines would gain by it, is held back as far as it is paid at all, and
// posted in the next open period when the dispute has ended.

import { disputesByAge } from "./ages.js";
import { characters, sortedTexts, toHex } from "./bytes.js";
import { figureAt } from "./claimed.js";
import { difference, netsOf } from "./correction.js";
import { addSettled } from "./dues.js";
import { refuse } from "./errors.js";
import { putToVote, sortedMap } from "./facts.js";
import { least, most } from "./fraction.js";
import { readInputs } from "./inputs.js";
import { post, settleOthers } from "./postings.js";
import { isLost } from "./proposals.js";
import { rulesOf } from "./rulesets.js";
import { run } from "./run.js";
import * as settlements from "./settlements.js";
import {
  SUSPENSE, balancesOf, keepsPayouts, periodOf, withKey, withPeriod, without,
} from "./state.js";
import { ofDispute } from "./subjects.js";
import { addDays } from "./time.js";

const OPEN = ["open", "answered"];
const DISPUTE_DAYS = 14;
const SUBJECT_CHARACTERS_MAX = 500;

export const isOpenDispute = (dispute) => OPEN.includes(dispute.state);
const withDispute = (state, id, dispute) =>
  ({ ...state, disputes: withKey(state.disputes, id, dispute) });

// What is claimed, against what the settlement rests on.

// What the settlement was computed from: as approved, or as it is now.
function basisOf(state, period, rules) {
  if (period.run !== null) return period.run;
  const opening = balancesOf(state, rules.currency);
  return { epochs: settlements.FIRST_EPOCHS, opening, amended: period.amended };
}

// The claims as differences from the figures at the cut-off, before any amendment, and the runs
// without and with them.
function outcomeOf(state, period, rules, evidence, claims) {
  const { epochs, opening: balances, amended } = basisOf(state, period, rules);
  const totals = evidence.totals(period.id, epochs);
  const inputsOf = (changes) =>
    settlements.inputsDocument(period, rules, { totals, balances, amended: changes }, evidence);
  const document = inputsOf(new Map());
  const differences = new Map([...claims].map(([where, value]) =>
    [where, BigInt(value) - figureAt(document, where)]));
  if (isAnswered(period.amended, differences)) refuse("conflict", "the figures are that already");
  const [now, then] = [amended, withClaims(amended, differences)]
    .map((changes) => run(rules, readInputs(inputsOf(changes))));
  if (!difference(netsOf(now), netsOf(then)).size) {
    refuse("conflict", "what is claimed would change nobody's amount");
  }
  return { differences, now, then };
}

// Amendments with those of `claims` in the place of earlier ones of the same figures.
function withClaims(amended, claims) {
  return new Map([...amended, ...claims].filter(([where, change]) =>
    (claims.get(where) ?? change)));
}

// Whether every figure is already what is claimed of it.
const isAnswered = (amended, claims) =>
  [...claims].every(([where, change]) => (amended.get(where) ?? 0n) === change);

// Each step's amounts by member; what a charge repays those who bore the cost is among them.
function linesOf({ members, steps, repaid }) {
  return new Map(steps.filter(({ division }) => division).flatMap(({ step, division }) =>
    members.map((id, i) =>
      [`${step}/${id}`, division.rounded.amounts[i] + (repaid.get(step)?.get(id) ?? 0n)])));
}

// What each line pays: in money, and after advances that are paid back out of it.
function paidLines({ members, steps, repaid }) {
  const paying = steps.filter(({ division, unit }) => division && unit === null);
  return new Map(paying.flatMap(({ step, division }) =>
    members.map((id, i) =>
      [`${step}/${id}`, division.amounts[i] + (repaid.get(step)?.get(id) ?? 0n)])));
}

// What is to be held of each line: what it would lose, less what other lines of the same member
// would gain, taken from its losing lines in the order of their names.
function lossesOf(now, then) {
  const moved = difference(paidLines(now), paidLines(then));
  const gains = new Map();
  for (const [line, by] of moved) {
    const id = memberOfLine(line);
    gains.set(id, (gains.get(id) ?? 0n) + most(0n, by));
  }
  const found = new Map();
  for (const [line, by] of moved) {
    const id = memberOfLine(line);
    const covered = least(most(0n, -by), gains.get(id));
    gains.set(id, gains.get(id) - covered);
    if (-by > covered && id !== SUSPENSE) found.set(line, -by - covered);
  }
  return found;
}

const memberOfLine = (line) => line.slice(line.indexOf("/") + 1);

// Handlers.

function disputable(step, body) {
  const { state } = step;
  const period = periodOf(state, body.period);
  if (period.settlement !== body.settlement_id) {
    refuse("conflict", `the settlement of ${period.id} is ${period.settlement}`);
  }
  const standing = period.status === "disputed" ? period.resumes : period.status;
  if (standing !== "proposed" && standing !== "approved") {
    refuse("period-closed", `${period.id} is ${period.status}; a correction follows late facts`);
  }
  if (standing === "approved") {
    const until = settlements.objectionsUntil(state, period, step.evidence);
    if (step.now >= until) refuse("period-closed", `objections could be raised until ${until}`);
  }
  for (const { settlement_id: id, member } of state.disputes.values()) {
    if (id === body.settlement_id && member === step.member.id) {
      refuse("duplicate-id", `${member} has disputed this settlement already`);
    }
  }
  return period;
}

export function openDispute(step, body) {
  const period = disputable(step, body);
  const rules = rulesOf(step.state, period, step.evidence);
  const claims = new Map(body.claims.map(({ where, value }) => [where, value]));
  if (claims.size !== body.claims.length) refuse("duplicate-id", "a figure is claimed twice");
  const { differences, now, then } = outcomeOf(step.state, period, rules, step.evidence, claims);
  const moved = difference(linesOf(now), linesOf(then));
  const missing = sortedTexts(new Set(body.line_ids)).find((line) => !moved.has(line));
  if (missing) refuse("out-of-range", `what is claimed does not change the line ${missing}`);
  const subject = ofDispute(body, step.member.id);
  if (characters(subject) > SUBJECT_CHARACTERS_MAX) refuse("out-of-range", "too many figures");
  const dispute = {
    settlement_id: body.settlement_id, period: period.id, member: step.member.id,
    line_ids: body.line_ids, claims: differences, evidence_hash: body.evidence_hash,
    opened_at: step.now,
    deadline: addDays(step.now, rules.approval?.dispute_days ?? DISPUTE_DAYS),
    loses: lossesOf(now, then),
    pays_undisputed: rules.approval?.pay_undisputed ?? false,
    state: "open", decisions: [], held: new Map(),
  };
  const after = withDispute(putToVote(step, subject), toHex(step.entry.leaf), dispute);
  if (dispute.pays_undisputed || period.status === "disputed") return after;
  return withPeriod(after, { ...period, status: "disputed", resumes: period.status });
}

function openOne(state, id) {
  const dispute = state.disputes.get(id) ?? refuse("not-found", `there is no dispute ${id}`);
  return isOpenDispute(dispute) ? dispute : refuse("conflict", `this dispute is ${dispute.state}`);
}

export function answerDispute(step, body) {
  const dispute = openOne(step.state, body.dispute);
  if (step.member.id === dispute.member) {
    refuse("not-permitted", "a dispute is answered by somebody else than who opened it");
  }
  return withDispute(step.state, body.dispute, { ...dispute, state: "answered" });
}

export function withdrawDispute(step, body) {
  const dispute = openOne(step.state, body.dispute);
  if (step.member.id !== dispute.member) {
    refuse("not-permitted", `only ${dispute.member} can withdraw this dispute`);
  }
  return end(step.state, body.dispute, "withdrawn", []);
}

const votesOf = ({ approvals, rejections }) => [...approvals, ...rejections];

// The electorate upheld: the inputs are amended, the settlement falls or will be corrected.
export function uphold(step, state, proposal) {
  const id = idOf(state, proposal);
  const dispute = state.disputes.get(id);
  const votes = votesOf(proposal);
  const ended = end(state, id, "upheld", votes);
  const period = periodOf(ended, dispute.period);
  const amended = withClaims(period.amended, dispute.claims);
  const amends = withPeriod(ended, { ...period, amended });
  // Other disputes that ask for just what has been upheld end with it.
  const after = openDisputes(amends, period)
    .filter(([, { claims }]) => isAnswered(amended, claims))
    .reduce((found, [other]) => end(found, other, "upheld", votes), amends);
  if ((period.resumes ?? period.status) !== "proposed") return after;
  const settlement = after.proposals.get(period.settlement);
  const others = without(after.proposals, period.settlement);
  return withdrawSettlement({ ...after, proposals: others }, settlement);
}

// The proposed settlement of a period falls, and the disputes of it have no object.
export function withdrawSettlement(state, proposal) {
  const period = periodOf(state, proposal.body.get("period"));
  let after = state;
  for (const [id] of openDisputes(state, period)) after = end(after, id, "rejected", []);
  return settlements.withdrawSettlement(after, proposal);
}

// An approved settlement takes effect; what is disputed of it is held back.
export function settle(step, body) {
  const period = periodOf(step.state, body.period);
  if (period.status === "disputed") refuse("period-closed", `${period.id} is disputed`);
  const after = holdBack(settlements.settle(step, body), period, paidOf(step, period));
  const found = addSettled(after, periodOf(after, body.period));
  return settleOthers(found, periodOf(found, body.period));
}

// Nobody can carry the dispute any more, or whoever opened it took it back.
export function reject(state, proposal) {
  const how = isLost(state, proposal) ? "rejected" : "withdrawn";
  return end(state, idOf(state, proposal), how, votesOf(proposal));
}

// A dispute's id is the hash under which its proposal stood: by member and settlement.
function idOf(state, { body, proposer }) {
  const settlement = body.get("settlement_id");
  const found = [...state.disputes].find(([, dispute]) =>
    dispute.settlement_id === settlement && dispute.member === proposer);
  return found[0];
}

// How disputes end.

// The disputes of a period's settlement that have not ended, oldest first.
export function openDisputes(state, period) {
  return disputesByAge(state).filter(([, dispute]) =>
    dispute.settlement_id === period.settlement && isOpenDispute(dispute));
}

// End a dispute; the settlement goes on where it stood when no other is open.
function end(state, id, how, decisions) {
  const dispute = { ...state.disputes.get(id), state: how, decisions };
  const after = { ...withDispute(state, id, dispute), proposals: without(state.proposals, id) };
  const period = periodOf(after, dispute.period);
  if (period.status !== "disputed" || openDisputes(after, period).length) return after;
  return withPeriod(after, { ...period, status: period.resumes ?? "proposed", resumes: null });
}

// What time has brought, before an entry is judged: disputes past their deadline end, and what was
// held is released.
export function tend(state, now) {
  let found = state;
  for (const [id, dispute] of state.disputes) {
    if (isOpenDispute(dispute) && dispute.deadline <= now) found = end(found, id, "rejected", []);
  }
  for (const [id, dispute] of found.disputes) {
    if (dispute.held.size && !isOpenDispute(dispute)) found = release(found, id, dispute);
  }
  return found;
}

// What the members are paid of a disputed settlement, before anything is held: the state says it of
// those for whom something was offset, and of everybody where the charter knows payouts; of others
// the run does.
function paidOf({ state, evidence }, period) {
  if (keepsPayouts(state) || !openDisputes(state, period).length) return period.paid;
  const rules = rulesOf(state, period, evidence);
  const { epochs, opening: balances, amended } = basisOf(state, period, rules);
  const given = { totals: evidence.totals(period.id, epochs), balances, amended };
  const inputs = readInputs(settlements.inputsDocument(period, rules, given, evidence));
  const nets = [...netsOf(run(rules, inputs))].map(([id, net]) => [id, most(0n, net)]);
  return new Map([...nets, ...period.paid]);
}

// Hold what each line would lose by any outcome that is still asked for: each member's worst case
// once, however many disputes ask for it, and never more than it would have been paid: the oldest
// dispute holds it.
function holdBack(state, period, paid) {
  let found = state;
  const done = new Map();
  for (const [id, dispute] of openDisputes(state, period)) {
    const held = new Map();
    for (const [line, amount] of dispute.loses) {
      const more = amount - (done.get(line) ?? 0n);
      if (more <= 0n) continue;
      done.set(line, amount);
      const member = memberOfLine(line);
      held.set(member, (held.get(member) ?? 0n) + more);
    }
    found = withDispute(found, id, { ...dispute, held: within(held, period, found, paid) });
  }
  return found;
}

function within(held, period, state, paid) {
  const before = new Map();
  for (const dispute of state.disputes.values()) {
    if (dispute.period !== period.id) continue;
    for (const [id, amount] of dispute.held) before.set(id, (before.get(id) ?? 0n) + amount);
  }
  return new Map([...sortedMap(held)].map(([id, amount]) =>
    [id, least(amount, most(0n, (paid.get(id) ?? 0n) - (before.get(id) ?? 0n)))]));
}

// Post what a dispute held in the next open period; without one it stays held.
function release(state, id, dispute) {
  const { start } = periodOf(state, dispute.period);
  const later = [...state.periods.values()].filter((period) =>
    (period.status === "open" || period.status === "closing") && period.start > start);
  if (!later.length) return state;
  const period = later.reduce((first, one) => (one.start < first.start ? one : first));
  const { currency } = periodOf(state, dispute.period);
  const after = post(state, period, id, dispute.held, currency);
  return withDispute(after, id, { ...dispute, held: new Map() });
}
