"""An amount traced to its inputs: every sentence in both languages, every figure of the run."""

from __future__ import annotations

import pytest

from ledger.errors import InvalidInput, NotFound
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.explain_run import explain_run
from ledger.settlement.run import run
from tests.settlement.cases import HEAD, KAGA, by_trips, inputs, kaga_inputs, one_step


def explain(rules, figures, member, step=None):
    return explain_run(parse_rules(rules), parse_inputs(figures), member, step)


def text_of(rows, language="en"):
    return "\n".join(sentence[language] for row in rows for sentence in row["text"])


def test_the_amounts_are_those_of_the_run_for_every_account():
    result = run(parse_rules(KAGA), parse_inputs(kaga_inputs()))
    for account, total in {**result.member_totals, **result.funds}.items():
        rows = explain(KAGA, kaga_inputs(), account)
        assert sum(row["amount_minor"] for row in rows) == total
        for row in rows:
            assert all(sentence["en"] and sentence["ja"] for sentence in row["text"])


def test_from_the_pool_to_the_odd_unit():
    figures = inputs(
        totals={"trips": {"bus": 413, "ev": 291, "bike": 137}}, revenue={"fares": 1000}
    )
    (row,) = explain(by_trips(), figures, "bike")
    assert [sentence["en"] for sentence in row["text"]] == [
        "The pool “pot” began with 1,000 JPY, from inputs:/revenue/fares.",
        "The rule is rules:/steps/0, of kind allocate.",
        "Step “s” took 1,000 JPY from “pot”, which held 1,000 JPY.",
        "From inputs:/totals/trips/bike: 137.",
        "Your weight is 137 of 841 in all.",
        "1000 × 137/841 = 137000/841 minor units, before rounding.",
        "In whole numbers: 1000 × 137 ÷ 841 = 162, remainder 758.",
        "In the order of remainders and tie-breaks you are number 1; the first gets the odd unit.",
        "Whole units: 162; 1 odd units were left; you got one. Your amount is 163 JPY.",
    ]
    japanese = text_of([row], "ja")
    for words in ("原資「pot」は1,000 JPYで始まりました(inputs:/revenue/fares)。",
                  "1000 × 137 ÷ 841 = 162 余り 758", "順番は1番目"):  # fmt: skip
        assert words in japanese


def test_who_took_before_and_where_the_pool_came_from():
    text = KAGA.replace("[revenue.fares]", "[revenue.fares, charge.fee, revenue.none]")
    figures = kaga_inputs()
    figures["totals"]["charge.fee"] = {"bus": 99}
    figures["opening"] = {"gross": 900}
    found = text_of(explain(text, figures, "ev", "share"))
    assert (
        "began with 1,001,000 JPY, from inputs:/opening/gross, inputs:/revenue/fares, "
        "inputs:/totals/charge.fee." in found
    )
    for step in ("opex", "reserve", "town"):
        assert f"Before this, step “{step}” took" in found
    assert "inputs:/funding/network/ev" in found
    other = HEAD + "pools: {a: {from: [revenue.fares]}, b: {from: []}}\nsteps:\n"
    other += "  - {id: x, kind: reserve, source: a, to: fund.f, amount: 1}\n"
    other += "  - {id: y, kind: allocate, source: b, key: {kind: equal}}\n"
    found = text_of(explain(other, inputs(revenue={"fares": 9}), "ev"))
    assert "The pool “b” began with 0 JPY." in found
    assert "Before this" not in found


def test_a_step_in_which_nobody_has_a_weight():
    found = text_of(explain(by_trips(), inputs(revenue={"fares": 0}), "ev"))
    assert "Your amount is 0 JPY" in found
    assert "In whole numbers" not in found


def test_a_negative_amount_is_explained_by_its_size():
    figures = inputs(totals={"trips": {"bus": 2, "ev": 1}}, revenue={"fares": -100})
    (row,) = explain(by_trips(), figures, "bus")
    assert row["amount_minor"] == -67
    assert "In whole numbers: 100 × 2 ÷ 3 = 66, remainder 2." in text_of([row])


def test_a_fund_is_told_which_steps_filled_it():
    (row,) = explain(KAGA, kaga_inputs(), "fund.community")
    assert (row["step"], row["rule"], row["amount_minor"]) == ("town", "rules:/steps/2", 27360)
    last = row["text"][-1]
    assert last["en"] == (
        "Of the 912,001 JPY that it found there, this step put 27,360 JPY into fund.community."
    )
    assert "fund.communityに積み立てました" in last["ja"]
    labelled = KAGA.replace("rate: 3%", "rate: 3%, label: {ja: 地域}")
    assert explain(labelled, kaga_inputs(), "fund.community")[0]["label"] == {"ja": "地域"}


def test_accounts_and_steps_that_are_not_there():
    with pytest.raises(NotFound, match=r"there are bus, ev, bike, fund\.reserve"):
        explain(KAGA, kaga_inputs(), "boat")
    with pytest.raises(InvalidInput, match="the steps are opex, reserve"):
        explain(KAGA, kaga_inputs(), "bus", "none")
    only = one_step("kind: allocate, key: {kind: equal, members: [ev]}")
    with pytest.raises(NotFound, match="'bus' takes no part in any step"):
        explain(only, inputs(revenue={"fares": 1}), "bus")
    with pytest.raises(NotFound, match="takes no part in step 'reserve'"):
        explain(KAGA, kaga_inputs(), "bus", "reserve")
