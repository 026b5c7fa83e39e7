"""Commands of the office: serve, found, periods, settlements, anchoring, rebuilding."""

from __future__ import annotations

import argparse
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ledger.cli.output import progress, show
from ledger.config import CONFIG_VARIABLE
from ledger.coop.authority import KINDS
from ledger.coop.bodies import faults_of
from ledger.coop.charter import Charter
from ledger.coop.state import state_hash
from ledger.errors import InvalidInput, NotFound, Unavailable
from ledger.log.key import KeyType, SigningKey, format_signing_key, format_vkey
from ledger.money import format_minor
from ledger.service import decide, found, periods, settle
from ledger.service.anchor_status import status_document, status_lines, statuses
from ledger.service.coop import Coop
from ledger.service.published import (
    standing,
    standing_document,
    standing_lines,
)
from ledger.service.rules import propose_rules
from ledger.store.rebuild import rebuild
from ledger.store.sequencer import Receipt
from ledger.wiring import (
    Installation,
    config_path,
    new_secret,
    open_installation,
    read_key,
    write_secret,
)

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the office's commands to the parser."""
    own = argparse.ArgumentParser(add_help=False, parents=[shared])
    own.add_argument("--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)")
    coop = argparse.ArgumentParser(add_help=False, parents=[own])
    coop.add_argument("--coop", help="the co-op's short name; not needed where there is only one")

    serve_ = commands.add_parser("serve", parents=[own], help="run the HTTP server")
    serve_.set_defaults(run=serve)

    keys = commands.add_parser("key", parents=[shared], help="make a new key file")
    keys.add_argument("file", type=Path)
    note_key = keys.add_mutually_exclusive_group()
    note_key.add_argument("--log", metavar="ORIGIN", help="a log's key instead of a member's")
    note_key.add_argument("--witness", metavar="NAME", help="a witness's key")
    keys.add_argument("--ml-dsa", action="store_true", help="ML-DSA-44 instead of Ed25519")
    keys.set_defaults(run=make_key)

    founding = commands.add_parser("found", parents=[coop], help="write the charter as entry 0")
    founding.add_argument("charter", type=Path, help="the charter, as JSON")
    founding.add_argument("--key", action="append", required=True, help="every founding key's file")
    founding.set_defaults(run=found_coop)

    status = commands.add_parser("status", parents=[coop], help="where a co-op stands")
    status.set_defaults(run=show_status)

    for name, verb, text in (
        ("open", periods.open_period, "open a month"),
        ("closing", periods.begin_closing, "begin a month's grace time"),
        ("close", periods.close_period, "cut a month off"),
        ("propose", settle.propose_settlement, "propose a closed month's settlement"),
        ("settle", settle.settle, "put an approved settlement into effect"),
    ):
        command = commands.add_parser(name, parents=[coop], help=text)
        command.add_argument("period", metavar="YYYY-MM")
        command.set_defaults(run=run_verb, verb=verb)

    rules = commands.add_parser(
        "propose-rules", parents=[coop], help="put a rule set (YAML) before the members"
    )
    rules.add_argument("file", type=Path)
    rules.set_defaults(run=run_rules)

    deciding = commands.add_parser("decide", parents=[coop], help="vote with the office's own key")
    deciding.add_argument(
        "subject_hash", help="or its first digits; `kyojo payout show` names some"
    )
    deciding.add_argument("--action", choices=("approve", "reject", "abstain"), default="approve")
    deciding.add_argument("--comment", default="")
    deciding.set_defaults(run=run_decide)

    draft = commands.add_parser("draft", parents=[coop], help="compute a settlement, write nothing")
    draft.add_argument("period", metavar="YYYY-MM")
    draft.set_defaults(run=show_draft)

    rebuilding = commands.add_parser(
        "rebuild", parents=[coop], help="make the projections anew from the entries"
    )
    rebuilding.set_defaults(run=run_rebuild)

    authority = commands.add_parser("authority", parents=[shared], help="print the authority table")
    authority.set_defaults(run=show_authority)


@contextmanager
def chosen(options: argparse.Namespace) -> Iterator[tuple[Installation, Coop]]:
    """The installation, and the co-op that a command works on."""
    installation = open_installation(config_path(options.config))
    try:
        slug = options.coop
        if slug is None:
            if len(installation.coops) != 1:
                raise NotFound(f"name one by --coop: {', '.join(installation.coops)}")
            slug = next(iter(installation.coops))
        yield installation, installation.coop(slug)
    finally:
        installation.close()


def serve(options: argparse.Namespace) -> int:
    """Run the server until it is told to stop."""
    import uvicorn  # noqa: PLC0415 - the other commands need no server

    path = config_path(options.config)
    installation = open_installation(path)
    server = installation.config.server
    installation.close()
    os.environ[CONFIG_VARIABLE] = str(path.resolve())
    try:
        door = socket.create_server((server.host, server.port), backlog=2048)
    except OSError as error:
        raise Unavailable(
            f"cannot listen at {server.host}:{server.port}: {error.strerror}; is a server running "
            "there already? [server] in kyojo.toml names the place"
        ) from error
    with door:
        uvicorn.Server(uvicorn.Config("api.app:create", factory=True, log_level="warning")).run(
            sockets=[door]
        )
    return 0


def make_key(options: argparse.Namespace) -> int:
    """Write a new key into a file that only its owner reads, and print its public part."""
    if options.file.exists():
        raise InvalidInput(f"{options.file} exists; a key is never overwritten")
    secret = new_secret()
    name = options.log or options.witness
    if options.ml_dsa and not name:
        raise InvalidInput("--ml-dsa is for keys of a log or a witness; add --log or --witness")
    if name:
        plain = KeyType.ED25519 if options.log else KeyType.ED25519_COSIGNATURE
        key = SigningKey(name, KeyType.ML_DSA_44 if options.ml_dsa else plain, secret)
        write_secret(options.file, format_signing_key(key))
        public = format_vkey(key.verifier_key)
    else:
        write_secret(options.file, secret.hex())
        public = read_key(str(options.file)).address
    show(public, {"public": public, "file": str(options.file)}, as_json=options.json)
    return 0


def found_coop(options: argparse.Namespace) -> int:
    """Write the charter, signed by every founding key."""
    try:
        charter = Charter.model_validate(json.loads(options.charter.read_bytes()))
    except OSError as error:
        raise NotFound(f"cannot read {options.charter}: {error}") from error
    except ValidationError as error:
        raise InvalidInput("this is not a charter", faults=faults_of(error)) from error
    except ValueError as error:
        raise InvalidInput(f"{options.charter} is not JSON: {error}") from error
    with chosen(options) as (_, coop):
        receipt = found.found(coop, charter, [read_key(path) for path in options.key])
        show_receipt(receipt, options)
    return 0


def show_status(options: argparse.Namespace) -> int:
    """Print where a co-op stands."""
    with chosen(options) as (installation, coop):
        state = coop.state()
        targets = statuses(coop, installation.chain_settings(coop.log.slug))
        document = {
            "origin": coop.log.origin,
            "size": state.size,
            "state_hash": state_hash(state).hex(),
            "periods": {period.id: period.status for period in state.periods.values()},
            "proposals": [proposal.subject for proposal in state.proposals.values()],
            "anchors": [status_document(target) for target in targets],
        }
        witnessed = standing(coop)
    anchored = [line for target in targets for line in status_lines(target)]
    lines = [*_status_lines(document), *(anchored or ["no anchor targets アンカー先なし"])]
    lines += standing_lines(witnessed)
    document["witnesses"] = standing_document(witnessed)
    show("\n".join(lines), document, as_json=options.json)
    return 0


def _status_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['origin']}, {document['size']} entries, state {document['state_hash']}"
    for period, where in sorted(document["periods"].items()):
        yield f"{period}: {where}"
    for subject in document["proposals"]:
        yield f"waits for decisions: {subject}"


def run_verb(options: argparse.Namespace) -> int:
    """Run one of the verbs on a period."""
    with chosen(options) as (_, coop):
        show_receipt(options.verb(coop, options.period), options)
    return 0


def run_rules(options: argparse.Namespace) -> int:
    """Propose a rule set; one that is known already is left alone."""
    try:
        text = options.file.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read {options.file}: {error}") from error
    with chosen(options) as (_, coop):
        show_receipt(propose_rules(coop, text), options)
    return 0


def run_decide(options: argparse.Namespace) -> int:
    """Vote as the office."""
    with chosen(options) as (_, coop):
        receipt = decide.decide(
            coop, options.subject_hash, action=options.action, comment=options.comment
        )
        show_receipt(receipt, options)
    return 0


def show_draft(options: argparse.Namespace) -> int:
    """Print what a settlement would be."""
    with chosen(options) as (_, coop):
        computed = settle.draft_settlement(coop, options.period)
    result = computed.settlement.result
    rows = [
        f"{member:<24}{format_minor(amount, digits=result.minor_digits, grouped=True):>16}"
        for member, amount in result.member_totals.items()
    ]
    text = "\n".join([f"{options.period}, {result.currency}", *rows, f"id {computed.id.hex()}"])
    show(text, dict(computed.settlement.document), as_json=options.json)
    return 0


def run_rebuild(options: argparse.Namespace) -> int:
    """Rebuild the projections and print what they came to."""
    with chosen(options) as (_, coop), progress("rebuild", quiet=options.json) as report:
        rebuilt = rebuild(coop.database, coop.log, report)
    document = {
        "size": rebuilt.size,
        "root": rebuilt.root.hex(),
        "state_hash": rebuilt.state_hash.hex(),
    }
    text = f"{rebuilt.size} entries folded again; state {document['state_hash']}, as before"
    show(text, document, as_json=options.json)
    return 0


def show_authority(options: argparse.Namespace) -> int:
    """Print who may write what, and whose approval it needs, before a charter changes it."""
    rows = []
    for name, kind in KINDS.items():
        quorum = "at once" if kind.approve is None else f"{kind.approve[1]} of {kind.approve[0][0]}"
        row = {"kind": name, "write": kind.write, "approve": quorum, "meaning": kind.summary}
        rows.append(row)
    lines = [
        f"{row['kind']:<24}{', '.join(row['write']):<44}{row['approve']:<18}{row['meaning']}"
        for row in rows
    ]
    show("\n".join(lines), rows, as_json=options.json)
    return 0


def show_receipt(receipt: Receipt | None, options: argparse.Namespace) -> None:
    """Print where an entry was written, or that there was nothing to write."""
    if receipt is None:
        show("done already; nothing was written", None, as_json=options.json)
        return
    document = {"index": receipt.index, "size": receipt.size, "is_new": receipt.is_new}
    show(f"entry {receipt.index}, signed at size {receipt.size}", document, as_json=options.json)
