"""What expired in a vault is found from the first block on in which it can be, window by window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi.abi import encode

from contracts import load_contract
from ledger.chain import expiries
from ledger.chain.anchor import origin_hash
from ledger.chain.expiries import WINDOW, WINDOW_EMBEDDED, find_expiries, first_block_at
from ledger.chain.node import LogEntry
from ledger.errors import ChainUnavailable, OutOfRange
from ledger.identity.keccak import keccak

ORIGIN = "ledger.example.jp/kaga-mobility"
ACCOUNT, RESERVE = "0x" + "55" * 20, "0x" + "7e" * 20


class Chain:
    """A node with a block every ten seconds and one expiry, in block 45."""

    is_embedded = True

    def __init__(self, height: int) -> None:
        self.height = height
        self.asked: list[tuple[int, int]] = []

    def block(self, number: int) -> Any:
        return SimpleNamespace(timestamp=1000 + 10 * number) if number <= self.height else None

    def logs(self, contract, topics, *, first_block, last_block):
        self.asked.append((first_block, last_block))
        assert topics == [expiries._EXPIRED, origin_hash(ORIGIN)]
        words = [bytes(12) + bytes.fromhex(one[2:]) for one in (ACCOUNT, RESERVE)]
        entry = LogEntry(45, b"t" * 32, (*topics, *words), encode(["uint256"] * 2, [7, 30]))
        return [entry] if first_block <= 45 <= last_block else []


def test_the_event_is_the_contracts():
    (event,) = (one for one in load_contract("RevenueVault").abi if one.get("name") == "Expired")
    kinds = ",".join(field["type"] for field in event["inputs"])
    assert keccak(f"Expired({kinds})".encode()) == expiries._EXPIRED
    assert [field["name"] for field in event["inputs"] if field["indexed"]] == [
        "originHash", "account", "reserve",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "first"), [(0, 0), (1000, 0), (1001, 1), (1455, 46), (1600, 60), (1601, 61)]
)
def test_the_first_block_of_a_time_is_found(moment, first):
    assert first_block_at(Chain(60), moment, last_block=60) == first


def test_a_node_that_lacks_a_block_is_told():
    with pytest.raises(ChainUnavailable, match="does not have block"):
        first_block_at(Chain(10), 10_000, last_block=60)


def test_an_expiry_is_found_and_read():
    chain: Any = Chain(60)
    (found,) = find_expiries(chain, "0xc0", ORIGIN, first_block=21, last_block=60)
    assert (found.account, found.reserve) == (ACCOUNT, RESERVE)
    assert (found.amount, found.cumulative, found.block_number) == (7, 30, 45)
    assert chain.asked == [(21, 40), (41, 60)]
    assert find_expiries(chain, "0xc0", ORIGIN, first_block=61, last_block=60) == []
    chain.is_embedded = False
    assert len(find_expiries(chain, "0xc0", ORIGIN, first_block=0, last_block=60)) == 1
    assert chain.asked[-1] == (0, 60)
    assert WINDOW_EMBEDDED < 60 < WINDOW
    with pytest.raises(OutOfRange, match="too many"):
        find_expiries(chain, "0xc0", ORIGIN, first_block=0, last_block=10**9)
