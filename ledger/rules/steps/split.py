"""The split of an allocation: fixed parts of a pool to funds and to other pools.

``split: {pool.fees: 15%, fund.x: 5%, pool.rest: remaining}``: a pool fed like this is a waterfall
of its own, for later steps. The parts add up to everything that is taken, targets in the order of
their ids' bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from ledger.rules.models import Account, Problem, WeightOrRemaining
from ledger.rules.number import over_common_denominator
from ledger.rules.rounding import divide
from ledger.rules.steps.base import StepOutcome, StepView
from ledger.rules.steps.claims import to_the_unit

Split = dict[Account, WeightOrRemaining]


def split_problems(split: Mapping[str, Fraction | None]) -> Iterator[Problem]:
    """Parts that do not make up the whole."""
    given = [part for part in split.values() if part is not None]
    open_ones, total = len(split) - len(given), sum(given, Fraction())
    if open_ones > 1:
        yield "/split", "only one target may take what is 'remaining'"
    elif open_ones == 1 and total > 1:
        yield "/split", f"nothing remains: the other parts add up to {total}"
    elif open_ones == 0 and total != 1:
        yield "/split", f"the parts add up to {total}, not to 1; one of them may be 'remaining'"


def run_split(split: Mapping[str, Fraction | None], total: int, view: StepView) -> StepOutcome:
    """Divide ``total``, of either sign, among the targets."""
    remaining = 1 - sum((part for part in split.values() if part is not None), Fraction())
    parts = {
        target: remaining if split[target] is None else Fraction(split[target] or 0)
        for target in sorted(split, key=str.encode)
    }
    numerators, _ = over_common_denominator(parts.values())
    rounded = divide(total, numerators, tuple(parts), to_the_unit(view.rounding))
    amounts = dict(zip(parts, rounded.amounts, strict=True))
    return StepOutcome(total, payees=amounts, payee_weights=parts)
