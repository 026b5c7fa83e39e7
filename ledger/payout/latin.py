"""Names in the letters that every bank takes in ISO 20022 messages.

The European Payments Council's guidance names them: ``a-z A-Z 0-9 / - ? : ( ) . , ' +`` and the
space. Letters with accents lose them, a few others are spelt out, ``&`` becomes ``+``; each is
reported. What has no Latin spelling is a fault that names it, never a question mark.

>>> to_latin("Fietsen Café & Zonen").text
'Fietsen Cafe + Zonen'
"""

from __future__ import annotations

import unicodedata
from typing import Final

from ledger.errors import Fault, OutOfRange
from ledger.payout.kana import Loss, Written

LATIN: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ "
)
_SPELT: Final = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH",
    "ı": "i", "&": "+", "’": "'", "‘": "'", "–": "-", "—": "-", "\u00a0": " ",
}  # fmt: skip


def is_latin(text: str) -> bool:
    """Whether every bank takes the text as it is; a slash at an end or two together it may not."""
    has_bad_slash = text.startswith("/") or text.endswith("/") or "//" in text
    return LATIN.issuperset(text) and not has_bad_slash


def to_latin(text: str) -> Written:
    """The text in those letters, with what it lost.

    Raises OutOfRange with one fault for every letter that has no Latin spelling, by its position.
    """
    written: list[str] = []
    losses: list[Loss] = []
    faults: list[Fault] = []
    for position, letter in enumerate(unicodedata.normalize("NFC", text), 1):
        plain = _plain(letter)
        if plain is None:
            problem = f"{letter!r} is not among the Latin letters that every bank takes"
            faults.append(Fault(f"letter {position}", OutOfRange.code, problem))
            continue
        if plain != letter:
            losses.append(Loss(letter, plain, "latin"))
        written.append(plain)
    name = " ".join("".join(written).split())
    if not faults and not is_latin(name):
        faults.append(Fault("name", OutOfRange.code, "a slash stands at an end, or two together"))
    if faults:
        named = ", ".join(fault.message.split(" ", 1)[0] for fault in faults)
        raise OutOfRange(f"a name that not every bank takes: {named}", faults=tuple(faults))
    return Written(name, tuple(losses))


def _plain(letter: str) -> str | None:
    if letter in LATIN:
        return letter
    if letter in _SPELT:
        return _SPELT[letter]
    base = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    return base if base and LATIN.issuperset(base) else None
