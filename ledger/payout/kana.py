"""Names as Japanese banks write them: half-width kana, capitals, digits and a few signs.

FORMATS.md section 3 (Zengin): NFKC, then full-width, small kana to large, the long-vowel mark to
``-``, then half-width, where the voicing marks ``ﾞ`` and ``ﾟ`` are letters and bytes of their own.
There is no ``ｦ``, no small kana and no ``ｰ``. Kanji are never guessed at: a member holds a kana
name, as its bank book shows it.

Two sets of signs: ``NAME_SIGNS`` is what a name is written with here, which every bank takes;
``FILE_SIGNS`` is what the format allows besides, and a file of another program may hold.

Invariant: ``is_zengin(to_zengin(text).text)``, and one letter is one byte of CP932.

>>> to_zengin("（株）リョクユウ・ﾊﾞｽ")
Traceback (most recent call last):
ledger.errors.OutOfRange: a name that no bank file can hold: '株', '・'
>>> to_zengin("カ）リョクユウバス").text
'ｶ)ﾘﾖｸﾕｳﾊﾞｽ'
>>> cut("ﾘﾖｸﾕｳﾊﾞｽ", 6)
'ﾘﾖｸﾕｳ'
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ledger.errors import Fault, OutOfRange

Rule = Literal["capital", "katakana", "large-kana", "long-mark", "dash", "latin", "cut"]

NAME_SIGNS: Final = " ().-"
FILE_SIGNS: Final = NAME_SIGNS + ",/\\｢｣"

_MARKS = "ﾞﾟ"
_HALF = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF71, 0xFF9E)}
_HALF |= {"\u3099": "ﾞ", "\u309a": "ﾟ"}
_LARGE = dict(zip("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ", strict=True))
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
_SPACED_MARKS = str.maketrans({"\u309b": "\u3099", "\u309c": "\u309a"})
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_LETTERS = _PLAIN | frozenset(_HALF.values())
_VOICED = frozenset("ｳｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎﾜ")
_HALF_VOICED = frozenset("ﾊﾋﾌﾍﾎ")
TEXT_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that a written name no longer shows: the letters, what stands for them, and why."""

    letters: str
    written: str
    rule: Rule

    def as_dict(self) -> dict[str, str]:
        """The loss as a JSON object."""
        return {"from": self.letters, "to": self.written, "rule": self.rule}


@dataclass(frozen=True, slots=True)
class Written:
    """A converted name, and what the conversion lost."""

    text: str
    losses: tuple[Loss, ...]


def to_zengin(text: str) -> Written:
    """The name in the letters of a bank file; what changes its look beyond width is reported.

    Raises OutOfRange with one fault for every letter that has no place there: kanji, ``ヲ``, signs.
    Its place is the letter's position, counted from 1, in the text as given.
    """
    if len(text) > TEXT_MAX:
        raise OutOfRange(f"a name of {len(text)} letters; at most {TEXT_MAX} are read")
    written: list[str] = []
    losses: list[Loss] = []
    faults: list[Fault] = []
    for position, cluster in _clusters(text):
        try:
            found = "".join(_half(letter, losses) for letter in cluster)
        except OutOfRange as error:
            faults.append(error.as_fault(f"letter {position}"))
            continue
        written.append(found)
    name = " ".join("".join(written).split())
    faults += _stray_marks(name)
    if faults:
        named = ", ".join(dict.fromkeys(fault.message.split(" ", 1)[0] for fault in faults))
        raise OutOfRange(f"a name that no bank file can hold: {named}", faults=tuple(faults))
    return Written(name, tuple(losses))


def is_zengin(text: str) -> bool:
    """Whether every letter may stand in a bank file, one byte each."""
    return all(letter in _LETTERS or letter in FILE_SIGNS for letter in text)


def encode(text: str) -> bytes:
    """A text that ``is_zengin`` as CP932, one byte a letter."""
    return text.encode("cp932")


def cut(text: str, size: int) -> str:
    """The first ``size`` letters, or one less where a kana would lose its mark."""
    if len(text) <= size:
        return text
    return text[: size - 1] if text[size] in _MARKS else text[:size]


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Letters with the marks after them, each normalised, and where they began in the text.

    NFKC of the whole would do the same but lose the positions.
    """
    text = text.translate(_SPACED_MARKS)
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and text[end] in "\u3099\u309aﾞﾟ":
            end += 1
        yield start + 1, unicodedata.normalize("NFKC", text[start:end])
        start = end


def _half(letter: str, losses: list[Loss]) -> str:
    """One normalised letter in half width; what is lost is added to ``losses``."""
    if letter in _PLAIN or letter in NAME_SIGNS:
        return letter
    if letter in _DASHES or letter == "ー":
        losses.append(Loss(letter, "-", "long-mark" if letter == "ー" else "dash"))
        return "-"
    if letter.isascii() and letter.upper() in _PLAIN:
        losses.append(Loss(letter, letter.upper(), "capital"))
        return letter.upper()
    katakana = chr(ord(letter) + 0x60) if "ぁ" <= letter <= "ゖ" else letter
    if katakana != letter:
        losses.append(Loss(letter, katakana, "katakana"))
    large = _LARGE.get(katakana, katakana)
    if large != katakana:
        losses.append(Loss(katakana, large, "large-kana"))
    return "".join(_half_kana(part, letter) for part in unicodedata.normalize("NFD", large))


def _half_kana(part: str, letter: str) -> str:
    if part in _HALF:
        return _HALF[part]
    raise OutOfRange(f"{letter!r} is not among the letters of a bank file; write it in kana")


def _stray_marks(name: str) -> Iterator[Fault]:
    """Voicing marks after something that has no voiced form; a bank could not match the name."""
    for before, mark in zip(" " + name, name, strict=False):
        wanted = {"ﾞ": _VOICED, "ﾟ": _HALF_VOICED}.get(mark)
        if wanted is not None and before not in wanted:
            text = f"{mark!r} stands after {before!r}, which has no such form"
            yield Fault("name", OutOfRange.code, text)
