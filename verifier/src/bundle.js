// Verify an audit bundle from scratch: container, tree, signatures, fold, records, anchors.
//
// A bad bundle raises nothing: what is wrong becomes findings, each with its place, and one that
// fails does not stop the others.

import { equalBytes, toHex } from "./bytes.js";
import { checkAnchors } from "./anchors.js";
import { Refusal, Unknown, refuse } from "./errors.js";
import { CHECKPOINT, openFiles } from "./files.js";
import { Findings, noting } from "./findings.js";
import { Fold, bundlePath, sizeOf } from "./fold.js";
import { followKeys } from "./keychain.js";
import { rootHash } from "./merkle.js";
import {
  distinctKeys, keyLabel, openCheckpoint, openNote, parseCheckpoint, parseNote, parseVkey,
} from "./note.js";
import { openCosigned } from "./policy.js";
import { bundleRemarks, erasureRemarks, lineRemarks } from "./remarks.js";
import { slots, tilePath, tilesOf, tilesOfSize } from "./tiles.js";
import { MANIFEST } from "./zip.js";

// The signed head.

// All keys that the log itself names, retired ones too.
function ownKeys(fold) {
  return [...fold.state.log_keys.keys()].map(parseVkey);
}

// The keys that are trusted to begin with; without a trust file, the charter's own.
function startingKeys(fold, trust) {
  if (trust !== null) return trust.keys;
  return (fold.state.charter?.terms.log_keys ?? []).map(parseVkey);
}

function checkLog(fold, stated, origin, trust, findings) {
  const origins = new Set([origin, stated?.origin ?? origin]);
  if (origins.size !== 1 || !origins.has(trust.origin)) {
    const found = [...origins].sort().join(", ");
    findings.add(
      "wrong-log", "entry 0, origin",
      `this is the log ${found}, the trust file is for ${trust.origin}`,
      `信頼ファイルは ${trust.origin} のもので、この記録のものではありません`,
    );
  }
  const genesis = fold.leaves.length ? toHex(fold.leaves[0]) : "nothing";
  if (genesis !== trust.genesis) {
    findings.add(
      "wrong-log", "entry 0",
      `the charter's leaf hash is ${genesis}, the trust file names ${trust.genesis}: this is ` +
        "another co-op's log, or an invented one",
      "起点のハッシュが信頼ファイルと一致しません。別の組合の記録か、作られたものです",
    );
  }
}

async function openHead(data, keys, trust, origin) {
  if (trust !== null && trust.policy !== null) {
    return openCosigned(data, trust.origin, trust.policy);
  }
  return openCheckpoint(data, trust === null ? origin : trust.origin, distinctKeys(keys));
}

// No known key may be wrong or sign twice, and no unknown one sign in the log's name. Gives the
// keys of lines that nobody here can verify, such as of witnesses that the trust file lacks.
async function checkLines(data, fold, trust) {
  const keys = [...ownKeys(fold), ...(trust?.keys ?? [])];
  if (trust !== null && trust.policy !== null) {
    keys.push(...trust.policy.logs, ...trust.policy.witnesses.map((one) => one.key));
  }
  const labels = parseNote(data).signatures.map(keyLabel);
  if (new Set(labels).size !== labels.length) {
    refuse("bad-signature", "two signature lines by the same key");
  }
  const note = await openNote(data, distinctKeys(keys));
  const { origin } = parseCheckpoint(note.text);
  if (note.ignored.some((line) => line.name === origin)) {
    refuse("bad-signature", "a signature in the log's name by a key that nobody knows");
  }
  return note.ignored.map(keyLabel);
}

async function checkHead(files, fold, trust, findings) {
  const data = files.read(CHECKPOINT);
  const origin = fold.state.charter?.terms.origin ?? "";
  const stated = noting(findings, CHECKPOINT, () => parseCheckpoint(parseNote(data).text));
  if (trust !== null) checkLog(fold, stated, origin, trust, findings);
  let [signedBy, unchecked] = [[], []];
  const keys = await followKeys(files, fold, startingKeys(fold, trust), findings);
  try {
    const { note } = await openHead(data, keys, trust, origin);
    signedBy = note.signatures.map(keyLabel);
    unchecked = await checkLines(data, fold, trust);
  } catch (error) {
    findings.addError(error, `${CHECKPOINT}, signatures`);
  }
  const { size = null, root = null } = stated ?? {};
  return { origin: stated?.origin ?? origin, size, root, signedBy, unchecked };
}

// The tree.

// The leaf hashes that the bundle's tiles state; none if a tile is cut off.
function statedLeaves(files, size) {
  const leaves = [];
  for (const { index, width } of slots(size)) {
    const data = files.read(tilePath(0, index, width)) ?? new Uint8Array(0);
    for (let at = 0; at < data.length; at += 32) leaves.push(data.subarray(at, at + 32));
  }
  return leaves.every((leaf) => leaf.length === 32) ? leaves : [];
}

function checkTree(files, fold, size, signedRoot, findings) {
  const { leaves } = fold;
  const stated = statedLeaves(files, size);
  const root = fold.roots[leaves.length];
  const isWhole = leaves.length === size && signedRoot !== null && equalBytes(root, signedRoot);
  if (signedRoot !== null && !isWhole) {
    findings.add(
      "root-mismatch", CHECKPOINT,
      `${leaves.length} of ${size} entries give the root ${toHex(root)}, the checkpoint has ` +
        toHex(signedRoot),
      `${leaves.length} 件のエントリーから得た根がチェックポイントと一致しません`,
    );
    if (stated.length === size && equalBytes(rootHash(stated), signedRoot)) {
      nameEntries(leaves, stated, findings);
    }
  }
  compareTiles(files, leaves.length === size ? tilesOf(leaves) : null, size, findings);
}

function nameEntries(leaves, stated, findings) {
  leaves.forEach((leaf, index) => {
    if (equalBytes(leaf, stated[index])) return;
    findings.add(
      "entry-changed", `entry ${index}`,
      "this entry is not the one that the checkpoint covers",
      "このエントリーはチェックポイントが示す内容ではありません",
    );
  });
}

function compareTiles(files, expected, size, findings) {
  for (const { level, index, width } of tilesOfSize(size)) {
    const name = tilePath(level, index, width);
    const data = files.read(name);
    const wanted = expected?.get(name);
    if (data === null || !wanted || equalBytes(data, wanted)) continue;
    const at = data.findIndex((byte, i) => byte !== wanted[i]);
    const first = at < 0 ? Math.min(data.length, wanted.length) : at;
    findings.add(
      "tile-changed", `${name}, hash ${Math.floor(Math.min(first, wanted.length) / 32)}`,
      "this hash is not the one that the entries give",
      "このハッシュはエントリーから得られるものではありません",
    );
  }
}

function checkSize(head, size, findings) {
  if (head.size === null || head.size === BigInt(size)) return;
  findings.add(
    "root-mismatch", `${CHECKPOINT}, size`,
    `the checkpoint is of ${head.size} entries, the bundle holds ${size}`,
    `チェックポイントは ${head.size} 件、実際は ${size} 件です`,
  );
  if (head.size < BigInt(size)) return;
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
  const genesis = fold.leaves.length ? toHex(fold.leaves[0]) : "";
  const found = { origin: head.origin, genesis, start: 0, end: size };
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

function periodFact(period) {
  const rows = [...period.usage.values()];
  const sum = (field) => rows.reduce((found, row) => found + row[field], 0);
  const { id, status, settlement } = period;
  return { id, status, batches: sum("batches"), records: sum("records"), settlement };
}

function factsOf(files, fold, head, anchors) {
  return {
    origin: head.origin,
    genesis: fold.leaves.length ? toHex(fold.leaves[0]) : "",
    size: fold.leaves.length,
    root: toHex(fold.roots[fold.leaves.length]),
    signedBy: head.signedBy,
    files: files.members.size,
    sizeBytes: files.data.length,
    batches: fold.records.batches,
    records: fold.records.records,
    firstReceivedAt: fold.firstReceivedAt,
    lastReceivedAt: fold.state.received_at,
    periods: [...fold.state.periods.values()].map(periodFact),
    settlements: fold.settlements.map((one) => ({ ...one, total: String(one.total) })),
    anchors,
  };
}

// What this page does not know comes before what may follow from it.
function verdictOf(parts, fold, trust) {
  const findings = parts.flatMap((part) => part.kept);
  const unknown = parts.flatMap((part) => part.unknown);
  const from = fold?.firstUnknown ?? Infinity;
  const isEarlier = ({ where }) => {
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
    if (!(error instanceof Refusal) && !(error instanceof Unknown)) throw error;
    parts.files.addError(error, placeOf(error));
    return report(parts, null, trust, null, []);
  }
  const size = sizeOf(files);
  const fold = new Fold(files, parts.entries);
  await fold.run(size, progress);
  const head = await checkHead(files, fold, trust, parts.head);
  checkTree(files, fold, size, head.root, parts.tree);
  checkSize(head, size, parts.head);
  checkManifest(files, fold, head, size, parts.head);
  const anchors = checkAnchors(fold, trust, parts.anchors);
  files.close();
  const facts = factsOf(files, fold, head, anchors);
  const remarks = [
    ...erasureRemarks(fold), ...bundleRemarks(fold, trust, anchors), ...lineRemarks(head.unchecked),
  ];
  return report(parts, fold, trust, facts, remarks);
}
