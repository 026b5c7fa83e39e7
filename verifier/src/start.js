// Where a slice starts: all that the fold needs of the entries before its first one.
//
// What lies before is not in a slice. It rests on the hash of the state at the start, which a
// settlement carries that the co-op's quorum approved in the slice itself (checkApproved). The hash
// chain of each account's usage in that state shows that the batches before are all there,
// unchanged and in their order.

import { compareText, concat, equalBytes, fromHex, toHex } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { parseEnvelope } from "./envelope.js";
import { Refusal, refuse } from "./errors.js";
import { noting } from "./findings.js";
import { START_PREFIX, START_STATE, START_USAGE, splitHashes } from "./names.js";
import { sha256 } from "./sha256.js";
import { parseState } from "./snapshot.js";
import { checkProofs } from "./startproofs.js";
import { EMPTY_USAGE, SUSPENSE } from "./state.js";
import { joinKey, parseTotals, splitKey } from "./totals.js";

const RULESET = "ruleset-proposed";
const FIGURES = "figures-reported";
const LF = 10;

// Read where a slice starts; null, with findings, if the fold cannot begin there.
export function openStart(files, findings) {
  const data = files.read(START_STATE);
  const state = noting(findings, START_STATE, () => parseState(data));
  if (state === null) return null;
  const before = state.frontier;
  checkPrefix(files, before, findings);
  const { entries, roots } = checkProofs(files, state.genesis, before, findings);
  for (const digest of noting(findings, START_STATE, () => neededBlobs(state)) ?? []) {
    try {
      files.blob(digest);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error; // noted by the files, at the file
    }
  }
  const totals = checkUsage(files, state, findings);
  return { state, before, entries, roots, totals, stateHash: toHex(sha256(data)) };
}

// Whether records of this period lie before the slice.
export function hasUsageBefore(start, period) {
  return (start?.state.periods.get(period)?.usage.size ?? 0) > 0;
}

// The blobs that a fold from here on may need: rule sets and figures, adopted or before the
// electorate; of settled months those that a correction may run again.
function neededBlobs(state) {
  const kept = [...state.periods.values()]
    .filter((period) => isUnsettled(period) || period.run !== null);
  const open = (wanted) => [...state.proposals.values()]
    .filter(({ kind }) => kind === wanted)
    .map((proposal) => takeBody(wanted, proposal.body));
  return new Set([
    ...state.rule_sets.map((adopted) => adopted.text_sha256),
    ...kept.flatMap(({ figures }) => [...figures.values()].map(({ sha256: hash }) => String(hash))),
    ...open(RULESET).map((body) => body.text.sha256),
    ...open(FIGURES).map((body) => body.figures.sha256),
  ]);
}

function checkPrefix(files, before, findings) {
  const data = files.read(START_PREFIX);
  if (data === null) return;
  const found = splitHashes(data);
  const count = Math.min(found.length, before.roots.length);
  const at = found.slice(0, count).findIndex((hash, i) => !equalBytes(hash, before.roots[i]));
  if (at < 0 && found.length === before.roots.length) return;
  findings.add(
    "root-mismatch", `${START_PREFIX}, hash ${at < 0 ? count : at}`,
    "these are not the subtrees that the state names", "状態が示す部分木の根と一致しません",
  );
}

// Usage before the start.

const isUnsettled = (period) => period !== undefined && period.status !== "settled";

// Totals of the months that are not settled, from batches that lead to the state's digests.
function checkUsage(files, state, findings) {
  const found = { totals: [], chains: new Map() };
  const data = files.read(START_USAGE) ?? new Uint8Array(0);
  linesOf(data).forEach((line, i) => {
    noting(findings, `${START_USAGE}, line ${i + 1}`, () => count(files, state, line, found));
  });
  const wanted = new Map();
  for (const [id, period] of state.periods) {
    if (!isUnsettled(period)) continue;
    for (const [account, usage] of period.usage) wanted.set(joinKey(id, account), usage);
  }
  const places = [...new Set([...wanted.keys(), ...found.chains.keys()])].map(splitKey);
  const order = (a, b) => compareText(a[0], b[0]) || compareText(a[1], b[1]);
  for (const place of places.sort(order)) {
    const key = joinKey(...place);
    if (isSameUsage(wanted.get(key), found.chains.get(key))) continue;
    findings.add(
      "root-mismatch", `${START_USAGE}, ${place.join("/")}`,
      "these are not all the batches that the state counts, unchanged and in order",
      "状態が示す送信束の全部ではないか、内容または順序が異なります",
    );
  }
  return found.totals;
}

function isSameUsage(a, b) {
  return a !== undefined && b !== undefined && a.batches === b.batches &&
    a.records === b.records && a.digest === b.digest;
}

function linesOf(data) {
  const found = [];
  for (let at = 0; at < data.length; ) {
    const end = data.indexOf(LF, at) < 0 ? data.length : data.indexOf(LF, at);
    found.push(data.subarray(at, end));
    at = end + 1;
  }
  return found;
}

// Count a batch before the start: its totals, and its link in the chain of each month.
function count(files, state, line, { totals, chains }) {
  const entry = parseEnvelope(line);
  const member = state.keys.get(entry.actor)?.member;
  if (entry.kind !== "usage-batch" || member === undefined) {
    refuse("malformed-document", "this is not a usage batch of a member");
  }
  const body = takeBody(entry.kind, entry.body);
  const account = body.account === SUSPENSE ? SUSPENSE : member;
  const rows = parseTotals(files.blob(body.totals.sha256))
    .filter(([period]) => isUnsettled(state.periods.get(period)));
  if (!rows.length) refuse("malformed-document", "nothing in this slice needs this batch");
  for (const period of new Set(rows.map((row) => row[0]))) {
    const key = joinKey(period, account);
    const { batches, records, digest } = chains.get(key) ?? EMPTY_USAGE;
    chains.set(key, {
      batches: batches + 1, records: records + body.count,
      digest: toHex(sha256(concat(fromHex(digest), entry.leaf))),
    });
  }
  totals.push(...rows.map(([period, facility, name, currency, amount]) => ({
    period, epoch: 0, account, facility, name, currency, amount: BigInt(amount),
  })));
}

// On what the start rests.

// The state at the start is one that a settlement in the slice carries, approved and settled.
export function checkApproved(fold, findings) {
  const { start } = fold;
  if (start === null) return null;
  const { size } = start.state;
  const computed = new Set(fold.settlements.map((one) => one.id));
  const period = [...fold.state.periods.values()].find((one) =>
    one.cut_off?.index === size && one.status === "settled" && computed.has(one.settlement));
  if (!period) {
    findings.add(
      "start-unproven", START_STATE,
      `no settlement in this bundle that took effect carries the state at entry ${size}`,
      `エントリー ${size} の時点の状態を示す、発効した精算がこの監査束にありません`,
    );
  }
  return {
    entry: size, root: toHex(start.before.root()), stateHash: start.stateHash,
    period: period?.id ?? "", settlement: period?.settlement ?? "",
    approvedBy: fold.approvals.get(period?.settlement) ?? [],
  };
}
