"""Commands on the charter: what it says now, and a change put before those who decide."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ledger.cli.files import read_file
from ledger.cli.office import chosen, show_receipt
from ledger.cli.output import show
from ledger.coop.charter import Charter
from ledger.coop.charter_changes import KIND
from ledger.coop.charter_draft import Drafted, draft_change, parse_charter
from ledger.coop.charter_terms import right_in_words, words_of
from ledger.service.charter import charter_in_force, propose_change

EPILOG = """\
FILE is a JSON document of what is to be another, and of nothing else: {"period": {"grace_days": 5},
"payouts": {"destination_days": 7}, "readers": {"totals": ["operator"]}, "authority": {"KIND":
{"write": [...], "approve": {"roles": [...], "threshold": "2/3"}}}, "vocabulary": {"metrics": [...],
"charges": [...]}} (docs/charter.md). What changes is printed, old → new, before it is signed.
"""


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the office's commands on the charter to the parser."""
    own = argparse.ArgumentParser(add_help=False, parents=[shared])
    own.add_argument("--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)")
    own.add_argument("--coop", help="the co-op's short name; not needed where there is only one")
    group = commands.add_parser("charter", help="what the co-op is founded on")
    verbs = group.add_subparsers(required=True, metavar="VERB")

    showing = verbs.add_parser("show", parents=[own], help="the charter in force, and its changes")
    showing.set_defaults(run=show_charter)

    proposing = verbs.add_parser(
        "propose", parents=[own], help="propose a change of the charter", epilog=EPILOG
    )
    _add_change(proposing)
    proposing.set_defaults(run=propose)


def add_member_commands(
    verbs: Any, own: argparse.ArgumentParser, client_of: Callable[..., Any]
) -> None:
    """Add the members' verb; ``client_of`` opens the client that the options name."""
    proposing = verbs.add_parser(
        "propose-charter", parents=[own], help="propose a change of the charter", epilog=EPILOG
    )
    _add_change(proposing)
    proposing.set_defaults(run=propose_as_member, client_of=client_of)


def _add_change(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="what is to be another, as JSON")
    parser.add_argument("--reason", default="", help="why, in a line; it stays in the log")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be another")


def show_charter(options: argparse.Namespace) -> int:
    """Print the charter in force with its hash, by which votes it changed, and what differs now."""
    with chosen(options) as (_, coop):
        found, state = charter_in_force(coop), coop.state()
    first = state.charter or found.charter
    lines = [f"charter {found.charter.hash().hex()}", *_terms(found.charter)]
    lines += [f"entry {one.entry}, {one.received_at}: {one.subject}" for one in found.changes]
    lines += [f"in all: {words}" for words in words_of(first, found.charter)]
    document = {
        "hash": found.charter.hash().hex(),
        "charter": found.charter.model_dump(mode="json"),
        "changes": [
            {"entry": one.entry, "received_at": one.received_at, "subject": one.subject}
            for one in found.changes
        ],
    }
    show("\n".join(lines), document, as_json=options.json)
    return 0


def _terms(charter: Charter) -> Iterator[str]:
    """What the charter says, but for keys, contracts and names of words (``--json`` has them)."""
    yield f"{charter.name.ja} / {charter.name.en}, {charter.origin}"
    currencies = ", ".join(f"{one.code} ({one.digits})" for one in charter.currencies)
    yield f"time zone {charter.time_zone}; currencies (digits) {currencies}"
    terms = charter.period
    yield (
        f"a record counts in the month of its {terms.decided_by}; grace days {terms.grace_days}, "
        f"objection days {terms.objection_days}, look-back {terms.lookback_periods} months; "
        f"destination days {charter.destination_days}"
    )
    yield "founded by " + ", ".join(one.id for one in charter.members)
    read = charter.readers
    yield f"entries are read by {read.entries}; " + "; ".join(
        f"{what} by {', '.join(roles) or 'nobody else'}"
        for what, roles in (("totals", read.totals), ("records", read.records),
                            ("settlements", read.settlements))
    )  # fmt: skip
    words = charter.vocabulary
    metrics = ", ".join(f"{one.id} ({one.unit})" for one in words.metrics)
    charges = ", ".join(one.id for one in words.charges) or "none"
    yield f"vocabulary {words.version}: metrics {metrics}; charges {charges}"
    yield from (f"  {kind} by {right_in_words(one)}" for kind, one in charter.authority.items())


def propose(options: argparse.Namespace) -> int:
    """Say what a change changes, then sign and propose it as the office."""
    data = read_file(options.file)
    with chosen(options) as (_, coop):
        drafted = draft_change(coop.state().terms(), data, reason=options.reason)
        _say(drafted, options)
        if not options.dry_run:
            show_receipt(propose_change(coop, drafted), options)
    return 0


def propose_as_member(options: argparse.Namespace) -> int:
    """Say what a change changes, from the charter itself, then sign and propose it as a member."""
    data = read_file(options.file)
    with options.client_of(options) as client:
        client.sign_in()
        found = client.get("charter")
        charter = parse_charter(found["charter"], digest=found["hash"])
        drafted = draft_change(charter, data, reason=options.reason)
        _say(drafted, options)
        if not options.dry_run:
            receipt = client.submit_entry(KIND, drafted.body)
            show(f"entry {receipt['index']}", receipt, as_json=options.json)
    return 0


def _say(drafted: Drafted, options: argparse.Namespace) -> None:
    """The change in words; with ``--json`` only where nothing else is printed."""
    if options.dry_run or not options.json:
        document = {"words": list(drafted.words), "subject": drafted.subject}
        show("\n".join(drafted.words), document, as_json=options.json)
