"""Rule sets that make no sense, each in one place, for two readers to refuse."""

from __future__ import annotations

from collections.abc import Iterator

HEAD = """\
kyojo_rules: 1
ruleset: r
version: 1
effective_from: 2026-10-01
timezone: Asia/Tokyo
currency: JPY
minor_digits: 0
"""
POOLS = """\
pools:
  gross: {from: [revenue.fares, charge.fare]}
  fed: {from: []}
  sun: {from: [total.wh], unit: Wh}
  grid: {from: [], unit: Wh}
"""
EQUAL = "key: {kind: equal}"
SPLIT = "split: {pool.fed: remaining}"

# A step each, without its id; a source that is not said is `gross`.
STEPS = (
    "kind: reserve, to: fund.r, rate: 5%, source: cost.x",
    f"kind: allocate, {EQUAL}, as: charge",
    f"kind: allocate, {EQUAL}, source: none",
    "kind: reserve, to: fund.r, rate: 5%, limit: {of: step.later}",
    "kind: reserve, to: fund.r, rate: 5%, limit: {of: pool.none}",
    "kind: allocate, split: {pool.none: remaining}",
    "kind: allocate, split: {pool.gross: remaining}",
    "kind: allocate, split: {pool.grid: remaining}",
    "kind: allocate, split: {fund.r: remaining}, source: sun",
    "kind: allocate, split: {pool.fed: remaining}, source: sun",
    "kind: reserve, to: fund.r, rate: 5%, source: sun",
    "kind: recover_cost, costs: [c], source: sun",
    "kind: allocate, key: {kind: quadratic, ballots: b}, source: sun",
    f"kind: allocate, {EQUAL}, source: sun, rounding: {{half_even_residual_to: fund.r}}",
    "kind: reserve, to: fund.r",
    "kind: reserve, to: fund.r, rate: 5%, amount: 3",
    "kind: reserve, to: pool.fed, rate: 5%",
    "kind: reserve, to: fund.r, rate: 101%",
    "kind: reserve, to: fund.r, rate: -1%",
    "kind: reserve, to: fund.r, rate: {percent: 5%, of: entry}",
    "kind: reserve, to: fund.r, rate: {percent: 5%, more: 1}",
    "kind: reserve, to: fund.r, amount: -1",
    "kind: reserve, to: fund.r, amount: 1.5",
    "kind: reserve, to: fund.r, rate: 5%, until_balance: -1",
    "kind: reserve, to: fund.r, rate: 5%, limit: {of: revenue.fares}",
    "kind: reserve, to: fund.r, rate: 5%, limit: {of: step.x, times: -1}",
    "kind: reserve, to: fund.r, rate: 5%, limit: {of: step.x, more: 1}",
    "kind: reserve, to: fund.r, rate: 5%, limit: {percent: 5%, of: entry}",
    "kind: reserve, to: fund.r, rate: 5%, limit: 2.5",
    "kind: reserve, to: fund.r, rate: 5%, limit: many",
    "kind: reserve, to: fund.r, rate: 5%, when: {kpi: u, at_least: 5%}",
    "kind: reserve, to: fund.r, rate: 5%, when: {kpi: u}",
    "kind: reserve, to: fund.r, rate: 5%, tax: some",
    "kind: recover_cost, costs: []",
    "kind: recover_cost, costs: [c, c]",
    f"kind: recover_cost, costs: [c], pay: payers, {EQUAL}",
    f"kind: recover_cost, costs: [c], short_rule: cea, {EQUAL}",
    "kind: recover_cost, costs: [c], key: {kind: quadratic, ballots: b}",
    "kind: recover_cost, costs: [c], key: {kind: energy, mode: dynamic, demand: wh}",
    "kind: recover_cost, costs: [c], key: {kind: user_centric, matrix: m, idle: carry}",
    "kind: guarantee, claims: {}",
    "kind: guarantee, claims: {bus: -1}",
    "kind: guarantee, claims: {b us: 1}",
    "kind: allocate",
    f"kind: allocate, {EQUAL}, {SPLIT}",
    "kind: allocate, parts: []",
    f"kind: allocate, parts: [{{id: p, weight: 0, {EQUAL}}}]",
    f"kind: allocate, parts: [{{id: p, weight: 1, {EQUAL}}}, {{id: p, weight: 1, {EQUAL}}}]",
    "kind: allocate, parts: [{id: p, weight: 1, key: {kind: quadratic, ballots: b}}]",
    "kind: allocate, split: {pool.fed: remaining, fund.r: remaining}",
    "kind: allocate, split: {pool.fed: remaining, fund.r: 3/2}",
    "kind: allocate, split: {pool.fed: 1/2}",
    "kind: allocate, split: {}",
    f"kind: allocate, {SPLIT}, bounds: {{cap: 5}}",
    f"kind: allocate, {SPLIT}, overflow: carry",
    f"kind: allocate, {SPLIT}, as: charge, source: cost.x",
    f"kind: allocate, {EQUAL}, as: charge, source: cost.x, overflow: {{to: fund.r}}",
    "kind: allocate, key: {kind: quadratic, ballots: b}, as: charge, source: cost.x",
    "kind: allocate, key: {kind: quadratic, ballots: b}, bounds: {floor: 5}",
    "kind: allocate, key: {kind: quadratic, ballots: b}, bounds: {cap: {bus: 5}}",
    "kind: allocate, key: {kind: quadratic, ballots: b, members: [bus]}",
    f"kind: allocate, {EQUAL}, short_rule: cea",
    f"kind: allocate, {EQUAL}, short_rule: cea, bounds: {{cap: 5}}",
    f"kind: allocate, {EQUAL}, bounds: {{}}",
    f"kind: allocate, {EQUAL}, bounds: {{cap: 5, floor: 6}}",
    f"kind: allocate, {EQUAL}, bounds: {{cap: 5%, floor: 6%}}",
    f"kind: allocate, {EQUAL}, bounds: {{cap: {{bus: 5}}, floor: {{bus: 6}}}}",
    f"kind: allocate, {EQUAL}, bounds: {{cap: -5}}",
    f"kind: allocate, {EQUAL}, bounds: {{cap: 101%}}",
    f"kind: allocate, {EQUAL}, bounds: {{floor: {{bus: 60%, ev: 50%}}}}",
    f"kind: allocate, {EQUAL}, limit: 9, bounds: {{floor: {{bus: 5, ev: 5}}}}",
    "kind: allocate, key: {kind: equal, members: [bus]}, bounds: {floor: {ev: 5}}",
    "kind: allocate, key: {kind: equal, members: [bus, ev]}, bounds: {cap: 40%}",
    "kind: allocate, key: {kind: equal, members: [bus, ev]}, bounds: {floor: 60%}",
    "kind: allocate, key: {kind: equal, members: [bus, ev]}, limit: 9, bounds: {floor: 5}",
    "kind: allocate, key: {kind: equal, members: []}",
    "kind: allocate, key: {kind: fixed, weights: {}}",
    "kind: allocate, key: {kind: fixed, weights: {bus: remaining, ev: remaining}}",
    "kind: allocate, key: {kind: fixed, weights: {bus: 3/2, ev: remaining}}",
    "kind: allocate, key: {kind: fixed, weights: {bus: 0}}",
    "kind: allocate, key: {kind: fixed, weights: {bus: 1/2}, strict: true}",
    "kind: allocate, key: {kind: fixed, weights: {bus: 1}, members: [ev]}",
    "kind: allocate, key: {kind: fixed, weights: {bus: -1}}",
    "kind: allocate, key: {kind: tiered, input: trips, tiers: []}",
    "kind: allocate, key: {kind: tiered, input: trips, tiers: [{weight: 1}, {weight: 2}]}",
    "kind: allocate, key: {kind: tiered, input: trips, tiers: [{upto: 5, weight: 1}]}",
    "kind: allocate, key: {kind: tiered, input: trips, tiers: [{weight: 0}]}",
    (
        "kind: allocate, key: {kind: tiered, input: trips,"
        " tiers: [{upto: 5, weight: 1}, {upto: 5, weight: 1}, {weight: 1}]}"
    ),
    "kind: allocate, key: {kind: tiered, input: trips, tiers: [{upto: 0, weight: 1}, {weight: 1}]}",
    "kind: allocate, key: {kind: kpi_weighted, mode: multiply, kpis: [{input: u}]}",
    (
        "kind: allocate, key: {kind: kpi_weighted, mode: add, base: {kind: equal},"
        " kpis: [{input: u}]}"
    ),
    "kind: allocate, key: {kind: kpi_weighted, mode: add, kpis: [{input: u, min: 1}]}",
    "kind: allocate, key: {kind: kpi_weighted, mode: add, kpis: [{input: u, min: 2, max: 2}]}",
    "kind: allocate, key: {kind: kpi_weighted, mode: add, kpis: [{input: u, weight: 0}]}",
    "kind: allocate, key: {kind: kpi_weighted, mode: add, kpis: []}",
    (
        "kind: allocate, key: {kind: kpi_weighted, mode: multiply, kpis: [{input: u}],"
        " base: {kind: user_centric, matrix: m, idle: carry}}"
    ),
    (
        "kind: allocate, key: {kind: kpi_weighted, mode: multiply, kpis: [{input: u}],"
        " base: {kind: fixed, weights: {bus: 0}}}"
    ),
    "kind: allocate, key: {kind: energy, mode: static, demand: wh}",
    "kind: allocate, key: {kind: energy, mode: dynamic, demand: wh, coefficients: {bus: 1}}",
    "kind: allocate, key: {kind: energy, mode: static, demand: wh, coefficients: {bus: 1/2}}",
    "kind: allocate, key: {kind: energy, mode: static, demand: wh, coefficients: {bus: 3/2}}",
    (
        "kind: allocate, key: {kind: energy, mode: static, demand: wh,"
        " coefficients: {bus: remaining, ev: remaining}}"
    ),
    (
        "kind: allocate, key: {kind: energy, mode: static, demand: wh, coefficients: {bus: 1},"
        " members: [ev]}"
    ),
    "kind: allocate, key: {kind: patronage, input: trips, exclude: []}",
    "kind: citizens_fund, ballots: b, method: greedy, utility: cost",
    "kind: citizens_fund, ballots: b, method: greedy, completion: greedy",
    "kind: citizens_fund, ballots: b, method: equal_shares, scale_up: true",
    f"kind: allocate, {EQUAL}, rounding: {{tie_break: [declared, declared]}}",
    f"kind: allocate, {EQUAL}, rounding: {{tie_break: [weight_desc]}}",
    f"kind: allocate, {EQUAL}, rounding: {{tie_break: []}}",
    f"kind: allocate, {EQUAL}, rounding: {{method: half_even_residual_to}}",
    f"kind: allocate, {EQUAL}, rounding: {{method: sequential, half_even_residual_to: fund.r}}",
    f"kind: allocate, {EQUAL}, rounding: {{half_even_residual_to: pool.fed}}",
)
# Other parts of the document, in the place of the pools or beside them.
PARTS = (
    "pools: {p: {from: [revenue.x, revenue.x]}}",
    "pools: {p: {from: [revenue.x]}, q: {from: [revenue.x]}}",
    "pools: {p: {from: [revenue.x], origin: member}, q: {from: [revenue.x]}}",
    "pools: {p: {from: [total.wh]}}",
    "pools: {p: {from: [revenue.x], unit: Wh}}",
    "pools: {p: {from: [], unit: Wh, origin: member}}",
    "pools: {p: {from: [cost.x]}}",
    "pools: {p: {from: [revenue.]}}",
    "pools: {p: {}}",
    "pools: {'a b': {from: []}}",
    "pools: {p: {from: [total.wh], unit: Wh, if_missing: never}}",
    "inputs: {a: {}}\npools: {}",
    "inputs: {a: {metric: m, kpi: k}}\npools: {}",
    "inputs: {a: {kpi: k, agg: sum}}\npools: {}",
    "inputs: {a: {metric: m, default: 1}}\npools: {}",
    "inputs: {a: {metric: m, agg: count, default: 1/2}}\npools: {}",
    "members: []\npools: {}",
    "members: [bus, bus]\npools: {}",
    "members: [b us]\npools: {}",
    "rounding: {tie_break: [weight_asc]}\npools: {}",
    "rounding: {method: half_even_residual_to}\npools: {}",
    "rounding: {method: largest_remainder, half_even_residual_to: bus}\npools: {}",
    "approval: {}\npools: {}",
    "approval: {threshold: 3/2}\npools: {}",
    "approval: {threshold: 1, dispute_days: 0}\npools: {}",
    "approval: {threshold: 1, dispute_days: 91}\npools: {}",
    "approval: {threshold: 1, objection_days: -1}\npools: {}",
    "late: {grace_days: -1}\npools: {}",
    "late: {materiality_minor: -1}\npools: {}",
    "articles: {reserve: r, reserve_ceiling: 1, paid_capital: 1}\npools: {}",
    "llp: {capital_ratio: {}, split: a, reason: b, from: 2026-09-01}\npools: {}",
    "llp: {capital_ratio: {bus: 1}, split: '', reason: b, from: 2026-09-01}\npools: {}",
)
# One word of the head, and what stands in its place.
HEADS = (
    ("kyojo_rules: 1", "kyojo_rules: true"), ("kyojo_rules: 1", "kyojo_rules: '1'"),
    ("kyojo_rules: 1", "kyojo_rules: 2"), ("kyojo_rules: 1\n", ""), ("version: 1", "version: 0"),
    ("version: 1", "version: true"), ("version: 1", "version: '1'"), ("ruleset: r", "ruleset: r r"),
    ("ruleset: r", f"ruleset: {'r' * 65}"), ("2026-10-01", "2026-02-30"),
    ("2026-10-01", "2026-1-1"), ("2026-10-01", "'2026-10-01 '"),
    ("Asia/Tokyo", "Asia/Nowhere"), ("JPY", "jpy"), ("JPY", "JPYX"),
    ("minor_digits: 0", "minor_digits: -1"), ("minor_digits: 0", "minor_digits: 10"),
    ("minor_digits: 0", "minor_digits: 0.0"),
)  # fmt: skip
# Texts that are read as no document.
TEXTS = (
    "a: 1\n---\nb: 2\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "a: 1\na: 2\n", "<<: {a: 1}\n",
    "[a]: 1\n", "? {a: 1}\n: 2\n", "a: 1.5\n", "a: .inf\n", "a: 0x10\n", "a: 1_000\n", "a: yes\n",
    "a: 010\n", "a: 9007199254740993\n", "a: ~\n", "a: 1e3\n",
    "- a\n", "a\n", "", "\t\n", "a: [1\n",
    "{" * 80 + "}" * 80, "a: 'x\n",
)  # fmt: skip
BACK = "id: b, kind: allocate, split: {pool.gross: 1}, source: fed"
ROUND = "id: b, kind: allocate, split: {pool.fed: 1}, source: fed"
TWO_STEPS = (
    ("id: a, kind: reserve, to: fund.r, rate: 5%", "id: a, kind: reserve, to: fund.r, rate: 5%"),
    ("id: a, kind: recover_cost, costs: [c]", "id: b, kind: recover_cost, costs: [c]"),
    ("id: a, kind: recover_cost, costs: [c]",
     f"id: b, kind: allocate, as: charge, {EQUAL}, source: cost.c"),
    (f"id: a, kind: allocate, {SPLIT}", BACK),
    (f"id: a, kind: allocate, {SPLIT}", ROUND),
)  # fmt: skip


def broken_rules() -> Iterator[str]:
    """The texts."""
    for step in STEPS:
        source = "" if "source:" in step else ", source: gross"
        yield f"{HEAD}{POOLS}steps: [{{id: a, {step}{source}}}]\n"
    for first, second in TWO_STEPS:
        rows = [one if "source:" in one else f"{one}, source: gross" for one in (first, second)]
        yield f"{HEAD}{POOLS}steps: [{{{rows[0]}}}, {{{rows[1]}}}]\n"
    for part in PARTS:
        yield f"{HEAD}{part}\nsteps: []\n"
    for old, new in HEADS:
        yield f"{HEAD.replace(old, new, 1)}{POOLS}steps: []\n"
