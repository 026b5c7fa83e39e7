"""Settlement documents and statements: built, recomputed, verified, and every change noticed."""

from __future__ import annotations

import copy
import hashlib
import json
from fractions import Fraction
from random import Random

import pytest

from ledger import canonical
from ledger.errors import (
    MalformedDocument,
    NotFound,
    OutOfRange,
    SumMismatch,
    VerificationError,
)
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.document import (
    CutOff,
    build_settlement,
    settlement_id,
    verify_settlement,
)
from ledger.settlement.explain import explain_lines
from ledger.settlement.result import result_document
from ledger.settlement.run import scope_of
from ledger.settlement.shape import parse_settlement, parse_statement
from ledger.settlement.statement import build_statement, statement_maker
from ledger.settlement.sumtree import derive_salt
from ledger.settlement.verify import verify_statement, verify_totals
from tests.settlement.cases import HEAD, KAGA, SEED, by_trips, inputs, kaga_inputs, one_step

FACTS = CutOff("2026-10", 41, b"\x01" * 32, b"\x02" * 32)


def settle(rules=KAGA, figures=None, seed=SEED):
    ruleset = parse_rules(rules)
    given = parse_inputs(figures or kaga_inputs())
    return build_settlement(FACTS, ruleset, given, seed), ruleset, given


def statements(rules=KAGA, figures=None):
    built, ruleset, given = settle(rules, figures)
    maker = statement_maker(built, ruleset, given, SEED)
    return built, {member: maker.statement(member) for member in given.members}


def mixed():
    """One pool ends below zero, so that there are payments and charges."""
    rules = (
        HEAD
        + "pools: {up: {from: [revenue.a]}, down: {from: [revenue.b]}}\nsteps:\n"
        + "  - {id: p, kind: allocate, source: up, key: {kind: proportional, input: trips}}\n"
        + "  - {id: n, kind: allocate, source: down, key: {kind: equal, members: [bus, ev]}}\n"
        + "  - {id: q, kind: allocate, source: down, rounding: {method: sequential},"
        " key: {kind: equal}}\n"
    )
    totals = {"trips": {"bus": 413, "ev": 291, "bike": 137}}
    return rules, inputs(totals=totals, revenue={"a": 1000, "b": -7})


def test_document_says_what_is_approved_and_nothing_of_a_member():
    built, ruleset, given = settle()
    document = built.document
    assert document["period"] == "2026-10"
    assert document["as_of_index"] == 41
    assert document["log_root"] == "01" * 32
    assert document["rule_hash"] == ruleset.rule_hash.hex()
    assert document["seed_commitment"] == hashlib.sha256(SEED).hexdigest()
    assert document["totals"]["paid_to_members"] == 924641
    assert document["charges_root"] is None
    assert settlement_id(document) == hashlib.sha256(canonical.encode(document)).digest()
    for member in given.members:
        assert f'"{member}"' not in json.dumps(document)
    verify_totals(document)


def test_lines_and_inputs_are_named_by_salted_hashes():
    built, _, given = settle()
    body = canonical.encode(result_document(built.result))
    assert built.lines_blob == derive_salt(SEED, "lines", 0) + body
    assert built.document["lines"] == {
        "sha256": hashlib.sha256(built.lines_blob).hexdigest(),
        "bytes": len(built.lines_blob),
    }
    salted = derive_salt(SEED, "inputs", 0) + canonical.encode(dict(given.document))
    assert built.document["inputs_hash"] == hashlib.sha256(salted).hexdigest()


def test_same_input_same_bytes_and_another_seed_other_roots():
    first, again = settle()[0], settle()[0]
    assert canonical.encode(first.document) == canonical.encode(again.document)
    other = settle(seed=b"\x09" * 32)[0].document
    assert other["amounts_root"] != first.document["amounts_root"]
    assert other["totals"] == first.document["totals"]


def test_recomputing_names_what_differs():
    built, ruleset, given = settle()
    verify_settlement(built.document, ruleset, given, SEED)
    with pytest.raises(SumMismatch, match="different: totals"):
        verify_settlement({**built.document, "totals": {}}, ruleset, given, SEED)
    with pytest.raises(SumMismatch, match="amounts_root, inputs_hash"):
        verify_settlement(built.document, ruleset, given, bytes(32))
    with pytest.raises(SumMismatch, match="extra"):
        verify_settlement({**built.document, "extra": 1}, ruleset, given, SEED)


def test_a_bad_seed_is_refused():
    with pytest.raises(OutOfRange):
        settle(seed=b"short")


@pytest.mark.parametrize("case", [(KAGA, kaga_inputs()), mixed()])
def test_every_member_verifies_its_statement(case):
    built, made = statements(*case)
    for member, statement in made.items():
        assert canonical.parse(canonical.encode(statement)) == statement
        verify_statement(statement, built.document)
        assert statement["net_minor"] == built.result.member_totals[member]
        others = {f'"{name}"' for name in made} - {f'"{member}"'}
        assert not [name for name in others if name in json.dumps(statement)]


def test_negative_lines_go_to_their_own_tree():
    built, made = statements(*mixed())
    assert built.document["totals"]["charged_to_members"] == 7
    assert made["bus"]["charges"]["total_minor"] == 4
    assert made["bike"]["charges"]["total_minor"] == 0
    assert [line["step"] for line in made["bike"]["lines"]] == ["p", "q"]
    assert made["bike"]["steps"][1]["takes_part"] is False


def test_a_single_statement_equals_the_one_made_for_all():
    built, ruleset, given = settle()
    one = build_statement(built, ruleset, given, SEED, "ev")
    assert one == statements()[1]["ev"]
    with pytest.raises(NotFound):
        build_statement(built, ruleset, given, SEED, "tram")


def leaves_of(value, path=()):
    """Every scalar of a document with its path."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves_of(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves_of(item, (*path, index))
    else:
        yield path, value


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return 1
    return ("1" if value[:1] != "1" else "2") + value[1:]


def replace_at(document, path, value):
    copied = copy.deepcopy(document)
    target = copied
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    return copied


# What a member is told in words or for orientation; nothing is proven by it.
TOLD = {"label", "sources", "limits", "rank"}


@pytest.mark.parametrize("case", [(KAGA, kaga_inputs()), mixed()])
def test_any_changed_figure_of_a_statement_is_refused(case):
    built, made = statements(*case)
    for statement in made.values():
        for path, value in leaves_of(statement):
            if path[0] == "settlement" or TOLD & set(path) or path[-2:-1] == ("parts",):
                continue
            if path[0] == "steps" and "parts" in path:
                continue
            bad = replace_at(statement, path, changed(value))
            with pytest.raises(VerificationError):
                verify_statement(bad, built.document)


def test_any_changed_figure_of_the_settlement_is_refused_with_an_old_statement():
    built, made = statements()
    for path, value in leaves_of(dict(built.document)):
        bad = replace_at(dict(built.document), path, changed(value))
        with pytest.raises(VerificationError):
            verify_statement(made["bus"], bad)
        with pytest.raises(VerificationError):
            verify_statement({**made["bus"], "settlement": bad}, built.document)


# Facts that the arithmetic does not touch, and shares that only members can check.
UNTOUCHED = {
    *("period", "as_of_index", "log_root", "state_hash", "ruleset", "version", "rule_hash"),
    *("inputs_hash", "lines", "currency", "minor_digits", "member_count", "account_count"),
    "seed_commitment",
    *("amounts_root", "carry", "kind", "notes", "division"),
}


def is_untouched(path, document):
    if path[-1] == "step":
        return document["steps"][path[1]]["fund"] is not None
    return bool(UNTOUCHED & set(path)) and path[-1] != "commitment"


@pytest.mark.parametrize("case", [(KAGA, kaga_inputs()), mixed()])
def test_public_totals_check_themselves(case):
    document = dict(settle(*case)[0].document)
    for path, value in leaves_of(document):
        if path == ("charges_root",) and value is not None:
            bad = replace_at(document, path, None)
        elif path == ("charges_root",) or is_untouched(path, document):
            continue
        else:
            bad = replace_at(document, path, changed(value))
        with pytest.raises(SumMismatch):
            verify_totals(bad)


def forged(member="bus", change=lambda settlement, statement: None, case=None):
    """A settlement and statement changed together, so that the ids agree."""
    built, made = statements(*(case or (KAGA, kaga_inputs())))
    settlement = copy.deepcopy(dict(built.document))
    statement = copy.deepcopy(made[member])
    change(settlement, statement)
    statement["settlement"] = settlement
    statement["settlement_id"] = settlement_id(settlement).hex()
    return statement, settlement


def division(settlement, index=-1):
    return settlement["steps"][index]["division"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, s: s["steps"].pop(), "does not cover"),
        (lambda d, s: s["lines"].pop(), "there must be one line"),
        (lambda d, s: s["lines"].append(dict(s["lines"][0], step="x")), "a line of a step"),
        (lambda d, s: s["lines"].append(s["lines"][0]), "there must be one line"),
        (lambda d, s: s["lines"].append(s["lines"][1]), "a part named twice"),
        (lambda d, s: s["lines"].pop(1), "the sum of the parts"),
        (lambda d, s: division(d)["parts"].pop(), "has no part"),
        (lambda d, s: division(d).update(weight_total="1/7"), "not whole"),
        (lambda d, s: division(d).update(cut_off=None), "the odd unit"),
        (lambda d, s: division(d).update(extra_units=0), "the odd unit"),
        (
            lambda d, s: division(d)["cut_off"].update(unserved_below="0", served_above="0"),
            "the odd unit",
        ),
        (
            lambda d, s: division(d)["cut_off"].update(unserved_below="1", served_above="1"),
            "the odd unit",
        ),
        (lambda d, s: s.update(net_minor=0), "the lines add up to"),
        (lambda d, s: s.update(charges=s["amounts"]), "whether there are charges"),
        (lambda d, s: s["amounts"].update(total_minor=0), "the lines add up to"),
        (lambda d, s: s["steps"][0].update(weight_units=-1), "no leaf can hold"),
        (lambda d, s: s.update(extra_field=1), "not a statement"),
    ],
)
def test_forged_together_is_still_refused(change, message):
    found = []
    for member in ("bus", "ev", "bike"):
        statement, settlement = forged(member, change)
        try:
            verify_statement(statement, settlement)
        except VerificationError as error:
            found.append(str(error))
    assert any(message in text for text in found), found


def test_those_who_tie_for_the_last_unit_are_told_that_they_tied():
    totals = {"trips": {"bus": 1, "ev": 1, "bike": 1}}
    case = (by_trips(), inputs(totals=totals, revenue={"fares": 2}))
    built, made = statements(*case)
    assert division(built.document)["cut_off"] == {"unserved_below": "1/2", "served_above": "3/4"}
    assert [made[m]["steps"][0]["extra"] for m in ("bus", "ev", "bike")] == [1, 0, 1]
    for statement in made.values():
        verify_statement(statement, built.document)

    def nobody_tied(settlement, _):
        division(settlement)["cut_off"].update(unserved_below="1/2", served_above="1/2")

    with pytest.raises(SumMismatch, match="the odd unit"):
        verify_statement(*forged("ev", nobody_tied, case))


def test_the_cut_off_gives_nobodys_weight_away():
    """Its bounds separate remainders; solving T·w ≡ r (mod W) for a bound finds no member."""
    random = Random(20)
    for _ in range(50):
        trips = {name: random.randrange(1, 10**6) for name in ("bus", "ev", "bike")}
        taken, whole = random.randrange(1, 10**6), sum(trips.values())
        case = (by_trips(), inputs(totals={"trips": trips}, revenue={"fares": taken}))
        found = division(statements(*case)[0].document)["cut_off"]
        own = {Fraction(taken * weight % whole, whole) for weight in trips.values()}
        if found is not None:
            assert not own & {Fraction(bound) for bound in found.values()}


def test_what_is_no_document_is_malformed_to_parsers_and_false_to_verifiers():
    built, made = statements()
    for bad in (b"{", b"[]", b"{}", b'{"a":1.5}'):
        with pytest.raises(MalformedDocument):
            parse_settlement(bad)
        with pytest.raises(MalformedDocument):
            parse_statement(bad)
    bad_texts = [("log_root", "AB" * 32), ("log_root", 5)]
    for name, value in bad_texts:
        with pytest.raises(MalformedDocument, match="hexadecimal"):
            parse_settlement({**built.document, name: value})
    for name, value in (("denominator", 0), ("weight_total", "-1")):
        bad = replace_at(dict(built.document), ("steps", -1, "division", name), value)
        with pytest.raises(MalformedDocument, match=r"negative|positive"):
            parse_settlement(bad)
    parsed = parse_settlement(canonical.encode(built.document))
    assert parsed.totals.in_ == 1000001
    with pytest.raises(SumMismatch):
        verify_totals({})
    with pytest.raises(SumMismatch):
        verify_statement({}, built.document)
    for text, message in (("2/4", "lowest terms"), ("x", "not a number"), (1, "lowest terms")):
        with pytest.raises(MalformedDocument, match=message):
            parse_statement(replace_at(made["bus"], ("lines", 0, "share"), text))


def test_explanation_goes_down_to_the_inputs_in_two_languages():
    _, made = statements()
    opex, share = explain_lines(made["bus"])
    assert opex["amount_minor"] == 30000
    texts = [sentence["en"] for sentence in share["text"]]
    assert share["label"] == {"en": "Shares", "ja": "配分"}
    assert "From inputs:/totals/validated_trips/bus: 413." in texts
    assert "From inputs:/funding/network/bus: 5000000." in texts
    assert texts[0] == "Step “share” took 884,641 JPY from “gross”, which held 884,641 JPY."
    assert any(text.startswith("Whole units: ") for text in texts)
    assert all(sentence["ja"] for sentence in share["text"])
    assert "整数部分" in share["text"][-1]["ja"]


def test_explanation_tells_of_odd_units_notes_and_sources():
    rules = one_step("kind: recover_cost, costs: [c, d], carry_forward: true, limit: 10", more="")
    figures = inputs(
        costs={"c": {"bus": 3, "ev": 3, "bike": 3}},
        revenue={"fares": 50},
        carry={"s": 2},
        owed={"s": {"ev": 2}},
    )
    _, made = statements(rules, figures)
    told = {
        member: [sentence["en"] for sentence in explain_lines(statement)[0]["text"]]
        for member, statement in made.items()
    }
    assert "Note: no cost was reported as 'd'." in told["ev"]
    assert "From inputs:/owed/s/ev: 2." in told["ev"]
    assert "Your weight is 5 of 11 in all." in told["ev"]
    ends = {texts[-1] for texts in told.values()}
    assert any("you got one" in text for text in ends)
    assert any("none fell to you" in text for text in ends)
    for key in ("{kind: fixed, weights: {bus: 1/3, ev: remaining}}", "{kind: capital}"):
        rules = one_step(f"kind: recover_cost, costs: [c], key: {key}")
        _, made = statements(
            rules, {**figures, "carry": {}, "owed": {}, "funding": {"a": {"bus": 1, "ev": 5}}}
        )
        texts = [sentence["en"] for sentence in explain_lines(made["ev"])[0]["text"]]
        expected = (
            "From rules:/steps/0/key/weights/ev: 2/3."
            if "fixed" in key
            else "From inputs:/funding/a/ev: 5."
        )
        assert expected in texts


def test_explanation_skips_steps_that_the_member_takes_no_part_in():
    _, made = statements(*mixed())
    assert [line["step"] for line in explain_lines(made["bike"])] == ["p", "q"]


def test_a_reserve_rests_on_no_members_figures():
    _, ruleset, given = settle()
    assert ruleset.steps[1].sources(scope_of(ruleset, given), "bus") == ()


def test_huge_weights_travel_as_text():
    totals = {"trips": {"bus": str(10**30), "ev": str(10**30 + 1)}}
    built, made = statements(by_trips(), inputs(totals=totals, revenue={"fares": 11}))
    assert made["bus"]["steps"][0]["weight_units"] == str(10**30)
    verify_statement(made["bus"], built.document)
    verify_statement(made["bike"], built.document)


def test_figures_of_the_rules_stand_at_their_place_in_the_rule_set():
    fixed = "{kind: fixed, weights: {bus: 2, ev: 1}}"
    weighed = (
        f"{{kind: kpi_weighted, mode: multiply, base: {fixed}, kpis: [{{input: up, weight: 1}}]}}"
    )
    text = (
        f"{HEAD}pools: {{p: {{from: [revenue.fares]}}}}\nsteps:\n"
        "  - {id: first, kind: guarantee, source: p, claims: {bus: 1}}\n"
        f"  - {{id: plain, kind: allocate, source: p, limit: 3, key: {fixed}}}\n"
        f"  - {{id: kpi, kind: allocate, source: p, limit: 3, key: {weighed}}}\n"
        f"  - {{id: mix, kind: allocate, source: p, parts: [{{id: x, weight: 1, key: {fixed}}}]}}\n"
    )
    ruleset = parse_rules(text)
    readings = {"up": {name: {"value": 1} for name in ("bus", "ev", "bike")}}
    given = parse_inputs(inputs(revenue={"fares": 10}, kpis=readings))
    built = build_settlement(CutOff("2026-10", 7, bytes(32), bytes(32)), ruleset, given, SEED)
    steps = build_statement(built, ruleset, given, SEED, "bus")["steps"]
    told = [one["where"] for step in steps for part in [step, *step["parts"]]
            for one in part["sources"] if one["where"].startswith("rules:")]  # fmt: skip
    assert told == [
        "rules:/steps/0/claims/bus",
        "rules:/steps/1/key/weights/bus",
        "rules:/steps/2/key/base/weights/bus",
        "rules:/steps/3/parts/0/key/weights/bus",
    ]
