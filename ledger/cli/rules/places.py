"""Faults as an editor and a person want them: file, line, column, JSON pointer, and the remedy.

The readers of rules and inputs say where a fault is in words (``line 4, column 3 (/steps/0)``) or
by its JSON pointer alone. Here it becomes ``rules.yaml:4:3 /steps/0``, and a remedy is added in
both languages, from the fault's code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ledger.cli.rules.remedies import remedy_of
from ledger.errors import Fault
from ledger.rules.japanese import japanese

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_IN_TEXT = re.compile(r"line (\d+)(?:, column (\d+))?(?: \((.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault with its place taken apart; ``line`` and ``column`` count from 1."""

    file: str
    line: int | None
    column: int | None
    pointer: str
    code: str
    message: str
    message_ja: str | None
    remedy_en: str
    remedy_ja: str

    @property
    def where(self) -> str:
        """``rules.yaml:4:3 /steps/0``, without what is not known."""
        parts = [self.file, *(str(n) for n in (self.line, self.column) if n is not None)]
        return " ".join(part for part in (":".join(parts), self.pointer) if part)

    def as_fault(self) -> Fault:
        """The fault as errors carry it."""
        return Fault(self.where, self.code, self.message, self.remedy_en)

    def as_dict(self) -> dict[str, Any]:
        """The fault as ``rules check --json`` prints it."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "pointer": self.pointer,
            "code": self.code,
            "message": self.message,
            "message_ja": self.message_ja,
            "remedy": {"en": self.remedy_en, "ja": self.remedy_ja},
        }

    def lines(self, word: str = "") -> Iterator[str]:
        """The fault as people read it; ``word`` says what it is where it is no fault."""
        yield f"{self.where}: {word}{self.message} [{self.code}]"
        if self.message_ja is not None:
            yield f"  {self.message_ja}"
        yield f"  → {self.remedy_en}"
        yield f"  → {self.remedy_ja}"


def place_fault(fault: Fault, file: str, known_ja: Mapping[str, str] = NOTHING) -> Placed:
    """A fault of the reader of rules or inputs, in a file.

    ``known_ja`` are sentences whose Japanese is not in the catalogue, such as legal checks,
    which are written in both languages.
    """
    found = _IN_TEXT.fullmatch(fault.where)
    line = column = None
    pointer = fault.where
    if found is not None:
        line = int(found[1])
        column = None if found[2] is None else int(found[2])
        pointer = found[3] or ""
    en, ja = remedy_of(fault)
    root = "" if pointer == "/" else pointer
    said = known_ja.get(fault.message) or japanese(fault.message)
    return Placed(file, line, column, root, fault.code, fault.message, said, en, ja)


def place_faults(
    faults: Iterable[Fault], file: str, known_ja: Mapping[str, str] = NOTHING
) -> list[Placed]:
    """All faults of a file, in the order of its lines."""
    found = [place_fault(fault, file, known_ja) for fault in faults]
    return sorted(found, key=in_order)


def in_order(one: Placed) -> tuple[int, int]:
    """Where a fault stands among the others of its file."""
    return one.line or 0, one.column or 0
