"""Publish: put the newest checkpoint before the witnesses of the policy, until a quorum signed.

A checkpoint is chosen and stored; each witness is asked on its own, from the size that it has
acknowledged; each cosignature is stored as it comes. Outsiders are shown a checkpoint as soon as
its quorum is there (``published``), and the rest are collected afterwards. A witness that is slow,
down or lying holds up nobody: at most one request to it is on its way, and after a failure it is
left alone for a while. All that has to be remembered is in the database, so that a crash at any
point means no more than that a witness is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import httpx

from ledger.errors import KyojoError
from ledger.log.policy import Policy, Witness
from ledger.period import format_instant, parse_instant
from ledger.service.coop import Coop
from ledger.service.published import (
    Standing,
    cosigned_of,
    is_quorum,
    standing,
    witness_id,
)
from ledger.service.witness_http import Question, Trouble, WitnessFailure, ask
from ledger.store.cosigned import Candidate, WitnessId, WitnessRow
from ledger.store.reading import LogReader

SECONDS_MAX = 10.0  # for one witness's answer, and for a candidate to wait for its quorum
PAUSE_SECONDS = 1.0  # between looks at the log: commits in between are published together
BACKOFF_SECONDS_MAX = 60.0
ROUNDS_MAX = 3

_log = logging.getLogger("kyojo.publish")


@dataclass(frozen=True, slots=True)
class Target:
    """A witness process: one address, under which it may sign with several keys."""

    url: str
    witnesses: tuple[Witness, ...]

    @property
    def ids(self) -> tuple[WitnessId, ...]:
        """The names of its keys in the store."""
        return tuple(witness_id(one.key) for one in self.witnesses)


@dataclass(slots=True)
class _Backoff:
    failures: int = 0
    not_before: float = 0.0


async def publish(coop: Coop, *, seconds_max: float = SECONDS_MAX) -> Standing:
    """Publish the newest checkpoint now and wait for every witness; for cron, and for a person."""
    if coop.policy is not None:
        async with publisher(coop, coop.policy, seconds_max=seconds_max) as once:
            for _ in range(ROUNDS_MAX):
                if not await once.step():
                    break
                await once.settle()
                once.forgive()
                if await once.is_done():
                    break
    return await asyncio.to_thread(standing, coop)


@asynccontextmanager
async def publishing(
    coops: Iterable[Coop],
    *,
    seconds_max: float = SECONDS_MAX,
    pause_seconds: float = PAUSE_SECONDS,
) -> AsyncIterator[None]:
    """Publish the checkpoints of co-ops in the background until the block ends."""
    tasks = [
        asyncio.create_task(_keep_publishing(coop, coop.policy, seconds_max, pause_seconds))
        for coop in coops
        if coop.policy is not None
    ]
    try:
        yield
    finally:
        await _cancel(tasks)


@asynccontextmanager
async def publisher(coop: Coop, policy: Policy, *, seconds_max: float) -> AsyncIterator[Publisher]:
    """A publisher of one co-op; what is on its way is dropped when the block ends."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        timeout=seconds_max, limits=limits, follow_redirects=False
    ) as client:
        found = Publisher(coop, policy, client, seconds_max=seconds_max)
        try:
            yield found
        finally:
            await found.stop()


class Publisher:
    """Asks the witnesses of one co-op; its memory is only who is being asked and who is at rest."""

    def __init__(
        self, coop: Coop, policy: Policy, client: httpx.AsyncClient, *, seconds_max: float
    ) -> None:
        """Publish by ``policy``; a witness has ``seconds_max`` to answer."""
        self._coop = coop
        self._policy = policy
        self._client = client
        self._seconds_max = seconds_max
        self._cosigned = cosigned_of(coop)
        self._targets = targets_of(policy)
        self._complete: int | None = None  # the size that nobody is left to be asked about
        self._on_their_way: dict[str, asyncio.Task[None]] = {}
        self._backoffs = {target.url: _Backoff() for target in self._targets}

    async def step(self) -> bool:
        """Ask every witness that lacks the candidate, is idle and not at rest; whether any is."""
        candidate, lacking = await asyncio.to_thread(self._plan)
        now = asyncio.get_running_loop().time()
        for target, old_size in lacking:
            is_busy = target.url in self._on_their_way
            if candidate is None or is_busy or now < self._backoffs[target.url].not_before:
                continue
            task = asyncio.create_task(self._ask(target, candidate, old_size))
            self._on_their_way[target.url] = task
            task.add_done_callback(partial(self._is_back, target.url))
        return bool(self._on_their_way)

    async def settle(self) -> None:
        """Wait until nobody is being asked."""
        while self._on_their_way:
            await asyncio.wait(list(self._on_their_way.values()))

    def forgive(self) -> None:
        """Let every witness be asked again at once."""
        self._backoffs = {target.url: _Backoff() for target in self._targets}

    async def is_done(self) -> bool:
        """Whether the newest candidate is the log's newest head."""
        newest = await asyncio.to_thread(self._cosigned.newest)
        found = await asyncio.to_thread(standing, self._coop)
        return newest is not None and newest.size >= found.size

    async def stop(self) -> None:
        """Drop what is on its way."""
        await _cancel(list(self._on_their_way.values()))

    def _plan(self) -> tuple[Candidate | None, list[tuple[Target, int]]]:
        """The candidate, and who has not signed it, with the size that each acknowledged."""
        with self._coop.database.read() as connection:
            head = LogReader(connection, self._coop.log.id).head()
        if not head.note or head.size == self._complete:
            return None, []
        candidate = self._cosigned.newest()
        if candidate is None or candidate.size < head.size:
            now = parse_instant(self._coop.clock())
            held_since = format_instant(now - timedelta(seconds=self._seconds_max))
            candidate = self._cosigned.choose(head, held_since=held_since)
        signed = set(self._cosigned.signers().get(candidate.size, ()))
        rows = self._cosigned.witnesses()
        lacking = []
        for target in self._targets:
            old_size = max(rows.get(one, WitnessRow()).size for one in target.ids)
            if old_size <= candidate.size and not signed.issuperset(target.ids):
                lacking.append((target, old_size))
        if not lacking and candidate.size == head.size:
            self._complete = head.size
        return candidate, lacking

    async def _ask(self, target: Target, candidate: Candidate, old_size: int) -> None:
        """Ask one witness and keep what came of it; never raises."""
        try:
            if await self._exchange(target, candidate, old_size):
                self._backoffs[target.url] = _Backoff()
            else:
                self._rest(target)
        except WitnessFailure as failure:
            self._rest(target)
            await self._keep_failure(target, failure)
        except KyojoError as error:
            self._rest(target)
            _log.warning("publishing %s: %s", self._coop.log.slug, error)
        except Exception:  # noqa: BLE001 - a bug met with one witness is not that of the others
            self._rest(target)
            _log.exception("publishing %s failed", self._coop.log.slug)

    async def _exchange(self, target: Target, candidate: Candidate, old_size: int) -> bool:
        """One exchange; whether the witness has signed with all of its keys."""
        keys = tuple(one.key for one in target.witnesses)
        question = Question(candidate.size, candidate.note, old_size, keys)

        def prove(old: int) -> Sequence[bytes]:
            with self._coop.database.read() as connection:
                return LogReader(connection, self._coop.log.id).consistency(old, candidate.size)

        lines = await ask(self._client, target.url, question, prove, seconds_max=self._seconds_max)
        found = {f"{line.name}+{line.key_id.hex()}": line.value for line in lines}
        await asyncio.to_thread(
            self._cosigned.keep, candidate, found, lambda who: is_quorum(self._policy, who)
        )
        missing = [one for one in target.ids if one not in found]
        if missing:
            detail = "it signed with another of its keys only"
            await asyncio.to_thread(
                self._cosigned.set_trouble, missing, Trouble.BAD_SIGNATURE, detail
            )
        return not missing

    def _is_back(self, url: str, _task: asyncio.Task[None]) -> None:
        self._on_their_way.pop(url, None)

    async def _keep_failure(self, target: Target, failure: WitnessFailure) -> None:
        with suppress(KyojoError):  # the database is busy: the next failure is kept
            if failure.trouble is Trouble.AHEAD and failure.size is not None:
                found = await asyncio.to_thread(standing, self._coop)
                if failure.size <= found.size:
                    # Another process of ours has put a newer checkpoint before it.
                    await asyncio.to_thread(self._cosigned.set_size, target.ids, failure.size)
                    return
            await asyncio.to_thread(
                self._cosigned.set_trouble, target.ids, failure.trouble, failure.detail
            )

    def _rest(self, target: Target) -> None:
        backoff = self._backoffs[target.url]
        backoff.failures += 1
        seconds = min(PAUSE_SECONDS * 2**backoff.failures, BACKOFF_SECONDS_MAX)
        backoff.not_before = asyncio.get_running_loop().time() + seconds


def targets_of(policy: Policy) -> tuple[Target, ...]:
    """The witness processes of a policy that have an address; keys with one address are one."""
    found: dict[str, list[Witness]] = {}
    for one in policy.witnesses:
        if one.url is not None:
            found.setdefault(one.url.rstrip("/"), []).append(one)
    return tuple(Target(url, tuple(members)) for url, members in found.items())


async def _keep_publishing(
    coop: Coop, policy: Policy, seconds_max: float, pause_seconds: float
) -> None:
    try:
        async with publisher(coop, policy, seconds_max=seconds_max) as found:
            while True:
                await _look(found, coop)
                await asyncio.sleep(pause_seconds)
    except Exception:
        _log.exception("publishing %s has stopped", coop.log.slug)
        raise


async def _look(found: Publisher, coop: Coop) -> None:
    try:
        await found.step()
    except KyojoError as error:
        _log.warning("publishing %s: %s", coop.log.slug, error)
    except Exception:  # noqa: BLE001 - the next look may fare better; the log goes on
        _log.exception("publishing %s failed", coop.log.slug)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
