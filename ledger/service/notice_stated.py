"""What documents stated of a member's supplies: no return gives back more, or other tax, than that.

Read from the documents themselves where their order carries them: what they say was sent, whatever
the terms have become since. One that computed again differs states nothing that could be given
back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ledger import canonical
from ledger.coop.envelope import parse_envelope
from ledger.errors import KyojoError
from ledger.payout.invoice import Draft, Item, Kind, parse_invoice
from ledger.payout.returns import Original, Return
from ledger.store.reading import LogReader
from ledger.usage.totals import SALT_BYTES

FIELD: Final = "notices"

REST: Final = "rest"
"""The id of the one item of a payment that covers no month: no supply, so nothing is stated."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what a correction lowered, as documents stated it.

    ``original`` is None where it stands on the document that gives it back.
    """

    rate: str | None
    amount_minor: int
    original: Original | None


@dataclass(slots=True)
class Stated:
    """A member's supplies as they stand on documents, less what was given back of them.

    By the last day of their month and their rate. The rate is None where no tax was stated: outside
    the tax, and on a payment notice.
    """

    _amounts: dict[tuple[str, str | None], int] = field(default_factory=dict)
    _originals: dict[tuple[str, str | None], Original] = field(default_factory=dict)

    def add(
        self,
        kind: Kind,
        items: Sequence[Item],
        returns: Sequence[Return] = (),
        original: Original | None = None,
    ) -> None:
        """Count a document in; ``original`` is its number and day, None while it is being made."""
        for item in items:
            if item.id == REST:
                continue
            key = item.day, None if kind == "payment-notice" else item.rate
            self._amounts[key] = self._amounts.get(key, 0) + item.amount_minor
            if original is not None:
                # Documents come in their order, so the first bore the month's own amounts.
                self._originals.setdefault(key, original)
        for one in returns:
            self._amounts[one.day, one.rate] = (
                self._amounts.get((one.day, one.rate), 0) - one.amount_minor
            )

    def take(self, day: str, rate: str | None, amount_minor: int) -> Iterator[Part]:
        """What may be given back of a supply, with tax as far as tax was stated.

        Together at most the amount; what is missing stood on no document.
        """
        for key in dict.fromkeys(((day, rate), (day, None))):
            part = min(amount_minor, self._amounts.get(key, 0))
            if part > 0:
                self._amounts[key] -= part
                amount_minor -= part
                yield Part(key[1], part, self._originals.get(key))


def sealed_documents(log: LogReader, index: int) -> Mapping[str, Mapping[str, Any]] | None:
    """The documents that an order's entry carries, by line, however the rest of their blob is.

    None if it carries none; a line whose document could not be made is left out.
    """
    named = parse_envelope(log.entry(index)).draft.body.get(FIELD)
    if named is None:
        return None
    found: Mapping[str, Mapping[str, Any]] = canonical.parse(
        log.blob(named["sha256"])[SALT_BYTES:], what="the notices"
    )["documents"]
    return found


def read_document(document: Mapping[str, Any] | None) -> Draft | None:
    """A document as it was drafted; None if there is none, or computed again it differs."""
    if document is None:
        return None
    try:
        return parse_invoice(dict(document))
    except KyojoError:
        return None
