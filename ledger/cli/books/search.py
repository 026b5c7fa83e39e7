"""``kyojo books search``: by date, amount and counterparty, with the history of corrections."""

from __future__ import annotations

import argparse
from typing import Any

from ledger.cli.books.words import hit_lines, note, table
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.money import parse_minor
from ledger.service.books_rows import SEARCHED
from ledger.service.books_search import HITS_MAX, Place, Wanted, office_search, page_document

EPILOG = """\
All conditions hold together; both ends of a range are included. Amounts are in the currency's own
unit, such as 12.50. What is searched, and for what it is good under the law, is in docs/books.md.
"""


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "search", parents=[office], help="find amounts, and what became of them", epilog=EPILOG
    )
    command.add_argument("--from", dest="date_from", metavar="YYYY-MM-DD", help="the first day")
    command.add_argument("--to", dest="date_to", metavar="YYYY-MM-DD", help="the last day")
    command.add_argument("--min", metavar="AMOUNT", help="at least this much")
    command.add_argument("--max", metavar="AMOUNT", help="at most this much")
    command.add_argument(
        "--counterparty", help="a member (id, name, T number), fund, project, revenue"
    )
    command.add_argument("--kind", choices=SEARCHED)
    command.add_argument("--currency", help="needed for amounts where the co-op has several")
    command.add_argument("--after", metavar="PLACE", help="go on where a page ended")
    command.add_argument("--limit", type=int, default=HITS_MAX, help=f"hits (1 to {HITS_MAX})")
    command.add_argument("--csv", action="store_true", help="a table instead of text")
    command.add_argument("--language", choices=("en", "ja"), default="en")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a page of hits, what the search is good for, and where to go on."""
    with chosen(options) as (installation, coop):
        terms = coop.state().terms()
        currency = options.currency
        if currency is None and len(terms.currencies) == 1:
            currency = terms.currencies[0].code
        given = [options.min, options.max]
        if currency is not None or any(given):
            digits = terms.digits(str(currency))
            given = [None if one is None else parse_minor(one, digits=digits) for one in given]
        wanted = Wanted(
            date_from=options.date_from,
            date_to=options.date_to,
            amount_from=given[0],
            amount_to=given[1],
            counterparty=options.counterparty,
            kind=options.kind,
            currency=currency,
        )
        place = Place(options.after, options.limit)
        page = office_search(coop, wanted, place, installation.chain_settings(coop.log.slug))
    document = page_document(page)
    if options.csv:
        print(table(terms, document["hits"], options.language), end="")
        return 0
    lines = [line for hit in document["hits"] for line in hit_lines(terms, hit, options.language)]
    count = len(document["hits"])
    lines.append(f"{count} 件" if options.language == "ja" else f"{count} amount(s)")
    if page.following is not None:
        lines.append(f"--after {page.following}")
    show("\n".join([*lines, note(options.language)]), document, as_json=options.json)
    return 0
