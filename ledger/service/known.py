"""Known: which record ids a member has used, so that a client can drop them before it signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ledger.errors import TooLarge
from ledger.service.coop import Coop
from ledger.service.read import require_member
from ledger.service.sign_in import Reader
from ledger.store.record_ids import USED, hasher

IDS_MAX = 20_000


def known_ids(coop: Coop, reader: Reader, ids: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Of the ids asked for (period → ids), those that the reader's member has used already."""
    member = require_member(reader)
    count = sum(len(row) for row in ids.values())
    if count > IDS_MAX:
        raise TooLarge(f"ask for at most {IDS_MAX} ids at a time, not {count}")
    hash_of = hasher(coop.log.id_key)
    wanted = {
        hash_of(USED, member, period, record_id): (period, record_id)
        for period, row in ids.items()
        for record_id in row
    }
    with coop.reading() as (_, log):
        places = log.places(list(wanted))
    found: dict[str, list[str]] = {}
    for id_hash in places:
        period, record_id = wanted[id_hash]
        found.setdefault(period, []).append(record_id)
    return {period: sorted(row) for period, row in sorted(found.items())}
