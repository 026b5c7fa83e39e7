"""Step ``allocate``: divide money among the members, by one key or by weighted parts.

Part p's exact amount is T · weight_p / Σ weights, divided by p's key; a member's parts are added as
fractions and rounded once. Over the common denominator of all parts the combined shares are plain
integers, so that no fraction is built per member.

A negative pool (more was paid back than came in) is divided whole, limits aside, and gives negative
lines: the mirror image of the positive one.

When every weight of a key is zero, ``if_no_weight`` decides: ``error``; ``equal`` divides it by
heads; ``carry`` leaves that part's amount (floored) in the source, where later steps or the next
period find it.

``bounds`` cap and floor the lines; ``split`` divides among funds and pools instead of members. On
a cost (``source: cost.x`` with ``as: charge``) the lines are negative: members pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from math import ceil, gcd, lcm
from typing import Literal

from pydantic import Field

from ledger.errors import Infeasible, NoWeights
from ledger.rules.keys import Key, Source, Weights, weigh, weigh_heads
from ledger.rules.keys.quadratic import QuadraticKey
from ledger.rules.models import Label, Name, Problem, RuleModel, Weight
from ledger.rules.names import NamesUsed
from ledger.rules.number import over_common_denominator
from ledger.rules.scope import Scope
from ledger.rules.short import ShortRule
from ledger.rules.steps.base import (
    Division,
    PartDivision,
    StepModel,
    StepOutcome,
    StepView,
    bounded,
)
from ledger.rules.steps.bounding import (
    BoundsModel,
    Overflow,
    OverflowTo,
    Policy,
    bounds_problems,
    divide_within,
)
from ledger.rules.steps.split import Split, run_split, split_problems


class PartModel(RuleModel):
    """One part of an allocation: its weight among the parts, and its key."""

    id: Name
    weight: Weight
    key: Key
    label: Label | None = None


class AllocateStep(StepModel):
    """Exactly one of ``key``, ``parts`` and ``split`` is given."""

    kind: Literal["allocate"]
    key: Key | None = None
    parts: tuple[PartModel, ...] | None = Field(default=None, min_length=1)
    split: Split | None = Field(default=None, min_length=1)
    bounds: BoundsModel | None = None
    overflow: Overflow | None = None
    short_rule: ShortRule | None = None
    if_no_weight: Literal["error", "carry", "equal"] = "error"
    as_: Literal["charge"] | None = Field(default=None, alias="as")

    @property
    def policy(self) -> Policy:
        """What the step says about bounds."""
        return Policy(self.bounds, self.overflow, self.short_rule)

    def keys(self) -> tuple[Key, ...]:
        """The key, or those of the parts."""
        single = () if self.key is None else (self.key,)
        return single + tuple(part.key for part in self.parts or ())

    def names(self) -> NamesUsed:
        """The names in the keys and bounds; the cost that is charged."""
        own = () if self.bounds is None else self.bounds.members()
        found = super().names() | NamesUsed(members=frozenset(own))
        if self.as_ == "charge":
            found |= NamesUsed(costs=frozenset({self.source.removeprefix("cost.")}))
        return reduce(lambda names, key: names | key.names(), self.keys(), found)

    def targets(self) -> tuple[str, ...]:
        """The accounts of a split, and where an overflow goes."""
        split = tuple(self.split or ())
        return (*split, self.overflow.to) if isinstance(self.overflow, OverflowTo) else split

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The figures of a single key; parts name their own."""
        found = () if self.key is None else self.key.sources(scope, member)
        return tuple(one.within("/key") for one in found)

    def problems(self) -> Iterator[Problem]:
        """No way, or two ways, of dividing; parts that clash or weigh nothing."""
        yield from super().problems()
        if [self.key, self.parts, self.split].count(None) != 2:
            yield "", "an allocation needs either 'key' or 'parts' or 'split'"
        if self.key is not None:
            yield from (("/key" + at, text) for at, text in self.key.problems())
        if self.parts is not None:
            yield from _part_problems(self.parts)
        if self.split is not None:
            yield from self._split_problems(self.split)
        if self.as_ == "charge" and isinstance(self.overflow, OverflowTo):
            yield "/overflow", "what the caps of a charge leave over stays in the cost"
        if isinstance(self.key, QuadraticKey):
            yield from self._project_problems()
        if self.short_rule is not None and (self.bounds is None or self.bounds.floor is None):
            yield "/short_rule", "a short rule of an allocation is for its floors; it has none"
        yield from bounds_problems(self.policy, self.restricted(), self.limit)

    def _split_problems(self, split: Split) -> Iterator[Problem]:
        yield from split_problems(split)
        for name, given in (("bounds", self.bounds), ("overflow", self.overflow)):
            if given is not None:
                yield f"/{name}", "a split pays no members, so nothing is bounded"
        if self.as_ == "charge":
            yield "/as", "members are charged by a 'key' or 'parts', not by a split"

    def _project_problems(self) -> Iterator[Problem]:
        """Projects have a cap in common, no floors, and pay for nothing."""
        if self.as_ == "charge":
            yield "/as", "projects are paid, not charged"
        if self.bounds is not None and self.bounds.floor is not None:
            yield "/bounds/floor", "a quadratic key pays projects, which have no floor"
        if self.bounds is not None and isinstance(self.bounds.cap, dict):
            yield "/bounds/cap", "the cap of a match is one value for all projects"

    def restricted(self) -> frozenset[str] | None:
        """The members to whom every key is restricted, or None."""
        listed = [key.members for key in self.keys()]
        if None in listed:
            return None
        return frozenset(member for members in listed for member in members or ())


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
    """A part with its weights; idle when they are all zero and its money is not divided.

    ``portion`` is its weight among the parts, less what its key does not allocate.
    """

    id: str
    weight: Fraction
    portion: Fraction
    weights: Weights
    weight_sum: int
    note: str | None = None

    @property
    def idle(self) -> bool:
        return self.weight_sum == 0

    @property
    def notes(self) -> tuple[str, ...]:
        return self.weights.notes if self.note is None else (*self.weights.notes, self.note)


def run(step: AllocateStep, view: StepView) -> StepOutcome:
    """Divide what the limit allows of what the source holds."""
    total = view.available if view.available <= 0 else bounded(view.available, step, view)
    if step.split is not None:
        return run_split(step.split, total, view)
    parts = [_weigh(part, step, total, view) for part in _asked(step)]
    notes = tuple(note for part in parts for note in part.notes)
    unplaced = _unallocated(parts, total)
    if unplaced and step.overflow == "error":
        raise Infeasible(f"the keys leave {unplaced} of {total} over, and overflow is 'error'")
    size = abs(total) - _left_idle(parts, total) - unplaced
    weights, divisions = (parts[0].weights, ()) if step.parts is None else _combine(parts)
    found = divide_within(_signed(size, total, step), weights, divisions, step.policy, view)
    rest = found.rest + unplaced
    return _outcome(step, view, (size - found.rest, rest), found.division, notes)


def _signed(size: int, total: int, step: AllocateStep) -> int:
    """What members divide: of the source's sign, and turned round where they are charged."""
    return -size if (total < 0) != (step.as_ == "charge") else size


def _outcome(
    step: AllocateStep,
    view: StepView,
    sizes: tuple[int, int],
    divided: Division,
    notes: tuple[str, ...],
) -> StepOutcome:
    """What was taken: what members divided, and what of the rest goes to an account."""
    sign = -1 if view.available < 0 else 1
    placed, rest = (sign * size for size in sizes)
    division = divided if step.as_ == "charge" else pay_back(divided, view)
    taken = placed - sum(division.recouped)
    if isinstance(step.overflow, OverflowTo):
        payees = {step.overflow.to: rest} if rest else {}
        return StepOutcome(taken + rest, division, notes=notes, payees=payees)
    if rest:
        notes = (*notes, f"{rest} is beyond what can be divided and stays in the source")
    kept = rest if step.overflow == "carry" else 0
    return StepOutcome(taken, division, notes=notes, overflow=kept)


def pay_back(division: Division, view: StepView) -> Division:
    """The division with what members owe of earlier advances kept back, no amount below 0."""
    if not any(view.advances.values()):
        return division
    rows = zip(view.scope.inputs.members, division.rounded.amounts, strict=True)
    back = tuple(min(view.advances.get(member, 0), max(0, amount)) for member, amount in rows)
    return replace(division, recouped=back) if any(back) else division


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
    amount = total * weight / sum((other for _, other, _ in _asked(step)), Fraction())
    weights = weigh(key, view.scope.dividing(amount))
    portion = weight
    if weights.allocated is not None:
        portion = weight * weights.allocated / abs(amount) if amount else Fraction()
    found = _Part(part, weight, portion, weights, sum(weights.numerators))
    if not found.idle or not total or not weight or weights.allocated == 0:
        return found
    text = f"every weight of {f'part {part!r}' if part else 'the key'} is zero"
    if step.if_no_weight == "carry":
        return replace(found, note=f"{text}; its amount stays in the source")
    heads = weigh_heads(view.scope, key.members)
    if step.if_no_weight == "error" or not any(heads.numerators):
        raise NoWeights(f"{total} is to be divided, but {text}")
    note = f"{text}; it is divided equally"
    return _Part(part, weight, weight, heads, sum(heads.numerators), note)


def _left_idle(parts: Sequence[_Part], total: int) -> int:
    """What parts without weights leave in the source, floored, in size."""
    idle = sum((part.weight for part in parts if _is_left(part)), Fraction())
    whole = sum((part.weight for part in parts), Fraction())
    return int(abs(total) * idle / whole)


def _is_left(part: _Part) -> bool:
    return part.idle and part.weights.allocated is None


def _unallocated(parts: Sequence[_Part], total: int) -> int:
    """What keys leave over of their parts, in size: never more is divided than they allocate."""
    over = sum((part.weight - part.portion for part in parts if not _is_left(part)), Fraction())
    whole = sum((part.weight for part in parts), Fraction())
    return ceil(abs(total) * over / whole)


def _combine(parts: Sequence[_Part]) -> tuple[Weights, tuple[PartDivision, ...]]:
    """The combined shares as integers, and each part as it was divided."""
    live = [part for part in parts if not part.idle and part.portion]
    whole = sum((part.portion for part in live), Fraction()) or Fraction(1)
    divisions = tuple(
        PartDivision(
            part.id,
            Fraction() if part.idle else part.portion / whole,
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
    """Σ over parts of portion_p · w_p,i / W_p, over their common denominator."""
    shares, _ = over_common_denominator(part.portion for part in live)
    common = lcm(*(part.weight_sum for part in live))
    combined = [0] * count
    for part, share in zip(live, shares, strict=True):
        factor = share * (common // part.weight_sum)
        for index, numerator in enumerate(part.weights.numerators):
            combined[index] += factor * numerator
    return combined
