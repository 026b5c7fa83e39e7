"""Two verifiers that share no code, over the same good and corrupted bundles: they agree."""

from __future__ import annotations

import pytest

from ledger.audit.report import Report
from ledger.audit.trust import format_trust
from ledger.coop.submission import Submission
from tests.audit.test_forgery import lenient
from tests.audit.world import bundle_of, files_of, rebuild, trust_in, verify
from tests.browser.bundles import Case, all_cases, open_month
from tests.browser.session import CHROMIUM

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def cases(month) -> list[Case]:
    return all_cases(month)


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


def test_the_facts_are_those_of_the_other_verifier(cases, answers, expected):
    for case, answer, report in zip(cases, answers, expected, strict=True):
        found, facts = answer["facts"], report.facts
        assert (found is None) == (facts is None), case.name
        if facts is not None:
            there = (facts.origin, facts.genesis, facts.size, facts.root, facts.records)
            here = tuple(found[name] for name in ("origin", "genesis", "size", "root", "records"))
            assert here == there, case.name
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


def test_a_bundle_that_begins_later_is_not_judged(month, reports):
    files = {**files_of(month.bundle), "start/state": b"{}"}
    (answer,) = reports([{"bundle": rebuild(files, fit=True), "trust": None}])
    assert answer["verdict"] == "unknown"
