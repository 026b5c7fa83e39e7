"""The office's command ``erase``: records of a person, or named ones, out of log and database."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import progress, show
from ledger.errors import InvalidInput
from ledger.service import erase
from ledger.service.coop import Coop
from ledger.store.scrub import compact

Commands = Any

EPILOG = """\
Records are numbered from 0. Every batch gets an entry of its own. The office only proposes it: the
members decide (kyojo member proposals, kyojo member decide), and the records are gone when they
have. A backup brings records back; see docs/erasure.md.
"""


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "erase",
        parents=[shared],
        help="erase records: of a payer, or named ones",
        epilog=EPILOG,
    )
    command.add_argument(
        "--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)"
    )
    command.add_argument("--coop", help="the co-op's short name; not needed where there is one")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--payer", metavar="ID", help="all records of this payer")
    what.add_argument("--entry", type=int, metavar="INDEX", help="records of the batch at an entry")
    what.add_argument(
        "--replay",
        action="store_true",
        help="erase again what a restored copy holds, and rewrite the database's files",
    )
    command.add_argument("--member", metavar="M", help="only in batches of this member")
    command.add_argument("--record", type=int, nargs="+", metavar="N", help="with --entry")
    command.add_argument("--reason", help="stays in the log for good: must not name the person")
    command.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    command.set_defaults(run=run_erase)


def run_erase(options: argparse.Namespace) -> int:
    """Find the records, say where they are, and write the entries that erase them."""
    _check(options)
    with chosen(options) as (_, coop):
        if options.replay:
            _replay(coop, options)
            return 0
        found = _find(coop, options)
        if options.dry_run or not found:
            _show_found(found, options)
            return 0
        with progress("entries", quiet=options.json) as report:
            written = erase.erase(coop, found, options.reason, report)
        is_clean = compact(coop.database) if any(not one.is_proposed for one in written) else True
    _show_written(written, options, is_clean=is_clean)
    return 0


def _check(options: argparse.Namespace) -> None:
    if (options.entry is None) != (options.record is None):
        raise InvalidInput("--entry names a batch and --record its records: give both")
    if options.reason is None and not (options.replay or options.dry_run):
        raise InvalidInput("--reason is needed: it says in the log why the records are gone")
    erase.check_reason(options.reason or "", options.payer)


def _find(coop: Coop, options: argparse.Namespace) -> Sequence[erase.Found]:
    if options.payer is None:
        return erase.find_records(coop, options.entry, options.record)
    with progress("search", quiet=options.json) as report:
        return erase.find_payer(coop, options.payer, member=options.member, progress=report)


def _replay(coop: Coop, options: argparse.Namespace) -> None:
    # What a restored copy held was erased again when the installation was opened.
    is_clean = compact(coop.database)
    text = "what the log erases is erased here" + _note(is_clean=is_clean)
    show(text, {"files_are_clean": is_clean}, as_json=options.json)


def _show_found(found: Sequence[erase.Found], options: argparse.Namespace) -> None:
    lines = [_place(one) for one in found]
    documents = [one.document() for one in found]
    show("\n".join(lines) or "no such record is held here", documents, as_json=options.json)


def _show_written(
    written: Sequence[erase.Erased], options: argparse.Namespace, *, is_clean: bool
) -> None:
    lines = [
        f"entry {one.receipt.index}: {_place(one.found)} "
        + ("proposed; the members decide" if one.is_proposed else "erased")
        for one in written
    ]
    documents = [
        {**one.found.document(), "entry": one.receipt.index, "is_proposed": one.is_proposed}
        for one in written
    ]
    text = "\n".join(lines) or "nothing was written: it is proposed already"
    document = {"entries": documents, "files_are_clean": is_clean}
    show(text + _note(is_clean=is_clean), document, as_json=options.json)


def _place(one: erase.Found) -> str:
    numbers = ", ".join(map(str, one.records))
    return f"batch {one.batch} of {one.member}, record(s) {numbers}"


def _note(*, is_clean: bool) -> str:
    if is_clean:
        return ""
    return (
        "\nsomebody was reading: old pages are still in the database's write-ahead log; "
        "run kyojo erase --replay"
    )
