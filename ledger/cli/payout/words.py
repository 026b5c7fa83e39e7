"""How payouts are written for people."""

from __future__ import annotations

from ledger.coop.charter import Charter
from ledger.coop.payouts import Order
from ledger.coop.subjects import money


def order_line(terms: Charter, order: Order) -> str:
    """An order in one line."""
    total = money(terms, order.total_minor, order.currency)
    return f"{order.period} by {order.method}: {total} in {len(order.lines)} payment(s)"
