"""Key ``user_centric``: what each payer paid goes to those whom this payer used.

w_i = Σ_u pay_u · n_{u,i} / Σ_j n_{u,j}. What payers without any use paid is divided by all uses
(``idle: pro_rata``), or not allocated (``carry``). The pool need not equal the payments: their
proportions count.

Payers with the same total of uses are added up before anything is divided, so that the cost is that
of reading the matrix, and of one integer per member and different total. The weights' common
denominator is the least common multiple of the totals; beyond ``DENOMINATOR_BITS_MAX`` there is no
answer. Totals up to 2,800 fit, however many payers have them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import gcd, lcm
from typing import Literal

from ledger.errors import Infeasible
from ledger.rules.inputs.payers import Matrix
from ledger.rules.keys.base import Weights, amount_of, listed, outside_of, reduced
from ledger.rules.keys.payers import PayersKey, all_uses, matrix_of, rows_that_count
from ledger.rules.scope import Scope

DENOMINATOR_BITS_MAX = 4_096
"""Decimal text of a weight, with its parts, stays far below what Python converts (4,300 digits)."""


class UserCentricKey(PayersKey):
    """``idle`` says what becomes of payments by payers without use."""

    kind: Literal["user_centric"]
    idle: Literal["pro_rata", "carry"] = "pro_rata"

    def partial(self) -> bool:
        """Idle money that is carried is left over."""
        return self.idle == "carry"


def weigh(key: UserCentricKey, scope: Scope) -> Weights:
    """The payments as the payers' uses divide them, in minor units."""
    outside = outside_of(key.members, scope)
    amount = amount_of(scope, key.kind) if key.partial() else None
    matrix, payments = matrix_of(key.matrix, scope), scope.inputs.payments
    sums, notes = _gather(matrix, payments, outside)
    idle = sum(payments.values()) - sums.paid
    allocated = None
    if idle and amount is not None:
        allocated = amount * sums.paid / (sums.paid + idle)
        notes.append(f"{idle} minor units, paid by payers without use, are not allocated")
    elif idle and (uses := all_uses(matrix, outside)):
        sums.add(sum(uses.values()), uses, idle)
        notes.append(f"{idle} minor units, paid by payers without use, are divided by all uses")
    found, bottom = _together(sums)
    weights, denominator = reduced(listed(found, scope, outside)[0], bottom)
    return Weights(weights, denominator, outside, allocated, tuple(notes))


@dataclass(slots=True)
class _Sums:
    """Σ pay · uses by member, apart for every total of uses, and what these payers paid."""

    by_total: dict[int, dict[str, int]] = field(default_factory=dict)
    paid: int = 0

    def add(self, total: int, uses: Mapping[str, int], pay: int) -> None:
        """One payer's money, or that of several with the same uses."""
        sums = self.by_total.setdefault(total, {})
        for member, count in uses.items():
            sums[member] = sums.get(member, 0) + pay * count
        self.paid += pay


def _gather(
    matrix: Matrix, payments: Mapping[str, int], outside: Collection[str]
) -> tuple[_Sums, list[str]]:
    """The sums, and a note on uses that nobody paid for."""
    sums, unpaid_count = _Sums(), 0
    for payer, row, total in rows_that_count(matrix, outside):
        if pay := payments.get(payer, 0):
            sums.add(total, row, pay)
        else:
            unpaid_count += 1
    notes = [f"payers with uses who paid nothing: {unpaid_count}"] if unpaid_count else []
    return sums, notes


def _together(sums: _Sums) -> tuple[dict[str, int], int]:
    """Σ over totals of sums ÷ total, as integers over one denominator."""
    divided, bottom = [], 1
    for total, row in sums.by_total.items():
        divisor = gcd(total, *row.values())
        bottom = lcm(bottom, total // divisor)
        if bottom.bit_length() > DENOMINATOR_BITS_MAX:
            text = (
                f"the common denominator of {len(sums.by_total)} different totals of uses is "
                f"beyond {DENOMINATOR_BITS_MAX} bits; report uses in a coarser unit"
            )
            raise Infeasible(text, totals=len(sums.by_total))
        divided.append((total // divisor, divisor, row))
    found: dict[str, int] = {}
    for total, divisor, row in divided:
        factor = bottom // total
        for member, amount in row.items():
            found[member] = found.get(member, 0) + amount // divisor * factor
    return found, bottom
