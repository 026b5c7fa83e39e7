// The envelope of an entry: who says what, when, having seen which tree head; and its signature.

import { fromHex, utf8 } from "./bytes.js";
import { decisionDigest, entryDigest } from "./eip712.js";
import { recode, refuse } from "./errors.js";
import { canonicalDigest, encodeCanonical, parseCanonical } from "./json.js";
import { leafHash } from "./merkle.js";
import { parseInstant } from "./time.js";

const ENTRY_BYTES_MAX = 65_535;
const FIELDS = [
  "v", "origin", "kind", "actor", "sequence", "seen", "body", "signature", "received_at",
];
const bad = (why) => refuse("malformed-entry", why);

function hexText(value, pattern, what) {
  return typeof value === "string" && pattern.test(value) ? value : bad(what);
}

export function parseHash(value, what) {
  return fromHex(hexText(value, /^[0-9a-f]{64}$/, `${what} is 64 lower-case hex digits`));
}

function shortText(value, name, longest) {
  const fits = typeof value === "string" && value && utf8(value).length <= longest;
  return fits ? value : bad(`${name} is a text of 1 to ${longest} bytes`);
}

function count(value, name) {
  return typeof value === "number" && value >= 0 ? value : bad(`${name} is a whole number from 0`);
}

function checkFields(document) {
  if (!(document instanceof Map)) bad("an entry is a JSON object");
  const wrong = [...document.keys()].find((name) => !FIELDS.includes(name));
  const missing = FIELDS.find((name) => !document.has(name));
  if (wrong ?? missing) bad(`an entry lacks or does not know the field ${wrong ?? missing}`);
  if (document.get("v") !== 1) bad("this version of kyojo reads entries with v = 1");
  const seen = document.get("seen");
  if (!(seen instanceof Map) || seen.size !== 2 || !seen.has("size") || !seen.has("root")) {
    bad("seen has the fields size and root");
  }
  if (!(document.get("body") instanceof Map)) bad("body is a JSON object");
}

function checkSize(document) {
  const draft = new Map(document);
  draft.delete("received_at");
  const size = encodeCanonical(draft).length;
  if (size > ENTRY_BYTES_MAX - 64) refuse("too-large", `an entry of ${size} bytes is too large`);
}

// Read the bytes of an entry of the log; refuses unless they are canonical.
export function parseEnvelope(data) {
  const document = recode("malformed-entry", () => parseCanonical(data, "the entry"));
  const receivedAt = document instanceof Map ? document.get("received_at") : null;
  const stamp = typeof receivedAt === "string" ? receivedAt : "";
  recode("malformed-entry", () => parseInstant(stamp));
  checkFields(document);
  const draft = {
    origin: shortText(document.get("origin"), "origin", 255),
    kind: shortText(document.get("kind"), "kind", 64),
    actor: hexText(document.get("actor"), /^0x[0-9a-f]{40}$/, "actor is a lower-case address"),
    sequence: count(document.get("sequence"), "sequence"),
    seenSize: count(document.get("seen").get("size"), "seen.size"),
    seenRoot: parseHash(document.get("seen").get("root"), "seen.root"),
    body: document.get("body"),
    signature: fromHex(
      hexText(document.get("signature"), /^0x[0-9a-f]{130}$/, "signature is 0x and 130 digits")
        .slice(2),
    ),
    receivedAt,
    leaf: leafHash(data),
  };
  checkSize(document);
  return draft;
}

// The 32 bytes that the actor signed; a decision is signed in its readable words.
export function signedDigest(entry, genesis) {
  const { origin, kind, sequence, seenSize, seenRoot, body } = entry;
  if (kind !== "decision") {
    const bodyHash = canonicalDigest(body);
    return entryDigest({ origin, genesis, kind, sequence, seenSize, seenRoot, bodyHash });
  }
  const names = ["action", "subject", "subject_hash", "comment"];
  if (body.size !== 4 || !names.every((name) => typeof body.get(name) === "string")) {
    bad("a decision's body has the texts action, subject, subject_hash and comment");
  }
  const [action, subject, hash, comment] = names.map((name) => body.get(name));
  const subjectHash = parseHash(hash, "subject_hash");
  return decisionDigest({ origin, genesis, action, subject, subjectHash, comment, sequence });
}
