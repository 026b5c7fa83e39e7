"""A statement as a file, in the format that its reader asks for.

JSON is what proves; the others are for reading. All are made from a statement that was verified, or
that was just computed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ledger.paper.html import statement_page
from ledger.paper.speech import Language
from ledger.paper.table import statement_csv

Format = Literal["json", "csv", "html", "pdf"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}


def statement_file(
    document: Mapping[str, Any], form: Format, language: Language, font: Path | None = None
) -> bytes:
    """The bytes of a member statement (``ledger.coop.grounds``) in one of the formats.

    ``font`` is a TrueType file for the Japanese of a PDF. Raises MalformedDocument for what is no
    statement, InvalidInput for an unusable font.
    """
    settlement = document["statement"]["settlement"]
    if form == "json":
        return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
    if form == "csv":
        return statement_csv(document, settlement, language).encode()
    if form == "html":
        return statement_page(document, settlement, language).encode()
    from ledger.paper.pdf import statement_pdf  # noqa: PLC0415 - a large library, seldom wanted

    return statement_pdf(document, settlement, language, font)
