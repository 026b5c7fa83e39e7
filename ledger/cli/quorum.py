"""``kyojo quorum``: show, sign and send what needs the quorum of a contract.

Showing and signing need the files alone, no installation and no network; sending is the office's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.chain.instruction import (
    VAULT,
    Act,
    Expiry,
    Instruction,
    Rotation,
    Withdrawal,
    format_instruction,
    parse_instruction,
)
from ledger.chain.quorum import key_address
from ledger.chain.signature_file import SignedFile, parse_signed, sign_file
from ledger.cli.files import read_file
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.coop.successors import place_of
from ledger.service.anchor_access import access_to
from ledger.service.coop import Coop
from ledger.service.quorum_act import Access, Carried, carry_out
from ledger.wiring import Installation, read_secret

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the group to the parser."""
    group = commands.add_parser(
        "quorum", help="show, sign and send what needs the quorum of a contract"
    )
    verbs = group.add_subparsers(required=True, metavar="VERB")

    showing = verbs.add_parser(
        "show", parents=[shared], help="what an instruction does, and who has signed it; offline"
    )
    showing.set_defaults(run=run_show)

    signing = verbs.add_parser(
        "sign", parents=[shared], help="sign an instruction with a signer's key; offline"
    )
    signing.add_argument("--key", required=True, help="the file of the signer's key")
    signing.add_argument("--out", required=True, type=Path, help="the signature's file")
    signing.set_defaults(run=run_sign)

    sending = verbs.add_parser(
        "send", parents=[shared], help="send an instruction with the signatures of its quorum"
    )
    sending.add_argument(
        "--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)"
    )
    sending.add_argument("--coop", help="the co-op's short name; not needed where there is one")
    sending.add_argument(
        "--unproven", action="store_true",
        help="replace signers although the next ones have not signed, to show that they can",
    )  # fmt: skip
    sending.set_defaults(run=run_send)

    for command in (showing, signing, sending):
        command.add_argument("instruction", type=Path, help="its file")
    for command in (showing, sending):
        command.add_argument(
            "--signature", action="append", default=[], type=Path, metavar="FILE",
            help="a signature: from kyojo quorum sign, or a wallet's hex",
        )  # fmt: skip


def keep_instruction(made: Instruction, options: argparse.Namespace) -> int:
    """Write an instruction's file, and say what is in it."""
    options.out.write_bytes(format_instruction(made))
    lines = [*lines_of(made), f"{options.out}: to be signed 要署名 (kyojo quorum sign)"]
    document = {**_document(made), "out": str(options.out)}
    show("\n".join(lines), document, as_json=options.json)
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Say what the file asks for, and who has signed it."""
    found = parse_instruction(read_file(options.instruction))
    signers = [one.signer(found.digest) for one in _signed(options)]
    lines = [*lines_of(found), *(f"signed 署名済み {one}" for one in signers)]
    show("\n".join(lines), {**_document(found), "signed_by": signers}, as_json=options.json)
    return 0


def run_sign(options: argparse.Namespace) -> int:
    """Sign, and say what was signed."""
    found = parse_instruction(read_file(options.instruction))
    key = read_secret(options.key)
    options.out.write_bytes(sign_file(found.digest, key))
    signer = key_address(key)
    lines = [*lines_of(found), f"{options.out}: signed by 署名者 {signer}"]
    document = {**_document(found), "signer": signer, "out": str(options.out)}
    show("\n".join(lines), document, as_json=options.json)
    return 0


def run_send(options: argparse.Namespace) -> int:
    """Send, or follow what was sent."""
    instruction = parse_instruction(read_file(options.instruction))
    signed = _signed(options)
    with chosen(options) as (installation, coop):
        access = _access(installation, coop, instruction)
        found = carry_out(coop, access, instruction, signed, is_unproven=options.unproven)
    document = {**_document(instruction), **_carried_document(found)}
    show(_carried_text(found), document, as_json=options.json)
    return 0


def lines_of(instruction: Instruction) -> Iterator[str]:
    """An instruction for people, in both languages: what is signed, and for which contract."""
    yield from _words(instruction.act)
    yield f"  contract 契約 {instruction.contract} on chain {instruction.chain_id}"
    yield f"  digest ダイジェスト 0x{instruction.digest.hex()}"


def _words(act: Act) -> Iterator[str]:
    """What an act does; amounts are base units, as they are signed."""
    if isinstance(act, Withdrawal):
        says = act.message
        yield (
            f"withdraw {says.amount:,} base units of the surplus of {says.origin} to "
            f"{says.recipient}; {says.previous:,} were withdrawn before"
        )
        yield (
            f"{says.origin} の余剰 {says.amount:,}（基本単位）を {says.recipient} へ引き出す"
            f"（これまでの引出 {says.previous:,}）"
        )
    elif isinstance(act, Expiry):
        told = act.message
        yield (
            f"let expire what {told.account} did not claim of {told.origin}: it counts as paid up "
            f"to {told.cumulative:,} base units, and what is due goes to {told.reserve}; root "
            f"0x{told.root.hex()}"
        )
        yield (
            f"{told.account} の未請求分（{told.origin}、累計 {told.cumulative:,} 基本単位まで）を"
            f"失効させ、残額を {told.reserve} へ支払う"
        )
    elif isinstance(act, Rotation):
        whose = "vault, for every co-op in it" if act.domain == VAULT else "anchor contract"
        count = len(act.signers)
        yield (
            f"replace the signers of the {whose}, from the end of epoch {act.epoch} on: any "
            f"{act.k} of {count}"
        )
        yield f"署名者を交代する（第 {act.epoch} 期の終わりから、{count} 名中 {act.k} 名の署名）"
        yield from (f"  {one}" for one in act.signers)


def _signed(options: argparse.Namespace) -> list[SignedFile]:
    return [parse_signed(read_file(path), name=str(path)) for path in options.signature]


def _access(installation: Installation, coop: Coop, instruction: Instruction) -> Access:
    """The settings that lead to the instruction's contract."""
    slug = coop.log.slug
    if instruction.act.domain == VAULT:
        return installation.vault(slug)
    place = place_of(instruction.chain_id, instruction.contract.lower())
    return access_to(coop.state(), installation.chains(slug), place)


def _document(instruction: Instruction) -> dict[str, Any]:
    return {
        "kind": instruction.act.kind,
        "digest": instruction.digest.hex(),
        "chain_id": instruction.chain_id,
        "contract": instruction.contract,
        "message": {name: value for _, name, value in instruction.act.fields()},
    }


def _carried_text(found: Carried) -> str:
    done = "done 実行済み" if found.is_done else "not done yet 未実行"
    sent = "" if found.transaction is None else f", transaction 0x{found.transaction.hex()}"
    note = f" ({found.note})" if found.note else ""
    state = found.state or "sent by somebody else 他者が送信"
    return f"{done}; {state}{note}{sent}"


def _carried_document(found: Carried) -> dict[str, Any]:
    return {
        "is_done": found.is_done,
        "state": found.state or None,
        "transaction": None if found.transaction is None else found.transaction.hex(),
        "block_number": found.block_number,
        "note": found.note,
    }
