"""Worlds in which entries are forged: months at many stages and under many rules.

``SCENES`` names each with the function that breaks its rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger import canonical
from tests.browser.forging import Forger
from tests.browser.refusals_charter import changes, unnamed
from tests.browser.refusals_contracts import (
    successors,
    to_accounts,
    too_many_successors,
    vaults,
    vaults_and_orders,
)
from tests.browser.refusals_payouts import PAYOUTS
from tests.browser.refusals_settling import (
    LONG_NAMES,
    MONEY,
    TWO,
    WAITING,
    Step,
    after_the_cut_off,
    approvals,
    corrections,
    cut_off,
    disputes,
    facilities,
    grace,
    looking_back,
    nobody_decides,
    order,
    other_money,
    replacements,
    second_votes,
    settlements,
    unwritable,
    wrong_time,
)
from tests.builder import (
    RULES,
    SALT,
    World,
    authority,
    blob_ref,
    charter,
    record,
)
from tests.coop.months import BOUNDS
from tests.coop.stages import (
    MONTH,
    propose,
    stage,
)


def reported(kind: str, *, voters: tuple[str, ...] = ("bus", "ev"), **body: Any) -> Step:
    """A fact that is reported and confirmed."""

    def write(world: World) -> None:
        world.write("office", kind, body)
        world.carry(*voters)

    return write


def metered(**changes: Any) -> Step:
    """Usage with charges."""
    return lambda world: world.submit("bus", record("more", **changes), n=7) and None


def month(*steps: Step, rules: str = RULES, **terms: Any) -> Callable[[], World]:
    """October up to its usage, and then what ``steps`` do."""

    def make() -> World:
        world = World(charter=charter(**terms), rules=rules)
        world.prepare()
        for step in steps:
            step(world)
        return world

    return make


def closed(*steps: Step, **terms: Any) -> Callable[[], World]:
    """October cut off, its settlement proposed and approved; then what ``steps`` do."""

    def make() -> World:
        world = month(**terms)()
        world.close()
        propose(world)
        world.carry("bus", "ev")
        for step in steps:
            step(world)
        return world

    return make


def disputable() -> World:
    """October proposed, with figures that no rule asks for."""
    world = stage("all kinds")
    metered(measures={"energy_wh": 5})(world)
    blob = SALT + canonical.encode({"bus": 3})
    for name in LONG_NAMES:
        body = {"period": MONTH, "section": "totals", "id": name, "figures": blob_ref(blob)}
        world.write("office", "figures-reported", body, blob)
        world.carry("bus", "ev")
    world.close()
    propose(world)
    return world


def settled(*steps: Step, rules: str = RULES, **terms: Any) -> Callable[[], World]:
    """October settled, and late usage of it."""

    def make() -> World:
        world = closed(rules=rules, **terms)()
        settlement = world.state.period(MONTH).settlement
        body = {"period": MONTH, "settlement_id": settlement}
        world.write("office", "settlement-settled", body)
        for step in steps:
            step(world)
        world.submit("ev", record("ev-late", measures={"trips": 59}))
        return world

    return make


def opening(*months: str) -> Step:
    """Later months, open."""

    def write(world: World) -> None:
        for name in months:
            start, end = BOUNDS[name]
            world.write("office", "period-opened", {"period": name, "start": start, "end": end})

    return write


def at(name: str) -> Callable[[], World]:
    return lambda: stage(name)


def voting_on_facilities() -> World:
    """A co-op, just founded, whose facilities need approval."""
    quorum = {"roles": ["member"], "threshold": "2"}
    right = {"write": ["operator"], "approve": quorum}
    world = World(charter=charter(authority={**authority(), "facility-registered": right}))
    world.found()
    return world


def voting_on_contracts() -> World:
    """A co-op, just founded, in which one vote names an anchor contract."""
    quorum = {"roles": ["member"], "threshold": "1"}
    right = {"write": ["operator"], "approve": quorum}
    world = World(charter=charter(authority={**authority(), "anchor-successor-named": right}))
    world.found()
    return world


def unsettled() -> World:
    """October cut off, with every kind of entry allowed."""
    world = stage("all kinds")
    world.close()
    return world


COARSE = "late: {grace_days: 0, max_lookback_periods: 2, materiality_minor: 1000000000}\n"
TIPS = RULES.replace("charge.fare", "revenue.tips")
MIXED = RULES.replace("[revenue.fares, charge.fare]", "[revenue.fares, charge.fare, revenue.aid]")
SCENES: dict[str, tuple[Callable[[], World], Callable[[Forger], None]]] = {
    "cut off": (unsettled, after_the_cut_off),
    "settlements": (unsettled, settlements),
    "approved": (closed(rules=WAITING), approvals),
    "disputes": (disputable, disputes),
    "corrections": (at("late"), corrections),
    "no next month": (settled(), wrong_time),
    "nothing material": (settled(opening("2026-11"), rules=RULES + COARSE), wrong_time),
    "a late charge without a place": (settled(
        opening("2026-11"), metered(charges={"fare": 3}, currency="USD"), currencies=TWO,
    ), wrong_time),
    "beyond the look-back": (closed(opening("2026-11", "2026-12", "2027-01")), looking_back),
    "votes": (month(currencies=TWO), second_votes),
    "replacements": (at("all kinds"), replacements),
    "two currencies": (month(currencies=TWO), other_money),
    "order": (unsettled, order),
    "successors": (at("all kinds"), successors),
    "charters": (at("all kinds"), changes),
    "charters that name no change": (month(authority=authority(later=False)), unnamed),
    "contracts": (voting_on_contracts, too_many_successors),
    "vaults": (settled(to_accounts, currencies=TWO), vaults),
    "vaults and orders": (settled(to_accounts), vaults_and_orders),
    "facilities": (voting_on_facilities, facilities),
    "nobody": (month(), nobody_decides),
    "unwritable": (month(authority=authority(later=False)), unwritable),
    "grace": (month(period={"decided_by": "end", "grace_days": 2, "objection_days": 0,
                            "lookback_periods": 2}), grace),
    "revenue in dollars": (month(reported("revenue-reported", **{**MONEY, "currency": "USD"},
                                          id="x", origin="member"), currencies=TWO), cut_off),
    "revenue without a pool": (month(reported("revenue-reported", **MONEY, id="x",
                                              origin="member")), cut_off),
    "public money": (month(reported("revenue-reported", **MONEY, id="aid", origin="public"),
                           rules=MIXED), cut_off),
    "a cost without a step": (month(reported("cost-reported", **MONEY, id="repairs",
                                             member="bus")), cut_off),
    "a cost in dollars": (month(reported("cost-reported", **{**MONEY, "currency": "USD"},
                                         id="repairs", member="bus"), currencies=TWO), cut_off),
    "a charge without a pool": (month(metered(charges={"fare": 3}, currency="JPY"), rules=TIPS),
                                cut_off),
    "a charge in dollars": (month(metered(charges={"fare": 3}, currency="USD"), currencies=TWO),
                            cut_off),
    "no rules in force": (month(rules=RULES.replace("2026-10-01", "2026-11-01")), cut_off),
    "no weights": (month(rules=RULES.replace("input: trips", "input: energy_wh")), cut_off),
    "floors above the pool": (month(rules=RULES.replace(
        "    parts:", "    bounds: {floor: 900000}\n    parts:")), cut_off),
    "caps below the pool": (month(rules=RULES.replace(
        "    parts:", "    bounds: {cap: 9}\n    parts:")), cut_off),
    "no reading": (month(rules=RULES.replace(
        "rate: 5%", "rate: 5%, when: {kpi: uptime, at_least: 9}")), cut_off),
    "no matrix": (month(rules=RULES.replace("{kind: equal}", "{kind: pro_rata, matrix: plays}")),
                  cut_off),
    "no game": (month(rules=RULES.replace("{kind: equal}", "{kind: shapley, game: dam}")), cut_off),
    "no ballots": (month(rules=RULES + "  - {id: v, kind: citizens_fund, source: gross,"
                         " ballots: town, method: greedy}\n"), cut_off),
    "who is no member": (month(rules=RULES.replace("{kind: equal}",
                                                   "{kind: equal, members: [audit]}")), cut_off),
}  # fmt: skip


SCENES |= PAYOUTS


def scene(name: str) -> Forger:
    """The log of a scene with everything that is refused in it."""
    make, run = SCENES[name]
    forger = Forger.of(make())
    run(forger)
    return forger
