"""Corrections (訂正): what late or wrong data changes in a month that is settled (RULES.md 8).

A settled month is never edited. It is evaluated again under its own rules on the better data, and
the difference of every account's *total* is posted in the next open period, with the month it
belongs to and the settlement it corrects. Caps, tiers and guarantees are thus computed on whole
months, and late usage cannot break them.

Two styles, of equal totals: ``delta`` posts one row with the difference; ``ledger`` takes the old
amount back by one row and states the new one by another. An account whose total did not change has
no row, and no row is of 0. Accounts are members (suspense among them), funds and projects; what is
left in a pool, and carry, is state of the next period and no row of this one.

>>> [row.amount_minor for row in correct({"bus": 5}, {"bus": 7}, Origin("2026-10", "00"))]
[2]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from ledger import canonical
from ledger.errors import Fault, InvalidInput, KyojoError, MalformedDocument
from ledger.rules.document import RuleSet
from ledger.rules.models import FormatOne, reads
from ledger.rules.number import integer_json, parse_integer_json
from ledger.rules.yamltext import child

Style = Literal["delta", "ledger"]
Role = Literal["delta", "negate", "restate"]

CHARGE_CLASS = "Correction"
ACCOUNT_TABLES = ("members", "funds", "projects")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a correction comes from: the period that it keeps, and the id of what it corrects."""

    period: str
    correction_of: str


@dataclass(frozen=True, slots=True)
class Correction:
    """One row; ``member`` names any account, ``amount_minor`` is never 0."""

    member: str
    role: Role
    amount_minor: int
    origin: Origin

    def as_dict(self) -> dict[str, Any]:
        """The row as documents hold it, in the words of FOCUS."""
        return {
            "member": self.member,
            "period": self.origin.period,
            "charge_class": CHARGE_CLASS,
            "role": self.role,
            "amount_minor": integer_json(self.amount_minor),
            "correction_of": self.origin.correction_of,
        }


@dataclass(frozen=True, slots=True)
class Previous:
    """What an earlier result came to; ``id`` is SHA-256 of its RFC 8785 form."""

    id: bytes
    ruleset: str
    version: int
    rule_hash: bytes
    accounts: Mapping[str, int]


def correct(
    previous: Mapping[str, int], new: Mapping[str, int], origin: Origin, style: Style = "delta"
) -> tuple[Correction, ...]:
    """The rows that lead from the old totals to the new ones; an absent account counts as 0.

    In the order of ``new``, then those that only ``previous`` knows, in its order.
    """
    names = dict.fromkeys((*new, *previous))
    return tuple(
        Correction(name, role, amount, origin)
        for name in names
        for role, amount in _rows(previous.get(name, 0), new.get(name, 0), style)
        if amount
    )


def _rows(old: int, new: int, style: Style) -> Iterator[tuple[Role, int]]:
    if old == new:
        return
    if style == "delta":
        yield "delta", new - old
        return
    yield "negate", -old
    yield "restate", new


def account_totals(totals: Mapping[str, Any]) -> dict[str, int]:
    """Members, funds and projects of a result document's ``totals``, by account."""
    return {
        name: parse_integer_json(amount)
        for table in ACCOUNT_TABLES
        for name, amount in totals.get(table, {}).items()
    }


def parse_previous(data: bytes) -> Previous:
    """Read a ``kyojo_result`` document; raises MalformedDocument with every fault."""
    try:
        document = canonical.parse(data, what="the previous result")
        found = _Result.model_validate_json(canonical.encode(document))
    except ValidationError as error:
        faults = tuple(
            Fault(_pointer(row["loc"]), MalformedDocument.code, row["msg"])
            for row in error.errors(include_url=False)
        )
        text = f"not a result: {faults[0].where}: {faults[0].message}"
        raise MalformedDocument(text, faults=faults) from error
    except KyojoError as error:
        raise MalformedDocument(error.message) from error
    accounts = account_totals(found.totals.model_dump())
    own = bytes.fromhex(found.rule_hash)
    return Previous(canonical.digest(document), found.ruleset, found.version, own, accounts)


def require_own_rules(previous: Previous, ruleset: RuleSet) -> None:
    """Raise InvalidInput unless ``ruleset`` is the very one that made the previous result."""
    if previous.rule_hash != ruleset.rule_hash:
        text = (
            f"the previous result was made by {previous.ruleset} version {previous.version} "
            f"({previous.rule_hash.hex()[:16]}…), these rules are {ruleset.name} version "
            f"{ruleset.version} ({ruleset.rule_hash.hex()[:16]}…); a month is corrected under its "
            "own rules"
        )
        raise InvalidInput(text)


def _pointer(location: tuple[int | str, ...]) -> str:
    pointer = ""
    for step in location:
        pointer = child(pointer, step)
    return pointer or "/"


_Amount = Annotated[int, PlainValidator(reads(parse_integer_json))]
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Shape(BaseModel):
    """Strict in what a correction needs; the rest of a result is left alone."""

    model_config = ConfigDict(strict=True, frozen=True)


class _Totals(_Shape):
    members: dict[str, _Amount]
    funds: dict[str, _Amount]
    projects: dict[str, _Amount] = Field(default_factory=dict)


class _Result(_Shape):
    kyojo_result: FormatOne
    ruleset: str
    version: int
    rule_hash: _Hash
    totals: _Totals
