// RLP and Merkle-Patricia proofs (Ethereum yellow paper, appendices B and D).

import { bigEndian, equalBytes, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { keccak256 } from "./keccak.js";

const DEPTH_MAX = 64;
const bad = (why) => refuse("anchor-mismatch", why);

// The length that `size` bytes at `at` give; the shortest form is the only one.
function longLength(data, at, size) {
  if (at + size > data.length || data[at] === 0 || size > 6) bad("RLP: a malformed length");
  let length = 0;
  for (let i = 0; i < size; i++) length = length * 256 + data[at + i];
  if (length < 56) bad("RLP: a length that is not in its shortest form");
  return length;
}

function decodeAt(data, at, depth) {
  if (at >= data.length || depth === 0) bad("RLP: it ends early or is nested too deeply");
  const first = data[at];
  if (first < 0x80) return [data.subarray(at, at + 1), at + 1];
  const isList = first >= 0xc0;
  const short = first - (isList ? 0xc0 : 0x80);
  const lengthBytes = short > 55 ? short - 55 : 0;
  const start = at + 1 + lengthBytes;
  const length = lengthBytes ? longLength(data, at + 1, lengthBytes) : short;
  const end = start + length;
  if (end > data.length) bad("RLP: it ends early");
  if (isList) return [decodeItems(data.subarray(start, end), depth - 1), end];
  if (length === 1 && data[start] < 0x80) bad("RLP: a byte that is not in its shortest form");
  return [data.subarray(start, end), end];
}

function decodeItems(data, depth) {
  const items = [];
  for (let at = 0; at < data.length; ) {
    const [item, next] = decodeAt(data, at, depth);
    items.push(item);
    at = next;
  }
  return items;
}

// Bytes, or a list of what is in it.
export function decodeRlp(data) {
  const [item, end] = decodeAt(data, 0, DEPTH_MAX);
  if (end !== data.length) bad("RLP: something follows");
  return item;
}

// The RLP of a small non-negative integer.
export function encodeInteger(value) {
  if (value === 0) return new Uint8Array([0x80]);
  let length = 1;
  while (256 ** length <= value) length++;
  const bytes = bigEndian(value, length);
  return length === 1 && value < 0x80 ? bytes : new Uint8Array([0x80 + length, ...bytes]);
}

export function asBytes(item) {
  return item instanceof Uint8Array ? item : bad("a list stands where bytes belong");
}

// Hex-prefix encoding: whether the node is a leaf, and its nibbles.
function parseSegment(encoded) {
  const nibbles = toHex(encoded);
  const flag = nibbles[0];
  if (!nibbles || !"0123".includes(flag) || ("02".includes(flag) && nibbles[1] !== "0")) {
    bad("a trie node has a malformed path");
  }
  return { isLeaf: "23".includes(flag), segment: nibbles.slice("13".includes(flag) ? 1 : 2) };
}

// One step down: where the node leads, and the rest of the path.
function descend(node, path) {
  if (Array.isArray(node) && node.length === 17) {
    const target = asBytes(path ? node[parseInt(path[0], 16)] : node[16]);
    return { target, isValue: !path, rest: path.slice(1) };
  }
  if (Array.isArray(node) && node.length === 2) {
    const { isLeaf, segment } = parseSegment(asBytes(node[0]));
    if (path.startsWith(segment)) {
      return { target: asBytes(node[1]), isValue: isLeaf, rest: path.slice(segment.length) };
    }
  }
  return bad("the trie proof leaves the path of its key");
}

// The value under `key` in the trie with `root`, shown by exactly these nodes from the root down.
export function verifyTrieProof(root, key, nodes) {
  let wanted = root;
  let path = toHex(key);
  for (const [position, node] of nodes.entries()) {
    if (!equalBytes(keccak256(node), wanted)) bad(`trie node ${position} has another hash`);
    const { target, isValue, rest } = descend(decodeRlp(node), path);
    path = rest;
    if (!path && position === nodes.length - 1 && isValue) return target;
    if (isValue || target.length !== 32) bad(`trie node ${position} leads nowhere`);
    wanted = target;
  }
  return bad("the trie proof ends before its value");
}
