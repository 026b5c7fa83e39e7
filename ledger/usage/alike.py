"""Lines whose records all have the same fields: read by a decoder that is made for these fields.

One program writes all records of a sender, so the lines of a batch differ in values and not in
names. A decoder that knows the names makes no dict and no name, and no record either, only the
columns; it takes less than half of the time that ``parse_lines`` does. What the names are is
learnt from the first line of a batch. Where a line differs, where anything is in doubt, or where a
record takes back another, the answer is None, and the caller asks ``parse_lines``.

Invariant: ``AlikeReader().columns(lines)`` is None, or the columns that ``parse_lines(lines)``
gives, without its records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter, lt
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from ledger.money import AMOUNT_MAX
from ledger.usage.many import MATCH_CURRENCY, MATCH_NAME, REQUIRED_STRINGS, Columns, Table
from ledger.usage.record import (
    LINE_BYTES_MAX,
    LONG_FRACTION,
    Amount,
    Currency,
    Identifier,
    Moment,
    Name,
    Record,
    Text,
    decode_record,
)

LINES_MIN: Final = 32
"""For fewer lines it is not worth to make a decoder."""
SHAPES_MAX: Final = 64
"""How many decoders are kept; what has still other fields goes the longer way."""

_Counted = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]  # only a reversal's figures are negative
_TYPES: Final[Mapping[type, Any]] = {str: Text, bool: bool, int: Amount}
_first, _last = itemgetter(0), itemgetter(-1)
_OPENS, _CLOSES = b"{}"
_Attributes = tuple[tuple[str, type], ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Which fields the records have; those that every record has go without saying."""

    measures: tuple[str, ...]
    charges: tuple[str, ...]
    has_payer: bool
    attributes: _Attributes

    @property
    def strings(self) -> int:
        """How many strings stand in a line, names included; each has two quotation marks."""
        count = REQUIRED_STRINGS + len(self.measures) + 2 * self.has_payer
        if self.charges:
            count += 3 + len(self.charges)  # charges, currency and its value
        if self.attributes:
            texts = sum(kind is str for _, kind in self.attributes)
            count += 1 + len(self.attributes) + texts
        return count


Decode = Callable[[bytes], list[Any]]


class AlikeReader:
    """Reads batches, and remembers the decoders that it has made."""

    def __init__(self) -> None:
        """A reader that knows no fields yet."""
        self._decoders: dict[_Shape, Decode] = {}

    def columns(self, lines: Sequence[bytes]) -> Columns | None:
        """The columns of good lines; None if any line needs a closer look."""
        if len(lines) < LINES_MIN or max(map(len, lines)) > LINE_BYTES_MAX:
            return None
        try:
            shape = _shape_of(decode_record(lines[0]))
            decode = None if shape is None else self._decoder(shape)
            text = b"\n".join(lines)
            if shape is None or decode is None or not _is_one_each(lines):
                return None
            if not _is_plain(text, shape.strings * len(lines)):
                return None
            rows = decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return _columns(rows, shape) if len(rows) == len(lines) else None

    def _decoder(self, shape: _Shape) -> Decode | None:
        found = self._decoders.get(shape)
        # None is ever forgotten, since a type that was made is not taken back without a search.
        if found is None and len(self._decoders) < SHAPES_MAX:
            found = self._decoders[shape] = _make_decoder(shape)
        return found


def _shape_of(record: Record) -> _Shape | None:
    """The fields of a record; None if it takes back another, or if a name is a strange one."""
    attributes = record.attributes or {}
    names = (*record.measures, *(record.charges or ()), *attributes)
    if record.reverses is not None or not all(map(_is_plain_name, names)):
        return None
    if (record.charges is None) != (record.currency is None) or record.attributes == {}:
        return None
    return _Shape(
        tuple(record.measures),
        tuple(record.charges or ()),
        record.payer is not None,
        tuple((name, type(value)) for name, value in attributes.items()),
    )


def _is_plain_name(name: str) -> bool:
    return MATCH_NAME(name) is not None and name.isascii() and '"' not in name


def _is_one_each(lines: Sequence[bytes]) -> bool:
    """Whether lines that are read together, as many values as lines, hold one value each.

    No string holds a bare LF, and within a value no ``{`` follows a ``}``. So where every line
    begins and ends with these, it is made of whole values, of at least one.
    """
    return (
        all(lines) and set(map(_first, lines)) == {_OPENS} and set(map(_last, lines)) == {_CLOSES}
    )


def _is_plain(text: bytes, strings: int) -> bool:
    r"""Whether there is nothing that decoders resolve each in their own way; see ``check_text``.

    No line has fewer marks than two for each string of its record, so the sum tells for all.
    """
    return (
        b"\\" not in text
        and text.count(b'"') == 2 * strings
        and (b"." not in text or LONG_FRACTION.search(text) is None)
    )


def _make_decoder(shape: _Shape) -> Decode:
    fields: list[tuple[str, Any]] = [
        ("id", Identifier),
        ("facility", Name),
        ("started_at", Moment),
        ("ended_at", Moment),
        ("measures", _struct([(name, _Counted) for name in shape.measures])),
    ]
    if shape.charges:
        charges = _struct([(name, _Counted) for name in shape.charges])
        fields += [("charges", charges), ("currency", Currency)]
    if shape.has_payer:
        fields.append(("payer", Identifier))
    if shape.attributes:
        fields.append(("attributes", _struct([(n, _TYPES[kind]) for n, kind in shape.attributes])))
    return msgspec.json.Decoder(_struct(fields)).decode_lines


def _struct(fields: Sequence[tuple[str, Any]]) -> type[msgspec.Struct]:
    """A type with exactly these fields, which are called f0, f1, … in Python."""
    return msgspec.defstruct(
        "Fields",
        [(f"f{number}", kind) for number, (_, kind) in enumerate(fields)],
        rename={f"f{number}": name for number, (name, _) in enumerate(fields)},
        forbid_unknown_fields=True,
        frozen=True,
        gc=False,
    )


def _columns(rows: Sequence[Any], shape: _Shape) -> Columns | None:
    ids, facilities, starts, ends, measures, *rest = zip(
        *map(msgspec.structs.astuple, rows), strict=True
    )
    count = len(rows)
    charges = rest.pop(0) if shape.charges else ()
    currencies = rest.pop(0) if shape.charges else (None,) * count
    payers = rest.pop(0) if shape.has_payer else ()
    joined = "".join((*ids, *payers))
    if (
        not (joined.isascii() and joined.isprintable() and " " not in joined)
        or not all(map(MATCH_NAME, set(facilities)))
        or (shape.charges and not all(map(MATCH_CURRENCY, set(currencies))))
        or any(map(lt, ends, starts))
    ):
        return None
    return Columns(
        records=(),
        ids=ids,
        facilities=facilities,
        starts=starts,
        ends=ends,
        measures=_tables(measures, shape.measures),
        charges=_tables(charges, shape.charges),
        currencies=currencies,
        payers=payers or (None,) * count,
        reversals=(),
    )


def _tables(values: Sequence[Any], names: Sequence[str]) -> Sequence[Table]:
    if not names:
        return ()
    columns = {
        name: list(map(attrgetter(f"f{number}"), values)) for number, name in enumerate(names)
    }
    return (Table(range(len(values)), columns),)
