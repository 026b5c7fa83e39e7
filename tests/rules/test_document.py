"""Rule sets: what is read, and for everything refused the place and the reason."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import encode
from ledger.errors import MalformedRules
from ledger.rules.document import names_used, parse_rules, rule_hash
from ledger.rules.keys import KEY_KINDS
from ledger.rules.names import NamesUsed
from ledger.rules.steps import STEP_KINDS
from ledger.rules.yamltext import read_yaml
from tests.settlement.cases import HEAD, KAGA, one_step


def faults_of(text):
    with pytest.raises(MalformedRules) as caught:
        parse_rules(text)
    return caught.value.faults


def test_a_percentage_is_no_reading_to_compare_with() -> None:
    text = one_step("kind: reserve, to: fund.r, rate: 1, when: {kpi: up, at_least: %s}")
    with pytest.raises(
        MalformedRules, match="write 900000 for 90 % of a scale of 1000000"
    ) as caught:
        parse_rules(text % "90%")
    assert [one.where.endswith("(/steps/0/when/at_least)") for one in caught.value.faults] == [True]
    assert parse_rules(text % "900000").steps[0].when.at_least == 900000
    assert parse_rules(text % "'-2.5'").steps[0].when.at_least == Fraction(-5, 2)


def test_hash_is_of_the_parsed_document():
    document = yaml.load(KAGA, Loader=yaml.BaseLoader)
    document |= {"kyojo_rules": 1, "version": 3, "minor_digits": 0}
    document["steps"][0]["carry_forward"] = True
    document["steps"][1]["until_balance"] = 10000000
    ruleset = parse_rules(KAGA)
    assert ruleset.document == document
    assert ruleset.rule_hash == rule_hash(document) == hashlib.sha256(encode(document)).digest()
    assert ruleset.document["effective_from"] == "2026-10-01"


def test_layout_and_comments_do_not_count():
    lines = KAGA.replace("version: 3", "'version':   3  # the third").replace("\n", "\r\n")
    assert parse_rules(lines.encode()).rule_hash == parse_rules(KAGA).rule_hash


def test_names_used():
    text = one_step(
        "kind: allocate, parts: ["
        "{id: a, weight: 1, key: {kind: proportional, input: trips}},"
        "{id: b, weight: 1, key: {kind: proportional, input: charge.energy}},"
        "{id: c, weight: 1, key: {kind: capital, asset: net, members: [bus]}},"
        "{id: d, weight: 1, key: {kind: fixed, weights: {ev: 1}}}]",
        pools="pot: {from: [revenue.fares, charge.parking]}",
        more="members: [bike]\ninputs: {trips: {metric: validated_trips}, b: {metric: boats}}\n",
    )
    text += "  - {id: t, source: pot, kind: reserve, to: fund.r, amount: 1}\n"
    text += "  - {id: u, source: pot, kind: recover_cost, costs: [c], key: {kind: equal}}\n"
    assert names_used(parse_rules(text)) == NamesUsed(
        metrics=frozenset({"validated_trips", "boats"}),
        charges=frozenset({"energy", "parking"}),
        revenue=frozenset({"fares"}),
        costs=frozenset({"c"}),
        assets=frozenset({"net"}),
        members=frozenset({"bus", "ev", "bike"}),
        pools=frozenset({"pot"}),
        funds=frozenset({"r"}),
    )


def test_approval_and_late_are_read_for_the_co_op():
    more = "approval: {threshold: 2/3, objection_days: 7}\nlate: {grace_days: 5, style: ledger}\n"
    ruleset = parse_rules(KAGA + more)
    assert str(ruleset.approval.threshold) == "2/3"
    assert (ruleset.late.grace_days, ruleset.late.style) == (5, "ledger")


def test_tables_and_unions_agree():
    for kind in STEP_KINDS:
        faults = faults_of(one_step(f"kind: {kind}, zz: 1"))
        assert "unknown-field" in {fault.code for fault in faults}
    for kind in KEY_KINDS:
        faults = faults_of(one_step(f"kind: allocate, key: {{kind: {kind}, zz: 1}}"))
        assert "unknown-field" in {fault.code for fault in faults}


ALLOCATE = "kind: allocate, key: {kind: equal}"


def test_cumulative_rounding_is_refused_by_name():
    (fault,) = faults_of(one_step(f"{ALLOCATE}, rounding: {{cumulative: true}}"))
    assert "'cumulative: true' is not supported by this version" in fault.message
    assert "/steps/0/rounding/cumulative" in fault.where


@pytest.mark.parametrize(
    ("old", "new", "pointer", "message"),
    [
        ("version: 3", "version: ‸three", "/version", "an integer is expected"),
        ("version: 3", "version: ‸3.0", "/version", "binary float"),
        ("version: 3", "version: ‸0x3", "/version", "plain decimal integer"),
        ("version: 3", "version: ‸012", "/version", "plain decimal integer"),
        ("version: 3", "version: ‸yes", "/version", "readers disagree"),
        ("version: 3", f"version: ‸{2**53}", "/version", "plain decimal integer"),
        ("version: 3", "version: ‸&a 3", "/version", "anchors and aliases"),
        ("version: 3", "version: ‸!!int 3", "/version", "tag"),
        ("version: 3", "version: 3\n‸<<: {a: 1}", "/<<", "merge keys"),
        ("version: 3", "version: 3\nversion: ‸4", "/version", "stands twice"),
        ("version: 3", "version: ‸~", "/version", "an integer is expected"),
        ("version: 3", "verzion: ‸3", "/verzion", "unknown field 'verzion'"),
        ("kyojo_rules: 1\n", "‸", "/kyojo_rules", "is required"),
        ("kyojo_rules: 1", "kyojo_rules: ‸true", "/kyojo_rules", "true is not the number 1"),
        ("version: 3", "version: ‸true", "/version", "an integer is expected"),
        ("limit: 40%", "limit: ‸true", "/steps/0/limit", "not an amount"),
        ("weight: 70%", "weight: ‸true", "/steps/3/parts/0/weight", "bool is not a number"),
        ("2026-10-01", "‸2026-02-30", "/effective_from", "not a date"),
        ("Asia/Tokyo", "‸Asia/Kaga", "/timezone", "not a time zone"),
        ("JPY", "‸yen", "/currency", "not a name allowed"),
        ("revenue.fares]", "‸fares]", "/pools/gross/from/0", "not a name allowed"),
        ("source: gross,", "source: ‸net,", "/steps/0/source", "no pool 'net'"),
        ("id: town", "id: ‸reserve", "/steps/2/id", "stands twice"),
        ("rate: 5%", "rate: ‸105%", "/steps/1/rate", "more than 100 %"),
        ("rate: 5%", "rate: ‸-5%", "/steps/1/rate", "negative"),
        ("rate: 5%", "rate: ‸5", "/steps/1/rate", "more than 100 %"),
        ("rate: 5%", "rat: ‸5%", "/steps/1/rat", "unknown field 'rat'"),
        ("rate: 3%", "rate: ‸{percents: 3%}", "/steps/2/rate", "as a map"),
        ("- {id: town", "- ‸{amount: 5, id: town", "/steps/2", "'rate' or 'amount'"),
        ("limit: 40%", "limit: ‸'2.5'", "/steps/0/limit", "not an amount"),
        ("kind: allocate", "kind: allocate\n    if_no_weight: ‸maybe",
         "/steps/3/if_no_weight", "if_no_weight is 'maybe', but must be 'error'"),
        ("limit: 40%", "limit: ‸-4", "/steps/0/limit", "not an amount"),
        ("costs: [platform]", "costs: ‸[]", "/steps/0/costs", "at least one"),
        ("costs: [platform]", "costs: [p, ‸p]", "/steps/0/costs/1", "already recovered"),
        ("weight: 70%", "weight: ‸x", "/steps/3/parts/0/weight", "not a number"),
        ("weight: 70%", "weight: ‸-7", "/steps/3/parts/0/weight", "negative"),
        ("id: capital", "id: ‸use", "/steps/3/parts/1/id", "stands twice"),
        ("{kind: equal", "‸{kind: equl", "/steps/3/parts/2/key", "unknown key kind 'equl'"),
        ("{kind: equal", "‸{kid: equal", "/steps/3/parts/2/key", "'kind' is required"),
        ("- id: share\n    kind: allocate", "- ‸id: share\n    kind: zzz", "/steps/3",
         "unknown step kind 'zzz'"),
        ("- id: share", "- ‸id: share\n    key: {kind: equal}", "/steps/3",
         "either 'key' or 'parts'"),
        ("kind: equal", "kind: equal, members: [‸a b]", "/steps/3/parts/2/key/members/0",
         "not a member id"),
        ("kind: equal", "kind: equal, members: ‸[]", "/steps/3/parts/2/key/members",
         "at least one"),
        ("steps:", "rounding: {tie_break: ‸[weight_desc]}\nsteps:", "/rounding/tie_break",
         "the last token"),
        ("steps:", "rounding: {tie_break: ‸[declared, declared]}\nsteps:",
         "/rounding/tie_break", "stands twice"),
        ("steps:", "members: [a, ‸a]\nsteps:", "/members/1", "stands twice"),
        ("limit:", "rounding: {tie_break: ‸[]}, limit:", "/steps/0/rounding/tie_break",
         "the last token"),
        ("limit:", "pay: ‸payers, key: {kind: equal}, limit:", "/steps/0/pay", "not both"),
    ],
)  # fmt: skip
def test_each_fault_has_its_line_column_and_pointer(old, new, pointer, message):
    """The mark ‸ stands where the fault is."""
    text = KAGA.replace(old, new, 1)
    before = text[: text.index("‸")]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    found = [(fault.where, fault.message) for fault in faults_of(text.replace("‸", ""))]
    expected = f"line {line}, column {column} ({pointer})"
    assert [at for at, text in found if message in text] == [expected], found


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("{a: 0}", "add up to 0"),
        ("{a: remaining, b: remaining}", "only one"),
        ("{a: 3/4, b: 1/2, c: remaining}", "nothing remains"),
        ("{a: 1/2}, strict: true", "strict demands 1"),
        ("{a: 1}, members: [b]", "outside 'members'"),
    ],
)
def test_impossible_fixed_weights(weights, message):
    for step in (
        f"kind: allocate, key: {{kind: fixed, weights: {weights}}}",
        f"kind: allocate, parts: [{{id: a, weight: 1, key: {{kind: fixed, weights: {weights}}}}}]",
        f"kind: recover_cost, costs: [c], key: {{kind: fixed, weights: {weights}}}",
    ):
        (fault,) = faults_of(one_step(step))
        assert message in fault.message
        assert fault.where.endswith("key/weights)")


POOLS = (
    "pot: {from: [revenue.fares]}, a: {from: []}, b: {from: []}, sun: {from: [total.wh], unit: Wh}"
)
KEYED = "key: {kind: equal}"


@pytest.mark.parametrize(
    ("step", "pointer", "message"),
    [
        (f"kind: allocate, {KEYED}, source: cost.x", "/source", "'kind: allocate, as: charge'"),
        ("kind: reserve, to: fund.r, amount: 1, source: cost.x", "/source", "members pay for it"),
        (f"kind: allocate, as: charge, {KEYED}", "/as", "'source: cost.<id>'"),
        ("kind: allocate, as: charge, source: cost.x, split: {fund.r: 1}", "/as", "not by a split"),
        (f"kind: allocate, as: charge, source: cost.c, {KEYED}, overflow: {{to: fund.r}}",
         "/overflow", "stays in the cost"),
        ("kind: allocate, as: charge, source: cost.c, key: {kind: quadratic, ballots: t}",
         "/as", "projects are paid"),
        (f"kind: allocate, {KEYED}, limit: {{of: step.u}}", "/limit", "no step 'u' stands before"),
        (f"kind: allocate, {KEYED}, limit: {{of: pool.zz}}", "/limit", "no pool 'zz'"),
        (f"kind: allocate, {KEYED}, limit: {{of: thing.x}}", "/limit", "of one of step.x"),
        (f"kind: allocate, {KEYED}, limit: {{of: step.x, time: 2}}", "/limit", "of one of step.x"),
        (f"kind: allocate, {KEYED}, limit: {{of: step.x, times: -2}}", "/limit", "negative"),
        (f"kind: allocate, {KEYED}, limit: {{percent: 5%, of: step.x}}", "/limit",
         "{of: step.x, times: 5%}"),
        ("kind: allocate, split: {pool.zz: 1}", "", "no pool 'zz' to pay into"),
        ("kind: allocate, split: {pool.pot: 1}", "", "declared with 'from: []'"),
        ("kind: allocate, split: {pool.a: 1/3}", "/split", "add up to 1/3"),
        ("kind: allocate, split: {pool.a: 2, pool.b: remaining}", "/split", "nothing remains"),
        ("kind: allocate, split: {pool.a: remaining, pool.b: remaining}", "/split", "only one"),
        ("kind: allocate, split: {pool.a: 1}, bounds: {cap: 1}", "/bounds", "pays no members"),
        ("kind: allocate, split: {pool.a: 1}, overflow: carry", "/overflow", "pays no members"),
        (f"kind: allocate, {KEYED}, split: {{pool.a: 1}}", "", "'key' or 'parts' or 'split'"),
        (f"kind: allocate, source: sun, {KEYED}, overflow: {{to: fund.r}}", "", "holds money"),
        ("kind: allocate, source: sun, split: {pool.a: 1}", "", "sun holds Wh, but a money"),
        ("kind: reserve, source: sun, to: fund.r, amount: 1", "/kind", "can only be allocated"),
        ("kind: allocate, source: sun, key: {kind: quadratic, ballots: t}", "/key", "paid money"),
        (f"kind: allocate, source: sun, {KEYED}, rounding: {{half_even_residual_to: fund.r}}",
         "/rounding", "fund.r holds money"),
        (f"kind: allocate, {KEYED}, bounds: {{}}", "/bounds", "'cap' or a 'floor'"),
        (f"kind: allocate, {KEYED}, bounds: {{cap: x}}", "/bounds/cap", "nor a percentage"),
        (f"kind: allocate, {KEYED}, bounds: {{cap: {{ev: -1}}}}", "/bounds/cap/ev",
         "neither whole"),
        (f"kind: allocate, {KEYED}, bounds: {{cap: 5, floor: 6}}", "/bounds/floor",
         "above its cap"),
        (f"kind: allocate, {KEYED}, bounds: {{cap: 5%, floor: {{ev: 6%}}}}", "/bounds/floor",
         "above its cap for ev"),
        (f"kind: allocate, {KEYED}, bounds: {{floor: {{ev: 60%, bus: 50%}}}}", "/bounds/floor",
         "add up to 11/10"),
        (f"kind: allocate, {KEYED}, limit: 9, bounds: {{floor: {{ev: 5, bus: 5}}}}",
         "/bounds/floor", "more than the limit"),
        ("kind: allocate, key: {kind: equal, members: [a, b, c]}, bounds: {floor: 40%}",
         "/bounds/floor", "add up to 6/5"),
        ("kind: allocate, key: {kind: equal, members: [a, b]}, bounds: {cap: 40%}", "/bounds/cap",
         "cannot get everything"),
        ("kind: allocate, key: {kind: equal, members: [a]}, bounds: {cap: {b: 4}}", "/bounds",
         "whom the key leaves out"),
        (f"kind: allocate, {KEYED}, short_rule: cea", "/short_rule", "it has none"),
        (f"kind: allocate, {KEYED}, overflow: {{to: member.x}}", "/overflow/to", "not a name"),
        ("kind: allocate, key: {kind: quadratic, ballots: t}, bounds: {floor: 4}", "/bounds/floor",
         "which have no floor"),
        ("kind: allocate, key: {kind: quadratic, ballots: t}, bounds: {cap: {a: 4}}",
         "/bounds/cap", "one value for all"),
        (f"kind: recover_cost, costs: [c], {KEYED}, short_rule: cea", "/short_rule",
         "for those who bore"),
        ("kind: recover_cost, costs: [c], key: {kind: energy, mode: dynamic, demand: d}", "/key",
         "paid back whole"),
        (f"kind: allocate, {KEYED}, rounding: {{method: half_even_residual_to}}",
         "/rounding/method", "needs an account"),
        (f"kind: allocate, {KEYED}, rounding: {{method: sequential, half_even_residual_to: a}}",
         "/rounding/half_even_residual_to", "leaves no residual"),
        ("kind: guarantee, claims: {}", "/claims", "at least one"),
        ("kind: guarantee, claims: {ev: -1}", "/claims/ev", ""),
        ("kind: guarantee, claims: {ev: 1}, short_rule: nash", "/short_rule", "must be"),
    ],
)  # fmt: skip
def test_steps_that_could_not_work_are_refused_at_their_place(step, pointer, message):
    text = one_step(step, pools=POOLS)
    if "source:" in step:
        text = text.replace("source: pot, ", "")
    text += "  - {id: t, kind: recover_cost, source: pot, costs: [x]}\n"
    found = [(fault.where, fault.message) for fault in faults_of(text)]
    assert any(f"(/steps/0{pointer})" in at and message in said for at, said in found), found


def test_a_cost_is_recovered_or_charged_not_both():
    text = one_step("kind: recover_cost, costs: [x]")
    text += "  - {id: t, kind: allocate, as: charge, source: cost.x, key: {kind: equal}}\n"
    (fault,) = faults_of(text)
    assert "already recovered by step 's'" in fault.message
    assert fault.where.endswith("(/steps/1/source)")


def test_money_never_flows_in_a_circle():
    text = one_step("kind: allocate, split: {pool.a: 1}", pools=POOLS)
    text += "  - {id: t, kind: allocate, source: a, split: {pool.b: 1}}\n"
    assert parse_rules(text)
    text += "  - {id: u, kind: allocate, source: b, split: {pool.a: 1/2, fund.x: 1/2}}\n"
    (fault,) = faults_of(text)
    assert fault.message == "money of the pool 'b' would come back to it"
    assert "(/steps/2)" in fault.where


@pytest.mark.parametrize(
    ("pools", "pointer", "message"),
    [
        ("pot: {from: [total.wh]}", "/pools/pot/from/0", "needs a 'unit'"),
        ("pot: {from: [revenue.x], unit: Wh}", "/pools/pot/from/0", "is money"),
        ("pot: {from: [total.wh], unit: Wh, origin: member}", "/pools/pot/origin", "only money"),
    ],
)
def test_pools_of_money_and_of_other_units_stay_apart(pools, pointer, message):
    found = [(fault.where, fault.message) for fault in faults_of(one_step(ALLOCATE, pools=pools))]
    assert any(f"({pointer})" in at and message in said for at, said in found), found


def test_parts_that_weigh_nothing():
    (fault,) = faults_of(
        one_step("kind: allocate, parts: [{id: a, weight: 0, key: {kind: equal}}]")
    )
    assert "add up to 0" in fault.message


@pytest.mark.parametrize(
    ("pools", "refused"),
    [
        ("pot: {from: [revenue.x]}, b: {from: [revenue.x]}", True),
        ("pot: {from: [revenue.x], origin: member}, b: {from: [revenue.x]}", True),
        ("pot: {from: [revenue.x, revenue.x]}", True),
        ("pot: {from: [revenue.x], origin: member}, b: {from: [revenue.x], origin: other}", False),
        ("pot: {from: []}", False),
    ],
)
def test_the_same_money_flows_into_one_pool_only(pools, refused):
    text = one_step(ALLOCATE, pools=pools)
    if refused:
        assert len(faults_of(text)) == 1
    else:
        assert parse_rules(text).pools


def test_all_faults_of_a_layer_are_named_at_once():
    text = KAGA.replace("rate: 5%", "rate: 5.0").replace("version: 3", "version: x")
    assert [fault.where for fault in faults_of(text)] == [
        "line 15, column 73 (/steps/1/rate)",
        "line 3, column 10 (/version)",
    ]
    with pytest.raises(MalformedRules, match=r"line 15.* \(and 1 more\)"):
        parse_rules(text)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"\xff", "line 1"),
        ("", "line 1"),
        ("a: 1\n---\nb: 2\n", "line 1"),
        ("a: [1", "line 1, column 6"),
        ("a: 'x\n", "line 2, column 1"),
        ("? [1]\n: 2\n", "line 1, column 3 (/)"),
        ("- 1\n", "line 1, column 1 (/)"),
        ("a: \x07\n", "line 1"),
        ("a: " + "[" * 40 + "]" * 40, "line 1, column 35 (/a" + "/0" * 31 + ")"),
        ("# " + "x" * 262_144, "line 1"),
        ("a: ! 5\n", "line 1, column 4 (/a)"),
        ('a: "\\ud800"\n', "line 1, column 1 (/)"),
        ("a: *b\n", "line 1, column 4 (/a)"),
    ],
)
def test_unreadable_texts(text, where):
    assert faults_of(text)[0].where == where


def test_quoted_text_stays_text():
    assert read_yaml("a: '2.5'\nb: \"yes\"\n'd': true").document == {
        "a": "2.5",
        "b": "yes",
        "d": True,
    }


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_read_or_refused(text):
    with pytest.raises(MalformedRules):
        parse_rules(text)


@given(st.data())
def test_any_change_of_a_rule_set_is_read_or_refused(data):
    at = data.draw(st.integers(0, len(KAGA) - 1))
    text = KAGA[:at] + data.draw(st.sampled_from("{}[]:,-%0 \nax'\"&*!")) + KAGA[at + 1 :]
    try:
        ruleset = parse_rules(text)
    except MalformedRules as error:
        faults = error.faults
    else:
        faults = ruleset.steps
    assert faults


def test_head_alone_with_no_steps_is_a_rule_set():
    assert parse_rules(HEAD + "pools: {}\nsteps: []\n").steps == ()
