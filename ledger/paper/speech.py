"""Saying figures, dates and names in one of the two languages of the pages.

Nothing here computes money: amounts come as whole minor units, shares as exact fractions. What is
shown with ``≈`` is cut to a few decimals by integer arithmetic, never by floating point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

from ledger.money import format_minor
from ledger.period import parse_instant
from ledger.rules.number import format_digits

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "en")
DIGITS_SHOWN = 60

_MONTHS = "January February March April May June July August September October November December"


@dataclass(frozen=True, slots=True)
class Speech:
    """A language, and the co-op's currency and time zone."""

    language: Language
    currency: str = ""
    digits: int = 0
    time_zone: str = "UTC"

    def __call__(self, ja: str, en: str) -> str:
        """The text in this language."""
        return ja if self.language == "ja" else en

    def name(self, names: Mapping[str, str] | None, otherwise: str) -> str:
        """A name in this language, else in the other one, else ``otherwise``."""
        found = names or {}
        return found.get(self.language) or found.get("en") or found.get("ja") or otherwise

    def number(self, value: int) -> str:
        """A whole number with thousands separators and a true minus sign.

        One that nobody would read to its end is cut, and its length told.
        """
        if abs(value) < 10**DIGITS_SHOWN:
            return f"{value:,}".replace("-", "−")
        text = format_digits(abs(value))
        shown = f"{'−' if value < 0 else ''}{text[:12]}…"
        return self(f"{shown}({len(text)}桁)", f"{shown} ({len(text)} digits)")

    def money(self, amount_minor: int) -> str:
        """An amount with its currency."""
        text = format_minor(amount_minor, digits=self.digits, grouped=True)
        return f"{text} {self.currency}".replace("-", "−")

    def unit(self) -> str:
        """One minor unit, such as ``0.01 CHF``."""
        return self.money(1)

    def money_about(self, exact_minor: Fraction) -> str:
        """An amount before rounding, with four decimals more; ``≈`` where that still cuts it."""
        if exact_minor.denominator == 1:
            return self.money(exact_minor.numerator)
        scaled = exact_minor * 10**4
        text = format_minor(int(scaled), digits=self.digits + 4, grouped=True).replace("-", "−")
        return f"{'' if scaled.denominator == 1 else '≈ '}{text} {self.currency}"

    def percent(self, share: Fraction) -> str:
        """A share in per cent with two decimals, marked ``≈`` where that cuts it."""
        scaled = share * 10**4
        text = format_minor(int(scaled), digits=2).replace("-", "−")
        return f"{'' if scaled.denominator == 1 else '≈ '}{text} %"

    def equals(self, share: Fraction) -> str:
        """A share as the result of a calculation: ``= 75.00 %`` or ``≈ 48.47 %``."""
        text = self.percent(share)
        return text if text.startswith("≈") else f"= {text}"

    def decimal(self, value: Fraction) -> str:
        """A fraction of one with four decimals."""
        scaled = value * 10**4
        mark = "" if scaled.denominator == 1 else "≈ "
        return mark + format_minor(int(scaled), digits=4).replace("-", "−")

    def fraction(self, value: Fraction) -> str:
        """An exact fraction: ``4,027 ⁄ 8,520``."""
        if value.denominator == 1:
            return self.number(value.numerator)
        return f"{self.number(value.numerator)} ⁄ {self.number(value.denominator)}"

    def quantity(self, value: Fraction, unit: str) -> str:
        """A measured or paid figure with its unit; ``money`` is the co-op's currency."""
        if unit == "money" and value.denominator == 1:
            return self.money(value.numerator)
        shown = self.fraction(value)
        return shown if unit in ("", "count", "money") else f"{shown} {unit}"

    def month(self, month: str) -> str:
        """A period's name."""
        year, number = int(month[:4]), int(month[5:])
        return self(f"{year}年{number}月", f"{_MONTHS.split()[number - 1]} {year}")

    def instant(self, instant: str) -> str:
        """An instant as the co-op's clocks show it."""
        local = parse_instant(instant).astimezone(ZoneInfo(self.time_zone))
        clock, zone = f"{local.hour:02}:{local.minute:02}", local.tzname()
        day = self(
            f"{local.year}年{local.month}月{local.day}日",
            f"{local.day} {_MONTHS.split()[local.month - 1]} {local.year},",
        )
        return f"{day} {clock} {zone}"

    def joined(self, parts: list[str]) -> str:
        """Several names in a row."""
        return self("、", ", ").join(parts)


def per_mille(part: Fraction | int, whole: Fraction | int) -> int:
    """How long a bar of 1,000 is for a part of a whole; within 0 and 1,000."""
    if whole == 0:
        return 0
    return max(0, min(1000, int(1000 * Fraction(part) / Fraction(whole))))
