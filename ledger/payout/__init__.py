"""From settled amounts to money that arrives: netting, bank files, claims, invoices, books.

Pure: bytes and values in, bytes and values out. What is due to whom is the co-op's state; who may
order a payment is ``ledger.coop``; sending is for the bank and the chain.

``netting`` makes payments (``line``) of what is due; ``account`` is where they go. ``zengin_order``
writes them as a Japanese transfer file (``zengin`` is the format, ``kana`` its letters,
``bank_calendar`` its days), ``pain001`` as an ISO 20022 message. ``camt053`` and ``bank_csv`` read
what the bank did, and ``results`` sets it against what was ordered. ``invoice`` says what a payment
is for, and its tax; ``parties`` who may issue one.
"""
