"""The common vocabulary: which metrics and charges exist, in which unit, under which names.

Two towns whose files say the same thing in different words map to one entry here. The vocabulary
stands in the charter, so a record that uses a word nobody declared is refused.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from ledger.errors import UnknownField

UNITS = ("m", "s", "Wh", "count", "g", "mL")


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the vocabulary; ``unit`` is a base unit, or empty for a charge (money)."""

    id: str
    unit: str
    ja: str
    en: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The metrics and the kinds of charge that records may use, by id."""

    version: int
    metrics: dict[str, Term]
    charges: dict[str, Term]

    def resolve(self, word: str) -> Term:
        """The term that ``word`` names: an id, a Japanese or English name, or an alias.

        Width and case are folded (NFKC). Raises UnknownField.
        """
        wanted = fold(word)
        for term in (*self.metrics.values(), *self.charges.values()):
            if wanted in {fold(name) for name in (term.id, term.ja, term.en, *term.aliases)}:
                return term
        raise UnknownField(f"the vocabulary (version {self.version}) has no word {word!r}")


def fold(word: str) -> str:
    """A word without differences of width, case and outer space."""
    return unicodedata.normalize("NFKC", word).strip().casefold()
