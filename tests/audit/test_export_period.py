"""A month's bundle from a real store: where it is cut, and that it verifies as a file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.audit.bundle import START_CHECKPOINT
from ledger.audit.remarks import clock_remarks
from ledger.audit.report import WitnessFact
from ledger.audit.report_text import report_text
from ledger.audit.trust import parse_trust
from ledger.errors import NotFound
from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import parse_note, sign_text
from ledger.log.policy import open_cosigned, parse_policy
from ledger.service.audit import verify_file
from ledger.service.export import export_bundle, export_period, export_trust, trust_of
from ledger.service.published import cosigned_of, witness_id
from ledger.service.slices import cut_of
from ledger.service.submit import submit
from ledger.store.cosigned import Candidate
from tests.audit.world import (
    Source,
    files_of,
    open_month,
    rebuild,
    state_at,
    three_months,
    verify,
)
from tests.builder import ORIGIN, START, World, blob_ref, log_key
from tests.coop.stages import batches_of
from tests.pages.month import new_coop


class Dated(World):
    """A world that keeps what was sent, and when."""

    def accept(self, submission):
        change = super().accept(submission)
        self.__dict__.setdefault("sent", []).append((self.now, submission))
        return change


def real(world, folder):
    """The same co-op in a real store, sent the same at the same times."""
    moment = [START]
    coop = new_coop(folder, clock=lambda: moment[0])
    for now, submission in world.sent:
        moment[0] = now
        submit(coop, submission)
    return coop


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("months")
    world = three_months(Dated())
    coop = real(world, folder)
    export_trust(coop, folder / "trust.toml")
    return folder, coop, world, parse_trust((folder / "trust.toml").read_bytes())


def test_later_months_are_slices_that_verify_with_the_same_settlements(exported):
    folder, coop, world, trust = exported
    export_bundle(coop, folder / "whole.zip")
    whole = verify_file(folder / "whole.zip", trust)
    assert whole.verdict == "verified"
    cut_offs = {name: period.cut_off.index for name, period in world.state.periods.items()
                if period.cut_off is not None}  # fmt: skip
    for month, start in (("2026-11", cut_offs["2026-10"]), ("2026-12", cut_offs["2026-11"])):
        path = folder / f"{month}.zip"
        manifest = export_period(coop, month, path)
        assert (manifest.start, manifest.end) == (start, coop.state().size)
        report = verify_file(path, trust, jobs=2, small_bytes=0)
        assert report.verdict == "verified", report.findings
        assert path.stat().st_size < (folder / "whole.zip").stat().st_size
        wanted = [found for found in whole.facts.settlements if found.period == month]
        assert [found for found in report.facts.settlements if found.period == month] == wanted
        assert len(wanted) == 1


def test_a_slice_brings_the_signed_head_at_its_start_with_its_cosignatures(exported):
    folder, coop, world, _ = exported
    key = SigningKey("w.example", KeyType.ED25519_COSIGNATURE, b"w" * 32)
    vkeys = format_vkey(log_key().verifier_key), format_vkey(key.verifier_key)
    policy = parse_policy("log {}\nwitness w {}\nquorum w\n".format(*vkeys).encode())
    cut = world.state.periods["2026-11"].cut_off.index
    cosigned = cosigned_of(coop)
    with coop.reading() as (_, reader):
        head = reader.head()
    newest = Candidate(head.size, head.note, coop.clock(), None)
    at_cut = Candidate(cut, cosigned.note(cut), coop.clock(), None)
    for candidate, seconds in ((at_cut, 1_800_000_000), (newest, 1_900_000_000)):
        line = sign_text(parse_note(candidate.note).text, CosignatureSigner(key, seconds))
        cosigned.keep(candidate, {witness_id(key.verifier_key): line.value}, bool)
    policed = replace(coop, policy=policy)
    path = folder / "cosigned.zip"
    export_period(policed, "2026-12", path)
    start = files_of(path.read_bytes())[START_CHECKPOINT]
    opened = open_cosigned(start, origin=ORIGIN, policy=policy)
    assert (opened.checkpoint.size, opened.checkpoint.root) == (cut, world.root(cut))
    assert len(opened.note.signatures) == 2
    report = verify_file(path, trust_of(policed))
    assert report.verdict == "verified", report.findings
    at_start, at_end = report.facts.witnesses
    assert (at_start.size, at_start.time) == (cut, "2027-01-15T08:00:00.000Z")
    assert (at_end.size, at_end.time) == (head.size, "2030-03-17T17:46:40.000Z")
    assert at_end.last_received_at == report.facts.last_received_at
    assert at_end.lag_seconds == 101238400
    for language, seen in (("en", "101,238,400 s after"), ("ja", "101,238,400 秒後")):
        text = report_text(report, language)
        assert f"w.example+{key.verifier_key.key_id.hex()}" in text
        assert seen in text
    bare = {**files_of(path.read_bytes()), START_CHECKPOINT: at_cut.note}
    report = verify(rebuild(bare, fit=True), trust_of(policed))
    assert report.verdict == "verified", "a head that no quorum met in time"
    spoiled = {**bare, START_CHECKPOINT: start[:-9] + b"AAAAAAA=\n"}
    assert verify(rebuild(spoiled, fit=True), trust_of(policed)).verdict == "refused"


@pytest.mark.parametrize(("lag", "is_said"), [(12, False), (-900, False), (-901, True)])
def test_a_witness_whose_clock_contradicts_the_logs_is_told(lag, is_said):
    seen = WitnessFact("w", "w.example+00", 7, START, "2026-11-01T00:00:00.000Z", lag)
    said = clock_remarks([seen])
    assert [("first 7 entries" in one.en, "7 件" in one.ja) for one in said] == [
        (True, True)
    ] * is_said


def test_the_first_month_is_the_whole_log(exported):
    folder, coop, *_ = exported
    export_bundle(coop, folder / "whole.zip")
    export_period(coop, "2026-10", folder / "first.zip")
    assert (folder / "first.zip").read_bytes() == (folder / "whole.zip").read_bytes()


def test_a_month_that_is_still_open_goes_to_the_head(exported):
    folder, coop, world, trust = exported
    manifest = export_period(coop, "2027-01", folder / "open.zip")
    assert manifest.start == world.state.periods["2026-10"].cut_off.index
    assert manifest.end == coop.state().size
    assert verify_file(folder / "open.zip", trust).verdict == "verified"


def test_a_settled_month_ends_with_the_anchor_of_its_settlement(tmp_path):
    world = three_months(Dated())
    settled = len(world.entries)
    target = world.charter.anchors[0]
    evidence = b"evidence that only the audit looks into"
    for size in (settled - 5, settled):
        world.write("office", "anchor-recorded", {
            "size": size, "root": world.root(size).hex(), "chain_id": target.chain_id,
            "contract": target.contract, "transaction": "33" * 32, "block_number": size,
            "block_hash": "44" * 32, "evidence": blob_ref(evidence),
        }, evidence)  # fmt: skip
    open_month(world, "2027-02")
    coop = real(world, tmp_path)
    manifest = export_period(coop, "2026-12", tmp_path / "december.zip")
    assert manifest.end == settled + 2 < coop.state().size
    export_trust(coop, tmp_path / "trust.toml")
    trust = parse_trust((tmp_path / "trust.toml").read_bytes())
    report = verify_file(tmp_path / "december.zip", trust)
    assert {finding.where for finding in report.findings} == {
        f"entry {settled}, anchor", f"entry {settled + 1}, anchor"
    }  # fmt: skip


def test_a_month_whose_records_were_erased_later_goes_on_to_the_erasure(tmp_path):
    """The lines are gone, so the entry that says so has to be in the bundle."""
    world = three_months(Dated())
    batch = batches_of(world, "bus")[-1]
    world.write("bus", "records-erased", {"batch": batch, "records": [0], "reason": "on request"})
    coop = real(world, tmp_path)
    manifest = export_period(coop, "2026-12", tmp_path / "december.zip")
    assert manifest.end == coop.state().size
    export_trust(coop, tmp_path / "trust.toml")
    trust = parse_trust((tmp_path / "trust.toml").read_bytes())
    report = verify_file(tmp_path / "december.zip", trust)
    assert (report.verdict, report.facts.erased) == ("verified", 1)


def test_an_unknown_month_is_refused_and_leaves_nothing(exported):
    folder, coop, *_ = exported
    with pytest.raises(NotFound):
        export_period(coop, "2031-01", folder / "none.zip")
    assert not (folder / "none.zip").exists()


def test_the_store_gives_the_state_and_the_proofs_that_the_model_gives(exported):
    _, coop, world, _ = exported
    with coop.reading() as (state, reader):
        cut = cut_of(state, reader, "2026-12")
        assert cut.before == state_at(world, cut.before.size)
        source, size = Source(world), cut.before.size
        assert reader.inclusion(0, size) == source.inclusion(0, size)
        assert reader.consistency(7, size) == source.consistency(7, size)
