"""From opening to settling: periods, late usage, rule sets, settlements; and the fold itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from stages import (
    MONTH,
    NOVEMBER,
    SEED,
    fork,
    propose,
    rules_text,
    settlement_body,
    stage,
    world_with,
)

from ledger import canonical
from ledger.coop.apply import apply
from ledger.coop.envelope import Envelope, parse_draft, parse_envelope
from ledger.coop.state import State, parse_state, state_document, state_hash
from ledger.coop.submission import Submission
from ledger.errors import (
    Conflict,
    DuplicateId,
    Infeasible,
    KyojoError,
    MalformedBatch,
    MalformedDocument,
    MalformedEntry,
    MalformedRules,
    NotFound,
    OutOfRange,
    PeriodClosed,
    QuorumMissing,
    SumMismatch,
    UnknownField,
)
from tests.builder import RULES, SALT, World, blob_ref, record, rules_body

DAY_LATER = "2026-11-02T00:00:00.000Z"
TERMS = {"decided_by": "end", "grace_days": 1, "objection_days": 3, "lookback_periods": 2}


def refuse(world: World, who: str, kind: str, body: dict, *blobs: bytes, error) -> KyojoError:
    before = world.state
    with pytest.raises(error) as caught:
        world.write(who, kind, body, *blobs)
    assert caught.value.code == error.code
    assert world.state is before
    return caught.value


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


def later_months(count: int) -> World:
    world = stage("closed")
    bounds = ["2026-10-31", "2026-11-30", "2026-12-31", "2027-01-31"]
    months = ["2026-11", "2026-12", "2027-01"]
    for month, start, end in list(zip(months, bounds, bounds[1:], strict=False))[:count]:
        body = {"period": month, "start": f"{start}T15:00:00.000Z", "end": f"{end}T15:00:00.000Z"}
        world.write("office", "period-opened", body)
    return world


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


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("input: trips", "input: smiles", UnknownField),
        ("charge.fare", "charge.tip", UnknownField),
        ("minor_digits: 0", "minor_digits: 2", MalformedRules),
        ("Asia/Tokyo", "UTC", MalformedRules),
        ("currency: JPY", "currency: CHF", MalformedEntry),
        ("version: 2", "version: 3", Conflict),
        ("version: 2", "version: 1", Conflict),
        ("ruleset: kaga-mobility", "ruleset: other", Conflict),
        ("2026-12-01", "2026-10-01", Conflict),
        ("2026-12-01", "2026-09-01", Conflict),
    ],
)
def test_a_rule_set_that_does_not_fit_this_coop(old, new, error):
    refuse_rules(stage("month"), rules_text(old, new), error)


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


# Settlements.


def test_a_month_is_settled_and_its_balances_move():
    world = stage("settled")
    assert world.state.period(MONTH).status == "settled"
    assert world.state.balances["JPY"].funds == {"fund.reserve": 48_000}


def test_no_settlement_before_the_cut_off():
    world = stage("closed")
    body, blobs = settlement_body(world)
    for name in ("month", "closing"):
        refuse(stage(name), "office", "settlement-proposed", body, *blobs, error=PeriodClosed)


def moved(document, path, change):
    """A copy of a document with one place changed."""
    found = json.loads(json.dumps(document))
    place = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = change(place[path[-1]])
    return found


def places(document, path=()):
    """Every place of a document that holds a number or a text."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from places(value, (*path, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))
    else:
        yield path


def test_a_settlement_in_which_any_one_thing_differs():
    world = stage("closed")
    body, blobs = settlement_body(world)
    changed = 0
    for path in places(body["settlement"]):
        if path == ("period",):
            continue

        def change(value):
            if isinstance(value, bool) or value is None:
                return "x"
            return value + 1 if isinstance(value, int) else value + "0"

        document = moved(body["settlement"], path, change)
        wrong = {**body, "settlement": document}
        refuse(world, "office", "settlement-proposed", wrong, *blobs, error=SumMismatch)
        changed += 1
    assert changed > 10
    with pytest.raises(KyojoError):
        world.write("office", "settlement-proposed", {**body, "settlement": {}}, *blobs)
    extra = {**body, "settlement": {**body["settlement"], "note": "x"}}
    refuse(world, "office", "settlement-proposed", extra, *blobs, error=SumMismatch)


def test_true_is_not_one():
    world = stage("closed")
    body, blobs = settlement_body(world)
    ones = [p for p in places(body["settlement"]) if _at(body["settlement"], p) == 1]
    for path in ones:
        wrong = {**body, "settlement": moved(body["settlement"], path, bool)}
        refuse(world, "office", "settlement-proposed", wrong, *blobs, error=SumMismatch)
    assert ones


def _at(document, path):
    for name in path:
        document = document[name]
    return document


def test_a_settlement_of_another_period():
    world = stage("closed")
    body, blobs = settlement_body(world)
    for period in ("2026-09", 5, None):
        document = {**body["settlement"], "period": period}
        wrong = {**body, "settlement": document}
        refuse(world, "office", "settlement-proposed", wrong, *blobs, error=MalformedEntry)


@pytest.mark.parametrize("name", ["inputs", "lines"])
def test_a_settlement_with_another_blob(name):
    world = stage("closed")
    body, blobs = settlement_body(world)
    other = b"another blob"
    wrong = {**body, name: blob_ref(other)}
    kept = [blob for blob in blobs if blob_ref(blob) != body[name]]
    refuse(world, "office", "settlement-proposed", wrong, other, *kept, error=SumMismatch)


@pytest.mark.parametrize("seed", [b"\x01" * 32, b"\x01" * 31, b"x", b"\x01" * 33])
def test_a_settlement_with_another_seed(seed):
    world = stage("closed")
    body, blobs = settlement_body(world)
    wrong = {**body, "seed": blob_ref(seed)}
    with pytest.raises(KyojoError):
        world.write("office", "settlement-proposed", wrong, *blobs[:2], seed)
    assert world.state.period(MONTH).status == "closed"


def test_another_seed_gives_another_settlement_of_the_same_money():
    world = stage("closed")
    one, two = settlement_body(world)[0], settlement_body(world, seed=b"\x02" * 32)[0]
    assert one["settlement"] != two["settlement"]
    other = fork(world)
    propose(world)
    propose(other, seed=b"\x02" * 32)
    subjects = {p.subject for w in (world, other) for p in w.state.proposals.values()}
    assert len(subjects) == 1


def test_late_usage_does_not_move_the_settlement():
    world = stage("closed")
    body, _ = settlement_body(world)
    world.submit("bus", record("late", measures={"trips": 999}))
    assert settlement_body(world)[0] == body


def test_a_second_proposal_while_one_is_open():
    world = stage("proposed")
    body, blobs = settlement_body(stage("closed"), seed=b"\x02" * 32)
    refuse(world, "office", "settlement-proposed", body, *blobs, error=PeriodClosed)


def test_a_rejected_settlement_can_be_proposed_again():
    world = stage("proposed")
    settlement = world.state.period(MONTH).settlement
    world.vote("bus", settlement, "reject")
    world.vote("ev", settlement, "reject")
    period = world.state.period(MONTH)
    assert (period.status, period.settlement, period.proposed_at) == ("closed", None, None)
    assert propose(world) == settlement  # the same cut-off and seed: the same settlement
    world.carry("bus", "ev")
    assert world.state.period(MONTH).status == "approved"


@pytest.mark.parametrize("name", ["month", "closing", "closed", "proposed", "settled"])
def test_only_an_approved_settlement_is_settled(name):
    world = stage(name)
    body = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement or "00" * 32}
    refuse(world, "office", "settlement-settled", body, error=QuorumMissing)


def test_another_settlement_than_the_approved_one():
    body = {"period": MONTH, "settlement_id": "00" * 32}
    refuse(stage("approved"), "office", "settlement-settled", body, error=Conflict)


def test_the_objection_time_is_kept_to_the_instant():
    world = world_with(period={**TERMS, "grace_days": 0})
    world.close()
    settlement = propose(world)
    world.carry("bus", "ev")
    body = {"period": MONTH, "settlement_id": settlement}
    world.now = "2026-11-03T23:59:59.999Z"
    refuse(world, "office", "settlement-settled", body, error=PeriodClosed)
    world.now = "2026-11-04T00:00:00.000Z"
    world.write("office", "settlement-settled", body)


def test_months_are_settled_in_order():
    world = later_months(1)
    world.now = "2026-12-01T00:00:00.000Z"
    world.close("2026-11")
    with pytest.raises(Conflict):
        settlement_body(world, "2026-11")
    propose(world)
    world.carry("bus", "ev")
    body = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}
    world.write("office", "settlement-settled", body)
    after, blobs = settlement_body(world, "2026-11")
    world.write("office", "settlement-proposed", after, *blobs)
    assert world.state.period("2026-11").status == "proposed"


# Anchors.


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"chain_id": 1}, UnknownField),
        ({"contract": "0x" + "12" * 20}, UnknownField),
        ({"root": "00" * 32}, KyojoError),
        ({"size": 6}, KyojoError),
        ({"size": 10_000}, KyojoError),
        ({"size": 0}, MalformedEntry),
    ],
    ids=str,
)
def test_an_anchor_that_is_not_ours(change, error):
    from stages import CASES

    world = stage("month")
    body, blobs = CASES["anchor-recorded"].make(world)
    before = world.state
    with pytest.raises(error) as caught:
        world.write("office", "anchor-recorded", {**body, **change}, *blobs)
    assert caught.value.code in ("anchor-mismatch", error.code)
    assert world.state is before


def test_an_anchor_does_not_go_back():
    from stages import CASES

    world = stage("month")
    body, blobs = CASES["anchor-recorded"].make(world)
    world.write("office", "anchor-recorded", body, *blobs)
    for size in (5, 4):
        again = {**body, "size": size, "root": world.root(size).hex()}
        refuse(world, "office", "anchor-recorded", again, *blobs, error=Conflict)


# The fold.


def replay(world: World, state: State, start: int) -> State:
    for data in world.entries[start:]:
        state = apply(state, parse_envelope(data), world).state
    return state


def test_the_fold_from_entry_0_and_from_every_snapshot_arrives_at_one_hash():
    world = stage("settled")
    wanted = state_hash(world.state)
    state = State()
    for index, data in enumerate(world.entries):
        snapshot = parse_state(canonical.encode(state_document(state)))
        assert snapshot == state
        if index % 5 == 0:
            assert state_hash(replay(world, snapshot, index)) == wanted
        state = apply(state, parse_envelope(data), world).state
    assert state_hash(state) == wanted


def test_the_states_subtrees_are_those_of_the_log():
    world = stage("settled")
    assert world.seen().root == world.root(world.state.size)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_hash_does_not_depend_on_the_order_of_sets(seed):
    program = (
        "import sys; sys.path[:0] = ['.', 'tests/coop']\n"
        "from stages import stage\n"
        "from ledger.coop.state import state_hash\n"
        "world = stage('settled')\n"
        "print(state_hash(world.state).hex(), world.root(world.state.size).hex())\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    found = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    )
    world = stage("settled")
    wanted = [state_hash(world.state).hex(), world.root(world.state.size).hex()]
    assert found.stdout.split() == wanted


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"5", b'{"size":"one"}', b'{"keys":[]}', b'{"keys":{"k":{}}}', b"\xff"]
)
def test_a_snapshot_that_is_no_state(data):
    with pytest.raises(MalformedDocument):
        parse_state(data)


def test_every_bit_of_an_entry_is_covered():
    """Whatever byte of the last entry is changed, the fold refuses it or arrives elsewhere."""
    world = stage("month")
    *before, last = world.entries
    state = replay(replace(fork(world), entries=before), State(), 0)
    wanted = state_hash(world.state)
    for at in range(len(last)):
        changed = last[:at] + bytes([last[at] ^ 1]) + last[at + 1 :]
        try:
            found = apply(state, parse_envelope(changed), world).state
        except KyojoError:
            continue
        assert state_hash(found) != wanted
        assert parse_envelope(changed).draft == parse_envelope(last).draft  # only the stamp


DRAFT_CHANGES = [
    ("v", 2), ("v", True), ("v", "1"), ("origin", ""), ("origin", "x" * 256), ("origin", 5),
    ("kind", ""), ("kind", "x" * 65), ("actor", "0x" + "AB" * 20), ("actor", "0x12"),
    ("sequence", -1), ("sequence", 2**53), ("sequence", True), ("sequence", "0"),
    ("seen", {}), ("seen", {"size": 0}), ("seen", {"size": -1, "root": "00" * 32}),
    ("seen", {"size": 0, "root": "00" * 31}), ("seen", {"size": 0, "root": "AA" * 32}),
    ("body", []), ("body", {"x": 1.5}), ("body", {"x": "\ud800"}), ("body", {"x": "y" * 70_000}),
    ("signature", "0x"), ("signature", "0x" + "00" * 64), ("signature", "0x" + "AA" * 65),
    ("signature", "0x" + "zz" * 65), ("extra", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), DRAFT_CHANGES)
def test_drafts_that_have_no_form(name, value):
    document = stage("month").draft("bus", "period-closing", {"period": MONTH}).document()
    assert parse_draft(document)
    with pytest.raises(KyojoError) as caught:
        parse_draft({**document, name: value})
    assert caught.value.code in ("malformed-entry", "too-large")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b'{"v":1}', b"\xff", b"[" * 99_999])
def test_bytes_that_are_no_entry(data):
    with pytest.raises(MalformedEntry):
        parse_envelope(data)


def test_seeds_of_these_tests_are_fixed():
    assert len(SEED) == 32
