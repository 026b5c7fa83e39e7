"""A member erases records of its own: finding them on the server, and signing their erasure.

The client keeps no lines, salts or seeds; the lines that a member has elsewhere are for the member
to destroy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ledger.client.member import MemberClient
from ledger.coop.bodies import RecordsErased
from ledger.coop.erasure import RECORDS_ERASED

Progress = Callable[[int, int], None]


def find_own(
    client: MemberClient, payer: str, progress: Progress = lambda _done, _all: None
) -> list[dict[str, Any]]:
    """The member's own records of a payer: ``batch`` and ``records`` of each batch; sign in first.

    ``progress`` is told how many entries of how many were looked at.
    """
    found: list[dict[str, Any]] = []
    start: int | None = 0
    while start is not None:
        page = client.ask("usage/places", {"payer": payer, "start": start})
        found += page["found"]
        start = page["next"]
        progress(page["size"] if start is None else start, page["size"])
    return found


def erase(client: MemberClient, batch: int, records: Sequence[int], reason: str) -> dict[str, Any]:
    """Erase records of one batch: the member's own at once, another's only by quorum."""
    body = RecordsErased(batch=batch, records=list(records), reason=reason)
    return client.submit_entry(RECORDS_ERASED, body)
