"""Step ``allocate``: divide money among the members, by one key or by weighted parts.

Part p's exact amount is T · weight_p / Σ weights, divided by p's key; a member's parts are added as
fractions and rounded once. Over the common denominator of all parts the combined shares are plain
integers, so that no fraction is built per member.

A negative pool (more was paid back than came in) is divided whole, limits aside, and gives negative
lines: the mirror image of the positive one.

When every weight of a key is zero, ``if_no_weight`` decides: ``error``; ``equal`` divides it by
heads; ``carry`` leaves that part's amount (floored) in the source, where later steps or the next
period find it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from math import gcd, lcm
from typing import Literal

from pydantic import Field

from ledger.errors import NoWeights
from ledger.rules.keys import Key, Source, Weights, weigh, weigh_heads
from ledger.rules.models import Label, Name, Problem, RuleModel, Weight
from ledger.rules.names import NamesUsed
from ledger.rules.number import over_common_denominator
from ledger.rules.scope import Scope
from ledger.rules.steps.base import (
    PartDivision,
    StepModel,
    StepOutcome,
    StepView,
    bounded,
    divide_by,
)


class PartModel(RuleModel):
    """One part of an allocation: its weight among the parts, and its key."""

    id: Name
    weight: Weight
    key: Key
    label: Label | None = None


class AllocateStep(StepModel):
    """Exactly one of ``key`` and ``parts`` is given."""

    kind: Literal["allocate"]
    key: Key | None = None
    parts: tuple[PartModel, ...] | None = Field(default=None, min_length=1)
    if_no_weight: Literal["error", "carry", "equal"] = "error"

    def names(self) -> NamesUsed:
        """The names in the keys."""
        keys = [part.key for part in self.parts or ()] + [k for k in (self.key,) if k is not None]
        return reduce(lambda found, key: found | key.names(), keys, NamesUsed())

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The figures of a single key; parts name their own."""
        return () if self.key is None else self.key.sources(scope, member)

    def problems(self) -> Iterator[Problem]:
        """No way, or two ways, of dividing; parts that clash or weigh nothing."""
        yield from super().problems()
        if (self.key is None) == (self.parts is None):
            yield "", "an allocation needs either 'key' or 'parts'"
        if self.key is not None:
            yield from (("/key" + at, text) for at, text in self.key.problems())
        if self.parts is not None:
            yield from _part_problems(self.parts)


def _part_problems(parts: Sequence[PartModel]) -> Iterator[Problem]:
    if sum(part.weight for part in parts) == 0:
        yield "/parts", "the weights of the parts add up to 0"
    seen: set[str] = set()
    for index, part in enumerate(parts):
        if part.id in seen:
            yield f"/parts/{index}/id", f"the part {part.id!r} stands twice"
        seen.add(part.id)
        yield from ((f"/parts/{index}/key{at}", text) for at, text in part.key.problems())


@dataclass(frozen=True, slots=True)
class _Part:
    """A part with its weights; idle when they are all zero and its money is not divided."""

    id: str
    weight: Fraction
    weights: Weights
    weight_sum: int
    note: str | None = None

    @property
    def idle(self) -> bool:
        return self.weight_sum == 0


def run(step: AllocateStep, view: StepView) -> StepOutcome:
    """Divide what the limit allows of what the source holds."""
    total = view.available if view.available <= 0 else bounded(view.available, step, view)
    parts = [_weigh(part, step, total, view) for part in _asked(step)]
    notes = tuple(part.note for part in parts if part.note is not None)
    taken = total - _left_idle(parts, total)
    if step.parts is None:
        return StepOutcome(taken, divide_by(taken, parts[0].weights, view), notes=notes)
    weights, divisions = _combine(parts)
    return StepOutcome(taken, divide_by(taken, weights, view, divisions), notes=notes)


def _asked(step: AllocateStep) -> Iterator[tuple[str, Fraction, Key]]:
    """Id, weight and key of every part; a single key is one nameless part."""
    if step.key is not None:
        yield "", Fraction(1), step.key
    for part in step.parts or ():
        yield part.id, part.weight, part.key


def _weigh(
    asked: tuple[str, Fraction, Key], step: AllocateStep, total: int, view: StepView
) -> _Part:
    """The part's weights, after ``if_no_weight`` where they are all zero."""
    part, weight, key = asked
    weights = weigh(key, view.scope)
    found = _Part(part, weight, weights, sum(weights.numerators))
    if not found.idle or not total or not weight:
        return found
    text = f"every weight of {f'part {part!r}' if part else 'the key'} is zero"
    if step.if_no_weight == "carry":
        return replace(found, note=f"{text}; its amount stays in the source")
    heads = weigh_heads(view.scope, key.members)
    if step.if_no_weight == "error" or not any(heads.numerators):
        raise NoWeights(f"{total} is to be divided, but {text}")
    return _Part(part, weight, heads, sum(heads.numerators), f"{text}; it is divided equally")


def _left_idle(parts: Sequence[_Part], total: int) -> int:
    """What parts without weights leave in the source, floored in size."""
    idle = sum((part.weight for part in parts if part.idle), Fraction())
    whole = sum((part.weight for part in parts), Fraction())
    left = int(abs(total) * idle / whole)
    return -left if total < 0 else left


def _combine(parts: Sequence[_Part]) -> tuple[Weights, tuple[PartDivision, ...]]:
    """The combined shares as integers, and each part as it was divided."""
    live = [part for part in parts if not part.idle and part.weight]
    whole = sum((part.weight for part in live), Fraction()) or Fraction(1)
    divisions = tuple(
        PartDivision(
            part.id,
            Fraction() if part.idle else part.weight / whole,
            part.weights,
            part.weight_sum,
        )
        for part in parts
    )
    outside = frozenset.intersection(*(part.weights.outside for part in parts))
    numerators = _combined_numerators(live, len(parts[0].weights.numerators))
    divisor = gcd(*numerators) or 1
    reduced = tuple(numerator // divisor for numerator in numerators)
    return Weights(reduced, sum(reduced) or 1, outside), divisions


def _combined_numerators(live: Sequence[_Part], count: int) -> list[int]:
    """Σ over parts of weight_p · w_p,i / W_p, over their common denominator."""
    shares, _ = over_common_denominator(part.weight for part in live)
    common = lcm(*(part.weight_sum for part in live))
    combined = [0] * count
    for part, share in zip(live, shares, strict=True):
        factor = share * (common // part.weight_sum)
        for index, numerator in enumerate(part.weights.numerators):
            combined[index] += factor * numerator
    return combined
