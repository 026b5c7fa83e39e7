"""What the vault has paid is reported, and what expired is looked for where it can have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.chain.expiries import Expiry
from ledger.chain.node import BlockRef
from ledger.coop.payouts import vault_totals
from ledger.errors import OutOfRange
from ledger.period import parse_instant
from ledger.service import claims_paid
from ledger.service.claims import VaultAccess
from ledger.service.claims_paid import Claimed, read_claimed, report_claimed
from tests.cli.conftest import Kyojo
from tests.cli.test_payout import evm, opened, ordered, vote
from tests.installation import MONTH, Place

ACCESS = VaultAccess("", "0x" + "aa" * 20, "JPY", b"")
RESERVE = "0x" + "9" * 40
WINDOW, STEP = 1_000_000, 1_000
BUS, BIKE = evm("5")["address"], evm("6")["address"]


class Chain:
    """A vault of whole yen on a chain with a block each STEP seconds since the month was over."""

    chain_id = 31337

    def __init__(self, month_end: int) -> None:
        self.month_end = month_end
        self.height = 10
        self.paid: dict[str, int] = {}
        self.expired: list[Expiry] = []
        self.searched: list[tuple[int, int]] = []

    def block(self, number: int) -> BlockRef:
        return BlockRef(number, b"h" * 32, self.month_end + STEP * number)

    def finality(self, _: object) -> Any:
        return SimpleNamespace(final=self.height)

    def find(
        self, _: object, contract: str, origin: str, *, first_block: int, last_block: int
    ) -> list[Expiry]:
        assert contract == ACCESS.contract
        assert origin
        self.searched.append((first_block, last_block))
        return [one for one in self.expired if first_block <= one.block_number <= last_block]

    def let_expire(self, account: str, amount: int, block: int) -> None:
        before = self.paid.get(account, 0)
        self.paid[account] = before + amount
        self.expired.append(
            Expiry(account, RESERVE, amount, before + amount, block, bytes([block % 256]) * 32)
        )


@pytest.fixture
def reading(
    kyojo: Kyojo, place_of: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> tuple[Place, str, Chain]:
    """All of October is ordered from a vault; answers with the order and the vault's chain."""
    place = place_of("settled")
    id_ = ordered(place, kyojo, {"bus": evm("5"), "ev": evm("5"), "bike": evm("6")})
    with opened(place) as coop:
        chain = Chain(int(parse_instant(coop.state().period(MONTH).end).timestamp()))

    @contextmanager
    def open_node(*_: object, **__: object) -> Iterator[Chain]:
        yield chain

    terms = SimpleNamespace(decimals=0, claim_window_seconds=WINDOW)
    said: dict[str, Any] = {
        "open_node": open_node,
        "check_vault": lambda *_: terms,
        "read_publication": lambda *_, **__: SimpleNamespace(root=b"r" * 32),
        "read_paid": lambda _, __, ___, account, **____: chain.paid.get(account, 0),
        "find_expiries": chain.find,
    }
    for name, value in said.items():
        monkeypatch.setattr(claims_paid, name, value)
    return place, id_, chain


def report(place: Place, from_block: int | None = None) -> tuple[Claimed, int]:
    """Read, report, and have it confirmed; answers with what was read and how much was reported."""
    with opened(place) as coop:
        found = read_claimed(coop, ACCESS, from_block=from_block)
        entries = report_claimed(coop, found)
        if entries:
            # While the report waits nothing is searched or reported again.
            again = read_claimed(coop, ACCESS)
            assert (again.lines, report_claimed(coop, again)) == (frozenset(), ())
        vote(coop, "audit")
    return found, len(entries)


def states(place: Place, id_: str) -> dict[str, str]:
    with opened(place) as coop:
        return {one.member: one.state for one in coop.state().orders[id_].lines.values()}


def test_what_expired_is_searched_only_for_lines_that_need_it(
    reading: tuple[Place, str, Chain],
) -> None:
    place, id_, chain = reading
    with opened(place) as coop:
        totals = vault_totals(coop.state(), "JPY", through=MONTH)
        lines = coop.state().orders[id_].lines.values()
        first, other = (one for one in lines if one.account == BUS)
    # Whoever claims within the window costs no search.
    chain.paid[BUS] = first.amount_minor
    assert report(place)[1] == 1
    assert states(place, id_) == {first.member: "paid", other.member: "ordered", "bike": "ordered"}
    chain.height = 3_000
    assert report(place)[1] == 0
    assert chain.searched == [], "no line is settled and not reported"
    chain.let_expire(BIKE, totals[BIKE], 1_500)
    chain.paid[BUS] = totals[BUS]
    found, entries = report(place)
    assert (entries, found.searched_from, chain.searched) == (1, 1_000, [(1_000, 3_000)])
    assert json.loads(found.evidence)["searched_from"] == 1_000
    assert states(place, id_) == {"bus": "paid", "ev": "paid", "bike": "expired"}
    # All is reported: nothing is searched, whatever the height, unless it is asked for.
    chain.height = 100_000_000
    assert report(place)[1] == 0
    assert len(chain.searched) == 1
    found, entries = report(place, 0)
    assert (entries, chain.searched[-1]) == (0, (0, 100_000_000))
    assert found.expired.keys() == {BIKE}
    found, entries = report(place, 50_000)
    assert (entries, found.expired) == (0, {}), "what had expired before is not paid now"
    for block in (-1, 100_000_001):
        with pytest.raises(OutOfRange, match="開始ブロック"):
            report(place, block)
