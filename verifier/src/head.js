// The signed tree head of a bundle: whose signature it bears, and whether it is the right log's.

import { equalBytes, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { noting } from "./findings.js";
import { followKeys } from "./keychain.js";
import { CHECKPOINT, START_CHECKPOINT } from "./names.js";
import {
  distinctKeys, keyLabel, openCheckpoint, openNote, parseCheckpoint, parseNote, parseVkey,
} from "./note.js";
import { openCosigned } from "./policy.js";

// All keys that the log itself names, retired ones too.
function ownKeys(fold) {
  return [...fold.state.log_keys.keys()].map(parseVkey);
}

// The keys that were the log's where a slice starts.
function keysAtStart({ state }) {
  const inForce = [...state.log_keys].filter(([, key]) => key.retired === null);
  return inForce.map(([vkey]) => parseVkey(vkey));
}

// The keys that are trusted to begin with; without a trust file, the log's own first ones.
function startingKeys(fold, trust) {
  if (trust !== null) return trust.keys;
  if (fold.start !== null) return keysAtStart(fold.start);
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
  const genesis = fold.state.genesis || "nothing";
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

// Check the checkpoint's signatures, and origin and genesis against the trust file.
export async function checkHead(files, fold, trust, findings) {
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

// Check the signed head at a slice's start, if there is one: signatures, size and root. Its root
// leads to the one at the end, which those who are trusted have signed: so a key that was the log's
// at the start is enough, and there need be no quorum.
export async function checkStartHead(files, fold, trust, findings) {
  if (fold.start === null || !files.members.has(START_CHECKPOINT)) return;
  const data = files.read(START_CHECKPOINT);
  const { before, state } = fold.start;
  try {
    await checkLines(data, fold, trust);
    const keys = distinctKeys([...keysAtStart(fold.start), ...startingKeys(fold, trust)]);
    const { checkpoint } = await openCheckpoint(data, state.charter.terms.origin, keys);
    const { size, root } = checkpoint;
    if (size !== BigInt(before.size) || !equalBytes(root, before.root())) {
      refuse("not-consistent", `it is of ${size} entries with the root ${toHex(root)}`);
    }
  } catch (error) {
    findings.addError(error, START_CHECKPOINT);
  }
}
