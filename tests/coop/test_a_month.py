"""From opening to settling: periods, late usage, rule sets, settlements; and the fold itself."""

from __future__ import annotations

import pytest
from stages import (
    MONTH,
    NOVEMBER,
    later_months,
    refuse,
    rules_text,
    stage,
    world_with,
)

from ledger import canonical
from ledger.coop.apply import apply
from ledger.coop.envelope import Envelope
from ledger.coop.submission import Submission
from ledger.errors import (
    Conflict,
    DuplicateId,
    Infeasible,
    MalformedBatch,
    MalformedEntry,
    MalformedRules,
    NotFound,
    OutOfRange,
    PeriodClosed,
    SumMismatch,
    UnknownField,
)
from tests.builder import RULES, SALT, World, authority, blob_ref, record, rules_body

DAY_LATER = "2026-11-02T00:00:00.000Z"
TERMS = {"decided_by": "end", "grace_days": 1, "objection_days": 3, "lookback_periods": 2}


# Periods.


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"period": MONTH}, DuplicateId),
        ({"start": "2026-10-31T14:59:59.999Z"}, Conflict),
        ({"start": "2026-11-15T00:00:00.000Z"}, OutOfRange),
        ({"end": "2026-12-31T15:00:00.000Z"}, OutOfRange),
        ({"end": NOVEMBER["start"]}, OutOfRange),
        ({"start": NOVEMBER["end"], "end": NOVEMBER["start"]}, OutOfRange),
        ({"start": "2026-13-31T15:00:00.000Z"}, OutOfRange),
        ({"period": "2026-13"}, MalformedEntry),
        ({"period": "2026-12"}, OutOfRange),
        ({"period": "9999-12"}, OutOfRange),
        ({"period": "0000-01"}, OutOfRange),
        ({"start": "2026-10-31T15:00:00Z"}, MalformedEntry),
        ({"start": NOVEMBER["start"] + "\n"}, MalformedEntry),
    ],
    ids=str,
)
def test_a_period_that_cannot_be_opened(change, error):
    world = stage("month")
    refuse(world, "office", "period-opened", {**NOVEMBER, **change}, error=error)


def test_a_period_before_its_end_does_not_begin_to_close():
    world = stage("month")
    world.write("office", "period-opened", NOVEMBER)
    refuse(world, "office", "period-closing", {"period": "2026-11"}, error=PeriodClosed)
    world.now = "2026-11-30T14:59:59.999Z"
    refuse(world, "office", "period-closing", {"period": "2026-11"}, error=PeriodClosed)
    world.now = "2026-11-30T15:00:00.000Z"
    world.write("office", "period-closing", {"period": "2026-11"})


@pytest.mark.parametrize("name", ["closing", "closed", "proposed", "approved", "settled"])
def test_nothing_returns_to_an_earlier_state(name):
    world = stage(name)
    refuse(world, "office", "period-closing", {"period": MONTH}, error=PeriodClosed)
    if name != "closing":
        refuse(world, "office", "period-closed", {"period": MONTH}, error=PeriodClosed)


def test_a_period_is_not_cut_off_without_closing_first():
    refuse(stage("month"), "office", "period-closed", {"period": MONTH}, error=PeriodClosed)


def test_a_period_nobody_opened():
    refuse(stage("month"), "office", "period-closing", {"period": "2026-12"}, error=NotFound)


def test_the_grace_time_is_kept_to_the_instant():
    world = world_with(period=TERMS)
    world.write("office", "period-closing", {"period": MONTH})
    world.now = "2026-11-01T23:59:59.999Z"
    refuse(world, "office", "period-closed", {"period": MONTH}, error=PeriodClosed)
    world.now = DAY_LATER
    world.write("office", "period-closed", {"period": MONTH})
    cut_off = world.state.period(MONTH).cut_off
    assert cut_off.index == world.state.size - 1
    assert cut_off.log_root == world.root(cut_off.index).hex()


def test_the_cut_off_names_those_who_did_not_confirm():
    world = stage("closing")
    for firm in ("bus", "ev"):
        world.write(firm, "usage-confirmed", {"period": MONTH, "batches": 1, "records": 1})
    world.submit("ev", record("ev-2"))  # after its confirmation
    world.write("office", "period-closed", {"period": MONTH})
    assert world.state.period(MONTH).cut_off.unconfirmed == ("bike", "ev")


@pytest.mark.parametrize("counts", [(0, 1), (1, 0), (2, 1), (1, 2)])
def test_a_confirmation_of_other_counts(counts):
    body = {"period": MONTH, "batches": counts[0], "records": counts[1]}
    error = refuse(stage("closing"), "bus", "usage-confirmed", body, error=Conflict)
    assert (error.details["batches"], error.details["records"]) == (1, 1)


def test_a_confirmation_after_the_cut_off():
    body = {"period": MONTH, "batches": 1, "records": 1}
    refuse(stage("closed"), "bus", "usage-confirmed", body, error=PeriodClosed)


def test_a_month_without_rules_is_not_cut_off():
    world = World()
    world.found()
    opened = {"period": MONTH, "start": "2026-09-30T15:00:00.000Z",
              "end": "2026-10-31T15:00:00.000Z"}  # fmt: skip
    world.write("office", "period-opened", opened)
    world.write("office", "period-closing", {"period": MONTH})
    refuse(world, "office", "period-closed", {"period": MONTH}, error=Infeasible)


# Usage.


@pytest.mark.parametrize("name", ["month", "closing"])
def test_usage_in_time_is_not_late(name):
    world = stage(name)
    change = world.submit("bus", record("bus-9"))
    assert change.late == ()
    assert {row.epoch for row in change.totals} == {0}


@pytest.mark.parametrize("name", ["closed", "proposed", "approved", "settled"])
def test_late_usage_says_so_and_stays_out_of_the_settlement(name):
    world = stage(name)
    before = world.totals(MONTH, 1)
    change = world.submit("bus", record("bus-9"))
    assert change.late == (MONTH,)
    assert {row.epoch for row in change.totals} == {1}
    assert world.totals(MONTH, 1) == before
    assert world.totals(MONTH, 2) != before


@pytest.mark.parametrize(("months", "taken"), [(0, True), (1, True), (2, True), (3, False)])
def test_late_usage_is_taken_within_the_look_back_limit(months, taken):
    world = later_months(months)
    if taken:
        assert world.submit("bus", record("bus-9")).late == (MONTH,)
    else:
        with pytest.raises(PeriodClosed) as caught:
            world.submit("bus", record("bus-9"))
        assert caught.value.details["lookback_periods"] == 2


def test_a_batch_over_two_months_is_late_for_one():
    world = later_months(1)
    at = "2026-11-05T08:00:00+09:00"
    change = world.submit("bus", record("a"), record("b", started_at=at, ended_at=at))
    assert change.late == (MONTH,)
    assert {(row.period, row.epoch) for row in change.totals} == {(MONTH, 1), ("2026-11", 0)}
    assert change.period is None


def test_usage_of_nobody_goes_to_suspense():
    world = stage("month")
    change = world.submit("bus", record("unknown-1"), account="suspense")
    assert {row.account for row in change.totals} == {"suspense"}
    assert change.member == "bus"


ROW = [MONTH, "hub-1", "trips", "", 1]


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([], OutOfRange),
        ([["2026-12", *ROW[1:]]], NotFound),
        ([[MONTH, "nowhere", *ROW[2:]]], UnknownField),
        ([[MONTH, "hub-1", "smiles", "", 1]], UnknownField),
        ([[MONTH, "hub-1", "charge.tip", "JPY", 1]], UnknownField),
        ([[MONTH, "hub-1", "charge.fare", "CHF", 1]], UnknownField),
        ([ROW, ROW], MalformedBatch),
    ],
    ids=str,
)
def test_signed_totals_that_name_what_does_not_exist(rows, error):
    """What the fold refuses, whoever let it pass at the door."""
    world = stage("month")
    blob = SALT + canonical.encode(rows)
    body = {
        "count": 1, "root": "00" * 32, "totals": blob_ref(blob), "account": "own",
        "custody": "ledger", "source": None,
    }  # fmt: skip
    world.blobs[blob_ref(blob)["sha256"]] = blob
    with pytest.raises(error):
        apply(world.state, Envelope(world.draft("bus", "usage-batch", body), world.now), world)


def test_a_batch_whose_totals_blob_is_missing_or_of_another_size():
    world = stage("month")
    good = world.usage("bus", record("x"))
    with pytest.raises(MalformedEntry, match="missing"):
        apply(world.state, Envelope(good.draft, world.now), world)
    body = {**good.draft.body, "totals": {**good.draft.body["totals"], "bytes": 5}}
    world.blobs.update(good.blobs)
    with pytest.raises(MalformedEntry, match="bytes"):
        apply(world.state, Envelope(world.draft("bus", "usage-batch", body), world.now), world)


@pytest.mark.parametrize("flaw", ["count", "root", "lines", "totals", "no lines", "another blob"])
def test_what_the_door_refuses(flaw):
    from ledger.coop.submission import Batch, check_submission

    world = stage("month")
    good = world.usage("bus", record("x"), record("y"))
    body = dict(good.draft.body)
    batch, blobs = good.batch, good.blobs
    if flaw == "count":
        body["count"] = 3
    elif flaw == "root":
        body["root"] = "00" * 32
    elif flaw == "lines":
        batch = Batch(bytes(32), good.batch.judged)
    elif flaw == "totals":
        other = world.usage("bus", record("z", measures={"trips": 9}), n=1)
        body["totals"], blobs = other.draft.body["totals"], other.blobs
    elif flaw == "no lines":
        batch = None
    else:
        blobs = {**blobs, blob_ref(b"x")["sha256"]: b"x"}
    draft = world.draft("bus", "usage-batch", body)
    with pytest.raises((MalformedBatch, MalformedEntry, SumMismatch)) as caught:
        check_submission(Submission(draft, blobs, batch))
    assert caught.value.message


# Rule sets.


def refuse_rules(world: World, text: bytes, error, **changes) -> None:
    refuse(world, "bus", "ruleset-proposed", {**rules_body(text), **changes}, text, error=error)


VOTE = "{id: v, kind: citizens_fund, source: gross, ballots: town, method: greedy}"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("input: trips", "input: smiles", UnknownField),
        ("charge.fare", "charge.tip", UnknownField),
        ("pools:", "inputs: {t: {metric: smiles, agg: count}}\npools:", UnknownField),
        ("minor_digits: 0", "minor_digits: 2", MalformedRules),
        ("Asia/Tokyo", "UTC", MalformedRules),
        ("currency: JPY", "currency: CHF", MalformedEntry),
        ("version: 2", "version: 3", Conflict),
        ("version: 2", "version: 1", Conflict),
        ("ruleset: kaga-mobility", "ruleset: other", Conflict),
        ("2026-12-01", "2026-09-01", Conflict),
    ],
)
def test_a_rule_set_that_does_not_fit_this_coop(old, new, error):
    refuse_rules(stage("month"), rules_text(old, new), error)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pools:", "inputs: {t: {metric: trips, agg: max}}\npools:"),
        ("pools:", "inputs: {t: {kpi: uptime}}\npools:"),
        ("{kind: proportional, input: trips}", "{kind: pro_rata, matrix: plays}"),
        ("{kind: proportional, input: trips}", "{kind: shapley, game: dams}"),
        ("steps:", f"steps:\n  - {VOTE}"),
    ],
)
def test_a_rule_set_needs_what_the_charter_lets_nobody_report(old, new):
    world = world_with(authority=authority(later=False))
    refuse_rules(world, rules_text(old, new), UnknownField)


def test_a_rule_set_does_not_reach_back_into_a_closed_month():
    world = stage("closed")
    refuse_rules(world, rules_text("2026-12-01", "2026-10-01"), Conflict)
    later = rules_text("2026-12-01", "2026-11-01")
    world.write("bus", "ruleset-proposed", rules_body(later), later)


def test_a_rule_set_proposed_before_and_adopted_after_the_cut_off_does_not_reach_back():
    world = later_months(1)
    text = rules_text("2026-12-01", "2026-11-01")
    world.write("bus", "ruleset-proposed", rules_body(text), text)
    world.vote("ev", rules_body(text)["rule_hash"])
    world.now = "2026-12-01T00:00:00.000Z"
    world.write("office", "period-closing", {"period": "2026-11"})
    world.write("office", "period-closed", {"period": "2026-11"})
    with pytest.raises(Conflict):
        world.vote("bike", rules_body(text)["rule_hash"])


@pytest.mark.parametrize(
    "change",
    [{"version": 3}, {"ruleset": "x"}, {"effective_from": "2027-01-01"}, {"rule_hash": "00" * 32}],
    ids=str,
)
def test_a_header_that_is_not_that_of_the_text(change):
    refuse_rules(stage("month"), rules_text(), MalformedEntry, **change)


def test_a_rule_text_that_is_missing_too_short_or_of_another_size():
    world = stage("month")
    text = rules_text()
    body = rules_body(text)
    refuse(world, "bus", "ruleset-proposed", body, error=MalformedEntry)
    wrong = {**body, "text": {**body["text"], "bytes": 7}}
    refuse(world, "bus", "ruleset-proposed", wrong, text, error=MalformedEntry)
    short = {**body, "text": blob_ref(b"x")}
    refuse(world, "bus", "ruleset-proposed", short, b"x", error=MalformedRules)


def test_the_rule_set_of_a_month_is_the_one_of_its_first_day():
    world = stage("month")
    text = rules_text("2026-12-01", "2026-10-02")
    world.write("bus", "ruleset-proposed", rules_body(text), text)
    world.carry("ev", "bike")
    assert len(world.state.rule_sets) == 2
    world.close()
    first = rules_body(SALT + RULES.encode())["rule_hash"]
    assert world.state.period(MONTH).cut_off.rule_hash == first
