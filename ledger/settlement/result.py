"""The outcome of a run, and its document ``kyojo_result`` (RULES.md section 7).

Weights stay integers over a common denominator; fractions are written only when the document is.
Invariant: ``in`` = opening + revenue = Σ member lines + funds + ``pools_left`` = ``out``. What is
held for ``suspense`` is a member line like the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.rules.number import format_fraction, integer_json
from ledger.rules.steps import Division, PartDivision


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step as it was carried out; ``available − taken = left``, in minor units."""

    step: str
    kind: str
    source: str
    available: int
    taken: int
    left: int
    notes: tuple[str, ...]
    division: Division | None
    fund: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a run decided. Mappings follow the rule set's or the inputs' order.

    ``pools`` is what each pool held at the start, ``member_totals`` each member's sum over all
    steps; ``carry`` and ``owed`` open the next period's inputs under the same names.
    """

    ruleset: str
    version: int
    rule_hash: bytes
    inputs_hash: bytes
    currency: str
    minor_digits: int
    members: tuple[str, ...]
    pools: Mapping[str, int]
    steps: tuple[StepResult, ...]
    member_totals: Mapping[str, int]
    funds: Mapping[str, int]
    pools_left: Mapping[str, int]
    carry: Mapping[str, int]
    owed: Mapping[str, Mapping[str, int]]

    @property
    def total_in(self) -> int:
        """What the pools held at the start."""
        return sum(self.pools.values())

    @property
    def total_out(self) -> int:
        """What members and funds got, and what is left."""
        given = sum(self.member_totals.values()) + sum(self.funds.values())
        return given + sum(self.pools_left.values())


@dataclass(frozen=True, slots=True)
class Line:
    """One amount with its reasons; fractions in lowest terms, ``amount_minor`` None for a part."""

    step: str
    part: str | None
    member: str
    weight: str
    share: str
    exact: str
    amount_minor: int | None

    def as_dict(self) -> dict[str, Any]:
        """The line as it stands in documents."""
        amount = None if self.amount_minor is None else integer_json(self.amount_minor)
        return {
            "step": self.step,
            "part": self.part,
            "member": self.member,
            "weight": self.weight,
            "share": self.share,
            "exact": self.exact,
            "amount_minor": amount,
        }


def result_document(result: Result) -> dict[str, Any]:
    """The ``kyojo_result`` document: steps, all lines, and totals."""
    return {
        "kyojo_result": 1,
        "ruleset": result.ruleset,
        "version": result.version,
        "rule_hash": result.rule_hash.hex(),
        "inputs_hash": result.inputs_hash.hex(),
        "currency": result.currency,
        "steps": [step_row(step) for step in result.steps],
        "lines": [line.as_dict() for line in all_lines(result)],
        "totals": _totals(result),
    }


def step_row(step: StepResult) -> dict[str, Any]:
    """A step's public figures."""
    return {
        "step": step.step,
        "kind": step.kind,
        "source": step.source,
        "available": integer_json(step.available),
        "taken": integer_json(step.taken),
        "left": integer_json(step.left),
        "notes": list(step.notes),
    }


def amounts_json(amounts: Mapping[str, int]) -> dict[str, int | str]:
    """Amounts by name, as JSON holds them exactly."""
    return {name: integer_json(amount) for name, amount in amounts.items()}


def _totals(result: Result) -> dict[str, Any]:
    totals: dict[str, Any] = {
        "members": amounts_json(result.member_totals),
        "funds": amounts_json(result.funds),
        "projects": {},
        "pools_left": amounts_json(result.pools_left),
        "carry": amounts_json(result.carry),
        "in": integer_json(result.total_in),
        "out": integer_json(result.total_out),
    }
    if result.owed:
        totals["owed"] = {step: amounts_json(owed) for step, owed in result.owed.items()}
    return totals


def all_lines(result: Result) -> Iterator[Line]:
    """Every line: by step, then by member, a member's parts before what they combine to."""
    for step in result.steps:
        if step.fund is not None:
            yield Line(step.step, None, step.fund, "1", "1", str(step.taken), step.taken)
        for index in range(len(result.members)):
            yield from step_lines(step, result.members, index)


def member_lines(result: Result, index: int) -> Iterator[Line]:
    """The lines of the member at ``index``, in step order."""
    for step in result.steps:
        yield from step_lines(step, result.members, index)


def step_lines(step: StepResult, members: tuple[str, ...], index: int) -> Iterator[Line]:
    """One member's lines in one step; none where its key leaves the member out."""
    division = step.division
    if division is None or members[index] in division.outside:
        return
    for part in division.parts:
        if members[index] not in part.weights.outside:
            yield _part_line(step.step, division, part, members, index)
    yield _line(step.step, division, members, index)


def _line(step: str, division: Division, members: tuple[str, ...], index: int) -> Line:
    weight, whole = division.weights[index], division.weight_sum or 1
    exact = format_fraction(division.total * weight, whole)
    own = exact if division.parts else format_fraction(weight, division.denominator)
    share = format_fraction(weight, whole)
    return Line(step, None, members[index], own, share, exact, division.rounded.amounts[index])


def _part_line(
    step: str, division: Division, part: PartDivision, members: tuple[str, ...], index: int
) -> Line:
    """A part's share is of the whole step, so that the parts' shares add up to the member's."""
    weight = part.weights.numerators[index]
    top = part.fraction.numerator * weight
    bottom = part.fraction.denominator * (part.weight_sum or 1)
    return Line(
        step=step,
        part=part.part,
        member=members[index],
        weight=format_fraction(weight, part.weights.denominator),
        share=format_fraction(top, bottom),
        exact=format_fraction(division.total * top, bottom),
        amount_minor=None,
    )
