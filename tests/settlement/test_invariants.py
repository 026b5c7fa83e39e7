"""Invariants of whole runs (RULES.md section 12): 1, 3, 5, 6, 9, 12, 17."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.canonical import encode
from ledger.errors import NoWeights
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.document import CutOff, build_settlement, settlement_id
from ledger.settlement.result import result_document
from ledger.settlement.run import run
from ledger.settlement.statement import statement_maker
from ledger.settlement.verify import verify_statement
from tests.settlement.cases import HEAD, KAGA, SEED, inputs, kaga_inputs

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


@st.composite
def steps(draw, name):
    kind = draw(st.sampled_from(["recover_cost", "reserve", "allocate", "parts"]))
    source = draw(st.sampled_from(["p", "q"]))
    text = f"id: {name}, source: {source}"
    if draw(st.booleans()):
        text += f", limit: {draw(PERCENT | st.integers(0, 900))}"
    if kind == "recover_cost":
        carry = str(draw(st.booleans())).lower()
        text += f", kind: recover_cost, costs: [c{name}], carry_forward: {carry}"
        if draw(st.booleans()):
            text += f", key: {draw(KEYS)}"
    elif kind == "reserve":
        text += f", kind: reserve, to: fund.f, rate: {draw(PERCENT)}, until_balance: 300"
    else:
        policy = draw(st.sampled_from(["error", "carry", "equal"]))
        text += f", kind: allocate, if_no_weight: {policy}"
        keys = draw(st.lists(KEYS, min_size=2, max_size=3))
        weights = draw(st.lists(st.integers(1, 9), min_size=3, max_size=3))
        parts = [f"{{id: p{i}, weight: {weights[i]}%, key: {key}}}" for i, key in enumerate(keys)]
        text += f", key: {keys[0]}" if kind == "allocate" else f", parts: [{', '.join(parts)}]"
    if draw(st.booleans()):
        text += ", rounding: {method: sequential}"
    return f"  - {{{text}}}\n"


@st.composite
def rules(draw):
    head = HEAD + "pools: {p: {from: [revenue.r]}, q: {from: [charge.e]}}\nsteps:\n"
    return head + "".join(draw(steps(name)) for name in "stu"[: draw(st.integers(1, 3))])


def amounts(low, high):
    return st.dictionaries(st.sampled_from(MEMBERS), st.integers(low, high))


@st.composite
def figures(draw):
    return inputs(
        members=draw(st.permutations(MEMBERS)),
        totals={"km": draw(amounts(0, 50)), "charge.e": draw(amounts(0, 400))},
        revenue={"r": draw(st.integers(-500, 2000))},
        costs={f"c{name}": draw(amounts(0, 300)) for name in "stu"},
        funding={"x": draw(amounts(0, 9)), "y": draw(amounts(0, 9))},
        opening={"p": draw(st.integers(0, 99)), "q": 5},
        balances={"fund.f": draw(st.integers(0, 400))},
    )


def attempt(text, given_figures):
    """The result, or None where the rules have no answer for want of weights."""
    try:
        return run(parse_rules(text), parse_inputs(given_figures))
    except NoWeights:
        return None


@given(rules(), figures())
def test_1_and_9_every_step_gives_what_it_takes_and_leaves_the_rest(text, given_figures):
    result = attempt(text, given_figures)
    if result is None:
        return
    held = dict(result.pools)
    for rule, step in zip(parse_rules(text).steps, result.steps, strict=True):
        assert held[step.source] == step.available
        held[step.source] -= step.taken
        if step.division is not None:
            assert sum(step.division.rounded.amounts) == step.taken
        if rule.limit is not None and step.taken > 0:
            limit = rule.limit.amount_minor
            assert step.taken <= (
                limit if limit is not None else rule.limit.percent * step.available
            )
    assert held == result.pools_left
    paid = sum(result.member_totals.values()) + sum(result.funds.values())
    assert paid + sum(held.values()) == sum(result.pools.values())
    assert result.funds.get("fund.f", 0) <= max(0, 300 - given_figures["balances"]["fund.f"])


@given(rules(), figures(), st.randoms(use_true_random=False))
def test_3_order_of_members_and_names_is_irrelevant(text, given_figures, random):
    text = text.replace(", rounding: {method: sequential}", "")
    moved = {**given_figures, "members": list(given_figures["members"])}
    random.shuffle(moved["members"])
    moved["totals"] = dict(reversed(moved["totals"].items()))
    before, after = attempt(text, given_figures), attempt(text, moved)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert dict(before.member_totals) == dict(after.member_totals)
        assert before.owed == after.owed


@given(rules(), figures())
def test_5_and_lines_weight_zero_earns_zero_and_exact_parts_add_up(text, given_figures):
    result = attempt(text, given_figures)
    if result is None:
        return
    for line in result_document(result)["lines"]:
        if line["share"] == "0" and not line["member"].startswith("fund."):
            assert line["amount_minor"] in (0, None)


@given(figures(), st.integers(1, 10**6), KEYS)
def test_6_a_negative_pool_mirrors_the_positive_one(given_figures, amount, key):
    text = HEAD + "pools: {p: {from: [revenue.r]}, q: {from: []}}\nsteps:\n"
    text += f"  - {{id: s, kind: allocate, source: p, key: {key}, if_no_weight: carry}}\n"
    plus = {**given_figures, "revenue": {"r": amount}, "opening": {}}
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


@settings(max_examples=25)
@given(rules(), figures())
def test_17_every_leaf_proves_and_roots_are_the_totals(text, given_figures):
    if attempt(text, given_figures) is None:
        return
    ruleset, read = parse_rules(text), parse_inputs(given_figures)
    facts = CutOff("2026-10", 7, bytes(32), bytes(32))
    built = build_settlement(facts, ruleset, read, SEED)
    maker = statement_maker(built, ruleset, read, SEED)
    for member in read.members:
        verify_statement(maker.statement(member), built.document)
    totals = built.document["totals"]
    net = totals["paid_to_members"] + totals["paid_to_suspense"] - totals["charged_to_members"]
    assert net == sum(built.result.member_totals.values())


RESULT = "1d97c77b6b0e047f69240d112b72c7ff77ade640a3166d33b2aaa247b2fb8c3e"
SETTLEMENT = "759bb33369dd6861cea72582f0cfd37c5a92d19770262ba1273b9b4a4ba90145"
