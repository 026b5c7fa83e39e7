// C2SP signed notes, checkpoints, cosignatures and the keys that make them.
//
// A note is UTF-8 text, an empty line, and signature lines; the last empty line ends the text.
// Known and wrong refuses the whole note; unknown is ignored.

import {
  bigEndian, concat, decodeBase64, decodeUtf8, hasLoneSurrogate, toBigInt, toHex, utf8,
} from "./bytes.js";
import { Unknown, recode, refuse } from "./errors.js";
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES, isMlDsa44Signature } from "./mldsa.js";
import { sha256 } from "./sha256.js";

export const NOTE_BYTES_MAX = 1_000_000;
const SIGNATURES_MAX = 100;
const COUNT_MAX = 2n ** 63n - 1n;
const TYPES = {
  1: [32, "ED25519"], 4: [32, "ED25519_COSIGNATURE"], 6: [PUBLIC_KEY_BYTES, "ML_DSA_44"],
};
// What Python's str.isspace() takes for a space, control characters apart.
const SPACES = /[ \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

// UTF-8 text whose only control character is the newline.
export function strictText(data, bytesMax, code) {
  if (data.length > bytesMax) refuse(code, `${data.length} bytes exceed the limit of ${bytesMax}`);
  const text = decodeUtf8(data);
  if (text === null) refuse(code, "not UTF-8");
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text)) refuse(code, "a control character");
  return text;
}

export function strictBase64(text, code) {
  return decodeBase64(text) ?? refuse(code, `${JSON.stringify(text.slice(0, 40))} is not base64`);
}

// A decimal integer from 0 to 2⁶³ − 1, as BigInt.
export function strictDecimal(text, code) {
  const isDecimal = /^(0|[1-9][0-9]{0,18})$/.test(text);
  if (!isDecimal || BigInt(text) > COUNT_MAX) refuse(code, `${text.slice(0, 40)} is no integer`);
  return BigInt(text);
}

function checkName(name) {
  const bad = /[+\u0000-\u001f]/.test(name) || SPACES.test(name) || hasLoneSurrogate(name);
  if (!name || bad) refuse("malformed-note", `${JSON.stringify(name.slice(0, 40))} is no key name`);
}

// Read a vkey: <name>+<id>+<base64(type ‖ key)>; the id is always computed again.
export function parseVkey(text) {
  const match = /^([^+]*)\+([^+]*)\+([^]*)$/.exec(text);
  if (match === null) refuse("malformed-note", "a key is written <name>+<id>+<base64>");
  const [, name, id, encoded] = match;
  const typed = strictBase64(encoded, "malformed-note");
  const type = TYPES[typed[0]] ?? refuse("malformed-note", "a key of a type kyojo does not use");
  checkName(name);
  if (utf8(name).length > 255) refuse("malformed-note", "the key name exceeds 255 bytes");
  if (typed.length !== 1 + type[0]) refuse("malformed-note", `a ${type[1]} key has another length`);
  const found = toHex(sha256(concat(utf8(name + "\n"), typed)).subarray(0, 4));
  if (found !== id) refuse("malformed-note", `the key of ${name} has id ${found}, not ${id}`);
  return { name, id, type: typed[0], publicKey: typed.subarray(1) };
}

export function keyLabel(key) {
  return `${key.name}+${key.id}`;
}

export function distinctKeys(keys) {
  return [...new Map(keys.map((key) => [keyLabel(key), key])).values()];
}

// Take a note apart without verifying anything.
export function parseNote(data) {
  const whole = strictText(data, NOTE_BYTES_MAX, "malformed-note");
  const end = whole.lastIndexOf("\n\n");
  if (end < 0) refuse("malformed-note", "no empty line ends the text of the note");
  const block = whole.slice(end + 2);
  if (!block.endsWith("\n")) refuse("malformed-note", "the note does not end with a whole line");
  const lines = block.slice(0, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) refuse("malformed-note", "too many signatures");
  return { text: whole.slice(0, end + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line) {
  const parts = line.replace(/^— /, "").split(" ");
  if (!line.startsWith("— ") || parts.length !== 2) {
    refuse("malformed-note", `${JSON.stringify(line.slice(0, 40))} is not a signature line`);
  }
  checkName(parts[0]);
  const value = strictBase64(parts[1], "malformed-note");
  if (value.length <= 4) refuse("malformed-note", "a signature is too short");
  return { name: parts[0], id: toHex(value.subarray(0, 4)), value: value.subarray(4) };
}

// Read the text of a note as a checkpoint: origin, size (BigInt), root.
export function parseCheckpoint(text) {
  const bad = (why) => refuse("malformed-checkpoint", why);
  if (utf8(text).length > 400) bad("a checkpoint has at most 400 bytes");
  const lines = text.split("\n");
  if (lines.length !== 4 || lines[3]) bad("a checkpoint has exactly three lines");
  const originBytes = utf8(lines[0]).length;
  if (originBytes < 1 || originBytes > 255) bad("this cannot be an origin");
  const size = strictDecimal(lines[1], "malformed-checkpoint");
  const root = strictBase64(lines[2], "malformed-checkpoint");
  if (root.length !== 32) bad("the root is not 32 bytes");
  return { origin: lines[0], size, root };
}

async function verifyEd25519(key, message, signature) {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.publicKey, "Ed25519", false, ["verify"]);
  } catch {
    throw new Unknown(
      `this browser cannot check Ed25519 signatures: that by ${keyLabel(key)} was not checked`,
      `このブラウザは Ed25519 の署名を検証できません。${keyLabel(key)} の署名は未確認です`,
    );
  }
  return crypto.subtle.verify("Ed25519", imported, signature, message);
}

function mlDsaMessage(name, time, checkpoint) {
  const prefixed = (text) => concat(new Uint8Array([utf8(text).length]), utf8(text));
  return concat(
    utf8("subtree/v1\n\0"), prefixed(name), bigEndian(time, 8), prefixed(checkpoint.origin),
    bigEndian(0, 8), bigEndian(checkpoint.size, 8), checkpoint.root,
  );
}

// Refuse unless `value`, what follows the key id in a line, is this key's over the text.
async function verifySignature(key, text, value) {
  const wrong = () => refuse("bad-signature", `the signature by ${keyLabel(key)} is wrong`);
  if (key.type === 1) {
    if (!(await verifyEd25519(key, utf8(text), value))) wrong();
    return;
  }
  if (value.length !== 8 + (key.type === 4 ? 64 : SIGNATURE_BYTES)) wrong();
  const time = toBigInt(value.subarray(0, 8));
  const checkpoint = recode("bad-signature", () => parseCheckpoint(text));
  if (time > COUNT_MAX || (key.type === 6 && time === 0n)) wrong();
  const bare = value.subarray(8);
  const isRight = key.type === 4
    ? await verifyEd25519(key, utf8(`cosignature/v1\ntime ${time}\n${text}`), bare)
    : isMlDsa44Signature(key.publicKey, mlDsaMessage(key.name, time, checkpoint), bare);
  if (!isRight) wrong();
}

// The note, if one of `keys` has signed it and none of theirs is wrong.
export async function openNote(data, keys) {
  const known = new Map(keys.map((key) => [keyLabel(key), key]));
  const note = parseNote(data);
  const verified = new Map();
  const ignored = [];
  for (const line of note.signatures) {
    const label = keyLabel(line);
    if (!known.has(label)) {
      ignored.push(line);
      continue;
    }
    await verifySignature(known.get(label), note.text, line.value);
    if (!verified.has(label)) verified.set(label, line);
  }
  if (verified.size === 0) refuse("bad-signature", "no signature by a known key");
  return { text: note.text, signatures: [...verified.values()], ignored };
}

// The checkpoint of the log `origin`, if that log has signed it; with the note.
export async function openCheckpoint(data, origin, keys) {
  const note = await openNote(data, keys);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== origin) {
    refuse("bad-signature", `a checkpoint of ${checkpoint.origin}, not of ${origin}`);
  }
  if (!note.signatures.some((line) => line.name === origin)) {
    refuse("bad-signature", `the log ${origin} itself has not signed`);
  }
  return { checkpoint, note };
}

