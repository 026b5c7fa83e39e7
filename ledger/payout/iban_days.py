"""On which days an order by IBAN may be paid.

Euros move when TARGET is open (``target_calendar``), which is computed. Every other currency has a
payment system of its own, whose closing days kyojo does not know: there only weekends are refused,
and ``UNKNOWN_DAYS`` says so beside the file.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from ledger.errors import OutOfRange
from ledger.payout.target_calendar import Closure, target_closure, weekend

EURO: Final = "EUR"
UNKNOWN_DAYS: Final = {
    "en": "Of the days of payment in {currency} kyojo knows weekends only: ask the bank whether "
    "its payment system is open on {day}.",
    "ja": "{currency} の決済日は土日のみ確認しています。{day} に決済システムが稼働するかは"
    "銀行にご確認ください。",
}


def closure(currency: str, day: date) -> Closure | None:
    """Why no bank pays a currency on a day; None if, as far as is known, one does."""
    return target_closure(day) if currency == EURO else weekend(day)


def next_day(currency: str, day: date) -> date:
    """The day itself if the currency may be paid on it, else the first one after it."""
    while closure(currency, day) is not None:
        day += timedelta(days=1)
    return day


def check_day(currency: str, pay_on: date, ordered_on: date) -> None:
    """Raises OutOfRange for a day that is past, or on which the currency is not paid."""
    if pay_on < ordered_on:
        raise OutOfRange(f"{pay_on} is before {ordered_on}, the day on which the file is made")
    if closed := closure(currency, pay_on):
        following = next_day(currency, pay_on)
        raise OutOfRange(
            f"no {currency} is paid on {pay_on} ({closed.en}, {closed.ja}); the next day of "
            f"payment is {following}",
            day=pay_on.isoformat(),
            next=following.isoformat(),
        )


def notes_on_day(currency: str, pay_on: date) -> list[dict[str, str]]:
    """What to tell beside a file: in which currency the day could not be judged; maybe nothing."""
    if currency == EURO:
        return []
    words = {"currency": currency, "day": pay_on.isoformat()}
    return [{name: text.format(**words) for name, text in UNKNOWN_DAYS.items()}]
