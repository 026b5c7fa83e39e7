"""Logs in which figures are contested, corrected or read off, honestly and not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ledger import canonical
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
from tests.builder import RULES, SALT, World, authority, blob_ref, charter, rules_body
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
from tests.coop.stages import (
    MONTH,
    correction_body,
    dispute_body,
    fork,
    propose,
    rules_text,
    stage,
)

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


HEAD = RULES[: RULES.index("pools:")]
OPEX = """\
pools: {gross: {from: [revenue.fares]}}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform]}
"""
BY_QUALITY = f"""{HEAD}inputs: {{uptime: {{kpi: uptime}}}}
{OPEX}\
  - id: share
    kind: allocate
    source: gross
    key: {{kind: kpi_weighted, mode: multiply, base: {{kind: proportional, input: trips}},
          kpis: [{{input: uptime, min: 900, max: 1000, weight: 1}}]}}
"""
WHEN_GOAL = f"""{HEAD}{OPEX}\
  - {{id: bonus, kind: allocate, source: gross, limit: 1000, key: {{kind: equal}},
     when: {{kpi: co2_saved, at_least: 500}}}}
  - {{id: rest, kind: reserve, source: gross, to: fund.reserve, rate: 100%}}
"""
BY_PAYERS = f"""{HEAD}{OPEX}\
  - {{id: share, kind: allocate, source: gross, key: {{kind: user_centric, matrix: plays}}}}
"""
TOWN_FUND = f"""{HEAD}{OPEX}\
  - {{id: town, kind: citizens_fund, source: gross, ballots: town, method: equal_shares,
     utility: cost, limit: 500000}}
  - {{id: rest, kind: allocate, source: gross, key: {{kind: proportional, input: trips}}}}
"""
FLOOR = f"""{HEAD}{OPEX}\
  - {{id: floor, kind: guarantee, source: gross, claims: {{bike: 60000}}, recoup: next_periods}}
  - {{id: share, kind: allocate, source: gross, key: {{kind: proportional, input: trips}}}}
"""
CHARGED = f"""{HEAD}pools: {{gross: {{from: [revenue.fares]}}}}
steps:
  - {{id: use, kind: allocate, source: cost.platform, as: charge,
     key: {{kind: proportional, input: trips}}}}
  - {{id: share, kind: allocate, source: gross, key: {{kind: fixed, weights: {{bus: 1}}}}}}
"""
LLP = b"""\
profile: jp-llp
llp: {capital_ratio: {bus: 50%, ev: 30%, bike: 20%}, split: by trips,
      reason: the bus drives most of it, from: 2026-10-01}
"""
VOTES = {
    "projects": {"lamp": {"cost": 300_000}, "bench": {"cost": 400_000}},
    "votes": [{"voter": f"c{n}", "approve": ["lamp" if n < 3 else "bench"]} for n in range(4)],
}
NO_FIGURES = (
    ("matrices", "plays", b'{"u1":{"stranger":3}}'), ("totals", "trips", b'{"bus":3}'),
    ("totals", "count.trips", b'{"bus":"5/2"}'),
    ("matrices", "plays", b'{"u1":  {"bus":3}}'), ("matrices", "plays", b'{"u1":{"bus":-3}}'),
    ("matrices", "plays", b"[]"), ("payments", "x", b'{"u1":"a"}'), ("ballots", "town", b"{}"),
    ("games", "dams", b'{"x":1}'), ("totals", "visits", b'{"bus":"1/0","ev":2}'),
    ("payments", "x", b"5"), ("matrices", "plays", b""),
)  # fmt: skip
Figures = Mapping[str, Any]


def case_of(name: str, world: World) -> Case:
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
            yield case_of(name, world)
    yield from _held()
    fallen = _proposed(WAITING)
    _dispute(fallen)
    for who in ("ev", "bike"):
        fallen.vote(who, str(fallen.state.period(MONTH).settlement), "reject")
    propose(fallen)
    yield case_of("disputed, rejected and proposed anew", fallen)


def _held() -> Iterator[Case]:
    world = _proposed(PAYING)
    id_ = _dispute(world)
    _dispute(world, "town", claims=[{"where": "totals/trips/bus", "value": 450}])
    _approve(world)
    _settled(world)
    yield case_of("held", world)
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
        yield case_of(f"held, then {name}", found)


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
        yield case_of(f"corrected, {name}", world)
        for month, amount in (("2026-12", 100_000), ("2027-01", 9_000_000)):
            if month != "2026-12":
                open_month(world, month)
            revenue(world, month, amount)
            submit(world, Row(month, "bus", f"bus-{month}", 10))
            settle(world, month)
        yield case_of(f"corrected, {name}, and settled", world)
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
    yield case_of("readings", closed)
    for changes in (
        {}, {"member": "ev", "scale": 100}, {"member": "nobody"}, {"period": "2026-11"},
        {"scale": 0}, {"id": "Uptime"}, {"value": "5"}, {"more": 1},
    ):  # fmt: skip
        forged = lenient(world)
        forged.accept(Submission(forged.draft("office", "kpi-reported", {**READING, **changes})))
        yield Case(f"reading {changes}", bundle_of(forged), trust_in(world))


def under(rules: str) -> World:
    """October with all usage, under these rules."""
    world = new_world(RULES)
    world.prepare()
    text = SALT + rules.replace("version: 1", "version: 2").encode()
    world.write("office", "ruleset-proposed", rules_body(text), text)
    world.carry("bus", "ev", "bike")
    return world


def read(world: World, *readings: tuple[str, str, int]) -> None:
    for name, member, value in readings:
        body = {**READING, "id": name, "member": member, "value": value, "scale": 1000}
        world.write("town", "kpi-reported", body)
        world.carry("bus", "ev")


def figures_of(section: str, name: str, content: bytes) -> tuple[dict[str, Any], bytes]:
    blob = SALT + content
    return {"period": MONTH, "section": section, "id": name, "figures": blob_ref(blob)}, blob


def figures() -> Iterator[Case]:
    """Months that are divided by readings and by figures that nobody meters."""
    rows: tuple[tuple[str, Sequence[tuple[str, str, int]], Figures], ...] = (
        (BY_QUALITY, [("uptime", "bus", 998), ("uptime", "ev", 950), ("uptime", "bike", 900)], {}),
        (WHEN_GOAL, [("co2_saved", "_", 501_000)], {}),
        (BY_PAYERS, [], {"matrices/plays": {"u1": {"bus": 3, "ev": 1}, "u2": {"bike": 5}},
                         "payments/tickets": {"u1": 100, "u2": 300}}),
        (TOWN_FUND, [], {"ballots/town": VOTES, "totals/count.visits": {"bus": 3, "ev": 2}}),
    )  # fmt: skip
    for rules, readings_, found in rows:
        world = under(rules)
        read(world, *readings_)
        for place, value in found.items():
            body, blob = figures_of(*place.split("/"), canonical.encode(value))
            world.write("office", "figures-reported", body, blob)
            world.carry("bus", "ev")
        settle(world, MONTH)
        yield case_of(f"figures {list(found) or readings_}", world)
    world = under(BY_PAYERS)
    for section, name, content in NO_FIGURES:
        forged = lenient(world)
        body, blob = figures_of(section, name, content)
        draft = forged.draft("office", "figures-reported", body)
        forged.accept(Submission(draft, {sha256(blob).hexdigest(): blob}))
        yield Case(f"figures {section} {content!r}", bundle_of(forged), trust_in(world))
    forged = lenient(under(WHEN_GOAL))
    for kind in ("period-closing", "period-closed"):
        forged.accept(Submission(forged.draft("office", kind, {"period": MONTH})))
    yield Case("a goal without a reading", bundle_of(forged), trust_in(forged))


def charges() -> Iterator[Case]:
    """Costs that are charged: who bore them is repaid, who cannot pay owes; and a correction."""
    world, _ = two_months(CHARGED)
    submit(world, Row("2026-10", "ev", "ev-late", 59))
    correct(world)
    revenue(world, "2026-12", 400_000)
    submit(world, Row("2026-12", "bike", "dec", 10))
    settle(world, "2026-12")
    yield case_of("charges", world)


def replaced() -> Iterator[Case]:
    """Upheld claims of one figure: the last stands, and what asks for the same ends with it."""
    world = _proposed(WAITING)
    _approve(world)
    first, same = _dispute(world), _dispute(world, "town")
    other = [{"where": "totals/trips/bus", "value": 100}]
    last = _dispute(world, "ev", claims=other)
    for id_ in (first, last):
        for who in ("bus", "ev"):
            world.vote(who, id_)
    assert world.state.disputes[same].state == "upheld"
    world.now = "2026-11-03T00:00:00.000Z"
    _settled(world)
    open_month(world, "2026-11")
    correct(world)
    revenue(world, "2026-11", 500_000)
    submit(world, Row("2026-11", "ev", "nov", 10))
    world.now = "2026-12-01T00:00:00.000Z"
    world.close("2026-11")
    yield case_of("claims that replace each other", world)
    again = lenient(_proposed(WAITING))
    _dispute(again)
    for who in ("bus", "ev"):
        again.vote(who, list(again.state.disputes)[-1])
    propose(again)
    body = dispute_body(again)[0]
    again.accept(Submission(again.draft("town", "dispute-opened", body)))
    yield case_of("a claim that was upheld already", again)


def advances() -> Iterator[Case]:
    """A guarantee's advances: kept, paid back, and in a correction what they were."""
    world, _ = two_months(FLOOR)
    submit(world, Row("2026-10", "ev", "ev-late", 59))
    correct(world)
    revenue(world, "2026-12", 400_000)
    submit(world, Row("2026-12", "bike", "dec", 10))
    settle(world, "2026-12")
    yield case_of("advances", world)
    cut = world.state.periods["2026-12"].cut_off.index
    open_month(world, "2027-01")
    yield Case("advances, from 2026-12", slice_of(world, cut), trust_in(world))


def partners() -> Iterator[Case]:
    """Rules that, by law, every member must agree to, whatever the charter's quorum."""
    world = new_world(RULES)
    world.prepare()
    text = rules_text() + LLP
    world.write("bus", "ruleset-proposed", rules_body(text), text)
    hash_ = rules_body(text)["rule_hash"]
    for who in ("bus", "ev"):
        world.vote(who, hash_)
    yield case_of("two of three partners", world)
    world.vote("bike", hash_)
    yield case_of("all partners", world)


def first_charters() -> Iterator[Case]:
    """Logs whose charters do not name the later kinds keep nothing for them."""
    world = settled_world(World(charter=charter(authority=authority(later=False))))
    yield case_of("a first charter", world)
    forged = lenient(world)
    forged.accept(Submission(forged.draft("office", "kpi-reported", READING)))
    yield case_of("a first charter, a later kind", forged)


def contested_cases() -> Iterator[Case]:
    """All of them."""
    for part in (disputes, forged_disputes, corrections, readings, figures, charges, replaced,
                 advances, partners, first_charters):  # fmt: skip
        yield from part()
