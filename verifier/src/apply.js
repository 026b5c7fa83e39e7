// The fold: a state and the next entry give the next state, or a refusal that says why.

import * as batches from "./batches.js";
import { fromHex, toHex, equalBytes } from "./bytes.js";
import { takeBody, takeCharter } from "./bodies.js";
import { EVERYBODY, enactChange, proposeChange } from "./charterchanges.js";
import * as corrections from "./corrections.js";
import * as destinations from "./destinations.js";
import * as disputes from "./disputes.js";
import { charterDigest } from "./eip712.js";
import { signedDigest } from "./envelope.js";
import * as erasure from "./erasure.js";
import { Unknown, recode, refuse } from "./errors.js";
import * as facts from "./facts.js";
import * as figures from "./figures.js";
import { canonicalDigest } from "./json.js";
import * as kpis from "./kpis.js";
import * as logKeys from "./logkeys.js";
import * as members from "./members.js";
import { EMPTY_ROOT } from "./merkle.js";
import * as payouts from "./payouts.js";
import * as periods from "./periods.js";
import { decide, dropLost, isImpossible, withdraw } from "./proposals.js";
import * as rulesets from "./rulesets.js";
import { recoverAddress } from "./secp256k1.js";
import * as settlements from "./settlements.js";
import { SUSPENSE, emptyState, termsOf, withKey } from "./state.js";
import { ofCharter } from "./subjects.js";
import { enactSuccessor, knownTargets, nameSuccessor, placeOf } from "./successors.js";
import { requireZone } from "./time.js";
import { enactVault, nameVault } from "./vaults.js";

const TAKES_VOTES = ["decision", "member-left"];
const NEEDS_APPROVAL = [
  "member-admitted", "member-left", "key-added", "key-revoked", "payout-destination-set",
  "funding-reported", "revenue-reported", "cost-reported", "ruleset-proposed",
  "settlement-proposed", "log-key-added", "log-key-retired", "records-erased", "kpi-reported",
  "figures-reported", "correction-proposed", "dispute-opened", "payout-ordered",
  "payout-resulted", "anchor-successor-named", "vault-named", "charter-changed",
];
// Who may write what a charter does not name: of these kinds somebody always may.
const UNNAMED = new Map([["charter-changed", EVERYBODY]]);

// Anchors.

function recordAnchor(step, body) {
  const { state } = step;
  const target = placeOf(body);
  if (!knownTargets(state).some((one) => placeOf(one) === target)) {
    refuse("unknown-field", `neither the charter nor a decision names ${target}`);
  }
  if (body.size > step.index || toHex(step.evidence.root(body.size)) !== body.root) {
    refuse("anchor-mismatch", `the log's root at size ${body.size} is not ${body.root}`);
  }
  const known = state.anchors.get(target);
  if (known && body.size <= known.size) {
    refuse("conflict", `size ${known.size} is anchored already`);
  }
  step.blob(body.evidence, "the anchor's evidence");
  const { size, root, transaction, block_number, block_hash } = body;
  const anchor = { size, root, transaction, block_number, block_hash };
  return { ...state, anchors: withKey(state.anchors, target, anchor) };
}

// What each kind does, what happens when its proposal is carried, and when it is taken back.

const HANDLE = {
  "member-admitted": members.admit,
  "member-left": members.leave,
  "key-added": members.addKey,
  "key-revoked": members.revokeKey,
  "facility-registered": members.registerFacility,
  "payout-destination-set": destinations.setDestination,
  "funding-reported": facts.reportFunding,
  "revenue-reported": facts.reportRevenue,
  "cost-reported": facts.reportCost,
  "kpi-reported": kpis.reportKpi,
  "figures-reported": figures.reportFigures,
  "usage-batch": batches.submitBatch,
  "records-erased": erasure.erase,
  "usage-confirmed": batches.confirmUsage,
  "ruleset-proposed": rulesets.proposeRules,
  "period-opened": periods.openPeriod,
  "period-closing": periods.beginClosing,
  "period-closed": periods.closePeriod,
  "settlement-proposed": settlements.proposeSettlement,
  "settlement-settled": disputes.settle,
  "correction-proposed": corrections.proposeCorrection,
  "dispute-opened": disputes.openDispute,
  "dispute-answered": disputes.answerDispute,
  "dispute-withdrawn": disputes.withdrawDispute,
  "payout-ordered": payouts.proposeOrder,
  "payout-exported": payouts.exportOrder,
  "payout-resulted": payouts.reportResults,
  "log-key-added": logKeys.announce,
  "log-key-retired": logKeys.retire,
  "anchor-recorded": recordAnchor,
  "anchor-successor-named": nameSuccessor,
  "vault-named": nameVault,
  "charter-changed": (step, body) => proposeChange(step, body, checkAuthority),
  decision: (step, body) => decide(step, body, ENACT),
  "proposal-withdrawn": (step, body) => withdraw(step, body, WITHDRAW),
};

const ENACT = {
  "member-admitted": members.enactAdmission,
  "member-left": members.enactLeaving,
  "key-added": members.enactKey,
  "key-revoked": members.enactRevocation,
  "facility-registered": members.enactFacility,
  "payout-destination-set": destinations.enactDestination,
  "funding-reported": facts.enactFunding,
  "revenue-reported": facts.enactRevenue,
  "cost-reported": facts.enactCost,
  "ruleset-proposed": rulesets.enactRules,
  "kpi-reported": kpis.enactKpi,
  "figures-reported": figures.enactFigures,
  "settlement-proposed": settlements.enactSettlement,
  "correction-proposed": corrections.enactCorrection,
  "dispute-opened": disputes.uphold,
  "payout-ordered": payouts.enactOrder,
  "payout-resulted": payouts.enactResults,
  "log-key-added": logKeys.enactAnnouncement,
  "log-key-retired": logKeys.enactRetirement,
  "anchor-successor-named": enactSuccessor,
  "vault-named": enactVault,
  "charter-changed": (...given) => enactChange(...given, checkAuthority),
  "records-erased": erasure.enactErasure,
};

const WITHDRAW = {
  "settlement-proposed": disputes.withdrawSettlement, "dispute-opened": disputes.reject,
};

export function isKnownKind(kind) {
  return kind === "charter" || Object.hasOwn(HANDLE, kind);
}

// Entry 0.

function checkAuthority(charter) {
  const bad = (name, why) => refuse("malformed-entry", `the charter's authority, ${name}: ${why}`);
  for (const [name, right] of charter.authority) {
    if (!isKnownKind(name) || name === "charter") {
      throw new Unknown(
        `the charter names the kind ${name}, which this page does not know`,
        `規約にある種別 ${name} をこのページは知りません`,
      );
    }
    if (NEEDS_APPROVAL.includes(name) && right.approve === null) bad(name, "this needs approval");
    if (right.approve !== null && isImpossible(right.approve)) bad(name, "more than all");
    if (right.approve !== null && !Object.hasOwn(ENACT, name)) bad(name, "cannot be voted on");
  }
}

function checkCharter(charter) {
  checkAuthority(charter);
  const { currencies, vocabulary } = charter;
  for (const names of [
    currencies.map((terms) => terms.code), vocabulary.metrics.map((term) => term.id),
    vocabulary.charges.map((term) => term.id),
  ]) {
    if (new Set(names).size !== names.length) refuse("duplicate-id", "a name stands twice");
  }
  requireZone(charter.time_zone);
}

function foundingKeys({ charter, signatures }, document) {
  const keys = new Map();
  const ids = new Set([SUSPENSE]);
  for (const founder of charter.members) {
    if (ids.has(founder.id)) refuse("duplicate-id", `the member id ${founder.id} is taken`);
    ids.add(founder.id);
    for (const address of founder.keys) {
      if (keys.has(address)) refuse("duplicate-id", `the key ${address} stands twice`);
      keys.set(address, members.newKeyState(founder.id));
    }
  }
  const signed = new Map(signatures.map((found) => [found.key, found.signature]));
  const isAll = signed.size === keys.size && [...keys.keys()].every((key) => signed.has(key));
  if (!isAll || signatures.length !== signed.size) {
    refuse("wrong-signer", "every founding key signs the charter, once, and nobody else does");
  }
  const { origin } = charter;
  const charterHash = canonicalDigest(document);
  const digest = charterDigest({ origin, subject: ofCharter(charter), charterHash });
  for (const [address, signature] of signed) {
    if (recoverAddress(digest, fromHex(signature.slice(2))) !== address) {
      refuse("bad-signature", `the charter's signature by ${address} is not by that key`);
    }
  }
  return keys;
}

function found(entry) {
  if (entry.kind !== "charter") refuse("malformed-entry", "the first entry is a charter");
  const body = takeCharter(entry.body);
  const { charter } = body;
  if (charter.origin !== entry.origin) refuse("malformed-entry", "two origins in the charter");
  if (entry.sequence || entry.seenSize || !equalBytes(entry.seenRoot, EMPTY_ROOT)) {
    refuse("malformed-entry", "entry 0 has sequence 0 and has seen the empty tree");
  }
  checkCharter(charter);
  const log_keys = logKeys.firstLogKeys(charter);
  const document = entry.body.get("charter");
  const keys = foundingKeys(body, document);
  if (!keys.has(entry.actor)) refuse("wrong-signer", `${entry.actor} is not a founding key`);
  checkSignature(entry, new Uint8Array(32));
  const list = charter.members.map((one) => [
    one.id, members.newMember(one, entry.receivedAt, true),
  ]);
  const terms = { charter: { terms: charter, document }, log_keys };
  return { ...emptyState(), ...terms, members: new Map(list), keys };
}

// Every other entry.

function checkActor(state, entry) {
  const wrong = (why) => refuse("wrong-signer", why);
  if (entry.origin !== state.charter.terms.origin) wrong(`the entry is for ${entry.origin}`);
  const key = state.keys.get(entry.actor);
  if (!key) wrong(`${entry.actor} is not a key of this co-op`);
  if (key.revoked) wrong(`the key ${entry.actor} was revoked`);
  const member = state.members.get(key.member);
  if (!member || member.left !== null) wrong(`${key.member} has left; its keys no longer count`);
  if (entry.sequence < key.sequence) {
    refuse("duplicate-id", `sequence ${entry.sequence} is used; the next is ${key.sequence}`);
  }
  if (entry.sequence > key.sequence) {
    refuse("sequence-gap", `the next sequence is ${key.sequence}, not ${entry.sequence}`);
  }
  return member;
}

function checkSignature(entry, genesis) {
  const digest = signedDigest(entry, genesis);
  const signer = recode("wrong-signer", () => recoverAddress(digest, entry.signature));
  if (signer !== entry.actor) {
    refuse("wrong-signer", `the entry names ${entry.actor}, but it was signed by ${signer}`);
  }
}

function checkSeen(state, entry, evidence) {
  if (entry.seenSize > state.size) {
    refuse("stale-checkpoint", `nobody can have seen size ${entry.seenSize}; it is ${state.size}`);
  }
  const root = evidence.root(entry.seenSize);
  if (!equalBytes(root, entry.seenRoot)) {
    refuse("stale-checkpoint", `the root at size ${entry.seenSize} is ${toHex(root)}, the entry ` +
      `saw ${toHex(entry.seenRoot)}`);
  }
}

// The right that the charter gives for the kind, if the writer has one of its roles.
function rightOf(state, entry, member, index) {
  if (!isKnownKind(entry.kind)) {
    throw new Unknown(
      `entry ${index} is of the kind ${entry.kind}, which this page does not know`,
      `エントリー ${index} の種別 ${entry.kind} をこのページは知りません`,
    );
  }
  const right = termsOf(state).authority.get(entry.kind) ?? UNNAMED.get(entry.kind);
  if (!right) refuse("not-permitted", `the charter lets nobody write ${entry.kind}`);
  if (!member.roles.some((role) => right.write.includes(role))) {
    refuse("not-permitted", `${entry.kind} is not written by ${member.roles.join(", ")}`);
  }
  return right;
}

function blobReader(evidence) {
  return (reference, what) => {
    const data = recode("malformed-entry", () => evidence.blob(reference.sha256));
    if (data.length !== reference.bytes) {
      refuse("malformed-entry", `the blob with ${what} has ${data.length} bytes`);
    }
    return data;
  };
}

// Apply the next entry; `evidence` answers for blobs, roots and totals. Gives the next state, the
// totals that the entry adds, and the settlement or correction that it proposes.
export async function apply(before, entry, evidence) {
  if (before.size === 0) {
    return { state: advance(found(entry), entry), totals: [], settlement: null, correction: null };
  }
  if (entry.kind === "charter") refuse("malformed-entry", "only entry 0 is a charter");
  const member = checkActor(before, entry);
  checkSignature(entry, fromHex(before.genesis));
  if (entry.receivedAt < before.received_at) {
    refuse("out-of-range", `received_at ${entry.receivedAt} is before ${before.received_at}`);
  }
  checkSeen(before, entry, evidence);
  const state = disputes.tend(before, entry.receivedAt);
  const right = rightOf(state, entry, member, state.size);
  const change = { totals: [], settlement: null, correction: null };
  const step = {
    state, entry, index: state.size, member, right, evidence, now: entry.receivedAt,
    blob: blobReader(evidence),
    addTotals: (rows) => change.totals.push(...rows),
    noteSettlement: (fact) => (change.settlement = fact),
    noteCorrection: (fact) => (change.correction = fact),
  };
  const handled = await HANDLE[entry.kind](step, takeBody(entry.kind, entry.body));
  const after = TAKES_VOTES.includes(entry.kind) ? dropLost(handled, WITHDRAW) : handled;
  return { ...change, state: advance(after, entry) };
}

function advance(state, entry) {
  const key = { ...state.keys.get(entry.actor), sequence: entry.sequence + 1 };
  return {
    ...state,
    size: state.size + 1,
    frontier: state.frontier.append(entry.leaf),
    received_at: entry.receivedAt,
    genesis: state.genesis || toHex(entry.leaf),
    keys: withKey(state.keys, entry.actor, key),
  };
}

// The state after an entry that does not apply: one larger, and its counter moved on.
export function skip(state, leaf, entry) {
  const following = {
    ...state, size: state.size + 1, frontier: state.frontier.append(leaf),
    genesis: state.genesis || toHex(leaf),
  };
  const key = entry && state.keys.get(entry.actor);
  if (!key) return following;
  const moved = { ...key, sequence: Math.max(key.sequence, entry.sequence + 1) };
  return { ...following, keys: withKey(state.keys, entry.actor, moved) };
}

