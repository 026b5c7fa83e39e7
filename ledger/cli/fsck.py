"""``kyojo fsck``: check a co-op's database against its signed log and against the outside."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.audit.anchors import ChainView
from ledger.audit.trust import Trust, parse_trust
from ledger.cli.output import progress, show
from ledger.config import EMBEDDED, CoopSection
from ledger.errors import ChainUnavailable, InvalidInput, KyojoError
from ledger.log.policy import Policy, parse_policy
from ledger.service.chain_view import open_chain_view
from ledger.service.fsck.head import Wanted
from ledger.service.fsck.report import OutsideHead, report_document
from ledger.service.fsck.report_text import report_text
from ledger.service.fsck.vaults import VaultSetting
from ledger.service.fsck.walk import Beside, fsck
from ledger.wiring import config_path, open_unchanged

Commands = Any
JOBS_MAX = 64


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``fsck`` to the parser."""
    command = commands.add_parser(
        "fsck",
        parents=[shared],
        help="check the database: rows, leaves, tiles, root, signature, witnesses, chain",
        epilog="exit status: 0 clean, 3 with findings, 2 unusable, 7 unavailable, 8 not found. "
        "Reads only. docs/fsck.md says what each finding means and what to do.",
    )
    command.add_argument("--config", help="the configuration (default: KYOJO_CONFIG, kyojo.toml)")
    command.add_argument("--coop", help="the co-op's short name; not needed where there is one")
    command.add_argument("--rpc", metavar="URL", help="a chain node, instead of the configured one")
    command.add_argument("--offline", action="store_true", help="ask no chain node at all")
    command.add_argument("--trust", type=Path, help="what you know of the co-op from elsewhere")
    command.add_argument("--policy", type=Path, help="a tlog-policy: the log's and witnesses' keys")
    command.add_argument(
        "--jobs", type=_jobs, default=1, metavar="N", help="processes that read records (default 1)"
    )
    command.add_argument("--language", choices=("en", "ja"), default="en")
    command.set_defaults(run=run_fsck)


def run_fsck(options: argparse.Namespace) -> int:
    """Check a co-op's database and print the report; the exit code is its verdict."""
    trust = None if options.trust is None else _read_trust(options.trust)
    policy = None if options.policy is None else _read_policy(options.policy)
    with (
        open_unchanged(config_path(options.config), options.coop) as found,
        _chain(options, found.section) as chain,
        progress("entries, twice", quiet=options.json) as report,
    ):
        wanted = Wanted(
            found.slug, found.section.origin, found.log_keys, trust, policy, found.policy
        )
        marks = [OutsideHead("high-water", one.source, one.size, one.root, "record")
                 for one in found.high_water]  # fmt: skip
        beside = Beside(chain, marks, _vault(found.slug, found.section))
        checked = fsck(found.database, wanted, beside, jobs=options.jobs, progress=report)
    text = report_text(checked, options.language)
    show(text.rstrip("\n"), report_document(checked), as_json=options.json)
    return checked.exit_code


@contextmanager
def _chain(options: argparse.Namespace, section: CoopSection) -> Iterator[ChainView | None]:
    """The node to ask: the one that is named, else the configured one if it answers."""
    if options.rpc is not None:
        with open_chain_view(options.rpc) as chain:
            yield chain
        return
    url = section.chain.url if section.chain is not None and not options.offline else None
    is_there = url is not None and (
        not url.startswith(EMBEDDED) or Path(url.removeprefix(EMBEDDED)).is_file()
    )
    if url is None or not is_there:
        yield None
        return
    opened = open_chain_view(url)
    try:
        chain = opened.__enter__()
    except ChainUnavailable:
        yield None  # the report says that no node was asked
        return
    try:
        yield chain
    finally:
        opened.__exit__(None, None, None)


def _vault(slug: str, section: CoopSection) -> VaultSetting | None:
    vault = section.vault
    if vault is None:
        return None
    return VaultSetting(slug, vault.contract.lower(), vault.currency, vault.chain_id)


def _read_trust(path: Path) -> Trust:
    try:
        return parse_trust(_read(path))
    except KyojoError as error:
        raise InvalidInput(f"{path}: {error.message}", faults=error.faults) from error


def _read_policy(path: Path) -> Policy:
    try:
        return parse_policy(_read(path))
    except KyojoError as error:
        raise InvalidInput(f"{path}: {error.message}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error


def _jobs(text: str) -> int:
    value = int(text)
    if not 1 <= value <= JOBS_MAX:
        raise argparse.ArgumentTypeError(f"from 1 to {JOBS_MAX}")
    return value
