// Proofs about what lies before a slice: entries that are in the log, smaller trees of it.
//
// start/proofs is RFC 8785 JSON: {"entries": [[index, entry, [hash …]] …], "genesis": [hash …],
// "roots": [[size, root, [hash …]] …]}, all ascending. What a wrong proof claims is left out, with
// a finding.

import { fromHex, toHex, utf8 } from "./bytes.js";
import { parseHash } from "./envelope.js";
import { Refusal, refuse } from "./errors.js";
import { noting } from "./findings.js";
import { parseCanonical } from "./json.js";
import { EMPTY_ROOT, leafHash, verifyConsistency, verifyInclusion } from "./merkle.js";
import { START_GENESIS, START_PROOFS } from "./names.js";

const HASHES_MAX = 64;
const FIELDS = "entries,genesis,roots";
const bad = (why) => refuse("malformed-document", `${START_PROOFS}: ${why}`);

function hashes(row) {
  if (row.length > HASHES_MAX) bad(`a proof has at most ${HASHES_MAX} hashes`);
  return row.map((text) => parseHash(text, "a hash"));
}

function rows(list, read) {
  let last = 0;
  return list.map((row) => {
    const isRow = Array.isArray(row) && row.length === 3 && typeof row[0] === "number" &&
      row[0] > last && typeof row[1] === "string" && Array.isArray(row[2]);
    if (!isRow) bad("a row is a number, a text and a proof, in ascending order");
    [last] = row;
    return { at: row[0], found: read(row[1]), proof: hashes(row[2]) };
  });
}

function parseProofs(data) {
  const document = parseCanonical(data, START_PROOFS);
  const isOne = document instanceof Map && [...document.keys()].join() === FIELDS &&
    [...document.values()].every(Array.isArray);
  if (!isOne) bad("it has entries, genesis and roots");
  return {
    genesis: hashes(document.get("genesis")),
    entries: rows(document.get("entries"), utf8),
    roots: rows(document.get("roots"), (text) => parseHash(text, "a root")),
  };
}

// The entries by index and the roots by size that the slice's own proofs show; `before` is the
// frontier at its start.
export function checkProofs(files, genesis, before, findings) {
  const shown = { entries: new Map(), roots: new Map([[0, EMPTY_ROOT]]) };
  const charter = files.read(START_GENESIS);
  if (charter !== null && toHex(leafHash(charter)) !== genesis) {
    findings.add(
      "entry-changed", START_GENESIS, "this is not the charter whose leaf hash the state names",
      "状態が示す起点のエントリーではありません",
    );
  }
  const data = files.read(START_PROOFS) ?? new Uint8Array(0);
  const proofs = noting(findings, START_PROOFS, () => parseProofs(data));
  if (proofs === null) return shown;
  const [size, root] = [BigInt(before.size), before.root()];
  const check = (where, verify) => {
    try {
      verify();
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      findings.addError(error, `${START_PROOFS}, ${where}`);
      return false;
    }
  };
  check("genesis", () => verifyInclusion(fromHex(genesis), 0n, size, proofs.genesis, root));
  for (const { at, found, proof } of proofs.entries) {
    const verify = () => verifyInclusion(leafHash(found), BigInt(at), size, proof, root);
    if (check(`entry ${at}`, verify)) shown.entries.set(at, found);
  }
  for (const { at, found, proof } of proofs.roots) {
    const verify = () => verifyConsistency(BigInt(at), size, found, root, proof);
    if (check(`size ${at}`, verify)) shown.roots.set(at, found);
  }
  return shown;
}
