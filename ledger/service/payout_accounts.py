"""Accounts of members, judged at the door: what an order needs of them is known before it is made.

The log holds a bank account as a salted blob, and a hint that its member wrote. ``apply`` reads
neither, so one account out of form would stop the file of a whole order, and an office that
compares hints would confirm words that say nothing. The door opens the blob: the account is in its
form, of the type that is named, complete for the format of that type, and the hint is its own.
What entered a log before, or by another door, is told to the office (``doubts``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ledger.coop import bodies, payout_bodies
from ledger.coop.ages import proposals_by_age
from ledger.coop.submission import Submission
from ledger.errors import KyojoError, MalformedEntry
from ledger.payout.account import Account, IbanAccount, JapaneseAccount, hint_of, open_account
from ledger.service.coop import Coop

DESTINATION = "payout-destination-set"
SEPA = "EUR"
TYPES: Mapping[str, type[Account]] = {"bank": JapaneseAccount, "iban": IbanAccount}


@dataclass(frozen=True, slots=True)
class Doubt:
    """An account that waits for the office and is not what its entry says; ``hint`` is its own."""

    subject_hash: str
    member: str
    hint: str
    text: str


def check_destination(submission: Submission) -> None:
    """Raise MalformedEntry if an entry names an account that no order could pay to.

    Entries of other kinds pass, and one without its blob, which ``apply`` refuses.
    """
    draft = submission.draft
    if draft.kind != DESTINATION:
        return
    body = bodies.parse_body(payout_bodies.PayoutDestinationSet, dict(draft.body))
    where = body.destination
    if isinstance(where, payout_bodies.AccountDestination):
        return
    blob = submission.blobs.get(where.details.sha256)
    if blob is not None:
        faults = [*_faults(where.type, where.hint, body.currency, blob)]
        if faults:
            raise MalformedEntry(f"the account of {body.member}: {'; '.join(faults)}")


def doubts(coop: Coop) -> tuple[Doubt, ...]:
    """What is wrong with accounts that wait for the office's confirmation."""
    found = []
    with coop.reading() as (state, log):
        for id_, proposal in proposals_by_age(state):
            if proposal.kind != DESTINATION or "details" not in proposal.body["destination"]:
                continue
            where = proposal.body["destination"]
            blob = log.blob(where["details"]["sha256"])
            body = proposal.body
            faults = [*_faults(where["type"], where["hint"], body["currency"], blob)]
            if faults:
                found.append(Doubt(id_, body["member"], _hint(blob), "; ".join(faults)))
    return tuple(found)


def _faults(type_: str, hint: str, currency: str, blob: bytes) -> Iterator[str]:
    try:
        account = open_account(blob)
    except KyojoError as error:
        yield error.message
        return
    if not isinstance(account, TYPES[type_]):
        yield f"the details are no account of the type {type_} (口座の種類が内容と異なります)"
    if hint != hint_of(account):
        yield (
            f"the hint must be {hint_of(account)}, the account's own, not {hint} "
            "(表示が口座と異なります)"
        )
    if isinstance(account, IbanAccount) and currency != SEPA and not account.bic:
        yield f"a payment in {currency} needs the account's BIC (BICが必要です)"


def _hint(blob: bytes) -> str:
    try:
        return hint_of(open_account(blob))
    except KyojoError:
        return ""
