"""``kyojo fsck`` over a log of many entries: how fast, and how much memory.

The log holds batches of one record each, the most entries that a co-op can make of its usage. It is
filled in this process, several members at once. The check runs as a process of its own, once when
a tenth of the entries are there and once at the end: if memory grew with the log, it would show.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.coop import SLUG, key_of, member_names, prepare, seen_now
from bench.database import SQLITE, fresh_database
from bench.figure import Figure, median_seconds
from bench.month import Order, make_request, plain_scope
from bench.process import MIB, Run, run_kyojo
from bench.records import batch_sizes
from ledger.log.merkle import leaf_hash, root_hash
from ledger.service.coop import Coop
from ledger.service.submit import submit_usage

ENTRIES = 20_000
ENTRIES_MIN = 40
WRITERS = 16
HASHED = "reading the same rows, one SHA-256 each, and the root"
TENTH = "the same over a tenth of the entries"

Report = Callable[[str, int, int], None]


def check_database(scale: float, report: Report) -> list[Figure]:
    """Entries per second of ``kyojo fsck``, and the peak memory of its process."""
    wanted = max(ENTRIES_MIN, round(ENTRIES * scale))
    members = member_names(WRITERS)
    with (
        TemporaryDirectory(prefix="kyojo-bench-") as name,
        fresh_database(SQLITE, Path(name)) as url,
    ):
        place = prepare(Path(name), url, members)
        installation = place.open()
        try:
            coop = installation.coop(SLUG)
            _fill(coop, members, wanted // 10, lambda done: report("entries", done, wanted))
            small = _run_fsck(place.config)
            rest = wanted - wanted // 10
            _fill(coop, members, rest, lambda done: report("entries", wanted - rest + done, wanted))
            whole = _run_fsck(place.config)
            size = coop.state().size
            hashing = median_seconds(lambda: _hash_rows(coop), 3)
        finally:
            installation.close()
    return [
        Figure("fsck", size / whole.seconds, "entries/s", SQLITE, HASHED, size / hashing),
        Figure(
            "fsck_memory",
            whole.peak_bytes / MIB,
            "MiB",
            SQLITE,
            TENTH,
            small.peak_bytes / MIB,
        ),
    ]


def _fill(coop: Coop, members: list[str], count: int, done: Callable[[int], None]) -> None:
    """Submit batches of one record; each member's one after the other, members at once."""
    seen, scope, state = seen_now(coop), plain_scope(coop), coop.state()
    finished = 0

    def submit_all(member: str, many: int) -> None:
        nonlocal finished
        first = state.keys[key_of(member).address].sequence
        for number in range(first, first + many):
            submit_usage(coop, make_request(Order(member, number, number, 1, seen, scope)))
            finished += 1
            done(finished)

    with ThreadPoolExecutor(len(members)) as pool:
        list(pool.map(submit_all, members, batch_sizes(count, len(members))))


def _run_fsck(config: Path) -> Run:
    return run_kyojo("fsck", "--config", str(config), "--offline", "--json")


def _hash_rows(coop: Coop) -> bytes:
    with coop.reading() as (state, log):
        return root_hash(leaf_hash(data) for data in log.entry_data(0, state.size))
