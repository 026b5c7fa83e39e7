// Anchors: from the evidence of an entry down to a block hash, and what that hash rests on.

import { bigEndian, equalBytes, fromHex, toBigInt, toHex, utf8 } from "./bytes.js";
import { parseEnvelope } from "./envelope.js";
import { Refusal, recode, refuse } from "./errors.js";
import { noting } from "./findings.js";
import { parseCanonical } from "./json.js";
import { keccak256 } from "./keccak.js";
import { asBytes, decodeRlp, encodeInteger, verifyTrieProof } from "./rlp.js";
import { sha256 } from "./sha256.js";
import { followedTargets, placeOf } from "./successors.js";
import { formatInstant, parseInstant } from "./time.js";

const FIELDS = [
  "block_hash", "chain_id", "header", "receipt_proof", "transaction_index", "transaction_proof",
  "v",
];
const ANCHORED = keccak256(utf8("Anchored(bytes32,uint64,bytes32,uint64,bytes32)"));
const PROOF_NODES_MAX = 16;
const CLOCK_SLACK = 15 * 60_000;
const bad = (why) => refuse("anchor-mismatch", why);

function unhex(text, what) {
  const isHex = typeof text === "string" && /^0x([0-9a-f]{2})*$/.test(text);
  return isHex ? fromHex(text.slice(2)) : bad(`${what} is not a 0x… text of bytes`);
}

function expect(found, expected, what) {
  const isSame = found instanceof Uint8Array ? equalBytes(found, expected) : found === expected;
  if (!isSame) bad(`${what} is another one`);
}

function checkShape(evidence) {
  const names = evidence instanceof Map ? [...evidence.keys()].sort() : [];
  if (names.join() !== FIELDS.join()) bad(`evidence has exactly the fields ${FIELDS.join(", ")}`);
  for (const name of ["v", "chain_id", "transaction_index"]) {
    const value = evidence.get(name);
    if (typeof value !== "number" || value < 0) bad(`${name} is not a number`);
  }
  expect(evidence.get("v"), 1, "version of the evidence");
}

function parseHeader(data) {
  const fields = decodeRlp(data);
  if (!Array.isArray(fields) || fields.length < 15) bad("the header is not a block header");
  const picked = [4, 5, 8, 11].map((i) => asBytes(fields[i]));
  const [transactionsRoot, receiptsRoot, number, time] = picked;
  return { transactionsRoot, receiptsRoot, number: toBigInt(number), time: toBigInt(time) };
}

function prove(evidence, name, root) {
  const nodes = evidence.get(name);
  if (!Array.isArray(nodes) || nodes.length < 1 || nodes.length > PROOF_NODES_MAX) {
    bad(`${name} is not a list of 1 to ${PROOF_NODES_MAX} trie nodes`);
  }
  const key = encodeInteger(evidence.get("transaction_index"));
  const bytes = nodes.map((node) => unhex(node, name));
  return recode("anchor-mismatch", () => verifyTrieProof(root, key, bytes), `${name}: `);
}

// Without the type byte in front of a typed receipt or transaction (EIP-2718).
const untyped = (data) => (data.length && data[0] >= 0x80 ? data : data.subarray(1));

function isSameItem(a, b) {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b);
  return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSameItem(item, b[i]));
}

function checkEvent(receipt, { contract, size, root }, origin) {
  const fields = decodeRlp(untyped(receipt));
  if (!Array.isArray(fields) || fields.length !== 4 || !Array.isArray(fields[3])) {
    bad("the receipt is not a receipt");
  }
  if (!isSameItem(new Uint8Array([1]), fields[0])) bad("the receipt does not have status 1");
  const address = fromHex(contract.slice(2));
  const topics = [ANCHORED, sha256(utf8(origin)), bigEndian(size, 32)];
  const isIt = (log) =>
    Array.isArray(log) && log.length === 3 && isSameItem([address, topics], log.slice(0, 2));
  const log = fields[3].find(isIt) ?? bad(`the receipt holds no anchor of ${origin} at ${size}`);
  const words = asBytes(log[2]);
  if (words.length !== 96) bad("the anchor event does not hold three words");
  expect(words.subarray(0, 32), fromHex(root), "anchored root");
}

function checkTransaction(evidence, header, body) {
  if (evidence.get("transaction_proof") === null) return;
  const transaction = prove(evidence, "transaction_proof", header.transactionsRoot);
  if (transaction[0] === undefined || transaction[0] < 0x80) {
    const fields = decodeRlp(untyped(transaction));
    if (!Array.isArray(fields) || !fields.length) bad("the transaction is not a transaction");
    expect(toBigInt(asBytes(fields[0])), BigInt(body.chain_id), "chain id of the transaction");
  }
  expect(toHex(keccak256(transaction)), body.transaction, "transaction");
}

// Follow the evidence to the block hash that the entry names; gives the block's own clock.
function verifyEvidence(evidence, body, origin) {
  checkShape(evidence);
  expect(evidence.get("chain_id"), body.chain_id, "chain id");
  const headerBytes = unhex(evidence.get("header"), "header");
  const hash = keccak256(headerBytes);
  expect(hash, unhex(evidence.get("block_hash"), "block_hash"), "hash of the header");
  expect(toHex(hash), body.block_hash, "block hash");
  const header = parseHeader(headerBytes);
  checkEvent(prove(evidence, "receipt_proof", header.receiptsRoot), body, origin);
  checkTransaction(evidence, header, body);
  expect(header.number, BigInt(body.block_number), "number of the block");
  return header.time;
}

function restsOn(targets, body) {
  const target = targets.find((one) => placeOf(one) === placeOf(body));
  const block = target?.blocks.find((one) => one.number === body.block_number);
  if (!block) return "evidence-only";
  expect(body.block_hash, block.hash, `block ${body.block_number} in the trust file`);
  return "trusted-block";
}

// No entry was received after the chain held it.
function checkClock(fold, body, known) {
  let last;
  try {
    last = parseEnvelope(fold.entry(body.size - 1)).receivedAt;
  } catch (error) {
    if (error instanceof Refusal) return; // before a slice; or noted where it is read
    throw error;
  }
  if (known === null || last <= formatInstant(parseInstant(known) + CLOCK_SLACK)) return;
  refuse("out-of-range", `entry ${body.size - 1} says that it was received at ${last}, but the ` +
    `chain held it at ${known}: the log's clock was ahead`);
}

function checkTargets(targets, findings) {
  for (const { index, contract, known, code_hash: code } of targets) {
    if (known && known.code_hash !== code) {
      findings.add(
        "anchor-mismatch", `entry ${index}, anchors, ${contract}`,
        "the log and the trust file name different code hashes",
        "台帳のコードハッシュが信頼ファイルと一致しません",
      );
    }
  }
}

// Check every anchor that the fold came across.
export function checkAnchors(fold, trust, findings) {
  const targets = followedTargets(fold.state, trust);
  checkTargets(targets, findings);
  return fold.anchors.map(({ index, body }) => {
    const fact = { entry: index, chainId: body.chain_id, contract: body.contract, size: body.size,
      block: body.block_number, blockHash: body.block_hash, time: null, restsOn: "nothing" };
    noting(findings, `entry ${index}, anchor`, () => {
      const blob = fold.blob(body.evidence.sha256);
      const origin = fold.state.charter?.terms.origin ?? refuse("not-found", "this log is empty");
      const time = verifyEvidence(parseCanonical(blob, "the evidence"), body, origin);
      fact.time = time < 2n ** 37n ? formatInstant(Number(time) * 1000) : null;
      fact.restsOn = restsOn(targets, body);
      checkClock(fold, body, fact.time);
    });
    return fact;
  });
}
