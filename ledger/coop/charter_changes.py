"""The charter is changed by the quorum that it names. Handlers of this kind.

A change says which charter it changes, by its hash, and what of it; ``ledger.coop.charter_terms``
has no place for what never changes. It takes effect with the vote that carries it, for what
follows. Who decides:

* the quorum that the charter names for ``charter-changed``, and for every right that is changed the
  quorum that the right asks for until then, of its own roles: whoever could not do a thing cannot
  change how it is done. This holds for the right to change the charter as for any other, so it is
  no way round: who is given it still needs the old quorum of each right;
* everybody who may vote, of whatever role, where the charter does not name the kind
  (``EVERYBODY``). Such a charter says nothing about being changed, so nothing less than all who
  decide anything under it can.

What has begun goes on as it began. A proposal keeps the electorate and the number of approvals that
were frozen when it was made, so lowering a quorum carries nothing that waits; only other changes
of the charter fall, for they spoke of a charter that is no more. A month that is no longer open
keeps its deadlines (``Period.deadlines``), whichever way they are moved.

Where the books of a kind begin with its being named (``KEEPS_BOOKS``), a month that is cut off is
settled first: half of what it needs would not have been kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ledger.coop import bodies
from ledger.coop.blocs import Bloc
from ledger.coop.charter import Charter, PeriodTerms, Quorum, Right
from ledger.coop.charter_terms import Changes, CharterChanged, changed, subject_of, words_of
from ledger.coop.figures import TOTALS
from ledger.coop.members import can_act
from ledger.coop.proposals import electors, put_to_vote
from ledger.coop.state import Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import Conflict, MalformedEntry, NotPermitted

Check = Callable[[Charter], None]
"""What any charter's rights must fulfil; raises MalformedEntry."""

KIND: Final = "charter-changed"
DECISION: Final = "decision"
REVENUE: Final = "revenue-reported"
EVERYBODY: Final = Right(
    write=["operator", "member"],
    approve=Quorum(roles=["member", "operator", "auditor", "municipality"], threshold="1/1"),
)
"""The right to change a charter that does not name the kind."""
KEEPS_BOOKS: Final = ("correction-proposed", "payout-ordered")
QUIET: Final = ("open", "closing", "settled")


def propose_change(step: Step, body: CharterChanged, check: Check) -> Change:
    """Put a change of the charter before its electorate."""
    after = _check(step.state, body, check)
    subject = subject_of(step.state.terms(), after)
    own = _own_quorum(step)
    if own is None:
        return Change(put_to_vote(step, subject, body))
    quorum, besides = _asked(step.state, own, body.changes)
    right = step.right.model_copy(update={"approve": quorum})
    return Change(put_to_vote(replace(step, right=right), subject, body, besides))


def enact_change(step: Step, state: State, proposal: Proposal, check: Check) -> State:
    """The changed charter is in force for the entries that follow this one."""
    body = bodies.parse_body(CharterChanged, dict(proposal.body))
    before, after = state.terms(), _check(state, body, check)
    _check_books(state, before, after)
    if after.period != before.period:
        state = _keep_deadlines(state, before.period)
    # They name the charter that was in force until now.
    others = {hash_: one for hash_, one in state.proposals.items() if one.kind != KIND}
    changes = (*state.charter_changes, step.index)
    return replace(state, charter_in_force=after, charter_changes=changes, proposals=others)


def _own_quorum(step: Step) -> Quorum | None:
    """Who decides on changes; of everybody, those who may vote: others would be waited for."""
    own = step.right.approve
    terms = step.state.terms()
    if own is None or KIND in terms.authority:
        return own
    roles = [role for role in own.roles if role in _voting_roles(terms)]
    return Quorum.model_construct(roles=roles, threshold=own.threshold)


def _asked(state: State, own: Quorum, changes: Changes) -> tuple[Quorum, tuple[Bloc, ...]]:
    """The charter's quorum, and what the rights that are changed ask for beside it.

    The quorum is a larger one where a right asks more of the same electorate. Of a right that asks
    for more than there are, or for some who may not vote, all who may are asked: it can be mended.
    """
    electorate = electors(state, own)
    blocs: dict[tuple[str, ...], int] = {}
    for kind in sorted(changes.authority or ()):
        right = state.terms().authority.get(kind)
        if right is not None and right.approve is not None:
            bloc = _bloc_of(state, right.approve)
            blocs[bloc.electorate] = max(bloc.needed, blocs.get(bloc.electorate, 0))
    needed = max(own.needed(len(electorate)), blocs.pop(electorate, 0))
    # Not validated: a number that nobody can reach is refused with the proposal.
    quorum = Quorum.model_construct(roles=own.roles, threshold=str(needed))
    found = (Bloc(members, count) for members, count in blocs.items() if count)
    return quorum, tuple(bloc for bloc in found if not bloc.follows_from(electorate, needed))


def _bloc_of(state: State, quorum: Quorum) -> Bloc:
    asked = electors(state, quorum)
    roles = _voting_roles(state.terms())
    able = tuple(one for one in asked if not roles.isdisjoint(state.member(one).roles))
    return Bloc(able, min(quorum.needed(len(asked)), len(able)))


def _voting_roles(charter: Charter) -> frozenset[str]:
    right = charter.authority.get(DECISION)
    return frozenset(() if right is None else right.write)


def _check(state: State, body: CharterChanged, check: Check) -> Charter:
    """The charter as changed; raises for what may not be."""
    before = state.terms()
    in_force = before.hash().hex()
    if body.charter != in_force:
        raise Conflict(
            f"this changes the charter {body.charter}; the one in force is {in_force}: look at it, "
            "and propose the change anew",
            in_force=in_force,
        )
    after = changed(before, body.changes)
    if not words_of(before, after):
        raise MalformedEntry("this changes nothing in the charter")
    check(after)
    _check_reported(state, body.changes)
    _check_voters(after)
    for kind in body.changes.authority or ():
        if not _can_go_on(state, after.authority[kind]):
            raise NotPermitted(
                f"nobody could write {kind}, or nobody beside the writer approve it; admit "
                "somebody who can first"
            )
    return after


def _check_reported(state: State, changes: Changes) -> None:
    """What has been reported under a word is not metered under it: it would count twice, or not."""
    if changes.vocabulary is None:
        return
    periods = state.periods.values()
    counts = {f"{TOTALS}/{metric.id}" for metric in changes.vocabulary.metrics or ()}
    charges = {charge.id for charge in changes.vocabulary.charges or ()}
    revenue = {str(one.body["id"]) for one in state.proposals.values() if one.kind == REVENUE}
    reported = counts.intersection(place for period in periods for place in period.figures)
    reported |= charges & revenue.union(*(period.revenue for period in periods))
    if reported:
        raise Conflict(f"{min(reported)!r} has been reported; what is metered has another name")


def _check_voters(charter: Charter) -> None:
    """Whoever is to approve something must be able to vote."""
    voters = _voting_roles(charter)
    for kind, found in sorted(charter.authority.items()):
        if found.approve is not None and not voters.issuperset(found.approve.roles):
            raise NotPermitted(
                f"{kind} would be approved by {', '.join(found.approve.roles)}, not all of whom "
                f"may write a {DECISION}"
            )


def _can_go_on(state: State, right: Right) -> bool:
    """Whether somebody may write what a right is about, and others beside the writer approve it."""
    if right.approve is None or not can_act(state, right):
        return can_act(state, right)
    voters = set(electors(state, right.approve))
    writers = electors(state, Quorum(roles=right.write, threshold="1"))
    return any(voters - {writer} for writer in writers)


def _check_books(state: State, before: Charter, after: Charter) -> None:
    for kind in KEEPS_BOOKS:
        if kind in before.authority or kind not in after.authority:
            continue
        for period in state.periods.values():
            if period.status not in QUIET:
                raise Conflict(
                    f"{period.id} is {period.status}: settle it before {kind} is named, or what it "
                    "needs of this month will not have been kept",
                    period=period.id,
                )


def _keep_deadlines(state: State, terms: PeriodTerms) -> State:
    for period in state.periods.values():
        if period.status != "open" and period.deadlines is None:
            state = state.with_period(replace(period, deadlines=terms))
    return state
