// How a bundle leads from one log key to the next: keys/<size> is the checkpoint at which the keys
// changed, signed by those before and after. Whoever knows an old key follows them to the new.

import { equalBytes } from "./bytes.js";
import { refuse } from "./errors.js";
import { keyLabel, openCheckpoint, parseNote, parseVkey } from "./note.js";

// For every change its checkpoint's size and the keys in force there; notes what is missing.
function changesOf(files, fold, findings) {
  const names = [...files.members.keys()].map((name) => /^keys\/([0-9]+)$/.exec(name));
  const sizes = names.filter((match) => match).map((match) => Number(match[1]));
  sizes.sort((a, b) => a - b);
  const found = new Map();
  for (const { index, vkeys } of fold.keyChanges) {
    const size = sizes.find((one) => one > index);
    if (size !== undefined) {
      found.set(size, vkeys);
      continue;
    }
    findings.add(
      "missing-file", `entry ${index}, keys`,
      "the checkpoint at which the log's keys changed here is missing",
      "台帳の鍵が変わった時点のチェックポイントがありません",
    );
  }
  return found;
}

// The head at a change: of this very log, and every line of it verified.
async function openChange(data, size, fold, keys) {
  const { checkpoint, note } = await openCheckpoint(data, fold.state.charter.terms.origin, keys);
  if (checkpoint.size !== BigInt(size) || !equalBytes(checkpoint.root, fold.root(size))) {
    refuse("not-consistent", `it is of ${checkpoint.size} entries with another root`);
  }
  if (parseNote(data).signatures.length !== note.signatures.length) {
    refuse("bad-signature", "a signature line that nobody can verify, or one twice");
  }
  return note;
}

// The keys to trust at the end: those that `trusted` lead to, and still in force there.
export async function followKeys(files, fold, trusted, findings) {
  const labels = new Set(trusted.map(keyLabel));
  const history = [...fold.state.log_keys.keys()].map(parseVkey);
  const keys = new Map([...history, ...trusted].map((key) => [keyLabel(key), key]));
  for (const [size, vkeys] of changesOf(files, fold, findings)) {
    const name = `keys/${size}`;
    try {
      const note = await openChange(files.read(name), size, fold, [...keys.values()]);
      if (!note.signatures.some((line) => labels.has(keyLabel(line)))) continue;
      for (const vkey of vkeys) labels.add(keyLabel(parseVkey(vkey)));
    } catch (error) {
      findings.addError(error, name);
    }
  }
  const inForce = [...fold.state.log_keys].filter(([, key]) => key.retired === null);
  const current = new Set(inForce.map(([vkey]) => keyLabel(parseVkey(vkey))));
  const counts = (label) => labels.has(label) && (current.size === 0 || current.has(label));
  return [...keys].filter(([label]) => counts(label)).map(([, key]) => key);
}
