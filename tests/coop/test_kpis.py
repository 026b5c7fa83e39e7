"""KPI readings: signed, confirmed by another, and in the inputs where the rules name them."""

from __future__ import annotations

import pytest
from stages import MONTH, refuse, settlement_body, stage

from ledger.coop.settlements import inputs_document
from ledger.coop.state import Balances, parse_state, state_document
from ledger.errors import DuplicateId, MalformedEntry, NotFound, PeriodClosed
from ledger.rules.document import parse_rules
from tests.builder import RULES, World

UPTIME = {
    "period": MONTH, "id": "uptime_ppm", "member": "bus", "value": 998_000, "scale": 1_000_000,
    "evidence_hash": None,
}  # fmt: skip
OF_TOWN = {**UPTIME, "id": "riders", "member": "_", "value": 12_000, "scale": 1}


def confirmed(*readings) -> World:
    world = stage("all kinds")
    for reading in readings or (UPTIME, OF_TOWN):
        world.write("town", "kpi-reported", reading)
        world.carry("bus", "ev")
    return world


def test_a_reading_counts_when_others_have_confirmed_it():
    world = stage("all kinds")
    world.write("town", "kpi-reported", UPTIME)
    assert world.state.period(MONTH).kpis == {}
    (proposal,) = world.state.proposals.values()
    assert proposal.subject == "Reading uptime_ppm 2026-10 of bus: 998,000 of 1,000,000"
    world.carry("bus", "ev")
    reading = {"value": 998_000, "scale": 1_000_000}
    assert world.state.period(MONTH).kpis == {"uptime_ppm": {"bus": reading}}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"member": "nobody"}, NotFound),
        ({"scale": 0}, MalformedEntry),
        ({"value": "1"}, MalformedEntry),
        ({"id": "Up time"}, MalformedEntry),
        ({"period": "2026-12"}, NotFound),
        ({}, DuplicateId),
    ],
    ids=str,
)
def test_a_reading_that_is_refused(change, error):
    refuse(confirmed(), "town", "kpi-reported", {**UPTIME, **change}, error=error)


def test_nobody_reports_twice_and_a_rival_report_blocks_nobody():
    world = stage("all kinds")
    world.write("town", "kpi-reported", UPTIME)
    refuse(world, "town", "kpi-reported", {**UPTIME, "value": 1}, error=DuplicateId)
    world.write("office", "kpi-reported", {**UPTIME, "value": 1})


def test_readings_come_before_the_cut_off_and_those_unconfirmed_are_dropped():
    world = stage("all kinds")
    world.write("town", "kpi-reported", UPTIME)
    world.close()
    assert not world.state.proposals
    refuse(world, "town", "kpi-reported", UPTIME, error=PeriodClosed)


def test_the_inputs_have_the_readings_that_the_rules_name_and_no_table_otherwise():
    world = confirmed()
    world.close()
    settlement_body(world)  # the rules name none, so the settlement is what it would be
    period = world.state.period(MONTH)

    def inputs(text):
        named = parse_rules(text)
        return inputs_document(period, named, world.totals(MONTH, 1), Balances(), {}, world)

    assert "kpis" not in inputs(RULES)
    by_input = inputs(RULES.replace("pools:", "inputs: {uptime: {kpi: uptime_ppm}}\npools:"))[
        "kpis"
    ]
    assert by_input == {"uptime_ppm": {"bus": {"value": 998_000, "scale": 1_000_000}}}
    step = "  - {id: s, kind: allocate, source: gross, "
    condition = inputs(RULES + step + "key: {kind: equal}, when: {kpi: riders, at_least: 1}}\n")
    assert condition["kpis"] == {"riders": {"_": {"value": 12_000, "scale": 1}}}
    key = "key: {kind: kpi_weighted, mode: add, kpis: [{input: uptime_ppm, weight: 1}]}}\n"
    assert inputs(RULES + step + key)["kpis"] == by_input


def test_a_snapshot_with_readings_is_read_back():
    from ledger import canonical

    world = confirmed()
    assert parse_state(canonical.encode(state_document(world.state))) == world.state
