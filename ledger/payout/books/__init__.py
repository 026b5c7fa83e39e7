"""The journal as text for bookkeeping programs, and the settlement as a FOCUS table.

Deterministic: the same journal gives the same bytes. Each writer declares what it uses
(commodities with their digits, accounts), so that a strict check of the program finds nothing
undeclared, and asserts the balances that the co-op's state has at its checkpoints, so that the
program checks them by its own arithmetic.
"""
