"""The bodies and blobs of payouts in the test co-op: destinations, orders, files and results."""

from __future__ import annotations

from typing import Any

from ledger import canonical
from ledger.coop.payouts import derive_order
from tests.builder import SALT, World, blob_ref


def bank_details(firm: str) -> bytes:
    """The details of a firm's account, salted; the ledger does not read them."""
    return SALT + canonical.encode({"account": f"000{len(firm)}", "holder": firm})


def set_destination(world: World, firm: str, destination: dict[str, Any] | None = None) -> None:
    """A firm names where it is paid, a bank account unless told, and another office confirms."""
    details = bank_details(firm)
    bank = {"type": "bank", "details": blob_ref(details), "hint": f"···{firm}"}
    body = {"member": firm, "currency": "JPY", "destination": destination or bank}
    world.write(firm, "payout-destination-set", body, *(() if destination else (details,)))
    world.carry("office")


def order_body(
    world: World, method: str = "bank", currency: str = "JPY"
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The body of the order that is due, and the blob that it names."""
    order = derive_order(world.state, currency, method, world.now)
    blob = SALT + order.content()
    body = {
        "period": order.period,
        "currency": currency,
        "method": method,
        "count": len(order.lines),
        "total_minor": order.total_minor,
        "lines": blob_ref(blob),
    }
    return body, (blob,)


def export_body(
    world: World, order_id: str = "", form: str = "zengin"
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The body that an order was exported, the last one unless told, and its file."""
    blob = SALT + b"the bank's file"
    order_id = order_id or next(reversed(world.state.orders))
    named = {"order": order_id, "format": form, "pay_on": "2026-11-10", "file": blob_ref(blob)}
    return named, (blob,)


def results_body(
    world: World, outcomes: dict[str, str] | None = None, order_id: str = ""
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """A report on lines of an order, of its first line and as paid unless told."""
    order_id = order_id or next(reversed(world.state.orders))
    lines = world.state.orders[order_id].lines
    outcomes = outcomes or {next(iter(lines)): "paid"}
    rows = [
        {"id": id_, "outcome": outcome, "date": "2026-11-10", "reference": "FT1", "reason": ""}
        for id_, outcome in outcomes.items()
    ]
    document = {"kyojo_payout_results": 1, "order": order_id, "results": rows}
    blob = SALT + canonical.encode(document)
    sums = {
        how: sum(lines[id_].amount_minor for id_, one in outcomes.items() if one == how)
        for how in ("paid", "returned", "expired")
    }
    body = {
        "order": order_id,
        "paid_minor": sums["paid"],
        "returned_minor": sums["returned"],
        "results": blob_ref(blob),
        "evidence_hash": "ef" * 32,
        **({"expired_minor": sums["expired"]} if sums["expired"] else {}),
    }
    return body, (blob,)
