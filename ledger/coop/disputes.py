"""Disputes (異議) of a settlement: opened, answered, decided, withdrawn, ended by their deadline.

A dispute says which *inputs* of a settlement are wrong and what they should be. So its outcome is
a run of the rules like any other: it adds up, it needs nobody's knowledge of others' amounts, and
which lines it touches, and by how much, follows from it. It is itself the proposal on which its
electorate decides, and it ends in one of four ways: upheld, rejected (also when nobody can carry
it any more, or its settlement is rejected), withdrawn, or by its deadline, which counts as a
rejection. A member may dispute a settlement once, and before its objection time is over if it is
approved; so nobody can keep a month from being settled for ever.

While one is open, the settlement waits, unless the rule set says ``pay_undisputed``: then it takes
effect, and what the lines would lose by any of the outcomes asked for is held in suspense, as
``suspense:dispute:<id>``, and paid when the dispute has ended. An outcome changes all lines of a
member together, so what one of them would gain by it is no part of what the others lose; and
never is more held than the settlement pays (decision 0032). Upheld before the approval, the
settlement falls, and the one proposed anew has the right inputs; upheld after it, the settlement
stands and a correction follows.

A claim is kept as the difference from the figure at the cut-off, before any amendment, and takes
the place of an earlier amendment of the same figure. So the figure is exactly what the last upheld
claim says, however many disputes there were; never their sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ledger.coop import bodies, settlements, subjects
from ledger.coop.ages import disputes_by_age
from ledger.coop.claimed import figure_at
from ledger.coop.dues import add_settled
from ledger.coop.postings import post, settle_others
from ledger.coop.proposals import is_lost, put_to_vote
from ledger.coop.settlements import (
    FIRST_EPOCHS,
    cut_off_of,
    inputs_document,
    objections_until,
    rules_of,
)
from ledger.coop.state import SUSPENSE, Balances, Dispute, Period, Proposal, Run, State
from ledger.coop.step import Change, Evidence, Step
from ledger.errors import Conflict, DuplicateId, NotFound, NotPermitted, OutOfRange, PeriodClosed
from ledger.period import add_days
from ledger.rules.document import RuleSet
from ledger.rules.inputs import parse_inputs
from ledger.settlement.corrections_of_period import difference
from ledger.settlement.result import Result
from ledger.settlement.run import run

DISPUTE: Final = "dispute-opened"
OPEN: Final = ("open", "answered")
DISPUTE_DAYS: Final = 14
SUBJECT_CHARACTERS_MAX: Final = 500


def open_dispute(step: Step, body: bodies.DisputeOpened) -> Change:
    """Dispute a settlement that is proposed or approved, and put the claim to the vote."""
    state = step.state
    period = _disputable(step, body)
    rules = rules_of(state, period, step.evidence)
    claims = {claim.where: claim.value for claim in body.claims}
    if len(claims) != len(body.claims):
        raise DuplicateId("a figure is claimed twice")
    differences = _differences(state, period, rules, step.evidence, claims)
    if _is_answered(period.amended, differences):
        raise Conflict("the figures are what is claimed already, as upheld or from the beginning")
    now, then = _outcome(state, period, rules, step.evidence, differences)
    loses = _losses(now, then)
    missing = sorted(set(body.line_ids) - _touched(now, then))
    if missing:
        raise OutOfRange(f"what is claimed does not change the line {missing[0]}")
    subject = subjects.of_dispute(body, step.member.id)
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        raise OutOfRange("the claims make too long a subject; dispute fewer figures")
    state = put_to_vote(step, subject, body)
    dispute = Dispute(
        settlement_id=body.settlement_id,
        period=period.id,
        member=step.member.id,
        line_ids=tuple(body.line_ids),
        claims=differences,
        evidence_hash=body.evidence_hash,
        opened_at=step.now,
        deadline=add_days(step.now, _days(rules)),
        loses=loses,
        pays_undisputed=rules.approval is not None and rules.approval.pay_undisputed,
    )
    id_ = step.envelope.leaf.hex()
    state = replace(state, disputes={**state.disputes, id_: dispute})
    if not dispute.pays_undisputed and period.status != "disputed":
        state = state.with_period(replace(period, status="disputed", resumes=period.status))
    return Change(state, period=period.id)


def answer_dispute(step: Step, body: bodies.DisputeAnswered) -> Change:
    """Answer a dispute, for those who will decide on it; nothing else changes."""
    dispute = _open_dispute(step.state, body.dispute)
    if step.member.id == dispute.member:
        raise NotPermitted("a dispute is answered by somebody else than the member that opened it")
    answered = replace(dispute, state="answered")
    disputes = {**step.state.disputes, body.dispute: answered}
    return Change(replace(step.state, disputes=disputes), period=dispute.period)


def withdraw_dispute(step: Step, body: bodies.DisputeWithdrawn) -> Change:
    """The member that opened a dispute takes it back."""
    dispute = _open_dispute(step.state, body.dispute)
    if step.member.id != dispute.member:
        raise NotPermitted(f"only {dispute.member} can withdraw this dispute")
    state = _end(step.state, body.dispute, "withdrawn", ())
    return Change(state, period=dispute.period)


def uphold(step: Step, state: State, proposal: Proposal) -> State:
    """The electorate upheld: the inputs are amended, the settlement falls or will be corrected."""
    del step
    id_ = _id_of(state, proposal)
    dispute = state.disputes[id_]
    votes = (*proposal.approvals, *proposal.rejections)
    state = _end(state, id_, "upheld", votes)
    period = state.period(dispute.period)
    amended = _with_claims(period.amended, dispute.claims)
    state = _end_answered(state.with_period(replace(period, amended=amended)), period, votes)
    if (period.resumes or period.status) != "proposed":
        return state
    settlement = state.proposals[str(period.settlement)]
    others = {hash_: one for hash_, one in state.proposals.items() if hash_ != period.settlement}
    return withdraw_settlement(replace(state, proposals=others), settlement)


def _with_claims(amended: Mapping[str, int], claims: Mapping[str, int]) -> dict[str, int]:
    """Amendments with those of ``claims`` in the place of earlier ones of the same figures."""
    found = {**amended, **claims}
    return {where: change for where, change in found.items() if change}


def _is_answered(amended: Mapping[str, int], claims: Mapping[str, int]) -> bool:
    """Whether every figure is already what is claimed of it."""
    return all(amended.get(where, 0) == change for where, change in claims.items())


def _end_answered(state: State, period: Period, votes: Sequence[str]) -> State:
    """End, as upheld, the other disputes that ask for just what has been upheld now."""
    amended = state.period(period.id).amended
    for id_ in open_disputes(state, period):
        if _is_answered(amended, state.disputes[id_].claims):
            state = _end(state, id_, "upheld", votes)
    return state


def withdraw_settlement(state: State, proposal: Proposal) -> State:
    """The proposed settlement of a period falls, and the disputes of it have no object."""
    period = state.period(str(proposal.body["period"]))
    state = _end_disputes_of(state, period)
    return settlements.withdraw_settlement(state, proposal)


def settle(step: Step, body: bodies.SettlementSettled) -> Change:
    """An approved settlement takes effect; what is disputed of it is held back."""
    period = step.state.period(body.period)
    if period.status == "disputed":
        until = max(step.state.disputes[id_].deadline for id_ in open_disputes(step.state, period))
        raise PeriodClosed(f"{period.id} is disputed, until {until} at the latest")
    change = settlements.settle(step, body)
    state = _hold_back(change.state, change.state.period(body.period), _paid(step, period))
    state = add_settled(state, state.period(body.period))
    return replace(change, state=settle_others(state, state.period(body.period)))


def reject(state: State, proposal: Proposal) -> State:
    """Nobody can carry the dispute any more, or whoever opened it took it back."""
    how = "rejected" if is_lost(state, proposal) else "withdrawn"
    votes = (*proposal.approvals, *proposal.rejections)
    return _end(state, _id_of(state, proposal), how, votes)


def _end_disputes_of(state: State, period: Period) -> State:
    """End the open disputes of a settlement that is no more."""
    for id_, dispute in state.disputes.items():
        if dispute.settlement_id == period.settlement and dispute.state in OPEN:
            state = _end(state, id_, "rejected", ())
    return state


def tend(state: State, now: str) -> State:
    """What time has brought: disputes past their deadline end, and what was held is released.

    To be called before an entry is judged; without disputes it costs nothing.
    """
    for id_, dispute in state.disputes.items():
        if dispute.state in OPEN and dispute.deadline <= now:
            state = _end(state, id_, "rejected", ())
    for id_, dispute in state.disputes.items():
        if dispute.held and dispute.state not in OPEN:
            state = _release(state, id_, dispute)
    return state


def _paid(step: Step, period: Period) -> Mapping[str, int]:
    """What the members are paid of a disputed settlement, before anything is held; else nothing.

    The state says it of those for whom something was offset, and of everybody where the charter
    knows payouts; of others the run does.
    """
    state = step.state
    if state.keeps_payouts() or not open_disputes(state, period):
        return period.paid
    rules = rules_of(state, period, step.evidence)
    based = _opening(state, period, rules)
    totals = step.evidence.totals(period.id, based.epochs)
    document = inputs_document(period, rules, totals, based.opening, based.amended, step.evidence)
    nets = run(rules, parse_inputs(document)).nets
    return {member: max(0, net) for member, net in nets.items()} | dict(period.paid)


def _hold_back(state: State, period: Period, paid: Mapping[str, int]) -> State:
    """Hold what each line of a settlement would lose by any outcome that is still asked for.

    Each member's worst case is held once, however many disputes ask for it, and never more than
    it would have been paid: the oldest dispute holds it.
    """
    done: dict[str, int] = {}
    for id_, dispute in disputes_by_age(state):
        if dispute.settlement_id != period.settlement or dispute.state not in OPEN:
            continue
        held: dict[str, int] = {}
        for line, amount in dispute.loses.items():
            more = amount - done.get(line, 0)
            if more > 0:
                done[line] = amount
                member = _member_of(line)
                held[member] = held.get(member, 0) + more
        held = _within(held, period, state, paid)
        disputes = {**state.disputes, id_: replace(dispute, held=held)}
        state = replace(state, disputes=disputes)
    return state


def open_disputes(state: State, period: Period) -> list[str]:
    """The ids of the disputes of a period's settlement that have not ended, oldest first."""
    return [
        id_
        for id_, dispute in disputes_by_age(state)
        if dispute.settlement_id == period.settlement and dispute.state in OPEN
    ]


def _within(
    held: Mapping[str, int], period: Period, state: State, paid: Mapping[str, int]
) -> dict[str, int]:
    """Never more than a member is paid, where charges and offsets leave it less than its lines."""
    before: dict[str, int] = {}
    for dispute in state.disputes.values():
        if dispute.period == period.id:
            for member, amount in dispute.held.items():
                before[member] = before.get(member, 0) + amount
    return {
        member: min(amount, max(0, paid.get(member, 0) - before.get(member, 0)))
        for member, amount in sorted(held.items())
    }


def _release(state: State, id_: str, dispute: Dispute) -> State:
    """Post what a dispute held in the next open period; without one it stays held."""
    start = state.period(dispute.period).start
    found = [
        period
        for period in state.periods.values()
        if period.status in ("open", "closing") and period.start > start
    ]
    if not found:
        return state
    period, currency = min(found, key=lambda one: one.start), state.period(dispute.period).currency
    state = post(state, period, id_, dispute.held, str(currency))
    return replace(state, disputes={**state.disputes, id_: replace(dispute, held={})})


def _end(state: State, id_: str, how: str, decisions: Sequence[str]) -> State:
    """End a dispute; the settlement goes on where it stood when no other is open."""
    dispute = replace(state.disputes[id_], state=how, decisions=tuple(decisions))
    proposals = {hash_: one for hash_, one in state.proposals.items() if hash_ != id_}
    state = replace(state, disputes={**state.disputes, id_: dispute}, proposals=proposals)
    period = state.period(dispute.period)
    if period.status == "disputed" and not open_disputes(state, period):
        back = replace(period, status=period.resumes or "proposed", resumes=None)
        state = state.with_period(back)
    return state


def _disputable(step: Step, body: bodies.DisputeOpened) -> Period:
    period = step.state.period(body.period)
    if period.settlement != body.settlement_id:
        raise Conflict(f"the settlement of {period.id} is {period.settlement}")
    standing = period.resumes if period.status == "disputed" else period.status
    if standing not in ("proposed", "approved"):
        raise PeriodClosed(f"{period.id} is {period.status}; a correction follows late facts")
    if standing == "approved":
        until = objections_until(step.state, period, step.evidence)
        if step.now >= until:
            raise PeriodClosed(f"objections to {period.id} could be raised until {until}")
    for dispute in step.state.disputes.values():
        if (dispute.settlement_id, dispute.member) == (body.settlement_id, step.member.id):
            raise DuplicateId(f"{step.member.id} has disputed this settlement already")
    return period


def _open_dispute(state: State, id_: str) -> Dispute:
    dispute = state.disputes.get(id_)
    if dispute is None:
        raise NotFound(f"there is no dispute {id_}")
    if dispute.state not in OPEN:
        raise Conflict(f"this dispute is {dispute.state}")
    return dispute


def _id_of(state: State, proposal: Proposal) -> str:
    """A dispute's id is the hash under which its proposal stood: by member and settlement."""
    wanted = (str(proposal.body["settlement_id"]), proposal.proposer)
    return next(
        id_
        for id_, dispute in state.disputes.items()
        if (dispute.settlement_id, dispute.member) == wanted
    )


def _days(rules: RuleSet) -> int:
    return DISPUTE_DAYS if rules.approval is None else rules.approval.dispute_days


def _opening(state: State, period: Period, rules: RuleSet) -> Run:
    """What the settlement was computed from: as approved, or as it is now."""
    if period.run is not None:
        return period.run
    before = state.balances.get(rules.currency, Balances())
    return Run(0, str(period.settlement), FIRST_EPOCHS, before, amended=period.amended)


def _outcome(
    state: State,
    period: Period,
    rules: RuleSet,
    evidence: Evidence,
    differences: Mapping[str, int],
) -> tuple[Result, Result]:
    """The settlement's run, and that of what is claimed."""
    cut_off_of(period)
    based = _opening(state, period, rules)
    totals = evidence.totals(period.id, based.epochs)
    asked = _with_claims(based.amended, differences)
    documents = [
        inputs_document(period, rules, totals, based.opening, amended, evidence)
        for amended in (based.amended, asked)
    ]
    now, then = (run(rules, parse_inputs(document)) for document in documents)
    if now.nets == then.nets:
        raise Conflict("what is claimed would change nobody's amount")
    return now, then


def _differences(
    state: State,
    period: Period,
    rules: RuleSet,
    evidence: Evidence,
    claims: Mapping[str, int],
) -> dict[str, int]:
    """What is claimed, as differences from the figures at the cut-off; raises NotFound.

    Nothing amended is in those: what is upheld later takes the place of what was upheld before.
    """
    based = _opening(state, period, rules)
    totals = evidence.totals(period.id, based.epochs)
    document = inputs_document(period, rules, totals, based.opening, {}, evidence)
    return {where: value - figure_at(document, where) for where, value in claims.items()}


def _lines(result: Result) -> dict[str, int]:
    """Each step's amounts by member; what a charge repays those who bore the cost is among them."""
    found: dict[str, int] = {}
    for step in result.steps:
        if step.division is None:
            continue
        repaid = result.repaid.get(step.step, {})
        for member, amount in zip(result.members, step.division.rounded.amounts, strict=True):
            found[f"{step.step}/{member}"] = amount + repaid.get(member, 0)
    return found


def _touched(now: Result, then: Result) -> set[str]:
    return set(difference(_lines(now), _lines(then)))


def _losses(now: Result, then: Result) -> dict[str, int]:
    """What is to be held of each line; that of suspense is paid to nobody and need not be held.

    That is what the line would lose in money, less what other lines of the same member would gain:
    taken from its losing lines in the order of their names, so that all of them together come to
    what the member would lose.
    """
    moved = difference(_paid_lines(now), _paid_lines(then))
    gains: dict[str, int] = {}
    for line, amount in moved.items():
        member = _member_of(line)
        gains[member] = gains.get(member, 0) + max(0, amount)
    found: dict[str, int] = {}
    for line, amount in moved.items():
        member = _member_of(line)
        lost = max(0, -amount)
        covered = min(lost, gains[member])
        gains[member] -= covered
        if lost > covered and member != SUSPENSE:
            found[line] = lost - covered
    return found


def _paid_lines(result: Result) -> dict[str, int]:
    """What each line pays: in money, and after advances that are paid back out of it."""
    found: dict[str, int] = {}
    for step in result.steps:
        if step.division is None or step.unit is not None:
            continue
        repaid = result.repaid.get(step.step, {})
        for member, amount in zip(result.members, step.division.amounts, strict=True):
            found[f"{step.step}/{member}"] = amount + repaid.get(member, 0)
    return found


def _member_of(line: str) -> str:
    return line.split("/", 1)[1]
