"""Invariants of whole runs (RULES.md section 12): 1 to 9, 12, 16, 17."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.canonical import encode
from ledger.errors import Infeasible
from ledger.rules.document import names_used, parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.document import CutOff, build_settlement, settlement_id
from ledger.settlement.result import result_document
from ledger.settlement.run import run
from ledger.settlement.statement import statement_maker
from ledger.settlement.verify import verify_statement
from tests.settlement.cases import HEAD, KAGA, SEED, inputs, kaga_inputs

FEW = settings(max_examples=30, deadline=None)
MEMBERS = ("a", "b", "suspense", "組", "ü")
KEYS = st.sampled_from(
    [
        "{kind: equal}",
        "{kind: equal, members: [a, 組]}",
        "{kind: fixed, weights: {b: 1/3, ü: remaining}}",
        "{kind: proportional, input: km}",
        "{kind: proportional, input: charge.e, members: [a, b, ü]}",
        "{kind: capital}",
    ]
)
PERCENT = st.integers(0, 100).map("{}%".format)


SHORT = st.sampled_from(
    ["proportional", "cea", "cel", "talmud", "random_arrival", "priority", "minimal_overlap"]
)
BOUNDS = st.sampled_from(
    [
        "bounds: {cap: 45%}, overflow: carry",
        "bounds: {cap: {a: 20%}, floor: 3%}, short_rule: cea, overflow: redistribute",
        "bounds: {cap: 30}, overflow: {to: fund.f}",
        "bounds: {floor: {a: 40}}, short_rule: talmud",
        "bounds: {floor: 7, cap: 60}, short_rule: priority, overflow: {to: pool.s}",
        "bounds: {cap: 25%}, overflow: redistribute",
    ]
)
ROUNDING = st.sampled_from(
    ["{method: sequential}", "{half_even_residual_to: fund.g}", "{half_even_residual_to: a}"]
)


def claims(draw):
    given = draw(st.dictionaries(st.sampled_from(["a", "b", "組"]), st.integers(0, 300)))
    return ", ".join(f"{member}: {amount}" for member, amount in given.items()) or "a: 9"


def allocation(draw):
    policy = draw(st.sampled_from(["error", "carry", "equal"]))
    keys = draw(st.lists(KEYS, min_size=2, max_size=3))
    weights = draw(st.lists(st.integers(1, 9), min_size=3, max_size=3))
    parts = [f"{{id: p{i}, weight: {weights[i]}%, key: {key}}}" for i, key in enumerate(keys)]
    single = draw(st.booleans())
    text = f"key: {keys[0]}" if single else f"parts: [{', '.join(parts)}]"
    return f"kind: allocate, if_no_weight: {policy}, {text}"


@st.composite
def steps(draw, name):
    kind = draw(
        st.sampled_from(
            ["recover_cost", "reserve", "allocate", "guarantee", "bounds", "split", "charge", "km"]
        )
    )
    source = draw(st.sampled_from(["p", "q"]))
    text = f"id: {name}"
    if draw(st.booleans()):
        other = st.sampled_from(["{of: total.km, times: 3/2}", "{of: balance.f}"])
        text += f", limit: {draw(PERCENT | st.integers(0, 900) | other)}"
    if kind == "recover_cost":
        carry = str(draw(st.booleans())).lower()
        text += f", kind: recover_cost, costs: [c{name}], carry_forward: {carry}"
        text += f", key: {draw(KEYS)}" if draw(st.booleans()) else f", short_rule: {draw(SHORT)}"
    elif kind == "reserve":
        text += f", kind: reserve, to: fund.f, rate: {draw(PERCENT)}, until_balance: 300"
    elif kind == "guarantee":
        recoup = draw(st.sampled_from(["none", "next_periods"]))
        text += f", kind: guarantee, claims: {{{claims(draw)}}}, short_rule: {draw(SHORT)}"
        text += f", recoup: {recoup}"
    elif kind == "split":
        text += ", kind: allocate, split: {pool.s: 1/3, fund.h: 5%, pool.t: remaining}"
    else:
        text += f", {allocation(draw)}"
        if kind == "bounds":
            text += f", {draw(BOUNDS)}"
        source = {"charge": f"cost.d{name}", "km": "w"}.get(kind, source)
        text += ", as: charge" if kind == "charge" else ""
    if draw(st.booleans()):
        rounding = "{method: sequential}" if kind == "km" else draw(ROUNDING)
        text += f", rounding: {rounding}"
    return f"  - {{{text}, source: {source}}}\n"


@st.composite
def rules(draw):
    head = HEAD + "pools: {p: {from: [revenue.r]}, q: {from: [charge.e]}, s: {from: []}, "
    head += "t: {from: []}, w: {from: [total.km], unit: km}}\nsteps:\n"
    last = "  - {id: last, kind: allocate, source: s, key: {kind: equal}, limit: 50%}\n"
    return head + "".join(draw(steps(name)) for name in "stu"[: draw(st.integers(1, 3))]) + last


def amounts(low, high):
    return st.dictionaries(st.sampled_from(MEMBERS), st.integers(low, high))


@st.composite
def figures(draw):
    return inputs(
        members=draw(st.permutations(MEMBERS)),
        totals={"km": draw(amounts(0, 50)), "charge.e": draw(amounts(0, 400))},
        revenue={"r": draw(st.integers(-500, 2000))},
        costs={f"{kind}{name}": draw(amounts(0, 300)) for name in "stu" for kind in "cd"},
        recoup=draw(amounts(0, 60)),
        funding={"x": draw(amounts(0, 9)), "y": draw(amounts(0, 9))},
        opening={"p": draw(st.integers(0, 99)), "q": 5},
        balances={"fund.f": draw(st.integers(0, 400))},
    )


def read(text, given_figures):
    """Rules and inputs, without the costs of which the rules take no notice: those are refused."""
    ruleset = parse_rules(text)
    known = names_used(ruleset).costs
    costs = {name: row for name, row in given_figures.get("costs", {}).items() if name in known}
    return ruleset, parse_inputs({**given_figures, "costs": costs})


def attempt(text, given_figures):
    """The result, or None where the rules have no answer: no weights, bounds that cannot hold."""
    try:
        return run(*read(text, given_figures))
    except Infeasible:
        return None


@FEW
@given(rules(), figures())
def test_1_and_9_every_step_gives_what_it_takes_and_leaves_the_rest(text, given_figures):
    result = attempt(text, given_figures)
    if result is None:
        return
    held = {**result.pools, **result.costs}
    for rule, step in zip(parse_rules(text).steps, result.steps, strict=True):
        assert held[step.source] == step.available
        held[step.source] -= step.taken
        amounts_given = () if step.division is None else step.division.amounts
        given_away = sum(amounts_given) + sum(step.accounts.values())
        assert given_away == (-step.taken if step.is_charge else step.taken)
        assert all(isinstance(amount, int) for amount in amounts_given)
        if step.division is not None and not step.division.rounded.residual:
            assert len({amount > 0 for amount in amounts_given if amount}) <= 1
        for account, amount in step.payees.items():
            if account.startswith("pool."):
                held[account[5:]] += amount
        if rule.limit is not None and step.taken > 0 and rule.limit.of is None:
            limit = rule.limit.amount_minor
            assert step.taken <= (
                limit if limit is not None else rule.limit.percent * step.available
            )
    left = {cost: result.costs[cost] - found for cost, found in result.charged.items()}
    assert held == {**result.pools_left, **left}
    paid = sum(result.member_totals.values()) + sum(result.funds.values())
    paid += sum(result.charged.values())
    money = {name: amount for name, amount in held.items() if name in "pqst"}
    assert paid + sum(money.values()) == sum(result.pools[name] for name in "pqst")


@FEW
@given(rules(), figures())
def test_9_caps_and_floors_hold(text, given_figures):
    result = attempt(text, given_figures)
    for step in () if result is None else result.steps:
        division = step.division
        if division is None or division.basis is None or division.basis.rule != "bounds":
            continue
        rows = zip(division.rounded.amounts, division.basis.low, division.basis.high, strict=True)
        for amount, low, high in rows:
            assert abs(amount) >= low
            assert high is None or abs(amount) <= high


@FEW
@given(rules(), figures())
def test_2_amounts_are_exact_ones_rounded_up_or_down(text, given_figures):
    result = attempt(text, given_figures)
    for step in () if result is None else result.steps:
        division = step.division
        if division is None or division.rounding.method == "half_even_residual_to":
            continue
        whole = division.weight_sum or 1
        for weight, amount in zip(division.weights, division.rounded.amounts, strict=True):
            exact = Fraction(abs(division.total) * weight, whole)
            in_turn = division.rounding.method == "sequential" and division.basis is None
            assert floor(exact) <= abs(amount) <= (floor(exact) + 1 if in_turn else ceil(exact))


@FEW
@given(rules(), figures(), st.integers(2, 7))
def test_4_weights_times_k_change_nothing(text, given_figures, k):
    text = text.replace("total.km, times: 3/2", "total.km, times: 0").replace(
        "source: w", "source: p"
    )
    figures_k = {**given_figures, "totals": dict(given_figures["totals"])}
    figures_k["totals"]["km"] = {m: v * k for m, v in given_figures["totals"]["km"].items()}
    figures_k["funding"] = {
        asset: {m: v * k for m, v in row.items()} for asset, row in given_figures["funding"].items()
    }
    before, after = attempt(text, given_figures), attempt(text, figures_k)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert before.member_totals == after.member_totals
        assert before.funds == after.funds


@FEW
@given(rules(), figures())
def test_7_equal_weights_differ_by_a_unit_at_most(text, given_figures):
    result = attempt(text, given_figures)
    for step in () if result is None else result.steps:
        division = step.division
        if division is None or division.rounding.method == "half_even_residual_to":
            continue
        found = {}
        for weight, amount in zip(division.weights, division.rounded.amounts, strict=True):
            found.setdefault(weight, []).append(amount)
        assert all(max(same) - min(same) <= 1 for same in found.values())


def test_8_house_monotonicity_does_not_hold():
    """One unit more in the pool, and a member gets one less: why no such promise is made."""
    weights = "{a: 6, b: 6, ü: 2}"
    text = HEAD + "pools: {p: {from: [revenue.r]}}\nsteps:\n"
    text += f"  - {{id: s, kind: allocate, source: p, key: {{kind: fixed, weights: {weights}}}}}\n"
    got = [
        attempt(text, inputs(members=list(MEMBERS), revenue={"r": fares})).member_totals["ü"]
        for fares in (10, 11)
    ]
    assert got == [2, 1]


@FEW
@given(rules(), figures())
def test_16_payouts_suspense_funds_and_carry_are_the_pools(text, given_figures):
    """Every line of the document is somebody's: members, funds, projects, pools, costs."""
    result = attempt(text, given_figures)
    if result is None:
        return
    document, units = result_document(result), {s.step for s in result.steps if s.unit is not None}
    lines = [line for line in document["lines"] if line["step"] not in units]
    lines = [line for line in lines if line["amount_minor"] is not None]
    outside = sum(line["amount_minor"] for line in lines if line["member"][:5] != "pool.")
    totals = document["totals"]
    left = sum(totals["pools_left"][name] for name in "pqst")
    assert outside + left + sum(totals.get("costs", {}).values()) == totals["in"] == totals["out"]
    later = sum(totals.get("recoup", {}).values())
    back = sum(line.get("recouped_minor", 0) for line in lines)
    advanced = sum(line["amount_minor"] for line in lines if advances(text, line["step"]))
    assert sum(given_figures["recoup"].values()) + advanced - back == later


def advances(text, step_id):
    """Whether a step is a guarantee that has to be paid back."""
    step = next(step for step in parse_rules(text).steps if step.id == step_id)
    return getattr(step, "recoup", None) == "next_periods"


@FEW
@given(rules(), figures(), st.randoms(use_true_random=False))
def test_3_order_of_members_and_names_is_irrelevant(text, given_figures, random):
    text = text.replace(", rounding: {method: sequential}", "").replace("priority", "cel")
    moved = {**given_figures, "members": list(given_figures["members"])}
    random.shuffle(moved["members"])
    moved["totals"] = dict(reversed(moved["totals"].items()))
    before, after = attempt(text, given_figures), attempt(text, moved)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert dict(before.member_totals) == dict(after.member_totals)
        assert before.owed == after.owed


@FEW
@given(rules(), figures())
def test_5_and_lines_weight_zero_earns_zero_and_exact_parts_add_up(text, given_figures):
    result = attempt(text, given_figures)
    if result is None:
        return
    for line in result_document(result)["lines"]:
        if line["share"] == "0" and not line["member"].startswith(("fund.", "pool.")):
            evens_out = f"half_even_residual_to: {line['member']}}}" in text
            assert line["amount_minor"] in (0, None) or evens_out


@FEW
@given(figures(), st.integers(1, 10**6), KEYS)
def test_6_a_negative_pool_mirrors_the_positive_one(given_figures, amount, key):
    text = HEAD + "pools: {p: {from: [revenue.r]}, q: {from: []}}\nsteps:\n"
    text += f"  - {{id: s, kind: allocate, source: p, key: {key}, if_no_weight: carry}}\n"
    plus = {**given_figures, "revenue": {"r": amount}, "opening": {}, "recoup": {}}
    minus = {**plus, "revenue": {"r": -amount}}
    up, down = attempt(text, plus), attempt(text, minus)
    assert up.member_totals == {name: -value for name, value in down.member_totals.items()}


PROGRAM = """
import sys
from ledger.canonical import encode
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.document import CutOff, build_settlement
from ledger.settlement.statement import build_statement
from tests.settlement.cases import KAGA, SEED, kaga_inputs
rules, given = parse_rules(KAGA), parse_inputs(kaga_inputs())
built = build_settlement(CutOff("2026-10", 7, bytes(32), bytes(32)), rules, given, SEED)
sys.stdout.buffer.write(encode(built.document) + built.lines_blob)
sys.stdout.buffer.write(encode(build_statement(built, rules, given, SEED, "ev")))
"""


def test_12_same_bytes_under_any_hash_seed():
    root = Path(__file__).parents[2]
    outputs = set()
    for hash_seed in ("0", "1", "4242"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, check=True, env=env, cwd=root
        )
        outputs.add(hashlib.sha256(done.stdout).hexdigest())
    assert len(outputs) == 1


def test_12_bytes_are_those_of_earlier_versions():
    """Golden ids: a change here changes what members signed."""
    facts = CutOff("2026-10", 7, bytes(32), bytes(32))
    built = build_settlement(facts, parse_rules(KAGA), parse_inputs(kaga_inputs()), SEED)
    assert hashlib.sha256(encode(result_document(built.result))).hexdigest() == RESULT
    assert settlement_id(built.document).hex() == SETTLEMENT


@settings(FEW, max_examples=12)
@given(rules(), figures())
def test_17_every_leaf_proves_and_roots_are_the_totals(text, given_figures):
    if attempt(text, given_figures) is None:
        return
    ruleset, given_inputs = read(text, given_figures)
    facts = CutOff("2026-10", 7, bytes(32), bytes(32))
    built = build_settlement(facts, ruleset, given_inputs, SEED)
    maker = statement_maker(built, ruleset, given_inputs, SEED)
    for member in given_inputs.members:
        verify_statement(maker.statement(member), built.document)
    totals = built.document["totals"]
    net = totals["paid_to_members"] + totals["paid_to_suspense"] - totals["charged_to_members"]
    assert net == sum(built.result.member_totals.values())


RESULT = "1d97c77b6b0e047f69240d112b72c7ff77ade640a3166d33b2aaa247b2fb8c3e"
SETTLEMENT = "759bb33369dd6861cea72582f0cfd37c5a92d19770262ba1273b9b4a4ba90145"
