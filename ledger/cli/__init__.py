"""The command ``kyojo``: arguments in, one service call, text or ``--json`` out."""

from ledger.cli.main import main

__all__ = ["main"]
