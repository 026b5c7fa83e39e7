"""Corrections (訂正) of settled periods: what a new run gives against what was settled.

A settled period is never edited. When late usage arrives, it and the periods after it are run
again, each under its own rules, and the *differences of totals* are posted in the next open
period (RULES.md section 8). This module takes the runs before and after; it runs nothing.

Its document, like a settlement's, holds no member's figures: per period the sums, and in all the
roots of two salted Merkle-sum trees over the members' differences, ``raised`` and ``lowered``. The
rows are a blob for entitled readers. Invariants: over all periods corrected together

    money that came in since = raised − lowered + suspense + funds + projects + charged costs
                               + what the last pools gained

so whoever gains, gains from named others, from named funds and pools, or from money that arrived
late; and both styles give the same totals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ledger import canonical
from ledger.errors import InvariantViolated
from ledger.rules.inputs import SUSPENSE
from ledger.rules.number import integer_json
from ledger.settlement.result import Result, amounts_json
from ledger.settlement.sumtree import SumTree, build_sum_tree, derive_salt

Style = Literal["delta", "ledger"]
RAISED, LOWERED, ROWS = "raised", "lowered", "rows"


@dataclass(frozen=True, slots=True)
class Rerun:
    """A settled period run again.

    ``correction_of`` is the settlement or correction that has its figures up to now; ``opened``
    is what other periods had left in its pools, as the runs before and after started.
    """

    period: str
    correction_of: str
    style: Style
    before: Result
    after: Result
    opened: tuple[int, int]

    @property
    def money_in(self) -> int:
        """What came into the period's pools since, beside what other periods left in them."""
        new = self.after.total_in - self.opened[1]
        return new - (self.before.total_in - self.opened[0])

    @property
    def members(self) -> dict[str, int]:
        """Each account's difference, those that have none left out."""
        return difference(self.before.member_totals, self.after.member_totals)

    @property
    def repaid(self) -> dict[str, int]:
        """The differences of what members are repaid of charged costs that they bore."""
        lines = difference(self.before.member_totals, self.after.member_totals)
        nets = difference(self.before.nets, self.after.nets)
        return difference(lines, nets)

    @property
    def moved_minor(self) -> int:
        """How much moved: the absolute differences of members, funds and pools added up."""
        funds = difference(self.before.funds, self.after.funds)
        rows = (self.members, funds, self.pools_left, self.projects, self.repaid)
        return sum(abs(found) for row in rows for found in row.values())

    @property
    def pools_left(self) -> dict[str, int]:
        """The differences of what is left in pools of money."""
        units = self.before.units.keys() | self.after.units.keys()
        found = difference(self.before.pools_left, self.after.pools_left)
        return {name: amount for name, amount in found.items() if name not in units}

    @property
    def projects(self) -> dict[str, int]:
        """The differences of what projects got."""
        return difference(self.before.projects, self.after.projects)

    @property
    def charged(self) -> dict[str, int]:
        """The differences of what members were charged of costs."""
        return difference(self.before.charged, self.after.charged)


@dataclass(frozen=True, slots=True)
class Correction:
    """The public ``document``, the salted ``rows_blob``, and each account's net difference."""

    document: Mapping[str, Any]
    rows_blob: bytes
    rows: tuple[Mapping[str, Any], ...]
    net: Mapping[str, int]
    raised: SumTree
    lowered: SumTree


def difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """``after − before`` by name, in the order of names, without zeros."""
    names = sorted(before.keys() | after.keys())
    found = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: amount for name, amount in found.items() if amount}


def build_correction(posted_in: str, reruns: Sequence[Rerun], seed: bytes) -> Correction:
    """Write the correction that ``reruns``, in the order of their settlements, come to.

    ``seed`` is 32 random bytes that the co-op keeps.
    """
    last = reruns[-1]
    rows = tuple(row for rerun in reruns for row in correction_rows(rerun))
    net = _net(reruns)
    raised, lowered = build_sides(net, seed)
    # All accounts are named, so that the trees can be built again from the blob.
    content = canonical.encode({"accounts": list(net), "rows": [dict(row) for row in rows]})
    blob = derive_salt(seed, ROWS, 0) + content
    document = {
        "kyojo_correction": 1,
        "posted_in": posted_in,
        "currency": last.after.currency,
        "minor_digits": last.after.minor_digits,
        "periods": [_period(rerun, seed) for rerun in reruns],
        "account_count": len(net),
        "totals": _totals(reruns, net),
        "rows": {"sha256": hashlib.sha256(blob).hexdigest(), "bytes": len(blob)},
        "seed_commitment": hashlib.sha256(seed).hexdigest(),
        "raised_root": raised.commitment.hex(),
        "lowered_root": lowered.commitment.hex(),
    }
    found = Correction(document, blob, rows, net, raised, lowered)
    check_correction(found)
    return found


def build_sides(net: Mapping[str, int], seed: bytes) -> tuple[SumTree, SumTree]:
    """The trees over what accounts gain and what they lose; ``net`` is in the order of ids."""
    raised = [(name, max(0, amount)) for name, amount in net.items()]
    lowered = [(name, max(0, -amount)) for name, amount in net.items()]
    return build_sum_tree(seed, RAISED, raised), build_sum_tree(seed, LOWERED, lowered)


def correction_id(document: Mapping[str, Any]) -> bytes:
    """SHA-256 of the document's RFC 8785 form: what members approve."""
    return canonical.digest(dict(document))


def correction_rows(rerun: Rerun) -> Iterator[dict[str, Any]]:
    """The rows of one period: per account whose total changes one ``delta``, or two rows."""
    before, after = rerun.before.member_totals, rerun.after.member_totals
    for member, amount in rerun.members.items():
        if rerun.style == "delta":
            roles = {"delta": amount}
        else:
            roles = {"negate": -before.get(member, 0), "restate": after.get(member, 0)}
        for role, amount_minor in roles.items():
            yield {
                "member": member,
                "period": rerun.period,
                "charge_class": "Correction",
                "role": role,
                "amount_minor": integer_json(amount_minor),
                "correction_of": rerun.correction_of,
            }


def check_correction(correction: Correction) -> None:
    """Raise InvariantViolated unless not one unit appeared or vanished."""
    totals = {name: _sum(value) for name, value in correction.document["totals"].items()}
    given = totals["raised"] - totals["lowered"] + totals["suspense"]
    given += sum(totals[name] for name in ("funds", "pools_left", "projects", "charged"))
    if totals["in"] != given:
        raise InvariantViolated(f"{totals['in']} came in, the correction gives {given}")
    posted: dict[str, int] = dict.fromkeys(correction.net, 0)
    for row in correction.rows:
        posted[row["member"]] += int(row["amount_minor"])
    if posted != dict(correction.net):
        raise InvariantViolated("the rows do not add up to the members' differences")


def offset(earned: int, posted: int, owed: int) -> tuple[int, int]:
    """What a member is paid, and what it still owes, both ≥ 0.

    Corrections and what is owed from before are offset against what the period earned it; what
    cannot be is carried as a receivable.
    """
    net = earned + posted - owed
    return max(0, net), max(0, -net)


def _net(reruns: Sequence[Rerun]) -> dict[str, int]:
    accounts = {name for one in reruns for name in (*one.before.members, *one.after.members)}
    net = dict.fromkeys(sorted(accounts), 0)
    for rerun in reruns:
        for member, amount in rerun.members.items():
            net[member] += amount
    return net


def _period(rerun: Rerun, seed: bytes) -> dict[str, Any]:
    """One period's public figures; the hash of its new inputs is salted, as a settlement's is."""
    after = rerun.after
    salt = derive_salt(seed, f"inputs/{rerun.period}", 0)
    return {
        "period": rerun.period,
        "correction_of": rerun.correction_of,
        "ruleset": after.ruleset,
        "version": after.version,
        "rule_hash": after.rule_hash.hex(),
        "inputs_hash": hashlib.sha256(salt + after.inputs_hash).hexdigest(),
        "style": rerun.style,
        "in": integer_json(rerun.money_in),
        **_sides(rerun.members),
        "funds": amounts_json(difference(rerun.before.funds, after.funds)),
        "projects": amounts_json(rerun.projects),
        "charged": amounts_json(rerun.charged),
        "pools_left": amounts_json(rerun.pools_left),
        "carry": amounts_json(difference(rerun.before.carry, after.carry)),
    }


def _totals(reruns: Sequence[Rerun], net: Mapping[str, int]) -> dict[str, Any]:
    """What all periods come to: what one leaves in a pool is in the next one's, so the last's."""
    last = reruns[-1]
    return {
        "in": integer_json(sum(rerun.money_in for rerun in reruns)),
        **_sides(net),
        "funds": _added([difference(one.before.funds, one.after.funds) for one in reruns]),
        "projects": _added([one.projects for one in reruns]),
        "charged": _added([one.charged for one in reruns]),
        "pools_left": amounts_json(last.pools_left),
        "carry": amounts_json(difference(last.before.carry, last.after.carry)),
    }


def _added(rows: Sequence[Mapping[str, int]]) -> dict[str, int | str]:
    found: dict[str, int] = {}
    for row in rows:
        for name, amount in row.items():
            found[name] = found.get(name, 0) + amount
    return amounts_json({name: amount for name, amount in sorted(found.items()) if amount})


def _sides(differences: Mapping[str, int]) -> dict[str, int | str]:
    members = [amount for name, amount in differences.items() if name != SUSPENSE]
    return {
        "raised": integer_json(sum(amount for amount in members if amount > 0)),
        "lowered": integer_json(-sum(amount for amount in members if amount < 0)),
        "suspense": integer_json(differences.get(SUSPENSE, 0)),
    }


def _sum(value: Any) -> int:
    return sum(map(int, value.values())) if isinstance(value, Mapping) else int(value)
