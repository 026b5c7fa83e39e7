"""From which block on the vault has to be asked what expired, and of which lines.

What expired shows in events only, and to ask for events takes long, so as few blocks are searched
as can be. A line that a confirmed report has settled needs no search; the others need one from the
block on in which they can have expired: a claim window after the month of their order at the
earliest, and after the block up to which the vault had been searched when the lines of the account
before them were reported. A report says that block in its rows, so the log tells it to everybody;
nothing is remembered elsewhere.

A vault that has settled more for an account than was ordered by then was told to by a false tree.
For such an account everything is searched, whatever was searched before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from ledger.coop.ages import lines_by_member
from ledger.coop.payout_results import EXPIRED, PAID, LineResult
from ledger.coop.state import PayoutOrder

_MARK: Final = re.compile(r"vault to block (0|[1-9][0-9]{0,15}), settled (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which block expiries were searched, and what was settled for the account by then.

    ``settled`` is in minor units, rounded up.
    """

    block: int
    settled: int

    @property
    def text(self) -> str:
        """As the reference of a report's row has it."""
        return f"vault to block {self.block}, settled {self.settled}"

    @classmethod
    def parse(cls, reference: str) -> Self | None:
        """The same again; None for a reference that says nothing of the kind."""
        found = _MARK.fullmatch(reference)
        return None if found is None else cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Unsure:
    """A settled line of which it has to be found out whether it expired.

    It cannot have done so before ``block``, nor before a claim window after ``month`` was over.
    """

    line: str
    state: str
    block: int
    month: str


def unsure_lines(
    orders: Mapping[str, PayoutOrder],
    settled: Mapping[str, int],
    reported: Mapping[str, Sequence[LineResult]],
    *,
    last_block: int,
) -> list[Unsure]:
    """The lines of a vault's orders that it has settled and no confirmed report that searched has.

    ``orders`` are in the order of their approval; ``settled`` is by account, in minor units,
    rounded up; ``reported`` has the rows of reports by line
    (``ledger.service.payout_result.reported_rows``).
    """
    every = list(_spans(orders))
    marks: dict[str, list[Mark]] = {}
    ordered: dict[str, int] = {}
    for span in every:
        ordered[span.account] = span.end
        marks.setdefault(span.account, []).extend(_marks(span, reported, last_block))
    first_month = min((order.period for order in orders.values()), default="")
    found = []
    for span in every:
        known, reached = marks[span.account], settled.get(span.account, 0)
        is_sure = span.state in (PAID, EXPIRED) and any(one.settled >= span.end for one in known)
        if span.end > reached or is_sure:
            continue
        month, block = orders[span.order].period, 0
        if reached > ordered[span.account] or any(one.settled > span.start for one in known):
            month = first_month
        else:
            block = max((one.block + 1 for one in known), default=0)
        found.append(Unsure(span.line, span.state, block, month))
    return found


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a line lies in the cumulative sum of its account, in minor units."""

    order: str
    line: str
    account: str
    state: str
    start: int
    end: int


def _spans(orders: Mapping[str, PayoutOrder]) -> Iterator[_Span]:
    """As ``ledger.coop.payouts.settled_lines`` goes through them."""
    reached: dict[str, int] = {}
    for order_id, order in orders.items():
        for id_, line in lines_by_member(order):
            account = str(line.account)
            start = reached.get(account, 0)
            reached[account] = start + line.amount_minor
            yield _Span(order_id, id_, account, line.state, start, reached[account])


def _marks(
    span: _Span, reported: Mapping[str, Sequence[LineResult]], last_block: int
) -> Iterator[Mark]:
    """What the confirmed reports on a line say; of a block that is to come nobody can know."""
    for row in reported.get(span.line, ()):
        mark = Mark.parse(row.reference) if row.outcome == span.state else None
        if mark is not None and mark.block <= last_block:
            yield mark
