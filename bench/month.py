"""Figures of a whole month: closing it, every member's statement, and the audit of all of it.

The month is filled in this process, through the same function that the server calls for a request;
its members' batches are encoded, sealed and signed by other processes meanwhile. Nothing is kept
from one run to the next.
"""

from __future__ import annotations

import base64
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.bare import BareRows, hash_twice
from bench.coop import SLUG, admit, approve, key_of, member_names, prepare, seen_now
from bench.database import SQLITE, fresh_database, second_database
from bench.figure import Figure, median_seconds, seconds_of
from bench.process import MIB, Run, run_kyojo
from bench.records import MONTH, batch_sizes, make_records, parts
from ledger import canonical
from ledger.client.records import encode_record
from ledger.coop.signing import Seen, sign_entry
from ledger.service.coop import Coop
from ledger.service.export import export_bundle, export_trust
from ledger.service.office import blob_reference
from ledger.service.periods import begin_closing, close_period
from ledger.service.settle import propose_settlement, settle
from ledger.service.sign_in import Reader
from ledger.service.statements import statements
from ledger.service.submit import submit_usage
from ledger.store.reading import Filter
from ledger.usage.batch import Scope, seal_batch

RECORDS = 1_000_000
MEMBERS = 1_000
MEMBERS_MIN = 3
AUDIT_SECONDS_MAX = 5.0  # asked of the audit of 1,000,000 records on two cores
AHEAD = 16  # batches that may wait for the sequencer
OFFICE = Reader("office", ("operator",))

BARE_SUMS = "SELECT SUM … GROUP BY over bare rows"
TWO_HASHES = "hashlib.sha256, two hashes a record"
TENTH = "the same over a tenth of the records"


@dataclass(frozen=True, slots=True)
class Filled:
    """A month full of usage, not closed yet, and where its rows without a ledger go.

    ``tenth`` is the audit bundle of the log when it held a tenth of the records.
    """

    coop: Coop
    folder: Path
    url: str
    members: list[str]
    sizes: list[int]
    tenth: Path


@contextmanager
def filled_month(scale: float, report: Callable[[str, int, int], None]) -> Iterator[Filled]:
    """A co-op with the records of a month on SQLite, gone when the block ends."""
    members = member_names(max(MEMBERS_MIN, round(MEMBERS * scale)))
    sizes = batch_sizes(max(MEMBERS_MIN, round(RECORDS * scale)), len(members))
    with TemporaryDirectory(prefix="kyojo-bench-") as name:
        folder = Path(name)
        with fresh_database(SQLITE, folder) as url:
            installation = prepare(folder, url, members).open()
            try:
                coop = installation.coop(SLUG)
                admit(coop, members, lambda done, all_: report("members", done, all_))
                tenth = folder / "tenth.zip"
                _fill(coop, members, sizes, tenth, report)
                yield Filled(coop, folder, url, members, sizes, tenth)
            finally:
                installation.close()


def close_month(filled: Filled, report: Callable[[str, int, int], None]) -> list[Figure]:
    """Seconds from period-closing to the settlement proposed, and for all statements."""
    coop = filled.coop
    closing = seconds_of(lambda: _close(coop))
    approve(coop)
    settle(coop, MONTH)
    telling = median_seconds(lambda: _tell_all(coop, len(filled.members)), 3)
    summing = _bare_sums(filled, report)
    return [
        Figure("close_month", closing, "s", SQLITE, BARE_SUMS, summing),
        Figure("close_month_statements", telling, "s", SQLITE, BARE_SUMS, summing),
    ]


def audit_offline(filled: Filled, report: Callable[[str, int, int], None]) -> list[Figure]:
    """``kyojo audit verify`` over the bundle of the whole month: seconds, and peak memory.

    The limit is for 1,000,000 records on two cores; at another scale there is none.
    """
    bundle, trust = filled.folder / "audit.zip", filled.folder / "trust.toml"
    export_bundle(filled.coop, bundle, lambda done, all_: report("export", done, all_))
    export_trust(filled.coop, trust)
    small, whole = verify_offline(filled.tenth, trust), verify_offline(bundle, trust)
    batches = list(_stored_batches(filled.coop))
    hashing = median_seconds(lambda: hash_twice(batches), 3)
    peaks = (whole.peak_bytes / MIB, small.peak_bytes / MIB)
    limit = AUDIT_SECONDS_MAX if sum(filled.sizes) == RECORDS else None
    return [
        Figure("audit_offline", whole.seconds, "s", SQLITE, TWO_HASHES, hashing, limit),
        Figure("audit_processor", whole.processor_seconds, "s", SQLITE, TWO_HASHES, hashing),
        Figure("audit_memory", peaks[0], "MiB", SQLITE, TENTH, peaks[1]),
    ]


def _close(coop: Coop) -> None:
    begin_closing(coop, MONTH)
    close_period(coop, MONTH)
    propose_settlement(coop, MONTH)


def _tell_all(coop: Coop, members: int) -> None:
    found = statements(coop, OFFICE, MONTH)
    if len(found) != members:
        raise RuntimeError(f"{len(found)} statements were made for {members} members")


def verify_offline(bundle: Path, trust: Path) -> Run:
    return run_kyojo("audit", "verify", str(bundle), "--trust", str(trust), "--json")


def _stored_batches(coop: Coop) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
    with coop.reading() as (state, log):
        start = 0
        while start < state.size:
            rows = log.search(Filter(kind="usage-batch"), start=start)
            for held in (log.batch(row.index) for row in rows):
                if held.seed is not None:
                    yield held.seed, held.lines
            start = rows[-1].index + 1 if rows else state.size


def _bare_sums(filled: Filled, report: Callable[[str, int, int], None]) -> float:
    bare = BareRows(second_database(filled.url))
    done = 0
    try:
        for member, size in zip(filled.members, filled.sizes, strict=True):
            for start, count in parts(size):
                bare.insert(member, list(make_records(member, start, count)))
                done += count
                report("bare rows", done, sum(filled.sizes))
        return median_seconds(lambda: bare.sums(f"{MONTH}-01", f"{MONTH}-32"), 3)
    finally:
        bare.close()


@dataclass(frozen=True, slots=True)
class Order:
    """A batch to be made: whose, its number of the key, which records."""

    member: str
    sequence: int
    start: int
    count: int
    seen: Seen
    scope: Scope


def _fill(
    coop: Coop,
    members: list[str],
    sizes: list[int],
    tenth: Path,
    report: Callable[[str, int, int], None],
) -> None:
    seen = seen_now(coop)
    scope = plain_scope(coop)
    orders = [
        Order(member, sequence, start, count, seen, scope)
        for member, size in zip(members, sizes, strict=True)
        for sequence, (start, count) in enumerate(parts(size), start=_next(coop, member))
    ]
    done = 0
    for number, (order, request) in enumerate(_made(orders), start=1):
        submit_usage(coop, request)
        done += order.count
        report("records", done, sum(sizes))
        if number == max(1, len(orders) // 10):
            export_bundle(coop, tenth, lambda _done, _all: None)


def plain_scope(coop: Coop) -> Scope:
    """What records may refer to now, in a form that can be sent to another process."""
    scope = coop.state().scope()
    names = (frozenset(part) for part in (scope.facilities, scope.metrics, scope.charges))
    return Scope(scope.calendar, *names)


def _next(coop: Coop, member: str) -> int:
    return coop.state().keys[key_of(member).address].sequence


def _made(orders: list[Order]) -> Iterator[tuple[Order, bytes]]:
    """The requests in order, a few of them made ahead by other processes."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2) - 1), spawn) as pool:
        waiting = iter(orders)
        ahead = [(order, pool.submit(make_request, order)) for order in islice(waiting, AHEAD)]
        while ahead:
            order, promised = ahead.pop(0)
            yield order, promised.result()
            ahead += [(more, pool.submit(make_request, more)) for more in islice(waiting, 1)]


def make_request(order: Order) -> bytes:
    """The request of a batch: encoded, sealed with a seed made from its place, signed."""
    records = make_records(order.member, order.start, order.count)
    lines = [encode_record(record) for record in records]
    seed = sha256(f"seed {order.member} {order.start}".encode()).digest()
    salt = sha256(f"salt {order.member} {order.start}".encode()).digest()
    sealed = seal_batch(lines, order.scope, seed=seed, salt=salt)
    body = {
        "count": len(lines),
        "root": sealed.root.hex(),
        "totals": blob_reference(sealed.totals_blob),
        "account": "own",
        "custody": "ledger",
        "source": None,
    }
    draft = sign_entry(
        key_of(order.member), order.seen, kind="usage-batch", sequence=order.sequence, body=body
    )
    head = {
        "entry": draft.document(),
        "salt_seed": seed.hex(),
        "totals": base64.b64encode(sealed.totals_blob).decode(),
    }
    return b"\n".join([canonical.encode(head), *lines]) + b"\n"
