"""The outcome of a run, and its document ``kyojo_result`` (RULES.md section 7).

Weights stay integers over a common denominator; fractions are written only when the document is.
Invariant: ``in`` = opening + revenue = Σ member lines + funds + projects + ``pools_left`` =
``out``. What is held for ``suspense`` is a member line like the others; lines by which members are
charged for a cost are negative, and what they come to stands among ``out`` as that cost's.

A pool of another unit than money (such as Wh) is beside all that: its lines are in no member's
total, and what it held is accounted for by unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ledger.rules.number import format_fraction, integer_json
from ledger.rules.steps import Division, PartDivision


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step as it was carried out; ``available − taken = left``, in minor units.

    ``fund`` got all of it, or ``division`` says which members and ``payees`` which other accounts
    did. ``is_charge``: members pay what the step took. ``unit`` is that of the source, None for
    money.
    """

    step: str
    kind: str
    source: str
    available: int
    taken: int
    left: int
    notes: tuple[str, ...]
    division: Division | None
    fund: str | None
    payees: Mapping[str, int] = field(default_factory=dict)
    payee_weights: Mapping[str, Fraction] = field(default_factory=dict)
    is_charge: bool = False
    unit: str | None = None
    tax: str | None = None

    @property
    def accounts(self) -> Mapping[str, int]:
        """What accounts other than members got, by name."""
        return self.payees if self.fund is None else {self.fund: self.taken, **self.payees}


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a run decided. Mappings follow the rule set's or the inputs' order.

    ``pools`` is what each pool held at the start, ``member_totals`` each member's sum over all
    steps; ``carry``, ``owed`` and ``recoup`` open the next period's inputs under the same names.
    ``costs`` is what each charged cost came to, ``charged`` what members were charged of it, and
    ``repaid`` to whom each charge step's money goes: those who bore the cost. It is in no line, in
    no document and in no member's total; ``nets`` has both.
    ``units`` names the pools that hold something else than money; ``tax`` is the consumption tax of
    the period's invoice by rate, None without an invoice.
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
    projects: Mapping[str, int] = field(default_factory=dict)
    costs: Mapping[str, int] = field(default_factory=dict)
    charged: Mapping[str, int] = field(default_factory=dict)
    repaid: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    recoup: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    tax: Mapping[str, Mapping[str, int]] | None = None

    @property
    def nets(self) -> dict[str, int]:
        """Each member's lines, and what it is repaid of charged costs that it bore."""
        found = dict(self.member_totals)
        for row in self.repaid.values():
            for member, amount in row.items():
                found[member] += amount
        return found

    @property
    def total_in(self) -> int:
        """What the pools of money held at the start."""
        return self._of_unit(self.pools, None)

    @property
    def total_out(self) -> int:
        """What members, funds, projects and charged costs got, and what is left, in money."""
        given = sum(self.member_totals.values()) + sum(self.funds.values())
        given += sum(self.projects.values()) + sum(self.charged.values())
        return given + self._of_unit(self.pools_left, None)

    def unit_totals(self) -> dict[str, dict[str, int]]:
        """Per unit that is no money what came in, what members got, what is left, and the sum."""
        found = {}
        for unit in sorted(set(self.units.values())):
            given = sum(
                sum(step.division.amounts)
                for step in self.steps
                if step.unit == unit and step.division is not None
            )
            left = self._of_unit(self.pools_left, unit)
            came = self._of_unit(self.pools, unit)
            found[unit] = {"in": came, "members": given, "left": left, "out": given + left}
        return found

    def _of_unit(self, pools: Mapping[str, int], unit: str | None) -> int:
        return sum(amount for name, amount in pools.items() if self.units.get(name) == unit)


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
    recouped_minor: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The line as it stands in documents."""
        amount = None if self.amount_minor is None else integer_json(self.amount_minor)
        back = {"recouped_minor": integer_json(self.recouped_minor)} if self.recouped_minor else {}
        return {
            **back,
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
    tax = {} if result.tax is None else {"tax": tax_json(result.tax)}
    return {
        **tax,
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
    """A step's public figures; what only some steps have is left out of the others."""
    own: dict[str, Any] = {}
    if step.is_charge:
        own["as"] = "charge"
    if step.unit is not None:
        own["unit"] = step.unit
    if step.tax is not None:
        own["tax"] = step.tax
    return {
        **own,
        "step": step.step,
        "kind": step.kind,
        "source": step.source,
        "available": integer_json(step.available),
        "taken": integer_json(step.taken),
        "left": integer_json(step.left),
        "notes": list(step.notes),
    }


def tax_json(tax: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int | str]]:
    """The tax by rate, as documents hold it."""
    return {rate: amounts_json(row) for rate, row in tax.items()}


def amounts_json(amounts: Mapping[str, int]) -> dict[str, int | str]:
    """Amounts by name, as JSON holds them exactly."""
    return {name: integer_json(amount) for name, amount in amounts.items()}


def _totals(result: Result) -> dict[str, Any]:
    totals: dict[str, Any] = {
        "members": amounts_json(result.member_totals),
        "funds": amounts_json(result.funds),
        "projects": amounts_json(result.projects),
        "pools_left": amounts_json(result.pools_left),
        "carry": amounts_json(result.carry),
        "in": integer_json(result.total_in),
        "out": integer_json(result.total_out),
    }
    if result.owed:
        totals["owed"] = {step: amounts_json(owed) for step, owed in result.owed.items()}
    if result.recoup:
        totals["recoup"] = amounts_json(result.recoup)
    return totals | special_totals(result)


def special_totals(result: Result) -> dict[str, Any]:
    """Totals of charges and of other units than money, where there are any."""
    totals: dict[str, Any] = {}
    if result.costs:
        totals["costs"] = amounts_json(result.charged)
    if result.units:
        by_unit = result.unit_totals()
        totals["units"] = {unit: amounts_json(row) for unit, row in by_unit.items()}
    return totals


def all_lines(result: Result) -> Iterator[Line]:
    """Every line: by step, then by member, a member's parts before what they combine to."""
    for step in result.steps:
        yield from account_lines(step)
        for index in range(len(result.members)):
            yield from step_lines(step, result.members, index)


def account_lines(step: StepResult) -> Iterator[Line]:
    """The lines of funds, pools and projects in one step, in the order of their names' bytes."""
    if step.fund is not None:
        yield Line(step.step, None, step.fund, "1", "1", str(step.taken), step.taken)
    weights = step.payee_weights
    whole = sum(weights.values(), Fraction()) or Fraction(1)
    divided = sum(step.payees[account] for account in weights)
    for account, amount in sorted(step.payees.items(), key=lambda row: row[0].encode()):
        exact, own = Fraction(amount), Fraction(amount)
        if account in weights:
            own, exact = weights[account], divided * weights[account] / whole
        share = exact / (step.taken or 1)
        yield Line(step.step, None, account, _text(own), _text(share), _text(exact), amount)


def _text(value: Fraction) -> str:
    return format_fraction(value.numerator, value.denominator)


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
    return Line(
        step=step,
        part=None,
        member=members[index],
        weight=_weight(division, index),
        share=format_fraction(weight, whole),
        exact=format_fraction(division.total * weight, whole),
        amount_minor=division.amounts[index],
        recouped_minor=division.recouped[index] if division.recouped else 0,
    )


def _weight(division: Division, index: int) -> str:
    """What the exact amount comes from: a weight or claim, or the sum of the parts' amounts."""
    basis = division.basis
    weights = division.weights if basis is None else basis.weights
    if division.parts:
        whole = division.weight_sum if basis is None else basis.weight_sum
        return format_fraction(division.total * weights[index], whole or 1)
    return format_fraction(
        weights[index], division.denominator if basis is None else basis.denominator
    )


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
