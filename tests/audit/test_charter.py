"""An audit follows the changes of the charter, from entry 0 or from a state after them."""

from __future__ import annotations

import pytest

from ledger.audit.report import Report
from ledger.coop.authority import default_authority
from tests.audit.test_forgery import lenient, refused_at
from tests.audit.world import bundle_of, new_world, slice_of, trust_in, verify
from tests.browser.changed import changed_world
from tests.builder import World, authority
from tests.coop.stages import change_body

CHANGED, KPI = (
    default_authority()[kind].model_dump() for kind in ("charter-changed", "kpi-reported")
)
READING = {"period": "2026-10", "id": "uptime", "member": "bus", "value": 1, "scale": 1,
           "evidence_hash": None}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return changed_world()


def said(report: Report) -> list[str]:
    return [one.en for one in report.not_checked if "not as it was founded" in one.en]


def test_a_log_whose_charter_was_changed_is_verified_by_the_trust_file_of_its_founding(world):
    report = verify(bundle_of(world), trust_in(world))
    assert (report.verdict, report.findings) == ("verified", ())
    first, second, third = world.state.charter_changes
    (remark,) = said(report)
    assert f"the votes of the entries {first}, {second}, {third}, whose words say what" in remark


def test_a_slice_begins_with_the_charter_in_force(world):
    bundle = slice_of(world, world.state.periods["2026-12"].cut_off.index)
    report = verify(bundle, trust_in(world))
    assert (report.verdict, report.findings) == ("verified", ())
    assert len(said(report)) == 1


def test_a_ledger_that_acts_on_a_change_before_the_last_vote_is_refused():
    """The kind is named by the change; one vote of three is missing."""
    world = new_world(authority={**authority(later=False), "charter-changed": CHANGED})
    world.prepare()
    forged = lenient(world)
    forged.write("office", "charter-changed", change_body(forged, authority={"kpi-reported": KPI}))
    forged.carry("bus")
    index = len(forged.entries)
    forged.write("office", "kpi-reported", READING)
    refused_at(forged, trust_in(world), index)
    forged = lenient(world)
    forged.write("office", "charter-changed", change_body(forged, authority={"kpi-reported": KPI}))
    forged.carry("bus", "ev")
    forged.write("office", "kpi-reported", READING)
    assert verify(bundle_of(forged), trust_in(world)).verdict == "verified"
