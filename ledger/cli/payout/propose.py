"""``kyojo payout propose``: put what is payable before the members, an order for each method."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.payout.terms import said_terms
from ledger.cli.payout.words import order_line
from ledger.coop.payouts import Order
from ledger.service import payout
from ledger.service.payout_notice import seal_notices

EPILOG = """\
Paid is what settled months made due, less what was ordered before, what disputes hold and what the
member owes; an order names one method: banks in Japan, IBANs, the vault. Members whose destination
is not in force yet wait. The members decide (kyojo member decide). Run again, it proposes only what
is in no order yet. With terms (the file of `kyojo payout notice`; default: notice_terms in
kyojo.toml) each order carries the documents that go with its payments, and `kyojo books search`
finds them.
"""


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "propose", parents=[office], help="propose what is payable", epilog=EPILOG
    )
    command.add_argument("--currency", help="only this one")
    command.add_argument("--dry-run", action="store_true", help="only say what would be ordered")
    command.add_argument("--terms", type=Path, metavar="FILE", help="terms of the documents")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Propose, or print what would be proposed."""
    with chosen(options) as (installation, coop):
        terms = coop.state().terms()
        said = said_terms(options.terms, installation, coop)
        rows: list[tuple[Order, int | None]]
        if options.dry_run:
            rows = [(order, None) for order in payout.draft_orders(coop, options.currency)]
        else:
            seal = None if said is None else partial(seal_notices, coop, terms=said)
            made = payout.propose_payouts(coop, options.currency, seal)
            rows = [(one.order, one.receipt.index) for one in made]
    lines, documents = [], []
    for order, index in rows:
        lines.append(order_line(terms, order) + ("" if index is None else f", entry {index}"))
        documents.append(
            {
                "period": order.period,
                "currency": order.currency,
                "method": order.method,
                "count": len(order.lines),
                "total_minor": order.total_minor,
                "entry": index,
            }
        )
    show("\n".join(lines) or "nothing is payable now", documents, as_json=options.json)
    return 0
