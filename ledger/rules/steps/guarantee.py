"""Step ``guarantee``: pay members a fixed sum first, whatever the keys of later steps give them.

Pays min(Σ claims, limit, available), by ``short_rule`` when that is less than the claims. With
``recoup: next_periods`` it is an advance: in later periods, allocations to the member stay in
their source until what was advanced is paid back; a line is never taken below 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from pydantic import Field

from ledger.rules.keys import Source
from ledger.rules.keys.base import require_members
from ledger.rules.models import Count, MemberName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope
from ledger.rules.short import ShortRule
from ledger.rules.steps.base import StepModel, StepOutcome, StepView, bounded
from ledger.rules.steps.claims import divide_claims
from ledger.rules.yamltext import child


class GuaranteeStep(StepModel):
    """``claims`` is what each member is guaranteed, in minor units."""

    kind: Literal["guarantee"]
    claims: dict[MemberName, Count] = Field(min_length=1)
    short_rule: ShortRule = "proportional"
    recoup: Literal["none", "next_periods"] = "none"

    def names(self) -> NamesUsed:
        """The members who have a claim."""
        return super().names() | NamesUsed(members=frozenset(self.claims))

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The claim in the rule set."""
        del scope
        where = "rules:" + child("/claims", member)
        return (Source(where, Fraction(self.claims.get(member, 0)), own=True),)


def run(step: GuaranteeStep, view: StepView) -> StepOutcome:
    """What is paid, and to whom it is an advance."""
    members = view.scope.inputs.members
    require_members(step.claims, view.scope)
    claims = tuple(step.claims.get(member, 0) for member in members)
    taken = bounded(sum(claims), step, view)
    division = divide_claims(taken, claims, step.short_rule, view)
    missing = sum(claims) - taken
    notes = (f"{missing} of what is guaranteed cannot be paid",) if missing else ()
    if step.recoup == "none":
        return StepOutcome(taken, division, notes=notes)
    rows = zip(members, division.amounts, strict=True)
    advances = {member: amount for member, amount in rows if amount}
    return StepOutcome(taken, division, notes=notes, advances=advances)
