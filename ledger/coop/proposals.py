"""Proposals and Decisions: how a co-op agrees (a digital 稟議 in place of seals).

A kind of entry whose right names a quorum takes effect only when enough of the electorate have
approved it. The electorate is frozen when the proposal is made, each member has one vote, and
the proposer is never the only approver. A vote names the subject in words that the ledger
derives itself, so that what a wallet showed is what was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from ledger.coop.ages import proposals_by_age
from ledger.coop.blocs import Bloc
from ledger.coop.bodies import Body, Decision, ProposalWithdrawn
from ledger.coop.charter import Quorum
from ledger.coop.state import Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import DuplicateId, MalformedEntry, NotFound, NotPermitted, QuorumMissing

Enact = Callable[[Step, State, Proposal], State]
Withdraw = Callable[[State, Proposal], State]


def propose(  # noqa: PLR0913 - a proposal is these seven things
    step: Step,
    state: State,
    quorum: Quorum,
    *,
    subject: str,
    subject_hash: bytes,
    body: Mapping[str, Any],
    besides: tuple[Bloc, ...] = (),
) -> State:
    """Put a proposal before its electorate; raises QuorumMissing if nobody could carry it.

    ``besides`` are others who must agree as well, each of whom has a vote.
    """
    if subject_hash.hex() in state.proposals:
        raise DuplicateId(f"this is already before the electorate: {subject}")
    electorate = electors(state, quorum)
    needed = quorum.needed(len(electorate))
    if needed > len(electorate) or not set(electorate) - {step.member.id}:
        raise QuorumMissing(
            f"{needed} approvals by {', '.join(quorum.roles) or 'nobody'} are needed and somebody "
            f"beside the proposer must give one; the co-op has {len(electorate)} such members"
        )
    proposal = Proposal(
        kind=step.envelope.draft.kind,
        subject=subject,
        index=step.index,
        proposer=step.member.id,
        electorate=electorate,
        needed=max(needed, 1),
        body=body,
        besides=besides,
    )
    return replace(state, proposals={**state.proposals, subject_hash.hex(): proposal})


def put_to_vote(step: Step, subject: str, body: Body, besides: tuple[Bloc, ...] = ()) -> State:
    """Put an entry's own body before the electorate that the charter names for its kind.

    Raises MalformedEntry if the charter names none: what needs approval never goes without.
    """
    if step.right.approve is None:
        raise MalformedEntry(
            f"{step.envelope.draft.kind} needs approval, and the charter names nobody who gives it"
        )
    return propose(
        step,
        step.state,
        step.right.approve,
        subject=subject,
        subject_hash=step.envelope.leaf,
        body=body.model_dump(mode="json"),
        besides=besides,
    )


def electors(state: State, quorum: Quorum) -> tuple[str, ...]:
    """The members who vote under a quorum now, by id."""
    has_none = frozenset(quorum.roles).isdisjoint
    members = state.members.values()
    return tuple(sorted([m.id for m in members if m.left is None and not has_none(m.roles)]))


def voters(proposal: Proposal) -> frozenset[str]:
    """Everybody who has a vote on a proposal."""
    return frozenset(proposal.electorate).union(*(bloc.electorate for bloc in proposal.besides))


def decide(step: Step, body: Decision, enact: Mapping[str, Enact]) -> Change:
    """Count one vote, and enact the proposal when the quorum is reached."""
    proposal = _votable(step, body)
    voted = _count_vote(proposal, body.action, step.member.id)
    others = {hash_: p for hash_, p in step.state.proposals.items() if hash_ != body.subject_hash}
    if suffices(voted, voted.approvals):
        state = enact[voted.kind](step, replace(step.state, proposals=others), voted)
    else:
        state = replace(step.state, proposals={**others, body.subject_hash: voted})
    period = proposal.body.get("period")
    return Change(state, period=period if isinstance(period, str) else None)


def withdraw(step: Step, body: ProposalWithdrawn, undo: Mapping[str, Withdraw]) -> Change:
    """Take back an open proposal; only the member that made it can."""
    proposal = _open_proposal(step.state, body.subject_hash)
    if proposal.proposer != step.member.id:
        raise NotPermitted(f"only {proposal.proposer} can withdraw {proposal.subject!r}")
    state = _without(step.state, body.subject_hash, undo)
    period = proposal.body.get("period")
    return Change(state, period=period if isinstance(period, str) else None)


def drop_lost(state: State, undo: Mapping[str, Withdraw]) -> State:
    """The state without the proposals that nobody can carry any more.

    To be called after a vote and after a member has left: a proposal that waits for votes which
    cannot come would wait for ever, and a period with it.
    """
    for hash_, proposal in proposals_by_age(state):
        # A lost settlement takes the disputes of it along: they are younger than it.
        if hash_ in state.proposals and is_lost(state, proposal):
            state = _without(state, hash_, undo)
    return state


def _without(state: State, subject_hash: str, undo: Mapping[str, Withdraw]) -> State:
    """The state without a proposal, and without what making it had changed."""
    proposal = state.proposals[subject_hash]
    others = {hash_: p for hash_, p in state.proposals.items() if hash_ != subject_hash}
    state = replace(state, proposals=others)
    return undo[proposal.kind](state, proposal) if proposal.kind in undo else state


def _open_proposal(state: State, subject_hash: str) -> Proposal:
    proposal = state.proposals.get(subject_hash)
    if proposal is None:
        raise NotFound(
            f"nothing with the hash {subject_hash} is open for decision; "
            "it may have been decided already"
        )
    return proposal


def _votable(step: Step, body: Decision) -> Proposal:
    proposal = _open_proposal(step.state, body.subject_hash)
    if body.subject != proposal.subject:
        raise MalformedEntry(
            f"the subject must read {proposal.subject!r}, not {body.subject!r}",
            expected=proposal.subject,
        )
    member = step.member.id
    if member not in voters(proposal):
        raise NotPermitted(f"{member} is not in the electorate of {proposal.subject!r}")
    if member in (*proposal.approvals, *proposal.rejections, *proposal.abstentions):
        raise DuplicateId(f"{member} has already voted on {proposal.subject!r}")
    return proposal


def _count_vote(proposal: Proposal, action: str, member: str) -> Proposal:
    if action == "approve":
        return replace(proposal, approvals=(*proposal.approvals, member))
    if action == "reject":
        return replace(proposal, rejections=(*proposal.rejections, member))
    return replace(proposal, abstentions=(*proposal.abstentions, member))


def is_lost(state: State, proposal: Proposal) -> bool:
    """Whether even the approval of all who may still vote would not carry it."""
    against = {*proposal.rejections, *proposal.abstentions}
    able = {
        member
        for member in voters(proposal)
        if member in proposal.approvals
        or (member not in against and state.members[member].left is None)
    }
    return not suffices(proposal, able)


def suffices(proposal: Proposal, approvals: Collection[str]) -> bool:
    """Whether the approvals of just these members would carry a proposal.

    The electorate's own count, one of whom is not the proposer, and that of everybody beside it.
    """
    own = set(proposal.electorate).intersection(approvals)
    return (
        len(own) >= proposal.needed
        and bool(own - {proposal.proposer})
        and all(bloc.can_agree(approvals) for bloc in proposal.besides)
    )
