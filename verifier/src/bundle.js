// Verify an audit bundle from scratch: container, tree, signatures, fold, records, anchors.
//
// A bad bundle raises nothing: what is wrong becomes findings, each with its place, and one that
// fails does not stop the others.

import { toHex } from "./bytes.js";
import { checkAnchors } from "./anchors.js";
import { isOpenDispute } from "./disputes.js";
import { Refusal } from "./errors.js";
import { openFiles } from "./files.js";
import { Findings } from "./findings.js";
import { Fold } from "./fold.js";
import { checkHead, checkStartHead } from "./head.js";
import { CHECKPOINT, END_PROOF, START_STATE, bundlePath } from "./names.js";
import { bundleRemarks, erasureRemarks, lineRemarks } from "./remarks.js";
import { checkApproved, openStart } from "./start.js";
import { checkTree } from "./tree.js";
import { MANIFEST } from "./zip.js";

function checkSize(files, head, size, findings) {
  if (head.size === null || head.size === BigInt(size)) return;
  // A proof leads from here to a larger checkpoint; see checkTree.
  if (head.size > BigInt(size) && files.members.has(END_PROOF)) return;
  findings.add(
    "root-mismatch", `${CHECKPOINT}, size`,
    `the checkpoint is of ${head.size} entries, the bundle holds ${size}`,
    `チェックポイントは ${head.size} 件、実際は ${size} 件です`,
  );
  if (head.size < BigInt(size) || files.members.has(START_STATE)) return;
  const index = Math.floor(size / 256);
  const rest = head.size - BigInt(index) * 256n;
  const width = rest < 256n ? Number(rest) : 256;
  findings.add(
    "missing-file", bundlePath({ index, width }),
    "entries that the checkpoint covers are missing", "エントリーの一部がありません",
  );
}

function checkManifest(files, fold, head, size, findings) {
  if (files.manifest === null) return;
  const { genesis } = fold.state;
  const found = { origin: head.origin, genesis, start: fold.base, end: size };
  for (const [name, value] of Object.entries(found)) {
    const stated = files.manifest[name];
    if (stated === value) continue;
    findings.add(
      "manifest-mismatch", `${MANIFEST}, ${name}`,
      `the manifest says ${stated}, the bundle holds ${value}`,
      `目録は ${stated}、実際は ${value} です`,
    );
  }
}

// The report.

function periodFact(period, before) {
  const sum = (rows, field) => [...rows.values()].reduce((found, row) => found + row[field], 0);
  const { id, status, settlement, usage } = period;
  return {
    id, status, settlement, batches: sum(usage, "batches"), records: sum(usage, "records"),
    recordsBefore: before ? sum(before.usage, "records") : 0,
  };
}

// The periods of which a bundle has something to say: a slice not of those settled before it.
function periodFacts(fold) {
  const before = fold.start?.state.periods ?? new Map();
  return [...fold.state.periods.values()]
    .filter(({ id }) => before.get(id)?.status !== "settled")
    .map((period) => periodFact(period, before.get(period.id)));
}

function factsOf(files, fold, head, anchors, start) {
  return {
    origin: head.origin,
    genesis: fold.state.genesis,
    start,
    entries: fold.leaves.length,
    size: fold.size,
    root: toHex(fold.roots.at(-1)),
    signedBy: head.signedBy,
    files: files.members.size,
    sizeBytes: files.data.length,
    batches: fold.records.batches,
    records: fold.records.records,
    firstReceivedAt: fold.firstReceivedAt,
    lastReceivedAt: fold.state.received_at,
    periods: periodFacts(fold),
    settlements: fold.settlements.map((one) => ({
      ...one, total: String(one.total), suspense: String(one.suspense),
    })),
    corrections: correctionFacts(fold),
    disputes: disputeFacts(fold),
    anchors,
  };
}

// Each correction, and whether it has been posted.
function correctionFacts({ corrections, state }) {
  return corrections.map(({ raised, lowered, ...one }) => ({
    ...one, raised: String(raised), lowered: String(lowered),
    isPosted: state.periods.get(one.period)?.posted.has(one.id) ?? false,
  }));
}

// The disputes that have not ended, and those of which something is still held.
function disputeFacts({ state }) {
  return [...state.disputes.values()]
    .filter((one) => one.held.size || isOpenDispute(one))
    .map(({ period, member, deadline, held, ...one }) => ({
      period, member, deadline, isOpen: isOpenDispute(one), isHeld: held.size > 0,
    }));
}

// What this page does not know comes before what may follow from it.
function verdictOf(parts, fold, trust) {
  const findings = parts.flatMap((part) => part.kept);
  const unknown = parts.flatMap((part) => part.unknown);
  const from = fold?.firstUnknown ?? Infinity;
  const isEarlier = ({ code, where }) => {
    if (code === "start-unproven") return from === Infinity;
    const entry = /^entry ([0-9]+)/.exec(where);
    return entry === null || Number(entry[1]) < from;
  };
  if (unknown.length && !findings.some(isEarlier)) return "unknown";
  if (findings.length) return "refused";
  return trust === null ? "consistent" : "verified";
}

function report(parts, fold, trust, facts, notChecked) {
  const order = ["files", "head", "tree", "entries", "anchors"];
  const list = order.map((name) => parts[name]);
  return {
    what: "bundle",
    verdict: verdictOf(list, fold, trust),
    findings: list.flatMap((part) => part.kept),
    findingsCount: list.reduce((sum, part) => sum + part.count, 0),
    unknown: list.flatMap((part) => part.unknown),
    facts,
    notChecked,
  };
}

function placeOf(error) {
  return error.offset === null ? error.file ?? "the file" : `byte ${error.offset}`;
}

// The report on a bundle; `trust` may be null. Only a bug throws.
export async function verifyBundle(data, trust, progress = async () => {}) {
  const names = ["files", "head", "tree", "entries", "anchors"];
  const parts = Object.fromEntries(names.map((name) => [name, new Findings()]));
  let files;
  try {
    files = openFiles(data, parts.files);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    parts.files.addError(error, placeOf(error));
    return report(parts, null, trust, null, []);
  }
  const isSlice = files.members.has(START_STATE);
  const begin = isSlice ? openStart(files, parts.files) : null;
  if (isSlice && begin === null) return report(parts, null, trust, null, []);
  const fold = new Fold(files, parts.entries, begin);
  const size = fold.wantedSize;
  await fold.run(progress);
  const head = await checkHead(files, fold, trust, parts.head);
  await checkStartHead(files, fold, trust, parts.head);
  checkTree(files, fold, size, head.root && head, parts.tree);
  checkSize(files, head, size, parts.head);
  checkManifest(files, fold, head, size, parts.head);
  const start = checkApproved(fold, parts.entries);
  const anchors = checkAnchors(fold, trust, parts.anchors);
  files.close();
  const facts = factsOf(files, fold, head, anchors, start);
  const remarks = [
    ...erasureRemarks(fold), ...bundleRemarks(fold, trust, anchors), ...lineRemarks(head.unchecked),
  ];
  return report(parts, fold, trust, facts, remarks);
}
