"""Several processes answer what one does, in the same order."""

from __future__ import annotations

from dataclasses import replace

from ledger.service.fsck.batch_pool import AHEAD, BatchPool
from ledger.service.fsck.batches import BatchTask, check_batch
from ledger.service.fsck.fold import plain_scope
from ledger.usage.batch import seal_batch
from ledger.usage.totals import parse_totals
from tests.builder import SALT, World, record


def tasks() -> list[BatchTask]:
    world = World()
    world.prepare(with_usage=False)
    scope = plain_scope(world.state.scope())
    found = []
    for index in range(3 * AHEAD):
        lines = [record(f"r{index}-{number}") for number in range(3)]
        sealed = seal_batch(lines, scope, seed=bytes([index]) * 32, salt=SALT)
        task = BatchTask(
            index=index, seed=sealed.seed, lines=b"\n".join(lines), leaves=None, count=3,
            root=sealed.root.hex(), totals=parse_totals(sealed.totals_blob), member="bus",
            scope=scope, id_key=bytes(32),
        )  # fmt: skip
        found.append(task)
    found[4] = replace(found[4], seed=bytes(32))
    found[5] = replace(found[5], lines=b"{}\n{}\n{}")
    return found


def answers(jobs: int) -> list[object]:
    with BatchPool(jobs, worth_bytes=0) as pool:
        found = []
        for task in tasks():
            pool.add(task)
            found += pool.ready()
        return [*found, *pool.rest()]


def test_two_processes_find_what_one_finds():
    alone = answers(1)
    assert alone == [check_batch(task) for task in tasks()]
    assert answers(2) == alone
    damaged = [result.index for result in alone if result.faults]
    assert damaged == [4, 5]
