"""Where to cut a log so that one month is proven by a slice of it, and the state at the cut.

A slice starts at the latest cut-off of a settled month that is not after the opening of the wanted
one: the settlement after that cut-off carries the hash of the state there, and the co-op approved
it. It starts earlier where a correction in it counts usage from before that cut-off again. It ends
when the wanted month's settlement has taken effect and is anchored, or at the head.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ledger import canonical
from ledger.audit.start import SETTLED, TAKES_USAGE
from ledger.coop.apply import apply
from ledger.coop.corrections import CORRECTION
from ledger.coop.envelope import parse_envelope
from ledger.coop.erasure import all_erased
from ledger.coop.state import State
from ledger.errors import NotFound
from ledger.store.reading import Filter, LogReader

PAGE = 500


@dataclass(frozen=True, slots=True)
class Cut:
    """A slice's ends: the state before its first entry (empty at entry 0), the size at its end."""

    before: State
    end: int


def cut_of(state: State, reader: LogReader, period_id: str) -> Cut:
    """Where to cut for a month; folds the log up to there. Raises NotFound for an unknown month."""
    period = state.period(period_id)
    opened = _index_of(reader, "period-opened", period_id)
    if opened is None:
        raise NotFound(f"the log does not open {period_id}")
    cut_offs = {
        other.cut_off.index
        for other in state.periods.values()
        if other.id != period_id and other.status == SETTLED and other.cut_off is not None
    }
    fits = [State(), *_fits(reader, sorted(index for index in cut_offs if index <= opened))]
    settled = _index_of(reader, "settlement-settled", period_id)
    if period.status != SETTLED:
        settled = None
    for before in reversed(fits):
        end = state.size if settled is None else _end(reader, settled, state.size)
        if any(before.size <= batch < end for batch in all_erased(state)):
            end = state.size  # lines are missing, and the entries that erase them may come later
        if not _corrects_earlier(reader, before, end):
            break
    return Cut(before, end)


def _fits(reader: LogReader, sizes: list[int]) -> Iterator[State]:
    """The states at those of some sizes at which no settlement was under way."""
    state = State()
    for size in sizes:
        state = _folded(reader, state, size)
        others = (period.status for period in state.periods.values())
        if all(status in (*TAKES_USAGE, SETTLED) for status in others):
            yield state


def _corrects_earlier(reader: LogReader, before: State, end: int) -> bool:
    """Whether an entry of the slice corrects a month whose usage lies before it."""
    settled = {name for name, period in before.periods.items() if period.status == SETTLED}
    return any(
        row["period"] in settled
        for index, body in _bodies(reader, CORRECTION, before.size)
        if index < end
        for row in body["correction"]["periods"]
    )


def _folded(reader: LogReader, state: State, size: int) -> State:
    """The state at a size, from an earlier one."""
    for start in range(state.size, size, PAGE):
        for data in list(reader.entry_data(start, min(start + PAGE, size))):
            state = apply(state, parse_envelope(data), reader).state
    return state


def _end(reader: LogReader, settled: int, size: int) -> int:
    """The size after the first anchor of a head that holds the settlement, or the log's size."""
    for index, body in _bodies(reader, "anchor-recorded", settled):
        if body["size"] > settled:
            return index + 1
    return size


def _bodies(reader: LogReader, kind: str, start: int) -> Iterable[tuple[int, dict[str, Any]]]:
    rows = reader.search(Filter(kind=kind), start=start)
    while rows:
        for row in rows:
            yield row.index, canonical.parse(reader.entry(row.index))["body"]
        rows = reader.search(Filter(kind=kind), start=rows[-1].index + 1)


def _index_of(reader: LogReader, kind: str, period_id: str) -> int | None:
    rows = reader.search(Filter(kind=kind, period=period_id), limit=1)
    return rows[0].index if rows else None
