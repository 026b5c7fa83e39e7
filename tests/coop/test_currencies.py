"""Two currencies: what a correction posts is money of its months, and never mixes with another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import canonical
from ledger.coop.bookkeeping import keep_books
from ledger.coop.dues import owed_by, payable
from ledger.coop.state import parse_state, state_document
from ledger.payout.books.beancount import beancount_ledger
from ledger.payout.books.hledger import hledger_journal
from tests.builder import FIRMS, World
from tests.coop.currencies import (
    CHF,
    JPY,
    LAST,
    LATER,
    YEN,
    adopt,
    due,
    earn,
    pay,
    set_destinations,
    settle_month,
    two_currencies,
)
from tests.coop.months import Row, correct, open_month, submit
from tests.coop.payable_months import figures
from tests.coop.stages import MONTH, fork
from tests.payout.test_books import bean_check, hledger_checks

ORDERS = {"yen first": (JPY, CHF), "francs first": (CHF, JPY)}


@pytest.fixture(scope="module", params=ORDERS)
def corrected(request: pytest.FixtureRequest) -> World:
    """October was settled and paid in yen, then corrected; November earns francs."""
    world = two_currencies(ORDERS[request.param])
    submit(world, Row(MONTH, "ev", "ev-late", 200))
    correct(world)
    earn(world, LATER, 400_00, "CHF")
    return world


@pytest.fixture
def world(corrected: World) -> World:
    return fork(corrected)


def net_of(world: World) -> dict[str, int]:
    """What the correction posted with November, in yen: the ev gains, the others lose."""
    (net,) = world.state.period(LATER).posted.values()
    assert net["ev"] > 0 > max(net["bus"], net["bike"])
    return dict(net)


def test_a_posting_settles_in_its_own_currency(world: World) -> None:
    net, before = net_of(world), due(world, "JPY")
    owed = {firm: -net[firm] for firm in ("bike", "bus")}
    assert owed_by(world.state, "CHF") == {}
    assert owed_by(world.state, "JPY") == owed
    settle_month(world, LATER)
    assert due(world, "CHF") == {"bus": 200_00, "ev": 120_00, "bike": 80_00}
    assert due(world, "JPY") == {**before, "ev": before["ev"] + net["ev"]}
    assert world.state.balances["JPY"].receivables == owed
    assert world.state.balances["CHF"].receivables == {}
    assert figures(world, LATER, "ev") is None  # the lines are all of its francs
    assert parse_state(canonical.encode(state_document(world.state))) == world.state


def test_from_a_correction_to_the_payout_in_both_currencies(world: World) -> None:
    net = net_of(world)
    settle_month(world, LATER)
    set_destinations(world, "CHF")
    assert pay(world, "JPY") == {"ev": net["ev"]}
    assert pay(world, "CHF") == {"bus": 200_00, "ev": 120_00, "bike": 80_00}
    assert payable(world.state, "JPY") == payable(world.state, "CHF") == {}


@pytest.mark.parametrize("judge", [hledger_checks, bean_check], ids=["hledger", "beancount"])
def test_the_books_of_both_currencies_add_up(
    world: World, judge: Callable[..., object], tmp_path: Path
) -> None:
    settle_month(world, LATER)
    set_destinations(world, "CHF")
    for currency in ("JPY", "CHF"):
        pay(world, currency)
    journal = keep_books(world.entries, world)
    if judge is hledger_checks:
        done = hledger_checks(hledger_journal(journal))
    else:
        done = bean_check(beancount_ledger(journal), tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_debt_is_offset_in_the_next_month_of_its_own_currency(world: World) -> None:
    net = net_of(world)
    settle_month(world, LATER)
    adopt(world, YEN, version=3, since=LAST)
    open_month(world, LAST)
    earn(world, LAST, 900_000, "JPY")
    before = due(world, "JPY")
    settle_month(world, LAST)
    assert world.state.period(LAST).currency == "JPY"
    got = {"bus": 450_000 + net["bus"], "ev": 270_000, "bike": 180_000 + net["bike"]}
    assert {firm: due(world, "JPY")[firm] - before[firm] for firm in FIRMS} == got
    assert world.state.balances["JPY"].receivables == {}
    keep_books(world.entries, world)


@pytest.mark.parametrize("currencies", ORDERS.values(), ids=ORDERS)
def test_what_a_dispute_held_is_given_back_in_its_own_currency(currencies) -> None:
    rules = YEN + "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 60}\n"
    world = two_currencies(currencies, rules=rules, disputed=True)
    (id_,) = world.state.disputes
    held = dict(world.state.disputes[id_].held)
    assert held["ev"] > 0
    world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "it was not"})
    earn(world, LATER, 400_00, "CHF")
    assert world.state.period(LATER).posted == {id_: held}
    before = due(world, "JPY")
    settle_month(world, LATER)
    assert due(world, "CHF") == {"bus": 200_00, "ev": 120_00, "bike": 80_00}
    assert due(world, "JPY") == {one: before[one] + held.get(one, 0) for one in FIRMS}
    keep_books(world.entries, world)


def test_what_is_posted_in_the_first_currency_says_none() -> None:
    world = two_currencies([JPY, CHF])
    submit(world, Row(MONTH, "ev", "ev-late", 200))
    correct(world)
    assert "currencies" not in state_document(world.state)["periods"][LATER]
