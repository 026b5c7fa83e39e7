"""Corrections in bundles: the fold computes them again, and a slice starts before their usage."""

from __future__ import annotations

import pytest

from ledger.audit.trust import parse_trust
from ledger.errors import KyojoError
from ledger.service.audit import verify_file
from ledger.service.export import export_bundle, export_period, export_trust
from tests.audit.test_export_period import Dated, real
from tests.audit.test_forgery import lenient
from tests.audit.world import bundle_of, open_month, settled_world, three_months, trust_in, verify
from tests.builder import authority, charter, record
from tests.coop.months import Row, correct, revenue, settle, submit
from tests.coop.stages import correction_body

ALL = authority(later=True)


def corrected(world):
    """January and its usage, in which November's late record is settled."""
    correct(world)
    revenue(world, "2027-01", 100_000)
    submit(world, Row("2027-01", "ev", "jan", 8))
    settle(world, "2027-01")
    return world


def test_a_corrected_log_verifies_whole_and_by_the_month(tmp_path):
    world = corrected(three_months(Dated(charter=charter(authority=ALL))))
    open_month(world, "2027-02")
    submit(world, Row("2026-12", "bus", "late", 5))
    correct(world)
    coop = real(world, tmp_path)
    export_trust(coop, tmp_path / "trust.toml")
    trust = parse_trust((tmp_path / "trust.toml").read_bytes())
    export_bundle(coop, tmp_path / "whole.zip")
    assert verify_file(tmp_path / "whole.zip", trust).verdict == "verified"
    # January's cut-off is the nearest before February; but what corrects December is after it, and
    # after December's what corrects November.
    manifest = export_period(coop, "2027-02", tmp_path / "february.zip")
    assert manifest.start == world.state.periods["2026-11"].cut_off.index
    report = verify_file(tmp_path / "february.zip", trust)
    assert report.verdict == "verified", report.findings


def test_a_slice_without_the_usage_that_a_correction_counts_is_not_verified():
    from tests.audit.world import slice_of

    world = corrected(three_months(authority=ALL))
    start = world.state.periods["2026-12"].cut_off.index
    report = verify(slice_of(world, start), trust_in(world))
    assert report.verdict != "verified"
    assert any("lies before this slice" in str(found) for found in report.findings)


@pytest.mark.parametrize("field", ["totals", "raised_root", "periods"])
def test_a_correction_that_was_let_in_by_a_lenient_ledger_is_found(field):
    world = settled_world(authority=ALL)
    open_month(world, "2026-11")
    world.submit("ev", record("late", measures={"trips": 59}), n=9)
    body, blobs = correction_body(world)
    forged = {**body, "correction": {**body["correction"], field: "x"}}
    with pytest.raises(KyojoError):
        world.write("office", "correction-proposed", forged, *blobs)
    other = lenient(world)
    other.write("office", "correction-proposed", forged, *blobs)
    report = verify(bundle_of(other), trust_in(other))
    index = len(other.entries) - 1
    assert report.verdict != "verified"
    assert [found.where for found in report.findings] == [f"entry {index}, {field}"]
