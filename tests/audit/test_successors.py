"""A trust file that names a contract follows its successors, by the log's decisions alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.chain.node import open_node
from ledger.service.chain_view import NodeChainView
from tests.audit.successors import succeeded_month
from tests.audit.world import chain_url, places, verify


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    folder = tmp_path_factory.mktemp("succeeded")
    with open_node(chain_url(folder)) as node:
        return folder, succeeded_month(node)


def said(report):
    return " ".join(remark.en for remark in report.not_checked)


def test_the_first_contract_leads_to_the_second_and_the_report_says_by_which_decision(month):
    _, found = month
    report = verify(found.bundle, found.trust("first"))
    assert (report.verdict, report.findings) == ("verified", ())
    assert report.facts.anchors[0].contract == found.second["contract"]
    assert report.facts.anchors[0].rests_on == "trusted-block"
    assert f"decided in entry {found.decided} that it follows {found.first['contract']}" in said(
        report
    )


@pytest.mark.parametrize("named", [("second",), ("first", "second")])
def test_a_trust_file_that_names_the_second_follows_nobody(month, named):
    _, found = month
    report = verify(found.bundle, found.trust(*named))
    assert (report.verdict, report.facts.anchors[0].rests_on) == ("verified", "trusted-block")
    assert "does not name" not in said(report)


def test_from_another_contract_nothing_leads_to_the_second(month):
    _, found = month
    elsewhere = {**found.first, "contract": "0x" + "77" * 20}
    report = verify(found.bundle, replace(found, first=elsewhere).trust("first"))
    assert report.facts.anchors[0].rests_on == "evidence-only"
    assert "does not name" not in said(report)


def test_a_block_of_another_chain_is_not_the_successors(month):
    _, found = month
    other = verify(found.bundle, found.trust("first", chain_id=1))
    assert other.facts.anchors[0].rests_on == "evidence-only"


def test_the_auditors_word_on_the_successors_code_stands_before_the_logs(month):
    _, found = month
    wrong = replace(found, second={**found.second, "code_hash": "77" * 32})
    report = verify(found.bundle, wrong.trust("first", "second"))
    assert report.verdict == "refused"
    assert any(f"entry {found.decided}, anchors" in place for place in places(report))


def test_another_block_in_the_trust_file_refuses(month):
    _, found = month
    wrong = replace(found, block={**found.block, "hash": "77" * 32})
    assert verify(found.bundle, wrong.trust("first")).verdict == "refused"


def test_a_node_is_asked_for_both_contracts(month):
    folder, found = month
    with open_node(chain_url(folder)) as node:
        view = NodeChainView(node)
        good = verify(found.bundle, found.trust("first", known=False), chain=view)
        assert (good.verdict, good.facts.anchors[0].rests_on) == ("verified", "node")
        other = _Elsewhere(view, str(found.second["contract"]))
        for trust in (found.trust("first"), None):
            report = verify(found.bundle, trust, chain=other)
            assert report.verdict == "refused"
            assert any(str(found.second["contract"]) in place for place in places(report))
        # An auditor whose trust leads elsewhere does not ask contracts that it does not know.
        away = replace(found, first={**found.first, "contract": "0x" + "77" * 20, "chain_id": 1})
        assert verify(found.bundle, away.trust("first"), chain=other).verdict == "verified"


class _Elsewhere:
    """A node on which one contract has other code."""

    def __init__(self, view, contract):
        self.view, self.contract = view, contract

    def __getattr__(self, name):
        return getattr(self.view, name)

    def code_hash(self, contract):
        return bytes(32) if contract == self.contract else self.view.code_hash(contract)
