// Proposals and decisions: the electorate is frozen when something is proposed, each member has one
// vote, the proposer is never the only approver, and a vote names the subject in derived words.

import { proposalsByAge } from "./ages.js";
import { sortedTexts, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { withKey, without } from "./state.js";

const shares = (list, roles) => list.some((role) => roles.includes(role));

// Put an entry's own body before the electorate that the charter names for its kind.
export function put(step, subject) {
  if (step.right.approve === null) {
    refuse("malformed-entry", `${step.entry.kind} needs approval; the charter names nobody`);
  }
  const subjectHash = toHex(step.entry.leaf);
  return propose(step, step.right.approve, { subject, subjectHash, body: step.entry.body });
}

// The members who vote under a quorum now, by id.
export function electors(state, quorum) {
  const able = [...state.members.values()].filter(
    (member) => member.left === null && shares(quorum.roles, member.roles),
  );
  return sortedTexts(able.map((member) => member.id));
}

// How many approvals an electorate of this size must give, rounded up.
export function neededOf(threshold, electorate) {
  const [top, bottom] = threshold.split("/").map(Number);
  return bottom === undefined ? top : Math.ceil((top * electorate) / bottom);
}

export function isImpossible(quorum) {
  const [top, bottom] = quorum.threshold.split("/").map(Number);
  return bottom !== undefined && top > bottom;
}

// Put a proposal before its electorate; `needed` is given where rules ask for more than a quorum,
// `besides` where so many of others must agree as well.
export function propose(
  step, quorum, { subject, subjectHash, body, needed = null, besides = [] },
) {
  const { state } = step;
  if (state.proposals.has(subjectHash)) {
    refuse("duplicate-id", `this is already before the electorate: ${subject}`);
  }
  const electorate = electors(state, quorum);
  const least = needed ?? neededOf(quorum.threshold, electorate.length);
  const others = electorate.filter((id) => id !== step.member.id);
  if (least > electorate.length || others.length === 0) {
    refuse("quorum-missing", `${least} approvals are needed of ${electorate.length} members`);
  }
  const proposal = {
    kind: step.entry.kind, subject, index: step.index, proposer: step.member.id, electorate,
    needed: Math.max(least, 1), body, approvals: [], rejections: [], abstentions: [], besides,
  };
  return { ...state, proposals: withKey(state.proposals, subjectHash, proposal) };
}

function openProposal(state, subjectHash) {
  const proposal = state.proposals.get(subjectHash);
  return proposal ?? refuse("not-found", `nothing with the hash ${subjectHash} is open`);
}

// Everybody who has a vote on a proposal.
const voters = ({ electorate, besides }) =>
  new Set([...electorate, ...besides.flatMap((bloc) => bloc.electorate)]);

// Whether the approvals of just these members would carry a proposal: the electorate's own count,
// one of whom is not the proposer, and that of everybody beside it.
function suffices({ electorate, needed, proposer, besides }, approvals) {
  const own = approvals.filter((id) => electorate.includes(id));
  const agree = (bloc) => approvals.filter((id) => bloc.electorate.includes(id)).length;
  return own.length >= needed && own.some((id) => id !== proposer) &&
    besides.every((bloc) => agree(bloc) >= bloc.needed);
}

function votable(step, body) {
  const proposal = openProposal(step.state, body.subject_hash);
  if (body.subject !== proposal.subject) {
    refuse("malformed-entry", `the subject must read "${proposal.subject}"`);
  }
  const member = step.member.id;
  if (!voters(proposal).has(member)) {
    refuse("not-permitted", `${member} is not in the electorate of "${proposal.subject}"`);
  }
  const voted = [...proposal.approvals, ...proposal.rejections, ...proposal.abstentions];
  if (voted.includes(member)) {
    refuse("duplicate-id", `${member} has already voted on "${proposal.subject}"`);
  }
  return proposal;
}

const BALLOTS = { approve: "approvals", reject: "rejections", abstain: "abstentions" };

// Count one vote, and enact the proposal when the quorum is reached.
export function decide(step, body, enact) {
  const proposal = votable(step, body);
  const side = BALLOTS[body.action];
  const voted = { ...proposal, [side]: [...proposal[side], step.member.id] };
  const others = without(step.state.proposals, body.subject_hash);
  if (suffices(voted, voted.approvals)) {
    return enact[voted.kind](step, { ...step.state, proposals: others }, voted);
  }
  return { ...step.state, proposals: others.set(body.subject_hash, voted) };
}

// Take back an open proposal; only the member that made it can.
export function withdraw(step, body, undo) {
  const proposal = openProposal(step.state, body.subject_hash);
  if (proposal.proposer !== step.member.id) {
    refuse("not-permitted", `only ${proposal.proposer} can withdraw "${proposal.subject}"`);
  }
  return drop(step.state, body.subject_hash, undo);
}

function drop(state, hash, undo) {
  const proposal = state.proposals.get(hash);
  const after = { ...state, proposals: without(state.proposals, hash) };
  return Object.hasOwn(undo, proposal.kind) ? undo[proposal.kind](after, proposal) : after;
}

// Whether even the approval of all who may still vote would not carry it.
export function isLost(state, proposal) {
  const against = [...proposal.rejections, ...proposal.abstentions];
  const able = [...voters(proposal)].filter((id) =>
    proposal.approvals.includes(id) ||
    (!against.includes(id) && state.members.get(id).left === null));
  return !suffices(proposal, able);
}

// The state without the proposals that nobody can carry any more.
export function dropLost(state, undo) {
  let found = state;
  // A lost settlement takes the disputes of it along: they are younger than it.
  for (const [hash, proposal] of proposalsByAge(state)) {
    if (found.proposals.has(hash) && isLost(found, proposal)) found = drop(found, hash, undo);
  }
  return found;
}

