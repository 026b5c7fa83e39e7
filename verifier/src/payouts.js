// Payout orders and what became of them: derived here from the state, as settlements are.
//
// Payments are netted once per member and currency. A line's id is made of the settlement, the
// member, the currency and the attempt.

import { equalBytes, toHex } from "./bytes.js";
import { resultsShape } from "./bodies.js";
import { destinationHash, destinationInForce, EVM } from "./destinations.js";
import { duesOf, payable, restOf, waitingOrders } from "./dues.js";
import { refuse } from "./errors.js";
import { canonicalDigest, encodeCanonical, parseCanonical } from "./json.js";
import { propose } from "./proposals.js";
import { take } from "./schema.js";
import { digitsOf, withKey } from "./state.js";
import { formatMinor, ofPayout, ofPayoutResults } from "./subjects.js";
import { SALT_BYTES } from "./totals.js";
import { VAULT, placeInForce } from "./vaults.js";

const RESULT = "payout-resulted";
// Which type of destination a method pays to, and in which files.
const METHODS = { bank: "bank", iban: "iban", [VAULT]: EVM };
const FORMATS = {
  bank: ["zengin", "pain.001.001.03", "csv"], iban: ["pain.001.001.09", "csv"], [VAULT]: [],
};
const NOTICE_KINDS = ["self-billed", "payment-notice"];
const ID_DIGITS = 28;

function payoutId(settlement, period, member, currency, attempt) {
  const subject = ["kyojo/payout/v1", settlement, member, currency, attempt];
  const digest = toHex(canonicalDigest(subject)).slice(0, ID_DIGITS);
  return `${period.replace("-", "")}-${digest}`;
}

function newestSettled(state, currency) {
  const found = [...state.periods.values()].filter((period) =>
    period.status === "settled" && period.currency === currency);
  if (!found.length) refuse("conflict", `no month is settled in ${currency}`);
  return found.reduce((last, one) => (one.start > last.start ? one : last));
}

// How often this payment was tried: ordered, or waiting for approval.
function attemptOf(state, period, currency, member) {
  const ordered = [...state.orders.values()]
    .filter((order) => order.period === period && order.currency === currency)
    .flatMap((order) => [...order.lines.values()])
    .filter((line) => line.member === member)
    .map(({ attempt }) => attempt);
  const waiting = waitingOrders(state, currency)
    .filter((order) => order.get("period") === period)
    .flatMap((order) => order.get("lines"))
    .filter((line) => line.get("member") === member)
    .map((line) => line.get("attempt"));
  return Math.max(-1, ...ordered, ...waiting) + 1;
}

function deriveOrder(state, currency, method, now) {
  digitsOf(state, currency);
  const { id: period, settlement } = newestSettled(state, currency);
  const lines = [];
  for (const [member, amount] of payable(state, currency)) {
    const destination = destinationInForce(state, member, currency, now);
    if (destination === null || destination.type !== METHODS[method]) continue;
    const attempt = attemptOf(state, period, currency, member);
    const id = payoutId(settlement, period, member, currency, attempt);
    const account = method === VAULT ? destination.address : null;
    lines.push({
      id, member, amount_minor: amount, destination: destinationHash(destination), account, attempt,
    });
  }
  if (!lines.length) refuse("conflict", `nothing is to be paid in ${currency} by ${method}`);
  const total = lines.reduce((sum, line) => sum + line.amount_minor, 0n);
  if (total > BigInt(Number.MAX_SAFE_INTEGER)) refuse("out-of-range", "beyond 2**53 − 1");
  const vault = method === VAULT ? placeInForce(state, currency) : null;
  return { period, currency, method, lines, total, vault };
}

export function proposeOrder(step, body) {
  const { state } = step;
  if (step.right.approve === null) refuse("malformed-entry", "a payout needs a quorum");
  const order = deriveOrder(state, body.currency, body.method, step.now);
  const { period, currency, method, total, vault } = order;
  const named = vault === null ? {} : { vault };
  const isStated = body.period === period && body.count === order.lines.length &&
    BigInt(body.total_minor) === total;
  if (!isStated) {
    const derived = `${total} of ${period} in ${order.lines.length} lines`;
    refuse("sum-mismatch", `what is payable is ${derived}`);
  }
  const document = { kyojo_payout: 1, period, currency, method, lines: order.lines, ...named };
  const content = encodeCanonical(document);
  if (!equalBytes(step.blob(body.lines, "the lines").subarray(SALT_BYTES), content)) {
    refuse("sum-mismatch", "the lines blob is not what is payable now");
  }
  if (body.notices !== undefined) {
    checkNotices(step.blob(body.notices, "the notices").subarray(SALT_BYTES), order);
  }
  const lines = order.lines.map((line) =>
    new Map(Object.entries({ ...line, amount_minor: Number(line.amount_minor) })));
  return propose(step, step.right.approve, {
    subject: ofPayout(state, body, vault),
    subjectHash: toHex(step.entry.leaf),
    body: new Map(Object.entries({ period, currency, method, blob: body.lines.sha256, lines,
      ...named })),
  });
}

// The documents that go with an order are of its own lines and amounts; whether they add up is
// checked by whoever shows them.
function checkNotices(content, order) {
  const found = parseCanonical(content, "the notices");
  const documents = found instanceof Map ? found.get("documents") : null;
  if (!(documents instanceof Map)) refuse("malformed-entry", "the notices have no documents");
  const lines = new Map(order.lines.map((line) => [line.id, line]));
  for (const [id, document] of documents) {
    const line = lines.get(id);
    if (line === undefined || !(document instanceof Map)) {
      refuse("sum-mismatch", `the order has no line ${id.slice(0, 40)}`);
    }
    const amount = document.get("payable_minor");
    const fits = NOTICE_KINDS.includes(document.get("kind")) && document.get("number") === id &&
      document.get("currency") === order.currency && Number.isInteger(amount) &&
      BigInt(amount) === line.amount_minor;
    if (!fits) refuse("sum-mismatch", `the document of ${id} is of something else`);
  }
}

export function enactOrder(step, state, proposal) {
  const { body } = proposal;
  const [period, currency, method] = ["period", "currency", "method"].map((one) => body.get(one));
  const lines = body.get("lines").map((row) => {
    const line = Object.fromEntries(row);
    return { ...line, amount_minor: BigInt(line.amount_minor) };
  });
  checkStill(step, state, currency, lines);
  const vault = body.get("vault") ?? null;
  if (method === VAULT && vault !== placeInForce(state, currency)) {
    refuse("conflict", `the vault in force is not ${vault ?? "one that is not named"}`);
  }
  const rows = new Map(duesOf(state, currency));
  for (const { member, amount_minor: amount } of lines) {
    const before = rows.get(member);
    rows.set(member, { ...before, ordered: before.ordered + amount });
  }
  const ordered = lines.map(({ id, ...line }) => [id, { ...line, state: "ordered" }]);
  const { index } = proposal;
  const order = { period, currency, method, index, lines: new Map(ordered), file: null, vault };
  return {
    ...state, dues: withKey(state.dues, currency, rows),
    orders: withKey(state.orders, step.entry.body.get("subject_hash"), order),
  };
}

// Every line may be paid as it was proposed.
function checkStill(step, state, currency, lines) {
  const amounts = payable(state, currency);
  for (const { member, amount_minor: amount, destination } of lines) {
    const found = destinationInForce(state, member, currency, step.now);
    if (found === null || destinationHash(found) !== destination) {
      refuse("conflict", `${member} is paid elsewhere since this order was proposed`);
    }
    const may = amounts.get(member) ?? 0n;
    if (amount > may) refuse("conflict", `${member} may be paid ${may}, the order says ${amount}`);
  }
}

// No file pays what has come back, or what a report that waits may bring back.
function checkOnItsWay(state, orderId, order) {
  const back = [...order.lines].find(([, line]) => line.state !== "ordered");
  if (back) refuse("conflict", `the line ${back[0]} is ${back[1].state}`);
  const waits = [...state.proposals.values()].some(({ kind, body }) =>
    kind === RESULT && body.get("order") === orderId);
  if (waits) refuse("conflict", "a report on this order waits to be confirmed");
}

// The bank's file is made, once.
export function exportOrder(step, { order: id, format, pay_on, file }) {
  const order = orderOf(step.state, id);
  if (order.file !== null) refuse("already-exported", `exported as ${order.file.format}`);
  if (!FORMATS[order.method].includes(format)) {
    refuse("malformed-entry", `an order by ${order.method} does not take ${format}`);
  }
  checkOnItsWay(step.state, id, order);
  step.blob(file, "the bank's file");
  const exported = { ...order, file: { format, pay_on, sha256: file.sha256 } };
  return { ...step.state, orders: withKey(step.state.orders, id, exported) };
}

// What became of the lines.

function orderOf(state, id) {
  return state.orders.get(id) ?? refuse("not-found", `no approved payout order has the hash ${id}`);
}

function readResults(blob, orderId) {
  const document = parseCanonical(blob.subarray(SALT_BYTES), "the results");
  const found = take(resultsShape, document, "malformed-entry", "report of payouts");
  if (found.order !== orderId) refuse("malformed-entry", `the results are of ${found.order}`);
  return found.results;
}

export function reportResults(step, body) {
  const { state } = step;
  if (step.right.approve === null) refuse("malformed-entry", "results need a second person");
  const order = orderOf(state, body.order);
  const rows = readResults(step.blob(body.results, "the results"), body.order);
  // Of a line that was paid and came back, the last row counts.
  const outcomes = new Map();
  for (const { id, outcome } of rows) {
    if (outcomes.get(id) === outcome) refuse("duplicate-id", `the line ${id} is ${outcome} twice`);
    outcomes.set(id, outcome);
  }
  move(state, body.order, outcomes);
  checkTheBankKnows(order, outcomes);
  const was = new Map([...outcomes.keys()].map((id) => [id, order.lines.get(id).state]));
  const sums = { paid: 0n, returned: 0n, expired: 0n };
  for (const [id, outcome] of outcomes) sums[outcome] += order.lines.get(id).amount_minor;
  const { paid, returned, expired } = sums;
  const stated = [body.paid_minor, body.returned_minor, body.expired_minor ?? 0].map(BigInt);
  if ([paid, returned, expired].some((sum, at) => sum !== stated[at])) {
    refuse("sum-mismatch", `the rows: ${paid} paid, ${returned} returned, ${expired} expired`);
  }
  const { period, currency } = order;
  const words = (amount) => `${formatMinor(amount, digitsOf(state, currency))} ${currency}`;
  return propose(step, step.right.approve, {
    subject: ofPayoutResults(
      period, words(paid), words(returned), expired ? words(expired) : null, outcomes.size,
    ),
    subjectHash: toHex(step.entry.leaf),
    body: new Map(Object.entries({
      order: body.order, period, outcomes, was, blob: body.results.sha256,
      evidence_hash: body.evidence_hash,
    })),
  });
}

// An order of which no bank has a file has no results; it is cancelled whole.
function checkTheBankKnows(order, outcomes) {
  if (order.method === VAULT || order.file !== null) return;
  if ([...outcomes.values()].includes("paid") || outcomes.size < order.lines.size) {
    refuse("conflict", "no bank has a file of this order, and it is not cancelled whole");
  }
}

// Each line has to be what it was when the report was made.
export function enactResults(step, state, proposal) {
  const orderId = proposal.body.get("order");
  const { lines } = orderOf(state, orderId);
  for (const [id, was] of proposal.body.get("was")) {
    const { state: is } = lines.get(id);
    if (is !== was) refuse("conflict", `the line ${id} was ${was} and is ${is} now`);
  }
  return move(state, orderId, proposal.body.get("outcomes"));
}

// The state in which lines of an order are paid, returned or expired.
function move(state, orderId, outcomes) {
  const order = orderOf(state, orderId);
  const lines = new Map(order.lines);
  const rows = new Map(duesOf(state, order.currency));
  for (const [id, outcome] of outcomes) {
    const line = lines.get(id) ?? refuse("not-found", `the order has no line ${id}`);
    if (line.state === outcome) refuse("duplicate-id", `the line ${id} is ${outcome} already`);
    if (outcome === "returned" && order.method === VAULT) {
      refuse("conflict", `the line ${id} is a claim in the vault; claims do not come back`);
    }
    if (outcome === "expired" && order.method !== VAULT) {
      refuse("conflict", `the line ${id} is paid by ${order.method}; only claims expire`);
    }
    const { member, amount_minor: amount, state: was } = line;
    const before = rows.get(member);
    if (was === "returned" && restOf(before) < amount) {
      refuse("conflict", `the line ${id} was returned and has been ordered again since`);
    }
    rows.set(member, {
      ...before, [was]: before[was] - amount, [outcome]: before[outcome] + amount,
    });
    lines.set(id, { ...line, state: outcome });
  }
  return {
    ...state, dues: withKey(state.dues, order.currency, rows),
    orders: withKey(state.orders, orderId, { ...order, lines }),
  };
}
