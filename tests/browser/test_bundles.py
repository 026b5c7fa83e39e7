"""Two verifiers that share no code, over the same good and corrupted bundles: they agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest

from ledger import canonical
from ledger.audit.bundle import START_STATE
from ledger.audit.report import PeriodFact, Report, StartFact
from ledger.audit.trust import format_trust
from ledger.coop.submission import Submission
from ledger.rules.document import rule_hash
from ledger.rules.yamltext import read_yaml
from tests.audit.successors import Succeeded
from tests.audit.test_forgery import lenient
from tests.audit.world import bundle_of, trust_in, verify
from tests.browser.bundles import Case, all_cases, open_month
from tests.browser.session import CHROMIUM
from tests.browser.slices import Slices
from tests.builder import RULES, SALT, blob_ref, rules_body

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.long)])
def cases(request, month, succeeded) -> list[Case]:
    """About a quarter of the corpus; `make long` takes all of it."""
    return [*all_cases(month, is_sample=request.param == "some"), *followed(succeeded)]


def followed(month: Succeeded) -> Iterator[Case]:
    """A month anchored on a contract's successor, under trust files that know more or less."""
    for named in (("first",), ("second",), ("first", "second")):
        for known in (True, False):
            trust = month.trust(*named, known=known)
            yield Case(f"successor, trust in {named}, {known}", month.bundle, trust)
    wrong = {"code_hash": "77" * 32}
    yield Case("successor, other code", month.bundle, month.trust("first", "second", **wrong))
    for name, change in (
        ("block", {"block": {**month.block, "hash": "77" * 32}}),
        ("contract", {"first": {**month.first, "contract": "0x" + "77" * 20}}),
        ("chain", {"first": {**month.first, "chain_id": 1}}),
    ):
        trust = replace(month, **change).trust("first")
        yield Case(f"successor, another {name}", month.bundle, trust)


def test_the_page_says_by_which_decision_it_followed_a_contract(succeeded, reports):
    cases = [("first",), ("second",)]
    given = [
        {"bundle": succeeded.bundle, "trust": format_trust(succeeded.trust(*named))}
        for named in cases
    ]
    for answer, is_said in zip(reports(given), (True, False), strict=True):
        said = " ".join(remark["en"] for remark in answer["notChecked"])
        words = f"the members decided in entry {succeeded.decided} that it follows"
        assert (words in said) is is_said


@pytest.fixture(scope="module")
def answers(cases, reports):
    return reports(
        [
            {"bundle": case.bundle, "trust": case.trust and format_trust(case.trust)}
            for case in cases
        ]
    )


@pytest.fixture(scope="module")
def expected(cases) -> list[Report]:
    return [verify(case.bundle, case.trust) for case in cases]


def heads(places) -> set[str]:
    """The entries and files that findings name, without the place within them."""
    return {place.split(",")[0] for place in places}


PERIOD = ("id", "status", "batches", "records", "settlement", "recordsBefore")


def start_of(found) -> StartFact | None:
    """Where a slice starts, as the page says it."""
    if found is None:
        return None
    names = ("entry", "root", "stateHash", "period", "settlement", "approvedBy")
    *rest, approved_by = map(found.get, names)
    return StartFact(*rest, tuple(approved_by))


def test_the_verdicts_agree_bundle_by_bundle(cases, answers, expected):
    assert sum(report.verdict == "refused" for report in expected) >= 200
    wrong = {
        case.name: (report.verdict, answer)
        for case, answer, report in zip(cases, answers, expected, strict=True)
        if answer["verdict"] != report.verdict
    }
    assert wrong == {}


def test_the_findings_name_the_same_entries_and_files(cases, answers, expected):
    wrong = {}
    for case, answer, report in zip(cases, answers, expected, strict=True):
        here = heads(place for place, _ in answer["places"])
        there = heads(finding.where for finding in report.findings)
        if here != there:
            wrong[case.name] = (here, there)
    assert wrong == {}


def test_the_page_says_what_it_did_not_check(answers):
    for answer in answers:
        if answer["facts"] is not None:
            assert any("after its end" in remark["en"] for remark in answer["notChecked"])
            assert all(remark["ja"] for remark in answer["notChecked"])


def test_the_page_says_which_votes_changed_a_charter(cases, answers, expected):
    found = zip(cases, answers, expected, strict=True)
    (answer, report) = next((one, other) for case, one, other in found
                            if case.name == "changed charter")  # fmt: skip
    (remark,) = (one for one in report.not_checked if "not as it was founded" in one.en)
    assert {"en": remark.en, "ja": remark.ja} in answer["notChecked"]


def test_the_facts_are_those_of_the_other_verifier(cases, answers, expected):
    for case, answer, report in zip(cases, answers, expected, strict=True):
        found, facts = answer["facts"], report.facts
        assert (found is None) == (facts is None), case.name
        if facts is not None:
            there = (facts.origin, facts.genesis, facts.size, facts.root, facts.records)
            here = tuple(found[name] for name in ("origin", "genesis", "size", "root", "records"))
            assert here == there, case.name
            assert start_of(found["start"]) == facts.start, case.name
            assert [PeriodFact(*map(one.get, PERIOD)) for one in found["periods"]] == list(
                facts.periods
            ), case.name
            assert [
                (one["entry"], one["period"], one["id"], int(one["total"]), one["members"])
                for one in found["settlements"]
            ] == [
                (one.entry, one.period, one.id, one.total_minor, one.members)
                for one in facts.settlements
            ], case.name
            assert list(facts.signed_by) == found["signedBy"], case.name
            assert [one.rests_on for one in facts.anchors] == [
                one["restsOn"] for one in found["anchors"]
            ], case.name


def test_a_kind_that_the_page_does_not_know_is_never_verified(reports):
    world = open_month()
    index = len(world.entries)
    world = lenient(world)
    world.accept(Submission(world.draft("office", "holiday-declared", {"day": "2026-12-31"})))
    trust = format_trust(trust_in(world))
    (answer,) = reports([{"bundle": bundle_of(world), "trust": trust}])
    assert answer["verdict"] == "unknown"
    assert answer["places"] == []
    assert answer["unknown"][0]["en"] == (
        f"entry {index} is of the kind holiday-declared, which this page does not know"
    )


def test_signatures_that_a_browser_cannot_check_are_said_to_be_unchecked(month, reports):
    """Such as in a browser without Ed25519: never verified, never refused."""
    given = [{"bundle": month.bundle, "trust": format_trust(month.trust)}]
    (answer,) = reports(given, page="/harness.html?lacking")
    assert (answer["verdict"], answer["places"]) == ("unknown", [])
    (said,) = answer["unknown"]
    assert said["where"] == "checkpoint, signatures"
    assert "was not checked" in said["en"]
    assert "未確認" in said["ja"]
    assert answer["facts"]["signedBy"] == []


def test_what_a_later_ledger_keeps_in_its_state_is_never_verified(reports):
    """A slice from a state with fields that this page does not know, in itself and in a month."""
    slices = Slices()
    good = canonical.parse(slices.files[START_STATE])
    (month, *_) = good["periods"]
    inner = {**good["periods"], month: {**good["periods"][month], "disputes": {}}}
    states = [{**good, "bonds": {}}, {**good, "periods": inner}]
    made = [slices.made("", {START_STATE: canonical.encode(state)}) for state in states]
    trust = format_trust(slices.trust)
    answers = reports([{"bundle": case.bundle, "trust": trust} for case in made])
    assert [(answer["verdict"], answer["places"]) for answer in answers] == [("unknown", [])] * 2
    said = [answer["unknown"][0]["en"] for answer in answers]
    assert [text.rsplit("/", 1)[1] for text in said] == ["bonds", "disputes"]


@pytest.mark.parametrize(
    "words",
    [
        "profile: jp-npo",
        "tax: 10%",
        "rounding: {cumulative: true}",
    ],
)
def test_a_rule_set_in_words_that_the_page_does_not_know_is_never_judged(reports, words):
    world = lenient(open_month())
    text = SALT + RULES.replace("version: 1", "version: 2").encode() + words.encode() + b"\n"
    hashed = rule_hash(read_yaml(text[len(SALT) :]).document).hex()
    body = {**rules_body(SALT + RULES.encode()), "version": 2, "rule_hash": hashed}
    body["text"] = blob_ref(text)
    world.blobs[sha256(text).hexdigest()] = text
    index = len(world.entries)
    world.accept(Submission(world.draft("office", "ruleset-proposed", body)))
    (answer,) = reports([{"bundle": bundle_of(world), "trust": format_trust(trust_in(world))}])
    assert (answer["verdict"], answer["places"]) == ("unknown", [])
    assert answer["unknown"][0]["where"] == f"entry {index}"
    assert answer["unknown"][0]["en"].startswith("this page does not know ")


def test_a_slice_says_what_it_leaves_out(reports):
    slices = Slices()
    (answer,) = reports([{"bundle": slices.bundle, "trust": format_trust(slices.trust)}])
    said = " ".join(remark["en"] for remark in answer["notChecked"])
    for part in (
        f"Entries before {slices.november} are not in this bundle",
        "Of 2026-11, 2027-01 some or all records lie before",
        "1 reversal(s) take back records that lie before this bundle",
    ):
        assert part in said
