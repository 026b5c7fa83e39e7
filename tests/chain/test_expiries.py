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
from ledger.coop.payout_results import LineResult
from ledger.coop.state import OrderedLine, PayoutOrder
from ledger.errors import ChainUnavailable, OutOfRange
from ledger.identity.keccak import keccak
from ledger.service.expiry_search import Mark, Unsure, unsure_lines

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
    with pytest.raises(OutOfRange, match=r"too many.*--from-block.*開始ブロック"):
        find_expiries(chain, "0xc0", ORIGIN, first_block=0, last_block=10**9)


def order_of(month: str, index: int, **states: str) -> PayoutOrder:
    """An order of 100 to ACCOUNT for each line that is named."""
    lines = {id_: OrderedLine(id_, 100, "", ACCOUNT, 0, state) for id_, state in states.items()}
    return PayoutOrder(month, "JPY", "vault", index, lines)


def row(line: str, outcome: Any, reference: str) -> LineResult:
    return LineResult(id=line, outcome=outcome, date="2026-11-01", reference=reference, reason="")


@pytest.mark.parametrize(
    ("reference", "settled", "second"),
    [
        ("vault to block 40, settled 100", 200, (41, "2026-11")),
        # A false tree has settled a part of what was ordered later: all is searched again.
        ("vault to block 40, settled 101", 200, (0, "2026-10")),
        ("vault to block 40, settled 100", 201, (0, "2026-10")),
        # A block that is to come, nobody has searched.
        ("vault to block 61, settled 100", 200, (0, "2026-11")),
        ("vault to block 040, settled 100", 200, (0, "2026-11")),
        ("vault", 200, (0, "2026-11")),
        ("vault to block 40, settled 100", 199, None),
        ("vault to block 40, settled 200", 200, (0, "2026-10")),
    ],
)
def test_a_search_begins_where_a_confirmed_report_ended(reference, settled, second):
    orders = {"one": order_of("2026-10", 5, a="paid"), "two": order_of("2026-11", 9, b="ordered")}
    reported = {"a": [row("a", "expired", "vault to block 50, settled 100"),
                      row("a", "paid", reference)]}  # fmt: skip
    found = unsure_lines(orders, {ACCOUNT: settled}, reported, last_block=60)
    mark = Mark.parse(reference)
    is_sure = mark is not None and mark.block <= 60
    assert [one.line for one in found] == ([] if is_sure else ["a"]) + (["b"] if second else [])
    if second is not None:
        assert found[-1] == Unsure("b", "ordered", *second)
    if is_sure:
        assert mark is not None
        assert mark.text == reference
