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
from ledger.coop.state import OrderedLine
from ledger.coop.submission import Submission
from ledger.errors import OutOfRange
from ledger.period import parse_instant
from ledger.service import claims_paid
from ledger.service.claims import VaultAccess
from ledger.service.claims_paid import Claimed, read_claimed, report_claimed
from ledger.service.submit import submit
from tests.cli.conftest import Kyojo
from tests.cli.test_payout import evm, name_account, opened, vote
from tests.installation import MONTH, Place, ballot

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
) -> tuple[Place, Chain]:
    """All of October is ordered from a vault, by two orders; answers with the vault's chain.

    That of the bus was proposed after the other and approved before it.
    """
    place = place_of("settled")
    proposed: list[str] = []
    for accounts in ({"ev": evm("5"), "bike": evm("6")}, {"bus": evm("5")}):
        with opened(place) as coop:
            for firm, account in accounts.items():
                name_account(coop, firm, account)
        assert kyojo("payout", "propose").code == 0
        with opened(place) as coop:
            proposed += coop.state().proposals.keys() - set(proposed)
    with opened(place) as coop:
        for id_ in reversed(proposed):
            for who in ("bus", "ev"):
                submit(coop, Submission(ballot(coop, who, id_)))
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
    return place, chain


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


def lines_of(place: Place) -> dict[str, OrderedLine]:
    with opened(place) as coop:
        orders = coop.state().orders.values()
    return {line.member: line for one in orders for line in one.lines.values()}


def states(place: Place) -> dict[str, str]:
    return {member: line.state for member, line in lines_of(place).items()}


def test_what_expired_is_searched_only_for_lines_that_need_it(
    reading: tuple[Place, Chain],
) -> None:
    place, chain = reading
    amounts = {member: line.amount_minor for member, line in lines_of(place).items()}
    # Whoever claims within the window costs no search.
    chain.paid[BUS] = amounts["bus"]
    assert report(place)[1] == 1
    assert states(place) == {"bus": "paid", "ev": "ordered", "bike": "ordered"}
    chain.height = 3_000
    assert report(place)[1] == 0
    assert chain.searched == [], "no line is settled and not reported"
    chain.let_expire(BIKE, amounts["bike"], 1_500)
    chain.paid[BUS] += amounts["ev"]
    found, entries = report(place)
    assert (entries, found.searched_from, chain.searched) == (1, 1_000, [(1_000, 3_000)])
    assert json.loads(found.evidence)["searched_from"] == 1_000
    assert states(place) == {"bus": "paid", "ev": "paid", "bike": "expired"}
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
