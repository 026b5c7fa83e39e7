"""An invoice or payment notice as a file, in the format that its reader asks for.

JSON is the document; text, page and print are for reading. All are made after the document was
computed again, so that none of them shows a figure that its items do not give.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ledger.paper.html import environment, page
from ledger.paper.invoice_view import invoice_text, invoice_view
from ledger.paper.speech import LANGUAGES, Language

InvoiceFormat = Literal["json", "text", "html", "pdf"]
INVOICE_FORMATS: Final[tuple[InvoiceFormat, ...]] = get_args(InvoiceFormat)

_ENVIRONMENT = environment()


def invoice_file(
    document: Mapping[str, Any],
    form: InvoiceFormat,
    language: Language,
    font: Path | None = None,
) -> bytes:
    """The bytes of a document of ``ledger.payout.invoice`` in one of the formats.

    ``font`` is a TrueType file for the Japanese of a PDF. Raises MalformedDocument for what is no
    such document, InvalidInput for an unusable font.
    """
    view = invoice_view(document, language)
    if form == "json":
        return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
    if form == "text":
        return invoice_text(view, language).encode()
    if form == "html":
        views = {each: invoice_view(document, each) for each in LANGUAGES}
        titles = {each: f"{shown.title} {shown.number}" for each, shown in views.items()}
        return page(_ENVIRONMENT, "invoice.html", views, titles, language).encode()
    from ledger.paper.invoice_pdf import invoice_pdf  # noqa: PLC0415 - a large library

    return invoice_pdf(document, language, font)
