"""What the keys over payers share: the matrix of uses, by member and by the payer's total.

A payer's total counts uses of members that take part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction

from ledger.errors import Infeasible
from ledger.rules.inputs.payers import Matrix
from ledger.rules.keys.base import KeyModel, Source, input_place
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope


class PayersKey(KeyModel):
    """``matrix`` names what payers used of whom."""

    matrix: OutsideName

    def names(self) -> NamesUsed:
        """The matrix, and the members of the restriction."""
        return super().names() | NamesUsed(matrices=frozenset({self.matrix}))

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The uses of the member by all payers together: who they are is theirs."""
        uses = sum(row.get(member, 0) for row in matrix_of(self.matrix, scope).values())
        return (Source(input_place("matrices", self.matrix), Fraction(uses)),)


def matrix_of(name: str, scope: Scope) -> Matrix:
    """The matrix of that name; raises Infeasible when the inputs have none."""
    found = scope.inputs.matrices.get(name)
    if found is None:
        raise Infeasible(f"the inputs have no matrix {name!r}", matrix=name)
    return found


def rows_that_count(
    matrix: Matrix, outside: Collection[str]
) -> Iterator[tuple[str, Mapping[str, int], int]]:
    """Payer, uses and their total, for every payer with a use that counts."""
    for payer, uses in matrix.items():
        row = {m: n for m, n in uses.items() if n and m not in outside} if outside else uses
        if total := sum(row.values()):
            yield payer, row, total


def all_uses(matrix: Matrix, outside: Collection[str]) -> dict[str, int]:
    """All uses by member that takes part; nothing where there is no use at all."""
    found: dict[str, int] = {}
    for row in matrix.values():
        for member, count in row.items():
            if count and member not in outside:
                found[member] = found.get(member, 0) + count
    return found
