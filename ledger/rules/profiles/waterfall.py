"""How much of a pool's surplus the steps put into which fund before anybody is paid.

Costs come first: what they leave is the surplus, the whole. A ``reserve`` with a rate takes that
part of what is still there (``of: entry``) or of what the pool began with (``of: opening``, which
is at least the surplus, so that counting it as a part of the surplus never says too much).
What a step takes that cannot be known beforehand counts as nothing put aside. Parts are of the
surplus, so 10 % and then 5 % of the rest are 1/10 and 9/200, and not 1/20.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

DISTRIBUTING: Final = ("allocate", "guarantee")


@dataclass(slots=True)
class Standing:
    """What is known of a pool before a step: the part of the surplus left, and what was put aside.

    ``costs_after_reserve`` names the first step that pays costs when a fund had its part already;
    ``origin`` is whose money the pool holds, None for anybody's.
    """

    left: Fraction = Fraction(1)
    put_aside: dict[str, Fraction] = field(default_factory=dict)
    costs_after_reserve: str | None = None
    origin: str | None = None

    def copy(self) -> Standing:
        """The same standing for a pool that is fed from this one."""
        return Standing(self.left, dict(self.put_aside), self.costs_after_reserve, self.origin)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A step that pays members, where it stands among the steps, and what came before it."""

    index: int
    step: Any
    standing: Standing


def distributions(pools: Mapping[str, Any], steps: Sequence[Any]) -> Iterator[Distribution]:
    """Every step that pays members of a pool, with what earlier steps put aside of it."""
    standings = {name: Standing(origin=pool.origin) for name, pool in pools.items()}
    for index, step in enumerate(steps):
        standing = standings.get(step.source)
        if standing is None:
            continue  # a charge: nothing is distributed
        split = getattr(step, "split", None)
        if split:
            for target in split:
                if target.startswith("pool.") and target[5:] in standings:
                    standings[target[5:]] = standing.copy()
        elif step.kind in DISTRIBUTING:
            yield Distribution(index, step, standing.copy())
        elif step.kind == "reserve":
            _put_aside(step, standing)
        elif step.kind == "recover_cost" and standing.put_aside:
            standing.costs_after_reserve = standing.costs_after_reserve or step.id


def _put_aside(step: Any, standing: Standing) -> None:
    """Note what part of the surplus a reserve surely takes: nothing, if it need not take it."""
    part = Fraction()
    conditional = step.limit is not None or getattr(step, "when", None) is not None
    if step.rate is not None and step.rate.percent is not None and not conditional:
        of_opening = step.rate.of_opening or step.of == "opening"
        part = step.rate.percent if of_opening else step.rate.percent * standing.left
    standing.put_aside[step.to] = standing.put_aside.get(step.to, Fraction()) + part
    standing.left -= part
