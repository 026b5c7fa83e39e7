// RFC 6962 trees: roots, the growing frontier, inclusion and consistency proofs (RFC 9162
// §2.1.3.2, §2.1.4.2).

import { concat, equalBytes, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { sha256 } from "./sha256.js";

export const HASH_BYTES = 32;
export const EMPTY_ROOT = sha256(new Uint8Array(0));
const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

export function leafHash(entry) {
  return sha256(concat(LEAF, entry));
}

export function nodeHash(left, right) {
  return sha256(concat(NODE, left, right));
}

// The perfect subtrees that cover the leaves so far, largest first; `append` returns a new one.
export class Frontier {
  constructor(size = 0, roots = []) {
    this.size = size;
    this.roots = roots;
  }

  append(leaf) {
    const roots = [...this.roots];
    let merged = leaf;
    for (let rest = this.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      merged = nodeHash(roots.pop(), merged);
    }
    roots.push(merged);
    return new Frontier(this.size + 1, roots);
  }

  root() {
    if (this.roots.length === 0) return EMPTY_ROOT;
    return this.roots.reduceRight((right, left) => nodeHash(left, right));
  }
}

// The root over leaves: pairs are hashed level by level, and an odd last hash moves up unchanged.
export function rootHash(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(level[i], level[i + 1]));
    if (level.length % 2) above.push(level[level.length - 1]);
    level = above;
  }
  return level.length ? level[0] : EMPTY_ROOT;
}

// Refuse unless the leaf stands at `index` in the tree of `size` leaves; both are BigInt.
export function verifyInclusion(leaf, index, size, proof, root) {
  const no = (why) => refuse("not-included", why);
  if (index >= size) no(`index ${index} is not below the size ${size}`);
  let [computed, position, last] = [leaf, index, size - 1n];
  for (const sibling of proof) {
    if (last === 0n) no(`the proof of ${proof.length} hashes is too long`);
    if (position & 1n || position === last) {
      computed = nodeHash(sibling, computed);
      while (position && !(position & 1n)) [position, last] = [position >> 1n, last >> 1n];
    } else {
      computed = nodeHash(computed, sibling);
    }
    [position, last] = [position >> 1n, last >> 1n];
  }
  if (last !== 0n) no(`the proof of ${proof.length} hashes is too short`);
  if (!equalBytes(computed, root)) no(`the proof leads to another root, ${toHex(computed)}`);
}

// Refuse unless the tree of `oldSize` leaves is the beginning of that of `newSize`; both BigInt.
export function verifyConsistency(oldSize, newSize, oldRoot, newRoot, proof) {
  const no = (why) => refuse("not-consistent", why);
  if ([...proof, oldRoot, newRoot].some((hash) => hash.length !== HASH_BYTES)) {
    no(`a hash that is not ${HASH_BYTES} bytes`);
  }
  if (oldSize <= 0n) no("size 0 is a prefix of everything; it shows nothing about this log");
  if (oldSize > newSize) no(`old size ${oldSize} exceeds new size ${newSize}`);
  if (oldSize < newSize) {
    verifyGrowth(oldSize, newSize, oldRoot, newRoot, proof, no);
  } else if (proof.length || !equalBytes(oldRoot, newRoot)) {
    no("equal sizes allow only equal roots and an empty proof");
  }
}

function verifyGrowth(oldSize, newSize, oldRoot, newRoot, proof, no) {
  if (!proof.length) no("a larger tree needs a proof");
  // An old tree that is one complete subtree starts the path itself; it is left out of proofs.
  const path = (oldSize & (oldSize - 1n)) === 0n ? [oldRoot, ...proof] : proof;
  let [position, last] = [oldSize - 1n, newSize - 1n];
  while (position & 1n) [position, last] = [position >> 1n, last >> 1n];
  let [before, after] = [path[0], path[0]];
  for (const sibling of path.slice(1)) {
    if (last === 0n) no(`the proof of ${proof.length} hashes is too long`);
    if (position & 1n || position === last) {
      [before, after] = [nodeHash(sibling, before), nodeHash(sibling, after)];
      while (position && !(position & 1n)) [position, last] = [position >> 1n, last >> 1n];
    } else {
      after = nodeHash(after, sibling);
    }
    [position, last] = [position >> 1n, last >> 1n];
  }
  if (last !== 0n) no(`the proof of ${proof.length} hashes is too short`);
  if (!equalBytes(before, oldRoot)) no("the proof leads to another old root");
  if (!equalBytes(after, newRoot)) no("the proof leads to another new root");
}
