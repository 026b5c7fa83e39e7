"""The digits by which a bank names a payment, and the way back to its id.

A payment's id has up to 35 characters; a Zengin file has 20 digits for it (two customer codes of
10, or an EDI text of 20). The digits are the first 16 bytes of a SHA-256 over the id, as a number
modulo 10^20: they depend on nothing but the id, so that a file made again has the same ones. Two
ids of one order with the same digits are refused (``check_references``); among a million payments
the chance of that is one in 200 million.

A bank's result may name a payment by its id, by the 20 digits, or by the first customer code alone.
``References.resolve`` takes each of these, and gives no answer where two payments fit.

>>> reference_of("202610-39734665f73b3a62e9a8c207fa56")
'88930205670166387686'
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from ledger.errors import DuplicateId

REFERENCE_DIGITS: Final = 20
CODE_DIGITS: Final = 10


def reference_of(line_id: str) -> str:
    """The 20 digits of a payment's id."""
    number = int.from_bytes(sha256(b"kyojo/reference/v1\n" + line_id.encode()).digest()[:16])
    return f"{number % 10**REFERENCE_DIGITS:0{REFERENCE_DIGITS}d}"


def check_references(line_ids: Iterable[str]) -> None:
    """Raises DuplicateId if two ids of one order would be written with the same digits."""
    seen: dict[str, str] = {}
    for line_id in line_ids:
        other = seen.setdefault(reference_of(line_id), line_id)
        if other != line_id:
            text = f"{line_id} and {other} have the same 20 digits; order them in two files"
            raise DuplicateId(text, ids=[other, line_id])


class References:
    """Finds the payment that a bank means, among those that were ordered."""

    def __init__(self, line_ids: Iterable[str]) -> None:
        self._ids = frozenset(line_ids)
        self._loose: dict[str, set[str]] = {}
        for line_id in self._ids:
            digits = reference_of(line_id)
            for name in (line_id.lower(), digits, digits[:CODE_DIGITS]):
                self._loose.setdefault(name, set()).add(line_id)

    def resolve(self, reference: str) -> str | None:
        """The id that a bank's text names; None if none of the payments fits, or several do.

        An id is taken as it is, then in capitals too, as some banks write it. Digits may lack the
        zeros before them, which spreadsheets drop.
        """
        name = reference.strip()
        if name in self._ids:
            return name
        if name.isascii() and name.isdigit():
            name = name.zfill(CODE_DIGITS if len(name) <= CODE_DIGITS else REFERENCE_DIGITS)
        fitting = self._loose.get(name.lower(), set())
        return next(iter(fitting)) if len(fitting) == 1 else None
