"""``kyojo member document``: fetch the document that goes with a payment, and compute it again."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ledger import canonical
from ledger.cli.output import show
from ledger.cli.statement import add_look
from ledger.errors import InvalidInput
from ledger.paper.invoice_files import InvoiceFormat, invoice_file

EPILOG = """\
NUMBER is the payment's id (kyojo member payouts). The document is the very one that the order
carries; every figure of it is computed again before it is written, and its digest is the one that
`kyojo books search` and the print show. The ending of FILE chooses the form: .json, .txt, .html,
.pdf.
"""
FORMS: Final[dict[str, InvoiceFormat]] = {
    ".json": "json", ".txt": "text", ".html": "html", ".pdf": "pdf",
}  # fmt: skip


def add_command(verbs: Any, own: argparse.ArgumentParser, client_of: Callable[..., Any]) -> None:
    """Add the verb; ``client_of`` opens the client that the options name."""
    command = verbs.add_parser(
        "document", parents=[own], help="the document of a payment", epilog=EPILOG
    )
    command.add_argument("number", metavar="NUMBER")
    command.add_argument("--out", type=Path, metavar="FILE", help="default: print it as text")
    add_look(command)
    command.set_defaults(run=run, client_of=client_of)


def run(options: argparse.Namespace) -> int:
    """Fetch the document and write it in the form that the file's name asks for."""
    form = "text" if options.out is None else FORMS.get(options.out.suffix)
    if form is None:
        raise InvalidInput(f"{options.out} must end in one of {', '.join(FORMS)}")
    with options.client_of(options) as client:
        client.sign_in()
        document: dict[str, Any] = client.get(f"payouts/{options.number}/document")
    data = invoice_file(document, form, options.language, options.font)
    if options.out is None:
        show(data.decode(), document, as_json=options.json)
        return 0
    options.out.write_bytes(data)
    digest = canonical.digest(document).hex()
    told = {"file": str(options.out), "kind": document["kind"], "sha256": digest}
    show(f"{options.out}: {document['kind']}, sha256:{digest}", told, as_json=options.json)
    return 0
