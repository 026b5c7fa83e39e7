"""Step ``recover_cost``: pay back costs, this period's and those carried from earlier ones.

Pays min(available, limit, Σ costs + carry): to those who bore them (``pay: payers``, the default),
by ``short_rule`` where it is short (in proportion to what they are owed, unless it says otherwise),
or by a ``key``. With ``carry_forward`` the unpaid part becomes carry.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from pydantic import Field

from ledger.errors import NoWeights
from ledger.rules.keys import Key, Source, input_place, weigh
from ledger.rules.models import OutsideName, Problem
from ledger.rules.names import NamesUsed
from ledger.rules.rounding import divide
from ledger.rules.scope import Scope
from ledger.rules.short import ShortRule
from ledger.rules.steps.base import (
    Division,
    StepModel,
    StepOutcome,
    StepView,
    bounded,
    divide_by,
)
from ledger.rules.steps.claims import divide_claims, to_the_unit


class RecoverCostStep(StepModel):
    """``costs`` lists cost ids; each may be recovered by one step of a rule set only."""

    kind: Literal["recover_cost"]
    costs: tuple[OutsideName, ...] = Field(min_length=1)
    pay: Literal["payers"] | None = None
    key: Key | None = None
    carry_forward: bool = False
    short_rule: ShortRule = "proportional"

    def names(self) -> NamesUsed:
        """The costs, and the names in the key."""
        named = super().names() | NamesUsed(costs=frozenset(self.costs))
        return named if self.key is None else named | self.key.names()

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The costs that the member bore and what it was still owed, or the key's figures."""
        if self.key is not None:
            return tuple(one.within("/key") for one in self.key.sources(scope, member))
        tables = [(("costs", cost), scope.inputs.costs.get(cost, {})) for cost in self.costs]
        if self.id in scope.inputs.owed:
            tables.append((("owed", self.id), scope.inputs.owed[self.id]))
        return tuple(
            Source(input_place(*names, member), Fraction(amounts.get(member, 0)))
            for names, amounts in tables
        )

    def problems(self) -> Iterator[Problem]:
        """Both ways of paying at once, or an impossible key."""
        yield from super().problems()
        if self.key is not None:
            yield from (("/key" + at, text) for at, text in self.key.problems())
            if self.key.partial():
                yield "/key", "the key may leave a part over, but a cost is paid back whole"
            if self.pay is not None:
                yield "/pay", "either 'pay: payers' or a 'key', not both"
            if self.short_rule != "proportional":
                yield "/short_rule", "a short rule is for those who bore the cost, not for a 'key'"


def run(step: RecoverCostStep, view: StepView) -> StepOutcome:
    """What is paid back, to whom, and what stays owed."""
    carried = view.scope.inputs.carry.get(step.id, 0)
    due = sum(_costs(step, view)) + carried
    taken = bounded(due, step, view)
    notes = _notes(step, view, due - taken)
    carry = due - taken if step.carry_forward else None
    if step.key is not None:
        division = divide_by(taken, weigh(step.key, view.scope), view)
        return StepOutcome(taken, division, carry=carry, notes=notes)
    claims = _claims(step, view, carried)
    division = divide_claims(taken, claims, step.short_rule, view)
    owed = _owed(claims, division, view) if step.carry_forward else {}
    return StepOutcome(taken, division, carry=carry, owed=owed, notes=notes)


def _costs(step: RecoverCostStep, view: StepView) -> tuple[int, ...]:
    """What each member bore this period."""
    inputs = view.scope.inputs
    reported = [inputs.costs.get(cost, {}) for cost in step.costs]
    return tuple(sum(r.get(member, 0) for r in reported) for member in inputs.members)


def _claims(step: RecoverCostStep, view: StepView, carried: int) -> tuple[int, ...]:
    """What each member is owed: its costs, and its part of the carry."""
    inputs, costs = view.scope.inputs, _costs(step, view)
    owed = inputs.owed.get(step.id)
    if owed is not None or carried == 0:
        earlier = owed or {}
        return tuple(
            cost + earlier.get(member, 0)
            for member, cost in zip(inputs.members, costs, strict=True)
        )
    if not any(costs):
        text = f"{carried} are carried, but neither 'owed' nor this period's costs say to whom"
        raise NoWeights(text)
    due = sum(costs) + carried
    rounding = to_the_unit(view.rounding)
    return divide(due, costs, inputs.members, rounding, view.scope.declared).amounts


def _owed(claims: tuple[int, ...], division: Division, view: StepView) -> dict[str, int]:
    rows = zip(view.scope.inputs.members, claims, division.rounded.amounts, strict=True)
    return {member: claim - paid for member, claim, paid in rows if claim != paid}


def _notes(step: RecoverCostStep, view: StepView, unpaid: int) -> tuple[str, ...]:
    missing = [cost for cost in step.costs if cost not in view.scope.inputs.costs]
    notes = [f"no cost was reported as {cost!r}" for cost in missing]
    if unpaid:
        after = "is carried forward" if step.carry_forward else "stays unpaid and is not carried"
        notes.append(f"{unpaid} of the costs {after}")
    return tuple(notes)
