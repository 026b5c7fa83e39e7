"""Logs in which figures are contested, corrected or read off, honestly and not."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from ledger.coop.submission import Submission
from tests.audit.test_forgery import lenient
from tests.audit.world import (
    bundle_of,
    flipped,
    open_month,
    settled_world,
    slice_of,
    three_months,
    trust_in,
)
from tests.browser.case import Case
from tests.builder import RULES, World, authority, blob_ref, charter
from tests.coop.months import (
    LEANING,
    Row,
    correct,
    new_world,
    revenue,
    settle,
    submit,
    two_months,
)
from tests.coop.stages import MONTH, correction_body, dispute_body, fork, propose, stage

PAYING = RULES + "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 10}\n"
WAITING = RULES + "approval: {threshold: 2/3, objection_days: 1}\n"
NO_SENSE: tuple[dict[str, Any], ...] = (
    {"settlement_id": "00" * 32}, {"line_ids": ["reserve/bus"]}, {"line_ids": ["share"]},
    {"line_ids": ["opex/bus"]}, {"claims": []}, {"period": "2026-11"}, {"reason": 5},
    {"claims": [{"where": "totals/trips", "value": 1}]},
    {"claims": [{"where": "totals/smiles/bus", "value": 1}]},
    {"claims": [{"where": "totals/trips/nobody", "value": 1}]},
    {"claims": [{"where": "totals/trips/bus", "value": 413}]},
    {"claims": [{"where": "totals/trips/bus", "value": 1}] * 2},
    {"claims": [{"where": f"totals/trips/{who}", "value": 0} for who in ("bus", "ev", "bike")]},
)  # fmt: skip
READING = {"period": MONTH, "id": "uptime_ppm", "member": "bus", "value": 998_000,
           "scale": 1_000_000, "evidence_hash": None}  # fmt: skip


def _case(name: str, world: World) -> Case:
    return Case(name, bundle_of(world), trust_in(world))


def _proposed(rules: str) -> World:
    world = new_world(rules)
    world.prepare()
    world.close()
    propose(world)
    return world


def _dispute(world: World, who: str = "bus", **changes: Any) -> str:
    world.write(who, "dispute-opened", dispute_body(world, **changes)[0])
    return list(world.state.disputes)[-1]


def _approve(world: World) -> None:
    settlement = str(world.state.period(MONTH).settlement)
    for who in ("bus", "ev"):
        world.vote(who, settlement)


def _settled(world: World) -> None:
    body = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}
    world.write("office", "settlement-settled", body)


def _end(world: World, id_: str, how: str) -> None:
    if how == "withdrawn":
        world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "x"})
    elif how == "taken back":
        world.write("bus", "proposal-withdrawn", {"subject_hash": id_, "reason": "x"})
    elif how == "deadline":
        world.now = world.state.disputes[id_].deadline
    else:
        for who in ("ev", "bike"):
            world.vote(who, id_, how)


def disputes() -> Iterator[Case]:
    """Disputes before and after the approval, however they end; and what is held while open."""
    for how in ("withdrawn", "taken back", "reject", "deadline", "approve"):
        for is_approved in (False, True):
            world = _proposed(WAITING)
            if is_approved:
                _approve(world)
            id_ = _dispute(world)
            _dispute(world, "town", claims=[{"where": "revenue/fares", "value": 20_000}])
            _end(world, id_, how)
            # The state at November's cut-off has all that came of it.
            open_month(world, "2026-11")
            name = f"dispute {'after' if is_approved else 'before'} the approval, {how}"
            yield _case(name, world)
    yield from _held()
    fallen = _proposed(WAITING)
    _dispute(fallen)
    for who in ("ev", "bike"):
        fallen.vote(who, str(fallen.state.period(MONTH).settlement), "reject")
    propose(fallen)
    yield _case("disputed, rejected and proposed anew", fallen)


def _held() -> Iterator[Case]:
    world = _proposed(PAYING)
    id_ = _dispute(world)
    _dispute(world, "town", claims=[{"where": "totals/trips/bus", "value": 450}])
    _approve(world)
    _settled(world)
    yield _case("held", world)
    open_month(world, "2026-11")
    upheld = fork(world)
    for who in ("bus", "ev"):
        upheld.vote(who, id_)
    correct(upheld)
    for name, found in (("upheld", upheld), ("released", world)):
        if name == "released":
            found.now = found.state.disputes[id_].deadline
        revenue(found, "2026-11", 500_000)
        submit(found, Row("2026-11", "ev", "nov", 10))
        settle(found, "2026-11")
        yield _case(f"held, then {name}", found)


def forged_disputes() -> Iterator[Case]:
    """Disputes, answers and withdrawals that the ledger's door would refuse."""
    good = stage("disputable")
    trust = trust_in(good)
    for changes in NO_SENSE:
        forged = lenient(good)
        body = dispute_body(good, **changes)[0]
        forged.accept(Submission(forged.draft("bus", "dispute-opened", body)))
        yield Case(f"dispute with {changes}", bundle_of(forged), trust)
    good = stage("disputed")
    (id_,) = good.state.disputes
    answer = {"dispute": id_, "answer": "no", "evidence_hash": None}
    for who, kind, body in (
        ("bus", "dispute-answered", answer), ("ev", "dispute-answered", {**answer, "answer": ""}),
        ("ev", "dispute-answered", {**answer, "dispute": "00" * 32}),
        ("ev", "dispute-withdrawn", {"dispute": id_, "reason": "x"}),
        ("bus", "dispute-opened", dispute_body(good)[0]),
        ("office", "settlement-settled",
         {"period": MONTH, "settlement_id": good.state.period(MONTH).settlement}),
    ):  # fmt: skip
        forged = lenient(good)
        forged.accept(Submission(forged.draft(who, kind, body)))
        yield Case(f"{kind} by {who}: {body}", bundle_of(forged), trust_in(good))


def corrections() -> Iterator[Case]:
    """Settled months corrected, what is owed after it, and the months that follow."""
    ledger = LEANING + "late: {style: ledger, max_lookback_periods: 2}\n"
    for name, rules, row in (
        ("more", LEANING, Row("2026-10", "ev", "late", 59, fare=40_000)),
        ("less", ledger, Row("2026-10", "bus", "undo", -413, reverses="bus-1")),
    ):
        world, _ = two_months(rules)
        submit(world, row)
        due = fork(world)
        correct(world)
        yield _case(f"corrected, {name}", world)
        for month, amount in (("2026-12", 100_000), ("2027-01", 9_000_000)):
            if month != "2026-12":
                open_month(world, month)
            revenue(world, month, amount)
            submit(world, Row(month, "bus", f"bus-{month}", 10))
            settle(world, month)
        yield _case(f"corrected, {name}, and settled", world)
    yield from _forged(due)
    sliced = three_months(authority=authority())
    correct(sliced)
    revenue(sliced, "2027-01", 100_000)
    submit(sliced, Row("2027-01", "ev", "jan", 8))
    settle(sliced, "2027-01")
    for month in ("2026-11", "2026-12"):
        cut = sliced.state.periods[month].cut_off.index
        yield Case(f"corrected, from {month}", slice_of(sliced, cut), trust_in(sliced))


def _forged(due: World) -> Iterator[Case]:
    """Corrections in which something is not what the rules give."""
    body, (rows, seed) = correction_body(due)
    document = body["correction"]
    totals = {**document["totals"], "raised": document["totals"]["raised"] + 1}
    for name, change in (
        ("totals", {"totals": totals}), ("root", {"raised_root": "00" * 32}), ("periods", {}),
        ("periods", {"periods": []}), ("currency", {"currency": "CHF"}), ("more", {"more": 1}),
        ("posted_in", {"posted_in": "2026-11"}),
    ):  # fmt: skip
        changed = {**body, "correction": {**document, **change} if change else {}}
        yield _proposes(due, f"correction, {name}", changed, rows, seed)
    other = flipped(rows, len(rows) // 2)
    changed = {**body, "rows": blob_ref(other)}
    yield _proposes(due, "correction, rows", changed, rows, other, seed)
    twice = fork(due)
    twice.write("office", "correction-proposed", body, rows, seed)
    yield _proposes(twice, "correction, twice", body, rows, seed)


def _proposes(world: World, name: str, body: dict[str, Any], *blobs: bytes) -> Case:
    forged = lenient(world)
    draft = forged.draft("office", "correction-proposed", body)
    forged.accept(Submission(draft, {sha256(blob).hexdigest(): blob for blob in blobs}))
    return Case(name, bundle_of(forged), trust_in(world))


def readings() -> Iterator[Case]:
    """Readings that are confirmed and stand in what a cut-off froze, and some that are refused."""
    world = stage("month")
    for reading in (READING, {**READING, "member": "_", "value": -5}):
        world.write("office", "kpi-reported", reading)
        world.carry("bus", "ev")
    closed = fork(world)
    closed.close()
    yield _case("readings", closed)
    for changes in (
        {}, {"member": "ev", "scale": 100}, {"member": "nobody"}, {"period": "2026-11"},
        {"scale": 0}, {"id": "Uptime"}, {"value": "5"}, {"more": 1},
    ):  # fmt: skip
        forged = lenient(world)
        forged.accept(Submission(forged.draft("office", "kpi-reported", {**READING, **changes})))
        yield Case(f"reading {changes}", bundle_of(forged), trust_in(world))


def first_charters() -> Iterator[Case]:
    """Logs whose charters do not name the later kinds keep nothing for them."""
    world = settled_world(World(charter=charter(authority=authority(later=False))))
    yield _case("a first charter", world)
    forged = lenient(world)
    forged.accept(Submission(forged.draft("office", "kpi-reported", READING)))
    yield _case("a first charter, a later kind", forged)


def contested_cases() -> Iterator[Case]:
    """All of them."""
    for part in (disputes, forged_disputes, corrections, readings, first_charters):
        yield from part()
