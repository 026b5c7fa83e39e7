// The names of a bundle's files, and the most bytes that each may have (docs/audit-bundle.md).

import { refuse } from "./errors.js";
import { TILE_WIDTH, parseTilePath, tilePath } from "./tiles.js";
import { MANIFEST } from "./zip.js";

export const CHECKPOINT = "checkpoint";

// Files of a slice alone.
export const LEAVES = "leaves";
export const END_PROOF = "end/consistency";
export const START_STATE = "start/state";
export const START_PREFIX = "start/prefix";
export const START_GENESIS = "start/genesis";
export const START_PROOFS = "start/proofs";
export const START_USAGE = "start/usage.ndjson";
export const START_CHECKPOINT = "start/checkpoint";

const MIB = 2 ** 20;
const NOTE_BYTES_MAX = 1_000_000;
const ENTRY_BYTES_MAX = 65_535;
const PROOF_BYTES_MAX = 64 * 32;
const SIZES = new Map([
  [MANIFEST, 64 * MIB], [CHECKPOINT, NOTE_BYTES_MAX], [START_CHECKPOINT, NOTE_BYTES_MAX],
  [LEAVES, 64 * MIB], [END_PROOF, PROOF_BYTES_MAX], [START_STATE, 64 * MIB],
  [START_PREFIX, PROOF_BYTES_MAX], [START_GENESIS, ENTRY_BYTES_MAX], [START_PROOFS, 16 * MIB],
  [START_USAGE, 256 * MIB],
]);

// First entry, end and width of a slice's file of entries; null for another name. Widths are
// numbers, places are BigInt: a name may state more than a number holds.
export function parseEntriesName(name) {
  const match = /^entries\/(0|[1-9][0-9]{0,15})-([1-9][0-9]{0,15})$/.exec(name);
  if (match === null) return null;
  const [first, end] = [BigInt(match[1]), BigInt(match[2])];
  const width = end - first;
  return width > 0n && width <= TILE_WIDTH ? { name, first, end, width: Number(width) } : null;
}

// The most bytes that a file with this name may have; refuses a strange name.
export function sizeLimit(name) {
  if (SIZES.has(name)) return SIZES.get(name);
  if (/^blobs\/[0-9a-f]{64}$/.test(name)) return 64 * MIB;
  if (/^keys\/[1-9][0-9]{0,15}$/.test(name)) return NOTE_BYTES_MAX;
  const records = /^records\/(?:0|[1-9][0-9]{0,15})\.(ndjson|leaves)$/.exec(name);
  if (records) return records[1] === "ndjson" ? 16 * MIB : 10_000 * 64;
  const entries = parseEntriesName(name);
  if (entries) return entries.width * (ENTRY_BYTES_MAX + 2);
  const tile = parseTilePath(name);
  if (tile === null) {
    refuse("malformed-document", `${name} is not a file of an audit bundle`, { file: name });
  }
  return tile.level === "entries" ? tile.width * (ENTRY_BYTES_MAX + 2) : tile.width * 32;
}

export function bundlePath({ index, width }) {
  return tilePath(0, index, width).replace("tile/0/", "tile/entries/");
}

// The files that hold entries from `start` on, by their names, up to the first gap.
export function entryFiles(members, start) {
  const [found, names] = [[], [...members.keys()]];
  let at = BigInt(start);
  const spans = start
    ? names.map(parseEntriesName).filter((span) => span)
    : names.filter((name) => name.startsWith("tile/entries/")).map(bundleSpan);
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  spans.sort((a, b) => compare(a.first, b.first) || compare(a.end, b.end));
  for (const span of spans) {
    if (span.first !== at) break;
    found.push(span);
    at = span.end;
  }
  return found;
}

function bundleSpan(name) {
  const { index, width } = parseTilePath(name);
  const first = index * BigInt(TILE_WIDTH);
  return { name, first, end: first + BigInt(width), width };
}

// The hashes of a file that is nothing but hashes; the last may be cut short.
export function splitHashes(data) {
  const found = [];
  for (let at = 0; at < data.length; at += 32) found.push(data.subarray(at, at + 32));
  return found;
}
