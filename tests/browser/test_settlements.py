"""Settlements and statements by random rules: both verifiers compute, and judge, the same."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Protocol

import pytest

from ledger import canonical
from ledger.errors import KyojoError
from ledger.rules.document import parse_rules
from ledger.rules.inputs import inputs_bytes, parse_inputs
from ledger.rules.number import format_digits, simplest_between
from ledger.settlement.document import CutOff, build_settlement, settlement_id
from ledger.settlement.statement import statement_maker
from ledger.settlement.sumtree import build_sum_tree, derive_salt
from ledger.settlement.verify import verify_statement
from tests.browser.rules import Rules
from tests.browser.session import CHROMIUM
from tests.browser.test_statements import changed, places

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]

SEED = bytes(range(32))
ROOTS = CutOff("2026-10", 9, b"\x00", b"\x00")
WHOLE_ROOTS = CutOff("2026-10", 9, bytes(32), bytes(32))


def python_settles(rules: bytes, inputs: bytes) -> list[str] | None:
    try:
        found = parse_inputs(inputs)
        made = build_settlement(ROOTS, parse_rules(rules), found, SEED)
    except KyojoError:
        return None
    salted = derive_salt(SEED, "inputs", 0) + inputs_bytes(found)
    return [canonical.encode(made.document).hex(), made.lines_blob.hex(), salted.hex()]


class Case(Protocol):
    """A rule set and figures for it."""

    def rules(self) -> bytes: ...
    def inputs(self) -> bytes: ...


def divisions(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [step["division"] for found in documents for step in found["steps"] if step["division"]]


def test_settlements_are_computed_alike_by_random_rules(calls):
    cases = [Rules(number) for number in range(400)]
    pairs = [(case.rules(), case.inputs()) for case in cases]
    expected = [python_settles(*pair) for pair in pairs]
    answers = calls([["settle", rules.hex(), inputs.hex(), SEED.hex()] for rules, inputs in pairs])
    wrong = [
        (number, pairs[number], answers[number])
        for number in range(len(pairs))
        if answers[number].get("is") != expected[number]
    ]
    assert wrong == []
    assert len(expected) - expected.count(None) > 100
    assert expected.count(None) > 20
    documents = [canonical.parse(bytes.fromhex(made[0])) for made in expected if made]
    assert any(found["totals"]["paid_to_suspense"] for found in documents)
    shown = divisions(documents)
    assert sum(int(found["denominator"]) >= 2**128 for found in shown) > 5
    bounds = [found["cut_off"] for found in shown if found["cut_off"]]
    assert any(found["unserved_below"] != found["served_above"] for found in bounds)


def judged(statement: dict[str, Any], settlement: dict[str, Any]) -> str | None:
    try:
        verify_statement(statement, settlement)
    except KyojoError as error:
        return error.code
    return None


def statements(case: Case) -> list[dict[str, Any]]:
    """The statements of all members; none where the rules have no answer, or divide nothing."""
    try:
        rules, inputs = parse_rules(case.rules()), parse_inputs(case.inputs())
        made = build_settlement(WHOLE_ROOTS, rules, inputs, SEED)
    except KyojoError:
        return []
    if not divisions([dict(made.document)]):
        return []
    maker = statement_maker(made, rules, inputs, SEED)
    documents = [dict(maker.statement(member)) for member in inputs.members]
    return [canonical.parse(canonical.encode(document)) for document in documents]


def forged(statement: dict[str, Any], chosen: random.Random) -> Iterator[tuple[Any, Any]]:
    """Statements with one figure changed, of their own or of a settlement that was signed so."""
    settlement = statement["settlement"]
    own = {name: row for name, row in statement.items() if name != "settlement"}
    for path in chosen.sample(list(places(own)), 12):
        yield {**changed(own, path), "settlement": settlement}, settlement
    for path in chosen.sample(list(places(settlement)), 12):
        other = changed(settlement, path)
        named = {"settlement": other, "settlement_id": settlement_id(other).hex()}
        yield {**statement, **named}, other
    for index, step in enumerate(own["steps"]):
        other_unit = copy.deepcopy(statement)
        other_unit["steps"][index]["extra"] = 1 - step["extra"]
        yield other_unit, settlement


def test_statements_of_random_settlements_are_judged_alike(calls):
    chosen = random.Random(20_261_125)
    cases = []
    for number in range(160):
        good = statements(Rules(number))
        cases += [(statement, statement["settlement"]) for statement in good]
        for statement in good[-1:]:
            cases += forged(statement, chosen)
    expected = [judged(*case) for case in cases]
    answers = calls([["statement", *(canonical.encode(one).hex() for one in c)] for c in cases])
    wrong = [
        (cases[index], expected[index], answer)
        for index, answer in enumerate(answers)
        if (answer.get("is") == "verified") != (expected[index] is None)
    ]
    assert wrong == []
    assert expected.count(None) > 150
    right = [settlement for (_, settlement), why in zip(cases, expected, strict=True) if not why]
    assert any(int(found["denominator"]) >= 2**128 for found in divisions(right))
    assert len(expected) - expected.count(None) > 800


def test_the_simplest_fraction_between_two(calls):
    chosen = random.Random(7)
    pairs = []
    for most in (3, 10, 1000, 2**200):
        for _ in range(60):
            ends = [Fraction(chosen.randrange(most), chosen.randrange(1, most)) for _ in range(2)]
            if ends[0] != ends[1]:
                pairs.append(sorted(ends))
    answers = calls([["simplest", *map(str, pair)] for pair in pairs])
    assert [answer["is"] for answer in answers] == [str(simplest_between(*pair)) for pair in pairs]


def test_wide_sum_trees(calls):
    cases = [
        [("a", 2**128 - 1)], [("a", 2**128 - 1), ("b", 1)], [("a", 2**128)], [("a", 2**512 - 1)],
        [("a", 2**128 - 1), ("b", 1), ("c", 2**300)], [("a", 2**511), ("b", 2**511)],
        [("a", 2**512)], [("a", 2**2047), ("b", 2**2047)], [("a", 2**8200)], [("a", 2**32768)],
    ]  # fmt: skip
    expected = []
    for rows in cases:
        try:
            tree = build_sum_tree(SEED, "t", rows)
            expected.append([tree.root.hash.hex(), str(tree.root.sum), tree.commitment.hex()])
        except KyojoError:
            expected.append(None)
    rows = [[[name, format_digits(amount)] for name, amount in case] for case in cases]
    answers = calls([["sumTree", SEED.hex(), "t", one] for one in rows])
    assert [answer.get("is") for answer in answers] == expected
    assert expected.count(None) == 1
