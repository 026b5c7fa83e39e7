"""Good bundles, what their verdict rests on, and bundles that are not whole."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.bundle import MANIFEST, parse_manifest
from ledger.audit.report import report_document
from ledger.audit.report_text import report_text
from ledger.audit.trust import make_trust
from ledger.chain.node import open_node
from ledger.errors import ChainUnavailable
from ledger.log.key import format_vkey
from ledger.service.chain_view import NodeChainView
from tests.audit.world import (
    archive_of,
    bundle_of,
    chain_url,
    flipped,
    places,
    rebuild,
    settled_world,
    trust_in,
    verify,
)
from tests.builder import ORIGIN, log_key


class FakeChain:
    """A chain view whose answers a test chooses."""

    def __init__(self, month, **answers):
        body = next(iter(month.world.state.anchors.values()))
        self.answers = {
            "chain_id": month.trust.chains[0].chain_id,
            "code_hash": bytes.fromhex(month.trust.chains[0].code_hash),
            "head": (body.size, bytes.fromhex(body.root)),
            "block_hash": bytes.fromhex(body.block_hash),
            **answers,
        }

    def chain_id(self):
        return self.answers["chain_id"]

    def code_hash(self, contract):
        return self.answers["code_hash"]

    def head(self, contract, origin):
        return self.answers["head"]

    def block_hash(self, number):
        return self.answers["block_hash"]


def without_blocks(trust):
    chains = tuple(chain.model_copy(update={"blocks": ()}) for chain in trust.chains)
    return trust.model_copy(update={"chains": chains})


def test_a_good_month_is_verified_under_its_trust_file(month):
    report = verify(month.bundle, month.trust)
    assert (report.verdict, report.exit_code, report.findings) == ("verified", 0, ())
    facts = report.facts
    assert (facts.size, facts.batches, facts.records) == (len(month.world.entries), 4, 7)
    assert facts.genesis == month.world.state.genesis
    assert [(p.id, p.status, p.records) for p in facts.periods] == [("2026-10", "settled", 7)]
    assert facts.settlements[0].id == month.world.state.period("2026-10").settlement
    assert facts.settlements[0].total_minor > 0
    assert facts.anchors[0].rests_on == "trusted-block"


def test_without_a_trust_file_it_is_only_consistent(month):
    report = verify(month.bundle)
    assert (report.verdict, report.exit_code, report.findings) == ("consistent", 4, ())
    assert report.facts.anchors[0].rests_on == "evidence-only"
    assert any("not one you trust" in remark.en for remark in report.not_checked)


def test_the_same_log_gives_the_same_bytes(month):
    assert bundle_of(month.world) == month.bundle


def test_a_policy_may_stand_in_for_keys(month):
    vkey = format_vkey(log_key(ORIGIN).verifier_key)
    policy = f"log {vkey}\nquorum none\n"
    trust = trust_in(month.world, log_keys=(), policy=policy, chains=month.trust.chains)
    assert verify(month.bundle, trust).verdict == "verified"


def test_a_real_node_may_vouch_for_the_block(month, chain_folder):
    with open_node(chain_url(chain_folder)) as node:
        report = verify(month.bundle, without_blocks(month.trust), chain=NodeChainView(node))
    assert report.verdict == "verified"
    assert report.facts.anchors[0].rests_on == "node"


@pytest.mark.parametrize(
    ("answers", "place"),
    [
        ({"block_hash": bytes(32)}, "anchor"),
        ({"block_hash": None}, "anchor"),
        ({"code_hash": bytes(32)}, "chain "),
        ({"head": (3, bytes(32))}, "entry 2, contract"),
    ],
)
def test_a_chain_that_says_otherwise_refuses(month, answers, place):
    report = verify(month.bundle, month.trust, chain=FakeChain(month, **answers))
    assert report.verdict == "refused"
    assert any(place in found for found in places(report))
    assert {finding.code for finding in report.findings} == {"anchor-mismatch"}


def test_a_head_beyond_the_bundle_is_said_and_not_held_against_it(month):
    report = verify(month.bundle, month.trust, chain=FakeChain(month, head=(999, bytes(32))))
    assert report.verdict == "verified"
    assert any("999 entries" in remark.en for remark in report.not_checked)


def test_a_node_of_another_chain_says_nothing(month):
    report = verify(month.bundle, without_blocks(month.trust), chain=FakeChain(month, chain_id=1))
    assert report.facts.anchors[0].rests_on == "evidence-only"


def test_a_node_that_does_not_answer_is_not_the_bundles_fault(month):
    chain = FakeChain(month)

    def silent(number):
        raise ChainUnavailable("no answer")

    chain.block_hash = silent
    with pytest.raises(ChainUnavailable):
        verify(month.bundle, month.trust, chain=chain)


def test_another_block_hash_or_code_in_the_trust_file_refuses(month):
    for changes in ({"blocks": [{"number": 2, "hash": "00" * 32}]}, {"code_hash": "00" * 32}):
        chain = {**month.trust.chains[0].model_dump(), **changes}
        trust = make_trust(**{**month.trust.model_dump(), "chains": [chain]})
        report = verify(month.bundle, trust)
        assert report.verdict == "refused"
        assert {finding.code for finding in report.findings} == {"anchor-mismatch"}


@pytest.mark.parametrize("fit", [False, True])
def test_a_missing_an_added_a_renamed_and_a_swapped_file(month, files, fit):
    for name in files:
        if name == MANIFEST:
            continue
        rest = {other: data for other, data in files.items() if other != name}
        report = verify(rebuild(rest, fit=fit), month.trust)
        assert report.verdict == "refused"
        assert any(name in place or place == "the file" for place in places(report)), name
    extra = "blobs/" + "00" * 32
    report = verify(rebuild({**files, extra: b"x"}, fit=fit), month.trust)
    assert extra in places(report)
    batches = [name for name in files if name.endswith(".ndjson")]
    first, second = batches[:2]
    swapped = {**files, first: files[second], second: files[first]}
    report = verify(rebuild(swapped, fit=fit), month.trust)
    assert report.verdict == "refused"
    assert any(first[8:-7] in place for place in places(report))
    renamed = {**files, "records/99.ndjson": files[first]}
    del renamed[first]
    report = verify(rebuild(renamed, fit=fit), month.trust)
    assert {first, "records/99.ndjson"} <= {place.split(",")[0] for place in places(report)}


def test_a_name_that_a_bundle_cannot_have_is_refused(files):
    for name in ("../etc/passwd", "/root", "records/007.ndjson", "tile/0/1", "notes.txt"):
        report = verify(archive_of({**files, name: b"x"}))
        assert report.verdict == "refused"
        assert places(report) == [name]
        assert report.facts is None


def test_a_file_larger_than_its_kind_may_be_is_refused_unread(files):
    report = verify(archive_of({**files, "tile/0/000.p/1": bytes(33)}))
    assert places(report) == ["tile/0/000.p/1"]


@given(size=st.integers(min_value=0))
def test_a_truncated_bundle_is_refused(month, size):
    report = verify(month.bundle[: size % len(month.bundle)], month.trust)
    assert report.verdict == "refused"
    assert places(report)


@pytest.mark.parametrize("field", ["origin", "genesis", "start", "end", "format"])
def test_each_field_of_the_manifest_is_compared(month, files, field):
    manifest = json.loads(files[MANIFEST])
    manifest[field] = manifest[field] + 1 if isinstance(manifest[field], int) else "x"
    data = json.dumps(manifest, separators=(",", ":"), sort_keys=True).encode()
    report = verify(archive_of({**files, MANIFEST: data}), month.trust)
    assert report.verdict == "refused"
    assert all(place.startswith(MANIFEST) for place in places(report))


def test_a_month_that_is_still_open_verifies_too():
    world = settled_world()
    world.write("office", "period-opened", {
        "period": "2026-11", "start": "2026-10-31T15:00:00.000Z",
        "end": "2026-11-30T15:00:00.000Z",
    })  # fmt: skip
    report = verify(bundle_of(world), trust_in(world))
    assert report.verdict == "verified"
    assert [period.status for period in report.facts.periods] == ["settled", "open"]


def test_the_report_reads_in_both_languages_and_as_json(month):
    broken = verify(flipped(month.bundle, 50), month.trust)
    for report in (verify(month.bundle, month.trust), verify(month.bundle), broken):
        english, japanese = report_text(report), report_text(report, "ja")
        assert english != japanese
        document = json.loads(json.dumps(report_document(report)))
        assert document["verdict"] == report.verdict
        assert document["exit_code"] == report.exit_code
        for finding in report.findings:
            assert f"{finding.where}: {finding.en}" in english
            assert f"{finding.where}: {finding.ja}" in japanese
        for remark in report.not_checked:
            assert remark.en in english
            assert remark.ja in japanese


def test_long_lists_of_findings_are_cut_and_counted(month):
    report = replace(verify(month.bundle), findings_count=12)
    assert "+ 12" in report_text(report)


def test_progress_is_told_for_every_entry(month):
    told = []
    verify(month.bundle, progress=lambda done, size: told.append((done, size)))
    size = len(month.world.entries)
    assert told == [(number, size) for number in range(1, size + 1)]


def test_the_manifest_names_every_other_file(files):
    manifest = parse_manifest(files[MANIFEST])
    assert manifest.files.keys() == files.keys() - {MANIFEST}
