"""What the pydantic models of the rule language share: the strict base and the field types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from ledger.errors import OutOfRange
from ledger.rules import later
from ledger.rules.inputs.ids import is_date, is_member_id
from ledger.rules.number import parse_number
from ledger.rules.rounding import HALF_EVEN, TOTAL_TOKENS, Method, Rounding, Token

T = TypeVar("T")

Problem = tuple[str, str]
"""A JSON pointer relative to the model, and what is wrong there."""


class RuleModel(BaseModel):
    """Strict, frozen, and closed: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def problems(self) -> Iterator[Problem]:
        """What is wrong although every field has its type; nothing by default."""
        return iter(())


def reads(read: Callable[[Any], T]) -> Callable[[Any], T]:
    """``read`` as a pydantic validator: OutOfRange becomes a fault at the field's place."""

    def validate(value: Any) -> T:
        try:
            return read(value)
        except OutOfRange as error:
            raise ValueError(error.message) from error

    return validate


def _non_negative(value: Any) -> Fraction:
    number = parse_number(value)
    if number < 0:
        raise OutOfRange(f"{value} is negative")
    return number


def _proportion(value: Any) -> Fraction:
    number = _non_negative(value)
    if number > 1:
        raise OutOfRange(f"{value} is more than 100 %")
    return number


def _member(value: str) -> str:
    if not is_member_id(value):
        raise OutOfRange(f"{value!r:.80} is not a member id")
    return value


def _date(value: str) -> str:
    if not is_date(value):
        raise OutOfRange(f"{value!r:.40} is not a date like 2026-10-01")
    return value


def _reading(value: Any) -> Fraction:
    if isinstance(value, str) and value.endswith("%"):
        text = (
            "readings are compared as they are given; write 900000 for 90 % of a scale of 1000000"
        )
        raise OutOfRange(f"{value:.40} is a percentage, but {text}")
    return parse_number(value)


def _no_truth(value: Any) -> Any:
    """Python takes True for 1; a document says 1."""
    if isinstance(value, bool):
        raise OutOfRange(f"{str(value).lower()} is not the number 1")
    return value


def _weight_or_remaining(value: Any) -> Fraction | None:
    return None if value == "remaining" else _non_negative(value)


REFERENCES = ("step", "pool", "cost", "total", "balance")
_REFERENCE = re.compile(r"(step|pool|balance)\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}|"
                        r"(cost|total)\.[^\s+/~]{1,128}")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A limit or rate: whole minor units, a part of the source, or a multiple of something else.

    ``of_opening``: the percentage is of the source as it began. ``of`` names ``step.x`` (what it
    took), ``pool.x`` (what it holds), ``cost.x``, ``total.<metric>`` or ``balance.<fund>``, to be
    taken ``times`` so often.
    """

    amount_minor: int | None = None
    percent: Fraction | None = None
    of_opening: bool = False
    of: str | None = None
    times: Fraction = Fraction(1)


def _percentage(value: Any) -> Ceiling | None:
    """The map form ``{percent: 5%, of: opening}``, or None when ``value`` is no map."""
    if not isinstance(value, dict):
        return None
    if value.keys() - {"percent", "of"} or "percent" not in value:
        raise OutOfRange("a limit or rate as a map is {percent: 5%, of: opening}")
    if value.get("of", "opening") != "opening":
        text = f"a percentage is of the source or of 'opening', not of {value['of']!r:.40}"
        raise OutOfRange(f"{text}; a limit of something else is {{of: step.x, times: 5%}}")
    return Ceiling(percent=_proportion(value["percent"]), of_opening=True)


def _multiple(value: Any) -> Ceiling | None:
    """The map form ``{of: step.x, times: 2}``, or None when ``value`` is not of that form."""
    if not isinstance(value, dict) or "percent" in value or "of" not in value:
        return None
    of = value["of"]
    if value.keys() - {"of", "times"} or not isinstance(of, str) or not _REFERENCE.fullmatch(of):
        known = ", ".join(f"{name}.x" for name in REFERENCES)
        raise OutOfRange(f"a limit of something else is {{of: …, times: 2}}, of one of {known}")
    return Ceiling(of=of, times=_non_negative(value.get("times", 1)))


def _limit(value: Any) -> Ceiling:
    if type(value) is int and value >= 0:
        return Ceiling(amount_minor=value)
    if isinstance(value, str) and value.endswith("%"):
        return Ceiling(percent=_proportion(value))
    if (found := _multiple(value) or _percentage(value)) is not None:
        return found
    raise OutOfRange(f"{value!r:.60} is not an amount, a percentage or a map")


def _bound(value: Any) -> Ceiling:
    """A cap or a floor: an int, or a percentage of the step's amount."""
    if type(value) is int and value >= 0:
        return Ceiling(amount_minor=value)
    if isinstance(value, str) and value.endswith("%"):
        return Ceiling(percent=_proportion(value))
    raise OutOfRange(f"{value!r:.60} is neither whole minor units nor a percentage")


def _rate(value: Any) -> Ceiling:
    return _percentage(value) or Ceiling(percent=_proportion(value))


FormatOne = Annotated[Literal[1], BeforeValidator(reads(_no_truth))]
"""The version of a document's format: the integer 1, and not ``true``."""
Number = Annotated[Fraction, PlainValidator(reads(parse_number))]
Reading = Annotated[Fraction, PlainValidator(reads(_reading))]
Weight = Annotated[Fraction, PlainValidator(reads(_non_negative))]
Proportion = Annotated[Fraction, PlainValidator(reads(_proportion))]
WeightOrRemaining = Annotated[Fraction | None, PlainValidator(reads(_weight_or_remaining))]
Limit = Annotated[Ceiling, PlainValidator(reads(_limit))]
Rate = Annotated[Ceiling, PlainValidator(reads(_rate))]
Bound = Annotated[Ceiling, PlainValidator(reads(_bound))]
MemberName = Annotated[str, AfterValidator(reads(_member))]
DateText = Annotated[str, AfterValidator(reads(_date))]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Fund = Annotated[str, Field(pattern=r"^fund\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Account = Annotated[str, Field(pattern=r"^(fund|pool)\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
OutsideName = Annotated[str, Field(pattern=r"^[^\s+/~]{1,128}$")]
Count = Annotated[int, Field(ge=0)]


class Label(RuleModel):
    """A name to print, in Japanese and English."""

    ja: str | None = None
    en: str | None = None


class RoundingModel(RuleModel):
    """``{method, tie_break}``; the last token must order any two members.

    ``half_even_residual_to`` names the member or fund that takes what half-even rounding leaves
    over or lacks; it is a method of its own, which may be left unnamed then.
    """

    method: Method = "largest_remainder"
    tie_break: tuple[Token, ...] = ("weight_desc", "member_asc")
    half_even_residual_to: MemberName | Fund | None = None
    cumulative: bool = False

    def problems(self) -> Iterator[Problem]:
        """An incomplete or repeating tie-break; half-even without an account, or the reverse."""
        if len(set(self.tie_break)) != len(self.tie_break):
            yield "/tie_break", "a token stands twice"
        if not self.tie_break or self.tie_break[-1] not in TOTAL_TOKENS:
            yield "/tie_break", "the last token must be member_asc, member_desc or declared"
        named = self.half_even_residual_to is not None
        if self.method == HALF_EVEN and not named:
            yield "/method", "half-even rounding needs an account: half_even_residual_to: fund.x"
        if named and self.method != HALF_EVEN and "method" in self.model_fields_set:
            yield "/half_even_residual_to", f"the method is {self.method}, which leaves no residual"
        if self.cumulative:
            yield "/cumulative", later.refusal("rounding", "cumulative: true")

    def policy(self) -> Rounding:
        """The rounding as the arithmetic takes it."""
        named = self.half_even_residual_to
        method = self.method if named is None else HALF_EVEN
        return Rounding(method, self.tie_break, named)


StepLabel = Label | None
OfEntry = Literal["entry", "opening"]
