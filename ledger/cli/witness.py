"""Commands of a witness, and of a log that publishes by its witnesses."""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import closing
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import exit_code, show
from ledger.config import CONFIG_VARIABLE
from ledger.errors import NotFound, Unavailable
from ledger.log.key import format_vkey
from ledger.period import format_posix
from ledger.service.publish import publish
from ledger.service.published import standing_document, standing_lines
from ledger.wiring import config_path, open_witness, witness_section

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the commands to the parser."""
    own = argparse.ArgumentParser(add_help=False, parents=[shared])
    own.add_argument("--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)")
    witness = commands.add_parser("witness", help="cosign the checkpoints of logs that you know")
    verbs = witness.add_subparsers(required=True, metavar="VERB")

    serve = verbs.add_parser("serve", parents=[own], help="run a witness until it is stopped")
    serve.set_defaults(run=serve_witness)

    status = verbs.add_parser("status", parents=[own], help="what this witness has cosigned")
    status.set_defaults(run=show_witness)

    publishing = commands.add_parser(
        "publish", parents=[own], help="put the newest checkpoint before the witnesses"
    )
    publishing.add_argument("--coop", help="the co-op's short name; not needed if there is one")
    publishing.set_defaults(run=run_publish)


def serve_witness(options: argparse.Namespace) -> int:
    """Run the witness until it is told to stop."""
    import uvicorn  # noqa: PLC0415 - the other commands need no server

    path = config_path(options.config)
    section = witness_section(path)
    open_witness(path).close()  # a wrong key or log is refused here, in words
    os.environ[CONFIG_VARIABLE] = str(path.resolve())
    uvicorn.run(
        "api.witness:create",
        factory=True,
        host=section.host,
        port=section.port,
        log_level="warning",
    )
    return 0


def run_publish(options: argparse.Namespace) -> int:
    """Ask every witness once and print where they stand; 7 if the quorum is not there."""
    with chosen(options) as (_, coop):
        if coop.policy is None:
            raise NotFound(f"[coops.{coop.log.slug}] names no witness_policy; docs/witness.md")
        found = asyncio.run(publish(coop))
    show("\n".join(standing_lines(found)), standing_document(found), as_json=options.json)
    return 0 if found.witnessed_size == found.size else exit_code(Unavailable(""))


def show_witness(options: argparse.Namespace) -> int:
    """Print the witness's public keys and the newest head of every log that it knows."""
    with closing(open_witness(config_path(options.config))) as witness:
        keys = [format_vkey(key) for key in witness.keys]
        newest = witness.newest()
    logs = [
        {
            "origin": origin,
            "size": 0 if kept is None else kept.head.size,
            "root": None if kept is None else kept.head.root.hex(),
            "cosigned_at": None if kept is None else format_posix(kept.posix_seconds),
        }
        for origin, kept in newest.items()
    ]
    lines = [f"key 鍵: {key}" for key in keys]
    for log in logs:
        when = log["cosigned_at"] or "never 未署名"
        lines.append(f"{log['origin']}: size 件数 {log['size']}, cosigned 連署 {when}")
    show("\n".join(lines), {"keys": keys, "logs": logs}, as_json=options.json)
    return 0
