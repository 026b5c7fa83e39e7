"""Key ``patronage`` (利用分量): w_i = x_i without the dealings whose origin is excluded.

Totals have no origin of their own. The inputs' ``origins`` say how much of a total came from
dealings with others or with the public; all else counts as dealings with members. Usage that names
nobody cannot be called a member's dealing, so ``suspense`` has no part unless ``members`` names it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from pydantic import Field

from ledger.rules.inputs import SUSPENSE, Quantity
from ledger.rules.inputs.origins import Origins
from ledger.rules.keys.base import KeyModel, Source, Weights, input_place, listed, outside_of
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope


class PatronageKey(KeyModel):
    """``input`` names a total; ``exclude`` the origins that do not count, both by default."""

    kind: Literal["patronage"]
    input: OutsideName
    exclude: tuple[Literal["public", "other"], ...] = Field(
        default=("public", "other"), min_length=1
    )

    def names(self) -> NamesUsed:
        """The input by its name in the rule set."""
        return super().names() | NamesUsed(metrics=frozenset({self.input}))

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The member's total, and what is left out of it."""
        name = scope.metric(self.input)
        total = Fraction(scope.totals(self.input).get(member, 0))
        return (
            Source(input_place("totals", name, member), total),
            *(
                Source(input_place("origins", name, origin, member), Fraction(parts[member]))
                for origin, parts in sorted(_split(self, scope).items())
                if origin in self.exclude and member in parts
            ),
        )


def weigh(key: PatronageKey, scope: Scope) -> Weights:
    """Totals less what was dealt with outsiders."""
    outside = outside_of(key.members, scope)
    if key.members is None:
        outside |= {SUSPENSE} & scope.members
    values: dict[str, Quantity] = dict(scope.totals(key.input))
    split = _split(key, scope)
    for origin in frozenset(key.exclude) & split.keys():
        for member, part in split[origin].items():
            values[member] = values.get(member, 0) - part
    name = scope.metric(key.input)
    notes = () if split else (f"no origins of {name!r} were given; all of it counts as members'",)
    return Weights(*listed(values, scope, outside), outside, notes=notes)


def _split(key: PatronageKey, scope: Scope) -> Origins:
    return scope.inputs.origins.get(scope.metric(key.input), {})
