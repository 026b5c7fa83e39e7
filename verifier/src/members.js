// Members, their keys and facilities: what these kinds of entry do.

import { fromHex, sortedTexts, toHex } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { possessionDigest } from "./eip712.js";
import { refuse } from "./errors.js";
import { electors, neededOf, propose } from "./proposals.js";
import { recoverAddress } from "./secp256k1.js";
import { SUSPENSE, memberOf, termsOf, withKey } from "./state.js";
import * as subjects from "./subjects.js";

export const newKeyState = (member) => ({ member, sequence: 0, revoked: false });

export function newMember(founder, joined, isFounder) {
  const { id, name, roles } = founder;
  return { id, name, roles, joined, left: null, founder: isFounder };
}

function put(step, subject) {
  if (step.right.approve === null) {
    refuse("malformed-entry", "the charter names no quorum for this; it cannot be decided");
  }
  const subjectHash = toHex(step.entry.leaf);
  return propose(step, step.right.approve, { subject, subjectHash, body: step.entry.body });
}

// Keys are never reused, not even revoked ones.
function refuseKnownKeys(state, addresses) {
  const seen = new Set();
  for (const address of addresses) {
    if (state.keys.has(address) || seen.has(address)) {
      refuse("duplicate-id", `the key ${address} is or was registered; keys are never reused`);
    }
    seen.add(address);
  }
}

function checkPossession(state, member, key) {
  refuseKnownKeys(state, [key.address]);
  const { origin } = state.charter.terms;
  const genesis = fromHex(state.genesis);
  const digest = possessionDigest({ origin, genesis, member, key: key.address });
  const found = recoverAddress(digest, fromHex(key.possession.slice(2)));
  if (found !== key.address) {
    refuse("bad-signature", `the possession of ${key.address} was signed by ${found}`);
  }
}

export function admit(step, body) {
  if (body.id === SUSPENSE || step.state.members.has(body.id)) {
    refuse("duplicate-id", `the id ${body.id} is taken, now or formerly`);
  }
  refuseKnownKeys(step.state, body.keys.map((key) => key.address));
  for (const key of body.keys) checkPossession(step.state, body.id, key);
  return put(step, subjects.ofAdmission(body));
}

export function enactAdmission(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  const addresses = body.keys.map((key) => key.address);
  refuseKnownKeys(state, addresses);
  if (state.members.has(body.id)) refuse("duplicate-id", `the id ${body.id} is taken by now`);
  const member = newMember(body, step.now, false);
  const added = addresses.map((address) => [address, newKeyState(body.id)]);
  const keys = new Map([...state.keys, ...added]);
  return { ...state, members: withKey(state.members, body.id, member), keys };
}

export function leave(step, body) {
  memberOf(step.state, body.member);
  if (body.member === step.member.id) return endMembership(step.state, body.member, step.now);
  return put(step, subjects.ofLeaving(body));
}

export function enactLeaving(step, state, proposal) {
  return endMembership(state, proposal.body.get("member"), step.now);
}

// Whether somebody may write what a right is about, and enough may approve it.
export function canAct(state, right) {
  const active = [...state.members.values()].filter((member) => member.left === null);
  if (!active.some((member) => member.roles.some((role) => right.write.includes(role)))) {
    return false;
  }
  if (right.approve === null) return true;
  const count = electors(state, right.approve).length;
  const needed = neededOf(right.approve.threshold, count);
  return needed > 0 && needed <= count;
}

function endMembership(state, id, now) {
  const member = { ...memberOf(state, id), left: now };
  const after = { ...state, members: withKey(state.members, id, member) };
  const { authority } = termsOf(state);
  for (const kind of sortedTexts(authority.keys())) {
    const right = authority.get(kind);
    if (canAct(state, right) && !canAct(after, right)) {
      refuse("not-permitted", `without ${id} nobody could write or approve ${kind} any more`);
    }
  }
  return after;
}

export function addKey(step, body) {
  memberOf(step.state, body.member);
  checkPossession(step.state, body.member, body.key);
  if (body.member !== step.member.id) return put(step, subjects.ofKeyAdded(body));
  return withNewKey(step.state, body);
}

function withNewKey(state, body) {
  return { ...state, keys: withKey(state.keys, body.key.address, newKeyState(body.member)) };
}

export function enactKey(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  refuseKnownKeys(state, [body.key.address]);
  memberOf(state, body.member);
  return withNewKey(state, body);
}

export function revokeKey(step, body) {
  const key = step.state.keys.get(body.key);
  if (key === undefined || key.revoked) {
    refuse("not-found", `${body.key} is not a valid key of this co-op`);
  }
  if (key.member !== step.member.id) return put(step, subjects.ofKeyRevoked(body, key.member));
  const valid = [...step.state.keys.values()].filter(
    (other) => other.member === key.member && !other.revoked,
  );
  if (valid.length === 1) refuse("not-permitted", "a member cannot revoke its last key");
  return withRevoked(step.state, body.key);
}

function withRevoked(state, address) {
  const revoked = { ...state.keys.get(address), revoked: true };
  return { ...state, keys: withKey(state.keys, address, revoked) };
}

export function enactRevocation(step, state, proposal) {
  return withRevoked(state, proposal.body.get("key"));
}

export function registerFacility(step, body) {
  if (step.state.facilities.has(body.id)) {
    refuse("duplicate-id", `the facility ${body.id} is registered already`);
  }
  if (body.owner !== null) memberOf(step.state, body.owner);
  if (step.right.approve !== null) return put(step, subjects.ofFacility(body));
  return withFacility(step.state, body);
}

export function enactFacility(step, state, proposal) {
  return withFacility(state, takeBody(proposal.kind, proposal.body));
}

function withFacility(state, { id, name, owner }) {
  if (state.facilities.has(id)) refuse("duplicate-id", `the facility ${id} is registered by now`);
  return { ...state, facilities: withKey(state.facilities, id, { id, name, owner }) };
}
