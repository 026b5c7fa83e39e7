"""docs/authority.md is the table that the code enforces."""

from __future__ import annotations

import re
from pathlib import Path

from ledger.coop.authority import KINDS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "authority.md"


def test_the_page_is_the_table() -> None:
    row = re.compile(r"^\| `([a-z-]+)` \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
    rows = row.findall(PAGE.read_text("utf-8"))
    expected = [
        (
            name,
            ", ".join(kind.write),
            "–" if kind.approve is None else f"{kind.approve[1]} of {', '.join(kind.approve[0])}",
            kind.summary,
        )
        for name, kind in KINDS.items()
    ]
    assert rows == expected
