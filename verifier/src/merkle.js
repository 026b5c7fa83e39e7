// RFC 6962 trees: roots, the growing frontier, inclusion proofs (RFC 9162 §2.1.3.2).

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

export function rootHash(leaves) {
  return leaves.reduce((grown, leaf) => grown.append(leaf), new Frontier()).root();
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
