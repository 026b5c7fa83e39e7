// C2SP tlog-policy: which logs, which witnesses, and how many of them.

import { decodeUtf8 } from "./bytes.js";
import { Refusal, refuse } from "./errors.js";
import { keyLabel, openCheckpoint, parseVkey, strictDecimal } from "./note.js";

const DEFINITIONS_MAX = 100;
const ITEMS = { log: [1, 2], witness: [2, 3], group: [3, 202], quorum: [1, 1] };
const bad = (why) => refuse("malformed-document", why);

// A policy of which some lines have been read.
class Draft {
  logs = [];
  witnesses = [];
  groups = [];
  quorum = null;
  defined = new Set();
  grouped = new Set();
  publicKeys = new Set();

  read([keyword, ...items]) {
    if (!Object.hasOwn(ITEMS, keyword)) bad(`${keyword} is no keyword of a policy`);
    const [least, most] = ITEMS[keyword];
    if (items.length < least || items.length > most) bad(`${keyword} has too few or many items`);
    this[keyword === "quorum" ? "setQuorum" : keyword](...items);
    const longest = Math.max(this.logs.length, this.witnesses.length, this.groups.length);
    if (longest > DEFINITIONS_MAX) bad("too many definitions of one sort");
  }

  log(vkey) {
    this.logs.push(this.newKey(vkey, [1, 6]));
  }

  witness(name, vkey) {
    this.define(name);
    this.witnesses.push({ name, key: this.newKey(vkey, [4, 6]) });
  }

  group(name, howMany, ...members) {
    for (const member of members) {
      if (!this.defined.has(member)) bad(`${member} is not defined above`);
      if (this.grouped.has(member)) bad(`${member} is a member already; it would count twice`);
      this.grouped.add(member);
    }
    this.define(name);
    const words = { all: members.length, any: 1 };
    const threshold = Object.hasOwn(words, howMany)
      ? words[howMany]
      : Number(strictDecimal(howMany, "malformed-document"));
    if (threshold < 1 || threshold > members.length) bad(`${threshold} of ${members.length}`);
    this.groups.push({ name, threshold, members });
  }

  setQuorum(name) {
    if (this.quorum !== null) bad("a second quorum line");
    if (name !== "none" && !this.defined.has(name)) bad(`${name} is not defined above`);
    this.quorum = name;
  }

  define(name) {
    if (name === "none" || this.defined.has(name)) bad(`the name ${name} is taken`);
    this.defined.add(name);
  }

  newKey(vkey, types) {
    const key = parseVkey(vkey);
    const text = key.publicKey.join();
    if (!types.includes(key.type)) bad("a key of this type has no place in this line");
    if (this.publicKeys.has(text)) bad(`the public key of ${key.name} stands here twice`);
    this.publicKeys.add(text);
    return key;
  }
}

// Read a policy file; refuses, naming the line.
export function parsePolicy(data) {
  const text = decodeUtf8(data) ?? bad("a policy that is not UTF-8 is not read by this page");
  if (data.length > 1_000_000) bad("a policy has at most 1000000 bytes");
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) bad("a policy holds a control character");
  if (!text.endsWith("\n")) bad("the last line of a policy lacks its newline");
  const draft = new Draft();
  text.slice(0, -1).split("\n").forEach((line, index) => {
    const items = line.split(/[ \t]+/).filter((item) => item);
    if (!items.length || items[0].startsWith("#")) return;
    try {
      draft.read(items);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      bad(`policy line ${index + 1}: ${error.message}`);
    }
  });
  if (draft.quorum === null) bad("the policy has no quorum line");
  return draft;
}

// The checkpoint of the log `origin`, if the policy accepts the note that it comes in.
export async function openCosigned(data, origin, policy) {
  const logKeys = policy.logs.filter((key) => key.name === origin);
  if (!logKeys.length) refuse("bad-signature", `the policy knows no log ${origin}`);
  // A witness's key may bear the log's name but never makes a note the log's: hence two steps.
  await openCheckpoint(data, origin, logKeys);
  const keys = [...logKeys, ...policy.witnesses.map((witness) => witness.key)];
  const opened = await openCheckpoint(data, origin, keys);
  checkQuorum(policy, new Set(opened.note.signatures.map(keyLabel)));
  return opened;
}

function checkQuorum(policy, signed) {
  if (policy.quorum === "none") return;
  const there = policy.witnesses.filter((witness) => signed.has(keyLabel(witness.key)));
  const present = new Set(there.map((witness) => witness.name));
  for (const group of policy.groups) {
    const count = group.members.filter((member) => present.has(member)).length;
    if (count >= group.threshold) present.add(group.name);
  }
  if (!present.has(policy.quorum)) {
    refuse("bad-signature", `the quorum ${policy.quorum} is not reached`);
  }
}
