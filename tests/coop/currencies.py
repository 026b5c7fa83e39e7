"""A co-op that has yen and francs: months are divided in the one or the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.builder import FIRMS, RULES, SALT, World, authority, charter, rules_body
from tests.coop.months import BOUNDS, Row, open_month, submit
from tests.coop.payable_months import settle_disputed
from tests.coop.payments import lines_of, report
from tests.coop.payout_bodies import bank_details, order_body
from tests.coop.stages import MONTH, blob_ref, settlement_body

JPY, CHF = {"code": "JPY", "digits": 0}, {"code": "CHF", "digits": 2}
LATER, LAST = "2026-11", "2026-12"
# By trips alone: there is no capital in francs.
YEN = (
    RULES[: RULES.index("steps:")].replace(", charge.fare", "")
    + """steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform]}
  - {id: share, kind: allocate, source: gross, key: {kind: proportional, input: trips}}
"""
)
FRANCS = YEN.replace("currency: JPY\nminor_digits: 0", "currency: CHF\nminor_digits: 2")


def two_currencies(
    currencies: Sequence[dict[str, Any]],
    *,
    make: type[World] = World,
    rules: str = YEN,
    disputed: bool = False,
) -> World:
    """October settled and paid in yen; November is open and to be divided in francs."""
    terms = charter(authority=authority(), currencies=list(currencies))
    world = make(charter=terms, rules=rules)
    world.prepare()
    if disputed:
        settle_disputed(world, 500)
    else:
        settle_month(world, MONTH)
    set_destinations(world, "JPY")
    pay(world, "JPY")
    adopt(world, FRANCS, version=2, since=LATER)
    open_month(world, LATER)
    return world


def adopt(world: World, rules: str, *, version: int, since: str) -> None:
    """The members agree on rules that hold from a month on."""
    later = rules.replace("version: 1", f"version: {version}").replace("2026-10-01", f"{since}-01")
    text = SALT + later.encode()
    world.write("office", "ruleset-proposed", rules_body(text), text)
    world.carry("bus", "ev")


def earn(world: World, month: str, amount_minor: int, currency: str) -> None:
    """A month's revenue, and its trips: 5, 3 and 2 of the bus, the ev and the bike."""
    body = {"period": month, "id": "fares", "amount_minor": amount_minor, "currency": currency,
            "origin": "member"}  # fmt: skip
    world.write("office", "revenue-reported", body)
    world.carry("bus", "ev")
    for firm, trips in (("bus", 5), ("ev", 3), ("bike", 2)):
        submit(world, Row(month, firm, f"{firm}-{month}", trips))


def settle_month(world: World, month: str) -> None:
    """Close, approve and settle a month."""
    world.now = max(world.now, BOUNDS[month][1])
    world.close(month)
    body, blobs = settlement_body(world, month)
    world.write("office", "settlement-proposed", body, *blobs)
    world.carry("bus", "ev")
    settlement = world.state.period(month).settlement
    world.write("office", "settlement-settled", {"period": month, "settlement_id": settlement})


def set_destinations(world: World, currency: str) -> None:
    """Every firm names its account for a currency, and another office confirms."""
    for firm in FIRMS:
        details = bank_details(firm)
        bank = {"type": "bank", "details": blob_ref(details), "hint": f"···{firm}"}
        body = {"member": firm, "currency": currency, "destination": bank}
        world.write(firm, "payout-destination-set", body, details)
        world.carry("office")


def pay(world: World, currency: str) -> dict[str, int]:
    """Order all that is payable and report it as paid; answers with the amounts."""
    body, blobs = order_body(world, currency=currency)
    world.write("office", "payout-ordered", body, *blobs)
    id_ = next(reversed(world.state.proposals))
    world.carry("bus", "ev")
    lines = lines_of(world, id_)
    report(world, {line_id: "paid" for line_id, _ in lines.values()}, id_)
    return {member: line.amount_minor for member, (_, line) in lines.items()}


def due(world: World, currency: str) -> dict[str, int]:
    """What the firms are due in a currency, paid or not."""
    rows = world.state.dues.get(currency, {})
    return {firm: rows[firm].due for firm in FIRMS if firm in rows}
