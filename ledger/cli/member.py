"""Commands of a member: submit usage, see what waits for a decision, decide, read a statement."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.cli import charter, destination, dispute, document, report
from ledger.cli.files import read_file
from ledger.cli.output import progress, show
from ledger.cli.statement import (
    add_look,
    correction_text,
    format_of,
    payable_text,
    statement_text,
)
from ledger.client import MemberClient, erasure, open_journal
from ledger.errors import InvalidInput
from ledger.paper.correction_files import correction_file
from ledger.paper.files import statement_file
from ledger.wiring import read_key, read_policy

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the members' commands to the parser."""
    own = argparse.ArgumentParser(add_help=False, parents=[shared])
    own.add_argument("--url", default="http://127.0.0.1:8000", help="the server")
    own.add_argument("--coop", required=True, help="the co-op's short name")
    own.add_argument("--key", required=True, help="the file of the member's key")
    own.add_argument(
        "--journal", type=Path, default=Path("journal"), help="folder of counter and receipts"
    )
    own.add_argument(
        "--policy", type=Path, help="a C2SP tlog-policy; checkpoints without its quorum are refused"
    )
    member = commands.add_parser("member", help="what a member does over HTTP")
    verbs = member.add_subparsers(required=True, metavar="VERB")

    submit = verbs.add_parser("submit", parents=[own], help="submit records (NDJSON)")
    submit.add_argument("file", type=Path)
    submit.add_argument("--suspense", action="store_true", help="usage of nobody known")
    submit.set_defaults(run=submit_records)

    confirm = verbs.add_parser("confirm", parents=[own], help="confirm a month's usage (NDJSON)")
    confirm.add_argument("period", metavar="YYYY-MM")
    confirm.add_argument("files", type=Path, nargs="+", metavar="FILE")
    confirm.set_defaults(run=confirm_usage)

    proposals = verbs.add_parser("proposals", parents=[own], help="what waits for decisions")
    proposals.set_defaults(run=list_proposals)

    decide = verbs.add_parser("decide", parents=[own], help="vote on a proposal")
    decide.add_argument("subject_hash")
    decide.add_argument("--action", choices=("approve", "reject", "abstain"), default="approve")
    decide.add_argument("--comment", default="")
    decide.set_defaults(run=vote)

    entry = verbs.add_parser("entry", parents=[own], help="sign and send an entry of any kind")
    entry.add_argument("kind")
    entry.add_argument("body", type=Path, help="the body, as JSON")
    entry.add_argument("--blob", action="append", type=Path, default=[], help="a blob it names")
    entry.set_defaults(run=send_entry)

    erase = verbs.add_parser(
        "erase",
        parents=[own],
        help="erase records: of a payer, or named ones",
        epilog="Records are numbered from 0. Those of your own batches are erased at once, those "
        "of another's when the members have agreed. Name a record's reversal too.",
    )
    what = erase.add_mutually_exclusive_group(required=True)
    what.add_argument("--payer", metavar="ID", help="all your records of this payer")
    what.add_argument("--entry", type=int, metavar="INDEX", help="records of the batch at an entry")
    erase.add_argument("--record", type=int, nargs="+", metavar="N", help="with --entry")
    erase.add_argument("--reason", help="stays in the log for good: must not name the person")
    erase.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    erase.set_defaults(run=erase_records)

    _add_reading(verbs, own)
    dispute.add_commands(verbs, own, client_of)
    report.add_commands(verbs, own, client_of)
    destination.add_commands(verbs, own, client_of)
    charter.add_member_commands(verbs, own, client_of)
    document.add_command(verbs, own, client_of)

    token = verbs.add_parser("token", parents=[own], help="sign in and print a bearer token")
    token.set_defaults(run=print_token)


def _add_reading(verbs: Commands, own: argparse.ArgumentParser) -> None:
    statement = verbs.add_parser("statement", parents=[own], help="fetch and verify a statement")
    statement.add_argument("period", metavar="YYYY-MM")
    statement.add_argument("member")
    statement.add_argument(
        "--out", type=Path, action="append", default=[], metavar="FILE",
        help="write it to FILE, whose ending is .json, .csv, .html or .pdf; may be repeated",
    )  # fmt: skip
    add_look(statement)
    statement.set_defaults(run=read_statement)

    correction = verbs.add_parser(
        "correction", parents=[own], help="fetch and verify one's part of a correction"
    )
    correction.add_argument("correction", metavar="ID", help="the correction's id (hex)")
    correction.add_argument("member")
    correction.add_argument(
        "--out", type=Path, action="append", default=[], metavar="FILE",
        help="write it to FILE, whose ending is .json, .csv, .html or .pdf; may be repeated",
    )  # fmt: skip
    add_look(correction)
    correction.set_defaults(run=read_correction)


@contextmanager
def client_of(options: argparse.Namespace) -> Iterator[MemberClient]:
    """The client for the key and journal that the command names."""
    key = read_key(options.key)
    policy = None if options.policy is None else read_policy(options.policy)
    with open_journal(options.journal, key.address) as journal:
        client = MemberClient(options.url, options.coop, key, journal, policy=policy)
        try:
            yield client
        finally:
            client.close()


def submit_records(options: argparse.Namespace) -> int:
    """Submit the records of a file; those the ledger has are skipped."""
    lines = _lines(options.file)
    account = "suspense" if options.suspense else "own"
    with client_of(options) as client, progress("records", quiet=options.json) as report:
        done = client.submit_records(lines, account=account, progress=report)
    document = {
        "sent": done.sent, "skipped": done.skipped, "batches": done.batches, "late": done.late,
    }  # fmt: skip
    text = f"{done.sent} records in {done.batches} batches; {done.skipped} were there already"
    show(text, document, as_json=options.json)
    return 0


def confirm_usage(options: argparse.Namespace) -> int:
    """Compare the member's own records of a month with the ledger's, and confirm them."""
    lines = [line for path in options.files for line in _lines(path)]
    with client_of(options) as client:
        found = client.confirm(options.period, lines)
    text = f"{options.period}: {found['records']} records in {found['batches']} batches, confirmed"
    show(text, found, as_json=options.json)
    return 0


def list_proposals(options: argparse.Namespace) -> int:
    """Print what waits for decisions."""
    with client_of(options) as client:
        client.sign_in()
        found = client.get("proposals")
    lines = [f"{one['subject_hash']}  {one['subject']}  ({_count(one)})" for one in found]
    show("\n".join(lines) or "nothing waits for a decision", found, as_json=options.json)
    return 0


def _count(proposal: Mapping[str, Any]) -> str:
    """How many have approved of how many, the electorate's first; ``1 of 2 and 0 of 1``."""
    approvals = set(proposal["approvals"])
    counts = [
        f"{len(approvals.intersection(bloc['electorate']))} of {bloc['needed']}"
        for bloc in (proposal, *proposal.get("besides", ()))
    ]
    return " and ".join(counts)


def vote(options: argparse.Namespace) -> int:
    """Vote on a proposal."""
    with client_of(options) as client:
        receipt = client.decide(
            options.subject_hash, action=options.action, comment=options.comment
        )
    show(f"entry {receipt['index']}", receipt, as_json=options.json)
    return 0


def send_entry(options: argparse.Namespace) -> int:
    """Sign and send an entry."""
    try:
        body = json.loads(read_file(options.body))
    except ValueError as error:
        raise InvalidInput(f"{options.body} is not JSON: {error}") from error
    with client_of(options) as client:
        receipt = client.submit_entry(
            options.kind, body, [read_file(path) for path in options.blob]
        )
    show(f"entry {receipt['index']}", receipt, as_json=options.json)
    return 0


def erase_records(options: argparse.Namespace) -> int:
    """Erase records, one entry a batch."""
    if (options.entry is None) != (options.record is None):
        raise InvalidInput("--entry names a batch and --record its records: give both")
    if options.reason is None and not options.dry_run:
        raise InvalidInput("--reason is needed: it says in the log why the records are gone")
    if options.payer and options.payer in (options.reason or ""):
        raise InvalidInput("the reason stays in the log for good; it must not name the person")
    with client_of(options) as client, progress("entries", quiet=options.json) as report:
        if options.payer is None:
            found = [{"batch": options.entry, "records": sorted(set(options.record))}]
        else:
            client.sign_in()
            found = erasure.find_own(client, options.payer, report)
        if not options.dry_run:
            for one in found:
                receipt = erasure.erase(client, one["batch"], one["records"], options.reason)
                one["entry"] = receipt["index"]
    lines = [_erased(one) for one in found]
    show("\n".join(lines) or "no such record of yours is held", found, as_json=options.json)
    return 0


def _erased(one: Mapping[str, Any]) -> str:
    place = f"batch {one['batch']}, record(s) {', '.join(map(str, one['records']))}"
    return f"entry {one['entry']}: {place}" if "entry" in one else place


def read_statement(options: argparse.Namespace) -> int:
    """Fetch a statement, verify it down to the log's signature, and write it to files if asked."""
    files = [(path, format_of(path)) for path in options.out]
    with client_of(options) as client:
        client.sign_in()
        statement = client.statement(options.period, options.member)
    for path, form in files:
        path.write_bytes(statement_file(statement, form, options.language, options.font))
    lines = [statement_text(statement["statement"], options.language)]
    lines += payable_text(statement, options.language)
    lines += ["verified against the settlement", *(str(path) for path, _ in files)]
    show("\n".join(lines), statement, as_json=options.json)
    return 0


def read_correction(options: argparse.Namespace) -> int:
    """Fetch a member's part of a correction, and verify it down to the log's signature."""
    files = [(path, format_of(path)) for path in options.out]
    with client_of(options) as client:
        client.sign_in()
        found = client.correction(options.correction, options.member)
    for path, form in files:
        path.write_bytes(correction_file(found, form, options.language, options.font))
    lines = correction_text(found, options.language)
    lines += ["verified against the correction", *(str(path) for path, _ in files)]
    show("\n".join(lines), found, as_json=options.json)
    return 0


def print_token(options: argparse.Namespace) -> int:
    """Sign in and print the token, for other programs or the pages."""
    with client_of(options) as client:
        token = client.sign_in()
    show(token, {"token": token}, as_json=options.json)
    return 0


def _lines(path: Path) -> list[bytes]:
    lines = read_file(path).removesuffix(b"\n").split(b"\n")
    if lines == [b""]:
        raise InvalidInput(f"{path} holds no records; it is to have one JSON object a line")
    return lines
