"""How much of a pool's surplus the steps put into which fund before anybody is paid.

Costs come first: what they leave is the surplus, the whole. A ``reserve`` with a rate takes that
part of what is still there (``of: entry``) or of what the pool began with (``of: opening``, which
is at least the surplus, so that counting it as a part of the surplus never says too much).
What a step takes that cannot be known beforehand counts as nothing put aside: an amount, a limit, a
condition, and ``until_balance`` unless it is of the statutory reserve, whose ceiling the articles
state. Parts are of the surplus, so 10 % and then 5 % of the rest are 1/10 and 9/200, and not 1/20.

A pool that steps feed inherits what was put aside of its feeders: of several, the least of each,
and no origin where they differ.
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

    def joined(self, other: Standing) -> Standing:
        """What is sure of a pool that is fed from this one and from another."""
        funds = self.put_aside.keys() & other.put_aside.keys()
        return Standing(
            max(self.left, other.left),
            {fund: min(self.put_aside[fund], other.put_aside[fund]) for fund in funds},
            self.costs_after_reserve or other.costs_after_reserve,
            self.origin if self.origin == other.origin else None,
        )


@dataclass(frozen=True, slots=True)
class Distribution:
    """A step that pays members, where it stands among the steps, and what came before it."""

    index: int
    step: Any
    standing: Standing

    @property
    def is_of_costs(self) -> bool:
        """Whether it pays costs back, though by a key: that comes before any fund has its part."""
        return bool(self.step.kind == "recover_cost")


def distributions(
    pools: Mapping[str, Any], steps: Sequence[Any], statutory: str
) -> Iterator[Distribution]:
    """Every step that pays members by a key or a claim, with what was put aside before it.

    ``statutory`` is the fund of the statutory reserve. Costs that go back to those who bore them
    are no payment of this kind.
    """
    standings = {name: Standing(origin=pool.origin) for name, pool in pools.items()}
    fed: set[str] = set()
    for index, step in enumerate(steps):
        standing = standings.get(step.source)
        if standing is None:
            continue  # a charge: nothing is distributed
        keyed = step.kind == "recover_cost" and step.key is not None
        if keyed or (step.kind in DISTRIBUTING and not getattr(step, "split", None)):
            yield Distribution(index, step, standing.copy())
        if step.kind == "reserve":
            _put_aside(step, standing, statutory)
        elif step.kind == "recover_cost" and standing.put_aside:
            standing.costs_after_reserve = standing.costs_after_reserve or step.id
        for target in step.targets():
            name = target.removeprefix("pool.")
            if target != name and name in standings:
                again = name in fed
                standings[name] = standing.joined(standings[name]) if again else standing.copy()
                fed.add(name)


def _put_aside(step: Any, standing: Standing, statutory: str) -> None:
    """Note what part of the surplus a reserve surely takes: nothing, if it need not take it."""
    part = Fraction()
    conditional = step.limit is not None or getattr(step, "when", None) is not None
    conditional |= step.until_balance is not None and step.to != statutory
    if step.rate is not None and step.rate.percent is not None and not conditional:
        of_opening = step.rate.of_opening or step.of == "opening"
        part = step.rate.percent if of_opening else step.rate.percent * standing.left
    standing.put_aside[step.to] = standing.put_aside.get(step.to, Fraction()) + part
    standing.left -= part
