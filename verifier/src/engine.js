// One entry to everything that can be verified: which file is which, and what to do with them.

import { decodeUtf8 } from "./bytes.js";
import { verifyBundle } from "./bundle.js";
import { verifyMemberStatement, verifyRecordProof, verifyTlogProof } from "./documents.js";
import { Refusal } from "./errors.js";
import { RECORD_PROOF, TLOG_PROOF } from "./proofs.js";
import { parseTrust } from "./trust.js";

// What a file is, by how it begins: bundle, statement, proof, records, trust or other.
export function kindOf(data, name = "") {
  if (data[0] === 0x50 && data[1] === 0x4b) return "bundle";
  const text = new TextDecoder().decode(data.subarray(0, 2 ** 16));
  if (text.startsWith(TLOG_PROOF)) return "proof";
  if (name.toLowerCase().endsWith(".zip")) return "bundle";
  if (name.toLowerCase().endsWith(".toml")) return "trust";
  if (/^\s*format\s*=\s*"kyojo-trust/m.test(text)) return "trust";
  if (text.slice(0, 500).includes(`"${RECORD_PROOF}"`)) return "records";
  const all = /^\s*\{/.test(text) ? decodeUtf8(data) ?? "" : "";
  if (all.includes('"kyojo_member_statement"')) return "statement";
  return "other";
}

// Verify what was given: {bundle | statement | proof + entry | records, trust}, each as bytes or
// null. A trust file that cannot be read refuses at once: nothing may be compared with half of it.
export async function verifyFiles(given, progress) {
  let trust;
  try {
    trust = given.trust ? parseTrust(given.trust) : null;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const ja = `信頼ファイルを読めません: ${error.message}`;
    const finding = { code: error.code, where: "the trust file", en: error.message, ja };
    return {
      what: "trust", verdict: "refused", findings: [finding], findingsCount: 1, unknown: [],
      facts: null, notChecked: [],
    };
  }
  if (given.bundle) return verifyBundle(given.bundle, trust, progress);
  if (given.statement) return verifyMemberStatement(given.statement, trust);
  if (given.records) return verifyRecordProof(given.records, trust);
  return verifyTlogProof(given.proof, given.entry, trust);
}

