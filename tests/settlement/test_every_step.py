"""One rule set with every kind of step: its documents, statements, words and forgeries."""

from __future__ import annotations

import copy

import pytest

from ledger import canonical
from ledger.errors import SumMismatch, VerificationError
from ledger.rules.document import names_used, parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.document import CutOff, build_settlement, settlement_id, verify_settlement
from ledger.settlement.explain import explain_lines
from ledger.settlement.result import result_document
from ledger.settlement.statement import statement_maker
from ledger.settlement.verify import verify_statement, verify_totals
from tests.settlement.cases import EVERYTHING, SEED, everything_inputs, inputs, one_step
from tests.settlement.test_statement import TOLD, changed, leaves_of, replace_at

FACTS = CutOff("2026-10", 7, bytes(32), bytes(32))


def made(rules=EVERYTHING, figures=None):
    """The settlement and every member's statement."""
    ruleset = parse_rules(rules)
    given = parse_inputs(figures or everything_inputs())
    built = build_settlement(FACTS, ruleset, given, SEED)
    maker = statement_maker(built, ruleset, given, SEED)
    verify_settlement(built.document, ruleset, given, SEED)
    return built, {member: maker.statement(member) for member in given.members}


@pytest.fixture(scope="module")
def all_of_it():
    return made()


def test_everything_adds_up_in_its_own_unit(all_of_it):
    built, _ = all_of_it
    totals = result_document(built.result)["totals"]
    assert totals["members"] == {"bus": 559, "ev": 619, "bike": 392}
    assert totals["funds"] == {"fund.x": 187}
    assert totals["projects"] == {"project.bench": 0, "project.lamp": 40}
    assert totals["pools_left"] == {"fees": 125, "grid": 300, "pot": 0, "rest": 39, "sun": 0}
    assert totals["in"] == totals["out"] == 2001
    assert totals["recoup"] == {"bike": 35, "ev": 65}
    assert totals["costs"] == {"cost.runway": 40}
    assert totals["units"] == {"Wh": {"in": 1000, "members": 700, "left": 300, "out": 1000}}
    assert result_document(built.result)["tax"] == built.document["tax"]
    assert built.document["tax"]["10%"] == {"taxable_minor": 205, "tax_minor": 21}
    assert built.document["totals"]["recoup"] == 100


def test_every_member_verifies(all_of_it):
    built, statements = all_of_it
    for statement in statements.values():
        assert canonical.parse(canonical.encode(statement)) == statement
        verify_statement(statement, built.document)


def test_the_co_op_is_told_of_all_names():
    used = names_used(parse_rules(EVERYTHING))
    assert used.costs == {"platform", "runway"}
    assert used.members == {"bike", "ev", "bus"}
    assert used.kpis == {"uptime_ppm"}
    assert {"validated_trips", "wh", "need"} <= used.metrics
    assert used.ballots == {"town"}


# Told, not proven: a floor or cap by name, unless the amount meets it.
BY_NAME = {("runway", "cap"), ("runway", "floor")}


def test_any_changed_figure_of_a_statement_is_refused(all_of_it):
    built, statements = all_of_it
    for statement in statements.values():
        for path, value in leaves_of({k: v for k, v in statement.items() if k != "settlement"}):
            if TOLD & set(path) or (path[0] == "steps" and "parts" in path):
                continue
            if path[0] == "steps" and (statement["steps"][path[1]]["step"], path[-1]) in BY_NAME:
                continue
            with pytest.raises(VerificationError):
                verify_statement(replace_at(statement, path, changed(value)), built.document)


FACTS_OF_THE_LOG = {
    *("period", "as_of_index", "log_root", "state_hash", "ruleset", "version", "rule_hash"),
    *("inputs_hash", "lines", "currency", "minor_digits", "member_count", "account_count"),
    *("seed_commitment", "amounts_root", "carry", "notes", "tax", "kind", "recoup"),
}
# Shown by the division itself, which only members check; its sums are checked here.
OF_MEMBERS = {
    *("weight_total", "denominator", "extra_units", "unserved_below", "served_above", "part"),
    *("rule", "scale", "losses", "of_floors", "cap", "floor", "rest", "fraction", "method"),
    *("tie_break", "half_even_residual_to"),
}


def test_public_totals_check_themselves(all_of_it):
    document = dict(all_of_it[0].document)
    verify_totals(document)
    for path, value in leaves_of(document):
        if FACTS_OF_THE_LOG & set(path) or (OF_MEMBERS & set(path) and "division" in path):
            continue
        if path[-1] == "step" and document["steps"][path[1]]["division"] is None:
            continue
        bad = replace_at(document, path, None if path == ("charges_root",) else changed(value))
        with pytest.raises(SumMismatch):
            verify_totals(bad)


def forge(all_of_it, member, change):
    built, statements = all_of_it
    settlement = copy.deepcopy(dict(built.document))
    statement = copy.deepcopy(statements[member])
    change({step["step"]: step["division"] for step in settlement["steps"]}, statement)
    statement["settlement"] = settlement
    statement["settlement_id"] = settlement_id(settlement).hex()
    return statement, settlement


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, s: d["share"]["basis"].update(scale="7"), "the exact amount"),
        (lambda d, s: d["share"]["basis"].update(scale=None), "the exact amount"),
        (lambda d, s: d["floor"]["basis"].update(scale=None), "the exact amount"),
        (lambda d, s: d["floor"]["basis"].update(losses=False), "the exact amount"),
        (lambda d, s: d["share"]["basis"].update(cap=583), "the bounds"),
        (lambda d, s: d["share"]["basis"].update(floor=99), "the bounds"),
        (lambda d, s: d["share"]["basis"].update(weight_total="1/7"), "not whole"),
        (lambda d, s: d["share"].update(basis=None), "the weights root"),
        (lambda d, s: s["recoup"].update(before=1), "what is paid back"),
        (lambda d, s: s["recoup"].update(advanced=1000), "what is advanced"),
        (lambda d, s: s.pop("recoup"), "what is paid back"),
        (lambda d, s: d["fees"].update(residual=1), "what 'fees' gave"),
    ],
)
def test_forged_together_is_still_refused(all_of_it, change, message):
    found = []
    for member in ("bus", "ev", "bike"):
        try:
            verify_statement(*forge(all_of_it, member, change))
        except VerificationError as error:
            found.append(str(error))
    assert any(message in text for text in found), found


def test_explanations_say_how_the_amount_follows(all_of_it):
    texts = {}
    for member, statement in all_of_it[1].items():
        for told in explain_lines(statement):
            texts[member, told["step"]] = [sentence["en"] for sentence in told["text"]]
            assert all(sentence["ja"] for sentence in told["text"])
    assert "Your weight is 90 of 150 in all." in texts["ev", "floor"]
    assert any("half of what it claims, but by at most 25" in t for t in texts["ev", "floor"])
    assert any("goes short by 5" in text for text in texts["bus", "opex"])
    assert "You get at most 582 JPY." in texts["bus", "share"]
    assert texts["bus", "share"][-1].startswith("Of this, 39 JPY pays back")
    assert texts["bus", "runway"][0] == (
        "Step “runway” charges members 40 JPY for the cost “runway” of 40 JPY."
    )
    assert any("goes to fund.x" in text for text in texts["ev", "fees"])
    assert texts["ev", "energy"][0].startswith("Step “energy” took 1000 Wh")


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("bounds: {cap: 10%}, overflow: redistribute", "Everybody reached its cap; the 70 JPY"),
        ("bounds: {floor: 90}, short_rule: proportional", "the same part 10/27 of it"),
        ("bounds: {floor: 90}, short_rule: cea", "but at most 100/3"),
        ("bounds: {floor: 90}, short_rule: talmud", "half of what it claims, but at most 100/3"),
        ("bounds: {floor: 90}, short_rule: random_arrival", "the mean over all orders"),
        ("bounds: {floor: {ev: 60}}", "You get at least 60 JPY."),
    ],
)
def test_bounds_in_words(step, sentence):
    text = one_step(
        "kind: allocate, key: {kind: fixed, weights: {ev: 2, bus: 1, bike: 1}}, " + step
    )
    built, statements = made(text, inputs(revenue={"fares": 100}))
    told = [one["en"] for one in explain_lines(statements["ev"])[0]["text"]]
    assert any(sentence in one for one in told), told
    for statement in statements.values():
        verify_statement(statement, built.document)


def test_a_floor_that_does_not_reach_somebody_says_so():
    text = one_step(
        "kind: allocate, key: {kind: proportional, input: t}, bounds: {floor: 10%, cap: 90%}"
    )
    figures = inputs(members=["bus", "old"], totals={"t": {"bus": 1}}, beside=["old"])
    figures["revenue"] = {"fares": 5}
    built, statements = made(text.replace("90%", "100%"), figures)
    told = [one["en"] for one in explain_lines(statements["old"])[0]["text"]]
    assert any("does not reach you" in one for one in told)
    verify_statement(statements["old"], built.document)
    assert any("by name" in one["en"] for one in made(figures=None)[1]["bus"]["limits"])


def test_a_residual_for_a_member_is_checked_by_everybody():
    for fares in (3, -3):
        text = one_step(
            "kind: allocate, key: {kind: equal, members: [bus, ev]}",
            more="rounding: {half_even_residual_to: bike}\n",
        )
        built, statements = made(text, inputs(revenue={"fares": fares}))
        for statement in statements.values():
            verify_statement(statement, built.document)
        bad = copy.deepcopy(statements["bike"])
        bad["steps"][0]["extra"] = 0
        with pytest.raises(SumMismatch):
            verify_statement(bad, built.document)
