"""Random calls on a vault beside a naive model; after each, the invariants of CHAIN.md section 9.

The model is sums in dictionaries. It decides beforehand what each call should do, so that a call
that goes through and should not, or the reverse, fails at once. Signatures are made by hand for
two approvers of three; whoever lacks them is among the calls.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.contracts.anchor_world import Reverted, accounts
from tests.contracts.vault_world import (
    DAY,
    NOW,
    ORIGIN,
    OTHER,
    RESERVE,
    WINDOW,
    ZERO,
    Tree,
    Vault,
    address,
)

ORIGINS = (ORIGIN, OTHER)
ACCOUNTS = tuple(address(number) for number in range(6))
PERIODS = tuple(100 * year + month for year in range(2026, 2056) for month in range(1, 13))
APPROVERS = accounts(3, b"approver")

origins = st.sampled_from(ORIGINS)
members = st.sampled_from(ACCOUNTS)
amounts = st.integers(1, 500)
BACK = 2
lies = st.sampled_from([0, 0, 0, 0, 0, 1, -1, -3, BACK])
quorums = st.sampled_from([None, None, None, None, None, [], [0], [2, 1]])
trees = st.sampled_from([0, 0, 0, 0, 0, 1, 2])
changes = st.sampled_from([0, 0, 0, 0, 0, -1, 1, 2**255])
shares = st.lists(st.tuples(members, st.integers(0, 200)), min_size=1, max_size=4)

# How many calls were made in this process, by name and outcome; reading is not counted.
CALLS: Counter[str] = Counter()


@dataclass
class Coop:
    """What the model knows of one co-op."""

    deposited: int = 0
    withdrawn: int = 0
    total: int = 0
    period: int = 0
    root: bytes = ZERO
    tree: Tree | None = None
    trees: dict[bytes, tuple[Tree, int]] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    proved: Counter[str] = field(default_factory=Counter)
    held: tuple[int, int, int] = (0, 0, 0)
    were_held: set[int] = field(default_factory=set)
    alone_until: dict[bytes, int] = field(default_factory=dict)

    @property
    def paid_total(self):
        return sum(self.paid.values())

    @property
    def surplus(self):
        return self.deposited - self.withdrawn - self.total


class VaultMachine(RuleBasedStateMachine):
    """A vault of two co-ops over one token, with whatever anybody might do to it."""

    @initialize(one_stands=st.booleans())
    def begin(self, one_stands):
        """ORIGIN has published nothing; OTHER has in half of the runs."""
        self.vault = Vault(APPROVERS, 2)
        self.coops = {origin: Coop() for origin in ORIGINS}
        self.received = Counter()
        self.stray = 0
        if one_stands:
            self.publish(OTHER, [(member, 100) for member in ACCOUNTS], 1, 0, None)

    def attempt(self, name, reason, call, *arguments, **options):
        """Make a call that must succeed, or be refused for ``reason``; true if it succeeded."""
        found = None
        try:
            call(*arguments, **options)
        except Reverted as error:
            found = str(error)
        assert found == reason, name
        CALLS[f"{name} refused" if reason else name] += 1
        return reason is None

    @rule(origin=origins, amount=amounts)
    def fund(self, origin, amount):
        if self.attempt("fund", None, self.vault.fund, amount, origin):
            self.coops[origin].deposited += amount

    @rule(amount=amounts)
    def send_without_fund(self, amount):
        self.vault.mint(self.vault.contract, amount)
        self.stray += amount

    @rule(origin=origins, earned=shares, step=st.integers(0, 2), excess=lies, by=quorums)
    def publish(self, origin, earned, step, excess, by):
        """Everybody's leaf is what it was and what was earned since; the total may be a lie."""
        coop = self.coops[origin]
        leaves = Counter(coop.tree.amounts if coop.tree else {})
        for member, amount in earned:
            leaves[member] += amount
        tree = Tree(leaves)
        older = [found for root, (found, _) in coop.trees.items() if root != coop.root]
        if excess == BACK and older:
            # As much money under a tree that was superseded.
            tree, excess = older[-1], coop.total - older[-1].total
        # Half of the time as much is funded as is needed; else it is tried with what is there.
        missing = tree.total - coop.total - coop.surplus
        if step and missing > 0:
            self.fund(origin, missing)
        total = max(tree.total + excess, 0)
        now = PERIODS.index(coop.period) if coop.period else 0
        period = PERIODS[min(now + step, len(PERIODS) - 1)]
        reason = self._why_not_publish(coop, tree.root, period, total)
        if reason is None and by is not None:
            few = len(by) < 2
            reason = "quorum: too few signatures" if few else "quorum: signers not ascending"
        chosen = None if by is None else [APPROVERS[index] for index in by]
        options = {"total": total, "origin": origin, "by": chosen}
        if self.attempt("publish", reason, self.vault.publish, tree, period, **options):
            coop.root, coop.total, coop.period, coop.tree = tree.root, total, period, tree
            coop.trees.setdefault(tree.root, (tree, self.vault.now))

    def _why_not_publish(self, coop, root, period, total):
        if total < coop.total:
            return "publish: total falls"
        if total > coop.deposited - coop.withdrawn:
            return "publish: total is not funded"
        if period >= coop.held[0] and self.vault.now < coop.held[1]:
            return "publish: the period is held"
        if root == coop.root:
            changes = period > coop.period or total > coop.total
            return None if changes else "publish: nothing changes"
        return "publish: root was superseded" if root in coop.trees else None

    def _due(self, coop, tree, member):
        """What a claim or expiry would move, or why it would be refused."""
        due = tree.amounts[member] - coop.paid[member]
        if due <= 0:
            return 0, "claim: nothing is due"
        return due, "claim: above the total" if due > coop.total - coop.paid_total else None

    def _one_of(self, tree, member):
        """The member if it has a leaf, else whoever has the first."""
        return member if member in tree.amounts else min(tree.amounts)

    @rule(origin=origins, member=members, which=trees, more=changes)
    def claim(self, origin, member, which, more):
        """From the standing tree, at times from an older one or with another amount."""
        coop = self.coops[origin]
        if coop.tree is None:
            return
        older = [tree for root, (tree, _) in coop.trees.items() if root != coop.root]
        tree = older[which % len(older)] if which and older else coop.tree
        member = self._one_of(tree, member)
        due, reason = self._due(coop, tree, member)
        if tree is not coop.tree or more:
            reason = "proof: not in the published tree"
        amount = abs(tree.amounts[member] + more)  # less than nothing is no amount
        options = {"amount": amount, "origin": origin}
        if self.attempt("claim", reason, self.vault.claim, tree, member, **options):
            coop.paid[member] += due
            coop.proved[member] = max(coop.proved[member], amount)
            self.received[member] += due

    @rule(origin=origins, member=members, latest=st.booleans())
    def expire(self, origin, member, latest):
        coop = self.coops[origin]
        trees = list(coop.trees.values())
        if not trees:
            return
        tree, published = trees[-1] if latest else trees[0]
        member = self._one_of(tree, member)
        due, reason = self._due(coop, tree, member)
        if self.vault.now < published + WINDOW:
            reason = "expire: the claim window is open"
        if self.attempt("expire", reason, self.vault.expire, tree, member, origin=origin):
            coop.paid[member] += due
            coop.proved[member] = max(coop.proved[member], tree.amounts[member])
            self.received[RESERVE] += due

    @rule(origin=origins, part=st.integers(1, 4), over=st.sampled_from([False, False, True]))
    def withdraw(self, origin, part, over):
        coop = self.coops[origin]
        amount = coop.surplus + 1 if over else coop.surplus // part
        reason = "withdraw: above the surplus" if amount > coop.surplus else None
        if amount == 0:
            reason = "withdraw: amount is zero"
        if self.attempt("withdraw", reason, self.vault.withdraw, amount, origin=origin):
            coop.withdrawn += amount
            self.received[RESERVE] += amount

    @rule(origin=origins, ahead=st.integers(0, 3), days=st.integers(0, 46), alone=st.booleans())
    def hold(self, origin, ahead, days, alone):
        coop = self.coops[origin]
        now = PERIODS.index(coop.period) if coop.period else 0
        period = PERIODS[min(now + ahead, len(PERIODS) - 1)]
        start, until, count = coop.held
        end = self.vault.now + days * DAY
        free = self.vault.now >= until or (period < start and end >= until)
        reason = None
        latest = coop.alone_until.get(coop.root, self.vault.now + 45 * DAY)
        if alone and end > latest:
            reason = "hold: beyond what one approver may"
        if alone and not (free and period not in coop.were_held):
            reason = "quorum: too few signatures"
        if days > 45:
            reason = "hold: longer than 45 days"
        if days == 0:
            reason = "hold: ends in the past"
        if period <= coop.period:
            reason = "hold: the period is published"
        by = APPROVERS[2:] if alone else None
        if self.attempt("hold", reason, self.vault.hold, period, end, origin=origin, by=by):
            coop.held = (period, end, count + 1)
            coop.were_held.add(period)
            if alone:
                coop.alone_until.setdefault(coop.root, latest)

    @rule(origin=origins, enough=st.booleans())
    def release(self, origin, enough):
        coop = self.coops[origin]
        period, until, count = coop.held
        reason = None if enough else "quorum: too few signatures"
        if self.vault.now >= until:
            reason = "release: nothing is held"
        by = None if enough else APPROVERS[:1]
        if self.attempt("release", reason, self.vault.release, origin=origin, by=by):
            coop.held = (period, 0, count + 1)

    @precondition(lambda self: self.vault.now < NOW + 5 * WINDOW)
    @rule(days=st.sampled_from([1, 20, 46, 366, 366]))
    def wait(self, days):
        self.vault.at(self.vault.now + days * DAY)

    @invariant()
    def the_contract_agrees_with_the_model(self):
        for origin, coop in self.coops.items():
            vault = self.vault
            assert vault.published(origin) == (coop.root, coop.total, coop.period)
            sums = [vault.sum(name, origin) for name in ("deposited", "withdrawn", "paidTotal")]
            assert sums == [coop.deposited, coop.withdrawn, coop.paid_total]
            assert vault.held(origin) == coop.held

    @invariant()
    def nothing_is_paid_beyond_what_is_published_and_funded(self):
        owed = 0
        for origin in ORIGINS:
            deposited, withdrawn, paid = [
                self.vault.sum(name, origin) for name in ("deposited", "withdrawn", "paidTotal")
            ]
            _, total, _ = self.vault.published(origin)
            assert paid <= total <= deposited - withdrawn
            owed += deposited - withdrawn - paid
        assert self.vault.balance(self.vault.contract) >= owed
        assert self.vault.balance(self.vault.contract) == owed + self.stray

    @invariant()
    def nobody_is_paid_more_than_was_proved_for_it(self):
        for origin, coop in self.coops.items():
            for member in ACCOUNTS:
                paid = self.vault.paid(member, origin)
                assert paid == coop.paid[member] == coop.proved[member]
        for receiver in (*ACCOUNTS, RESERVE):
            assert self.vault.balance(receiver) == self.received[receiver]

    def teardown(self):
        """At the end everybody claims, in any order, and stands at its highest amount."""
        for origin, coop in getattr(self, "coops", {}).items():
            for member in sorted(coop.tree.amounts if coop.tree else (), reverse=True):
                due, reason = self._due(coop, coop.tree, member)
                if self.attempt(
                    "claim", reason, self.vault.claim, coop.tree, member, origin=origin
                ):
                    coop.paid[member] += due
                if reason != "claim: above the total":
                    assert self.vault.paid(member, origin) == max(
                        coop.tree.amounts[member], coop.proved[member]
                    )
