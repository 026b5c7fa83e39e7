"""What keeps a co-op from harming itself: orders, places and words that must not go wrong."""

from __future__ import annotations

import pytest
from stages import (
    CASES,
    MONTH,
    NOVEMBER,
    admit,
    charter_with_authority,
    later_months,
    propose,
    refuse,
    settlement_body,
    stage,
    world_with,
)

from ledger.coop.settlements import compute
from ledger.coop.subjects import Sums, of_settlement
from ledger.errors import (
    Conflict,
    DuplicateId,
    Infeasible,
    MalformedEntry,
    NotFound,
    NotPermitted,
    OutOfRange,
)
from tests.builder import RULES, SALT, World, charter, record, rules_body

DECEMBER_FIRST = "2026-12-01T00:00:00.000Z"


def adopt(world: World, text: str) -> None:
    blob = SALT + text.encode()
    world.write("office", "ruleset-proposed", rules_body(blob), blob)
    world.carry("bus", "ev")


def october(**changes) -> World:
    """A co-op with October open and nothing in it but one trip of the bus."""
    world = World(charter=charter(**changes))
    world.found()
    facility = {"id": "hub-1", "name": {"ja": "拠点一", "en": "Hub 1"}, "owner": None}
    world.write("office", "facility-registered", facility)
    funding = {"asset": "network", "id": "first", "member": "bus", "amount_minor": 7,
               "currency": "JPY", "origin": "member"}  # fmt: skip
    world.write("office", "funding-reported", funding)
    world.carry("bus", "ev")
    bounds = {"start": "2026-09-30T15:00:00.000Z", "end": "2026-10-31T15:00:00.000Z"}
    world.write("office", "period-opened", {"period": MONTH, **bounds})
    world.submit("bus", record("r1"))
    return world


def closing_is_refused(world: World, error, text: str) -> None:
    world.write("office", "period-closing", {"period": MONTH})
    found = refuse(world, "office", "period-closed", {"period": MONTH}, error=error)
    assert text in str(found)


# One settlement at a time.


def two_closed_months() -> World:
    world = later_months(1)
    world.now = DECEMBER_FIRST
    line = record("nov", started_at="2026-11-05T08:00:00Z", ended_at="2026-11-05T08:30:00Z")
    world.submit("bus", line)
    world.close("2026-11")
    return world


def test_a_later_month_waits_for_an_earlier_one_that_is_closed():
    world = two_closed_months()
    assert world.state.period("2026-11").status == "closed"
    with pytest.raises(Conflict, match="2026-10 comes before 2026-11"):
        settlement_body(world, "2026-11")


def test_two_settlements_are_never_on_their_way_at_once():
    world = two_closed_months()
    propose(world)
    with pytest.raises(Conflict, match="2026-10 is proposed; settle it"):
        settlement_body(world, "2026-11")
    world.carry("bus", "ev")
    with pytest.raises(Conflict, match="2026-10 is approved; settle it"):
        settlement_body(world, "2026-11")
    settled = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}
    world.write("office", "settlement-settled", settled)
    body, blobs = settlement_body(world, "2026-11")
    world.write("office", "settlement-proposed", body, *blobs)
    assert world.state.period("2026-11").status == "proposed"


def test_an_earlier_month_that_is_still_open_does_not_hold_back_a_later_one():
    world = stage("month")
    world.write("office", "period-opened", NOVEMBER)
    world.now = DECEMBER_FIRST
    line = record("nov", started_at="2026-11-05T08:00:00Z", ended_at="2026-11-05T08:30:00Z")
    world.submit("bus", line)
    world.close("2026-11")
    body, blobs = settlement_body(world, "2026-11")
    world.write("office", "settlement-proposed", body, *blobs)
    assert world.state.period(MONTH).status == "open"


# Who shares.


def test_a_newcomer_does_not_share_in_a_month_before_it_came():
    world = stage("month")
    admit(world, "taxi", "member")
    assert world.state.member("taxi").joined > world.state.period(MONTH).end
    world.close()
    facts = world.state.period(MONTH).cut_off.facts
    assert facts["members"] == ["bike", "bus", "ev"]


def test_a_newcomer_shares_in_the_month_in_which_it_came():
    world = stage("month")
    world.write("office", "period-opened", NOVEMBER)
    admit(world, "taxi", "member")
    world.now = DECEMBER_FIRST
    line = record("nov", started_at="2026-11-05T08:00:00Z", ended_at="2026-11-05T08:30:00Z")
    world.submit("bus", line)
    world.close("2026-11")
    assert "taxi" in world.state.period("2026-11").cut_off.facts["members"]


def test_members_of_a_month_who_left_before_its_cut_off_share_in_it():
    world = stage("month")
    world.write("bike", "member-left", {"member": "bike", "reason": "sold"})
    world.close()
    assert world.state.period(MONTH).cut_off.facts["members"] == ["bike", "bus", "ev"]


# Words.


def test_the_words_that_are_signed_say_what_members_are_charged():
    paid = of_settlement("2026-10", Sums(120_050, 0, 0), "CHF", 3, 2)
    both = of_settlement("2026-10", Sums(120_050, 0, 1_999), "CHF", 3, 2)
    held = of_settlement("2026-10", Sums(120_050, 5_376, 0), "CHF", 3, 2)
    assert held == paid + ", 53.76 CHF to suspense"
    assert paid == "Settlement 2026-10: 1,200.50 CHF to 3 members"
    assert both == paid + ", 19.99 CHF charged to members"


@pytest.mark.parametrize(
    "name", ["Hub\n1", "Hub\x001", "Hub\u202e1", "Hub\u200b1", "Hub\u2028x", "", "x" * 121]
)
def test_names_hide_nothing(name):
    body = {"id": "hub-2", "name": {"ja": "拠点", "en": name}, "owner": None}
    refuse(stage("month"), "office", "facility-registered", body, error=MalformedEntry)


# Rule sets.


def test_a_rule_set_may_replace_one_of_the_same_month_while_it_is_open():
    world = stage("month")
    adopt(world, RULES.replace("version: 1", "version: 2").replace("rate: 5%", "rate: 6%"))
    world.close()
    text = {adopted.rule_hash: adopted.version for adopted in world.state.rule_sets}
    assert text[world.state.period(MONTH).cut_off.rule_hash] == 2
    body, _ = settlement_body(world)
    assert body["settlement"]["totals"]["funds"] == {"fund.reserve": 57_600}


# Money without a place.


HEADS = """\
kyojo_rules: 1
ruleset: kaga-mobility
version: 1
effective_from: 2026-10-01
timezone: Asia/Tokyo
currency: JPY
minor_digits: 0
pools: {gross: {from: [revenue.fares], if_missing: zero}}
steps: [{id: share, kind: allocate, source: gross, key: {kind: equal}}]
"""
TWO = [{"code": "JPY", "digits": 0}, {"code": "CHF", "digits": 2}]
CHARGED = {"measures": {"trips": 1}, "charges": {"fare": 300}}


def test_a_metered_charge_that_no_pool_takes_keeps_the_month_open():
    world = october()
    adopt(world, HEADS)
    world.submit("ev", record("r2", **CHARGED, currency="JPY"))
    closing_is_refused(world, Infeasible, "charge.fare: metered by ev, no pool")
    with_pool = HEADS.replace("[revenue.fares]", "[revenue.fares, charge.fare]")
    adopt(world, with_pool.replace("version: 1", "version: 2"))
    world.write("office", "period-closed", {"period": MONTH})


def test_a_revenue_that_nobody_reported_keeps_the_month_open_and_a_confirmed_0_does_not():
    world = october()
    adopt(world, HEADS.replace(", if_missing: zero", ""))
    closing_is_refused(world, Infeasible, "revenue fares: no amount of it is confirmed; report 0")
    nothing = {"period": MONTH, "id": "fares", "amount_minor": 0, "origin": "member"}
    world.write("office", "revenue-reported", {**nothing, "currency": "JPY"})
    refuse(world, "office", "period-closed", {"period": MONTH}, error=Infeasible)
    world.carry("bus", "ev")
    world.write("office", "period-closed", {"period": MONTH})
    assert world.state.period(MONTH).revenue["fares"]["amount_minor"] == 0


def test_a_pool_of_other_origin_takes_no_metered_charge():
    world = october()
    adopt(world, HEADS.replace("[revenue.fares]", "[charge.fare], origin: public"))
    world.submit("ev", record("r2", **CHARGED, currency="JPY"))
    closing_is_refused(world, Infeasible, "charge.fare: metered by ev, no pool")


def test_a_charge_that_a_key_weighs_has_its_place():
    world = october()
    adopt(world, HEADS.replace("kind: equal", "kind: proportional, input: charge.fare"))
    world.submit("ev", record("r2", **CHARGED, currency="JPY"))
    world.close()
    assert world.state.period(MONTH).status == "closed"


def test_a_charge_that_was_taken_back_needs_no_place():
    world = october()
    adopt(world, HEADS)
    back = {"measures": {"trips": -1}, "charges": {"fare": -300}}
    world.submit("ev", record("r2", **CHARGED, currency="JPY"),
                 record("r3", **back, currency="JPY", reverses="r2"))  # fmt: skip
    world.close()
    assert world.state.period(MONTH).status == "closed"


def test_a_charge_in_another_currency_keeps_the_month_open():
    world = october(currencies=TWO)
    adopt(world, HEADS.replace("[revenue.fares]", "[charge.fare]"))
    world.submit("ev", record("r2", **CHARGED, currency="CHF"))
    closing_is_refused(world, Infeasible, "charge.fare in CHF: metered by ev")


@pytest.mark.parametrize(
    ("kind", "row", "text"),
    [
        (
            "revenue-reported",
            {"origin": "member", "currency": "CHF"},
            "revenue fares: it is in CHF",
        ),
        ("cost-reported", {"member": "bus", "currency": "CHF"}, "cost fares: it is in CHF"),
        ("cost-reported", {"member": "bus", "currency": "JPY"}, "no step of the rule set recovers"),
    ],
)
def test_a_confirmed_fact_without_a_place_keeps_the_month_open(kind, row, text):
    world = october(currencies=TWO)
    adopt(world, HEADS)
    world.write("office", kind, {"period": MONTH, "id": "fares", "amount_minor": 9, **row})
    world.carry("bus", "ev")
    closing_is_refused(world, Infeasible, text)


def test_combined_weights_beyond_128_bits_are_settled():
    world = october()
    adopt(world, RULES.replace("{id: heads, weight: 10%, key: {kind: equal}}",
          "{id: energy, weight: 10%, key: {kind: proportional, input: energy_wh}}"))  # fmt: skip
    # Three coprime sums of about 50 bits: their common denominator has more than 128.
    funding = {"asset": "network", "id": "more", "member": "ev", "amount_minor": 2**52 + 9,
               "currency": "JPY", "origin": "member"}  # fmt: skip
    world.write("office", "funding-reported", funding)
    world.carry("bus", "ev")
    measures = {"trips": 2**51 + 21, "energy_wh": 2**50 + 7}
    world.submit("ev", record("big", measures=measures), record("one", measures={"energy_wh": 3}))
    world.submit("bus", record("two", measures={"energy_wh": 5, "trips": 4}), n=2)
    revenue = {"period": MONTH, "id": "fares", "amount_minor": 100, "currency": "JPY",
               "origin": "member"}  # fmt: skip
    world.write("office", "revenue-reported", revenue)
    world.carry("bus", "ev")
    world.close()
    body, blobs = settlement_body(world)
    denominator = body["settlement"]["steps"][-1]["division"]["denominator"]
    assert int(denominator) > 2**128
    world.write("office", "settlement-proposed", body, *blobs)


# Reports and proposals.


COST = {"period": MONTH, "id": "cleaning", "member": "bus", "amount_minor": 5, "currency": "JPY"}


def test_a_false_report_of_another_does_not_block_a_true_one():
    world = stage("month")
    world.write("ev", "cost-reported", {**COST, "amount_minor": 1})
    world.write("bus", "cost-reported", COST)
    world.carry("bike", "ev")
    assert world.state.period(MONTH).costs["cleaning"]["borne"] == {"bus": 5}
    (left,) = world.state.proposals
    world.vote("bus", left)
    with pytest.raises(DuplicateId, match="is confirmed"):
        world.vote("bike", left)
    world.write("ev", "proposal-withdrawn", {"subject_hash": left, "reason": "wrong"})
    assert world.state.proposals == {}


def test_a_members_funding_is_reported_once_under_its_id():
    world = stage("month")
    body = CASES["funding-reported"].make(world)[0]
    world.write("office", "funding-reported", body)
    world.carry("bus", "ev")
    refuse(world, "office", "funding-reported", body, error=DuplicateId)
    for other in ({"member": "ev"}, {"id": "grant_two"}):
        world.write("office", "funding-reported", {**body, **other})
        world.carry("bus", "ev")
    amounts = world.state.funding["network"]["amounts"]
    assert (amounts["bus"], amounts["ev"]) == (5_000_010, 3_000_005)


def test_reports_that_nobody_confirmed_go_with_the_cut_off():
    world = stage("month")
    world.write("bus", "cost-reported", COST)
    admitting = CASES["member-admitted"].make(world)[0]
    world.write("bus", "member-admitted", admitting)
    world.close()
    assert [proposal.kind for proposal in world.state.proposals.values()] == ["member-admitted"]


def test_a_proposal_is_withdrawn_by_its_proposer_only():
    world = stage("proposed")
    (hash_,) = world.state.proposals
    body = {"subject_hash": hash_, "reason": "a mistake"}
    refuse(world, "bus", "proposal-withdrawn", body, error=NotPermitted)
    refuse(
        world, "office", "proposal-withdrawn", {**body, "subject_hash": "ab" * 32}, error=NotFound
    )
    world.write("office", "proposal-withdrawn", body)
    assert world.state.proposals == {}
    assert world.state.period(MONTH).status == "closed"
    assert world.state.period(MONTH).settlement is None
    propose(world)
    world.carry("bus", "ev")
    assert world.state.period(MONTH).status == "approved"
    refuse(world, "office", "proposal-withdrawn", body, error=NotFound)


# Those who must not be missing.


def test_the_last_who_may_write_a_kind_stays():
    who = "office"
    leaving = {"member": who, "reason": "tired"}
    world = stage("month")
    found = refuse(world, who, "member-left", leaving, error=NotPermitted)
    assert "admit somebody in its place first" in str(found)
    admit(world, "deputy", "operator")
    world.write(who, "member-left", leaving)
    assert world.state.members[who].left == world.now


def test_a_quorum_stays_within_reach():
    right = {"write": ["member"], "approve": {"roles": ["member"], "threshold": "3"}}
    authority = charter_with_authority(member_admitted=right).authority
    names = {name: right.model_dump(mode="json") for name, right in authority.items()}
    world = world_with(authority=names)
    refuse(world, "bike", "member-left", {"member": "bike", "reason": ""}, error=NotPermitted)


def test_a_kind_that_the_charter_does_not_name_is_nobodys_to_write():
    authority = charter().model_dump(mode="json")["authority"]
    del authority["proposal-withdrawn"]
    world = World(charter=charter(authority=authority))
    world.prepare()
    world.write("bus", "cost-reported", COST)
    (hash_,) = world.state.proposals
    body = {"subject_hash": hash_, "reason": ""}
    found = refuse(world, "bus", "proposal-withdrawn", body, error=NotPermitted)
    assert "lets nobody write proposal-withdrawn" in str(found)


# Months, and what is owed from one to the next.


CARRIED = """\
kyojo_rules: 1
ruleset: kaga-mobility
version: 1
effective_from: 2026-10-01
timezone: Asia/Tokyo
currency: JPY
minor_digits: 0
pools: {gross: {from: [revenue.fares]}}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform], limit: 40, carry_forward: true}
  - {id: share, kind: allocate, source: gross, key: {kind: equal}}
"""


def test_what_is_owed_to_somebody_who_is_not_there_any_more_is_paid():
    world = october()
    adopt(world, CARRIED)
    for kind, row in (
        ("revenue-reported", {"id": "fares", "amount_minor": 100, "origin": "member"}),
        ("cost-reported", {"id": "platform", "amount_minor": 70, "member": "town"}),
    ):
        world.write("office", kind, {"period": MONTH, "currency": "JPY", **row})
        world.carry("bus", "ev")
    world.close()
    propose(world)
    world.carry("bus", "ev")
    settled = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}
    world.write("office", "settlement-settled", settled)
    assert world.state.balances["JPY"].owed == {"opex": {"town": 30}}
    world.write("office", "period-opened", NOVEMBER)
    fares = {"id": "fares", "amount_minor": 100, "origin": "member", "currency": "JPY"}
    world.write("office", "revenue-reported", {"period": "2026-11", **fares})
    world.carry("bus", "ev")
    world.now = DECEMBER_FIRST
    world.close("2026-11")
    computed = compute(world.state, "2026-11", world, bytes(32))
    assert computed.inputs.beside == {"town"}
    assert computed.settlement.result.member_totals["town"] == 30, "and no head of November"
    assert computed.settlement.result.member_totals["bus"] in (23, 24)


def test_months_that_follow_each_other_meet():
    world = stage("month")
    late = {**NOVEMBER, "start": "2026-11-01T00:00:00.000Z"}
    found = refuse(world, "office", "period-opened", late, error=OutOfRange)
    assert "must start where 2026-10 ends" in str(found)
    bounds = {"start": "2026-08-31T15:00:00.000Z", "end": "2026-09-30T10:00:00.000Z"}
    found = refuse(
        world, "office", "period-opened", {"period": "2026-09", **bounds}, error=OutOfRange
    )
    assert "must end where 2026-10 starts" in str(found)
    world.write("office", "period-opened", NOVEMBER)


def test_a_month_that_waits_for_rules_is_not_stuck_behind_a_later_one():
    world = stage("month")
    cost = {"period": MONTH, "id": "insurance", "member": "bus", "amount_minor": 5}
    world.write("office", "cost-reported", {**cost, "currency": "JPY"})
    world.carry("bus", "ev")
    world.write("office", "period-opened", NOVEMBER)
    world.now = DECEMBER_FIRST
    line = record("nov", started_at="2026-11-05T08:00:00Z", ended_at="2026-11-05T08:30:00Z")
    world.submit("bus", line)
    world.close("2026-11")
    closing_is_refused(world, Infeasible, "cost insurance")
    before = world.state.period("2026-11").cut_off.rule_hash
    adopt(
        world,
        RULES.replace("version: 1", "version: 2").replace("[platform]", "[platform, insurance]"),
    )
    world.write("office", "period-closed", {"period": MONTH})
    assert world.state.period("2026-11").cut_off.rule_hash == before
    adopting = RULES.replace("version: 1", "version: 3").replace("rate: 5%", "rate: 7%")
    blob = SALT + adopting.encode()
    refuse(world, "office", "ruleset-proposed", rules_body(blob), blob, error=Conflict)


@pytest.mark.parametrize("threshold", ["66.67%", "0%", "100%", "12345/99999"])
def test_any_share_may_be_a_rule_sets_own_threshold(threshold):
    world = stage("month")
    adopt(
        world, RULES.replace("version: 1", "version: 2") + f"approval: {{threshold: {threshold}}}\n"
    )
    world.close()
    propose(world)
    world.carry("bus", "ev", "bike")
    assert world.state.period(MONTH).status == "approved"
