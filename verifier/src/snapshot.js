// Read a state back from its canonical form, for a slice to begin with.
//
// What a later version of the ledger keeps in its state is nothing that this page could judge by:
// a field that is not known here is said to be unknown, never passed over.

import { equalBytes, fromHex } from "./bytes.js";
import { address, charterTerms, hash, periodTerms } from "./bodies.js";
import { recode, refuse } from "./errors.js";
import { encodeCanonical, parseJson } from "./json.js";
import { Frontier } from "./merkle.js";
import { parseVkey } from "./note.js";
import {
  FIELD, anything, integer, list, nullable, object, reads, record, takeKnown, text, truth, tuple,
} from "./schema.js";
import { NO_DUES, emptyState, laterOfBalances, laterOfPeriod, stateDocument } from "./state.js";
import { parseInstant } from "./time.js";

const BATCH_RECORDS_MAX = 10_000;
const TAKEN = ["open", "closing", "settled"];
const bad = (why) => refuse("malformed-document", why);

// A whole number of any size: one that a double cannot hold stands as a text.
const vast = reads((value) => {
  if (typeof value === "number") return BigInt(value);
  const isVast = typeof value === "string" && /^-?[1-9][0-9]{15,}$/.test(value) &&
    !Number.isSafeInteger(Number(value));
  return isVast ? BigInt(value) : bad("not a whole number");
});
const instant = reads((value) => {
  parseInstant(typeof value === "string" ? value : "");
  return value;
});
const status = reads((value) =>
  TAKEN.includes(value) ? value : bad(`a slice cannot start while a month is ${value}`));

// What the state keeps of an entry as it came: its fields have no fixed meaning here.
const loose = (value, where, faults) => {
  const found = record()(value, where, faults);
  return found && Object.fromEntries(found);
};
// The facts of a cut-off: tables of rows, and the members.
const facts = (value, where, faults) => {
  const asRow = (row) => (row instanceof Map ? Object.fromEntries(row) : row);
  const found = record()(value, where, faults);
  const rows = (table, read) =>
    (table instanceof Map ? new Map([...table].map(([key, row]) => [key, read(row)])) : table);
  const readers = { kpis: (row) => rows(row, asRow) };
  const read = ([name, table]) => [name, rows(table, readers[name] ?? asRow)];
  return Object.fromEntries([...found ?? []].map(read));
};
const texts = list(text());
const name = (value, where, faults) => {
  const found = record(text())(value, where, faults);
  return found && Object.fromEntries(found);
};

const amounts = record(vast);
const balances = object(
  { funds: amounts, carry: amounts, pools: amounts, owed: record(amounts), suspense: vast },
  { receivables: amounts, recoup: amounts },
);
const run = object(
  { order: integer(), id: text(), epochs: integer(), opening: balances },
  { late: integer(), amended: amounts },
);
const period = object({
  id: text(), start: instant, end: instant, status, epoch: integer(),
  closing_at: nullable(text()),
  cut_off: nullable(object({
    index: integer(), log_root: text(), state_hash: text(), rule_hash: text(), unconfirmed: texts,
    facts,
  })),
  settlement: nullable(text()), proposed_at: nullable(text()), currency: nullable(text()),
  pending: nullable(balances), revenue: record(loose), costs: record(loose),
  usage: record(object({ batches: integer(), records: integer(), digest: hash })),
  confirmed: record(text()),
}, {
  run, late: integer(), amended: amounts, posted: record(amounts), paid: amounts, resumes: text(),
  kpis: record(record(loose)), figures: record(loose), currencies: record(text()),
  deadlines: periodTerms,
});
const dispute = object({
  settlement_id: text(), period: text(), member: text(), line_ids: texts, claims: amounts,
  evidence_hash: nullable(text()), opened_at: text(), deadline: text(), loses: amounts,
  pays_undisputed: truth, state: text(), decisions: texts, held: amounts,
});
const dues = object(
  { due: vast, ordered: vast, paid: vast, returned: vast }, { expired: vast },
);
const order = object({
  period: text(), currency: text(), method: text(), index: integer(),
  lines: record(object({
    member: text(), amount_minor: vast, destination: text(), account: nullable(text()),
    attempt: integer(), state: text(),
  })),
  file: nullable(object({ format: text(), pay_on: text(), sha256: text() })),
}, { vault: text() });
// A destination, and the one that comes into force after it.
const destination = (value, where, faults) => {
  const found = loose(value, where, faults);
  if (!(found?.next instanceof Map)) return found;
  return { ...found, next: Object.fromEntries(found.next) };
};
const stateShape = object({
  size: integer(1), subtrees: list(hash, 0, 64), received_at: instant, genesis: hash,
  charter: charterTerms,
  members: record(object({
    id: text(), name, roles: texts, joined: text(), left: nullable(text()), founder: truth,
  })),
  keys: record(object({ member: text(), sequence: integer(), revoked: truth })),
  log_keys: record(
    object({ added: integer(), retired: nullable(integer()) }),
    reads((vkey) => {
      parseVkey(vkey);
      return vkey;
    }),
  ),
  facilities: record(object({ id: text(), name, owner: nullable(text()) })),
  funding: record(loose),
  proposals: record(object({
    kind: text(), subject: text(), index: integer(), proposer: text(), electorate: texts,
    needed: integer(), body: record(anything), approvals: texts, rejections: texts,
    abstentions: texts,
  }, { besides: list(object({ electorate: texts, needed: integer() })) })),
  rule_sets: list(object({
    ruleset: text(), version: integer(), effective_from: text(), rule_hash: text(),
    text_sha256: text(),
  })),
  periods: record(period),
  balances: record(balances),
  destinations: record(destination),
  anchors: record(object({
    size: integer(), root: text(), transaction: text(), block_number: integer(),
    block_hash: text(),
  })),
}, {
  erased: record(
    list(tuple(integer(0, BATCH_RECORDS_MAX - 1), integer(0, BATCH_RECORDS_MAX - 1))),
    text({ pattern: /^[0-9]+$/ }),
  ),
  disputes: record(dispute), dues: record(record(dues)), orders: record(order),
  successors: record(object({
    chain_id: integer(1), contract: address, code_hash: hash, index: integer(),
  })),
  vaults: record(list(object({
    chain_id: integer(1), contract: address, code_hash: hash, token: address,
    decimals: integer(0, 255), index: integer(),
  }))),
  charter_in_force: charterTerms, charter_changes: list(integer()),
});

// The state whose canonical form these bytes are; refuses, or says what is unknown in it.
export function parseState(data) {
  const document = recode("malformed-document", () => parseJson(data, "the state"));
  const found = takeKnown(stateShape, document, "state", "malformed-document", FIELD);
  for (const [batch, ranges] of found.erased ?? []) {
    if (ranges.some(([first, last]) => first > last)) bad(`no records of batch ${batch}`);
  }
  const { subtrees, charter, charter_in_force: changed, ...rest } = found;
  const state = {
    ...emptyState(), ...rest,
    periods: new Map([...rest.periods].map(([id, one]) => [id, filledPeriod(one)])),
    balances: new Map([...rest.balances].map(([code, one]) => [code, filledBalances(one)])),
    proposals: filled(rest.proposals, (one) => ({ besides: [], ...one })),
    orders: filled(rest.orders, (one) => ({ vault: null, ...one })),
    dues: filled(rest.dues, (rows) => filled(rows, (one) => ({ ...NO_DUES, ...one }))),
    frontier: frontierOf(found.size, subtrees.map(fromHex)),
    charter: { terms: charter, document: document.get("charter") },
    charter_in_force: changed === undefined
      ? null : { terms: changed, document: document.get("charter_in_force") },
  };
  if (!equalBytes(encodeCanonical(stateDocument(state), "the state"), data)) {
    bad("the state is not in the form in which its hash is taken");
  }
  return state;
}

// What is left out of the document while it is empty.

const filled = (map, fill) =>
  new Map([...map ?? []].map(([key, one]) => [key, fill(one)]));

const filledBalances = (found) => ({ ...laterOfBalances(), ...found });

function filledPeriod(found) {
  const { run: last = null, pending } = found;
  return {
    ...laterOfPeriod(), ...found, pending: pending && filledBalances(pending),
    run: last && { late: 0, amended: new Map(), ...last, opening: filledBalances(last.opening) },
  };
}

function frontierOf(size, roots) {
  const count = BigInt(size).toString(2).replace(/0/g, "").length;
  if (roots.length !== count) {
    refuse("out-of-range", `size ${size} needs ${count} roots, not ${roots.length}`);
  }
  return new Frontier(size, roots);
}
