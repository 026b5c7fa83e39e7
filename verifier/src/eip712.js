// The EIP-712 digests that people and systems sign; the domain is {name: "kyojo", version: "1"}.

import { bigEndian, concat, fromHex, toHex, utf8 } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const keccakText = (text) => keccak256(utf8(text));
const SEPARATOR = keccak256(
  concat(
    keccakText("EIP712Domain(string name,string version)"), keccakText("kyojo"), keccakText("1"),
  ),
);
const PREFIX = concat(new Uint8Array([0x19, 0x01]), SEPARATOR);
const TYPES = {
  Entry: keccakText(
    "Entry(string origin,bytes32 genesis,string kind,uint64 sequence,uint64 seenSize," +
      "bytes32 seenRoot,bytes32 bodyHash)",
  ),
  Decision: keccakText(
    "Decision(string origin,bytes32 genesis,string action,string subject,bytes32 subjectHash," +
      "string comment,uint64 sequence)",
  ),
  Charter: keccakText("Charter(string origin,string subject,bytes32 charterHash)"),
  Possession: keccakText("Possession(string origin,bytes32 genesis,string member,address key)"),
};
const word = (value) => bigEndian(value, 32);

function digest(type, ...words) {
  return keccak256(concat(PREFIX, keccak256(concat(TYPES[type], ...words))));
}

export function entryDigest({ origin, genesis, kind, sequence, seenSize, seenRoot, bodyHash }) {
  return digest(
    "Entry", keccakText(origin), genesis, keccakText(kind), word(sequence), word(seenSize),
    seenRoot, bodyHash,
  );
}

export function decisionDigest(decision) {
  const { origin, genesis, action, subject, subjectHash, comment, sequence } = decision;
  return digest(
    "Decision", keccakText(origin), genesis, keccakText(action), keccakText(subject), subjectHash,
    keccakText(comment), word(sequence),
  );
}

export function charterDigest({ origin, subject, charterHash }) {
  return digest("Charter", keccakText(origin), keccakText(subject), charterHash);
}

export function possessionDigest({ origin, genesis, member, key }) {
  const address = concat(new Uint8Array(12), fromHex(key.slice(2)));
  return digest("Possession", keccakText(origin), genesis, keccakText(member), address);
}

// The EIP-55 spelling of a lower-case address.
export function toChecksum(address) {
  const digits = address.slice(2);
  const marks = toHex(keccakText(digits));
  const raised = [...digits].map((digit, i) =>
    parseInt(marks[i], 16) >= 8 ? digit.toUpperCase() : digit,
  );
  return "0x" + raised.join("");
}
