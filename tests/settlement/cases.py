"""A small co-op for the tests: rule sets and inputs that each test bends."""

from __future__ import annotations

from typing import Any

HEAD = """\
kyojo_rules: 1
ruleset: kaga-mobility
version: 3
effective_from: 2026-10-01
timezone: Asia/Tokyo
currency: JPY
minor_digits: 0
"""

KAGA = (
    HEAD
    + """\
inputs:
  trips: {metric: validated_trips, agg: sum}
pools:
  gross: {from: [revenue.fares], origin: member}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform],
     limit: 40%, carry_forward: true}
  - {id: reserve, kind: reserve, source: gross, to: fund.reserve, rate: 5%,
     until_balance: 10000000}
  - {id: town, kind: reserve, source: gross, to: fund.community, rate: 3%}
  - id: share
    kind: allocate
    source: gross
    label: {en: Shares, ja: 配分}
    parts:
      - {id: use, weight: 70%, key: {kind: proportional, input: trips}}
      - {id: capital, weight: 20%, key: {kind: capital, asset: network}}
      - {id: heads, weight: 10%, key: {kind: equal}}
"""
)

SEED = bytes(range(32))


def one_step(step: str, *, pools: str = "pot: {from: [revenue.fares]}", more: str = "") -> str:
    """A rule set with one step, written in YAML's flow style without its braces."""
    return f"{HEAD}{more}pools: {{{pools}}}\nsteps:\n  - {{id: s, source: pot, {step}}}\n"


def by_trips(more: str = "") -> str:
    """A rule set that divides everything by trips."""
    return one_step("kind: allocate, key: {kind: proportional, input: trips}" + more)


def inputs(**fields: Any) -> dict[str, Any]:
    """Inputs of RULES.md section 7, with ``fields`` replaced."""
    return {
        "kyojo_inputs": 1,
        "period": {"start": "2026-10-01", "end": "2026-11-01"},
        "members": ["bus", "ev", "bike"],
        "totals": {},
        "revenue": {},
        **fields,
    }


def kaga_inputs() -> dict[str, Any]:
    """The period of RULES.md section 6, example C."""
    return inputs(
        totals={"validated_trips": {"bus": 413, "ev": 291, "bike": 137}},
        revenue={"fares": 1000001},
        costs={"platform": {"bus": 30000, "bike": 10000}},
        funding={"network": {"bus": 5000000, "ev": 3000000, "bike": 2000000}},
        balances={"fund.reserve": 8000000},
        carry={"opex": 0},
        recoup={},
    )
