"""How payouts are written for people."""

from __future__ import annotations

from ledger.coop.charter import Charter
from ledger.coop.payouts import Order
from ledger.coop.subjects import money

UNNAMED = (
    "the log names no vault: [coops.NAME.vault] in kyojo.toml alone says which one pays "
    "台帳は支払用コントラクトを指定していません（kyojo.toml の設定のみ）"
)
FOLLOWED = (
    "this is an earlier vault: {0} is in force, and what is ordered now is claimed there "
    "これは以前の支払用コントラクトです（現行は {0}）"
)


def order_line(terms: Charter, order: Order) -> str:
    """An order in one line."""
    total = money(terms, order.total_minor, order.currency)
    return f"{order.period} by {order.method}: {total} in {len(order.lines)} payment(s)"
