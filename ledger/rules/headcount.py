"""Bounds that are one value for everybody, counted with the members that there are.

A rule set alone seldom says how many share: a floor of 40 % each is more than everything for three,
a cap of 30 % each less. Who knows the members asks here before the rules are signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ledger.rules.document import RuleSet
from ledger.rules.inputs import SUSPENSE
from ledger.rules.keys.quadratic import QuadraticKey
from ledger.rules.models import Problem
from ledger.rules.steps.allocate import AllocateStep
from ledger.rules.steps.bounding import shared_bounds_problems


def headcount_problems(ruleset: RuleSet, members: Collection[str]) -> Iterator[Problem]:
    """Floors and caps that ``members`` together cannot keep to; ``suspense`` is no head.

    Bounds on what projects are paid are not counted with members.
    """
    heads = frozenset(members) - {SUSPENSE}
    for index, step in enumerate(ruleset.steps if heads else ()):
        if not isinstance(step, AllocateStep) or step.restricted() is not None:
            continue
        # A quadratic match is paid to projects: its cap is theirs, however many members there are.
        if not isinstance(step.key, QuadraticKey):
            for at, text in shared_bounds_problems(step.policy, heads, step.limit):
                yield f"/steps/{index}{at}", f"with {len(heads)} members: {text}"
