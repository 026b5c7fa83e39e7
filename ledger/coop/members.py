"""Members, their keys and facilities: handlers of these kinds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ledger.coop import bodies, subjects
from ledger.coop.charter import Right
from ledger.coop.proposals import electors, put_to_vote
from ledger.coop.state import Facility, Key, Member, Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import BadSignature, DuplicateId, NotFound, NotPermitted
from ledger.identity.address import Address
from ledger.identity.signature import recover_address
from ledger.identity.typed_data import PossessionMessage


def admit(step: Step, body: bodies.MemberAdmitted) -> Change:
    """Propose a new member, whose keys must each show possession."""
    if body.id in bodies.RESERVED or body.id in step.state.members:
        raise DuplicateId(f"the id {body.id!r} is taken, now or formerly")
    refuse_known_keys(step.state, (key.address for key in body.keys))
    for key in body.keys:
        check_possession(step.state, body.id, key)
    return _put(step, subjects.of_admission(body), body)


def enact_admission(step: Step, state: State, proposal: Proposal) -> State:
    """The new member and its keys count from now on."""
    body = bodies.parse_body(bodies.MemberAdmitted, dict(proposal.body))
    refuse_known_keys(state, (key.address for key in body.keys))
    if body.id in state.members:
        raise DuplicateId(f"the id {body.id!r} is taken by now")
    member = Member(body.id, body.name.model_dump(), tuple(body.roles), step.now)
    keys = {key.address: Key(body.id) for key in body.keys}
    return replace(state, members={**state.members, body.id: member}, keys={**state.keys, **keys})


def leave(step: Step, body: bodies.MemberLeft) -> Change:
    """A member ends its own membership at once; another's only by quorum."""
    step.state.member(body.member)
    if body.member == step.member.id:
        return Change(_end_membership(step.state, body.member, step.now), member=body.member)
    return _put(step, subjects.of_leaving(body), body)


def enact_leaving(step: Step, state: State, proposal: Proposal) -> State:
    """The member has left; its keys no longer count."""
    return _end_membership(state, str(proposal.body["member"]), step.now)


def add_key(step: Step, body: bodies.KeyAdded) -> Change:
    """A member adds its own key at once; a key of another member needs the quorum."""
    step.state.member(body.member)
    check_possession(step.state, body.member, body.key)
    if body.member == step.member.id:
        keys = {**step.state.keys, body.key.address: Key(body.member)}
        return Change(replace(step.state, keys=keys), member=body.member)
    return _put(step, subjects.of_key_added(body), body)


def enact_key(step: Step, state: State, proposal: Proposal) -> State:
    """The key counts from now on."""
    del step
    body = bodies.parse_body(bodies.KeyAdded, dict(proposal.body))
    refuse_known_keys(state, (body.key.address,))
    state.member(body.member)
    return replace(state, keys={**state.keys, body.key.address: Key(body.member)})


def revoke_key(step: Step, body: bodies.KeyRevoked) -> Change:
    """A member revokes its own key at once; another's key only by quorum."""
    key = step.state.keys.get(body.key)
    if key is None or key.revoked:
        raise NotFound(f"{body.key} is not a valid key of this co-op")
    if key.member == step.member.id:
        if len(_valid_keys(step.state, key.member)) == 1:
            raise NotPermitted("a member cannot revoke its last key; add another first, or leave")
        return Change(_revoke(step.state, body.key), member=key.member)
    return _put(step, subjects.of_key_revoked(body, key.member), body)


def enact_revocation(step: Step, state: State, proposal: Proposal) -> State:
    """The key no longer counts; its counter is kept, so that it can never start again."""
    del step
    return _revoke(state, str(proposal.body["key"]))


def register_facility(step: Step, body: bodies.FacilityRegistered) -> Change:
    """A facility is registered once; its id is never given to another."""
    if body.id in step.state.facilities:
        raise DuplicateId(f"the facility {body.id!r} is registered already")
    if body.owner is not None:
        step.state.member(body.owner)
    if step.right.approve is not None:
        return _put(step, subjects.of_facility(body), body)
    return Change(_with_facility(step.state, body), member=body.owner)


def enact_facility(step: Step, state: State, proposal: Proposal) -> State:
    """The facility may be used from now on."""
    del step
    return _with_facility(state, bodies.parse_body(bodies.FacilityRegistered, dict(proposal.body)))


def check_possession(state: State, member: str, key: bodies.NewKey) -> None:
    """Raise unless the key is new here and signed ``Possession`` for this member and co-op."""
    refuse_known_keys(state, (key.address,))
    message = PossessionMessage(
        state.terms().origin, bytes.fromhex(state.genesis), member, key.address
    )
    found = recover_address(message.digest(), bytes.fromhex(key.possession[2:]))
    if found != Address(key.address):
        raise BadSignature(f"the possession of {key.address} was signed by {found}")


def refuse_known_keys(state: State, addresses: Iterable[str]) -> None:
    """Keys are never reused, not even revoked ones."""
    seen: set[str] = set()
    for address in addresses:
        if address in state.keys or address in seen:
            raise DuplicateId(f"the key {address} is or was registered; keys are never reused")
        seen.add(address)


def _put(step: Step, subject: str, body: bodies.Body) -> Change:
    state = put_to_vote(step, subject, body)
    member = getattr(body, "member", None)
    return Change(state, member=member if isinstance(member, str) else None)


def _valid_keys(state: State, member: str) -> list[str]:
    return [a for a, key in state.keys.items() if key.member == member and not key.revoked]


def _revoke(state: State, address: str) -> State:
    return replace(state, keys={**state.keys, address: replace(state.keys[address], revoked=True)})


def _end_membership(state: State, member_id: str, now: str) -> State:
    member = replace(state.member(member_id), left=now)
    after = replace(state, members={**state.members, member_id: member})
    for kind, right in sorted(state.terms().authority.items()):
        if can_act(state, right) and not can_act(after, right):
            raise NotPermitted(
                f"without {member_id} nobody could write or approve {kind} any more; "
                "admit somebody in its place first"
            )
    return after


def can_act(state: State, right: Right) -> bool:
    """Whether somebody may write what a right is about, and enough may approve it."""
    active = [member for member in state.members.values() if member.left is None]
    if all(set(right.write).isdisjoint(member.roles) for member in active):
        return False
    if right.approve is None:
        return True
    count = len(electors(state, right.approve))
    return 0 < right.approve.needed(count) <= count


def _with_facility(state: State, body: bodies.FacilityRegistered) -> State:
    if body.id in state.facilities:
        raise DuplicateId(f"the facility {body.id!r} is registered by now")
    facility = Facility(body.id, body.name.model_dump(), body.owner)
    return replace(state, facilities={**state.facilities, body.id: facility})
