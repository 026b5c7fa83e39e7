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


EVERYTHING = (
    HEAD
    + """\
inputs:
  trips: {metric: validated_trips}
  town: {kpi: uptime_ppm}
pools:
  pot: {from: [revenue.fares]}
  fees: {from: []}
  rest: {from: []}
  sun: {from: [total.wh], unit: Wh}
  grid: {from: [], unit: Wh}
steps:
  - {id: opex, kind: recover_cost, source: pot, costs: [platform], limit: 30, short_rule: cel}
  - {id: floor, kind: guarantee, source: pot, claims: {bike: 60, ev: 90}, limit: 100,
     short_rule: talmud, recoup: next_periods}
  - {id: wait, kind: reserve, source: pot, to: fund.x, amount: 5, when: {kpi: town, at_least: 9}}
  - {id: cut, kind: allocate, source: pot, split: {pool.fees: 10%, fund.x: 10%,
     pool.rest: remaining}}
  - {id: fees, kind: allocate, source: fees, limit: {of: step.cut, times: 5%},
     rounding: {half_even_residual_to: fund.x}, key: {kind: equal}, tax: taxable_sale}
  - {id: vote, kind: citizens_fund, source: rest, ballots: town, method: greedy, limit: 50}
  - id: share
    kind: allocate
    source: rest
    label: {en: Shares, ja: 配分}
    parts:
      - {id: use, weight: 70%, key: {kind: proportional, input: trips}}
      - {id: heads, weight: 30%, key: {kind: equal}}
    bounds: {cap: 40%, floor: 100}
    overflow: {to: fund.x}
  - {id: runway, kind: allocate, source: cost.runway, as: charge, key: {kind: equal},
     bounds: {cap: {bus: 9}, floor: {ev: 12}}}
  - {id: energy, kind: allocate, source: sun, overflow: {to: pool.grid},
     key: {kind: energy, mode: dynamic, demand: need}}
"""
)


def everything_inputs() -> dict[str, Any]:
    """A period for ``EVERYTHING`` in which every step has something to do but ``wait``."""
    return inputs(
        totals={
            "validated_trips": {"bus": 413, "ev": 291, "bike": 137},
            "wh": {"bus": 900, "ev": 100},
            "need": {"ev": 300, "bike": 400},
        },
        revenue={"fares": 2001},
        costs={"platform": {"bus": 30, "bike": 10}, "runway": {"ev": 40}},
        recoup={"bus": 70},
        kpis={"uptime_ppm": {"_": {"value": 8}}},
        ballots={
            "town": {
                "projects": {"lamp": {"cost": 40}, "bench": {"cost": 30}},
                "votes": [{"voter": "c1", "approve": ["lamp"]}],
            }
        },
        invoice={
            "rounding": "half_up",
            "lines": [
                {"id": "a", "rate": "10%", "net_minor": 105},
                {"id": "b", "rate": "10%", "net_minor": 100},
                {"id": "c", "rate": "8%", "net_minor": 99},
            ],
        },
    )
