"""Outside: what is known of a log elsewhere than in its database, asked before it is written to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import httpx

from ledger.chain.anchor import read_head
from ledger.chain.node import open_node
from ledger.coop.logkeys import in_force
from ledger.coop.state import State
from ledger.coop.successors import known_targets
from ledger.errors import KyojoError, NotFound, ReadOnly, Unavailable
from ledger.log.checkpoint import open_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import parse_vkey
from ledger.log.policy import Policy
from ledger.log.witness import ANSWER_BYTES_MAX
from ledger.store.outside import OutsideHead

ANSWER_SECONDS = 10.0
WITNESS_SECONDS = 3.0
ASKED_AT_ONCE = 16

Source = Callable[[State], Iterable[OutsideHead]]

_log = logging.getLogger("kyojo.outside")


def ask_all(state: State, sources: Iterable[Source]) -> list[OutsideHead]:
    """The heads that the sources hold. One that does not answer is logged and passed over."""
    found: list[OutsideHead] = []
    for source in sources:
        try:
            found += source(state)
        except ReadOnly:
            raise
        except (Unavailable, NotFound) as error:
            _log.warning("the log's head could not be compared: %s", error.message)
    return found


def heads_at_witnesses(policy: Policy, origin: str, state: State) -> list[OutsideHead]:
    """The newest checkpoints that the policy's witnesses hold of this log, as far as they answer.

    Only what the log itself has signed counts: a witness cannot invent a head.
    """
    keys = {log.key for log in policy.logs if log.key.name == origin}
    keys |= {parse_vkey(vkey) for vkey in in_force(state.log_keys)}
    verifiers = list(map(verifier_of, keys))
    witnesses = [one for one in policy.witnesses if one.url is not None]
    if not witnesses or not verifiers:
        return []
    path = f"/{sha256(origin.encode()).hexdigest()}/checkpoint"
    urls = [f"{one.url}".rstrip("/") + path for one in witnesses]
    # In a thread of its own: the caller may be in an event loop, and a deadline needs one.
    with ThreadPoolExecutor(max_workers=1) as thread:
        notes = thread.submit(asyncio.run, _fetch_all(urls)).result()
    found = []
    for one, note in zip(witnesses, notes, strict=True):
        try:
            head = open_checkpoint(note, origin=origin, verifiers=verifiers).checkpoint
        except KyojoError as error:
            _log.warning("the witness %s could not be compared with: %s", one.name, error)
            continue
        found.append(OutsideHead(f"the witness {one.name}", head.size, head.root))
    return found


async def _fetch_all(urls: Sequence[str]) -> list[bytes]:
    async with httpx.AsyncClient(timeout=WITNESS_SECONDS) as client:
        return await asyncio.gather(*(_fetch(client, url) for url in urls))


async def _fetch(client: httpx.AsyncClient, url: str) -> bytes:
    """A small answer within the time; empty if there is none, for whatever reason."""
    data = b""
    try:
        async with asyncio.timeout(WITNESS_SECONDS), client.stream("GET", url) as response:
            response.raise_for_status()
            async for part in response.aiter_raw():
                data += part
                if len(data) > ANSWER_BYTES_MAX:
                    return b""
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError):
        return b""
    return data


def heads_on_chain(url: str, state: State) -> list[OutsideHead]:
    """What the log's contracts on one chain hold, past ones too; raises ChainUnavailable.

    A log without entries names no contract yet.
    """
    if state.charter is None or not state.charter.anchors:
        return []
    with open_node(url, wait_seconds=ANSWER_SECONDS) as node:
        return [
            OutsideHead(f"the contract {target.contract} on chain {target.chain_id}", *head)
            for index, target in known_targets(state)
            if target.chain_id == node.chain_id
            # A successor that is not there must not keep the log from naming another.
            if index == 0 or node.code_hash(target.contract).hex() == target.code_hash
            for found in [read_head(node, target.contract, state.charter.origin)]
            for head in [(found.size, found.root)]
        ]
