"""Commands about proof files: make one from the ledger, check one with nothing but the file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ledger.audit.proof_report import proof_report_document, proof_report_text
from ledger.audit.proofs import verify_proof_file
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.trust import read_trust
from ledger.coop.recordproof import FILE_BYTES_MAX, format_record_proof
from ledger.errors import InvalidInput, TooLarge
from ledger.log.proof import format_proof
from ledger.service import prove
from ledger.service.coop import Coop
from ledger.service.prove import RecordPlace

Commands = Any
ENTRY_FILE_BYTES_MAX = 2**20


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``prove`` and ``verify-proof`` to the parser."""
    own = argparse.ArgumentParser(add_help=False, parents=[shared])
    own.add_argument("--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)")
    own.add_argument("--coop", help="the co-op's short name; not needed where there is only one")
    own.add_argument("--out", type=Path, required=True, metavar="FILE")
    proving = commands.add_parser("prove", help="write a proof of an entry or of records")
    verbs = proving.add_subparsers(required=True, metavar="WHAT")

    entry = verbs.add_parser("entry", parents=[own], help="write an entry's C2SP tlog-proof")
    entry.add_argument("index", type=int)
    entry.add_argument(
        "--entry-out", type=Path, metavar="FILE", help="also write the entry, which a proof lacks"
    )
    entry.set_defaults(run=run_prove_entry)

    record = verbs.add_parser(
        "record",
        parents=[own],
        help="disclose chosen records: their lines, salts and proofs",
        epilog="name records by --entry and --number, or by --member, --period and --record-id",
    )
    record.add_argument("--entry", type=int, metavar="INDEX", help="the batch entry")
    record.add_argument(
        "--number",
        type=int,
        action="append",
        metavar="N",
        help="a record in it, from 0; repeatable",
    )
    record.add_argument("--member", help="who sent the records")
    record.add_argument("--period", metavar="YYYY-MM")
    record.add_argument("--record-id", action="append", metavar="ID", help="an id; repeatable")
    record.set_defaults(run=run_prove_record)

    verify = commands.add_parser(
        "verify-proof",
        parents=[shared],
        help="verify a proof file; needs no database and no server",
        epilog="exit status: 0 verified, 3 not verified, 4 consistent (no trust file), 2 unusable",
    )
    verify.add_argument("file", type=Path)
    verify.add_argument("--trust", type=Path, help="what you know of the co-op from elsewhere")
    verify.add_argument("--entry", type=Path, help="the entry's bytes; a tlog-proof needs them")
    verify.add_argument("--language", choices=("en", "ja"), default="en")
    verify.set_defaults(run=run_verify_proof)


def run_prove_entry(options: argparse.Namespace) -> int:
    """Write the proof of an entry, and the entry if asked."""
    with chosen(options) as (_, coop):
        proof = prove.prove_entry(coop, options.index)
        with coop.reading() as (_, log):
            entry = log.entry(options.index)
    _write(options.out, format_proof(proof))
    document = {"file": str(options.out), "index": options.index, "entry_file": None}
    text = f"{options.out}: entry {options.index} is in the log"
    if options.entry_out is not None:
        _write(options.entry_out, entry)
        document["entry_file"] = str(options.entry_out)
        text += f"; {options.entry_out}: its {len(entry):,} bytes"
    show(text, document, as_json=options.json)
    return 0


def run_prove_record(options: argparse.Namespace) -> int:
    """Write the proof of the records that are named."""
    with chosen(options) as (_, coop):
        proof = prove.prove_records(coop, _places(coop, options))
    _write(options.out, format_record_proof(proof))
    count = sum(len(batch.records) for batch in proof.batches)
    document = {"file": str(options.out), "records": count, "batches": len(proof.batches)}
    text = f"{options.out}: discloses {count:,} record{'s' if count > 1 else ''}"
    show(text, document, as_json=options.json)
    return 0


def run_verify_proof(options: argparse.Namespace) -> int:
    """Verify a proof file and print the report; the exit code is its verdict."""
    trust = None if options.trust is None else read_trust(options.trust)
    entry = None if options.entry is None else _read(options.entry, ENTRY_FILE_BYTES_MAX)
    report = verify_proof_file(_read(options.file, FILE_BYTES_MAX), trust, entry=entry)
    text = proof_report_text(report, options.language)
    show(text.rstrip("\n"), proof_report_document(report), as_json=options.json)
    return report.exit_code


def _places(coop: Coop, options: argparse.Namespace) -> list[RecordPlace]:
    by_place = (options.entry, options.number)
    by_id = (options.member, options.period, options.record_id)
    if None not in by_place and not any(by_id):
        return [RecordPlace(options.entry, number) for number in options.number]
    if None not in by_id and by_place == (None, None):
        return [
            prove.find_record(
                coop, member=options.member, period=options.period, record_id=record_id
            )
            for record_id in options.record_id
        ]
    raise InvalidInput("give --entry and --number, or --member, --period and --record-id")


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    if len(data) > bytes_max:
        raise TooLarge(f"{path} has more than {bytes_max} bytes")
    return data


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error}") from error
