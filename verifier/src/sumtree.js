// Salted Merkle-sum trees: every node commits to the sums of both of its children.

import { bigEndian, compareText, concat, utf8 } from "./bytes.js";
import { refuse } from "./errors.js";
import { hmacSha256, sha256 } from "./sha256.js";

const DOMAIN = utf8("kyojo/sum-tree/v1\n");
const mark = (byte) => new Uint8Array([byte]);
const u128 = (value) => bigEndian(value, 16) ?? refuse("out-of-range", `${value} is no u128`);

// The salt of leaf `index`, from the co-op's 32-byte seed.
export function deriveSalt(seed, tree, index) {
  if (seed.length !== 32) refuse("out-of-range", `a seed is 32 bytes, not ${seed.length}`);
  return hmacSha256(seed, concat(DOMAIN, utf8(tree), bigEndian(index, 8)));
}

export function leafNode(salt, member, amount) {
  const name = utf8(member);
  const length = bigEndian(name.length, 2) ?? refuse("out-of-range", "an id that is too long");
  return { hash: sha256(concat(mark(2), salt, length, name, u128(amount))), sum: amount };
}

export function parentNode(left, right) {
  const sum = left.sum + right.sum;
  u128(sum);
  const body = concat(mark(3), u128(left.sum), left.hash, u128(right.sum), right.hash);
  return { hash: sha256(body), sum };
}

export function commit(root, size) {
  return sha256(concat(mark(4), u128(root.sum), bigEndian(size, 8), root.hash));
}

// Root and commitment of the tree over [member, amount] rows, in the order of the ids' bytes.
export function buildSumTree(seed, tree, rows) {
  if (!rows.length || rows.some(([id], i) => i && compareText(rows[i - 1][0], id) >= 0)) {
    refuse("out-of-range", "a sum tree needs members, in the order of their ids");
  }
  let level = rows.map(([id, amount], i) => leafNode(deriveSalt(seed, tree, i), id, amount));
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i < level.length; i += 2) {
      above.push(i + 1 < level.length ? parentNode(level[i], level[i + 1]) : level[i]);
    }
    level = above;
  }
  return { root: level[0], commitment: commit(level[0], rows.length) };
}

// The root that a leaf and its siblings lead to, in a tree of `size` leaves.
export function climb(leaf, index, size, siblings) {
  let [node, at, count] = [leaf, index, size];
  const rest = [...siblings];
  while (count > 1) {
    const other = at % 2 ? at - 1 : at + 1;
    if (other < count) {
      const sibling = rest.shift() ?? refuse("not-included", "the path is too short");
      if (sibling.sum < 0n) refuse("not-included", "a negative sum on the path");
      node = at % 2 ? parentNode(sibling, node) : parentNode(node, sibling);
    }
    [at, count] = [Math.floor(at / 2), Math.ceil(count / 2)];
  }
  if (rest.length) refuse("not-included", "the path is too long");
  return node;
}
