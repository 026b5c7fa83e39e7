"""What tests of payouts do: order, report, and look at what members are due."""

from __future__ import annotations

from ledger.coop.state import Dues, OrderedLine
from tests.builder import World
from tests.coop.payout_bodies import export_body, order_body, results_body


def order(world: World, method: str = "bank", *, approve: bool = True) -> str:
    """Order what is payable; answers with the order's hash."""
    body, blobs = order_body(world, method)
    world.write("office", "payout-ordered", body, *blobs)
    id_ = next(reversed(world.state.proposals))
    if approve:
        world.carry("bus", "ev")
    return id_


def export(world: World, order_id: str = "", form: str = "zengin") -> None:
    """The office makes the bank's file of an order."""
    body, blobs = export_body(world, order_id, form)
    world.write("office", "payout-exported", body, *blobs)


def report(world: World, outcomes: dict[str, str], order_id: str = "") -> None:
    """The office reports what became of lines, and another confirms. A bank has a file."""
    named = world.state.orders[order_id or next(reversed(world.state.orders))]
    if named.method != "vault" and named.file is None:
        export(world, order_id)
    body, blobs = results_body(world, outcomes, order_id)
    world.write("office", "payout-resulted", body, *blobs)
    world.carry("audit")


def lines_of(world: World, order_id: str) -> dict[str, tuple[str, OrderedLine]]:
    """An order's lines by member, with their ids."""
    lines = world.state.orders[order_id].lines
    return {line.member: (id_, line) for id_, line in lines.items()}


def dues(world: World, member: str) -> Dues:
    """What a member is due in yen."""
    return world.state.dues["JPY"].get(member, Dues())
