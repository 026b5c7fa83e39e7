"""Logs in which what was reported is replaced before the cut-off, or claimed to be otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from ledger.coop.submission import Submission
from tests.audit.test_forgery import lenient
from tests.audit.world import bundle_of, open_month, slice_of, trust_in
from tests.browser.case import Case
from tests.browser.contested import (
    BY_PAYERS,
    BY_QUALITY,
    READING,
    case_of,
    figures_of,
    read,
    under,
)
from tests.builder import RULES, World
from tests.coop.months import new_world, revenue, settle
from tests.coop.stages import MONTH, dispute_body, propose

MONEY = {"period": MONTH, "currency": "JPY"}
FARES = {**MONEY, "id": "fares", "origin": "member"}
WIRES = {**MONEY, "id": "platform", "member": "ev"}
Sent = tuple[dict[str, Any], tuple[bytes, ...]]


def _sent(body: dict[str, Any], *blobs: bytes) -> Sent:
    return body, blobs


ANEW: tuple[tuple[str, str, Sent | None, Sent], ...] = (
    ("revenue-reported", "office", None, _sent({**FARES, "amount_minor": 50_000})),
    ("cost-reported", "bike", _sent({**WIRES, "amount_minor": 5}),
     _sent({**WIRES, "amount_minor": 9})),
    ("kpi-reported", "town", _sent(READING), _sent({**READING, "value": 1, "scale": 100})),
    ("figures-reported", "office", _sent(*figures_of("matrices", "plays", b'{"u1":{"bus":1}}')),
     _sent(*figures_of("matrices", "plays", b'{"u1":{"bus":3,"ev":1},"u2":{"bike":5}}'))),
    ("figures-reported", "office", _sent(*figures_of("payments", "x", b'{"u1":7}')),
     _sent(*figures_of("payments", "x", b'{"u1":100,"u2":300}'))),
)  # fmt: skip
"""A kind, who reports it, a wrong report (of fares there is one already), and the right one."""


def reported_anew() -> Iterator[Case]:
    """Reports that replace confirmed ones, and wrong ones that do not."""
    world = under(BY_PAYERS)
    for kind, who, wrong, (body, blobs) in ANEW:
        index = world.state.size
        if wrong is None:
            index = next(i for i, e in enumerate(world.entries) if b'"kind":"revenue-rep' in e)
        else:
            world.write(who, kind, wrong[0], *wrong[1])
            world.carry("bus", "ev")
        for more in ({}, *({"replaces": at} for at in (0, index + 1, -1, None, 10_000))):
            yield _reports(world, who, kind, {**body, **more}, *blobs)
        world.write(who, kind, {**body, "replaces": index}, *blobs)
        world.carry("bus", "ev")
        yield _reports(world, who, kind, {**body, "replaces": index}, *blobs)
    world.close()
    propose(world)
    for where in ("matrices/plays/u1/ev", "payments/u1", "payments/u9", "kpis/uptime/bus",
                  "matrices/plays/u3/ev", "matrices/plays/u1/nobody"):  # fmt: skip
        claims = [{"where": where, "value": 9}]
        body = dispute_body(world, claims=claims, line_ids=["share/ev"])[0]
        yield _reports(world, "ev", "dispute-opened", body)
    yield case_of("reported anew", world)


def _reports(world: World, who: str, kind: str, body: dict[str, Any], *blobs: bytes) -> Case:
    forged = lenient(world)
    named = {sha256(blob).hexdigest(): blob for blob in blobs}
    forged.accept(Submission(forged.draft(who, kind, body), named))
    return Case(f"{kind} {body}", bundle_of(forged), trust_in(world))


def disputed_and_before_a_slice() -> Iterator[Case]:
    """A reading that a dispute changed; a slice whose first entries replace one from before it."""
    world = under(BY_QUALITY)
    read(world, ("uptime", "bus", 998), ("uptime", "ev", 950), ("uptime", "bike", 900))
    world.close()
    propose(world)
    claims = [{"where": "kpis/uptime/bike", "value": 1000}]
    body = dispute_body(world, claims=claims, line_ids=["share/bike"])[0]
    world.write("bike", "dispute-opened", body)
    id_ = list(world.state.disputes)[-1]
    for who in ("bus", "ev"):
        world.vote(who, id_)
    propose(world)
    yield case_of("a reading that was disputed", world)
    world = new_world(RULES)
    world.prepare()
    open_month(world, "2026-11")
    first = world.state.size
    revenue(world, "2026-11", 500_000)
    settle(world, MONTH)
    cut_off = world.state.period(MONTH).cut_off
    body = {**FARES, "period": "2026-11", "amount_minor": 1, "replaces": first}
    world.write("office", "revenue-reported", body)
    world.carry("bus", "ev")
    yield case_of("a report anew", world)
    if cut_off is not None:
        part = slice_of(world, cut_off.index)
        yield Case("a report anew, from its middle", part, trust_in(world))


def reported_cases() -> Iterator[Case]:
    """All of them."""
    yield from reported_anew()
    yield from disputed_and_before_a_slice()
