"""A member's part of a correction as a file: JSON proves, the others are for reading."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ledger.money import format_minor
from ledger.paper.correction_view import CorrectionView, correction_view
from ledger.paper.files import Format
from ledger.paper.html import environment, page
from ledger.paper.speech import LANGUAGES, Language
from ledger.paper.table import BOM, plain_text

_ENVIRONMENT = environment()
COLUMNS: Final = (
    *("origin", "period", "member", "posted_in", "kind", "label", "correction_of"),
    *("amount_minor", "amount", "currency", "correction_id"),
)


def correction_file(
    document: Mapping[str, Any], form: Format, language: Language, font: Path | None = None
) -> bytes:
    """The bytes of a member's part of a correction in one of the formats of statements.

    ``font`` is a TrueType file for the Japanese of a PDF. Raises MalformedDocument for what is no
    such part, InvalidInput for an unusable font.
    """
    view = correction_view(document, language)
    if form == "json":
        return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
    if form == "csv":
        digits = int(document["statement"]["correction"]["minor_digits"])
        return correction_csv(view, digits).encode()
    if form == "html":
        views = {each: correction_view(document, each) for each in LANGUAGES}
        titles = {each: f"{shown.month} · {shown.member}" for each, shown in views.items()}
        return page(_ENVIRONMENT, "correction.html", views, titles, language).encode()
    from ledger.paper.correction_pdf import correction_pdf  # noqa: PLC0415 - a large library

    return correction_pdf(view, language, font)


def correction_csv(view: CorrectionView, digits: int) -> str:
    """The rows, their sum, and what is payable; as ``ledger.paper.table`` has statements."""
    out = io.StringIO()
    out.write(BOM)
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    common = {
        "origin": plain_text(view.origin),
        "member": plain_text(view.member_id),
        "posted_in": view.posted_in,
        "currency": view.currency,
        "correction_id": view.correction_id,
    }
    for row, amount_minor in _rows(view):
        amount = format_minor(amount_minor, digits=digits)
        writer.writerow(common | row | {"amount_minor": str(amount_minor), "amount": amount})
    return out.getvalue()


def _rows(view: CorrectionView) -> Iterator[tuple[dict[str, str], int]]:
    for row in view.rows:
        words = {"period": row.period, "kind": row.role, "label": row.label}
        yield words | {"correction_of": row.correction_of}, row.amount_minor
    yield {"kind": "total"}, view.net_minor
    if view.payable is not None:
        for part in view.payable.rows:
            words = {"kind": f"payable/{part.kind}", "label": part.label}
            yield words | {"correction_of": plain_text(part.source)}, part.amount_minor
        yield {"kind": "payable", "label": view.payable.label}, view.payable.total_minor
