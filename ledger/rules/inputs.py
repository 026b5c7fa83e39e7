"""The figures of one period, as the rule engine takes them (RULES.md sections 2 and 7).

A JSON document ``{"kyojo_inputs": 1, …}``. Quantities are ints or exact texts; money is whole minor
units; floats are refused. ``inputs_hash`` is SHA-256 of the document's RFC 8785 form, so the
document itself is kept.

Accounts. Every id that holds a figure must stand in ``members``. Usage that names nobody is given
to the member-like id ``suspense``, listed there like the others: it has its figures and receives
what they earn by data-driven keys, so that nothing is lost or guessed; keys that count heads
(``equal``) pass it by. Ids that begin with ``fund.``, ``pool.`` or ``project.`` are refused,
because lines can go to accounts of those names.

Beside. Members that the optional list ``beside`` names are there for what they are still owed: they
are no heads of this period, and ``equal`` passes them by as it does ``suspense``.

Carry. ``carry`` holds, per step, costs left unpaid by earlier periods; the optional ``owed`` says
to whom (step → member → int, adding up to ``carry``). Without it, they are owed in proportion to
this period's costs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Literal, TypeVar, get_args

from ledger import canonical
from ledger.canonical import INTEGER_MAX
from ledger.errors import Fault, KyojoError, MalformedRules, OutOfRange
from ledger.rules import later
from ledger.rules.number import parse_number
from ledger.rules.yamltext import child

T = TypeVar("T")

Origin = Literal["member", "other", "public"]
Quantity = int | Fraction
PerMember = Mapping[str, int]

SUSPENSE = "suspense"
MEMBERS_MAX = 200_000

_MEMBER = re.compile(r"[^+\s]{1,64}")
_RESERVED = ("fund.", "pool.", "project.", "suspense:")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Revenue:
    """Money that came in under one id, in minor units, and from whom."""

    amount_minor: int
    origin: Origin = "member"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The figures of a period; ``document`` is what was read and is hashed."""

    start: str
    end: str
    members: tuple[str, ...]
    totals: Mapping[str, Mapping[str, Quantity]]
    revenue: Mapping[str, Revenue]
    costs: Mapping[str, PerMember]
    funding: Mapping[str, PerMember]
    balances: PerMember
    carry: PerMember
    owed: Mapping[str, PerMember]
    opening: PerMember
    beside: frozenset[str]
    document: Mapping[str, Any]


def parse_inputs(source: bytes | str | Mapping[str, Any]) -> Inputs:
    """Read and check the inputs; raises MalformedRules with every fault, placed by JSON pointer."""
    document = _load(source)
    reader = _Reader(document)
    inputs = reader.read()
    if reader.faults:
        first, others = reader.faults[0], len(reader.faults) - 1
        more = f" (and {others} more)" if others else ""
        message = f"inputs: {first.where}: {first.message}{more}"
        raise MalformedRules(message, faults=tuple(reader.faults))
    return inputs


def inputs_bytes(inputs: Inputs) -> bytes:
    """The RFC 8785 form of the document that was read."""
    return canonical.encode(inputs.document)


def inputs_hash(inputs: Inputs) -> bytes:
    """SHA-256 of ``inputs_bytes``, 32 bytes."""
    return canonical.digest(inputs.document)


def _load(source: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    try:
        data = source.encode() if isinstance(source, str) else source
        document = canonical.parse(data, what="inputs")
    except (KyojoError, UnicodeEncodeError) as error:
        message = f"inputs are not strict JSON: {error}"
        raise MalformedRules(message, faults=(Fault("/", MalformedRules.code, message),)) from error
    if not isinstance(document, dict):
        message = "inputs are not a JSON object"
        raise MalformedRules(message, faults=(Fault("/", MalformedRules.code, message),))
    return document


class _Reader:
    """Reads one document, noting faults and going on with an empty value."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.faults: list[Fault] = []
        self.members: frozenset[str] = frozenset()

    def read(self) -> Inputs:
        document = self.document
        self._fields()
        if document.get("kyojo_inputs") != 1 or type(document.get("kyojo_inputs")) is not int:
            self.refuse("/kyojo_inputs", "version", "kyojo_inputs must be 1")
        start, end = self._period()
        members = self._members()
        self.members = frozenset(members)
        totals = self._tables("totals", self._quantities)
        revenue = self._table(document.get("revenue", {}), "/revenue", self._revenue)
        self._charges(totals, revenue)
        carry = self._table(document.get("carry", {}), "/carry", self._count)
        owed = self._tables("owed", self._counts)
        self._owed(carry, owed)
        return Inputs(
            start=start,
            end=end,
            members=members,
            totals=totals,
            revenue=revenue,
            costs=self._tables("costs", self._counts),
            funding=self._tables("funding", self._counts),
            balances=self._table(document.get("balances", {}), "/balances", self._integer),
            carry=carry,
            owed=owed,
            opening=self._table(document.get("opening", {}), "/opening", self._integer),
            beside=self._beside(),
            document=document,
        )

    def refuse(self, pointer: str, code: str, message: str) -> None:
        self.faults.append(Fault(pointer, code, message))

    def _fields(self) -> None:
        known = {"kyojo_inputs", "period", "members", "totals", "revenue", "costs", "funding"}
        known |= {"balances", "carry", "owed", "opening", "beside"}
        for name, value in self.document.items():
            if name in later.INPUT_FIELDS:
                if value != {}:
                    self.refuse(f"/{name}", "unsupported", later.refusal("the input", name))
            elif name not in known:
                self.refuse(child("", str(name)), "unknown-field", f"unknown field {name!r}")

    def _period(self) -> tuple[str, str]:
        period = self.document.get("period")
        if not isinstance(period, dict) or period.keys() != {"start", "end"}:
            self.refuse("/period", "period", "period must be {start, end}, both dates")
            return "", ""
        start, end = self._date(period["start"], "start"), self._date(period["end"], "end")
        if start and end and start >= end:
            self.refuse("/period", "period", f"{start} is not before {end}")
        return start, end

    def _date(self, value: Any, name: str) -> str:
        if isinstance(value, str) and is_date(value):
            return value
        self.refuse(f"/period/{name}", "date", f"{value!r:.40} is not a date like 2026-10-01")
        return ""

    def _members(self) -> tuple[str, ...]:
        listed = self.document.get("members")
        if not isinstance(listed, list) or not listed or len(listed) > MEMBERS_MAX:
            message = f"members must be a list of 1 to {MEMBERS_MAX} ids"
            self.refuse("/members", "members", message)
            return ()
        seen: dict[str, None] = {}
        for index, member in enumerate(listed):
            if not is_member_id(member):
                self.refuse(f"/members/{index}", "member", f"{member!r:.80} is not a member id")
            elif member in seen:
                self.refuse(f"/members/{index}", "duplicate", f"{member!r} stands twice")
            else:
                seen[member] = None
        return tuple(seen)

    def _beside(self) -> frozenset[str]:
        listed = self.document.get("beside", [])
        if not isinstance(listed, list) or not all(type(one) is str for one in listed):
            self.refuse("/beside", "members", "beside must be a list of ids")
            return frozenset()
        for index, member in enumerate(listed):
            if member not in self.members:
                message = f"{member!r} is not one of the members"
                self.refuse(f"/beside/{index}", "unknown-member", message)
        return frozenset(listed)

    def _tables(self, name: str, read: Callable[[Any, str], T]) -> dict[str, T]:
        return self._table(self.document.get(name, {}), f"/{name}", read)

    def _table(self, value: Any, pointer: str, read: Callable[[Any, str], T]) -> dict[str, T]:
        """An object whose members ``read`` takes one by one."""
        if not isinstance(value, dict):
            self.refuse(pointer, "shape", "an object is expected here")
            return {}
        return {str(name): read(item, child(pointer, name)) for name, item in value.items()}

    def _per_member(self, value: Any, pointer: str, read: Callable[[Any, str], T]) -> dict[str, T]:
        found = self._table(value, pointer, read)
        for member in sorted(found.keys() - self.members):
            message = f"{member!r} is not one of the members"
            self.refuse(child(pointer, member), "unknown-member", message)
        return found

    def _quantities(self, value: Any, pointer: str) -> dict[str, Quantity]:
        return self._per_member(value, pointer, self._quantity)

    def _counts(self, value: Any, pointer: str) -> dict[str, int]:
        return self._per_member(value, pointer, self._count)

    def _quantity(self, value: Any, pointer: str) -> Quantity:
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

    def _integer(self, value: Any, pointer: str) -> int:
        number = self._quantity(value, pointer)
        if isinstance(number, int):
            return number
        self.refuse(pointer, "integer", f"{value!r} is not a whole number of minor units")
        return 0

    def _count(self, value: Any, pointer: str) -> int:
        number = self._integer(value, pointer)
        if number >= 0:
            return number
        self.refuse(pointer, "negative", f"{number} is negative")
        return 0

    def _revenue(self, value: Any, pointer: str) -> Revenue:
        if not isinstance(value, dict):
            return Revenue(self._integer(value, pointer))
        if value.keys() != {"amount_minor", "origin"}:
            self.refuse(pointer, "shape", "revenue is an int or {amount_minor, origin}")
            return Revenue(0)
        if value["origin"] not in get_args(Origin):
            self.refuse(f"{pointer}/origin", "origin", "origin is member, other or public")
            return Revenue(0)
        amount = self._integer(value["amount_minor"], f"{pointer}/amount_minor")
        return Revenue(amount, value["origin"])

    def _charges(
        self, totals: Mapping[str, Mapping[str, Quantity]], revenue: Mapping[str, Revenue]
    ) -> None:
        for name, figures in totals.items():
            prefix, _, kind = name.partition(".")
            if prefix != "charge":
                continue
            if kind in revenue:
                message = f"{kind!r} is metered as charges; the same money cannot be reported too"
                self.refuse(child("/revenue", kind), "twice", message)
            for member, amount in figures.items():
                if not isinstance(amount, int):
                    pointer = child(child("/totals", name), member)
                    self.refuse(pointer, "integer", "charges are whole minor units")

    def _owed(self, carry: Mapping[str, int], owed: Mapping[str, PerMember]) -> None:
        for step, amounts in owed.items():
            if sum(amounts.values()) != carry.get(step, 0):
                message = f"the amounts do not add up to the carry of step {step!r}"
                self.refuse(child("/owed", step), "sum", message)


def is_date(text: str) -> bool:
    """Whether ``text`` is a day of the calendar written like 2026-10-01."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_member_id(value: Any) -> bool:
    """Whether ``value`` can name a member: 1 to 64 characters, no space, no ``+``, not reserved."""
    if not isinstance(value, str) or _MEMBER.fullmatch(value) is None:
        return False
    encodable = not any("\ud800" <= character <= "\udfff" for character in value)
    return encodable and not value.startswith(_RESERVED)
