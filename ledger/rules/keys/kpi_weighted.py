"""Key ``kpi_weighted``: what members did, weighed by how well they did it.

A member's score in kpi k is s_k,i = clamp((v − min) / (max − min), 0, 1), or v / Σv where the rule
gives no bounds. ``multiply``: w_i = base_i · (Σ λ_k s_k,i / Σ λ_k), with the weights of another key
as the base. ``add``: w_i = Σ λ_k · s_k,i / Σ_j s_k,j, by scores alone. λ is the kpi's ``weight``.

A column that cannot be divided by its sum, because it is all zero, is skipped, and a note says so.
Whoever has a base above zero needs a reading of every kpi; in ``add`` every member does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import Annotated, Literal

from pydantic import Field

from ledger.rules.inputs import Quantity
from ledger.rules.keys.base import KeyModel, Source, Weights, listed, no_heads, outside_of, reduced
from ledger.rules.keys.figures import figure_source, readings
from ledger.rules.keys.plain import PlainKey, weigh_plain
from ledger.rules.models import Number, OutsideName, Problem, RuleModel, Weight
from ledger.rules.names import NamesUsed
from ledger.rules.number import over_common_denominator
from ledger.rules.scope import Scope

KPIS_MAX = 100


class KpiModel(RuleModel):
    """One kpi: its ``input``, the values that score 0 and 1, and its weight λ."""

    input: OutsideName
    min: Number | None = None
    max: Number | None = None
    weight: Weight = Fraction(1)

    def problems(self) -> Iterator[Problem]:
        """One bound without the other, or bounds that do not rise."""
        if (self.min is None) != (self.max is None):
            yield "", "a kpi has both 'min' and 'max', or neither"
        elif self.min is not None and self.max is not None and self.min >= self.max:
            yield "/max", f"{self.max} is not above the minimum {self.min}"


class KpiWeightedKey(KeyModel):
    """``base`` is the key that is multiplied; adding scores needs none."""

    kind: Literal["kpi_weighted"]
    mode: Literal["multiply", "add"]
    base: Annotated[PlainKey, Field(discriminator="kind")] | None = None
    kpis: tuple[KpiModel, ...] = Field(min_length=1, max_length=KPIS_MAX)

    def names(self) -> NamesUsed:
        """The kpis by their names in the rule set, and the names in the base."""
        named = super().names() | NamesUsed(kpis=frozenset(kpi.input for kpi in self.kpis))
        return named if self.base is None else named | self.base.names()

    def problems(self) -> Iterator[Problem]:
        """A base out of place, and kpis that cannot be scored or weigh nothing."""
        if (self.base is None) != (self.mode == "add"):
            need = "takes no" if self.mode == "add" else "needs a"
            yield "/base", f"the mode {self.mode!r} {need} base"
        if self.base is not None:
            yield from (("/base" + at, text) for at, text in self.base.problems())
            if self.base.partial():
                yield "/base", "a base divides everything; this one may leave a part over"
        for index, kpi in enumerate(self.kpis):
            yield from ((f"/kpis/{index}{at}", text) for at, text in kpi.problems())
        if not any(kpi.weight for kpi in self.kpis):
            yield "/kpis", "the weights of the kpis add up to 0"

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The figures of the base, and the member's readings."""
        base = () if self.base is None else self.base.sources(scope, member)
        read = (figure_source(kpi.input, scope, member, "kpis") for kpi in self.kpis)
        below = (source.within("/base") for source in base)
        return (*below, *(source for found in read for source in found))


@dataclass(frozen=True, slots=True)
class _Column:
    """The scores in one kpi, by member: ``numerators`` over ``denominator``; 0 if it has none."""

    kpi: KpiModel
    numerators: Sequence[int]
    denominator: int


def weigh(key: KpiWeightedKey, scope: Scope) -> Weights:
    """Scores by member, times the base where there is one."""
    ids = scope.inputs.members
    base = None if key.base is None else weigh_plain(key.base, scope)
    if base is None:
        outside = no_heads(key.members, scope)
        needed = [member for member in ids if member not in outside]
    else:
        outside = base.outside | outside_of(key.members, scope)
        pairs = zip(ids, base.numerators, strict=True)
        needed = [member for member, weight in pairs if weight and member not in outside]
    columns = [_column(kpi, scope, outside, needed) for kpi in key.kpis if kpi.weight]
    if base is None:
        columns = [replace(one, denominator=sum(one.numerators)) for one in columns]
    live = [one for one in columns if one.denominator]
    notes = tuple(
        f"the kpi {one.kpi.input!r} is zero for everybody and was skipped"
        for one in columns
        if not one.denominator
    )
    lambdas, lambda_bottom = over_common_denominator(one.kpi.weight for one in live)
    scores, bottom = _combined(live, lambdas, len(ids))
    if base is None:
        return Weights(*reduced(scores, bottom * lambda_bottom), outside, notes=notes)
    weights = [score * weight for score, weight in zip(scores, base.numerators, strict=True)]
    bottom *= base.denominator * (sum(lambdas) or 1)
    return Weights(*reduced(weights, bottom), outside, notes=(*base.notes, *notes))


def _column(
    kpi: KpiModel, scope: Scope, outside: Collection[str], needed: Collection[str]
) -> _Column:
    """Scores before they are weighed; who is outside scores 0."""
    measured = scope.measured(kpi.input, "kpis")
    values: Mapping[str, Quantity] = (
        scope.totals(kpi.input) if measured.table == "totals" else readings(measured, scope, needed)
    )
    if kpi.min is None or kpi.max is None:
        numerators, _ = listed(values, scope, outside)
        return _Column(kpi, numerators, sum(numerators))
    found = [values.get(member, 0) for member in scope.inputs.members]
    (*figures, low, high), _ = over_common_denominator([*found, kpi.min, kpi.max])
    scores = [
        0 if member in outside else min(max(figure - low, 0), high - low)
        for member, figure in zip(scope.inputs.members, figures, strict=True)
    ]
    return _Column(kpi, scores, high - low)


def _combined(
    columns: Sequence[_Column], lambdas: Sequence[int], count: int
) -> tuple[list[int], int]:
    """Σ λ_k · s_k,i over one denominator, which is returned too; λ are integers."""
    bottom = lcm(*(one.denominator for one in columns))
    found = [0] * count
    for column, weight in zip(columns, lambdas, strict=True):
        factor = weight * (bottom // column.denominator)
        for index, numerator in enumerate(column.numerators):
            found[index] += factor * numerator
    return found, bottom
