"""The whole rule language: both verifiers compute the same settlements, and refuse the same."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from ledger import canonical
from ledger.errors import KyojoError
from ledger.rules.document import parse_rules
from ledger.rules.headcount import headcount_problems
from ledger.settlement.spec import _over, parse_spec
from tests.browser.broken_rules import TEXTS, broken_rules
from tests.browser.language import Language
from tests.browser.lawful import Lawful
from tests.browser.rules import Rules
from tests.browser.session import CHROMIUM
from tests.browser.test_settlements import (
    SEED,
    divisions,
    forged,
    judged,
    python_settles,
    statements,
)
from tests.rules import test_profiles as profiles
from tests.settlement.cases import EVERYTHING, everything_inputs
from tests.settlement.test_invariants import figures, rules

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]

EXAMPLES = Path(__file__).parents[2] / "examples" / "rules"
Pair = tuple[bytes, bytes]


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def is_placed(cost: str, text: str) -> bool:
    return f"[{cost}]" in text or f".{cost}" in text


def drawn() -> list[Pair]:
    """Rule sets and figures of the settlement's own strategies, always the same ones."""
    found: list[Pair] = []

    @seed(7)
    @settings(
        max_examples=120, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(rules(), figures())
    def draw(text, amounts):
        stray = [name for name in amounts["costs"] if not is_placed(name, text)]
        # In every eighth the costs of which no step takes notice stay.
        kept = amounts["costs"].items() if len(found) % 8 == 7 else ()
        costs = {n: row for n, row in amounts["costs"].items() if n not in stray} | dict(kept)
        found.append((text.encode(), encoded({**amounts, "costs": costs})))

    draw()
    return found


def examples() -> list[Pair]:
    """Every case of the worked examples."""
    found = []
    for file in sorted(EXAMPLES.glob("*.spec.yaml")):
        spec = parse_spec(file.read_bytes())
        for case in spec.cases:
            shared = ((spec.rules, case.rules), (spec.inputs, case.inputs))
            made = [_over(*one, lambda name: (EXAMPLES / name).read_bytes()) for one in shared]
            found.append((encoded(made[0]), encoded(made[1])))
    return found


def settled(pairs: list[Pair], calls) -> tuple[list[list[str] | None], list[dict[str, str]]]:
    """What the ledger makes of each, None where it refuses, and the page's answers: the same."""
    expected = [python_settles(*pair) for pair in pairs]
    answers = calls([["settle", text.hex(), found.hex(), SEED.hex()] for text, found in pairs])
    wrong = [
        (pair, answer)
        for pair, answer, there in zip(pairs, answers, expected, strict=True)
        if answer.get("is") != there
    ]
    assert wrong == []
    return expected, answers


@pytest.mark.long
@pytest.mark.parametrize("start", range(1000, 7000, 1000))
def test_thousands_of_settlements_are_computed_and_refused_alike(calls, start):
    cases = [made(number) for number in range(start, start + 1000) for made in (Language, Rules)]
    expected, answers = settled([(case.rules(), case.inputs()) for case in cases], calls)
    assert 500 < expected.count(None) < 1500
    why = " ".join(answer.get("why", "") for answer in answers)
    for reason in ("no step recovers or charges", "holds public money", "is a percentage"):
        assert reason in why


def test_settlements_of_the_whole_language_are_computed_alike(calls):
    cases = [Language(number) for number in range(360)]
    pairs = [(case.rules(), case.inputs()) for case in cases]
    pairs += [(EVERYTHING.encode(), encoded(everything_inputs())), *examples(), *drawn()]
    expected, answers = settled(pairs, calls)
    assert len(expected) - expected.count(None) > 240
    assert expected.count(None) > 100
    assert sum("unknown" in answer for answer in answers) < 20
    documents = [canonical.parse(bytes.fromhex(made[0])) for made in expected if made]
    rules_shown = {found["basis"]["rule"] for found in divisions(documents) if "basis" in found}
    assert {"bounds", "caps", "cea", "talmud", "random_arrival"} <= rules_shown
    assert {"tax", "units", "costs"} <= {name for found in documents for name in found}


class Everything:
    """One rule set with everything that a statement may have to show."""

    def rules(self) -> bytes:
        return EVERYTHING.encode()

    def inputs(self) -> bytes:
        return encoded(everything_inputs())


def test_statements_of_the_whole_language_are_judged_alike(calls):
    chosen = random.Random(20_261_129)
    cases = []
    for case in (Everything(), *map(Language, range(70))):
        good = statements(case)
        cases += [(statement, statement["settlement"]) for statement in good]
        for statement in good[-1:]:
            cases += forged(statement, chosen)
    expected = [judged(*case) for case in cases]
    answers = calls([["statement", *(canonical.encode(one).hex() for one in c)] for c in cases])
    wrong = [
        (case, there, answer)
        for case, there, answer in zip(cases, expected, answers, strict=True)
        if (answer.get("is") == "verified") != (there is None) or "unknown" in answer
    ]
    assert wrong == []
    assert expected.count(None) > 150
    assert len(expected) - expected.count(None) > 400


def variants() -> list[str]:
    """Rule sets under the legal profiles, in order and not: steps left out, moved and changed."""
    p = profiles
    steps = [p.COST, p.LAW, p.EDU, p.JOBS, p.CAPITAL, p.USE, p.WORK]
    changes = [
        ("10%", "9%"), ("6%", "5%"), ("83", "84"), ("limit: 83, ", ""), ("trips", "hours"),
        ("rate: 6%", "rate: {percent: 5%, of: opening}"), ("kind: capital", "kind: equal"),
        ("rate: 10%", "amount: 99"), ("10%", "10%, until_balance: 4999"), ("10%", "10%, limit: 5"),
    ]  # fmt: skip
    found = []
    for profile in ("jp-sme-coop", "jp-worker-coop", "jp-llp"):
        ordered = [[s for s in steps if s != left] for left in ("", *steps)]
        ordered += [[p.LAW, p.COST, p.EDU, p.USE], [p.COST, p.USE, p.LAW, p.EDU]]
        ordered += [[p.COST, p.LAW, p.EDU, p.JOBS, p.WORK.replace("use", "w")], [p.CAPITAL], []]
        lists = ["".join(one).replace("id: use", "id: first", 1) for one in ordered]
        lists += [lists[0].replace(*change) for change in changes]
        lists += [lists[12].replace(*change) for change in changes]
        for extra in (p.ARTICLES, p.ARTICLES + p.WRITING, p.WRITING.replace("09-01", "11-01"), ""):
            found += [p.rules(profile, one, extra=extra) for one in lists]
        found += [p.rules(profile, lists[0], pool=p.POOL.replace(", origin: member", ""))]
        articles = (
            p.ARTICLES.replace("5000", "4999"),
            p.ARTICLES.replace(", education: fund.edu", ""),
        )
        found += [p.rules(profile, lists[12], extra=one) for one in articles]
    return found


def read(text: bytes) -> list[object] | None:
    """A rule set's hash, and whether the law asks everybody; None where it is refused."""
    try:
        found = parse_rules(text)
    except KyojoError:
        return None
    return [found.rule_hash.hex(), found.needs_everybody]


def differences(texts: list[bytes], calls) -> list[tuple[bytes, object]]:
    """Rule sets of which the page says something else than this; it never says that it cannot."""
    expected = [read(text) for text in texts]
    answers = calls([["rules", text.hex()] for text in texts])
    pairs = zip(texts, answers, expected, strict=True)
    return [(text, got) for text, got, there in pairs if got.get("is") != there or "unknown" in got]


def test_legal_profiles_are_judged_alike(calls):
    texts = [text.encode() for text in variants()]
    texts += [Lawful(number).rules() for number in range(250)]
    assert differences(texts, calls) == []
    found = [read(text) for text in texts[-250:]]
    assert 60 < found.count(None) < 190
    assert sum(one[1] for one in found if one) > 10


def test_rule_sets_that_make_no_sense_are_refused_alike(calls):
    texts = list(broken_rules())
    assert [text for text in texts if read(text.encode()) is not None] == []
    answers = calls([["rules", text.encode().hex()] for text in [*texts, *TEXTS]])
    assert [answer for answer in answers if "is" in answer] == []
    # Words, fields and YAML that a later ledger may know are said to be unknown, never verified.
    unknown = [answer["unknown"] for answer in answers[: len(texts)] if "unknown" in answer]
    assert [text.rsplit("/", 1)[1] for text in unknown] == ["tax", "if_missing", "kyojo_rules"]


@pytest.mark.long
@pytest.mark.parametrize("start", range(1000, 5000, 1000))
def test_thousands_of_rule_sets_under_legal_profiles_are_judged_alike(calls, start):
    texts = [Lawful(number).rules() for number in range(start, start + 1000)]
    assert differences(texts, calls) == []


def fits(text: bytes, members: list[str]) -> bool | None:
    """Whether so many members can keep to a rule set's bounds; None where it is refused."""
    try:
        found = parse_rules(text)
    except KyojoError:
        return None
    return not list(headcount_problems(found, members))


def headcounts(numbers: range) -> list[tuple[bytes, list[str]]]:
    chosen, found = random.Random(20_261_130), []
    for number in numbers:
        members = ["bus", "ev", "bike", "suspense", "taxi", "town", *"abcdefgh"]
        text = Language(number).rules()
        found.append((text, chosen.sample(members, chosen.choice((0, 1, 2, 3, 8)))))
    return found


def counted(pairs: list[tuple[bytes, list[str]]], calls) -> list[bool | None]:
    """Who fits, after checking that the page says the same of all that parse."""
    given = [(pair, fits(*pair)) for pair in pairs]
    given = [(pair, there) for pair, there in given if there is not None]
    answers = calls([["heads", text.hex(), members] for (text, members), _ in given])
    wrong = [
        (pair, answer)
        for (pair, there), answer in zip(given, answers, strict=True)
        if (answer.get("is") == "fits") != there or "unknown" in answer
    ]
    assert wrong == []
    return [there for _, there in given]


def test_floors_and_caps_are_counted_with_the_members_alike(calls):
    found = counted(headcounts(range(250)), calls)
    assert found.count(False) > 3
    assert found.count(True) > 80


@pytest.mark.long
def test_thousands_of_floors_and_caps_are_counted_alike(calls):
    found = counted(headcounts(range(1000, 4000)), calls)
    assert found.count(False) > 30
