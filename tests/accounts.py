"""Members of a test installation name where they are paid, and the office confirms it."""

from __future__ import annotations

from hashlib import sha256

from ledger.coop.submission import Submission
from ledger.payout.account import parse_account, seal_account
from ledger.service.coop import Coop
from ledger.service.submit import submit
from tests.installation import ballot, draft, send

HOLDERS = {"bus": "ﾊﾞｽ", "ev": "ｲ-ﾌﾞｲ", "bike": "ｼﾞﾃﾝｼﾔ"}


def bank_account(firm: str, number: int) -> dict[str, str]:
    """An account with a bank in Japan."""
    return {"type": "jp", "bank": "0001", "bank_name": "ﾐｽﾞﾎ", "branch": "001",
            "branch_name": "ﾄｳｷﾖｳ", "kind": "1", "number": str(number),
            "holder": HOLDERS[firm]}  # fmt: skip


def name_bank_account(coop: Coop, firm: str, number: int) -> None:
    """A member names such an account."""
    salt = sha256(firm.encode()).digest()
    details = seal_account(parse_account(bank_account(firm, number)), salt)
    digest = sha256(details).hexdigest()
    destination = {"type": "bank", "hint": f"···{number}",
                   "details": {"sha256": digest, "bytes": len(details)}}  # fmt: skip
    body = {"member": firm, "currency": "JPY", "destination": destination}
    one = draft(coop, firm, "payout-destination-set", body)
    submit(coop, Submission(one, {digest: details}))


def name_evm_account(coop: Coop, firm: str, address: str) -> None:
    """A member names an account that the vault pays."""
    destination = {"type": "evm", "address": address}
    body = {"member": firm, "currency": "JPY", "destination": destination}
    send(coop, firm, "payout-destination-set", body)


def confirm_accounts(coop: Coop) -> None:
    """The office confirms whatever waits."""
    for subject_hash in list(coop.state().proposals):
        submit(coop, Submission(ballot(coop, "office", subject_hash)))
