"""Who gets what members are charged of a cost: those who bore it (RULES.md sections 3 and 7).

A charge step takes from ``cost.<id>``; what it takes is money that the charged members owe to those
who paid the cost. Each step's money is divided by what is not repaid to them yet, with largest
remainders, so nobody gets more than it bore and a cost that is charged whole is repaid to the unit,
in however many steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ledger.rules.rounding import Rounding, divide
from ledger.settlement.result import StepResult


def repayments(
    steps: Sequence[StepResult], costs: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """By charge step what each bearer is repaid; per step it adds up to what was charged.

    ``costs`` is what each member bore, by the cost's id.
    """
    unpaid = {name: dict(row) for name, row in costs.items()}
    found: dict[str, dict[str, int]] = {}
    for step in steps:
        if not step.is_charge or not step.taken:
            continue
        row = unpaid[step.source.removeprefix("cost.")]
        amounts = divide(step.taken, tuple(row.values()), tuple(row), Rounding()).amounts
        found[step.step] = {m: one for m, one in zip(row, amounts, strict=True) if one}
        for member, amount in found[step.step].items():
            row[member] -= amount
    return found
