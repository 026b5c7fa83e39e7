"""The books are a reading of the fold: RULES.md section 12, invariant 16."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.coop.authority import default_authority
from ledger.coop.bookkeeping import keep_books
from ledger.coop.dues import payable
from ledger.errors import InvariantViolated
from ledger.log.merkle import leaf_hash
from ledger.payout.chart import CHART, CLEARING, Account, place_of
from ledger.payout.journal import Journal, add_up, between, check_journal, through, used_accounts
from tests.builder import RULES, World, authority, charter, record
from tests.coop.bookkept import CHARGING, FIRMS, full_months
from tests.coop.months import Row, correct, new_world, open_month, revenue, settle, submit
from tests.coop.payments import order, report
from tests.coop.payout_bodies import set_destination
from tests.coop.stages import MONTH, change_charter, fork
from tests.coop.test_guarantees import FLOOR


def books(world: World) -> Journal:
    return keep_books(world.entries, world)


def total(journal: Journal, *headings: str) -> int:
    sums = add_up(journal.transactions)
    return sum(amount for (account, _), amount in sums.items() if account.heading in headings)


def check_equation(world: World, *not_money: str) -> Journal:
    """What came in went somewhere: payouts + suspense + funds + carry = pools, from the state."""
    journal = books(world)
    balances = world.state.balances["JPY"]
    paid = sum(one.paid for one in world.state.dues.get("JPY", {}).values())
    came = sum(
        posting.amount_minor
        for one in journal.transactions
        for posting in one.postings
        if posting.account == Account(CLEARING) and "bank-date" not in one.notes
    )
    assert total(journal, CLEARING) == came - paid
    held = sum(sum(one.held.values()) for one in world.state.disputes.values())
    due = sum(one.due for one in world.state.dues.get("JPY", {}).values())
    kept = sum(balances.funds.values()) + balances.suspense
    kept += sum(left for name, left in balances.pools.items() if name not in not_money)
    kept += due + held - sum(balances.receivables.values())
    for period in world.state.periods.values():
        if period.status != "settled":
            kept += sum(sum(net.values()) for net in period.posted.values())
            kept += sum(int(row["amount_minor"]) for row in period.revenue.values())
    assert came == kept
    return journal


def test_two_months_with_all_that_can_happen_are_kept():
    world = full_months()
    journal = check_equation(world)
    kinds = {one.words.en.split(" ")[0] for one in journal.transactions}
    assert kinds >= {
        "Revenue",
        "Cost",
        "Funding",
        "Settlement",
        "Payout",
        "Released:",
        "Correction",
    }
    replaced = [one for one in journal.transactions if one.words.en.endswith("replaced")]
    assert [[row.amount_minor for row in one.postings] for one in replaced] == [[-10_000, 10_000]]
    assert {one.account.heading for t in journal.transactions for one in t.postings} >= {
        "disputed", "posted", "in-transit", "payable", "fund", "clearing", "undivided",
    }  # fmt: skip
    dues = world.state.dues["JPY"].values()
    assert -total(journal, "payable") == sum(one.due - one.ordered - one.paid for one in dues) > 0
    assert journal.checkpoints[-1].size == len(world.entries)
    for one in journal.transactions:
        assert one.leaf == leaf_hash(world.entries[one.index]).hex()


def test_days_are_those_of_the_co_op_and_the_bank_has_its_own():
    world = new_world()
    world.now = "2026-10-31T15:00:00.000Z"
    world.prepare()
    assert {one.date for one in books(world).transactions} == {"2026-11-01"}
    banked = [one for one in books(full_months()).transactions if "bank-date" in one.notes]
    assert {one.notes["bank-date"] for one in banked} == {"2026-11-10"}


@pytest.mark.parametrize("rules", [CHARGING, FLOOR], ids=["charged", "advanced"])
def test_charges_and_advances_are_kept(rules):
    world = new_world(rules)
    world.prepare()
    settle(world, "2026-10")
    open_month(world, "2026-11")
    revenue(world, "2026-11", 70_000)
    submit(world, Row("2026-11", "bus", "bus-nov", 5))
    submit(world, Row("2026-10", "ev", "late", 40))
    if rules is FLOOR:
        correct(world)
    settle(world, "2026-11")
    check_equation(world)


def test_a_pool_of_energy_is_no_money():
    rules = RULES.replace(
        "  gross: {", "  sun: {from: [total.energy_wh], unit: Wh, if_missing: zero}\n  gross: {"
    )
    world = new_world(rules)
    world.prepare()
    start = {"measures": {"trips": 1, "energy_wh": 700}}
    world.submit("bus", record("sunny", **start))
    settle(world, "2026-10")
    assert world.state.balances["JPY"].pools["sun"] == 700
    assert total(check_equation(world, "sun"), "pool") == 0


def test_a_balance_that_the_state_does_not_have_is_told():
    journal = books(full_months())
    last = journal.checkpoints[-1]
    key = next(iter(last.balances))
    wrong = replace(last, balances={**last.balances, key: last.balances[key] + 1})
    with pytest.raises(InvariantViolated, match=key[0].heading):
        check_journal(replace(journal, checkpoints=(*journal.checkpoints[:-1], wrong)))
    one = journal.transactions[0]
    bent = replace(one, postings=one.postings[:1])
    with pytest.raises(InvariantViolated, match="do not balance"):
        check_journal(replace(journal, transactions=(bent, *journal.transactions[1:])))


def test_a_month_begins_with_what_is_brought_forward():
    journal = books(full_months())
    cut = between(journal, "2026-12-01", "2026-12-31")
    assert cut.transactions[0].words.en == "Balances brought forward"
    assert add_up(cut.transactions) == {
        key: amount for key, amount in add_up(through(journal, "2026-12-31").transactions).items()
        if amount or key in add_up(cut.transactions)
    }  # fmt: skip
    check_journal(cut)
    assert between(journal, "2026-11-01", "2026-11-30").transactions[0].index > 0


def test_the_chart_names_every_account_in_both_languages():
    for account in used_accounts(books(full_months())):
        heading = CHART[account.heading]
        assert heading.ja
        assert heading.en
        assert len(heading.parts) == len(account.parts)
    assert place_of(Account(CLEARING)) < place_of(Account("payable", ("bus",)))


ACT = st.one_of(
    st.tuples(st.just("late"), st.sampled_from(FIRMS), st.integers(1, 400)),
    st.tuples(st.just("month"), st.integers(0, 900_000), st.integers(1, 300)),
    st.tuples(st.just("order"), st.booleans(), st.booleans()),
)


@given(acts=st.lists(ACT, min_size=1, max_size=4))
@settings(max_examples=6)
def test_random_months_add_up(acts):
    world = fork(_start())
    months = iter(("2026-11", "2026-12"))  # what is later still finds October closed for late usage
    current = next(months)
    open_month(world, current)
    for number, (what, first, second) in enumerate(acts):
        if what == "late":
            submit(world, Row("2026-10", str(first), f"late-{number}", int(second)))
            correct(world)
        elif what == "order" and payable(world.state, "JPY"):
            id_ = order(world)
            lines = world.state.orders[id_].lines
            how = ("paid" if first else "returned", "paid" if second else "returned")
            report(world, {id_: how[at % 2] for at, id_ in enumerate(lines)}, id_)
        elif what == "month" and (following := next(months, None)):
            revenue(world, current, int(first))
            submit(world, Row(current, "ev", f"own-{number}", int(second)))
            settle(world, current)
            open_month(world, current := following)
    check_equation(world)


@cache
def _start() -> World:
    world = new_world()
    world.prepare()
    settle(world, "2026-10")
    for firm in FIRMS:
        set_destination(world, firm)
    return world


def test_a_month_from_before_the_charter_knew_payouts_is_paid_outside_the_ledger():
    world = World(charter=charter(authority=authority(later=False)))
    world.prepare()
    amounts = settle(world, MONTH)
    assert total(books(world), "outside") == -sum(amounts.values())
    everybody = ("audit", "bike", "bus", "ev", "office", "town")
    rights = {"payout-ordered": default_authority()["payout-ordered"].model_dump()}
    change_charter(world, *everybody, authority=rights)
    open_month(world, "2026-11")
    revenue(world, "2026-11", 240_000)
    submit(world, Row("2026-11", "ev", "nov", 10))
    later = settle(world, "2026-11")
    assert total(books(world), "payable") == -sum(later.values())
    assert total(books(world), "outside") == -sum(amounts.values())
