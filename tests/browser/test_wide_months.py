"""Whole months under rules with bounds, splits, charges and newer keys: both verifiers agree."""

from __future__ import annotations

from itertools import islice

import pytest

from ledger.audit.trust import format_trust
from ledger.log.key import format_vkey
from tests.audit.world import bundle_of, settle, settled_world, trust_in, use_facilities, verify
from tests.browser.bundles import settlements
from tests.browser.case import Case
from tests.browser.session import CHROMIUM
from tests.builder import ORIGIN, World, charter, log_key

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]

WIDE = """\
kyojo_rules: 1
ruleset: kaga-mobility
version: 1
effective_from: 2026-10-01
timezone: Asia/Tokyo
currency: JPY
minor_digits: 0
pools:
  gross: {from: [revenue.fares, charge.fare]}
  fees: {from: []}
  rest: {from: []}
steps:
  - {id: floor, kind: guarantee, source: gross, claims: {bike: 900, ev: 50}, limit: 500,
     short_rule: talmud}
  - {id: cut, kind: allocate, source: gross,
     split: {pool.fees: 20%, fund.reserve: 5%, pool.rest: remaining}}
  - {id: fees, kind: allocate, source: fees, key: {kind: equal}, bounds: {cap: 30%},
     overflow: carry}
  - id: use
    kind: allocate
    source: rest
    limit: {of: total.trips, times: 3/2}
    rounding: {half_even_residual_to: fund.reserve}
    parts:
      - {id: tiers, weight: 70%, key: {kind: tiered, input: trips,
         tiers: [{upto: 100, weight: 1}, {weight: 1/2}]}}
      - {id: own, weight: 30%, key: {kind: patronage, input: trips}}
  - {id: capital, kind: allocate, source: rest, bounds: {floor: 10},
     key: {kind: capital, asset: network, time_weighted: true}}
  - {id: shared, kind: allocate, source: cost.platform, as: charge,
     key: {kind: airport, input: trips}}
"""


def world_of(rules: str) -> World:
    keys = [format_vkey(log_key(ORIGIN).verifier_key)]
    return World(charter=charter(log_keys=keys), rules=rules)


@pytest.fixture(scope="module")
def months() -> list[Case]:
    """The month in order, and settlements of it that say something else."""
    closed = world_of(WIDE)
    closed.prepare(with_usage=False)
    use_facilities(closed)
    closed.close()
    forged = list(islice(settlements(closed), 17))
    settle(closed)
    return [Case("the month", bundle_of(closed), trust_in(closed)), *forged]


def test_months_under_wide_rules_are_judged_alike(months, reports):
    given = [{"bundle": one.bundle, "trust": format_trust(one.trust)} for one in months]
    expected = [verify(one.bundle, one.trust) for one in months]
    assert [report.verdict for report in expected] == ["verified", *["refused"] * 17]
    for case, report, answer in zip(months, expected, reports(given), strict=True):
        there = {finding.where.split(",")[0] for finding in report.findings}
        here = {place.split(",")[0] for place, _ in answer["places"]}
        assert (case.name, answer["verdict"], here) == (case.name, report.verdict, there)


def test_advances_are_followed_through_a_log(reports):
    world = settled_world(world_of(WIDE.replace("talmud", "talmud, recoup: next_periods")))
    (answer,) = reports([{"bundle": bundle_of(world), "trust": format_trust(trust_in(world))}])
    assert (answer["verdict"], answer["places"]) == ("verified", [])
