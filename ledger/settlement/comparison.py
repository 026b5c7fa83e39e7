"""Two rule sets on the same months: who would get more, who less, and how even it is.

Both run on the figures of every month. What a month leaves behind (funds, carry, open pools) is
taken over into the next one on each side apart: the new rules live with their own past, not with
that of the old ones. The first month begins for both as its inputs say. Nothing is posted.

Two measures, exact: *min share*, the smallest member's part of what all members get, and the Gini
coefficient Σ_i Σ_j |x_i − x_j| / (2 n Σ x), 0 when all get the same. Both look at the members who
get or owe something under either rule set; ``suspense`` is nobody. Neither is defined while members
together get nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ledger.errors import Infeasible, InvalidInput, MalformedRules, UnknownField
from ledger.rules.document import RuleSet
from ledger.rules.inputs import SUSPENSE, Inputs, parse_inputs
from ledger.rules.number import format_fraction, integer_json
from ledger.settlement.correction import ACCOUNT_TABLES
from ledger.settlement.result import result_document
from ledger.settlement.run import run

MONTHS_MAX = 120

Amounts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Change:
    """An amount under the old and under the new rules, in minor units over all months."""

    name: str
    old: int
    new: int

    @property
    def delta(self) -> int:
        """What the new rules add."""
        return self.new - self.old

    def as_dict(self, label: str) -> dict[str, Any]:
        """The change as a document holds it."""
        return {
            label: self.name,
            "old_minor": integer_json(self.old),
            "new_minor": integer_json(self.new),
            "delta_minor": integer_json(self.delta),
        }


@dataclass(frozen=True, slots=True)
class Evenness:
    """How even a division is; None where it is not defined."""

    min_share: Fraction | None
    gini: Fraction | None

    def as_dict(self) -> dict[str, str | None]:
        """Fractions in lowest terms."""
        return {"min_share": _text(self.min_share), "gini": _text(self.gini)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both rule sets over the same months; accounts in the order in which they come up.

    ``steps`` holds per step every account's change; ``members``, ``funds`` and ``projects`` the
    sums over all steps; ``left`` what the last month leaves in pools, ``carry`` what it carries.
    """

    old: RuleSet
    new: RuleSet
    months: tuple[str, ...]
    steps: Mapping[str, tuple[Change, ...]]
    accounts: Mapping[str, tuple[Change, ...]]
    left: tuple[Change, ...]
    carry: tuple[Change, ...]
    counted: int
    evenness: tuple[Evenness, Evenness]

    @property
    def members(self) -> tuple[Change, ...]:
        """Every member's sum, suspense among them."""
        return self.accounts["members"]


def compare_rules(old: RuleSet, new: RuleSet, months: Mapping[str, Inputs]) -> Comparison:
    """Run both rule sets on ``months``, whose order is that of the calendar.

    Raises InvalidInput for rule sets of two currencies and for no or too many months; whatever
    ``run`` raises says in which month and under which version.
    """
    if (old.currency, old.minor_digits) != (new.currency, new.minor_digits):
        raise InvalidInput(f"{old.currency} cannot be compared with {new.currency}")
    if not 1 <= len(months) <= MONTHS_MAX:
        raise InvalidInput(f"{len(months)} months are given; from 1 to {MONTHS_MAX} are compared")
    sides = [_Side.over(rules, months) for rules in (old, new)]
    accounts = {
        table: _changes(*(side.tables[table] for side in sides)) for table in ACCOUNT_TABLES
    }
    counted = [one for one in accounts["members"] if one.name != SUSPENSE and (one.old or one.new)]
    return Comparison(
        old=old,
        new=new,
        months=tuple(months),
        steps={
            step: _changes(*(side.steps.get(step, {}) for side in sides))
            for step in _union(*(side.steps for side in sides))
        },
        accounts=accounts,
        left=_changes(*(side.left for side in sides)),
        carry=_changes(*(side.carry for side in sides)),
        counted=len(counted),
        evenness=(evenness([one.old for one in counted]), evenness([one.new for one in counted])),
    )


def evenness(amounts: Sequence[int]) -> Evenness:
    """Min share and Gini coefficient of amounts, of which some may be negative."""
    total, count = sum(amounts), len(amounts)
    if total <= 0:
        return Evenness(None, None)
    # Over the sorted amounts the double sum is Σ (2i − n − 1) · x_i, i from 1, twice.
    weighted = sum((2 * at - count + 1) * amount for at, amount in enumerate(sorted(amounts)))
    return Evenness(Fraction(min(amounts), total), Fraction(weighted, count * total))


def comparison_document(found: Comparison) -> dict[str, Any]:
    """The comparison as one JSON document."""
    return {
        "kyojo_rules_diff": 1,
        "old": _version(found.old),
        "new": _version(found.new),
        "periods": list(found.months),
        "currency": found.old.currency,
        "minor_digits": found.old.minor_digits,
        "steps": [
            {"step": step, **change.as_dict("member")}
            for step, changes in found.steps.items()
            for change in changes
        ],
        **{
            table: [one.as_dict("member") for one in changes]
            for table, changes in found.accounts.items()
        },
        "pools_left": [one.as_dict("pool") for one in found.left],
        "carry": [one.as_dict("step") for one in found.carry],
        "evenness": {
            "counted": found.counted,
            "old": found.evenness[0].as_dict(),
            "new": found.evenness[1].as_dict(),
        },
    }


@dataclass(slots=True)
class _Side:
    """One rule set over all months."""

    tables: dict[str, Counter[str]]
    steps: dict[str, Counter[str]]
    left: dict[str, int]
    carry: dict[str, int]

    @classmethod
    def over(cls, rules: RuleSet, months: Mapping[str, Inputs]) -> _Side:
        """Run ``rules`` month by month, each from what the one before left behind."""
        side = cls({table: Counter() for table in ACCOUNT_TABLES}, {}, {}, {})
        state: dict[str, Any] = {}
        for month, inputs in months.items():
            figures = _with_state(inputs.document, state)
            result = _run(rules, month, figures)
            side.add(result)
            state = _state_after(figures, result["totals"])
        return side

    def add(self, result: Mapping[str, Any]) -> None:
        """Count a month in."""
        totals = result["totals"]
        for table in ACCOUNT_TABLES:
            _count(self.tables[table], totals.get(table, {}))
        for step in result["steps"]:
            self.steps.setdefault(step["step"], Counter())
        for line in result["lines"]:
            if line["part"] is None:
                _count(self.steps[line["step"]], {line["member"]: line["amount_minor"]})
        self.left, self.carry = _ints(totals["pools_left"]), _ints(totals["carry"])


def _run(rules: RuleSet, month: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return result_document(run(rules, parse_inputs(figures)))
    except (MalformedRules, Infeasible, UnknownField) as error:
        text = f"{month}, {rules.name} version {rules.version}: {error.message}"
        faults = tuple(replace(fault, where=f"{month} {fault.where}") for fault in error.faults)
        raise type(error)(text, faults=faults, **error.details) from error


def _with_state(figures: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """The month's figures, beginning with what this side's month before left behind.

    Whoever is still owed something takes part beside the members, as in a co-op's own months.
    """
    owed = {member for row in state.get("owed", {}).values() for member in row}
    absent = sorted(owed - set(figures["members"]))
    found = {**figures, **state}
    if absent:
        found["members"] = [*figures["members"], *absent]
        found["beside"] = sorted({*figures.get("beside", ()), *absent})
    return found


def _state_after(figures: Mapping[str, Any], totals: Mapping[str, Any]) -> dict[str, Any]:
    """What the next month of this side begins with, under the names of the inputs."""
    balances = Counter(_ints(figures.get("balances", {})))
    _count(balances, totals["funds"])
    state = {name: totals[name] for name in ("owed", "recoup") if totals.get(name)}
    return {
        "balances": {name: integer_json(amount) for name, amount in balances.items()},
        "carry": totals["carry"],
        "owed": {},
        "opening": totals["pools_left"],
        **state,
    }


def _count(into: Counter[str], amounts: Mapping[str, Any]) -> None:
    for name, amount in amounts.items():
        into[name] += int(amount)


def _ints(amounts: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(amount) for name, amount in amounts.items()}


def _changes(old: Amounts, new: Amounts) -> tuple[Change, ...]:
    return tuple(Change(name, old.get(name, 0), new.get(name, 0)) for name in _union(old, new))


def _union(old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys((*old, *new)))


def _version(rules: RuleSet) -> dict[str, Any]:
    return {
        "ruleset": rules.name,
        "version": rules.version,
        "rule_hash": rules.rule_hash.hex(),
    }


def _text(value: Fraction | None) -> str | None:
    return None if value is None else format_fraction(value.numerator, value.denominator)
