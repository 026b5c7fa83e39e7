// Salted Merkle-sum trees: every node commits to the sums of both of its children.
//
// A tree is as wide as its total needs: sums of 16, 64, 256, 1024 or 4096 bytes, each width with
// marks of its own.

import { bigEndian, compareText, concat, utf8 } from "./bytes.js";
import { refuse } from "./errors.js";
import { sum } from "./fraction.js";
import { hmacSha256, sha256 } from "./sha256.js";

const DOMAIN = utf8("kyojo/sum-tree/v1\n");
const WIDTHS = [16, 64, 256, 1024, 4096];
const mark = (kind, width) => new Uint8Array([kind + 0x10 * WIDTHS.indexOf(width)]);

function unsigned(value, width) {
  return bigEndian(value, width) ?? refuse("out-of-range", `${value} is no u${8 * width}`);
}

// How many bytes the sums of a tree with this total have.
export function widthOf(total) {
  const width = WIDTHS.find((bytes) => total < 1n << BigInt(8 * bytes)) ?? WIDTHS.at(-1);
  unsigned(total, width);
  return width;
}

// The salt of leaf `index`, from the co-op's 32-byte seed.
export function deriveSalt(seed, tree, index) {
  if (seed.length !== 32) refuse("out-of-range", `a seed is 32 bytes, not ${seed.length}`);
  return hmacSha256(seed, concat(DOMAIN, utf8(tree), bigEndian(index, 8)));
}

export function leafNode(salt, member, amount, width) {
  const name = utf8(member);
  const length = bigEndian(name.length, 2) ?? refuse("out-of-range", "an id that is too long");
  const body = concat(mark(2, width), salt, length, name, unsigned(amount, width));
  return { hash: sha256(body), sum: amount };
}

function parentNode(left, right, width) {
  const sum = left.sum + right.sum;
  unsigned(sum, width);
  const sides = [left, right].flatMap((node) => [unsigned(node.sum, width), node.hash]);
  return { hash: sha256(concat(mark(3, width), ...sides)), sum };
}

export function commit(root, size) {
  const width = widthOf(root.sum);
  const body = [unsigned(root.sum, width), bigEndian(size, 8), root.hash];
  return sha256(concat(mark(4, width), ...body));
}

// Root and commitment of the tree over [member, amount] rows, in the order of the ids' bytes.
export function buildSumTree(seed, tree, rows) {
  if (!rows.length || rows.some(([id], i) => i && compareText(rows[i - 1][0], id) >= 0)) {
    refuse("out-of-range", "a sum tree needs members, in the order of their ids");
  }
  const width = widthOf(sum(rows.map(([, amount]) => amount)));
  let level = rows.map(([id, amount], i) =>
    leafNode(deriveSalt(seed, tree, i), id, amount, width));
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i < level.length; i += 2) {
      above.push(i + 1 < level.length ? parentNode(level[i], level[i + 1], width) : level[i]);
    }
    level = above;
  }
  return { root: level[0], commitment: commit(level[0], rows.length) };
}

// The root that a leaf and its siblings lead to, in a tree of `size` leaves and sums of `width`.
export function climb(leaf, index, size, siblings, width) {
  let [node, at, count] = [leaf, index, size];
  const rest = [...siblings];
  while (count > 1) {
    const other = at % 2 ? at - 1 : at + 1;
    if (other < count) {
      const sibling = rest.shift() ?? refuse("not-included", "the path is too short");
      if (sibling.sum < 0n) refuse("not-included", "a negative sum on the path");
      const [left, right] = at % 2 ? [sibling, node] : [node, sibling];
      node = parentNode(left, right, width);
    }
    [at, count] = [Math.floor(at / 2), Math.ceil(count / 2)];
  }
  if (rest.length) refuse("not-included", "the path is too long");
  return node;
}
