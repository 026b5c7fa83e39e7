"""Commands of a member: dispute a settlement, see disputes, answer one, take one back."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.cli.output import show
from ledger.errors import InvalidInput, NotFound

EPILOG = """\
A dispute says which figures of the settlement's inputs are wrong, and what they should be:
totals/METRIC/MEMBER, costs/ID/MEMBER, funding/ASSET/MEMBER, revenue/ID, kpis/KPI/MEMBER (in the
reading's own scale), payments/PAYER or matrices/NAME/PAYER/MEMBER. The members decide (kyojo member
decide): to approve is to uphold. Without an end before, it ends at its deadline.
"""


def add_commands(verbs: Any, own: argparse.ArgumentParser, client_of: Callable[..., Any]) -> None:
    """Add the verbs; ``client_of`` opens the client that the options name."""
    opening = verbs.add_parser("dispute", parents=[own], help="dispute a settlement", epilog=EPILOG)
    opening.add_argument("period", metavar="YYYY-MM")
    opening.add_argument("--line", action="append", required=True, metavar="STEP/MEMBER")
    opening.add_argument("--claim", action="append", required=True, metavar="FIGURE=VALUE")
    opening.add_argument("--reason", required=True)
    opening.add_argument("--evidence", type=Path, help="a file; only its hash is sent")
    opening.set_defaults(run=open_dispute, client_of=client_of)

    listing = verbs.add_parser("disputes", parents=[own], help="what is disputed")
    listing.set_defaults(run=list_disputes, client_of=client_of)

    answering = verbs.add_parser("answer", parents=[own], help="answer a dispute")
    answering.add_argument("dispute", metavar="ID")
    answering.add_argument("answer")
    answering.add_argument("--evidence", type=Path, help="a file; only its hash is sent")
    answering.set_defaults(run=answer_dispute, client_of=client_of)

    withdrawing = verbs.add_parser("withdraw", parents=[own], help="take back one's own dispute")
    withdrawing.add_argument("dispute", metavar="ID")
    withdrawing.add_argument("--reason", required=True)
    withdrawing.set_defaults(run=withdraw_dispute, client_of=client_of)


def open_dispute(options: argparse.Namespace) -> int:
    """Dispute the settlement that a month has now."""
    claims = [_claim(text) for text in options.claim]
    with options.client_of(options) as client:
        client.sign_in()
        settlement_id = client.get(f"periods/{options.period}")["settlement"]
        if settlement_id is None:
            raise NotFound(f"{options.period} has no settlement to dispute yet")
        body = {
            "period": options.period,
            "settlement_id": settlement_id,
            "line_ids": options.line,
            "claims": claims,
            "reason": options.reason,
            "evidence_hash": _hash(options.evidence),
        }
        return _send(client, "dispute-opened", body, options)


def list_disputes(options: argparse.Namespace) -> int:
    """Print every dispute: whose, of what, how it stands."""
    with options.client_of(options) as client:
        client.sign_in()
        found = client.get("disputes")
    lines = [
        f"{one['id']}  {one['period']} by {one['member']}: {', '.join(one['figures'])}; "
        f"{one['state']}, until {one['deadline']}, holds {one['held_minor']}"
        for one in found
    ]
    show("\n".join(lines) or "nothing is disputed", found, as_json=options.json)
    return 0


def answer_dispute(options: argparse.Namespace) -> int:
    """Answer a dispute."""
    body = {
        "dispute": options.dispute,
        "answer": options.answer,
        "evidence_hash": _hash(options.evidence),
    }
    with options.client_of(options) as client:
        return _send(client, "dispute-answered", body, options)


def withdraw_dispute(options: argparse.Namespace) -> int:
    """Take back one's own dispute."""
    body = {"dispute": options.dispute, "reason": options.reason}
    with options.client_of(options) as client:
        return _send(client, "dispute-withdrawn", body, options)


def _send(client: Any, kind: str, body: dict[str, Any], options: argparse.Namespace) -> int:
    receipt = client.submit_entry(kind, body, [])
    show(f"entry {receipt['index']}", receipt, as_json=options.json)
    return 0


def _claim(text: str) -> dict[str, Any]:
    where, _, value = text.partition("=")
    if not value.isdecimal() or not value.isascii():
        raise InvalidInput(f"a claim is FIGURE=VALUE, such as totals/trips/bus=500, not {text!r}")
    return {"where": where, "value": int(value)}


def _hash(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error}") from error
