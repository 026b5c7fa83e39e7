"""Batches: example F of LOG.md, calendars and their edges, reversals, one count for both sides."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import (
    KyojoError,
    MalformedBatch,
    OutOfRange,
    TooLarge,
)
from ledger.log.merkle import prove_inclusion, root_hash, verify_inclusion
from ledger.usage.batch import (
    BATCH_BYTES_MAX,
    BATCH_RECORDS_MAX,
    FAULTS_MAX,
    Calendar,
    Scope,
    read_lines,
    refuse_future,
    seal_batch,
    split_lines,
)
from ledger.usage.commitment import derive_salts, record_leaf, record_leaves, records_root
from ledger.usage.record import parse_line
from ledger.usage.totals import TotalKey, parse_totals

SEED = bytes(range(32))
SALT = bytes(range(32, 64))
OCTOBER = ("2026-10", "2026-09-30T15:00:00.000Z", "2026-10-31T15:00:00.000Z")
NOVEMBER = ("2026-11", "2026-10-31T15:00:00.000Z", "2026-11-30T15:00:00.000Z")


def scope(*bounds, decided_by="end") -> Scope:
    calendar = Calendar.of(decided_by, bounds or (OCTOBER, NOVEMBER))
    return Scope(calendar, {"hub-1", "hub-2"}, {"trips", "energy_wh"}, {"fare"})


def line(record_id="r1", **changes) -> bytes:
    document = {
        "id": record_id,
        "facility": "hub-1",
        "started_at": "2026-10-05T08:00:00+09:00",
        "ended_at": "2026-10-05T08:30:00+09:00",
        "measures": {"trips": 3},
        **changes,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def refused(*lines: bytes, within: Scope | None = None) -> MalformedBatch:
    with pytest.raises(MalformedBatch) as caught:
        read_lines(lines, within or scope())
    return caught.value


# LOG.md, example F.


def test_example_f_byte_for_byte():
    lines = [
        b'{"id":"r1","measures":{"trips":3}}',
        b'{"id":"r2","measures":{"trips":5}}',
        b'{"id":"r3","measures":{"trips":8}}',
    ]
    salts = derive_salts(SEED, 3)
    assert salts[0].hex() == "a9d6e500293a88bd38cbe213d07ab71f8cb2258552072a01bdf1c40be527f4d0"
    leaf = record_leaf(salts[0], lines[0])
    assert leaf.hex() == "2e20636a19127218d14ed411e8e81ab61040c6f873344992a3d1982fc20236bb"
    root = records_root(SEED, lines)
    assert root.hex() == "2fe52518ebb9a10a2e5ba0e8be60fe9eb17537acfd51212f2f7363e929451000"
    leaves = record_leaves(salts, lines)
    assert root_hash(leaves) == root
    for index, found in enumerate(leaves):
        verify_inclusion(found, index, 3, prove_inclusion(leaves, index), root)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_seed_of_another_length_is_refused(size):
    with pytest.raises(OutOfRange):
        derive_salts(bytes(size), 1)


# Splitting a body.


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", ()),
        (b"a", (b"a",)),
        (b"a\n", (b"a",)),
        (b"a\nb\n", (b"a", b"b")),
        (b"a\r\nb", (b"a\r", b"b")),
        (b"a\n\nb\n", (b"a", b"", b"b")),
        (b"a\n\n", (b"a", b"")),
        (b"\n", (b"",)),
        ("é\u2028x\n".encode(), ("é\u2028x".encode(),)),
    ],
)
def test_lines_end_with_a_line_feed_and_nothing_else(body, lines):
    assert split_lines(body) == lines


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"\xef\xbb\xbfa\n", MalformedBatch),
        (b"a\nb\xff\n", MalformedBatch),
        (b" " * (BATCH_BYTES_MAX + 1), TooLarge),
    ],
)
def test_a_body_that_cannot_be_split(body, error):
    with pytest.raises(error) as caught:
        split_lines(body)
    assert caught.value.message


def test_the_line_with_bad_bytes_is_named():
    with pytest.raises(MalformedBatch, match="line 3"):
        split_lines(b"a\nb\n\xff\n")


# Judging lines.


def test_an_empty_line_is_refused_and_named():
    error = refused(line(), b"", line("r2"))
    assert [fault.where for fault in error.faults] == ["record 2"]


def test_every_bad_line_is_named_at_once():
    error = refused(
        line("a", facility="nowhere"),
        line("b"),
        line("c", measures={"smiles": 1}),
        line("d", charges={"tip": 1}, currency="JPY"),
        line("e", started_at="x"),
        line("f", started_at="2027-01-01T00:00:00Z", ended_at="2027-01-01T00:00:00Z"),
        line("b"),
    )
    assert [fault.where for fault in error.faults] == [
        "record 1, facility",
        "record 3, measures",
        "record 4, charges",
        "record 5, started_at",
        "record 6",
        "record 7, id",
    ]
    assert all(fault.message and fault.code and fault.remedy for fault in error.faults)


def test_the_list_of_faults_has_an_end():
    error = refused(*[b"x"] * (FAULTS_MAX + 50))
    assert len(error.faults) == FAULTS_MAX
    assert str(FAULTS_MAX + 50) in error.message


@pytest.mark.parametrize("count", [0, BATCH_RECORDS_MAX + 1])
def test_a_batch_has_one_to_the_limit(count):
    with pytest.raises(TooLarge):
        read_lines([b"x"] * count, scope())


# Periods and their edges.

EDGES = [
    ("2026-09-30T15:00:00Z", "2026-10"),
    ("2026-10-01T00:00:00+09:00", "2026-10"),
    ("2026-10-31T14:59:59.999999Z", "2026-10"),
    ("2026-10-31T15:00:00Z", "2026-11"),
    ("2026-11-01T00:00:00+09:00", "2026-11"),
    ("2026-11-30T14:59:59.999Z", "2026-11"),
]


@pytest.mark.parametrize(("instant", "period"), EDGES)
@pytest.mark.parametrize("decided_by", ["start", "end"])
def test_the_instant_that_decides_is_start_included_end_excluded(instant, period, decided_by):
    record = parse_line(line(started_at=instant, ended_at=instant))
    assert scope(decided_by=decided_by).calendar.period_of(record) == period


@pytest.mark.parametrize(("decided_by", "period"), [("start", "2026-10"), ("end", "2026-11")])
def test_a_trip_over_midnight_belongs_where_the_charter_says(decided_by, period):
    record = parse_line(
        line(started_at="2026-10-31T23:59:59+09:00", ended_at="2026-11-01T00:00:00+09:00")
    )
    assert scope(decided_by=decided_by).calendar.period_of(record) == period


@pytest.mark.parametrize("instant", ["2026-09-30T14:59:59.999999Z", "2026-11-30T15:00:00Z"])
def test_outside_every_opened_period(instant):
    record = parse_line(line(started_at=instant, ended_at=instant))
    with pytest.raises(OutOfRange):
        scope().calendar.period_of(record)


def test_a_gap_between_periods_belongs_to_none():
    december = ("2026-12", "2026-11-30T15:00:00.000Z", "2026-12-31T15:00:00.000Z")
    calendar = Calendar.of("end", (december, OCTOBER))
    at = "2026-11-10T00:00:00Z"
    with pytest.raises(OutOfRange):
        calendar.period_of(parse_line(line(started_at=at, ended_at=at)))


def test_no_period_has_been_opened():
    with pytest.raises(OutOfRange):
        Calendar.of("end", ()).period_of(parse_line(line()))


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_the_calendar_are_refused_as_ours(at):
    with pytest.raises(KyojoError):
        read_lines([line(started_at=at, ended_at=at)], scope())


# Without a zone: Hypothesis asks for that.
MOMENTS = (datetime.fromisoformat("2026-09-29"), datetime.fromisoformat("2026-12-02"))


@given(st.datetimes(*MOMENTS))
def test_periods_agree_with_a_plain_comparison(moment):
    text = moment.isoformat() + "Z"
    record = parse_line(line(started_at=text, ended_at=text))
    instant = moment.isoformat(timespec="milliseconds") + "Z"
    fitting = [name for name, start, end in (OCTOBER, NOVEMBER) if start <= instant < end]
    try:
        assert [scope().calendar.period_of(record)] == fitting
    except OutOfRange:
        assert fitting == []


# Reversals within one batch.


def reversal(record_id, reverses, **changes) -> bytes:
    return line(record_id, reverses=reverses, **{"measures": {"trips": -3}, **changes})


def test_a_record_its_reversal_and_its_replacement_add_up():
    judged = read_lines(
        [line("r1"), reversal("r2", "r1"), line("r3", measures={"trips": 4})], scope()
    )
    assert judged.totals == {TotalKey("2026-10", "hub-1", "trips", ""): 4}


def test_a_reversal_that_is_not_the_exact_negative_is_refused():
    error = refused(line("r1"), reversal("r2", "r1", measures={"trips": -2}))
    assert [fault.where for fault in error.faults] == ["record 2, reverses"]


def test_a_reversal_before_its_record_is_no_better():
    """Whatever is named must stand earlier; the store refuses what a batch cannot judge alone."""
    judged = read_lines([reversal("r2", "r1", measures={"trips": -9}), line("r1")], scope())
    assert judged.totals == {TotalKey("2026-10", "hub-1", "trips", ""): -6}


# Both sides count alike.

amounts = st.integers(0, 2**40)
record_lines = st.lists(
    st.tuples(
        st.sampled_from(["hub-1", "hub-2"]),
        st.dictionaries(st.sampled_from(["trips", "energy_wh"]), amounts, min_size=1),
        st.none() | amounts,
        st.sampled_from(["2026-10-05T08:00:00Z", "2026-11-05T08:00:00Z"]),
    ),
    min_size=1,
    max_size=12,
)


@given(record_lines, st.binary(min_size=32, max_size=32))
def test_what_a_sender_seals_is_what_the_ledger_reads(rows, seed):
    lines = [
        line(
            f"r{number}",
            facility=facility,
            measures=measures,
            started_at=at,
            ended_at=at,
            **({} if fare is None else {"charges": {"fare": fare}, "currency": "JPY"}),
        )
        for number, (facility, measures, fare, at) in enumerate(rows)
    ]
    sealed = seal_batch(lines, scope(), seed=seed, salt=SALT)
    judged = read_lines(sealed.lines, scope())
    assert sealed.lines == tuple(lines)
    assert sealed.root == records_root(seed, judged.lines)
    assert parse_totals(sealed.totals_blob) == judged.totals
    naive: dict[tuple[str, ...], int] = {}
    for facility, measures, fare, at in rows:
        named = [(name, "", value) for name, value in measures.items()]
        named += [] if fare is None else [("charge.fare", "JPY", fare)]
        for name, currency, value in named:
            key = (at[:7], facility, name, currency)
            naive[key] = naive.get(key, 0) + value
    assert {tuple(key): value for key, value in judged.totals.items()} == naive


def test_what_has_not_happened_yet_is_nobodys_usage():
    """A sender's clock may be ten minutes ahead, to the millisecond."""
    early = {"started_at": "2026-10-05T07:00:00+09:00", "ended_at": "2026-10-05T08:00:00+09:00"}
    judged = read_lines([line("a", **early), line("b")], scope())
    refuse_future(judged, "2026-10-04T23:20:00.000Z")
    with pytest.raises(MalformedBatch) as caught:
        refuse_future(judged, "2026-10-04T23:19:59.999Z")
    assert [fault.where for fault in caught.value.faults] == ["record 2, ended_at"]
