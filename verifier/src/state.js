// What a co-op is at a size of its log; a function of the entries alone.
//
// Nothing changes in place: each step makes a new state that shares most of the old one. Fields
// bear the names of the snapshot, whose canonical form is hashed at every cut-off.

import { toHex } from "./bytes.js";
import { abs } from "./fraction.js";
import { refuse } from "./errors.js";
import { canonicalDigest } from "./json.js";
import { Frontier } from "./merkle.js";

export const SUSPENSE = "suspense";
export const EMPTY_USAGE = { batches: 0, records: 0, digest: "00".repeat(32) };
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

export function emptyState() {
  return {
    size: 0, frontier: new Frontier(), received_at: "", genesis: "", charter: null,
    members: new Map(), keys: new Map(), log_keys: new Map(), facilities: new Map(),
    funding: new Map(), proposals: new Map(), rule_sets: [], periods: new Map(),
    balances: new Map(), destinations: new Map(), anchors: new Map(),
    erased: new Map(), disputes: new Map(), dues: new Map(), orders: new Map(),
    successors: new Map(), vaults: new Map(), charter_in_force: null, charter_changes: [],
  };
}

// What members owe after corrections, and what guarantees advanced them and they pay back later.
export const laterOfBalances = () => ({ receivables: new Map(), recoup: new Map() });

// What the last settlement in a currency left behind, before there was one.
export function emptyBalances() {
  return {
    funds: new Map(), carry: new Map(), pools: new Map(), owed: new Map(), suspense: 0n,
    ...laterOfBalances(),
  };
}

// What a member is due in a currency, before a month was settled.
export const NO_DUES = { due: 0n, ordered: 0n, paid: 0n, returned: 0n, expired: 0n };

// What a period keeps beside what every period does.
export function laterOfPeriod() {
  return {
    run: null, late: 0, amended: new Map(), posted: new Map(), paid: new Map(), resumes: null,
    kpis: new Map(), figures: new Map(), currencies: new Map(), deadlines: null,
  };
}

// The terms of the charter in force: those of entry 0, or as they have been changed.
export function termsOf(state) {
  return (state.charter_in_force ?? state.charter).terms;
}

// The deadlines of a period: those of the charter, as it was when the period began to close.
export function deadlinesOf(state, period) {
  return period.deadlines ?? termsOf(state).period;
}

// Whether the charter knows corrections: only then is kept what they start from.
export function keepsRuns(state) {
  return termsOf(state).authority.has("correction-proposed");
}

// Whether the charter knows payouts: only then is kept what members are due.
export function keepsPayouts(state) {
  return termsOf(state).authority.has("payout-ordered");
}

export function balancesOf(state, currency) {
  return state.balances.get(currency) ?? emptyBalances();
}

// A Map with one more, or one other, value.
export function withKey(map, key, value) {
  return new Map(map).set(key, value);
}

export function without(map, key) {
  const found = new Map(map);
  found.delete(key);
  return found;
}

export function memberOf(state, id) {
  const member = state.members.get(id);
  if (member === undefined || member.left !== null) {
    refuse("not-found", `${id} is not a member of this co-op`);
  }
  return member;
}

export function periodOf(state, id) {
  return state.periods.get(id) ?? refuse("not-found", `the period ${id} has not been opened`);
}

export function withPeriod(state, period) {
  return { ...state, periods: withKey(state.periods, period.id, period) };
}

export function digitsOf(state, currency) {
  const terms = termsOf(state).currencies.find((one) => one.code === currency);
  if (!terms) refuse("malformed-entry", `the charter does not know the currency ${currency}`);
  return terms.digits;
}

// Whole numbers that a double cannot hold, as texts.
function exact(value) {
  if (typeof value === "bigint") return abs(value) > SAFE ? String(value) : Number(value);
  if (Array.isArray(value)) return value.map(exact);
  if (value instanceof Map) return new Map([...value].map(([name, inner]) => [name, exact(inner)]));
  if (value !== null && typeof value === "object") {
    return exact(new Map(Object.entries(value)));
  }
  return value;
}

// Fields that are not in a state's document while they are empty: the hashes of states from before
// there was such a field stay.
const LATER_OF_STATE = [
  "erased", "disputes", "dues", "orders", "successors", "vaults", "charter_in_force",
  "charter_changes",
];
const LATER_OF_PERIOD = Object.keys(laterOfPeriod());
const LATER_OF_RUN = ["late", "amended"];
const LATER_OF_ORDER = ["vault"];
const LATER_OF_PROPOSAL = ["besides"];
const LATER_OF_DUES = ["expired"];
const LATER_OF_BALANCES = Object.keys(laterOfBalances());

function leaveOut(document, names) {
  for (const name of names) {
    const found = document.get(name);
    const size = found instanceof Map ? found.size : found?.length ?? found;
    if (!size) document.delete(name);
  }
}

function leaveOutEmpty(document) {
  leaveOut(document, LATER_OF_STATE);
  for (const order of document.get("orders")?.values() ?? []) leaveOut(order, LATER_OF_ORDER);
  for (const one of document.get("proposals").values()) leaveOut(one, LATER_OF_PROPOSAL);
  for (const rows of document.get("dues")?.values() ?? []) {
    for (const dues of rows.values()) leaveOut(dues, LATER_OF_DUES);
  }
  const balances = [...document.get("balances").values()];
  for (const period of document.get("periods").values()) {
    leaveOut(period, LATER_OF_PERIOD);
    balances.push(period.get("pending"));
    if (!period.has("run")) continue;
    leaveOut(period.get("run"), LATER_OF_RUN);
    balances.push(period.get("run").get("opening"));
  }
  for (const found of balances) if (found !== null) leaveOut(found, LATER_OF_BALANCES);
}

// The state as a document, whose canonical form is hashed.
export function stateDocument(state) {
  const { frontier, charter, charter_in_force: changed, ...rest } = state;
  const document = exact({ ...rest, charter_in_force: changed?.document ?? null });
  leaveOutEmpty(document);
  document.set("subtrees", frontier.roots.map(toHex));
  document.set("charter", charter === null ? null : charter.document);
  return document;
}

// SHA-256 of the canonical form of the state.
export function stateHash(state) {
  return canonicalDigest(stateDocument(state));
}
