"""From settled amounts to money that arrives: netting, bank files, claims, invoices, books.

Pure: bytes and values in, bytes and values out. What is due to whom is the co-op's state; who may
order a payment is ``ledger.coop``; sending is for the bank and the chain.
"""
