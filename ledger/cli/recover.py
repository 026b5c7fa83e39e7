"""``kyojo recover``: bring back entries that a restored database lacks, from an audit bundle."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import exit_code, progress, show
from ledger.cli.trust import read_trust
from ledger.errors import InvalidInput
from ledger.service.recover import Recovery, recover, verify_for

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``recover`` to the parser."""
    command = commands.add_parser(
        "recover",
        parents=[shared],
        help="bring back entries that a restored database lacks, from an audit bundle",
        epilog="exit status: 0 recovered or nothing missing, 3 not verified or a second history, "
        "6 the bundle is behind, 7 a server is running, or somebody outside is still ahead. "
        "Signs nothing. docs/restore.md says when to use it.",
    )
    command.add_argument("--bundle", type=Path, required=True, metavar="FILE")
    command.add_argument(
        "--trust", type=Path, required=True, metavar="FILE", help="what you know of the co-op"
    )
    command.add_argument("--config", help="the configuration (default: KYOJO_CONFIG, kyojo.toml)")
    command.add_argument("--coop", help="the co-op's short name; not needed where there is one")
    command.add_argument("--jobs", type=int, metavar="N", help="processes that read records")
    command.set_defaults(run=run_recover)


def run_recover(options: argparse.Namespace) -> int:
    """Verify the bundle, append what is missing, and say what it could not bring."""
    trust, path = read_trust(options.trust), options.bundle
    try:
        path.open("rb").close()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    with chosen(options) as (_, coop):
        with progress("verify", quiet=options.json) as report:
            verified = verify_for(coop, path, trust, jobs=options.jobs, progress=report)
        with progress("recover", quiet=options.json) as report:
            found = recover(coop, verified, report)
    show("\n".join(_lines(found)), _document(found), as_json=options.json)
    return 0 if found.behind is None else exit_code(found.behind)


def _document(found: Recovery) -> dict[str, Any]:
    behind = found.behind
    return {
        "start": found.start,
        "size": found.size,
        "root": found.root.hex(),
        "recovered": found.size - found.start,
        "batches": found.batches,
        "records": found.records,
        "lost_ids": found.lost_ids,
        "cosignatures": found.cosignatures,
        "unknown_signers": list(found.unknown_signers),
        "behind": None if behind is None else behind.message,
    }


def _lines(found: Recovery) -> Iterator[str]:
    count = found.size - found.start
    if count == 0:
        yield f"nothing is missing: the database has all {found.size} entries of the bundle"
        yield f"欠けているものはありません(エントリー {found.size} 件)"
    else:
        yield (
            f"{count} entries came back ({found.start} to {found.size - 1}) with {found.batches} "
            f"batches and {found.records} records; root {found.root.hex()}"
        )
        yield (
            f"エントリー {count} 件、送信束 {found.batches}、"
            f"利用記録 {found.records} 件を復旧しました"
        )
        yield from _limits(found)
    if found.behind is not None:
        yield f"still read-only: {found.behind.message} [{found.behind.code}]"
        yield f"  → {found.behind.remedy_en}"
        yield f"  → {found.behind.remedy_ja}"


def _limits(found: Recovery) -> Iterator[str]:
    """What a bundle does not disclose, and so stays unknown here."""
    if found.batches:
        yield "  a bundle holds no seeds: these batches keep their salts one by one"
        yield "  監査束に塩の種は含まれないため、塩を一つずつ保持します"
    if found.lost_ids:
        yield (
            f"  {found.lost_ids} of their records were erased before: neither lines nor ids are "
            "known here, and nothing keeps those ids from being used again"
        )
        yield f"  うち {found.lost_ids} 件は消去済みで、識別子は分からず、再使用を防げません"
    if found.cosignatures:
        count = found.cosignatures
        yield f"  the checkpoint keeps {count} cosignatures 連署 {count} 件"
    if found.unknown_signers:
        names = ", ".join(found.unknown_signers)
        yield f"  not kept, since witness_policy does not name them: {names}"
        yield f"  証人の方針にないため保持しません: {names}"
