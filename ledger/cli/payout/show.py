"""``kyojo payout show``: what members are due, the orders, and destinations to be confirmed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.coop.charter import Charter
from ledger.coop.subjects import money
from ledger.service.payout import PayoutsView, office_view
from ledger.service.payout_accounts import doubts


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "show", parents=[office], help="what members are due, orders, destinations"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print all of it."""
    with chosen(options) as (_, coop):
        found = office_view(coop)
        terms = coop.state().terms()
        doubted = doubts(coop)
    lines = list(view_lines(found, terms)) or ["no month is settled in a co-op that pays out"]
    lines += [
        f"WARNING 注意: do not confirm {one.subject_hash} of {one.member}: {one.text}"
        for one in doubted
    ]
    document = {**asdict(found), "doubts": [asdict(one) for one in doubted]}
    show("\n".join(lines), document, as_json=options.json)
    return 0


def view_lines(found: PayoutsView, terms: Charter) -> Iterator[str]:
    """Payouts for people: dues, then orders, then destinations."""
    for one in found.members:

        def words(amount: int, currency: str = one.currency) -> str:
            return money(terms, amount, currency)

        parts = [f"due {words(one.due)}", f"paid {words(one.paid)}"]
        more = ("ordered", "payable", "held", "owed", "returned", "expired")
        parts += [f"{name} {words(getattr(one, name))}" for name in more if getattr(one, name)]
        yield f"{one.member:<24}{', '.join(parts)}"
    for order in found.orders:
        total = money(terms, order.total_minor, order.currency)
        vault = "" if order.vault is None else f" {order.vault}"
        file = "" if order.format is None else f", {order.format} to be paid on {order.pay_on}"
        yield (
            f"{order.id}  {order.period} by {order.method}{vault}: {total} in {order.count} "
            f"payment(s), {order.status}{file}"
        )
        for line in order.lines:
            amount = money(terms, line.amount_minor, order.currency)
            yield f"  {line.id}  {line.member:<24}{amount:>20}  {line.state}"
    for where in found.destinations:
        since = "" if where.since is None else f" since {where.since}"
        waits = "" if where.subject_hash is None else f", to be confirmed: {where.subject_hash}"
        yield (
            f"{where.member} in {where.currency}: {where.type} {where.hint}, {where.status}"
            f"{since}{waits}"
        )
