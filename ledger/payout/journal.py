"""The journal (仕訳帳): balanced transactions, and what balances must be at given days.

A transaction names the entry of the log that caused it, by index and leaf hash, so that every line
of the books leads back to what was signed. ``Checkpoint`` holds balances that do not come from the
journal at all but from the co-op's state: whoever adds the postings up must arrive at them, here
(``check_journal``) and in the bookkeeping programs that read an export.

RULES.md section 12, invariant 16: journals balance; payouts + suspense + funds + carry = pools.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ledger.errors import InvariantViolated
from ledger.payout.chart import Account, is_tied, place_of

Key = tuple[Account, str]
"""An account and a currency."""
OPENING: Final = -1
"""The entry index of the transaction that brings balances forward."""


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on an account in minor units: a debit if positive, a credit if negative."""

    account: Account
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Words:
    """What a transaction is about, in both languages."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """Postings that add up to 0 in every currency.

    ``date`` is the day (YYYY-MM-DD in the co-op's time zone) of the entry at ``index``; ``notes``
    are further references by name, such as the bank's day or the entry that had proposed it.
    """

    date: str
    index: int
    leaf: str
    words: Words
    postings: tuple[Posting, ...]
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the state says of the balances at the end of a day; those not named are 0."""

    date: str
    size: int
    balances: Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class Assertion:
    """An account's balance at the end of a day."""

    account: Account
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Journal:
    """Transactions in the order of the log; ``digits`` by currency, ``names`` of members by id."""

    origin: str
    genesis: str
    size: int
    digits: Mapping[str, int]
    names: Mapping[str, Words]
    transactions: tuple[Transaction, ...]
    checkpoints: tuple[Checkpoint, ...]


def collect(moves: Iterable[tuple[Account, str, int]]) -> tuple[Posting, ...]:
    """Postings of one transaction: an account and currency once, none of 0, in chart order."""
    sums: dict[Key, int] = {}
    for account, currency, amount in moves:
        sums[account, currency] = sums.get((account, currency), 0) + amount
    found = sorted(sums, key=lambda key: (key[1], place_of(key[0])))
    return tuple(Posting(*key, sums[key]) for key in found if sums[key])


def check_balanced(transaction: Transaction) -> None:
    """Raise InvariantViolated unless debits equal credits in every currency."""
    sums: dict[str, int] = {}
    for posting in transaction.postings:
        sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount_minor
    for currency, rest in sums.items():
        if rest:
            raise InvariantViolated(
                f"the books of entry {transaction.index} ({transaction.words.en}) do not balance: "
                f"{rest} {currency} in minor units are left over",
                index=transaction.index,
            )


def add_up(transactions: Iterable[Transaction]) -> dict[Key, int]:
    """The balance of every account that was ever posted to."""
    sums: dict[Key, int] = {}
    for transaction in transactions:
        for posting in transaction.postings:
            key = posting.account, posting.currency
            sums[key] = sums.get(key, 0) + posting.amount_minor
    return sums


def check_journal(journal: Journal) -> None:
    """Raise InvariantViolated unless all balances, and add up to what the state says."""
    for transaction in journal.transactions:
        check_balanced(transaction)
    sums: dict[Key, int] = {}
    done = 0
    for checkpoint in journal.checkpoints:
        until = _count_until(journal, checkpoint.date)
        for key, amount in add_up(journal.transactions[done:until]).items():
            sums[key] = sums.get(key, 0) + amount
        done = until
        for key in sorted(sums.keys() | checkpoint.balances.keys()):
            stated = checkpoint.balances.get(key, 0)
            if is_tied(key[0]) and sums.get(key, 0) != stated:
                raise InvariantViolated(
                    f"{'/'.join((key[0].heading, *key[0].parts))} comes to {sums.get(key, 0)} "
                    f"{key[1]} in the books of {checkpoint.date}, and to {stated} in the state at "
                    f"size {checkpoint.size}",
                )


def assertions(journal: Journal) -> Iterator[tuple[Checkpoint, tuple[Assertion, ...]]]:
    """What to assert at each checkpoint: what is not 0, and what has moved since the last one."""
    done = 0
    for checkpoint in journal.checkpoints:
        until = _count_until(journal, checkpoint.date)
        moved = {key for key in add_up(journal.transactions[done:until]) if is_tied(key[0])}
        done = until
        keys = sorted(
            moved | checkpoint.balances.keys(), key=lambda key: (key[1], place_of(key[0]))
        )
        rows = (Assertion(*key, checkpoint.balances.get(key, 0)) for key in keys)
        yield checkpoint, tuple(rows)


def _count_until(journal: Journal, day: str) -> int:
    """How many transactions are of a day or earlier; they are in the order of their days."""
    return bisect_right(journal.transactions, day, key=lambda one: one.date)


def through(journal: Journal, last_day: str) -> Journal:
    """The journal up to the end of a day."""
    return replace(
        journal,
        transactions=tuple(one for one in journal.transactions if one.date <= last_day),
        checkpoints=tuple(one for one in journal.checkpoints if one.date <= last_day),
    )


def between(journal: Journal, first_day: str, last_day: str) -> Journal:
    """The journal of some days, with the balances of the day before brought forward."""
    cut = through(journal, last_day)
    earlier = [one for one in cut.transactions if one.date < first_day]
    moves = ((*key, amount) for key, amount in add_up(earlier).items())
    brought = Transaction(
        date=first_day,
        index=OPENING,
        leaf="",
        words=Words("前期繰越", "Balances brought forward"),
        postings=collect(moves),
    )
    later = tuple(one for one in cut.transactions if one.date >= first_day)
    return replace(
        cut,
        transactions=(brought, *later) if brought.postings else later,
        checkpoints=tuple(one for one in cut.checkpoints if one.date >= first_day),
    )


def used_accounts(journal: Journal) -> dict[Account, tuple[str, tuple[str, ...]]]:
    """Every account of the journal, in chart order: the day of its first use, its currencies."""
    first: dict[Account, str] = {}
    currencies: dict[Account, set[str]] = {}
    for transaction in journal.transactions:
        for posting in transaction.postings:
            first.setdefault(posting.account, transaction.date)
            currencies.setdefault(posting.account, set()).add(posting.currency)
    return {
        account: (first[account], tuple(sorted(currencies[account])))
        for account in sorted(first, key=place_of)
    }
