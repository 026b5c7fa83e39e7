"""Bundles with erased records: verified, located where more is missing, and plain about it."""

from __future__ import annotations

import pytest

from ledger.audit.bundle import leaves_name, lines_name
from ledger.audit.report_text import report_text
from tests.audit.world import (
    bundle_of,
    files_of,
    new_world,
    places,
    rebuild,
    settle,
    settled_world,
    trust_in,
    use_facilities,
    verify,
)
from tests.coop.stages import batches_of


def body(batch: int, *records: int) -> dict:
    return {"batch": batch, "records": list(records), "reason": "on request"}


@pytest.fixture(scope="module")
def before() -> bytes:
    return bundle_of(settled_world())


@pytest.fixture
def world():
    """A settled month; bus takes back its second of three records, ev one of a batch before."""
    return settled_world()


def replaced(bundle: bytes, name: str, change) -> bytes:
    files = files_of(bundle)
    files[name] = change(files[name])
    return rebuild(files, fit=True)


def lines_with(number: int, line: bytes):
    def change(data: bytes) -> bytes:
        lines = data.removesuffix(b"\n").split(b"\n")
        lines[number] = line
        return b"\n".join(lines) + b"\n"

    return change


def test_bundles_before_and_after_an_erasure_are_verified(world, before):
    trust = trust_in(world)
    assert verify(before, trust).verdict == "verified"
    (batch,) = batches_of(world, "bus")
    world.write("bus", "records-erased", body(batch, 0))
    after = bundle_of(world)
    report = verify(after, trust)
    assert (report.verdict, report.findings) == ("verified", ())
    assert (report.facts.records, report.facts.erased) == (7, 1)
    settlements = [verify(bundle, trust).facts.settlements for bundle in (before, after)]
    assert settlements[0] == settlements[1]
    files = files_of(after)
    assert files[lines_name(batch)].startswith(b"\n{")
    assert files[leaves_name(batch)][:32] == bytes(32)
    assert files[leaves_name(batch)][32:64] == files_of(before)[leaves_name(batch)][32:64]


def test_the_report_says_how_many_and_what_their_figures_rest_on(world):
    (batch,) = batches_of(world, "bus")
    world.write("bus", "records-erased", body(batch, 0, 1, 2))
    report = verify(bundle_of(world))
    assert "records erased: 3" in report_text(report)
    assert "消去された利用記録: 3" in report_text(report, "ja")
    (remark,) = [found for found in report.not_checked if "erased" in found.en]
    assert remark.en.startswith("3 record(s) were erased")
    assert "署名済み合計" in remark.ja
    assert not any("erased" in found.en for found in verify(bundle_of(settled_world())).not_checked)


def test_every_record_of_every_batch(world):
    for member in ("bus", "ev", "bike"):
        for batch in batches_of(world, member):
            count = len(world.batches[batch].judged.lines)
            world.write(member, "records-erased", body(batch, *range(count)))
    report = verify(bundle_of(world), trust_in(world))
    assert (report.verdict, report.findings) == ("verified", ())
    assert report.facts.erased == report.facts.records == 7


@pytest.mark.parametrize(
    ("member", "at", "number"), [("bus", 0, 1), ("bus", 0, 2), ("ev", 0, 1), ("ev", 1, 0)]
)
def test_a_reversal_or_its_original_may_be_erased(world, member, at, number):
    world.write(member, "records-erased", body(batches_of(world, member)[at], number))
    report = verify(bundle_of(world), trust_in(world))
    assert (report.verdict, report.findings) == ("verified", ())


def test_a_proposal_erases_when_it_is_carried(world):
    (batch,) = batches_of(world, "bus")
    world.write("office", "records-erased", body(batch, 0))
    report = verify(bundle_of(world), trust_in(world))
    assert (report.verdict, report.facts.erased) == ("verified", 0)
    missing = replaced(bundle_of(world), lines_name(batch), lines_with(0, b""))
    missing = replaced(missing, leaves_name(batch), lambda data: bytes(32) + data[32:])
    report = verify(missing, trust_in(world))
    assert report.verdict == "refused"
    assert f"{lines_name(batch)}, record 1" in places(report)
    world.carry("ev", "bike")
    report = verify(bundle_of(world), trust_in(world))
    assert (report.verdict, report.facts.erased) == ("verified", 1)


# What must not pass for an erasure.


def test_a_missing_record_that_no_entry_erases_is_named(world, before):
    (batch,) = batches_of(world, "bus")
    gone = replaced(before, lines_name(batch), lines_with(0, b""))
    gone = replaced(gone, leaves_name(batch), lambda data: bytes(32) + data[32:])
    report = verify(gone, trust_in(world))
    assert report.verdict == "refused"
    assert f"entry {batch}, root" in places(report)
    assert any(place.startswith(f"entry {batch}, record 1") for place in places(report))


TAMPERED = {
    "another leaf": (leaves_name, lambda data: data[:32] + bytes(32) + data[64:]),
    "a neighbour's leaf": (leaves_name, lambda data: data[:96] + data[32:64] + data[128:]),
    "a salt that is not zero": (leaves_name, lambda data: b"\x01" + data[1:]),
    "another line in its place": (lines_name, lines_with(0, b"{}")),
    "a second record gone": (lines_name, lines_with(1, b"")),
    "no line in its place": (lines_name, lambda data: data.removeprefix(b"\n")),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_an_erased_batch_is_as_hard_to_change_as_any(world, case):
    (batch,) = batches_of(world, "bus")
    world.write("bus", "records-erased", body(batch, 0))
    name, change = TAMPERED[case]
    report = verify(replaced(bundle_of(world), name(batch), change), trust_in(world))
    assert report.verdict == "refused"
    assert any(f"entry {batch}" in place or name(batch) in place for place in places(report))


def test_ids_are_still_compared_among_those_that_are_left():
    world = new_world()
    world.prepare(with_usage=False)
    use_facilities(world)
    from tests.builder import record

    world.submit("bus", record("bus-1"), record("bus-9"), n=7)  # the model does not compare ids
    world.write("bus", "records-erased", body(len(world.entries) - 1, 1))
    report = verify(bundle_of(world), trust_in(world))
    assert [finding.code for finding in report.findings] == ["duplicate-id"]


def test_a_bundle_that_still_holds_what_the_log_erases_says_so(world):
    (batch,) = batches_of(world, "bus")
    kept = files_of(bundle_of(world))
    world.write("bus", "records-erased", body(batch, 0))
    files = files_of(bundle_of(world))
    for name in (lines_name(batch), leaves_name(batch)):
        files[name] = kept[name]
    report = verify(rebuild(files, fit=True), trust_in(world))
    assert (report.verdict, report.findings) == ("verified", ())
    assert any("still holds 1 record" in remark.en for remark in report.not_checked)
    assert any("1 件がこの監査束に残って" in remark.ja for remark in report.not_checked)


def test_an_erasure_by_somebody_without_the_right_is_refused_and_erases_nothing(world):
    from ledger.coop.envelope import Envelope
    from tests.audit.world import bundle_of_entries
    from tests.builder import START

    (batch,) = batches_of(world, "bus")
    draft = world.draft("audit", "records-erased", body(batch, 0))
    forged = bundle_of_entries(world, [*world.entries, Envelope(draft, START).data])
    report = verify(forged, trust_in(world))
    assert report.verdict == "refused"
    assert report.facts.erased == 0
    assert [finding.code for finding in report.findings] == ["not-permitted"]


def test_settling_after_an_erasure():
    world = new_world()
    world.prepare(with_usage=False)
    use_facilities(world)
    (batch,) = batches_of(world, "bus")
    world.write("bus", "records-erased", body(batch, 0, 1))
    world.close()
    settle(world)
    report = verify(bundle_of(world), trust_in(world))
    assert (report.verdict, report.findings) == ("verified", ())
    assert report.facts.settlements[0].total_minor > 0
