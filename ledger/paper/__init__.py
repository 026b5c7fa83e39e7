"""A statement on paper: what a member reads, keeps, prints and passes to its bookkeeper.

``statement_view`` turns a member statement (``ledger.coop.grounds``) into texts of one language;
``html``, ``pdf`` and ``table`` write them as a page, a printed document and a CSV table. Nothing is
verified here: verify the statement first, and keep its JSON, which is what proves.
"""
