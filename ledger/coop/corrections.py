"""Corrections: settled periods run again on what is known now. Handlers of this kind.

The first settled period with figures that no run has seen, and every one settled after it, are
run again in the order in which they were settled: each under its own rule set and facts, on the
balances that the one before now leaves. So original and corrections together are what a fresh
run on the final data gives, for every member, fund, pool and carried cost, in whatever order
things arrived; and the last period's balances take the place of the co-op's own.

What changes are the balances and the next open period, in which the differences are posted; a
settled period keeps every figure. Between the cut-off of a period and its settlement nothing is
corrected: what was cut off is not to change under the eyes of those who vote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ledger.coop import bodies, subjects
from ledger.coop.feasibility import charges_without_place
from ledger.coop.postings import post
from ledger.coop.proposals import propose
from ledger.coop.settlements import (
    amounts_of,
    balances_after,
    compare,
    inputs_document,
    rules_of,
    stricter_quorum,
)
from ledger.coop.state import Balances, Period, Proposal, Run, State
from ledger.coop.step import Change, Evidence, Step
from ledger.errors import (
    Conflict,
    Infeasible,
    InvariantViolated,
    KyojoError,
    MalformedEntry,
    PeriodClosed,
    SumMismatch,
)
from ledger.money import AMOUNT_MAX
from ledger.rules.document import RuleSet
from ledger.rules.inputs import SUSPENSE, parse_inputs
from ledger.rules.number import integer_json
from ledger.settlement.corrections_of_period import (
    Correction,
    Rerun,
    build_correction,
    correction_id,
)
from ledger.settlement.result import Result, amounts_json
from ledger.settlement.run import run

CORRECTION = "correction-proposed"
BETWEEN_TIMES = ("open", "closing", "settled")


@dataclass(frozen=True, slots=True)
class Computed:
    """A correction with all it follows from; ``rules`` are those of the periods, in order."""

    id: bytes
    posted_in: str
    currency: str
    correction: Correction
    reruns: tuple[Rerun, ...]
    rules: tuple[RuleSet, ...]
    openings: tuple[Balances, ...]
    balances: Balances


def compute_correction(state: State, currency: str, evidence: Evidence, seed: bytes) -> Computed:
    """The correction that is due in a currency; ``seed`` is 32 random bytes for its sum trees.

    Raises Conflict if nothing is to be corrected, or too little to be posted yet; Infeasible if
    the rules of a period have no answer for what is known of it now.
    """
    check_quiet(state)
    periods = _affected(state, currency, evidence)
    posted_in = _next_open(state, periods)
    reruns: list[Rerun] = []
    rules: list[RuleSet] = []
    openings: list[Balances] = []
    balances = old = run_of(periods[0]).opening
    for period in periods:
        found = rules_of(state, period, evidence)
        openings.append(balances)
        last = run_of(period)
        old = last.opening
        before = _again(period, found, evidence, last)
        now = replace(last, epochs=period.epoch + 1, opening=balances, amended=period.amended)
        after = _again(period, found, evidence, now)
        opened = (_money(old, before), _money(balances, after))
        reruns.append(_rerun(period, found, (before, after), opened))
        old, balances = balances_after(old, before), balances_after(balances, after)
        rules.append(found)
    current = state.balances.get(currency, Balances())
    if replace(current, receivables={}) != replace(old, receivables={}):
        raise InvariantViolated(f"the settled periods do not lead to the balances in {currency}")
    _require_material(reruns, rules)
    correction = build_correction(posted_in, reruns, seed)
    return Computed(
        correction_id(correction.document),
        posted_in,
        currency,
        correction,
        tuple(reruns),
        tuple(rules),
        tuple(openings),
        replace(balances, receivables=current.receivables),
    )


def propose_correction(step: Step, body: bodies.CorrectionProposed) -> Change:
    """Compute the correction again and put it before the electorate.

    Usage below this entry's own index counts; what comes later is for another correction.
    """
    if step.right.approve is None:
        raise MalformedEntry("a correction needs a quorum; the charter names none")
    currency = str(body.correction.get("currency"))
    _refuse_second(step.state, currency)
    seed = step.blob(body.seed, "the seed")
    computed = compute_correction(step.state, currency, step.evidence, seed)
    compare(body.correction, computed.correction.document, "correction")
    if step.blob(body.rows, "the rows") != computed.correction.rows_blob:
        raise SumMismatch("the rows blob is not what the rules give")
    state = step.state
    for rerun in computed.reruns:
        period = state.period(rerun.period)
        state = state.with_period(replace(period, epoch=period.epoch + 1))
    quorum = step.right.approve
    for rules in computed.rules:
        quorum = stricter_quorum(state, quorum, rules)
    terms = state.terms()
    totals = computed.correction.document["totals"]
    raised = int(totals["raised"])
    state = propose(
        step,
        state,
        quorum,
        subject=subjects.of_correction(
            [rerun.period for rerun in computed.reruns],
            computed.posted_in,
            subjects.Sums(raised, int(totals["suspense"]), int(totals["lowered"])),
            subjects.money_of(terms, currency),
        ),
        subject_hash=computed.id,
        body=_kept(computed, state),
    )
    return Change(
        state,
        period=computed.posted_in,
        amount_minor=raised if raised <= AMOUNT_MAX else None,
        currency=currency,
    )


def enact_correction(step: Step, state: State, proposal: Proposal) -> State:
    """The electorate approved: differences are posted, and the balances are those of the runs."""
    del step
    body = proposal.body
    for row in body["runs"]:
        period = state.period(str(row["period"]))
        again = Run(
            order=run_of(period).order,
            id=str(body["id"]),
            epochs=int(row["epochs"]),
            opening=_parse_balances(row["opening"]),
            late=int(row["late"]),
            amended=amounts_of(row["amended"]),
        )
        state = state.with_period(replace(period, run=again))
    posted_in, currency = state.period(str(body["period"])), str(body["currency"])
    state = post(state, posted_in, str(body["id"]), amounts_of(body["net"]), currency)
    current = state.balances.get(currency, Balances())
    balances = replace(_parse_balances(body["balances"]), receivables=current.receivables)
    return replace(state, balances={**state.balances, currency: balances})


def drop_corrections(state: State) -> State:
    """The state without corrections that nobody has decided on, at the cut-off of a period.

    Nothing is lost: what they would correct is still due, and is proposed again when the period
    has been settled. Otherwise one of the two would have to wait for the votes on the other.
    """
    kept = {hash_: one for hash_, one in state.proposals.items() if one.kind != CORRECTION}
    return state if len(kept) == len(state.proposals) else replace(state, proposals=kept)


def due_corrections(state: State, evidence: Evidence) -> list[str]:
    """The settled months whose figures have changed since they were last run, oldest first."""
    found = [
        period
        for period in state.periods.values()
        if _is_settled(period) and _has_changed(period, evidence)
    ]
    return [period.id for period in sorted(found, key=lambda period: period.start)]


def run_of(period: Period) -> Run:
    """What a settled period can be run again from; raises PeriodClosed if it has none."""
    if period.run is None:
        raise PeriodClosed(f"{period.id} is {period.status}: it has no run to correct")
    return period.run


def check_quiet(state: State) -> None:
    """Raise Conflict while a period is cut off and not settled."""
    for period in state.periods.values():
        if period.status not in BETWEEN_TIMES:
            raise Conflict(
                f"{period.id} is {period.status}; corrections are for the time between the "
                "settlement of a period and the next cut-off"
            )


def _affected(state: State, currency: str, evidence: Evidence) -> list[Period]:
    """The first settled period whose figures have changed, and all settled after it."""
    settled = [
        period
        for period in state.periods.values()
        if _is_settled(period) and period.currency == currency
    ]
    settled.sort(key=lambda period: run_of(period).order)
    for at, period in enumerate(settled):
        if _has_changed(period, evidence):
            return settled[at:]
    raise Conflict(f"nothing is to be corrected in {currency}: no settled figure has changed")


def _is_settled(period: Period) -> bool:
    return period.status == "settled" and period.run is not None


def _has_changed(period: Period, evidence: Evidence) -> bool:
    """Whether a run would have other inputs of its own.

    The state alone says where nothing can have changed: there the usage need not be at hand, as it
    is not in a slice of the log.
    """
    last = run_of(period)
    if period.amended != last.amended:
        return True
    if period.late == last.late:
        return False
    now = evidence.totals(period.id, period.epoch + 1)
    before = evidence.totals(period.id, last.epochs)
    return any(now.get(key, 0) != before.get(key, 0) for key in now.keys() | before.keys())


def _next_open(state: State, periods: list[Period]) -> str:
    last = max(period.start for period in periods)
    found = [
        period
        for period in state.periods.values()
        if period.status in ("open", "closing") and period.start > last
    ]
    if not found:
        raise Conflict("a correction is posted in the next open period; open the next month first")
    return min(found, key=lambda period: period.start).id


def _again(period: Period, rules: RuleSet, evidence: Evidence, based: Run) -> Result:
    """A run of the period on the usage, balances and amendments that ``based`` names."""
    totals = evidence.totals(period.id, based.epochs)
    try:
        faults = tuple(charges_without_place(totals, rules))
        if faults:
            text = f"{faults[0].where}: {faults[0].message}"
            raise Infeasible(text, faults=faults)
        opening, amended = based.opening, based.amended
        document = inputs_document(period, rules, totals, opening, amended, evidence)
        return run(rules, parse_inputs(document))
    except KyojoError as error:
        raise Infeasible(
            f"{period.id} cannot be run again: {error.message}; its late usage must be completed "
            "or reversed first",
            faults=error.faults,
        ) from error


def _money(opening: Balances, result: Result) -> int:
    """What other periods had left in the pools of money."""
    return sum(amount for name, amount in opening.pools.items() if name not in result.units)


def _rerun(
    period: Period, rules: RuleSet, results: tuple[Result, Result], opened: tuple[int, int]
) -> Rerun:
    return Rerun(
        period=period.id,
        correction_of=run_of(period).id,
        style="delta" if rules.late is None else rules.late.style,
        before=results[0],
        after=results[1],
        opened=opened,
    )


def _require_material(reruns: list[Rerun], rules: list[RuleSet]) -> None:
    """Raise Conflict unless more has moved in some period than its rules call material."""
    limits = [0 if one.late is None else one.late.materiality_minor for one in rules]
    moved = [rerun.moved_minor for rerun in reruns]
    if not any(amount > limit for amount, limit in zip(moved, limits, strict=True)):
        rows = zip(reruns, moved, limits, strict=True)
        words = ", ".join(f"{one.period}: {amount} of {limit}" for one, amount, limit in rows)
        raise Conflict(
            f"what has moved is not above the rules' materiality ({words}); it is carried until "
            "it adds up to more",
            moved=max(moved),
        )


def _refuse_second(state: State, currency: str) -> None:
    for proposal in state.proposals.values():
        if proposal.kind == CORRECTION and proposal.body["currency"] == currency:
            raise Conflict(f"this waits for decisions already: {proposal.subject}")


def _kept(computed: Computed, state: State) -> Mapping[str, Any]:
    """What the approval will put into effect, as the proposal keeps it.

    Beside the document's differences of lines, those of what members are repaid of charged costs.
    """
    net = Counter(computed.correction.net)
    for rerun in computed.reruns:
        net.update(rerun.repaid)
    members = {name: found for name, found in sorted(net.items()) if name != SUSPENSE}
    return {
        "id": computed.id.hex(),
        "period": computed.posted_in,
        "currency": computed.currency,
        "net": amounts_json({name: found for name, found in members.items() if found}),
        "runs": list(_runs(computed, state)),
        "balances": _balances_document(computed.balances),
    }


def _runs(computed: Computed, state: State) -> Iterator[dict[str, Any]]:
    for rerun, opening in zip(computed.reruns, computed.openings, strict=True):
        period = state.period(rerun.period)
        yield {
            "period": period.id,
            "epochs": period.epoch,
            "late": period.late,
            "amended": amounts_json(period.amended),
            "opening": _balances_document(opening),
        }


def _balances_document(balances: Balances) -> dict[str, Any]:
    return {
        "funds": amounts_json(balances.funds),
        "carry": amounts_json(balances.carry),
        "pools": amounts_json(balances.pools),
        "owed": {name: amounts_json(row) for name, row in balances.owed.items()},
        "suspense": integer_json(balances.suspense),
        **({"recoup": amounts_json(balances.recoup)} if balances.recoup else {}),
    }


def _parse_balances(document: Mapping[str, Any]) -> Balances:
    return Balances(
        funds=amounts_of(document["funds"]),
        carry=amounts_of(document["carry"]),
        pools=amounts_of(document["pools"]),
        owed={name: amounts_of(row) for name, row in document["owed"].items()},
        suspense=int(document["suspense"]),
        recoup=amounts_of(document.get("recoup", {})),
    )
