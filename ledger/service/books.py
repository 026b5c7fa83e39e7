"""Books: the journal of a co-op, read from its log, and its exports for bookkeeping programs.

The log is folded once more from entry 0 (``ledger.coop.bookkeeping``), so an export costs what
``kyojo rebuild`` costs without the records, and holds nothing that the log does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ledger.coop.bookkeeping import keep_books
from ledger.errors import InvalidInput
from ledger.payout.books.beancount import beancount_ledger
from ledger.payout.books.hledger import hledger_journal
from ledger.payout.journal import Journal, between, through
from ledger.period import month_bounds
from ledger.service.coop import Coop

Progress = Callable[[int, int], None]
WRITERS: Final[dict[str, Callable[[Journal], bytes]]] = {
    "hledger": hledger_journal,
    "beancount": beancount_ledger,
}


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of the books: one calendar month, all through a month, or all of it."""

    period: str | None = None
    through: str | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """A file, and how much is in it."""

    data: bytes
    transactions: int
    assertions: int


def no_progress(_done: int, _all: int) -> None:
    """Tell nobody."""


def read_journal(coop: Coop, progress: Progress = no_progress) -> Journal:
    """The journal of the whole log; raises InvariantViolated if it does not add up."""
    with coop.reading() as (state, log):
        size = state.size
        return keep_books(log.entry_data(0, size), log, lambda done: progress(done, size))


def export_books(coop: Coop, form: str, span: Span, progress: Progress = no_progress) -> Exported:
    """The books for hledger or beancount.

    A calendar month begins with the balances that are brought forward to it.
    """
    if form not in WRITERS:
        raise InvalidInput(f"books are written for {', '.join(WRITERS)}, not for {form!r}")
    journal = cut(read_journal(coop, progress), span)
    data = WRITERS[form](journal)
    return Exported(data, len(journal.transactions), len(journal.checkpoints))


def cut(journal: Journal, span: Span) -> Journal:
    """The part of a journal that is asked for; raises OutOfRange for what is no month."""
    if span.period is not None:
        month_bounds(span.period, zone="UTC")
        return between(journal, f"{span.period}-01", f"{span.period}-31")
    if span.through is not None:
        month_bounds(span.through, zone="UTC")
        return through(journal, f"{span.through}-31")
    return journal
