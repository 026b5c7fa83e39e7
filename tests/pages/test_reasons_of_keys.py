"""How a statement names the figures behind a share, key by key."""

from __future__ import annotations

import pytest

from ledger.paper.reasons import Reason, Teller
from ledger.paper.speech import Language, Speech
from ledger.paper.steps import Rules
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.document import CutOff, build_settlement
from ledger.settlement.shape import parse_settlement, parse_statement
from ledger.settlement.statement import build_statement
from tests.settlement.cases import SEED, inputs, one_step

KEYS = (
    "kind: patronage, input: km",
    "kind: tiered, input: km, tiers: [{upto: 3, weight: 2}, {weight: 1}]",
    "kind: capital, time_weighted: true",
    "kind: kpi_weighted, mode: add, kpis: [{input: up}, {input: calm}]",
    "kind: pro_rata, matrix: plays",
    "kind: user_centric, matrix: plays",
)
FIGURES = inputs(
    totals={"km": {"bus": 10, "ev": 4}},
    origins={"km": {"public": {"bus": 3}}},
    revenue={"fares": 100},
    funding={"net": {"bus": [{"amount_minor": 5, "from": "2026-10-30"}]}},
    kpis={"up": {"bus": {"value": 2}, "ev": {"value": 1}, "bike": {"value": 0}}},
    matrices={"plays": {"u1": {"bus": 3, "ev": 1}}},
    payments={"u1": 100},
)


def told(language: Language) -> Reason:
    rows = ", ".join(f"{{id: p{n}, weight: 1, key: {{{key}}}}}" for n, key in enumerate(KEYS))
    rules = parse_rules(
        one_step(f"kind: allocate, parts: [{rows}]", more="inputs: {calm: {kpi: c, default: 7}}\n")
    )
    given = parse_inputs(FIGURES)
    built = build_settlement(CutOff("2026-10", 1, bytes(32), bytes(32)), rules, given, SEED)
    own = parse_statement(build_statement(built, rules, given, SEED, "bus"))
    (mine,) = own.steps
    (step,) = parse_settlement(own.settlement).steps
    assert step.division is not None
    words = {"km": {"en": "Distance", "ja": "走行距離", "unit": "m"}}
    say = Speech(language, "JPY")
    return Teller(say, Rules(rules.document), own, words, {}, {}).reason(mine, step, step.division)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            [
                (
                    "By members' own usage",
                    "7 m",
                    ["Distance: 10 m", "“km” not dealt with members: 3 m"],
                ),
                ("By usage, counted in tiers", "13", ["Distance: 10 m"]),
                ("By money put in", "10", ["Money you put into “net”, times days held: 10"]),
                (
                    "By results",
                    "1",
                    ["Reading of “up”: 2", "Set where “calm” has no reading: 7"],
                ),
                ("By all uses alike", "3", ["Uses of you in “plays”: 3"]),
                ("By whom each payer used", "75", ["Uses of you in “plays”: 3"]),
            ],
        ),
        (
            "ja",
            [
                (
                    "組合員としての利用分量に応じて",
                    "7 m",
                    ["走行距離: 10 m", "「km」のうち組合員以外との分: 3 m"],
                ),
                ("段階別に数えた利用に応じて", "13", ["走行距離: 10 m"]),
                ("拠出に応じて", "10", ["「net」への拠出額×日数: 10"]),
                ("指標の評価に応じて", "1", ["「up」の値: 2", "「calm」の値がないときの値: 7"]),
                ("全体の利用回数に応じて", "3", ["「plays」での利用回数: 3"]),
                ("支払者ごとの利用先に応じて", "75", ["「plays」での利用回数: 3"]),
            ],
        ),
    ],
)
def test_every_figure_has_a_name_a_unit_and_a_reader(language, expected):
    found = [
        (basis.title, basis.weight, [f"{one.name}: {one.value}" for one in basis.figures])
        for basis in told(language).bases
    ]
    assert found == expected
