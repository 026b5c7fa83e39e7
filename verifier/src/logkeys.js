// The log's own keys: announced and retired by entries. At least one Ed25519 key stays in force.

import { encodeBase64, fromHex, utf8 } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { Refusal, recode, refuse } from "./errors.js";
import { openNote, parseVkey } from "./note.js";
import { put } from "./proposals.js";
import { withKey } from "./state.js";

const ED25519 = 1;
const LOG_TYPES = [ED25519, 6];
const keyId = (vkey) => vkey.split("+")[1];

export function parseLogKey(vkey, origin) {
  const key = recode("malformed-entry", () => parseVkey(vkey), "the log's key: ");
  if (key.name !== origin) refuse("malformed-entry", `the log's key is not named ${origin}`);
  if (!LOG_TYPES.includes(key.type)) refuse("malformed-entry", "no log signs with such a key");
  return key;
}

// The keys that the charter names, all in force from entry 0.
export function firstLogKeys({ log_keys: vkeys, origin }) {
  const keys = vkeys.map((vkey) => parseLogKey(vkey, origin));
  if (new Set(keys.map((key) => key.id)).size !== keys.length) {
    refuse("duplicate-id", "a log key stands twice in the charter");
  }
  if (!keys.some((key) => key.type === ED25519)) {
    refuse("malformed-entry", "a log signs with an Ed25519 key at least; the charter names none");
  }
  return new Map(vkeys.map((vkey) => [vkey, { added: 0, retired: null }]));
}

function newKey(state, vkey) {
  const key = parseLogKey(vkey, state.charter.terms.origin);
  if ([...state.log_keys.keys()].some((other) => parseVkey(other).id === key.id)) {
    refuse("duplicate-id", `the log key ${key.id} is or was this log's`);
  }
  return key;
}

// What a new key signs: a text that names this co-op. An ML-DSA-44 key signs checkpoints only, so
// it signs the log's first one, the tree of one entry, whose root is the genesis hash.
function possessionText({ name, type }, genesis) {
  return type === ED25519
    ? `kyojo/log-key/v1\n${name}\n${genesis}\n`
    : `${name}\n1\n${encodeBase64(fromHex(genesis))}\n`;
}

// The new key has signed, as a note, that text.
async function checkPossession(state, key, note) {
  const text = possessionText(key, state.genesis);
  try {
    const found = await openNote(utf8(note), [key]);
    if (found.text !== text) refuse("malformed-entry", "the new key has signed another text");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refuse("malformed-entry", `the new key has not shown possession: ${error.message}`);
  }
}

export async function announce(step, body) {
  const key = newKey(step.state, body.vkey);
  await checkPossession(step.state, key, body.possession);
  return put(step, `Sign the log with the further key ${keyId(body.vkey)}`);
}

export function enactAnnouncement(step, state, proposal) {
  const { vkey } = takeBody(proposal.kind, proposal.body);
  newKey(state, vkey);
  return withLogKey(state, vkey, { added: step.index, retired: null });
}

export function retire(step, body) {
  checkRetirement(step.state, body.vkey);
  return put(step, `Sign the log no more with the key ${keyId(body.vkey)}`);
}

export function enactRetirement(step, state, proposal) {
  const vkey = proposal.body.get("vkey");
  checkRetirement(state, vkey);
  return withLogKey(state, vkey, { ...state.log_keys.get(vkey), retired: step.index });
}

function checkRetirement(state, vkey) {
  const inForce = [...state.log_keys].filter(([, key]) => key.retired === null);
  if (!inForce.some(([other]) => other === vkey)) {
    refuse("not-found", "this key is not one that this log signs with");
  }
  const others = inForce.filter(([other]) => other !== vkey);
  if (!others.some(([other]) => parseVkey(other).type === ED25519)) {
    refuse("not-permitted", "no Ed25519 key would be left to sign with");
  }
}

function withLogKey(state, vkey, key) {
  return { ...state, log_keys: withKey(state.log_keys, vkey, key) };
}
