"""Random months, disputes, corrections, orders, returns and changes of account: nothing is paid
twice, nothing above what is due, and not one unit appears or vanishes.

Beside the co-op runs a naive bank: it pays what is ordered and takes back what is returned, and the
member's money in it is compared with what the co-op says.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger import canonical
from ledger.coop.payouts import derive_order, vault_totals
from ledger.coop.state import Balances, parse_state, state_document
from ledger.errors import Conflict, KyojoError, OutOfRange
from ledger.period import month_bounds, next_month
from tests.builder import FIRMS, RULES, World, authority, charter
from tests.coop.months import Row, correct, submit
from tests.coop.stages import (
    dispute_body,
    order_body,
    results_body,
    set_destination,
    settlement_body,
)

PAYING = RULES + "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 60}\n"
ACCOUNTS = [None, *({"type": "evm", "address": "0x" + digit * 40} for digit in "56")]
METHODS = ("bank", "vault")


class Payouts(RuleBasedStateMachine):
    """A co-op whose office, members and bank do what they like, in any order."""

    @initialize(places=st.lists(st.sampled_from(ACCOUNTS), min_size=3, max_size=3))
    def found(self, places) -> None:
        self.world = World(charter=charter(authority=authority()), rules=PAYING)
        self.world.prepare()
        self.month = "2026-10"
        self.earned: Counter[str] = Counter()
        self.bank: Counter[str] = Counter()
        self.accounts: dict[str, int] = {}
        self.was_due: dict[str, int] = {}
        self.number = 0
        for firm, place in zip(FIRMS, places, strict=True):
            set_destination(self.world, firm, place)

    # What the co-op does.

    @rule(
        trips=st.lists(st.integers(0, 200), min_size=3, max_size=3),
        disputed=st.sampled_from([None, 1, 300, 5_000]),
        then=st.lists(st.sampled_from(METHODS), max_size=2),
    )
    def settle(self, trips, disputed, then) -> None:
        world, month = self.world, self.month
        if month != "2026-10":
            money = {"period": month, "id": "fares", "amount_minor": 90_000, "currency": "JPY",
                     "origin": "member"}  # fmt: skip
            world.write("office", "revenue-reported", money)
            world.carry("bus", "ev")
            for firm, count in zip(FIRMS, (max(1, n) for n in trips), strict=True):
                submit(world, Row(month, firm, f"{firm}-{month}", count))
        world.now = max(world.now, world.state.period(month).end)
        world.close(month)
        body, blobs = settlement_body(world, month)
        totals = canonical.parse(blobs[1][32:])["totals"]["members"]
        world.write("office", "settlement-proposed", body, *blobs)
        settlement = str(world.state.period(month).settlement)
        if disputed is not None:
            claim = {"where": "totals/trips/bus", "value": disputed}
            with suppress(Conflict, OutOfRange):  # the figure is that already
                claims = dispute_body(
                    world, period=month, settlement_id=settlement, claims=[claim]
                )[0]
                world.write("bus", "dispute-opened", claims)
        for who in ("bus", "ev"):
            world.vote(who, settlement)
        named = {"period": month, "settlement_id": settlement}
        world.write("office", "settlement-settled", named)
        self.earned.update({name: int(amount) for name, amount in totals.items()})
        self.month = next_month(month)
        start, end = month_bounds(self.month, zone="Asia/Tokyo")
        world.write("office", "period-opened", {"period": self.month, "start": start, "end": end})
        for method in then:
            self.order(method, "approve")

    @precondition(lambda self: self.month > "2026-10")
    @rule(firm=st.sampled_from(FIRMS), trips=st.integers(1, 300), back=st.integers(1, 2))
    def correct(self, firm, trips, back) -> None:
        months = [month for month in self.world.state.periods if month < self.month]
        self.number += 1
        submit(self.world, Row(months[-min(back, len(months))], firm, f"late-{self.number}", trips))
        with suppress(Conflict):  # while an earlier one waits, or nothing moved
            before = dict(self.world.state.period(self.month).posted)
            correct(self.world)
            for id_, net in self.world.state.period(self.month).posted.items():
                if id_ not in before and id_ not in self.world.state.disputes:
                    self.earned.update(net)

    @rule(how=st.sampled_from(["withdrawn", "approve", "reject"]))
    def end_dispute(self, how) -> None:
        world = self.world
        for id_, dispute in list(world.state.disputes.items()):
            if dispute.state != "open":
                continue
            if how == "withdrawn":
                world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "x"})
            else:
                for who in ("ev", "bike"):
                    if id_ in world.state.proposals:
                        world.vote(who, id_, how)

    @rule(
        method=st.sampled_from(METHODS),
        how=st.sampled_from(["approve", "approve", "reject", "wait"]),
    )
    def propose(self, method, how) -> None:
        self.order(method, how)

    def order(self, method: str, how: str) -> None:
        world = self.world
        with suppress(Conflict):  # nothing is to be paid
            body, blobs = order_body(world, method)
            world.write("office", "payout-ordered", body, *blobs)
            id_ = next(reversed(world.state.proposals))
            if how != "wait":
                self.decide(id_, how)

    @rule(how=st.sampled_from(["approve", "withdraw"]))
    def decide_waiting(self, how) -> None:
        for id_, proposal in list(self.world.state.proposals.items()):
            if proposal.kind == "payout-ordered":
                if how == "withdraw":
                    words = {"subject_hash": id_, "reason": "anew"}
                    self.world.write("office", "proposal-withdrawn", words)
                else:
                    self.decide(id_, how)

    def decide(self, id_: str, how: str) -> None:
        world = self.world
        known = {line for order in world.state.orders.values() for line in order.lines}
        try:
            for who in FIRMS:
                if id_ in world.state.proposals and who not in _voters(world, id_):
                    world.vote(who, id_, how)
        except Conflict:  # a destination or a debt has changed since: anew
            world.write("office", "proposal-withdrawn", {"subject_hash": id_, "reason": "anew"})
        if id_ in world.state.orders:
            for line_id, line in world.state.orders[id_].lines.items():
                assert line_id not in known
                self.bank[line.member] += line.amount_minor

    @precondition(lambda self: self.world.state.orders)
    @rule(
        picks=st.lists(st.integers(0, 50), min_size=1, max_size=3),
        outcome=st.sampled_from(["paid", "returned"]),
        anew=st.sampled_from([None, *METHODS]),
    )
    def report(self, picks, outcome, anew) -> None:
        orders = self.world.state.orders
        rows = [(id_, line) for id_, order in orders.items() for line in order.lines]
        for pick in picks:
            self.report_line(*rows[pick % len(rows)], outcome)
        if anew is not None:
            self.order(anew, "approve")

    def report_line(self, id_: str, line_id: str, outcome: str) -> None:
        world = self.world
        before = world.state.orders[id_].lines[line_id]
        body, blobs = results_body(world, {line_id: outcome}, id_)
        try:
            world.write("office", "payout-resulted", body, *blobs)
        except Conflict:
            return  # so already, a claim, or ordered again since
        world.carry("audit")
        if outcome == "returned":
            self.bank[before.member] -= before.amount_minor
        elif before.state == "returned":
            self.bank[before.member] += before.amount_minor

    @rule(firm=st.sampled_from(FIRMS), place=st.sampled_from(ACCOUNTS))
    def move(self, firm, place) -> None:
        set_destination(self.world, firm, place)

    # What holds whatever they do.

    @invariant()
    def nobody_is_paid_twice_or_above_what_is_due(self) -> None:
        rows = self.world.state.dues.get("JPY", {})
        sums: dict[str, Counter[str]] = {name: Counter() for name in rows}
        for order in self.world.state.orders.values():
            for line in order.lines.values():
                sums[line.member][line.state] += line.amount_minor
        for name, dues in rows.items():
            assert self.bank[name] == dues.ordered + dues.paid <= dues.due
            found = {"ordered": dues.ordered, "paid": dues.paid, "returned": dues.returned}
            assert all(sums[name][state] == amount >= 0 for state, amount in found.items())

    @invariant()
    def what_is_due_and_what_an_account_reached_never_falls(self) -> None:
        state = self.world.state
        due = {name: dues.due for name, dues in state.dues.get("JPY", {}).items()}
        assert all(due[name] >= amount for name, amount in self.was_due.items())
        accounts = vault_totals(state, "JPY", through=self.month)
        assert all(accounts[name] >= amount for name, amount in self.accounts.items())
        self.was_due, self.accounts = due, accounts

    @invariant()
    def not_one_unit_appears_or_vanishes(self) -> None:
        state = self.world.state
        found: Counter[str] = Counter()
        for name, dues in state.dues.get("JPY", {}).items():
            found[name] += dues.due
        for dispute in state.disputes.values():
            found.update(dispute.held)
        for period in state.periods.values():
            if period.status != "settled":
                for net in period.posted.values():
                    found.update(net)
        found.subtract(state.balances.get("JPY", Balances()).receivables)
        assert {n: a for n, a in found.items() if a} == {n: a for n, a in self.earned.items() if a}

    @invariant()
    def an_order_never_names_more_than_is_free(self) -> None:
        for method in METHODS:
            try:
                order = derive_order(self.world.state, "JPY", method, self.world.now)
            except KyojoError:
                continue
            rows = self.world.state.dues["JPY"]
            for line in order.lines:
                dues = rows[line.member]
                assert 0 < line.amount_minor <= dues.due - dues.ordered - dues.paid

    def teardown(self) -> None:
        data = canonical.encode(state_document(self.world.state))
        assert parse_state(data) == self.world.state


def _voters(world: World, id_: str) -> set[str]:
    proposal = world.state.proposals[id_]
    return {*proposal.approvals, *proposal.rejections, *proposal.abstentions}


class ManyPayouts(Payouts):
    """The same for longer."""


TestPayouts = Payouts.TestCase
TestPayouts.settings = settings(max_examples=15, stateful_step_count=14, deadline=None)
TestManyPayouts = pytest.mark.long(ManyPayouts.TestCase)
TestManyPayouts.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
