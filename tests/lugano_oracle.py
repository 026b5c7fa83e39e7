"""The demo's month, computed a second time by code that shares nothing with the product.

It reads the CSV excerpt and the constructed numbers beside it, nothing else, and imports nothing of
``ledger``: agreement of the two is evidence, because a mistake would have to be made twice. It is
written to be read beside ``examples/lugano/README.md``, so it does one thing after another.

Usage and money of sessions that name no operator can be treated in two ways:

- ``weighs``: their debits are revenue like any other and their energy weighs in the division, but
  what they earn stays in the suspense account until somebody shows whose they were.
- ``held``: their debits wait in suspense and are no revenue yet; their energy weighs nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "lugano"
TREATMENTS = ("weighs", "held")


@dataclass
class Usage:
    """What one account's sessions add up to."""

    sessions: int = 0
    energy_wh: int = 0
    duration_s: int = 0
    charged: int = 0
    debit_minor: int = 0


@dataclass
class Month:
    """Everything that the month's settlement says, in minor units."""

    usage: dict[str, Usage]
    revenue: int = 0
    held: int = 0
    costs: dict[str, int] = field(default_factory=dict)
    unpaid_costs: int = 0
    reserve: int = 0
    divided: int = 0
    exact: dict[str, Fraction] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)

    def total(self, account: str) -> int:
        """All that the account gets: its costs back and its share."""
        return self.costs.get(account, 0) + self.shares.get(account, 0)


def percent(text: object) -> Fraction:
    """``"70%"`` as 7/10."""
    number, sign, rest = str(text).partition("%")
    if not sign or rest:
        raise ValueError(f"{text!r} is not a percentage")
    return Fraction(number) / 100


def read_usage(csv_path: Path, coop: Mapping[str, Any]) -> dict[str, Usage]:
    """Sum the sessions that end in the co-op's month, by the account they belong to."""
    account_of = {name: member["id"] for member in coop["members"] for name in member["operators"]}
    year, month = coop["period"].split("-")
    usage = {member["id"]: Usage() for member in coop["members"]}
    usage[coop["suspense"]["account"]] = Usage()
    with csv_path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            # Month first in both styles: 06.28.17 does not occur, 06/28/2017 does.
            ends = row["EndDate"].replace(".", "/").split("/")
            if ends[0] != month or ends[2][-2:] != year[-2:]:
                continue
            operator = row["UserOperatorName"]
            account = account_of[operator] if operator else coop["suspense"]["account"]
            found = usage[account]
            found.sessions += 1
            found.energy_wh += int(row["PowerConsumption"])
            found.duration_s += int(row["Duration"])
            if row["Debit"]:
                found.charged += 1
                found.debit_minor += int(Decimal(row["Debit"]).scaleb(coop["minor_digits"]))
    return usage


def divide(amount: int, weights: Mapping[str, Fraction]) -> tuple[dict[str, Fraction], dict]:
    """Exact quotas and whole units by the largest remainder; ties: greater weight, then id."""
    whole = sum(weights.values())
    exact = {name: amount * weight / whole for name, weight in weights.items()}
    units = {name: quota.numerator // quota.denominator for name, quota in exact.items()}
    queue = sorted(exact, key=lambda name: (units[name] - exact[name], -weights[name], name))
    for name in queue[: amount - sum(units.values())]:
        units[name] += 1
    return exact, units


def weights_of_part(key: Mapping[str, Any], energy: Mapping, funding: Mapping) -> dict:
    """The weights of one part of the distribution, for the three keys that the rule set uses."""
    if key["kind"] == "proportional":
        return {name: Fraction(wh) for name, wh in energy.items()}
    if key["kind"] == "capital":
        return {name: Fraction(funding.get(name, 0)) for name in energy}
    if key["kind"] == "equal":
        return {name: Fraction(name in key["members"]) for name in energy}
    raise ValueError(f"the oracle knows no key {key['kind']!r}")


def settle(
    csv_path: Path, coop: Mapping[str, Any], rules: Mapping[str, Any], *, suspense: str
) -> Month:
    """The month from the CSV and the constructed numbers; ``suspense`` is one of TREATMENTS."""
    if suspense not in TREATMENTS:
        raise ValueError(suspense)
    recovery, saving, sharing = rules["steps"]
    usage = read_usage(csv_path, coop)
    nameless = coop["suspense"]["account"]
    month = Month(usage)

    # Revenue: what the sessions were charged.
    month.revenue = sum(found.debit_minor for found in usage.values())
    month.held = usage[nameless].debit_minor if suspense == "held" else 0
    left = month.revenue - month.held

    # Step 1: costs, up to a percentage of the pool; short of that, in proportion to what was borne.
    borne = {name: Fraction(paid) for name, paid in coop["costs"]["platform"].items()}
    limit = left * percent(recovery["limit"])
    paid = min(limit.numerator // limit.denominator, int(sum(borne.values())))
    month.costs = divide(paid, borne)[1]
    month.unpaid_costs = int(sum(borne.values())) - paid
    left -= paid

    # Step 2: the reserve, rounded down, of what is left.
    part = left * percent(saving["rate"])
    month.reserve = part.numerator // part.denominator
    left -= month.reserve

    # Step 3: all that is left, each part by its key, added up before rounding once.
    month.divided = left
    energy = {name: found.energy_wh for name, found in usage.items()}
    if suspense == "held":
        del energy[nameless]
    combined = dict.fromkeys(energy, Fraction(0))
    scale = sum(percent(part["weight"]) for part in sharing["parts"])
    for part in sharing["parts"]:
        weights = weights_of_part(part["key"], energy, coop["funding"]["network"])
        whole = sum(weights.values())
        for name, weight in weights.items():
            combined[name] += left * percent(part["weight"]) / scale * weight / whole
    month.exact, month.shares = divide(left, combined)
    return month


def load(name: str) -> dict[str, Any]:
    """One of the YAML files of the example."""
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


def settle_example(*, suspense: str = "weighs") -> Month:
    """The month of the example as it is shipped."""
    sessions = FOLDER / "sessions-2017-06.csv"
    return settle(sessions, load("coop.yaml"), load("rules.yaml"), suspense=suspense)
