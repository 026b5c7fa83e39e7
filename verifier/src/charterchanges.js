// The charter is changed by the quorum that it names, or by everybody where it names none; whoever
// decides what a right is about decides beside them how that right is changed.
//
// What a change may say is in `bodies.js`; what never changes has no place there. What has begun
// goes on as it began: proposals keep their electorate, months that are closing their deadlines.

import { characters, sortedTexts, toHex } from "./bytes.js";
import { charterTerms, takeBody } from "./bodies.js";
import { refuse } from "./errors.js";
import { canonicalDigest } from "./json.js";
import { canAct } from "./members.js";
import { electors, neededOf, propose } from "./proposals.js";
import { take } from "./schema.js";
import { termsOf, withPeriod } from "./state.js";

const KIND = "charter-changed";
const DECISION = "decision";
const TERMS_MAX = 64;
const VERSION_MAX = 1_000_000;
const SUBJECT_CHARACTERS_MAX = 500;
const KEEPS_BOOKS = ["correction-proposed", "payout-ordered"];
const QUIET = ["open", "closing", "settled"];
const ROLES = ["member", "operator", "auditor", "municipality"];

// The right to change a charter that does not name the kind.
export const EVERYBODY = {
  write: ["operator", "member"], approve: { roles: ROLES, threshold: "1/1" },
};

export function proposeChange(step, body, check) {
  const after = checked(step.state, body, step.entry.body, check);
  const before = termsOf(step.state);
  const subject = `Change the charter: ${wordsOf(before, after.terms).join("; ")}`;
  if (characters(subject) > SUBJECT_CHARACTERS_MAX) refuse("out-of-range", "too many words");
  const subjectHash = toHex(step.entry.leaf);
  const quorum = ownQuorum(step, before);
  const asked = askedFor(step.state, quorum, body.changes);
  return propose(step, quorum, { subject, subjectHash, body: step.entry.body, ...asked });
}

// Who decides on changes; of everybody, those who may vote: others would be waited for.
function ownQuorum({ right: { approve } }, { authority }) {
  if (authority.has(KIND)) return approve;
  const voting = votingRoles(authority);
  return { ...approve, roles: approve.roles.filter((role) => voting.includes(role)) };
}

const votingRoles = (authority) => authority.get(DECISION)?.write ?? [];

// As many approvals as the charter's quorum asks for, or a right of the same electorate that is
// changed; and beside it those that other rights ask for, unless they must be among the former.
function askedFor(state, own, { authority = new Map() }) {
  const electorate = electors(state, own);
  const blocs = new Map();
  for (const kind of sortedTexts(authority.keys())) {
    const right = termsOf(state).authority.get(kind);
    if (!right?.approve) continue;
    const bloc = blocOf(state, right.approve);
    const name = bloc.electorate.join(" ");
    const most = Math.max(bloc.needed, blocs.get(name)?.needed ?? 0);
    blocs.set(name, { ...bloc, needed: most });
  }
  const same = blocs.get(electorate.join(" "))?.needed ?? 0;
  const needed = Math.max(neededOf(own.threshold, electorate.length), same);
  blocs.delete(electorate.join(" "));
  const outside = (bloc) => electorate.filter((id) => !bloc.electorate.includes(id)).length;
  const besides = [...blocs.values()].filter(
    (bloc) => bloc.needed > 0 && bloc.needed > needed - outside(bloc),
  );
  return { needed, besides };
}

// So many as a quorum asks for, or all who may vote if it asks for more than can.
function blocOf(state, quorum) {
  const asked = electors(state, quorum);
  const voting = votingRoles(termsOf(state).authority);
  const electorate = asked.filter((id) =>
    state.members.get(id).roles.some((role) => voting.includes(role)));
  return {
    electorate, needed: Math.min(neededOf(quorum.threshold, asked.length), electorate.length),
  };
}

export function enactChange(step, state, proposal, check) {
  const body = takeBody(proposal.kind, proposal.body);
  const before = termsOf(state);
  const after = checked(state, body, proposal.body, check);
  checkBooks(state, before, after.terms);
  const kept = isSame(before.period, after.terms.period) ? state : keepDeadlines(state, before);
  const others = [...kept.proposals].filter(([, one]) => one.kind !== KIND);
  const charter_changes = [...state.charter_changes, step.index];
  return { ...kept, charter_in_force: after, charter_changes, proposals: new Map(others) };
}

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// The charter as changed: its terms and its document.
function checked(state, body, document, check) {
  const before = state.charter_in_force ?? state.charter;
  const inForce = toHex(canonicalDigest(before.document));
  if (body.charter !== inForce) refuse("conflict", `the charter in force is ${inForce}`);
  checkTerms(before.terms.vocabulary, body.changes.vocabulary);
  const changed = changedDocument(before.document, document.get("changes"));
  const terms = take(charterTerms, changed, "malformed-entry", "charter");
  if (!wordsOf(before.terms, terms).length) refuse("malformed-entry", "it changes nothing");
  check(terms);
  checkReported(state, body.changes.vocabulary);
  checkVoters(terms.authority);
  for (const kind of body.changes.authority?.keys() ?? []) {
    if (!canGoOn(state, terms.authority.get(kind))) {
      refuse("not-permitted", `nobody could write ${kind}, or approve it beside the writer`);
    }
  }
  return { terms, document: changed };
}

function changedDocument(before, changes) {
  const found = new Map(before);
  for (const [name, change] of changes) {
    if (name === "vocabulary") found.set(name, withTerms(before.get(name), change));
    else found.set(name, new Map([...(before.get(name) ?? []), ...change]));
  }
  return found;
}

function withTerms(before, change) {
  return new Map([
    ["version", before.get("version") + 1],
    ...["metrics", "charges"].map((name) =>
      [name, [...before.get(name), ...(change.get(name) ?? [])]]),
  ]);
}

const namesOf = ({ id, name, aliases }) => [id, name.ja, name.en, ...aliases];

// A word that names something names nothing else later: not even as an alias.
function checkTerms(before, change) {
  if (change === undefined) return;
  const [metrics, charges] = [change.metrics ?? [], change.charges ?? []];
  const taken = new Set([...before.metrics, ...before.charges].flatMap(namesOf));
  for (const term of [...metrics, ...charges]) {
    const own = namesOf(term);
    if (own.some((word) => taken.has(word))) refuse("duplicate-id", `${term.id}: a word in use`);
    for (const word of own) taken.add(word);
  }
  const most = Math.max(
    before.metrics.length + metrics.length, before.charges.length + charges.length,
  );
  if (most > TERMS_MAX || before.version >= VERSION_MAX) refuse("out-of-range", "too many words");
}

// What has been reported under a word is not metered under it.
function checkReported(state, change) {
  if (change === undefined) return;
  const periods = [...state.periods.values()];
  const waiting = [...state.proposals.values()].filter((one) => one.kind === "revenue-reported");
  const isWaiting = (id) => waiting.some((one) => one.body.get("id") === id);
  const isReported = (change.metrics ?? []).some(({ id }) =>
    periods.some((period) => period.figures.has(`totals/${id}`))) ||
    (change.charges ?? []).some(({ id }) =>
      isWaiting(id) || periods.some((period) => period.revenue.has(id)));
  if (isReported) refuse("conflict", "what is to be metered has been reported");
}

function checkVoters(authority) {
  const voters = votingRoles(authority);
  for (const [kind, { approve }] of authority) {
    if (approve !== null && !approve.roles.every((role) => voters.includes(role))) {
      refuse("not-permitted", `${kind} would be approved by those who may not vote`);
    }
  }
}

function canGoOn(state, right) {
  if (!canAct(state, right)) return false;
  if (right.approve === null) return true;
  const voters = electors(state, right.approve);
  return electors(state, { roles: right.write }).some((id) => voters.some((one) => one !== id));
}

function checkBooks(state, before, after) {
  const begin = KEEPS_BOOKS.filter(
    (kind) => after.authority.has(kind) && !before.authority.has(kind),
  );
  for (const period of begin.length ? state.periods.values() : []) {
    if (!QUIET.includes(period.status)) {
      refuse("conflict", `${period.id} is ${period.status}; settle it before ${begin[0]} is named`);
    }
  }
}

function keepDeadlines(state, { period: deadlines }) {
  let found = state;
  for (const period of state.periods.values()) {
    if (period.status !== "open" && period.deadlines === null) {
      found = withPeriod(found, { ...period, deadlines });
    }
  }
  return found;
}

// What differs between two charters, old → new, in the words that are signed.

function wordsOf(before, after) {
  return [
    ...periodWords(before.period, after.period), ...payoutWords(before.payouts, after.payouts),
    ...readerWords(before.readers, after.readers),
    ...rightWords(before.authority, after.authority),
    ...termWords(before.vocabulary, after.vocabulary),
  ];
}

function periodWords(before, after) {
  const names = [
    ["grace days", "grace_days"], ["objection days", "objection_days"],
    ["look-back periods", "lookback_periods"],
  ];
  return names.filter(([, name]) => before[name] !== after[name])
    .map(([text, name]) => `${text} ${before[name]} → ${after[name]}`);
}

function payoutWords(before, after) {
  const [old, days] = [before, after].map((terms) => terms?.destination_days ?? "as objections");
  return old === days ? [] : [`destination days ${old} → ${days}`];
}

const rolesText = (roles) => (roles.length ? roles.join(", ") : "nobody");

function readerWords(before, after) {
  const said = (readers, name) => (name === "entries" ? readers[name] : rolesText(readers[name]));
  return ["entries", "totals", "records", "settlements"]
    .filter((name) => !isSame(before[name], after[name]))
    .map((name) => `${name} read by ${said(before, name)} → ${said(after, name)}`);
}

function rightWords(before, after) {
  return sortedTexts(after.keys()).map((kind) => [kind, before.get(kind), after.get(kind)])
    .map(([kind, old, right]) => [kind, old ? rightText(old) : "nobody", rightText(right)])
    .filter(([, old, right]) => old !== right)
    .map(([kind, old, right]) => `${kind} by ${old} → ${right}`);
}

function rightText({ write, approve }) {
  const how = approve === null
    ? "at once" : `with ${approve.threshold} of ${rolesText(approve.roles)}`;
  return `${rolesText(write)} ${how}`;
}

function termWords(before, after) {
  const said = ({ name, aliases }) => [name.ja, name.en, ...aliases].join(", ");
  return [
    ...after.metrics.slice(before.metrics.length)
      .map((term) => `new metric ${term.id} in ${term.unit} (${said(term)})`),
    ...after.charges.slice(before.charges.length)
      .map((term) => `new charge ${term.id} (${said(term)})`),
  ];
}
