"""``kyojo payout hold`` and ``release``: keep a month in dispute from publication, or let go."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from typing import Any

from ledger.chain.vault import period_name
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.payout.claims import parse_signature, signed_document
from ledger.errors import InvalidInput
from ledger.service.vault_hold import Stands, Wish, change_hold, hold_name, sign_hold


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the two verbs."""
    hold = verbs.add_parser(
        "hold", parents=[office], help="keep a month and later ones from being published"
    )
    hold.add_argument("--period", required=True, metavar="YYYY-MM", help="the first one held")
    hold.add_argument(
        "--until", required=True, metavar="YYYY-MM-DD", help="when it ends by itself, 00:00 UTC"
    )
    release = verbs.add_parser("release", parents=[office], help="end a hold before its time")
    for command in (hold, release):
        command.add_argument(
            "--sign", action="store_true", help="only sign, with the approvers' keys at hand"
        )
        command.add_argument(
            "--signature", action="append", default=[], help="of an approver elsewhere (hex)"
        )
    hold.set_defaults(run=hold_month)
    release.set_defaults(run=release_hold)


def hold_month(options: argparse.Namespace) -> int:
    """Hold, or only sign."""
    return _run(options, Wish(options.period, _moment(options.until)))


def release_hold(options: argparse.Namespace) -> int:
    """Release, or only sign."""
    return _run(options, Wish())


def _run(options: argparse.Namespace, wish: Wish) -> int:
    given = [parse_signature(text) for text in options.signature]
    with chosen(options) as (installation, coop):
        access = installation.vault(coop.log.slug)
        if options.sign:
            signed = sign_hold(coop, access, wish)
            lines = [f"0x{one.signature.hex()}  {one.signer}" for one in signed]
            show("\n".join(lines), [signed_document(one) for one in signed], as_json=options.json)
            return 0
        found = change_hold(coop, access, wish, signatures=given)
    show(_text(found), _document(found), as_json=options.json)
    return 0


def _text(found: Stands) -> str:
    held = hold_name(found.hold)
    stands = f"held 保留 {held}" if held else "nothing is held 保留なし"
    done = "" if found.is_done else "; not as asked yet 未反映"
    sent = "" if found.transaction is None else f", transaction 0x{found.transaction.hex()}"
    note = f" ({found.note})" if found.note else ""
    return f"{stands}{done}; {found.state or 'nothing was sent'}{note}{sent}"


def _document(found: Stands) -> dict[str, Any]:
    return {
        "held_period": period_name(found.hold.period) or None,
        "held_until": found.hold.until,
        "count": found.hold.count,
        "is_done": found.is_done,
        "state": found.state or None,
        "transaction": None if found.transaction is None else found.transaction.hex(),
        "note": found.note,
    }


def _moment(text: str) -> int:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text[:20]!r} is not a day like 2026-12-31") from error
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
