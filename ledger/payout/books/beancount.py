"""The journal for beancount 3 (``bean-check`` accepts it without an error).

An account's component begins with a capital letter or a digit and holds letters, digits and ``-``
only. Our names are lower case, so the first letter is made a capital, ``_`` becomes ``U``, and what
else is not allowed becomes ``X``, its hexadecimal code points and ``X``: two names never become
one. The name itself stands beside it as metadata. A ``balance`` directive holds at the *start* of
its day, so the balances of a day are asserted on the next; their tolerance is zero, where
beancount would otherwise let pass two units of the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

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

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_WIDTH = 52


def beancount_ledger(journal: Journal) -> bytes:
    """The journal as UTF-8 text with line feeds."""
    return "".join(f"{line}\n" for line in _lines(journal)).encode()


def account_name(account: Account) -> str:
    """An account's full name.

    >>> account_name(Account("payable", ("bus_two",)))
    'Liabilities:Payable:BusUtwo'
    """
    return ":".join((*CHART[account.heading].path, *map(_component, account.parts)))


def _component(name: str) -> str:
    first, rest = name[:1], name[1:]
    head = first.upper() if first in _LOWER | _DIGITS else _code(first)
    return head + "".join(map(_letter, rest))


def _letter(letter: str) -> str:
    if letter in _LOWER | _DIGITS or letter == "-":
        return letter
    return "U" if letter == "_" else _code(letter)


def _code(letter: str) -> str:
    return "X" + "".join(f"{ord(one):X}" for one in letter) + "X"


def _lines(journal: Journal) -> Iterator[str]:
    yield f'option "title" {_text(journal.origin)}'
    for currency in sorted(journal.digits):
        yield f'option "operating_currency" "{currency}"'
    yield ""
    accounts = used_accounts(journal)
    first = min((day for day, _ in accounts.values()), default="")
    for currency, digits in sorted(journal.digits.items()) if first else ():
        yield f"{first} commodity {currency}"
        yield f"  digits: {digits}"
    for account, (day, currencies) in accounts.items():
        yield f"{day} open {account_name(account)} {','.join(currencies)}"
        yield from _names(journal, account)
    left = list(journal.transactions)
    for checkpoint, rows in assertions(journal):
        while left and left[0].date <= checkpoint.date:
            yield from _transaction(journal, left.pop(0))
        yield from _assertions(journal, checkpoint, rows)
    for transaction in left:
        yield from _transaction(journal, transaction)


def _names(journal: Journal, account: Account) -> Iterator[str]:
    heading = CHART[account.heading]
    yield f"  ja: {_text(heading.ja)}"
    yield f"  en: {_text(heading.en)}"
    for kind, part in zip(heading.parts, account.parts, strict=True):
        yield f"  {kind}: {_text(part)}"
        known = journal.names.get(part) if kind == "member" else None
        if known is not None:
            yield f"  {kind}-name: {_text(f'{known.ja} / {known.en}')}"


def _transaction(journal: Journal, one: Transaction) -> Iterator[str]:
    link = "" if one.index == OPENING else f" ^entry-{one.index}"
    yield ""
    yield f"{one.date} * {_text(f'{one.words.ja} / {one.words.en}')}{link}"
    if one.index != OPENING:
        yield f"  entry: {one.index}"
        yield f"  leaf: {_text(one.leaf)}"
    for name, value in sorted(one.notes.items()):
        yield f"  {name}: {_text(value)}"
    for posting in one.postings:
        amount = _amount(journal, posting.currency, posting.amount_minor)
        yield f"  {account_name(posting.account):<{_WIDTH}}  {amount}"


def _assertions(
    journal: Journal, checkpoint: Checkpoint, rows: tuple[Assertion, ...]
) -> Iterator[str]:
    if not rows:
        return
    following = (date.fromisoformat(checkpoint.date) + timedelta(days=1)).isoformat()
    yield ""
    yield f"; 残高照合: balances of the state at size {checkpoint.size}, end of {checkpoint.date}"
    for row in rows:
        digits = journal.digits[row.currency]
        amount = format_minor(row.amount_minor, digits=digits)
        exact = format_minor(0, digits=digits)
        name = f"{account_name(row.account):<{_WIDTH}}"
        yield f"{following} balance {name}  {amount} ~ {exact} {row.currency}"


def _amount(journal: Journal, currency: str, amount_minor: int) -> str:
    return f"{format_minor(amount_minor, digits=journal.digits[currency])} {currency}"


def _text(text: str) -> str:
    """A string literal on one line."""
    plain = " ".join("".join(" " if ord(one) < 32 else one for one in text).split())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
