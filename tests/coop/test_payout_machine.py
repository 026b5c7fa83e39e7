"""Random months, disputes, corrections, orders, returns, changes of account and of vault: nothing
is paid twice, nothing above what is due, and not one unit appears or vanishes.

Beside the co-op runs a naive bank: it pays every line of every file that it is given, and sends
some of it back. What is reported of it is true when it is reported, and may be confirmed late and
in any order. What members really have is compared with what the co-op says.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger import canonical
from ledger.coop.apply import apply
from ledger.coop.envelope import parse_envelope
from ledger.coop.payouts import derive_order, vault_totals
from ledger.coop.state import Balances, parse_state, state_document
from ledger.coop.step import Change
from ledger.coop.submission import Submission
from ledger.coop.vaults import orders_without_vault, vaults_of
from ledger.errors import Conflict, KyojoError, OutOfRange
from ledger.period import month_bounds, next_month
from tests.builder import FIRMS, RULES, World, authority, charter
from tests.coop.months import Row, correct, submit
from tests.coop.payout_bodies import export_body, order_body, results_body, set_destination
from tests.coop.stages import after_vault, dispute_body, settlement_body, vault_body

PAYING = RULES + "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 60}\n"
ACCOUNTS = [None, *({"type": "evm", "address": "0x" + digit * 40} for digit in "56")]
METHODS = ("bank", "vault")
VAULTS = 3


class Restarted(World):
    """A co-op of which every entry also meets the state before it as a snapshot gives it."""

    def accept(self, submission: Submission) -> Change:
        before = canonical.encode(state_document(self.state))
        change = super().accept(submission)
        again = apply(parse_state(before), parse_envelope(self.entries[-1]), self)
        assert state_document(again.state) == state_document(change.state)
        return change


class Payouts(RuleBasedStateMachine):
    """A co-op whose office, members and bank do what they like, in any order."""

    make: type[World] = World

    @initialize(places=st.lists(st.sampled_from(ACCOUNTS), min_size=3, max_size=3))
    def found(self, places) -> None:
        self.world = self.make(charter=charter(authority=authority()), rules=PAYING)
        self.world.prepare()
        self.month = "2026-10"
        self.earned: Counter[str] = Counter()
        # By line: who has the money, or None once it went back.
        self.bank: dict[str, str | None] = {}
        self.accounts: dict[tuple[str, str], int] = {}
        self.was_due: dict[str, int] = {}
        self.number = 0
        for firm, place in zip(FIRMS, places, strict=True):
            set_destination(self.world, firm, place)

    # What the co-op does.

    @rule(
        trips=st.lists(st.integers(0, 200), min_size=3, max_size=3),
        disputed=st.sampled_from([{}, {"bus": 1}, {"bus": 5_000}, {"bus": 600, "town": 900}]),
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
        for who, value in disputed.items():
            claim = {"where": "totals/trips/bus", "value": value}
            with suppress(Conflict, OutOfRange):  # the figure is that already
                claims = dispute_body(
                    world, period=month, settlement_id=settlement, claims=[claim]
                )[0]
                world.write(who, "dispute-opened", claims)
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
        for id_ in list(world.state.disputes):
            dispute = world.state.disputes[id_]  # upheld, one may have ended others
            if dispute.state != "open":
                continue
            if how == "withdrawn":
                world.write(dispute.member, "dispute-withdrawn", {"dispute": id_, "reason": "x"})
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
            order = world.state.orders[id_]
            assert not known & order.lines.keys()
            if order.method == "vault":  # its account may claim from now on
                self.bank |= {line_id: line.member for line_id, line in order.lines.items()}

    @rule()
    def export(self) -> None:
        """The bank is given a file of whatever the ledger lets it have one."""
        for id_, order in self.world.state.orders.items():
            body, blobs = export_body(self.world, id_)
            with suppress(KyojoError):  # exported, cancelled, about to be, or a claim
                self.world.write("office", "payout-exported", body, *blobs)
                self.bank |= {line_id: line.member for line_id, line in order.lines.items()}

    @rule(now=st.booleans(), anew=st.sampled_from([None, *METHODS]))
    def cancel(self, now, anew) -> None:
        """What no bank has a file of is reported as returned, whole, and perhaps ordered anew."""
        for id_, order in list(self.world.state.orders.items()):
            if order.method == "bank" and order.file is None:
                self.report(id_, dict.fromkeys(order.lines, "returned"), now=now)
        if anew is not None:
            self.order(anew, "approve")

    @precondition(lambda self: self.lines())
    @rule(pick=st.integers(0, 50), back=st.booleans(), now=st.booleans())
    def hear_of_a_line(self, pick, back, now) -> None:
        """The bank may send a line's money back; what is so now is reported."""
        lines = self.lines()
        id_, line_id = lines[pick % len(lines)]
        if back:
            self.bank[line_id] = None
        outcome = "returned" if self.bank[line_id] is None else "paid"
        self.report(id_, {line_id: outcome}, now=now)

    @rule(last=st.booleans())
    def confirm(self, last) -> None:
        """A report that waits is confirmed, or withdrawn if it has been overtaken."""
        waiting = [
            id_
            for id_, proposal in self.world.state.proposals.items()
            if proposal.kind == "payout-resulted"
        ]
        if not waiting:
            return
        id_ = waiting[-1 if last else 0]
        try:
            self.world.vote("audit", id_, "approve")
        except Conflict:
            words = {"subject_hash": id_, "reason": "overtaken"}
            self.world.write("office", "proposal-withdrawn", words)

    def lines(self) -> list[tuple[str, str]]:
        """The orders and lines that a bank has a file of."""
        return [
            (id_, line)
            for id_, order in self.world.state.orders.items()
            if order.file is not None
            for line in order.lines
        ]

    def report(self, id_: str, outcomes: dict[str, str], *, now: bool) -> None:
        body, blobs = results_body(self.world, outcomes, id_)
        with suppress(Conflict):  # so already, or ordered again since
            self.world.write("office", "payout-resulted", body, *blobs)
            if now:
                self.world.vote("audit", next(reversed(self.world.state.proposals)), "approve")

    @rule(firm=st.sampled_from(FIRMS), place=st.sampled_from(ACCOUNTS))
    def move(self, firm, place) -> None:
        set_destination(self.world, firm, place)

    @precondition(lambda self: len(vaults_of(self.world.state, "JPY")) < VAULTS)
    @rule()
    def name_vault(self) -> None:
        """The members name the next vault; the first one is the contract that has paid so far."""
        named = len(vaults_of(self.world.state, "JPY"))
        before = len(orders_without_vault(self.world.state, "JPY"))
        digits, last = f"{named + 16:x}", f"{named + 15:x}"
        first = vault_body(digits, orders_before=before)
        self.world.write("office", "vault-named", after_vault(digits, last) if named else first)
        id_ = next(reversed(self.world.state.proposals))
        for who in ("bus", "ev"):
            self.world.vote(who, id_)

    @rule(pick=st.integers(0, 50), now=st.booleans(), late=st.booleans())
    def settle_a_claim(self, pick, now, late) -> None:
        """A claim is paid, or it is not made in time and a reserve gets the money."""
        claims = [
            (id_, line_id)
            for id_, order in self.world.state.orders.items()
            if order.method == "vault"
            for line_id in order.lines
        ]
        if claims:
            id_, line_id = claims[pick % len(claims)]
            if late and self.world.state.orders[id_].lines[line_id].state == "ordered":
                self.bank[line_id] = None
            outcome = "expired" if self.bank[line_id] is None else "paid"
            self.report(id_, {line_id: outcome}, now=now)

    # What holds whatever they do.

    @invariant()
    def nobody_is_paid_twice_or_above_what_is_due(self) -> None:
        rows = self.world.state.dues.get("JPY", {})
        sums: dict[str, Counter[str]] = {name: Counter() for name in rows}
        for order in self.world.state.orders.values():
            for line in order.lines.values():
                sums[line.member][line.state] += line.amount_minor
        lines = {
            line_id: line
            for order in self.world.state.orders.values()
            for line_id, line in order.lines.items()
        }
        has: Counter[str] = Counter()
        for line_id, member in self.bank.items():
            if member is not None:
                has[member] += lines[line_id].amount_minor
        for name, dues in rows.items():
            assert has[name] <= dues.ordered + dues.paid <= dues.due - dues.expired
            found = {"ordered": dues.ordered, "paid": dues.paid, "returned": dues.returned,
                     "expired": dues.expired}  # fmt: skip
            assert all(sums[name][state] == amount >= 0 for state, amount in found.items())

    @invariant()
    def what_is_due_and_what_an_account_reached_never_falls(self) -> None:
        state = self.world.state
        due = {name: dues.due for name, dues in state.dues.get("JPY", {}).items()}
        assert all(due[name] >= amount for name, amount in self.was_due.items())
        accounts = self.claims()
        assert all(accounts[name] >= amount for name, amount in self.accounts.items())
        self.was_due, self.accounts = due, accounts

    def claims(self) -> dict[tuple[str, str], int]:
        """What each account may claim from each contract; the first one is there unnamed too."""
        places = [None, *(one.place for one in vaults_of(self.world.state, "JPY"))]
        found: dict[tuple[str, str], int] = {}
        for place in places:
            totals = vault_totals(self.world.state, "JPY", through=self.month, vault=place)
            contract = "first" if place in places[:2] else str(place)
            for account, amount in totals.items():
                key = contract, account
                found[key] = found.get(key, 0) + amount
        return found

    @invariant()
    def no_two_vaults_pay_the_same_line(self) -> None:
        lines = [
            line
            for order in self.world.state.orders.values()
            if order.method == "vault"
            for line in order.lines.values()
        ]
        assert sum(self.claims().values()) == sum(line.amount_minor for line in lines)

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
                assert 0 < line.amount_minor <= dues.rest

    def teardown(self) -> None:
        data = canonical.encode(state_document(self.world.state))
        assert parse_state(data) == self.world.state


def _voters(world: World, id_: str) -> set[str]:
    proposal = world.state.proposals[id_]
    return {*proposal.approvals, *proposal.rejections, *proposal.abstentions}


class ManyPayouts(Payouts):
    """The same for longer."""


class RestartedPayouts(Payouts):
    """The same in a co-op that starts anew before every entry."""

    make = Restarted


TestPayouts = Payouts.TestCase
TestPayouts.settings = settings(max_examples=20, stateful_step_count=14, deadline=None)
TestManyPayouts = pytest.mark.long(ManyPayouts.TestCase)
TestManyPayouts.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestRestarted = RestartedPayouts.TestCase
TestRestarted.settings = settings(max_examples=2, stateful_step_count=12, deadline=None)
TestManyRestarted = pytest.mark.long(type("ManyRestarted", (RestartedPayouts,), {}).TestCase)
TestManyRestarted.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_what_is_ordered_again_is_in_one_file_only() -> None:
    """One way through the machine that chance seldom takes: an order that never got its file."""
    machine = Payouts()
    machine.found(places=[None, None, None])
    machine.settle(trips=[1, 2, 3], disputed={}, then=["bank"])
    machine.cancel(now=True, anew="bank")
    machine.export()
    machine.nobody_is_paid_twice_or_above_what_is_due()
    first, second = machine.world.state.orders.values()
    assert (first.file is None, second.file is None) == (True, False)
    assert {machine.bank[line] for line in second.lines} == {"bus", "ev", "bike"}
