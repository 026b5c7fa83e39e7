"""The charter is changed by the quorum it names: what may change, who decides, what stays."""

from __future__ import annotations

from typing import Any

import pytest
from payments import dues, lines_of, order, report
from payout_bodies import set_destination
from stages import (
    MONTH,
    NOVEMBER,
    admit,
    change_body,
    change_charter,
    propose,
    refuse,
    rules_text,
    stage,
    world_with,
)

from ledger import canonical
from ledger.coop.authority import default_authority
from ledger.coop.charter_changes import EVERYBODY, KIND
from ledger.coop.charter_terms import TERMS_MAX, VERSION_MAX
from ledger.coop.state import parse_state, state_document, state_hash
from ledger.errors import (
    Conflict,
    DuplicateId,
    KyojoError,
    MalformedEntry,
    MalformedRules,
    NotPermitted,
    OutOfRange,
    PeriodClosed,
    QuorumMissing,
)
from tests.builder import RULES, World, authority, charter, record, rules_body
from tests.coop.months import correct, open_month, revenue, settle

BY_MEMBERS = {"roles": ["member"], "threshold": "2/3"}
ORDERED = {"write": ["operator"], "approve": BY_MEMBERS}
TERMS = {"decided_by": "end", "grace_days": 2, "objection_days": 5, "lookback_periods": 1}
OLD = authority(later=False)


def right(kind: str) -> dict[str, Any]:
    return default_authority()[kind].model_dump()


def rights(*kinds: str) -> dict[str, Any]:
    return {kind: right(kind) for kind in kinds}


def metric(name: str, **changes: Any) -> dict[str, Any]:
    words = {"name": {"ja": f"{name}の量", "en": f"{name} in all"}, "aliases": []}
    return {"id": name, "unit": "count", **words, **changes}


def charge(name: str) -> dict[str, Any]:
    return {name_: value for name_, value in metric(name).items() if name_ != "unit"}


def subject(world: World) -> str:
    (proposal,) = world.state.proposals.values()
    return proposal.subject


def quorum_of(world: World) -> tuple[int, tuple[str, ...]]:
    proposal = next(reversed(world.state.proposals.values()))
    return proposal.needed, proposal.electorate


def vote_refused(world: World, who: str, error: type[KyojoError]) -> None:
    wanted = max(world.state.proposals, key=lambda h: world.state.proposals[h].index)
    before = world.state
    with pytest.raises(error):
        world.vote(who, wanted)
    assert world.state is before


# What a change does.


def test_a_change_takes_effect_with_the_vote_that_carries_it():
    world = stage("all kinds")
    body = change_body(world, period={"grace_days": 9})
    world.write("office", KIND, body)
    assert world.state.terms() == world.charter
    index = world.state.size + 1
    world.carry("bus", "ev")
    assert world.state.terms().period.grace_days == 9
    assert world.state.charter == world.charter, "entry 0 stays what it is"
    assert world.state.charter_changes == (index,)


def test_every_part_in_words_old_and_new():
    world = stage("all kinds")
    world.write(
        "ev",
        KIND,
        change_body(
            world,
            period={"objection_days": 4},
            payouts={"destination_days": 6},
            readers={"entries": "everyone", "records": []},
            authority={"usage-batch": {"write": ["member", "operator"], "approve": None},
                       "payout-ordered": {**ORDERED, "write": ["operator", "auditor"]}},
            vocabulary={"metrics": [metric("docks", aliases=["stands"])],
                        "charges": [charge("tip")]},
        ),
    )  # fmt: skip
    assert subject(world) == (
        "Change the charter: objection days 0 → 4; destination days as objections → 6; "
        "entries read by members → everyone; records read by auditor → nobody; "
        "payout-ordered by operator with 2/3 of member → operator, auditor with 2/3 of member; "
        "usage-batch by member at once → member, operator at once; "
        "new metric docks in count (docksの量, docks in all, stands); "
        "new charge tip (tipの量, tip in all)"
    )


def test_before_a_change_the_state_is_as_it_was_and_after_it_is_read_back():
    world = stage("all kinds")
    document = state_document(world.state)
    assert not {"charter_in_force", "charter_changes"} & document.keys()
    assert not any("deadlines" in period for period in document["periods"].values())
    change_charter(world, period={"grace_days": 3}, vocabulary={"metrics": [metric("docks")]})
    data = canonical.encode(state_document(world.state))
    assert parse_state(data) == world.state
    assert state_hash(parse_state(data)) == state_hash(world.state)
    assert world.state.terms().vocabulary.version == 2


def test_the_next_change_is_of_the_charter_in_force():
    world = stage("all kinds")
    change_charter(world, period={"grace_days": 3})
    first = change_body(world, period={"grace_days": 5})
    old = {**first, "charter": world.charter.hash().hex()}
    refuse(world, "office", KIND, old, error=Conflict)
    world.write("office", KIND, first)
    assert subject(world) == "Change the charter: grace days 3 → 5"


def test_of_two_proposals_the_one_that_is_not_carried_falls():
    world = stage("all kinds")
    for days in (3, 5):
        world.write("office", KIND, change_body(world, period={"grace_days": days}))
    revenue_ = {"period": MONTH, "id": "tips", "amount_minor": 1, "currency": "JPY",
                "origin": "member"}  # fmt: skip
    world.write("office", "revenue-reported", revenue_)
    slow, quick, other = world.state.proposals
    world.vote("bus", slow)
    for who in ("bus", "ev"):
        world.vote(who, quick)
    assert world.state.terms().period.grace_days == 5
    assert list(world.state.proposals) == [other]


def test_new_words_are_metered_and_old_ones_stay():
    world = stage("all kinds")
    line = record("b-9", measures={"docks": 4, "trips": 1}, charges={"tip": 5}, currency="JPY")
    with pytest.raises(KyojoError):
        world.submit("bus", line)
    change_charter(world, vocabulary={"metrics": [metric("docks")], "charges": [charge("tip")]})
    world.submit("bus", line)
    assert [one.id for one in world.state.terms().vocabulary.metrics][-1] == "docks"


# Who decides.


def test_who_could_not_do_a_thing_cannot_change_how_it_is_done():
    loose = {"write": ["operator"], "approve": {"roles": ["member"], "threshold": "1/3"}}
    every = {"write": ["operator"], "approve": {"roles": ["member"], "threshold": "1/1"}}
    world = world_with(authority={**authority(), KIND: loose, "payout-ordered": every})
    world.write("office", KIND, change_body(world, period={"grace_days": 1}))
    assert quorum_of(world) == (1, ("bike", "bus", "ev"))
    world.write("office", KIND, change_body(world, authority={"payout-ordered": ORDERED}))
    assert quorum_of(world) == (3, ("bike", "bus", "ev"))
    body = change_body(world, authority={KIND: {**loose, "approve": BY_MEMBERS}})
    world.write("office", KIND, body)
    assert quorum_of(world) == (1, ("bike", "bus", "ev"))


def test_a_quorum_that_is_lowered_carries_nothing_that_waits():
    """Who lowers it in the middle of a vote gains nothing by it, whatever the kind."""
    world = stage("all kinds")
    world.close()
    settlement = propose(world)
    world.write("office", KIND, change_body(world, period={"grace_days": 1}))
    waiting = list(world.state.proposals)[-1]
    one = {"roles": ["member"], "threshold": "1"}
    lowered = {KIND: {**right(KIND), "approve": one},
               "settlement-proposed": {**right("settlement-proposed"), "approve": one}}  # fmt: skip
    change_charter(world, authority=lowered)
    assert world.state.proposals[settlement].needed == 2
    assert waiting not in world.state.proposals, "it was made under another charter"
    world.vote("bus", settlement)
    assert world.state.period(MONTH).status == "proposed"
    world.vote("ev", settlement)
    assert world.state.period(MONTH).status == "approved"
    world.write("office", KIND, change_body(world, period={"grace_days": 1}))
    assert quorum_of(world)[0] == 1


def test_a_quorum_that_is_raised_and_an_electorate_that_is_changed_hold_for_what_follows():
    world = stage("all kinds")
    world.close()
    settlement = propose(world)
    by_town = {"roles": ["municipality"], "threshold": "1/1"}
    changed = {**right("settlement-proposed"), "approve": by_town}
    change_charter(world, authority={"settlement-proposed": changed})
    assert world.state.proposals[settlement].electorate == ("bike", "bus", "ev")
    world.vote("bus", settlement)
    world.write("office", "proposal-withdrawn", {"subject_hash": settlement, "reason": ""})
    again = propose(world)
    assert world.state.proposals[again].electorate == ("town",)


def test_a_charter_that_does_not_name_the_kind_is_changed_by_everybody():
    world = world_with(authority=OLD)
    before = state_hash(world.state)
    for who in ("town", "audit"):
        body = change_body(world, period={"grace_days": 1})
        refuse(world, who, KIND, body, error=NotPermitted)
    assert state_hash(world.state) == before
    world.write("office", KIND, change_body(world, authority=rights(KIND)))
    assert quorum_of(world) == (6, ("audit", "bike", "bus", "ev", "office", "town"))
    world.carry("bike", "bus", "ev", "office", "town")
    assert world.state.terms() == world.charter
    world.carry("audit")
    assert KIND in world.state.terms().authority
    world.write("bus", KIND, change_body(world, period={"grace_days": 1}))
    assert quorum_of(world) == (2, ("bike", "bus", "ev"))


def test_one_who_does_not_agree_keeps_such_a_charter_as_it_is():
    world = world_with(authority=OLD)
    for action in ("reject", "abstain"):
        world.write("office", KIND, change_body(world, authority=rights(KIND)))
        (waiting,) = world.state.proposals
        world.vote("audit", waiting, action)
        assert not world.state.proposals
    world.write("office", KIND, change_body(world, authority=rights(KIND)))
    world.write("audit", "member-left", {"member": "audit", "reason": ""})
    assert not world.state.proposals, "nobody is counted as having agreed by leaving"
    assert set(EVERYBODY.write) == {"member", "operator"}


# What cannot be changed.


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "ledger.example.jp/x"}, {"nonce": "00" * 32}, {"time_zone": "UTC"},
        {"currencies": []}, {"period": {"decided_by": "start"}}, {"members": []},
        {"log_keys": []}, {"anchors": []}, {"name": {"ja": "x", "en": "x"}},
        {"period": None}, {"period": {"grace_days": None}}, {"period": {"grace_days": 91}},
        {"authority": {"payout-ordered": None}}, {"vocabulary": {"version": 9}},
        {"vocabulary": {"metrics": []}}, {"readers": {"entries": "nobody"}},
        {"vocabulary": {"metrics": [metric("x", aliases=["a\u202eb"])]}},
        {"period": {"grace_days": 9}, "vocabulary": {}},
    ],
)  # fmt: skip
def test_what_has_no_place_in_a_change(changes):
    world = stage("all kinds")
    refuse(world, "office", KIND, change_body(world, **changes), error=MalformedEntry)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, MalformedEntry),
        ({"period": {}}, MalformedEntry),
        ({"period": {"grace_days": 0}}, MalformedEntry),
        ({"authority": {"holiday-declared": ORDERED}}, MalformedEntry),
        ({"authority": {"charter": ORDERED}}, MalformedEntry),
        ({"authority": {"payout-ordered": {**ORDERED, "approve": None}}}, MalformedEntry),
        ({"authority": {"usage-batch": ORDERED}}, MalformedEntry),
        ({"authority": {"payout-ordered": {
            **ORDERED, "approve": {"roles": ["member"], "threshold": "3/2"}}}}, MalformedEntry),
        ({"authority": {"payout-ordered": {
            **ORDERED, "approve": {"roles": ["member"], "threshold": "4"}}}}, NotPermitted),
        ({"authority": {"payout-ordered": {
            **ORDERED, "approve": {"roles": ["operator"], "threshold": "1"}}}}, NotPermitted),
        ({"authority": {"decision": {"write": ["operator"], "approve": None}}}, NotPermitted),
        ({"vocabulary": {"metrics": [metric("trips")]}}, DuplicateId),
        ({"vocabulary": {"metrics": [metric("x", aliases=["rides"])]}}, DuplicateId),
        ({"vocabulary": {"metrics": [metric("x"), metric("y", aliases=["x"])]}}, DuplicateId),
        ({"vocabulary": {"charges": [charge("energy_wh")]}}, DuplicateId),
        ({"vocabulary": {"charges": [charge("fares")]}}, Conflict),
        ({"vocabulary": {"metrics": [metric(f"m{n}") for n in range(TERMS_MAX - 1)]}}, OutOfRange),
        ({"vocabulary": {"metrics": [metric(f"m{n}") for n in range(30)]}}, OutOfRange),
    ],
)  # fmt: skip
def test_what_is_refused(changes, error):
    world = stage("all kinds")
    refuse(world, "office", KIND, change_body(world, **changes), error=error)


def test_the_last_who_may_write_a_kind_stays():
    world = stage("all kinds")
    by_audit = {"write": ["auditor"], "approve": None}
    world.write("audit", "member-left", {"member": "audit", "reason": ""})
    body = change_body(world, authority={"period-opened": by_audit})
    refuse(world, "office", KIND, body, error=NotPermitted)
    admit(world, "audit-2", "auditor")
    change_charter(world, authority={"period-opened": by_audit})
    refuse(world, "office", "period-opened", NOVEMBER, error=NotPermitted)
    world.write("audit-2", "period-opened", NOVEMBER)
    refuse(world, "audit-2", "member-left", {"member": "audit-2", "reason": ""}, error=NotPermitted)


def test_who_leaves_while_a_change_waits_is_missed_when_it_is_to_take_effect():
    world = stage("all kinds")
    admit(world, "audit-2", "auditor")
    by_audit = {"write": ["auditor"], "approve": None}
    world.write("office", KIND, change_body(world, authority={"period-opened": by_audit}))
    for who in ("audit", "audit-2"):
        world.write(who, "member-left", {"member": who, "reason": ""})
    world.carry("bus")
    vote_refused(world, "ev", NotPermitted)


def test_what_was_reported_is_not_metered_under_the_same_name():
    world = stage("all kinds")
    body = {"period": MONTH, "id": "tip", "amount_minor": 1, "currency": "JPY", "origin": "member"}
    change = change_body(world, vocabulary={"charges": [charge("tip")]})
    world.write("office", KIND, change)
    world.write("office", "revenue-reported", body)
    refuse(world, "bus", KIND, change, error=Conflict)
    waiting = next(iter(world.state.proposals))
    world.vote("bus", waiting)
    with pytest.raises(Conflict):
        world.vote("ev", waiting)


def test_a_vocabulary_has_an_end():
    words = charter().model_dump(mode="json")["vocabulary"]
    world = world_with(vocabulary={**words, "version": VERSION_MAX})
    body = change_body(world, vocabulary={"metrics": [metric("x")]})
    refuse(world, "office", KIND, body, error=OutOfRange)


def test_a_charter_in_which_nobody_may_vote_needs_that_mended_first():
    closed = {"write": ["operator", "member"], "approve": None}
    world = world_with(authority={**authority(), "decision": closed})
    body = change_body(world, period={"grace_days": 1})
    refuse(world, "office", KIND, body, error=NotPermitted)
    change_charter(world, period={"grace_days": 1}, authority=rights("decision"))
    assert world.state.terms().period.grace_days == 1


def test_a_quorum_that_nobody_can_reach_is_none():
    alone = {"write": ["operator"], "approve": {"roles": ["auditor"], "threshold": "2"}}
    world = world_with(authority={**authority(), KIND: alone})
    body = change_body(world, period={"grace_days": 1})
    refuse(world, "office", KIND, body, error=QuorumMissing)


# Deadlines.


def test_a_month_that_is_closing_keeps_its_deadlines():
    world = world_with(authority=authority(), period=TERMS)
    world.write("office", "period-closing", {"period": MONTH})
    change_charter(world, period={"grace_days": 0, "objection_days": 0})
    assert world.state.period(MONTH).deadlines == world.charter.period
    refuse(world, "office", "period-closed", {"period": MONTH}, error=PeriodClosed)
    world.now = "2026-11-03T00:00:00.000Z"
    world.write("office", "period-closed", {"period": MONTH})
    propose(world)
    world.carry("bus", "ev")
    body = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}
    refuse(world, "office", "settlement-settled", body, error=PeriodClosed)
    world.now = "2026-11-08T00:00:00.000Z"
    world.write("office", "settlement-settled", body)


def test_a_month_that_is_open_takes_the_new_deadlines():
    world = world_with(authority=authority(), period=TERMS)
    change_charter(world, period={"grace_days": 0})
    assert world.state.period(MONTH).deadlines is None
    world.close()
    change_charter(world, period={"grace_days": 1})
    change_charter(world, period={"grace_days": 2})
    assert world.state.period(MONTH).deadlines.grace_days == 0


def test_other_changes_write_no_deadlines_down():
    world = stage("settled")
    change_charter(world, payouts={"destination_days": 2})
    assert world.state.period(MONTH).deadlines is None


@pytest.mark.parametrize("periods", [0, 9])
def test_a_settled_month_keeps_its_look_back(periods):
    world = stage("settled")
    change_charter(world, period={"lookback_periods": periods})
    for month in ("2026-11", "2026-12"):
        open_month(world, month)
    world.submit("bus", record("late-1"), n=1)
    open_month(world, "2027-01")
    with pytest.raises(PeriodClosed):
        world.submit("bus", record("late-2"), n=2)


def test_destinations_wait_as_the_charter_in_force_says():
    world = stage("all kinds")
    change_charter(world, payouts={"destination_days": 3})
    set_destination(world, "bus")
    assert world.state.destinations["bus/JPY"]["since"] == "2026-11-04T00:00:00.000Z"


# Kinds that keep books.


@pytest.mark.parametrize("kind", ["correction-proposed", "payout-ordered"])
def test_books_begin_between_a_settlement_and_the_next_cut_off(kind):
    world = world_with(authority={**OLD, **rights(KIND)})
    world.close()
    world.write("office", KIND, change_body(world, authority=rights(kind)))
    waiting = next(iter(world.state.proposals))
    world.vote("bus", waiting)
    propose(world)
    with pytest.raises(Conflict):
        world.vote("ev", waiting)
    for who in ("bus", "ev"):
        world.vote(who, str(world.state.period(MONTH).settlement))
    body = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}
    world.write("office", "settlement-settled", body)
    world.vote("ev", waiting)
    assert kind in world.state.terms().authority


def test_corrections_begin_with_the_first_month_that_is_approved_afterwards():
    world = world_with(authority=OLD)
    settle(world, MONTH)
    everybody = ("audit", "bike", "bus", "ev", "office", "town")
    change_charter(world, *everybody, authority=rights(KIND, "correction-proposed"))
    open_month(world, "2026-11")
    world.submit("ev", record("late-1", measures={"trips": 9}), n=1)
    revenue(world, "2026-11", 900_000)
    november = {"started_at": "2026-11-05T08:00:00+09:00", "ended_at": "2026-11-05T08:30:00+09:00"}
    world.submit("bus", record("n-1", **november), n=2)
    settle(world, "2026-11")
    assert world.state.period(MONTH).run is None
    open_month(world, "2026-12")
    world.submit("ev", record("n-2", **november), n=3)
    correct(world)
    assert world.state.period("2026-11").is_corrected
    assert not world.state.period(MONTH).is_corrected


def test_a_co_op_founded_without_payouts_names_them_and_pays_a_month():
    world = world_with(authority=OLD)
    settle(world, MONTH)
    assert not world.state.dues
    everybody = ("audit", "bike", "bus", "ev", "office", "town")
    kinds = ("payout-ordered", "payout-exported", "payout-resulted")
    change_charter(world, *everybody, authority=rights(KIND, *kinds))
    assert not world.state.dues, "what was settled before was paid before, outside the ledger"
    open_month(world, "2026-11")
    revenue(world, "2026-11", 900_000)
    november = {"started_at": "2026-11-05T08:00:00+09:00", "ended_at": "2026-11-05T08:30:00+09:00"}
    for firm in ("bus", "ev"):
        world.submit(firm, record(f"{firm}-n", **november), n=2)
    for firm in ("bus", "ev", "bike"):
        set_destination(world, firm)
    amounts = settle(world, "2026-11")
    id_ = order(world)
    lines = lines_of(world, id_)
    assert {firm: line.amount_minor for firm, (_, line) in lines.items()} == {
        firm: amount for firm, amount in amounts.items() if amount
    }
    report(world, {line_id: "paid" for line_id, _ in lines.values()})
    assert dues(world, "bus").paid == amounts["bus"] > 0


def test_a_rule_set_that_repeats_deadlines_keeps_its_text_and_the_next_one_repeats_the_new():
    late = "late: {grace_days: %d, max_lookback_periods: 2, materiality_minor: 0}\n"
    world = World(charter=charter(authority=authority()), rules=RULES + late % 0)
    world.prepare()
    change_charter(world, period={"grace_days": 1})
    for days, error in ((0, MalformedRules), (1, None)):
        text = rules_text() + (late % days).encode()
        if error is None:
            world.write("office", "ruleset-proposed", rules_body(text), text)
        else:
            refuse(world, "office", "ruleset-proposed", rules_body(text), text, error=error)
    world.write("office", "period-closing", {"period": MONTH})
    refuse(world, "office", "period-closed", {"period": MONTH}, error=PeriodClosed)
    world.now = "2026-11-02T00:00:00.000Z"
    world.write("office", "period-closed", {"period": MONTH})
