// The log's tree over the folded entries, and which leaf was changed if it is another one.
//
// The root over the entries must be the checkpoint's. The hashes in a bundle prove nothing; but if
// they lead to the checkpoint's root, every entry with another hash is one that was changed, and is
// named. A slice may end before the checkpoint does: then a proof leads from its end to that.

import { concat, equalBytes, toHex } from "./bytes.js";
import { Refusal } from "./errors.js";
import { verifyConsistency } from "./merkle.js";
import { CHECKPOINT, END_PROOF, LEAVES, splitHashes } from "./names.js";
import { tilePath, tilesOf, tilesOfSize } from "./tiles.js";

const NOTHING = new Uint8Array(0);

// Compare the tree with the signed head and the stated hashes. `size` is the number of entries that
// there should be up to here; fewer are folded if a file of them is broken. `head` may be null.
export function checkTree(files, fold, size, head, findings) {
  const { base, leaves } = fold;
  const stated = statedLeaves(files, base, size);
  const proof = endProof(files, size, head);
  const root = fold.roots.at(-1);
  const isWhole = fold.size === size && leads(size, root, head, proof);
  if (head !== null && !isWhole) {
    findings.add(
      "root-mismatch", CHECKPOINT,
      `entries up to ${fold.size} of ${size} give the root ${toHex(root)}, which does not lead ` +
        `to the checkpoint's, ${toHex(head.root)}`,
      `${fold.size} 件目までのエントリーから得た根がチェックポイントと一致しません`,
    );
    if (proof !== null) {
      findings.add(
        "root-mismatch", END_PROOF,
        "from the entries, this proof does not lead to the checkpoint's root",
        "この証明ではエントリーからチェックポイントの根に至りません",
      );
    }
    const isEnough = stated.length === size - base;
    const append = (grown, leaf) => grown.append(leaf);
    const isLeading = () => leads(size, stated.reduce(append, fold.before).root(), head, proof);
    if (isEnough && isLeading()) nameEntries(fold, stated, findings);
  }
  if (base) compareLeaves(files, leaves, stated, isWhole, findings);
  else compareTiles(files, fold.size === size ? tilesOf(leaves) : null, size, findings);
}

// Whether a root at `size` is the head's, or a proof leads from it to the head's.
function leads(size, root, head, proof) {
  if (head === null) return true;
  if (head.size === BigInt(size)) return equalBytes(root, head.root);
  try {
    verifyConsistency(BigInt(size), head.size, root, head.root, proof ?? []);
    return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return false;
  }
}

function endProof(files, size, head) {
  const isThere = head !== null && head.size > BigInt(size) && files.members.has(END_PROOF);
  return isThere ? splitHashes(files.read(END_PROOF)) : null;
}

// The leaf hashes that the bundle states; none if one of them is cut off.
function statedLeaves(files, base, size) {
  const names = base
    ? [LEAVES]
    : tilesOfSize(size).filter((tile) => tile.level === 0)
      .map(({ index, width }) => tilePath(0, index, width));
  const leaves = names.flatMap((name) => splitHashes(files.read(name) ?? NOTHING));
  return leaves.every((leaf) => leaf.length === 32) ? leaves : [];
}

function nameEntries({ base, leaves }, stated, findings) {
  leaves.forEach((leaf, i) => {
    if (equalBytes(leaf, stated[i])) return;
    findings.add(
      "entry-changed", `entry ${base + i}`,
      "this entry is not the one that the checkpoint covers",
      "このエントリーはチェックポイントが示す内容ではありません",
    );
  });
}

function compareLeaves(files, leaves, stated, isWhole, findings) {
  const data = files.read(LEAVES);
  if (data === null || (!isWhole && stated.length === leaves.length)) return;
  const wanted = concat(...leaves);
  if (!equalBytes(data, wanted)) addChanged("leaf-changed", LEAVES, data, wanted, findings);
}

function compareTiles(files, expected, size, findings) {
  for (const { level, index, width } of tilesOfSize(size)) {
    const name = tilePath(level, index, width);
    const data = files.read(name);
    const wanted = expected?.get(name);
    if (data === null || !wanted || equalBytes(data, wanted)) continue;
    addChanged("tile-changed", name, data, wanted, findings);
  }
}

function addChanged(code, name, data, wanted, findings) {
  const at = data.findIndex((byte, i) => byte !== wanted[i]);
  const first = Math.min(at < 0 ? data.length : at, wanted.length);
  findings.add(
    code, `${name}, hash ${Math.floor(first / 32)}`,
    "this hash is not the one that the entries give",
    "このハッシュはエントリーから得られるものではありません",
  );
}
