// The form of proof files: C2SP tlog-proof v1, and kyojo-record-proof/1 for chosen records.

import { fromHex, hasLoneSurrogate, utf8 } from "./bytes.js";
import { recode, refuse } from "./errors.js";
import { parseJson } from "./json.js";
import { parseCheckpoint, parseNote, strictBase64, strictDecimal, strictText } from "./note.js";

export const TLOG_PROOF = "c2sp.org/tlog-proof@v1";
export const RECORD_PROOF = "kyojo-record-proof/1";
const LINE_BYTES_MAX = 65_535;
const PROOF_BYTES_MAX = 1_000_000 + 2 * LINE_BYTES_MAX;
const FILE_BYTES_MAX = 32 * 2 ** 20;
const RECORDS_MAX = 10_000;
const PATH_MAX = 14;
const bad = (why) => refuse("malformed-proof", why);

// Read a tlog-proof without verifying it.
export function parseTlogProof(data) {
  const text = strictText(data, PROOF_BYTES_MAX, "malformed-proof");
  const gap = text.indexOf("\n\n");
  if (gap < 0) bad("no empty line comes before the checkpoint");
  const lines = text.slice(0, gap).split("\n");
  if (lines.shift() !== TLOG_PROOF) bad(`the first line is not ${TLOG_PROOF}`);
  const extra = lines[0]?.startsWith("extra ") ? lines.shift() : null;
  if (extra !== null) {
    if (extra.length > LINE_BYTES_MAX) bad("the extra line is too long");
    strictBase64(extra.slice("extra ".length), "malformed-proof");
  }
  if (!lines[0]?.startsWith("index ")) bad("the index line is missing");
  const index = strictDecimal(lines.shift().slice("index ".length), "malformed-proof");
  if (index >= 2n ** 63n - 1n) bad("an index beyond every tree");
  if (lines.length > 63) bad("more hashes than any tree is deep");
  const hashes = lines.map((line) => strictBase64(line, "malformed-proof"));
  if (hashes.some((hash) => hash.length !== 32)) bad("a hash of the proof is not 32 bytes");
  const checkpoint = utf8(text.slice(gap + 2));
  recode("malformed-proof", () => parseCheckpoint(parseNote(checkpoint).text), "the checkpoint: ");
  return { index, hashes, checkpoint, extra: extra !== null };
}

function fields(value, where, names) {
  const isIt = value instanceof Map && value.size === names.length &&
    names.every((name) => value.has(name));
  if (!isIt) bad(`${where || "/"} is not an object with ${names.join(", ")}`);
  return names.map((name) => value.get(name));
}

function items(value, where, most) {
  const isIt = Array.isArray(value) && value.length >= 1 && value.length <= most;
  return isIt ? value : bad(`${where} is not a list of 1 to ${most} items`);
}

function bytesOf(value, where, most) {
  const data = typeof value === "string" && !hasLoneSurrogate(value) ? utf8(value) : null;
  const fits = data !== null && data.length >= 1 && data.length <= most;
  return fits ? data : bad(`${where} is not a text of 1 to ${most} bytes`);
}

function hashOf(value, where) {
  const isIt = typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
  return isIt ? fromHex(value) : bad(`${where} is not 64 lower-case hex digits`);
}

function parseRecord(value, where) {
  const [number, line, salt, path] = fields(value, where, ["number", "line", "salt", "path"]);
  if (typeof number !== "number" || number < 0 || number >= RECORDS_MAX) {
    bad(`${where}/number is not from 0 to ${RECORDS_MAX - 1}`);
  }
  if (!Array.isArray(path) || path.length > PATH_MAX) bad(`${where}/path is too long`);
  return {
    number,
    line: bytesOf(line, `${where}/line`, 8192),
    salt: hashOf(salt, `${where}/salt`),
    path: path.map((step, i) => hashOf(step, `${where}/path/${i}`)),
  };
}

function parseBatch(value, where) {
  const [entry, proof, list] = fields(value, where, ["entry", "tlog_proof", "records"]);
  const entryBytes = bytesOf(entry, `${where}/entry`, 65_535);
  const text = bytesOf(proof, `${where}/tlog_proof`, FILE_BYTES_MAX);
  const found = recode("malformed-proof", () => parseTlogProof(text), `${where}/tlog_proof: `);
  const records = items(list, `${where}/records`, RECORDS_MAX)
    .map((record, i) => parseRecord(record, `${where}/records/${i}`));
  if (records.some((record, i) => i && records[i - 1].number >= record.number)) {
    bad(`${where}/records do not ascend by number`);
  }
  return { entry: entryBytes, proof: found, records };
}

// Read a record proof without verifying it.
export function parseRecordProof(data) {
  if (data.length > FILE_BYTES_MAX) bad(`a record proof has at most ${FILE_BYTES_MAX} bytes`);
  const document = recode("malformed-proof", () => parseJson(data, "the record proof"));
  const names = ["format", "origin", "genesis", "batches"];
  const [format, origin, genesis, list] = fields(document, "", names);
  if (format !== RECORD_PROOF) bad(`/format is not ${RECORD_PROOF}`);
  const batches = items(list, "/batches", RECORDS_MAX)
    .map((batch, i) => parseBatch(batch, `/batches/${i}`));
  if (batches.reduce((sum, batch) => sum + batch.records.length, 0) > RECORDS_MAX) {
    bad(`a record proof has at most ${RECORDS_MAX} records`);
  }
  const originBytes = bytesOf(origin, "/origin", 255);
  if (originBytes.some((byte) => byte < 0x20)) bad("/origin cannot be an origin");
  return { origin, genesis: hashOf(genesis, "/genesis"), batches };
}
