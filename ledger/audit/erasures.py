"""Erased records in a bundle: which may be missing, which are, and what that leaves unchecked.

An erased record's line is empty and its salt is zero bytes; its leaf stays, so the batch's root is
computed all the same. Whether a record may be missing is known only when the fold is over, since a
batch is read before the entry that erases from it, and a proposal erases nothing before it is
carried. So lines may be missing where any entry names them, and ``check_erasures`` compares at
the end with what the log has in fact erased.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger import canonical
from ledger.audit.bundle import lines_name
from ledger.audit.files import Files
from ledger.audit.report import AT_END, Findings
from ledger.coop.bodies import RecordsErased, parse_body
from ledger.coop.erasure import RECORDS_ERASED, all_erased
from ledger.coop.state import State
from ledger.errors import KyojoError

_MARK = b'"' + RECORDS_ERASED.encode() + b'"'


@dataclass(frozen=True, slots=True)
class ErasureFacts:
    """Erased records of the bundle's batches, and how many of them it holds all the same."""

    erased: int = 0
    held: int = 0


def named_erasures(entries: Iterable[bytes]) -> dict[int, frozenset[int]]:
    """The records (0-based) that ``records-erased`` entries name, by the entry of their batch."""
    found: dict[int, frozenset[int]] = {}
    for data in entries:
        if _MARK in data:
            for batch, records in _named(data):
                found[batch] = found.get(batch, frozenset()).union(records)
    return found


def check_erasures(
    files: Files, named: Iterable[int], state: State, findings: Findings
) -> ErasureFacts:
    """Note every line that is missing though nothing erased it; count what was erased."""
    wanted = all_erased(state)
    held = count = 0
    findings.place = AT_END
    for batch in sorted({*named, *wanted}):
        erased = wanted.get(batch, frozenset())
        lines = _lines(files, batch)
        if lines is None:
            continue
        count += len(erased)
        missing = {number for number, line in enumerate(lines) if not line}
        held += sum(number < len(lines) and number not in missing for number in erased)
        for number in sorted(missing - erased):
            findings.add(
                "record-missing", f"{lines_name(batch)}, record {number + 1}",
                "this record is missing, and no entry in effect erases it",
                "この記録がありません。消去を定める有効なエントリーもありません",
            )  # fmt: skip
    return ErasureFacts(count, held)


def _lines(files: Files, batch: int) -> Sequence[bytes] | None:
    """The lines of a batch, if the bundle has them."""
    if lines_name(batch) not in files.archive.members:
        return None
    return (files.read(lines_name(batch)) or b"").removesuffix(b"\n").split(b"\n")


def _named(data: bytes) -> Iterable[tuple[int, list[int]]]:
    try:
        document = canonical.parse(data)
        if isinstance(document, dict) and document.get("kind") == RECORDS_ERASED:
            body = parse_body(RecordsErased, document["body"])
            return [(body.batch, body.records)]
    except (KyojoError, KeyError):
        pass  # the fold says what is wrong with an entry
    return []
