"""Reading one document of figures: every fault noted at its place, and reading goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeVar

from ledger.canonical import INTEGER_MAX
from ledger.errors import Fault, OutOfRange
from ledger.rules.number import parse_number
from ledger.rules.yamltext import child

T = TypeVar("T")

Quantity = int | Fraction


class Reader:
    """Reads one document, noting faults and going on with an empty value.

    ``members`` holds the ids that may have figures; it is set once they are read.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.faults: list[Fault] = []
        self.members: frozenset[str] = frozenset()

    def refuse(self, pointer: str, code: str, message: str) -> None:
        """Note a fault at a JSON pointer."""
        self.faults.append(Fault(pointer, code, message))

    def tables(self, name: str, read: Callable[[Any, str], T]) -> dict[str, T]:
        """The field ``name`` of the document, an object whose values ``read`` takes."""
        return self.table(self.document.get(name, {}), f"/{name}", read)

    def table(self, value: Any, pointer: str, read: Callable[[Any, str], T]) -> dict[str, T]:
        """An object whose members ``read`` takes one by one."""
        if not isinstance(value, dict):
            self.refuse(pointer, "shape", "an object is expected here")
            return {}
        return {str(name): read(item, child(pointer, name)) for name, item in value.items()}

    def per_member(
        self,
        value: Any,
        pointer: str,
        read: Callable[[Any, str], T],
        beside: frozenset[str] = frozenset(),
    ) -> dict[str, T]:
        """An object keyed by ids, each of which must be a member or one of ``beside``."""
        found = self.table(value, pointer, read)
        for member in sorted(found.keys() - self.members - beside):
            message = f"{member!r} is not one of the members"
            self.refuse(child(pointer, member), "unknown-member", message)
        return found

    def quantities(self, value: Any, pointer: str) -> dict[str, Quantity]:
        """Exact numbers by member."""
        return self.per_member(value, pointer, self.quantity)

    def counts(self, value: Any, pointer: str) -> dict[str, int]:
        """Whole numbers of at least 0 by member."""
        return self.per_member(value, pointer, self.count)

    def quantity(self, value: Any, pointer: str) -> Quantity:
        """An exact number: an int, or the text of a decimal or fraction."""
        if type(value) is int and -INTEGER_MAX <= value <= INTEGER_MAX:
            return value
        try:
            number = parse_number(value)
        except OutOfRange as error:
            self.refuse(pointer, "number", error.message)
            return 0
        if type(value) is int:
            self.refuse(pointer, "number", f"{value} is beyond ±(2**53 − 1); write it in quotes")
        return number.numerator if number.denominator == 1 else number

    def integer(self, value: Any, pointer: str) -> int:
        """A whole number, of either sign."""
        number = self.quantity(value, pointer)
        if isinstance(number, int):
            return number
        self.refuse(pointer, "integer", f"{value!r} is not a whole number of minor units")
        return 0

    def count(self, value: Any, pointer: str) -> int:
        """A whole number of at least 0."""
        number = self.integer(value, pointer)
        if number >= 0:
            return number
        self.refuse(pointer, "negative", f"{number} is negative")
        return 0
