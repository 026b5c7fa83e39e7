"""Many lines at once: never another judgement than line by line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import KyojoError, MalformedBatch
from ledger.usage.batch import Calendar, Lines, Scope, judge_singly, judge_together, read_lines
from ledger.usage.many import parse_lines
from ledger.usage.record import parse_line

GOOD = {
    "id": "r",
    "facility": "hub-1",
    "started_at": "2026-10-05T08:00:00+09:00",
    "ended_at": "2026-10-05T08:30:00+09:00",
    "measures": {"trips": 1},
}
SCOPES = [
    Scope(
        Calendar.of(
            decided_by,
            [
                ("2026-10", "2026-09-30T15:00:00.000Z", "2026-10-31T15:00:00.000Z"),
                ("2026-11", "2026-10-31T15:00:00.000Z", "2026-11-30T15:00:00.000Z"),
            ],
        ),
        {"hub-1", "hub-2"},
        {"trips", "energy_wh"},
        {"fare"},
    )
    for decided_by in ("start", "end")
]
CHANGES = [
    {},
    {"id": "s"},
    {"id": "a b"},
    {"id": "é"},
    {"id": ""},
    {"id": "x" * 129},
    {"id": 5},
    {"facility": "hub-2"},
    {"facility": "hub-3"},
    {"facility": "hub+1"},
    {"ended_at": "2026-11-02T08:30:00+09:00"},
    {"ended_at": "2027-11-02T08:30:00+09:00"},
    {"ended_at": "2026-10-05T07:30:00+09:00"},
    {"ended_at": "2026-10-05T08:30:00"},
    {"ended_at": "2026-10-05T08:30:00.12345678+09:00"},
    {"measures": {}},
    {"measures": {"trips": 2, "energy_wh": 3}},
    {"measures": {"trips": 2**53}},
    {"measures": {"trips": -1}},
    {"measures": {"trips": -1}, "reverses": "r"},
    {"measures": {"trips": -2}, "reverses": "r"},
    {"measures": {"trips": 1}, "reverses": "r"},
    {"measures": {"other": 2}},
    {"charges": {"fare": 4}, "currency": "JPY"},
    {"charges": {"fare": 4}},
    {"currency": "JPY"},
    {"charges": {"fare": 4}, "currency": "jpy"},
    {"charges": {"fare": 4}, "currency": "JPYX"},
    {"charges": {"fee": 4}, "currency": "JPY"},
    {"charges": {"fare": -4}, "currency": "JPY"},
    {"payer": "rider-1"},
    {"payer": "rider 1"},
    {"payer": None},
    {"attributes": {"vehicle": "car", "return": True, "seats": 4}},
    {"attributes": {"車": "電動"}},
    {"attributes": {"bad name": 1}},
    {"attributes": {"text": 'with "marks"'}},
    {"attributes": {}},
    {"unknown": 1},
]
RAW = [
    b"",
    b"{}",
    b"\xff",
    b"[" * 4000,
    json.dumps(GOOD).encode().replace(b'"id": "r"', b'"id": "r", "id": "t"'),
    json.dumps(GOOD).encode().replace(b'"id": "r"', b'"id": "a b", "id": "t"'),
    json.dumps(GOOD).encode().replace(b'"trips": 1', b'"trips": 1, "trips": 2'),
    json.dumps(GOOD).encode().replace(b'"id"', b'"\\u0069d"'),
    json.dumps(GOOD).encode() + b" " + json.dumps(GOOD).encode(),
    json.dumps(GOOD).encode() + b"\r",
    b"  " + json.dumps(GOOD).encode().replace(b":", b" : "),
    json.dumps(GOOD).encode()[:-1],
    json.dumps(GOOD).encode().ljust(9000),
]


def lines_of(names: list[int], ascii_only: bool) -> list[bytes]:
    found = []
    for number, pick in enumerate(names):
        if pick >= len(CHANGES):
            found.append(RAW[pick - len(CHANGES)])
            continue
        unique = {} if "id" in CHANGES[pick] else {"id": f"r{number}" if number else "r"}
        document = {**GOOD, **unique, **CHANGES[pick]}
        found.append(json.dumps(document, ensure_ascii=ascii_only).encode())
    return found


def outcome(work):
    try:
        return work()
    except KyojoError as error:
        return error.code, error.message, error.faults


batches = st.lists(
    st.one_of(st.sampled_from([0, 7, 23, 30, 33]), st.integers(0, len(CHANGES) + len(RAW) - 1)),
    min_size=1,
    max_size=5,
)


@given(picks=batches, ascii_only=st.booleans(), scope=st.sampled_from(SCOPES))
def test_a_batch_is_judged_as_its_lines_one_by_one(picks, ascii_only, scope):
    lines = lines_of(picks, ascii_only)
    singly = outcome(lambda: judge_singly(lines, scope))
    together = judge_together(lines, scope)
    assert together is None or together == singly
    assert outcome(lambda: read_lines(lines, scope)) == singly
    if together is not None:
        assert together.totals == added_up(together)


def added_up(judged: Lines) -> dict[tuple[str, ...], int]:
    """The totals once more, record by record and figure by figure."""
    sums: dict[tuple[str, ...], int] = {}
    for record, period in zip(judged.records, judged.periods, strict=True):
        figures = [(name, "", amount) for name, amount in record.measures.items()]
        for kind, amount in (record.charges or {}).items():
            figures.append((f"charge.{kind}", record.currency, amount))
        for name, currency, amount in figures:
            key = (period, record.facility, name, currency)
            sums[key] = sums.get(key, 0) + amount
    return sums


@given(lines=st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_any_bytes_are_refused_alike(lines):
    assert parse_lines(lines) is None
    with pytest.raises(KyojoError):
        parse_line(lines[0])


@given(pick=st.integers(0, len(RAW) + len(CHANGES) - 1), data=st.data())
def test_a_changed_byte_is_never_taken_for_another_record(pick, data):
    line = bytearray(lines_of([pick], False)[0] or b"x")
    line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    found = parse_lines([bytes(line)])
    one = outcome(lambda: parse_line(bytes(line)))
    assert found is None or found.records == [one]


@pytest.mark.parametrize("pick", range(len(CHANGES)))
def test_every_good_line_takes_the_short_way(pick):
    """Otherwise the short way would be right, and useless."""
    lines = lines_of([0, pick], False)
    for scope in SCOPES:
        singly = outcome(lambda scope=scope: judge_singly(lines, scope))
        assert (judge_together(lines, scope) is None) == isinstance(singly, tuple)


def test_records_keep_their_numbers_where_others_are_left_out():
    lines = [json.dumps(GOOD).encode(), b"{}"]
    with pytest.raises(MalformedBatch) as caught:
        read_lines(lines, SCOPES[0], numbers=(4, 9))
    assert [fault.where.split(",")[0] for fault in caught.value.faults] == ["record 9"]
