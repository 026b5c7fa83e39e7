// C2SP tlog-tiles: the names of tiles and entry bundles, and what is in them.
//
//   tile/<L>/<N>[.p/<W>]         hashes; tile/entries/<N>[.p/<W>] entries with uint16 lengths

import { concat } from "./bytes.js";
import { rootHash } from "./merkle.js";

export const TILE_WIDTH = 256;
const PATH = new RegExp(
  "^tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\\.p/([1-9][0-9]{0,2}))?$",
);

function formatIndex(index) {
  const groups = [];
  let rest = String(index);
  do {
    groups.unshift(rest.slice(-3).padStart(3, "0"));
    rest = rest.slice(0, -3);
  } while (rest);
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
}

export function tilePath(level, index, width) {
  return `tile/${level}/${formatIndex(index)}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

// Level ("entries" or a number), index (BigInt) and width of a path; null for another spelling.
export function parseTilePath(path) {
  const match = path.length <= 60 ? PATH.exec(path) : null;
  if (match === null) return null;
  const index = BigInt(match[2].replace(/[x/]/g, ""));
  const width = Number(match[3] ?? TILE_WIDTH);
  if (index > 2n ** 63n - 1n || formatIndex(index) !== match[2]) return null;
  if (match[3] && width >= TILE_WIDTH) return null;
  const level = match[1] === "entries" ? "entries" : Number(match[1]);
  return level !== "entries" && level > 63 ? null : { level, index, width };
}

// Index and width of each tile that holds `items` things.
function slots(items) {
  const found = [];
  for (let index = 0; index * TILE_WIDTH < items; index++) {
    found.push({ index, width: Math.min(items - index * TILE_WIDTH, TILE_WIDTH) });
  }
  return found;
}

// Every tile of a tree of `size` leaves, level by level.
export function tilesOfSize(size) {
  const found = [];
  for (let level = 0, items = size; items > 0; level++, items = Math.floor(items / TILE_WIDTH)) {
    for (const { index, width } of slots(items)) found.push({ level, index, width });
  }
  return found;
}

// The bytes of every tile over these leaves, by path.
export function tilesOf(leaves) {
  const found = new Map();
  let items = leaves;
  for (let level = 0; items.length > 0; level++) {
    const above = [];
    for (const { index, width } of slots(items.length)) {
      const row = items.slice(index * TILE_WIDTH, index * TILE_WIDTH + width);
      found.set(tilePath(level, index, width), concat(...row));
      if (width === TILE_WIDTH) above.push(rootHash(row));
    }
    items = above;
  }
  return found;
}

// The entries of a bundle, as far as it can be read; `fault` says what is wrong with it.
export function readEntries(data, width) {
  const entries = [];
  let at = 0;
  for (let i = 0; i < width; i++) {
    const start = at + 2;
    const end = start > data.length ? Infinity : start + ((data[at] << 8) | data[at + 1]);
    if (end > data.length) {
      return { entries, fault: `the bundle ends within entry ${i} of ${width}` };
    }
    entries.push(data.subarray(start, end));
    at = end;
  }
  const rest = data.length - at;
  return { entries, fault: rest ? `${rest} bytes follow the ${width} entries` : null };
}

