// Member statements and proof files: what a member or a reader of single records holds.

import { compareText, concat, fromHex, toHex, utf8 } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { parseEnvelope, signedDigest } from "./envelope.js";
import { refuse } from "./errors.js";
import { Findings, noting } from "./findings.js";
import { checkFollowed } from "./followed.js";
import { fraction, isSame } from "./fraction.js";
import { canonicalDigest, parseJson } from "./json.js";
import { leafHash, verifyInclusion } from "./merkle.js";
import { keyLabel, openCheckpoint, parseCheckpoint, parseNote } from "./note.js";
import { checkPayable } from "./payable.js";
import { openCosigned } from "./policy.js";
import { parseRecordProof, parseTlogProof } from "./proofs.js";
import { REMARKS, hasQuorum, payableRemark } from "./remarks.js";
import { take } from "./schema.js";
import { recoverAddress } from "./secp256k1.js";
import { sha256 } from "./sha256.js";
import { memberStatementShape } from "./shapes.js";
import { SUSPENSE } from "./state.js";
import { verifyStatement } from "./statement.js";
import { encodeTotals } from "./totals.js";
import { checkWeights } from "./weights.js";

const TOTALS_PLACE = "inputs:/totals/";

function report(what, findings, trust, facts, notChecked) {
  const verdict = findings.count
    ? "refused"
    : findings.unknown.length ? "unknown" : trust === null ? "consistent" : "verified";
  const { kept, count, unknown } = findings;
  return { what, verdict, findings: kept, findingsCount: count, unknown, facts, notChecked };
}

async function notingLater(findings, where, check) {
  try {
    return await check();
  } catch (error) {
    findings.addError(error, where);
    return null;
  }
}

// The head of a note, opened by whom the trust file names; without one only read.
async function openHead(note, trust) {
  if (trust === null) return { checkpoint: parseCheckpoint(parseNote(note).text), signedBy: [] };
  const opened = trust.policy === null
    ? await openCheckpoint(note, trust.origin, trust.keys)
    : await openCosigned(note, trust.origin, trust.policy);
  return { ...opened, signedBy: opened.note.signatures.map(keyLabel) };
}

function include(entry, index, hashes, head) {
  verifyInclusion(leafHash(entry), BigInt(index), head.size, hashes, head.root);
}

// The key that an entry names as its actor signed it, for this co-op.
function checkSigner(envelope, genesis) {
  const signer = recoverAddress(signedDigest(envelope, genesis), envelope.signature);
  if (signer !== envelope.actor) {
    refuse("bad-signature", `the entry names ${envelope.actor}, but that key did not sign it`);
  }
}

// Member statements.

function included(found, document, head) {
  const entry = utf8(found.entry);
  include(entry, found.index, found.hashes.map(fromHex), head);
  const envelope = parseEnvelope(entry);
  if (envelope.origin !== document.origin) refuse("sum-mismatch", "an entry of another log");
  return envelope;
}

function summed(batches, period) {
  const sums = new Map();
  for (const { totals } of batches) {
    for (const [month, facility, name, currency, amount] of totals) {
      if (month !== period) continue;
      const key = JSON.stringify([facility, name, currency]);
      sums.set(key, (sums.get(key) ?? 0n) + BigInt(amount));
    }
  }
  const rows = [...sums].map(([key, amount]) => [...JSON.parse(key), amount]);
  const order = (a, b) =>
    compareText(a[0], b[0]) || compareText(a[1], b[1]) || compareText(a[2], b[2]);
  return rows.sort(order);
}

function checkBatch(batch, document, head) {
  const envelope = included(batch, document, head);
  if (envelope.kind !== "usage-batch") refuse("not-included", `the entry is a ${envelope.kind}`);
  const body = takeBody("usage-batch", envelope.body);
  if ((body.account === SUSPENSE) !== (document.member === SUSPENSE)) {
    refuse("sum-mismatch", "it counts for another account");
  }
  const blob = encodeTotals(fromHex(batch.salt), batch.totals);
  const isSigned = batch.count === body.count && batch.root === body.root &&
    toHex(sha256(blob)) === body.totals.sha256;
  if (!isSigned) refuse("sum-mismatch", "it was signed with another count, root or totals");
  checkSigner(envelope, fromHex(document.genesis));
}

// A metered figure is the sum over the facilities; charges of other currencies are apart.
function checkSource({ where, value }, rows) {
  if (!where.startsWith(TOTALS_PLACE)) return;
  const [name] = where.slice(TOTALS_PLACE.length).split("/");
  const metered = new Map();
  for (const [, own, currency, amount] of rows) {
    if (own === name) metered.set(currency, (metered.get(currency) ?? 0n) + amount);
  }
  const sums = metered.size ? [...metered.values()] : [0n];
  if (!sums.some((amount) => isSame(fraction(amount), value))) {
    refuse("sum-mismatch", `the batches add up to another figure than ${where} says`);
  }
}

function checkUsage(document, own, period, findings) {
  const { batches, totals } = document.usage;
  const indices = batches.map((batch) => batch.index);
  if (new Set(indices).size !== indices.length) refuse("sum-mismatch", "a batch stands twice");
  const rows = summed(batches, period);
  const text = (list) => JSON.stringify(list.map((row) => row.map(String)));
  if (text(rows) !== text(totals)) {
    refuse("sum-mismatch", "the batches do not add up to the stated totals");
  }
  checkWeights(own, document.names.get("rules"));
  for (const step of own.steps) {
    const sources = [...step.sources, ...step.parts.flatMap((part) => part.sources)];
    noting(findings, `statement, step ${step.step}`, () => {
      for (const source of sources) checkSource(source, rows);
    });
  }
}

function checkAgainstTrust(document, head, trust, findings) {
  if (document.origin !== head.origin) {
    findings.add(
      "wrong-log", "origin", `the statement says ${document.origin}, its checkpoint ${head.origin}`,
      `計算書は ${document.origin}、チェックポイントは ${head.origin} です`,
    );
  }
  if (trust !== null && document.genesis !== trust.genesis) {
    findings.add(
      "wrong-log", "genesis", "the genesis hash is not the one that the trust file names",
      "起点のハッシュが信頼ファイルと一致しません",
    );
  }
}

function settlementOf(document, head) {
  const envelope = included(document.proof, document, head);
  if (envelope.kind !== "settlement-proposed") {
    refuse("not-included", `entry ${document.proof.index} is a ${envelope.kind}`);
  }
  const { settlement } = takeBody("settlement-proposed", envelope.body);
  checkSigner(envelope, fromHex(document.genesis));
  return settlement;
}

function statementFacts(document, head, shown) {
  const { own, settlement } = shown ?? {};
  return {
    origin: head?.origin ?? document.origin, member: document.member,
    size: head ? String(head.size) : "", period: settlement?.period ?? "",
    currency: settlement?.currency ?? "", digits: settlement?.minor_digits ?? 0,
    net: own ? String(own.net_minor) : "",
    payable: document.payable ? String(document.payable.payable_minor) : "",
    batches: document.usage.batches.length, corrected: (shown?.corrected ?? []).join(", "),
  };
}

// The report on a member statement.
export async function verifyMemberStatement(data, trust) {
  const findings = new Findings();
  const remarks = [
    ...(trust === null ? [REMARKS.noStatementTrust] : []),
    ...(hasQuorum(trust) ? [] : [REMARKS.noWitnesses]),
    REMARKS.statementComplete, REMARKS.statementRules, REMARKS.statementLabels, REMARKS.truth,
  ];
  const document = noting(findings, "the file", () => {
    const found = parseJson(data, "the statement");
    return take(memberStatementShape, found, "sum-mismatch", "member statement");
  });
  if (document === null) return report("statement", findings, trust, null, remarks);
  remarks.push(payableRemark(document.payable ?? null));
  const opened = await notingLater(findings, "checkpoint, signatures", () =>
    openHead(utf8(document.proof.checkpoint), trust));
  const head = opened?.checkpoint ?? null;
  const shown = head === null ? null : checkStatement(document, head, trust, findings);
  const facts = { ...statementFacts(document, head, shown), signedBy: opened?.signedBy ?? [] };
  return report("statement", findings, trust, facts, remarks);
}

function checkStatement(document, head, trust, findings) {
  checkAgainstTrust(document, head, trust, findings);
  const settlement = noting(findings, `entry ${document.proof.index}`, () =>
    settlementOf(document, head));
  if (settlement === null) return null;
  const shown = noting(findings, "statement", () =>
    verifyStatement(document.statement, settlement));
  for (const batch of document.usage.batches) {
    noting(findings, `entry ${batch.index}`, () => checkBatch(batch, document, head));
  }
  if (shown === null) return null;
  if (shown.own.member !== document.member) {
    findings.add(
      "sum-mismatch", "member", `the statement is ${shown.own.member}'s, not ${document.member}'s`,
      `計算書は ${document.member} ではなく ${shown.own.member} のものです`,
    );
  }
  noting(findings, "usage", () =>
    checkUsage(document, shown.own, shown.settlement.period, findings));
  if (document.payable) {
    noting(findings, "payable", () =>
      checkPayable(document.payable, shown.own.net_minor, shown.settlement, head));
  }
  const corrected = noting(findings, "corrections", () =>
    checkCorrections(document, shown.settlement.period, settlement, head));
  return { ...shown, corrected: corrected ?? [] };
}

// The months with which the corrections of a statement are posted; each follows the one before.
function checkCorrections(document, period, settlement, head) {
  let before = toHex(canonicalDigest(settlement));
  const months = [];
  for (const { statement, proof } of document.corrections ?? []) {
    const envelope = included(proof, document, head);
    if (envelope.kind !== "correction-proposed") {
      refuse("not-included", `entry ${proof.index} is a ${envelope.kind}, not a correction`);
    }
    checkSigner(envelope, fromHex(document.genesis));
    const { correction } = takeBody("correction-proposed", envelope.body);
    const about = { member: document.member, period, before };
    const { id, postedIn } = checkFollowed(statement, correction, about);
    before = id;
    months.push(postedIn);
  }
  return months;
}

// Proof files.

async function checkPlace(proof, entry, place, trust, findings) {
  const { checkpoint } = proof;
  const head = parseCheckpoint(parseNote(checkpoint).text);
  if (trust !== null) await checkSignatures(checkpoint, head, place, trust, findings);
  noting(findings, `${place}index ${proof.index}`, () =>
    include(entry, proof.index, proof.hashes, head));
  return head;
}

async function checkSignatures(note, head, place, trust, findings) {
  if (head.origin !== trust.origin) {
    findings.add(
      "wrong-log", `${place}checkpoint, origin`, `this is ${head.origin}, expected ${trust.origin}`,
      `${head.origin} です。${trust.origin} でなければなりません`,
    );
    return;
  }
  await notingLater(findings, `${place}checkpoint, signatures`, () => openHead(note, trust));
}

function proofRemarks(trust, hasExtra, others) {
  return [
    ...(trust === null ? [REMARKS.noStatementTrust] : []),
    ...(hasQuorum(trust) ? [] : [REMARKS.noWitnesses]),
    ...(hasExtra ? [REMARKS.extra] : []), ...others,
  ];
}

// The report on a C2SP tlog-proof of the entry with these bytes.
export async function verifyTlogProof(data, entry, trust) {
  const findings = new Findings();
  const proof = noting(findings, "the file", () => parseTlogProof(data));
  const remarks = proofRemarks(trust, proof?.extra ?? false, [REMARKS.proofMeaning]);
  if (proof === null) return report("proof", findings, trust, null, remarks);
  const head = await checkPlace(proof, entry, "", trust, findings);
  const { origin, size } = head;
  const leaf = toHex(leafHash(entry));
  const facts = { origin, size: String(size), index: String(proof.index), leaf };
  return report("proof", findings, trust, facts, remarks);
}

function checkDisclosed(record, body, where, findings) {
  noting(findings, where, () => {
    const leaf = leafHash(concat(record.salt, record.line));
    const root = fromHex(body.root);
    verifyInclusion(leaf, BigInt(record.number), BigInt(body.count), record.path, root);
  });
}

function readBatchEntry(entry, origin) {
  const envelope = parseEnvelope(entry);
  if (envelope.kind !== "usage-batch") {
    refuse("verification-error", `the entry is a ${envelope.kind}, not a usage-batch`);
  }
  if (envelope.origin !== origin) refuse("verification-error", "the entry is of another log");
  return { envelope, body: takeBody("usage-batch", envelope.body) };
}

async function checkBatchProof(batch, proof, place, trust, findings) {
  const head = await checkPlace(batch.proof, batch.entry, `${place}/tlog_proof, `, trust, findings);
  if (head.origin !== proof.origin) {
    findings.add(
      "wrong-log", `${place}/tlog_proof, origin`, `this is ${head.origin}, not ${proof.origin}`,
      `${proof.origin} ではなく ${head.origin} です`,
    );
  }
  const found = noting(findings, `${place}/entry`, () => readBatchEntry(batch.entry, proof.origin));
  if (found === null) return;
  batch.records.forEach((record, i) => {
    const where = `${place}/records/${i}, record ${record.number}`;
    checkDisclosed(record, found.body, where, findings);
  });
  noting(findings, `${place}/entry, signature`, () => checkSigner(found.envelope, proof.genesis));
}

// The report on a kyojo-record-proof/1: chosen records, each down to the signed log.
export async function verifyRecordProof(data, trust) {
  const findings = new Findings();
  const proof = noting(findings, "the file", () => parseRecordProof(data));
  const hasExtra = proof?.batches.some((batch) => batch.proof.extra) ?? false;
  const remarks = proofRemarks(trust, hasExtra, [REMARKS.membership, REMARKS.truth]);
  if (proof === null) return report("records", findings, trust, null, remarks);
  if (trust !== null && toHex(proof.genesis) !== trust.genesis) {
    findings.add(
      "wrong-log", "/genesis", "the genesis hash is not the one that the trust file names",
      "起点のハッシュが信頼ファイルと一致しません",
    );
  }
  for (const [i, batch] of proof.batches.entries()) {
    await checkBatchProof(batch, proof, `/batches/${i}`, trust, findings);
  }
  const lines = proof.batches.flatMap((batch) =>
    batch.records.map((record) => new TextDecoder().decode(record.line)));
  return report("records", findings, trust, { origin: proof.origin, lines }, remarks);
}
