"""What payers used of whom, and what each paid: ``matrices`` and ``payments`` (RULES.md section 2).

A payer is an id of the same form as a member's, but no member: a ticket, a subscription, a citizen
under a pseudonym. Uses are whole numbers of at least 0, payments whole minor units of at least 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ledger.rules.inputs.ids import is_member_id
from ledger.rules.inputs.reader import Reader
from ledger.rules.yamltext import child

T = TypeVar("T")

PAYERS_MAX = 200_000
CELLS_MAX = 2_000_000

Matrix = Mapping[str, Mapping[str, int]]


def read_matrices(reader: Reader) -> dict[str, Matrix]:
    """Uses by name of the matrix, payer and member."""
    return reader.tables("matrices", lambda value, pointer: _matrix(reader, value, pointer))


def read_payments(reader: Reader) -> dict[str, int]:
    """What each payer paid in the period."""
    return _by_payer(reader, reader.document.get("payments", {}), "/payments", reader.count)


def _matrix(reader: Reader, value: Any, pointer: str) -> Matrix:
    rows = value.values() if isinstance(value, dict) else ()
    if sum(len(row) for row in rows if isinstance(row, dict)) > CELLS_MAX:
        reader.refuse(pointer, "size", f"a matrix has at most {CELLS_MAX} figures")
        return {}
    return _by_payer(reader, value, pointer, reader.counts)


def _by_payer(
    reader: Reader, value: Any, pointer: str, read: Callable[[Any, str], T]
) -> dict[str, T]:
    if isinstance(value, dict) and len(value) > PAYERS_MAX:
        reader.refuse(pointer, "size", f"there are at most {PAYERS_MAX} payers")
        return {}
    found = reader.table(value, pointer, read)
    for payer in found:
        if not is_member_id(payer):
            reader.refuse(child(pointer, payer), "payer", f"{payer!r:.80} is not a payer's id")
    return found
