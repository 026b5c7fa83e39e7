"""The terms of the documents that go with payments, as commands are given them."""

from __future__ import annotations

from pathlib import Path

from ledger.cli.files import read_file
from ledger.service.coop import Coop
from ledger.service.notice_terms import NoticeTerms, parse_notice_terms
from ledger.wiring import Installation


def said_terms(path: Path | None, installation: Installation, coop: Coop) -> NoticeTerms | None:
    """Those of a file, else those that the configuration names; None if it names none."""
    if path is not None:
        return parse_notice_terms(read_file(path))
    return installation.notice_terms(coop.log.slug)
