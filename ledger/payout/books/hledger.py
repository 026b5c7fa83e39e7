"""The journal for hledger (journal format of hledger 1.25; ``hledger check --strict`` accepts it).

Amounts are written with a decimal mark and all digits of their currency. Assertions stand in
transactions of zero amounts after the last transaction of their day. Names of members and pools
may hold only letters, digits, ``_``, ``-`` and ``.``; whatever else is written as ``%XX``, byte by
byte, so that no name can end an account, open a comment or make a posting virtual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ledger.money import format_minor
from ledger.payout.chart import CHART, Account
from ledger.payout.journal import (
    OPENING,
    Assertion,
    Checkpoint,
    Journal,
    Transaction,
    assertions,
    used_accounts,
)

_UNSAFE = re.compile(r"[^A-Za-z0-9_.\-]|^(?=\.)")
_BREAKS = re.compile(r"[\x00-\x1f\x7f;|]+")
_WIDTH = 52


def hledger_journal(journal: Journal) -> bytes:
    """The journal as UTF-8 text with line feeds."""
    return "".join(f"{line}\n" for line in _lines(journal)).encode()


def account_name(account: Account) -> str:
    """An account's full name."""
    return ":".join((*CHART[account.heading].path, *map(_escape, account.parts)))


def _escape(name: str) -> str:
    return _UNSAFE.sub(lambda found: "".join(f"%{b:02X}" for b in found.group().encode()), name)


def _lines(journal: Journal) -> Iterator[str]:
    yield f"; kyojo: {_plain(journal.origin)}, entries 0 to {journal.size - 1}"
    yield f"; genesis: {journal.genesis}"
    yield ""
    for currency, digits in sorted(journal.digits.items()):
        yield f"commodity 1000.{'0' * digits} {currency}"
    yield ""
    for account in used_accounts(journal):
        yield f"account {account_name(account)}  ; {_account_comment(journal, account)}"
    left = list(journal.transactions)
    for checkpoint, rows in assertions(journal):
        while left and left[0].date <= checkpoint.date:
            yield from _transaction(journal, left.pop(0))
        yield from _assertions(journal, checkpoint, rows)
    for transaction in left:
        yield from _transaction(journal, transaction)


def _account_comment(journal: Journal, account: Account) -> str:
    heading = CHART[account.heading]
    names = []
    for kind, part in zip(heading.parts, account.parts, strict=True):
        known = journal.names.get(part) if kind == "member" else None
        names.append(part if known is None else f"{known.ja} / {known.en}")
    own = _plain(f"（{'・'.join(names)}）" if names else "").replace(",", "、")
    kind = "Asset" if heading.path[0] == "Assets" else "Liability"
    return f"type: {kind}, ja: {heading.ja}{own}, en: {heading.en.replace(',', '')}"


def _transaction(journal: Journal, one: Transaction) -> Iterator[str]:
    code = "" if one.index == OPENING else f"({one.index}) "
    yield ""
    yield f"{one.date} * {code}{_plain(one.words.ja)} / {_plain(one.words.en)}"
    if one.leaf:
        yield f"    ; leaf: {one.leaf}"
    for name, value in sorted(one.notes.items()):
        yield f"    ; {name}: {_plain(value)}"
    for posting in one.postings:
        amount = _amount(journal, posting.currency, posting.amount_minor)
        yield f"    {account_name(posting.account):<{_WIDTH}}  {amount}"


def _assertions(
    journal: Journal, checkpoint: Checkpoint, rows: tuple[Assertion, ...]
) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield (
        f"{checkpoint.date} * 残高照合（{checkpoint.size} 件時点の状態） / "
        f"Balances of the state at size {checkpoint.size}"
    )
    for row in rows:
        zero = _amount(journal, row.currency, 0)
        amount = _amount(journal, row.currency, row.amount_minor)
        yield f"    {account_name(row.account):<{_WIDTH}}  {zero} = {amount}"


def _amount(journal: Journal, currency: str, amount_minor: int) -> str:
    return f"{format_minor(amount_minor, digits=journal.digits[currency])} {currency}"


def _plain(text: str) -> str:
    """Text that stays on its line and opens neither a comment nor a payee."""
    return " ".join(_BREAKS.sub(" ", text).split())
