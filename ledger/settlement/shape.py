"""The shape of settlements and statements that come from outside: strict, closed models.

``parse_settlement`` and ``parse_statement`` read documents before anything in them is believed;
they raise only MalformedDocument.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from ledger import canonical
from ledger.errors import Fault, KyojoError, MalformedDocument, OutOfRange
from ledger.rules.models import FormatOne, reads
from ledger.rules.number import DIGITS_MAX, format_fraction, parse_integer_json, parse_number
from ledger.rules.rounding import Method, Token
from ledger.rules.short import ShortRule
from ledger.rules.steps.base import TaxTag

Model = TypeVar("Model", bound=BaseModel)

FRACTION_LENGTH_MAX = 2 * DIGITS_MAX + 2

_HASH = re.compile(r"[0-9a-f]{64}")


def _hash(value: Any) -> bytes:
    if not isinstance(value, str) or _HASH.fullmatch(value) is None:
        raise OutOfRange(f"{value!r:.80} is not 32 bytes in lower-case hexadecimal")
    return bytes.fromhex(value)


def _fraction(value: Any) -> Fraction:
    number = parse_number(value, length_max=FRACTION_LENGTH_MAX) if isinstance(value, str) else None
    if number is None or format_fraction(number.numerator, number.denominator) != value:
        raise OutOfRange(f"{value!r:.80} is not a fraction in lowest terms")
    return number


def _natural(value: Any) -> int:
    number = parse_integer_json(value)
    if number < 1:
        raise OutOfRange(f"{number} is not a positive integer")
    return number


def _weight(value: Any) -> Fraction:
    number = _fraction(value)
    if number < 0:
        raise OutOfRange(f"{number} is negative")
    return number


Hash = Annotated[bytes, PlainValidator(reads(_hash))]
Integer = Annotated[int, PlainValidator(reads(parse_integer_json))]
FractionText = Annotated[Fraction, PlainValidator(reads(_fraction))]
Natural = Annotated[int, PlainValidator(reads(_natural))]
WeightText = Annotated[Fraction, PlainValidator(reads(_weight))]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]


class Shape(BaseModel):
    """Closed and strict: what is not named here is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BlobShape(Shape):
    """A blob by hash and length."""

    sha256: Hash
    bytes: Count


class RoundingShape(Shape):
    """The policy under which a step was rounded."""

    method: Method
    tie_break: tuple[Token, ...]
    half_even_residual_to: str | None = None


class CutOffShape(Shape):
    """Where the odd units stopped: remainders below the one got none, above the other got one."""

    unserved_below: WeightText
    served_above: WeightText


class PartShape(Shape):
    """A part's fraction of the step, and the sum of its weights."""

    part: str
    fraction: WeightText
    weight_total: WeightText


class BasisShape(Shape):
    """What exact amounts rest on where they are no plain proportion (``ledger.rules.steps``)."""

    rule: ShortRule | Literal["bounds", "caps"]
    scale: WeightText | None
    losses: bool
    of_floors: bool
    cap: Integer | None
    floor: Integer | None
    rest: Integer
    weight_total: WeightText
    denominator: Natural
    commitment: Hash

    @property
    def weight_sum(self) -> Fraction:
        """The sum of the basis tree, which must be whole."""
        return self.weight_total * self.denominator


class DivisionShape(Shape):
    """The public figures of a dividing step.

    ``total`` is what was divided where that is not what the step took.
    """

    weight_total: WeightText
    denominator: Natural
    commitment: Hash
    rounding: RoundingShape
    extra_units: Count
    cut_off: CutOffShape | None
    parts: tuple[PartShape, ...]
    total: Integer | None = None
    recouped: Integer = 0
    residual: Integer | None = None
    basis: BasisShape | None = None

    @property
    def weight_sum(self) -> Fraction:
        """The sum of the weights tree, which must be whole."""
        return self.weight_total * self.denominator


class StepShape(Shape):
    """One step's public figures."""

    step: str
    kind: str
    source: str
    available: Integer
    taken: Integer
    left: Integer
    notes: tuple[str, ...]
    fund: str | None
    division: DivisionShape | None
    payees: dict[str, Integer] | None = None
    as_: Literal["charge"] | None = Field(default=None, alias="as")
    unit: str | None = None
    tax: TaxTag | None = None

    @property
    def accounts(self) -> Mapping[str, int]:
        """What accounts other than members got, by name."""
        own = {} if self.fund is None else {self.fund: self.taken}
        return own | (self.payees or {})

    @property
    def divided(self) -> int:
        """What members divided: what the step took, unless the division says otherwise."""
        total = None if self.division is None else self.division.total
        return self.taken if total is None else total


class UnitShape(Shape):
    """What came in of a unit that is no money, and where it is."""

    in_: Integer = Field(alias="in")
    members: Integer
    left: Integer
    out: Integer


class TaxShape(Shape):
    """Consumption tax of one rate."""

    taxable_minor: Integer
    tax_minor: Integer


class TotalsShape(Shape):
    """Public totals in minor units."""

    paid_to_members: Integer
    paid_to_suspense: Integer
    charged_to_members: Integer
    funds: dict[str, Integer]
    projects: dict[str, Integer]
    pools_left: dict[str, Integer]
    carry: dict[str, Integer]
    in_: Integer = Field(alias="in")
    out: Integer
    recoup: Integer = 0
    costs: dict[str, Integer] = Field(default_factory=dict)
    units: dict[str, UnitShape] = Field(default_factory=dict)


class SettlementShape(Shape):
    """A settlement document."""

    kyojo_settlement: FormatOne
    period: str
    as_of_index: Count
    log_root: Hash
    state_hash: Hash
    ruleset: str
    version: Positive
    rule_hash: Hash
    inputs_hash: Hash
    lines: BlobShape
    currency: str
    minor_digits: Annotated[int, Field(ge=0, le=9)]
    member_count: Count
    account_count: Positive
    pools: dict[str, Integer]
    steps: tuple[StepShape, ...]
    totals: TotalsShape
    seed_commitment: Hash
    weights_root: Hash
    amounts_root: Hash
    charges_root: Hash | None
    units: dict[str, str] = Field(default_factory=dict)
    costs: dict[str, Integer] = Field(default_factory=dict)
    tax: dict[str, TaxShape] = Field(default_factory=dict)

    def unit_of(self, source: str) -> str | None:
        """What a pool holds; None for money."""
        return self.units.get(source)


class SiblingShape(Shape):
    """A sibling on the way to a sum tree's root."""

    hash: Hash
    sum: Integer


class ProofShape(Shape):
    """A member's salt and path in one sum tree."""

    salt: Hash
    siblings: tuple[SiblingShape, ...]


class SourceShape(Shape):
    """A figure that a weight comes from: where it stands, and what it is."""

    where: str
    value: FractionText


class OwnPartShape(Shape):
    """A member's weight in one part of a step."""

    part: str
    label: dict[str, str]
    sources: tuple[SourceShape, ...]


class OwnBasisShape(Shape):
    """A member's key weight or claim, and its own bounds, in a step whose amounts rest on them."""

    weight_units: Integer
    cap: Integer | None
    floor: Integer | None
    proof: ProofShape


class OwnStepShape(Shape):
    """How a member came to its amount in one dividing step."""

    step: str
    label: dict[str, str]
    takes_part: bool
    weight_units: Integer
    quotient: Integer
    remainder: Integer
    extra: Integer
    rank: Positive | None
    amount_minor: Integer
    sources: tuple[SourceShape, ...]
    parts: tuple[OwnPartShape, ...]
    proof: ProofShape
    recouped_minor: Integer = 0
    basis: OwnBasisShape | None = None


class LineShape(Shape):
    """A line of the result."""

    step: str
    part: str | None
    member: str
    weight: FractionText
    share: FractionText
    exact: FractionText
    amount_minor: Annotated[int | None, PlainValidator(lambda v: v if v is None else _int(v))]
    recouped_minor: Integer = 0


class SumShape(Shape):
    """A member's sum in the amounts or charges tree."""

    total_minor: Integer
    proof: ProofShape


class RecoupShape(Shape):
    """What a member had still to pay back of advances, and has after this settlement."""

    before: Integer
    advanced: Integer
    after: Integer


class LimitShape(Shape):
    """A limit of what the statement proves."""

    en: str
    ja: str


class StatementShape(Shape):
    """A statement."""

    kyojo_statement: FormatOne
    settlement_id: Hash
    settlement: dict[str, Any]
    member: str
    leaf_index: Count
    lines: tuple[LineShape, ...]
    steps: tuple[OwnStepShape, ...]
    amounts: SumShape
    charges: SumShape | None
    net_minor: Integer
    limits: tuple[LimitShape, ...]
    recoup: RecoupShape | None = None


_int = reads(parse_integer_json)


def parse_settlement(source: bytes | Mapping[str, Any]) -> SettlementShape:
    """Read a settlement document; raises MalformedDocument."""
    return parse_shape(source, SettlementShape, "settlement")


def parse_statement(source: bytes | Mapping[str, Any]) -> StatementShape:
    """Read a statement; raises MalformedDocument."""
    return parse_shape(source, StatementShape, "statement")


def parse_shape(source: bytes | Mapping[str, Any], model: type[Model], what: str) -> Model:
    """Read a document of a shape; raises MalformedDocument, which says ``what`` it was to be."""
    try:
        document = canonical.parse(source, what=what) if isinstance(source, bytes) else dict(source)
        return model.model_validate_json(canonical.encode(document), by_alias=True)
    except ValidationError as error:
        faults = tuple(
            Fault("/" + "/".join(map(str, found["loc"])), "malformed-document", found["msg"])
            for found in error.errors(include_url=False)
        )
        text = f"not a {what}: {faults[0].where}: {faults[0].message}"
        raise MalformedDocument(text, faults=faults) from error
    except KyojoError as error:
        raise MalformedDocument(f"not a {what}: {error.message}") from error
