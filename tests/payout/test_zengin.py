"""総合振込: the writer and the total parser are exact inverses."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import (
    DuplicateId,
    MalformedDocument,
    MalformedPaymentFile,
    OutOfRange,
    TooLarge,
)
from ledger.payout import reference, zengin, zengin_order
from ledger.payout.account import JapaneseAccount, account_document
from ledger.payout.kana import FILE_SIGNS
from ledger.payout.reference import References, check_references, reference_of
from ledger.payout.zengin import (
    AMOUNT_MAX,
    Layout,
    Originator,
    Transfer,
    ZenginFile,
    parse_zengin,
    write_zengin,
)
from ledger.payout.zengin_order import parse_originator
from tests.payout.outcomes import outcome
from tests.payout.samples import BUS, BUS_LINE, DAY, EV, HAMBURG, ORIGINATOR, PAYER, PAYMENTS

LETTERS = string.ascii_uppercase + string.digits + "ｱｶﾞﾊﾟﾝ" + FILE_SIGNS


def texts(size):
    return st.text(LETTERS, max_size=size).map(lambda text: text.rstrip(" "))


def digits(size):
    return st.text("0123456789", min_size=size, max_size=size)


def accounts(kinds):
    return st.builds(
        JapaneseAccount, digits(4), texts(15), digits(3), texts(15), st.sampled_from(kinds),
        digits(7), texts(30),
    )  # fmt: skip


TRANSFERS = st.builds(
    Transfer,
    account=accounts("1249"),
    amount_minor=st.integers(1, AMOUNT_MAX),
    code1=digits(10),
    code2=digits(10) | st.just(" " * 10),
    clearing=digits(4) | st.just("    "),
    new=st.sampled_from("012 "),
    transfer_class=st.sampled_from("78 "),
) | st.builds(
    Transfer, account=accounts("1249"), amount_minor=st.integers(1, 9), edi=texts(20)
)  # fmt: skip
LAYOUTS = st.sampled_from(
    [
        Layout(newline, final, mark)
        for newline, final in ((True, True), (True, False), (False, True))
        for mark in (False, True)
    ]
)
DAYS = st.dates(date(2024, 1, 1), date(2024, 12, 31))
FILES = st.builds(
    lambda payer, day, transfers, layout: ZenginFile(
        payer, day.month, day.day, tuple(transfers), layout
    ),
    st.builds(Originator, digits(10), accounts("129")),
    DAYS,
    st.lists(TRANSFERS, min_size=1, max_size=6),
    LAYOUTS,
)
SMALL = ZenginFile(ORIGINATOR, 11, 30, (Transfer(BUS, 1), Transfer(EV, 2, edi="X1")))


@given(FILES)
def test_what_is_written_is_read_again(file):
    data = write_zengin(file)
    assert parse_zengin(data) == file
    assert write_zengin(parse_zengin(data)) == data
    ends = 2 * (len(file.transfers) + 3) if file.layout.newline else 0
    ends -= 2 if file.layout.newline and not file.layout.final_newline else 0
    assert len(data) == 120 * (len(file.transfers) + 3) + ends + file.layout.end_mark


def test_the_sample_is_read_and_written_to_the_byte(shared):
    data = (shared / "samples" / "zengin" / "sougou.constructed.txt").read_bytes()
    file = parse_zengin(data)
    assert write_zengin(file) == data
    assert (len(file.transfers), file.total_minor) == (3, 1_000_000)
    assert [transfer.amount_minor for transfer in file.transfers] == [333_334, 333_333, 333_333]
    assert file.originator.account.holder == "ｷﾖｳｼﾞﾖｷﾖｳﾄﾞｳｸﾐｱｲ"
    assert file.layout == Layout(newline=True, final_newline=True, end_mark=False)


LONG = pytest.param(Layout(end_mark=True), range(1, 256), marks=pytest.mark.long)


@pytest.mark.parametrize(
    ("layout", "flips"), [(Layout(end_mark=True), (1, 255)), (Layout(newline=False), (16,)), LONG]
)
def test_every_flipped_byte_is_refused_or_read_as_another_file(layout, flips):
    data = write_zengin(replace(SMALL, layout=layout))
    read = 0
    for at in range(len(data)):
        for flip in flips:
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            found = outcome(parse_zengin, changed)
            if isinstance(found, ZenginFile):
                read += 1
                assert write_zengin(found) == changed
            else:
                assert isinstance(found, MalformedPaymentFile)
                assert found.faults
    assert 0 < read < len(flips) * len(data)


@settings(max_examples=200)
@given(st.binary(max_size=500) | st.binary(min_size=1, max_size=4).map(lambda b: b * 300))
def test_any_bytes_are_a_file_or_malformed(data):
    assert isinstance(outcome(parse_zengin, data), MalformedPaymentFile)


def test_a_truncated_file_is_refused():
    data = write_zengin(SMALL)
    for end in range(len(data) - 2):
        assert isinstance(outcome(parse_zengin, data[:end]), MalformedPaymentFile)


def edited(at, new):
    data = write_zengin(SMALL)
    return data[:at] + new + data[at + len(new) :]


RECORD = 122


@pytest.mark.parametrize(
    ("at", "new", "place", "says"),
    [
        (3 * RECORD + 1, b"000003", "record 4, bytes 2-7", "counts 3 transfers, the file has 2"),
        (3 * RECORD + 7, b"000000000004", "record 4, bytes 8-19", "add up to 3"),
        (RECORD + 80, b"0000000000", "record 2, bytes 81-90", "amount"),
        (RECORD + 50, "ヲ".encode("cp932"), "record 2, bytes 51-80", "payee"),
        (RECORD + 50, b"\xa6", "record 2, bytes 51-80", "payee"),
        (RECORD + 50, b"\xb0", "record 2, bytes 51-80", "payee"),
        (RECORD + 42, b"3", "record 2, bytes 43-43", "account kind"),
        (RECORD + 91, b"A", "record 2, bytes 92-111", "customer codes"),
        (54, b"0230", "record 1, bytes 55-58", "no year has the day 0230"),
        (54, b"1301", "record 1, bytes 55-58", "no year"),
        (1, b"11", "record 1, bytes 2-3", "file kind"),
        (95, b"4", "record 1, bytes 96-96", "account kind"),
        (RECORD, b"1", "record 2, byte 1", "several files in one"),
        (2 * RECORD - 2, b"  ", "record 2", "CRLF is missing"),
    ],
)
def test_a_fault_is_found_at_its_place(at, new, place, says):
    with pytest.raises(MalformedPaymentFile) as caught:
        parse_zengin(edited(at, new))
    assert any(f.where == place and says in f.message for f in caught.value.faults)


def test_every_fault_is_told_at_once():
    data = edited(RECORD + 42, b"3").replace(b"9900000001", b"99000A0001")
    with pytest.raises(MalformedPaymentFile) as caught:
        parse_zengin(data)
    assert len(caught.value.faults) == 2


def test_faults_without_end_are_told_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(zengin, "FAULTS_MAX", 3)
    data = write_zengin(replace(SMALL, transfers=(Transfer(BUS, 1),) * 9))
    broken = data.replace(b"0000000001000000000000000000000", b"000000000A000000000000000000000")
    assert broken != data
    assert len(outcome(parse_zengin, broken).faults) == 4


def test_a_file_beyond_any_is_refused_unread():
    with pytest.raises(TooLarge):
        parse_zengin(b"1" * ((zengin.COUNT_MAX + 4) * 122))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"amount_minor": 0}, "record 2, bytes 81-90"),
        ({"amount_minor": AMOUNT_MAX + 1}, "record 2, bytes 81-90"),
        ({"amount_minor": -5}, "record 2, bytes 81-90"),
        ({"account": replace(BUS, holder="ｱ" * 31)}, "record 2, bytes 51-80"),
        ({"account": replace(BUS, holder="株")}, "record 2, bytes 51-80"),
        ({"account": replace(BUS, number="12345678")}, "record 2, bytes 44-50"),
        ({"account": replace(BUS, bank="")}, "record 2, bytes 2-5"),
        ({"code1": "12"}, "record 2, bytes 92-111"),
        ({"edi": "X" * 21}, "record 2, bytes 92-111"),
        ({"new": "9"}, "record 2, bytes 91-91"),
        ({"transfer_class": "1"}, "record 2, bytes 112-112"),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(change, place):
    with pytest.raises(OutOfRange) as caught:
        write_zengin(replace(SMALL, transfers=(replace(Transfer(BUS, 5), **change),)))
    assert place in [fault.where for fault in caught.value.faults]


def test_a_file_has_transfers_a_day_and_a_sum_of_12_digits():
    for wrong in (
        replace(SMALL, transfers=()),
        replace(SMALL, month=2, day=30),
        replace(SMALL, transfers=(Transfer(BUS, AMOUNT_MAX),) * 101),
    ):
        with pytest.raises(OutOfRange):
            write_zengin(wrong)
    full = replace(SMALL, transfers=(Transfer(BUS, AMOUNT_MAX),) * 100)
    assert parse_zengin(write_zengin(full)).total_minor == 999_999_999_900


# --- orders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("edi", [False, True])
def test_an_order_carries_its_payments_references(edi):
    order = zengin_order.zengin_order(ORIGINATOR, PAYMENTS, DAY, edi=edi)
    file = parse_zengin(order.data)
    known = References(line.id for line, _ in PAYMENTS)
    for transfer, (line, account) in zip(file.transfers, PAYMENTS, strict=True):
        written = transfer.edi if edi else transfer.code1 + transfer.code2
        assert order.references[written] == known.resolve(written) == line.id
        assert known.resolve(written[:10]) == line.id
        assert (transfer.amount_minor, transfer.account) == (line.amount_minor, account)
    assert (file.month, file.day) == (11, 30)
    assert order.report() == {
        "format": "zengin-21",
        "control_totals": {"count": 2, "amount_minor": 1_000_000},
        "losses": [],
    }


def test_an_order_made_again_is_the_same_to_the_byte(golden_bytes):
    order = zengin_order.zengin_order(ORIGINATOR, PAYMENTS, DAY)
    assert zengin_order.zengin_order(ORIGINATOR, list(PAYMENTS), DAY).data == order.data
    golden_bytes("zengin-order.txt", order.data)


def test_a_long_name_is_cut_and_the_cut_is_reported():
    long = replace(BUS, holder="ｱ" * 29 + "ｶﾞｲ")
    payer = Originator("9900000001", replace(PAYER, holder="ｲ" * 41))
    order = zengin_order.zengin_order(payer, [(BUS_LINE, long)], DAY)
    (transfer,) = parse_zengin(order.data).transfers
    assert transfer.account.holder == "ｱ" * 29  # not ｶ without its mark
    assert [(loss["line"], loss["to"]) for loss in order.report()["losses"]] == [
        ("originator", "ｲ" * 40),
        (BUS_LINE.id, "ｱ" * 29),
    ]


def test_an_order_refuses_what_a_japanese_bank_cannot_pay():
    with pytest.raises(OutOfRange) as caught:
        zengin_order.zengin_order(
            ORIGINATOR, [(replace(BUS_LINE, currency="EUR"), BUS),
                         (replace(BUS_LINE, id="other"), HAMBURG)], DAY
        )  # fmt: skip
    assert [fault.where for fault in caught.value.faults] == [BUS_LINE.id, "other"]
    with pytest.raises(DuplicateId):
        zengin_order.zengin_order(ORIGINATOR, [(BUS_LINE, BUS)] * 2, DAY)


@pytest.mark.parametrize(
    ("pay_on", "says"),
    [
        (
            date(2026, 11, 28),
            r"closed on 2026-11-28 \(土曜日\); the next business day is 2026-11-30",
        ),
        (date(2026, 12, 31), "next business day is 2027-01-04"),
        (date(2026, 11, 26), "not within 180 days"),
        (date(2027, 6, 1), "not within 180 days"),
    ],
)
def test_the_day_must_be_a_business_day_that_is_near(pay_on, says):
    with pytest.raises(OutOfRange, match=says):
        zengin_order.zengin_order(ORIGINATOR, PAYMENTS, replace(DAY, pay_on=pay_on))


def test_a_day_beyond_the_holiday_list_is_an_error():
    day = replace(DAY, pay_on=date(2028, 1, 4), ordered_on=date(2027, 12, 28))
    with pytest.raises(OutOfRange, match="the holiday list ends in 2027"):
        zengin_order.zengin_order(ORIGINATOR, PAYMENTS, day)
    assert day.pay_on - day.ordered_on < timedelta(days=180)


def test_an_originator_is_read_with_all_its_faults():
    document = {"code": "9900000001", "account": account_document(PAYER)}
    assert parse_originator(document) == ORIGINATOR
    for wrong, places in (
        ({"code": "1", "account": {**account_document(PAYER), "bank": "1"}},
         ["/code", "/account/bank"]),
        ({"code": "１" * 10, "account": account_document(HAMBURG)}, ["/code", "/account"]),
        ({"code": "9900000001", "account": account_document(EV)}, ["/account"]),
        ({"code": "9900000001", "account": None}, ["/account"]),
        ({"code": "9900000001"}, []),
        (None, []),
    ):  # fmt: skip
        with pytest.raises(MalformedDocument) as caught:
            parse_originator(wrong)
        assert [fault.where for fault in caught.value.faults] == places


# --- references ----------------------------------------------------------------------------------


@given(st.sets(st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=35)))
def test_every_payment_is_found_by_its_id_and_its_digits(ids):
    check_references(ids)
    known = References(ids)
    for line_id in ids:
        assert known.resolve(f" {line_id} ") == line_id
        assert known.resolve(reference_of(line_id)) == line_id
    assert known.resolve("") is None


def test_a_reference_is_found_in_capitals_and_without_its_zeros():
    ids = [f"202610-{number:028x}" for number in range(3000)]
    known = References(ids)
    for line_id in ids:
        digits = reference_of(line_id)
        assert known.resolve(line_id.upper()) == line_id
        assert known.resolve(digits.lstrip("0")) == line_id
    assert any(reference_of(line_id).startswith("00") for line_id in ids)
    both = References(["ab", "AB"])
    assert [both.resolve(name) for name in ("ab", "AB", "Ab")] == ["ab", "AB", None]


def test_references_that_meet_are_refused_and_never_guessed(monkeypatch):
    monkeypatch.setattr(reference, "reference_of", lambda line_id: "1" * 10 + line_id.zfill(10))
    check_references(["1", "2"])
    assert References(["1", "2"]).resolve("1" * 10) is None
    assert References(["1"]).resolve("1" * 10) == "1"
    monkeypatch.setattr(reference, "reference_of", lambda _: "7" * 20)
    with pytest.raises(DuplicateId, match="the same 20 digits"):
        check_references(["1", "2"])
    assert References(["1", "2"]).resolve("7" * 20) is None
