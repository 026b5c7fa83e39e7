"""A careful reader of YAML: plain data with the place of every value.

YAML readers disagree about floats, ``yes``, octal numbers, dates and aliases. A rule set is hashed
and signed, so whatever two readers could take differently is refused: floats (write ``"2.5"``),
anchors, aliases, tags and merge keys, repeated names, and numbers or booleans in an odd spelling.
Dates stay text. Every fault is collected; only broken syntax ends the reading.

>>> read_yaml("a: [1, 2026-10-01]").document
{'a': [1, '2026-10-01']}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from ledger.canonical import DEPTH_MAX, INTEGER_MAX
from ledger.errors import Fault, MalformedRules

TEXT_BYTES_MAX = 262_144

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_TAG = "tag:yaml.org,2002:"
_CONSTANTS: Mapping[str, Any] = {
    "true": True, "True": True, "false": False, "False": False,
    "null": None, "Null": None, "~": None, "": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the text, both counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Reading:
    """What was read: the document, where each JSON pointer stands, and what is wrong."""

    document: Any = None
    places: dict[str, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def where(self, pointer: str) -> str:
        """The place of the value at ``pointer``, or of the nearest one around it."""
        nearest = pointer
        while nearest not in self.places and nearest:
            nearest = nearest.rpartition("/")[0]
        place = self.places.get(nearest, Place(1, 1))
        return f"line {place.line}, column {place.column} ({pointer or '/'})"

    def refuse(self, pointer: str, code: str, message: str, remedy: str = "") -> None:
        """Note a fault."""
        self.faults.append(Fault(self.where(pointer), code, message, remedy))


def read_yaml(text: str | bytes) -> Reading:
    """Read one YAML document; raises MalformedRules when it cannot be read to its end."""
    decoded = _decode(text)
    try:
        return _Reader(yaml.SafeLoader(decoded)).read()
    except yaml.YAMLError as error:
        raise _syntax_error(error) from error


def _decode(text: str | bytes) -> str:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > TEXT_BYTES_MAX:
        raise _broken(f"the text is longer than {TEXT_BYTES_MAX} bytes")
    try:
        return data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _broken("the text is not UTF-8", f"line {line}") from error


def _syntax_error(error: yaml.YAMLError) -> MalformedRules:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "line 1"
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return _broken(f"not readable as YAML: {problem}", where)


def _broken(message: str, where: str = "line 1") -> MalformedRules:
    return MalformedRules(message, faults=(Fault(where, MalformedRules.code, message),))


def child(pointer: str, name: str | int) -> str:
    """The JSON pointer (RFC 6901) of a member of the value at ``pointer``."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


class _Reader:
    """Builds plain data from the parser's events, top down."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self.reading = Reading()

    def read(self) -> Reading:
        self.loader.get_event()
        if self.loader.check_event(yaml.StreamEndEvent):
            raise _broken("the text holds no document")
        self.loader.get_event()
        self.reading.document = self._value("", DEPTH_MAX)
        self.loader.get_event()
        if not self.loader.check_event(yaml.StreamEndEvent):
            raise _broken("the text holds more than one document")
        return self.reading

    def _value(self, pointer: str, depth: int) -> Any:
        event = self.loader.get_event()
        self.reading.places[pointer] = _place(event)
        if depth == 0:
            raise _broken(f"nested deeper than {DEPTH_MAX} levels", self.reading.where(pointer))
        self._refuse_indirection(event, pointer)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(pointer, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(pointer, depth)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, pointer)
        return None

    def _refuse_indirection(self, event: Any, pointer: str) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            message = "anchors and aliases are not allowed"
            self.reading.refuse(pointer, "alias", message, "Write the value out where it is used.")
        elif event.tag is not None:
            self.reading.refuse(pointer, "tag", f"the tag {event.tag!r} is not allowed")

    def _sequence(self, pointer: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while not self.loader.check_event(yaml.SequenceEndEvent):
            found.append(self._value(child(pointer, len(found)), depth - 1))
        self.loader.get_event()
        return found

    def _mapping(self, pointer: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self.loader.check_event(yaml.MappingEndEvent):
            name = self._name(pointer)
            below = child(pointer, name)
            if name in found:
                place = self.reading.places[below]
                self.reading.places[below] = _place(self.loader.peek_event())
                self.reading.refuse(below, "duplicate", f"the name {name!r} stands twice")
                self._value(below, depth - 1)
                self.reading.places[below] = place
                continue
            found[name] = self._value(below, depth - 1)
        self.loader.get_event()
        return found

    def _name(self, pointer: str) -> str:
        event = self.loader.get_event()
        if not isinstance(event, yaml.ScalarEvent):
            place = _place(event)
            where = f"line {place.line}, column {place.column} ({pointer or '/'})"
            raise _broken("a name in a mapping must be plain text", where)
        below = child(pointer, event.value)
        self.reading.places.setdefault(below, _place(event))
        if event.value == "<<" and event.implicit[0]:
            self.reading.refuse(below, "alias", "merge keys are not allowed")
        self._refuse_indirection(event, below)
        return event.value

    def _scalar(self, event: yaml.ScalarEvent, pointer: str) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            return text
        tag = self.loader.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)
        if tag in ("str", "timestamp"):
            return text
        if tag in ("null", "bool") and text in _CONSTANTS:
            return _CONSTANTS[text]
        if tag == "int" and _INTEGER.fullmatch(text) and abs(int(text)) <= INTEGER_MAX:
            return int(text)
        self._refuse_scalar(tag, text, pointer)
        return text

    def _refuse_scalar(self, tag: str, text: str, pointer: str) -> None:
        remedy = f'If text is meant, write "{text}" in quotes.'
        if tag == "float":
            message = f"{text} would be read as a binary float, which is never exact"
            self.reading.refuse(pointer, "float", message, remedy)
        elif tag == "int":
            message = f"{text} is not a plain decimal integer within ±(2**53 − 1)"
            self.reading.refuse(pointer, "integer", message, remedy)
        else:
            message = f"YAML readers disagree about {text!r}"
            self.reading.refuse(pointer, "ambiguous", message, remedy)


def refuse_all(reading: Reading, what: str) -> NoReturn:
    """Raise MalformedRules with every fault of ``reading``, the first one in the message."""
    first, others = reading.faults[0], len(reading.faults) - 1
    more = f" (and {others} more)" if others else ""
    text = f"{what}: {first.where}: {first.message}{more}"
    raise MalformedRules(text, faults=tuple(reading.faults))
