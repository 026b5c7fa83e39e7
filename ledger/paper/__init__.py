"""Documents on paper: what a member reads, keeps, prints and passes to its bookkeeper.

``files`` writes a member statement (``ledger.coop.grounds``), ``invoice_files`` an invoice or
payment notice (``ledger.payout.invoice``): ``statement_view`` and ``invoice_view`` turn them into
texts of one language; ``html``, ``pdf``, ``invoice_pdf`` and ``table`` set these. Nothing of a
statement is verified here: verify it first, and keep its JSON, which is what proves. An invoice is
computed again before it is shown.
"""

from ledger.paper import files, invoice_files

__all__ = ["files", "invoice_files"]
