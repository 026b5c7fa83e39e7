"""The search that Japan's electronic bookkeeping law asks for (電子帳簿保存法, 電子取引).

By date, amount and counterparty, dates and amounts as ranges, all combined with AND; with each hit
its entry, its document's hash, how far the entry is shown, and what became of the amount
(``books_history``). Pages are bounded twice: in hits, and in entries looked at, so that no query
walks a long log at once; ``next`` goes on where a page ended.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ledger.coop.state import State
from ledger.errors import InvalidInput, OutOfRange
from ledger.period import format_instant, month_bounds
from ledger.service.anchor_access import TargetSettings
from ledger.service.books_history import Histories, History
from ledger.service.books_rows import (
    DOCUMENTS,
    FACTS,
    KINDS,
    ORDER,
    RESULT,
    SEARCHED,
    MoneyRow,
    computed_again,
    rows_of_entry,
)
from ledger.service.coop import Coop
from ledger.service.office import office_of
from ledger.service.read import may_read, require_member, search_all
from ledger.service.shown import Shown, shown, shown_document
from ledger.service.sign_in import Reader, reader_of
from ledger.store.reading import Filter, IndexRow, LogReader

HITS_MAX: Final = 500
ENTRIES_MAX: Final = 5_000
_CURSOR: Final = re.compile(r"([0-9]{1,15})\.([0-9]{1,9})")
# Whose index column ``member`` is the counterparty.
_BORNE: Final = ("cost-reported", "funding-reported")

NOTE_EN: Final = (
    "Of the measures that the law asks for in electronic transactions, this supports the system "
    "that keeps corrections and deletions on record: nothing in the log is changed or deleted, and "
    "every later figure is shown beside the earlier one. An anchor on a chain is not a certified "
    "time stamp (認定タイムスタンプ) and is not offered as one."
)
NOTE_JA: Final = (
    "電子取引の保存要件のうち「訂正・削除の履歴が残るシステム」に対応します。台帳の項目は変更も削除もされず、"
    "後の数値は元の数値とともに表示されます。チェーン上のアンカーは認定タイムスタンプではなく、その代わりにもなりません。"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to search for; None means any. Days, amounts and both ends of ranges are included.

    ``counterparty`` is a member's id, ``fund.…`` or ``project.…``, the id of a revenue, or the name
    or T number by which a document names a seller. ``kind`` is one of entries or of documents.
    """

    date_from: str | None = None
    date_to: str | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    counterparty: str | None = None
    kind: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins, and how many hits it may hold; at most ``HITS_MAX``."""

    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """An amount that matches, with what became of it and how far its entry is shown."""

    row: MoneyRow
    history: History
    inclusion: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Hits in the order of the log; ``following`` is where to go on, None at the end."""

    hits: tuple[Hit, ...]
    following: str | None


def search_books(
    coop: Coop,
    reader: Reader,
    wanted: Wanted,
    place: Place,
    settings: Sequence[TargetSettings] = (),
) -> Page:
    """A page of the amounts that match, for members.

    Reports are open to every member, as entries are. Of settlements, corrections, orders and
    results a member sees its own lines; all of them the roles that the charter names.
    """
    member = require_member(reader)
    _check(wanted)
    start, skip = _parse_cursor(place.cursor)
    limit = max(1, min(place.limit, HITS_MAX))
    found = shown(coop, settings)
    with coop.reading() as (state, log):
        whose = None if may_read(state, reader, "settlements") else member
        rows, following = _page(state, log, (wanted, whose), (start, skip), limit)
        histories = Histories(state, log)
        hits = tuple(Hit(row, histories.of(row), _inclusion(found, row.index)) for row in rows)
    return Page(hits, following)


def office_search(
    coop: Coop, wanted: Wanted, place: Place, settings: Sequence[TargetSettings] = ()
) -> Page:
    """The same, as the office of this installation reads."""
    reader = reader_of(coop.state(), office_of(coop).key.address)
    return search_books(coop, reader, wanted, place, settings)


def hit_document(hit: Hit) -> dict[str, Any]:
    """A hit as a JSON object."""
    row = hit.row
    return {
        "index": row.index,
        "kind": row.kind,
        "date": row.date,
        "received_at": row.received_at,
        "period": row.period,
        "counterparty": row.counterparty,
        "subject": row.subject,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "document": row.document,
        "leaf": row.leaf,
        "status": hit.history.status,
        "inclusion": hit.inclusion,
        "history": [
            {
                "what": event.what,
                "index": event.index,
                "amount_minor": event.amount_minor,
                "note": event.note,
            }
            for event in hit.history.events
        ],
    }


def page_document(page: Page) -> dict[str, Any]:
    """A page as a JSON object, with what the search is and is not good for."""
    return {
        "hits": [hit_document(hit) for hit in page.hits],
        "next": page.following,
        "note": {"en": NOTE_EN, "ja": NOTE_JA},
    }


def _page(
    state: State,
    log: LogReader,
    asked: tuple[Wanted, str | None],
    place: tuple[int, int],
    limit: int,
) -> tuple[list[MoneyRow], str | None]:
    wanted, whose = asked
    start, skip = place
    found: list[MoneyRow] = []
    for looked, entry in enumerate(_candidates(state, log, wanted, start)):
        if looked == ENTRIES_MAX:
            return found, f"{entry.index}.0"
        for line, row in enumerate(rows_of_entry(state, log, entry)):
            if entry.index == start and line < skip:
                continue
            if not _matches(row, wanted, whose):
                continue
            if len(found) == limit:
                return found, f"{entry.index}.{line}"
            found.append(computed_again(row) if row.kind in DOCUMENTS else row)
    return found, None


def _candidates(state: State, log: LogReader, wanted: Wanted, start: int) -> Iterator[IndexRow]:
    """Entries that may hold a match, by the index of kinds, in the order of the log."""
    bearing = ORDER if wanted.kind in DOCUMENTS else wanted.kind
    kinds = KINDS if bearing is None else (bearing,)
    searches = [search_all(log, _filter(state, wanted, kind), start=start) for kind in kinds]
    return heapq.merge(*searches, key=lambda row: row.index)


def _filter(state: State, wanted: Wanted, kind: str) -> Filter:
    """What the index can answer of a search: the rest is compared line by line."""
    # A bank's day, and that of a document, is not the entry's: it is compared line by line.
    has_own_day = kind in {RESULT, ORDER}
    until = None
    if wanted.date_to is not None and not has_own_day:
        until = _midnight(state, date.fromisoformat(wanted.date_to) + timedelta(days=1))
    since = None if wanted.date_from is None else _midnight(state, _day(wanted.date_from))
    is_fact = kind in FACTS
    return Filter(
        kind=kind,
        member=wanted.counterparty if kind in _BORNE else None,
        amount_from=wanted.amount_from if is_fact else None,
        amount_to=wanted.amount_to if is_fact else None,
        received_from=None if has_own_day else since,
        received_to=until,
    )


def _matches(row: MoneyRow, wanted: Wanted, whose: str | None) -> bool:
    is_open = row.kind in FACTS or whose in (None, row.counterparty)
    names = (row.counterparty, *row.names)
    names = (*names, row.subject) if row.kind == FACTS[0] else names
    return (
        is_open
        and wanted.kind in (None, row.kind)
        and (wanted.date_from is None or row.date >= wanted.date_from)
        and (wanted.date_to is None or row.date <= wanted.date_to)
        and (wanted.amount_from is None or row.amount_minor >= wanted.amount_from)
        and (wanted.amount_to is None or row.amount_minor <= wanted.amount_to)
        and (wanted.counterparty is None or wanted.counterparty in names)
        and wanted.currency in (None, row.currency)
    )


def _inclusion(found: Shown, index: int) -> dict[str, Any]:
    return dict(shown_document(found, index)["entry"])


def _check(wanted: Wanted) -> None:
    """Raise OutOfRange for what is no day, or a range from more to less; InvalidInput for kinds."""
    if wanted.kind is not None and wanted.kind not in SEARCHED:
        raise InvalidInput(f"{wanted.kind!r} bears no amount; these do: {', '.join(SEARCHED)}")
    for day in (wanted.date_from, wanted.date_to):
        if day is not None:
            month_bounds(_day(day).isoformat()[:7], zone="UTC")
    days, amounts = (wanted.date_from, wanted.date_to), (wanted.amount_from, wanted.amount_to)
    if None not in days and str(days[0]) > str(days[1]):
        raise OutOfRange(f"the range from {days[0]} to {days[1]} is empty")
    low, high = amounts
    if low is not None and high is not None and low > high:
        raise OutOfRange(f"the range from {low} to {high} is empty")


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise OutOfRange(f"{text[:20]!r} is not a day like 2026-10-31") from error
    if day.isoformat() != text:
        raise OutOfRange(f"{text[:20]!r} is not a day like 2026-10-31")
    return day


def _midnight(state: State, day: date) -> str:
    zone = ZoneInfo(state.terms().time_zone)
    return format_instant(datetime(day.year, day.month, day.day, tzinfo=zone))


def _parse_cursor(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return 0, 0
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise OutOfRange(f"{cursor[:30]!r} is not where a page ended")
    return int(found.group(1)), int(found.group(2))
