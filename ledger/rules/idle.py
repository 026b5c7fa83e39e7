"""Pools that hold money to no purpose: fed and never used, or used before anything feeds them.

Neither is wrong: what no step takes opens the same pool in the next period. But it is seldom meant,
so whoever writes rules is told, and nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.rules.document import RuleSet
from ledger.rules.models import Problem
from ledger.rules.yamltext import child

UNUSED: Final = "pool-unused"
UNFED: Final = "pool-unfed"

Warned = tuple[str, Problem]
"""The warning's code, and its place and sentence."""


def pool_warnings(ruleset: RuleSet) -> Iterator[Warned]:
    """Warnings on pools: those never used by their declaration, the others by the first use."""
    feeders = _feeders(ruleset)
    used = {step.source for step in ruleset.steps}
    for name, pool in ruleset.pools.items():
        if name not in used and (pool.sources or name in feeders):
            text = f"no step uses the pool {name!r}: what comes into it stays there"
            yield UNUSED, (child("/pools", name), text)
    told: set[str] = set()
    for index, step in enumerate(ruleset.steps):
        name, found = step.source, ruleset.pools.get(step.source)
        if found is None or found.sources or name in told:
            continue
        if index <= feeders.get(name, len(ruleset.steps)):
            told.add(name)
            when = "which only a later step feeds" if name in feeders else "which nothing feeds"
            text = f"{step.id!r} uses the pool {name!r}, {when}"
            yield UNFED, (f"/steps/{index}/source", f"{text}: it holds what a month before left")


def _feeders(ruleset: RuleSet) -> dict[str, int]:
    """By pool the first step that pays into it."""
    found: dict[str, int] = {}
    for index, step in enumerate(ruleset.steps):
        for target in step.targets():
            if target.startswith("pool."):
                found.setdefault(target.removeprefix("pool."), index)
    return found
