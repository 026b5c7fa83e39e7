"""Key ``fixed``: weights written in the rule set; one may be ``remaining`` (1 − Σ others)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from pydantic import Field

from ledger.rules.keys.base import KeyModel, Source, Weights, require_members, weigh_by
from ledger.rules.models import MemberName, Problem, WeightOrRemaining
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope
from ledger.rules.yamltext import child


class FixedKey(KeyModel):
    """``strict`` demands that the weights add up to exactly 1."""

    kind: Literal["fixed"]
    weights: dict[MemberName, WeightOrRemaining] = Field(min_length=1)
    strict: bool = False

    def names(self) -> NamesUsed:
        """The members who have a weight, and those of the restriction."""
        return super().names() | NamesUsed(members=frozenset(self.weights))

    def problems(self) -> Iterator[Problem]:
        """Weights that cannot mean what they say."""
        given = [weight for weight in self.weights.values() if weight is not None]
        open_count, total = len(self.weights) - len(given), sum(given, Fraction())
        if open_count > 1:
            yield "/weights", "only one weight may be 'remaining'"
        elif open_count == 1 and total > 1:
            yield "/weights", f"nothing remains: the other weights add up to {total}"
        elif open_count == 0 and total == 0:
            yield "/weights", "the weights add up to 0"
        elif open_count == 0 and self.strict and total != 1:
            yield "/weights", f"the weights add up to {total}, and strict demands 1"
        if self.members is not None and set(self.weights) - set(self.members):
            yield "/weights", "a weight is given to somebody outside 'members'"

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The weight in the rule set."""
        del scope
        weight = self.resolved().get(member, Fraction())
        return (Source("rules:" + child("/weights", member), weight, own=True),)

    def resolved(self) -> dict[str, Fraction]:
        """The weights with ``remaining`` worked out."""
        total = sum((w for w in self.weights.values() if w is not None), Fraction())
        return {name: 1 - total if w is None else w for name, w in self.weights.items()}


def weigh(key: FixedKey, scope: Scope) -> Weights:
    """The weights given; a named member who has left must be taken out by a new version."""
    require_members(key.weights, scope)
    return weigh_by(key.resolved(), scope, key.members)
