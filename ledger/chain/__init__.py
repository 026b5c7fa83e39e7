"""The chain side of the ledger: embedded EVM, any JSON-RPC node, anchors, and the outbox.

A module imports only from those above it: ``embedded`` (an EVM in a file), ``node`` (one adapter
for it and for JSON-RPC), ``anchor`` (what CheckpointAnchor understands), ``goals`` (what a
transaction is sent for), ``outbox`` (sending without losing or repeating anything), ``evidence``
(what an offline auditor is handed).
"""
