"""What a bank did, from its file back to the payments."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import MalformedDocument, MalformedPaymentFile, TooLarge
from ledger.payout import bank_csv, xmltext
from ledger.payout.bank_csv import parse_bank_csv, parse_column_map
from ledger.payout.camt053 import parse_camt053
from ledger.payout.reference import reference_of
from ledger.payout.results import FINDINGS, BankFile, BankRow, Booking, Known, reconcile
from tests.payout.outcomes import outcome
from tests.payout.samples import BUS_LINE, EV_LINE
from tests.payout.statements import VERSIONS, Balances, Detail, Entry, statement

DIGITS = {"JPY": 0, "EUR": 2}
BUS = Detail(BUS_LINE.id, "333334")
EV = Detail(EV_LINE.id, "666666")
BATCH = Entry("1000000", (BUS, EV))
KNOWN = [Known(line.id, line.currency, line.amount_minor) for line in (BUS_LINE, EV_LINE)]
DAY = date(2026, 11, 30)
both = pytest.mark.parametrize("version", VERSIONS)


def parse(version, *entries, balances=None):
    return parse_camt053(statement(version, list(entries), balances), DIGITS)


@both
def test_a_batch_that_was_paid(version):
    file = parse(version, BATCH, balances=Balances("5000000", "4000000"))
    assert file.format == version
    assert [(row.reference, row.status, row.day, row.amount_minor) for row in file.rows] == [
        (BUS_LINE.id, "paid", DAY, 333_334),
        (EV_LINE.id, "paid", DAY, 666_666),
    ]
    assert file.notes == ()
    found = reconcile(file.rows, KNOWN)
    assert [(change.line, change.booking) for change in found.changes] == [
        (BUS_LINE.id, Booking("paid", DAY, "B1")),
        (EV_LINE.id, Booking("paid", DAY, "B1")),
    ]
    assert (found.duplicates, found.findings, found.pending) == ([], [], [])


@both
def test_the_same_file_again_changes_nothing(version):
    file = parse(version, BATCH)
    first = reconcile(file.rows, KNOWN)
    known = [
        replace(each, bookings=tuple(c.booking for c in first.changes if c.line == each.id))
        for each in KNOWN
    ]
    again = reconcile(file.rows, known)
    assert (again.changes, again.findings) == ([], [])
    assert again.report(file)["duplicates"] == [
        {"place": row.place, "reference": row.reference} for row in file.rows
    ]


@both
def test_a_return_comes_with_its_reason(version):
    back = Entry(
        "333334", (replace(BUS, reason="AC04", words=("account closed",), side="CRDT"),),
        side="CRDT", day="2026-12-02", bank_reference="B9",
    )  # fmt: skip
    file = parse(version, BATCH, back)
    found = reconcile(file.rows, KNOWN)
    (finding,) = found.findings
    assert (finding.code, finding.reference) == ("return-after-paid", BUS_LINE.id)
    assert finding.place.startswith("statement 1, entry 2 (line ")
    assert finding.as_dict()["ja"] == FINDINGS["return-after-paid"][0]
    assert found.changes[-1].as_dict() == {
        "line": BUS_LINE.id,
        "status": "returned",
        "date": "2026-12-02",
        "amount_minor": 333_334,
        "bank_reference": "B9",
        "reason": "AC04 account closed",
        "place": finding.place,
    }
    alone = reconcile(parse(version, back).rows, KNOWN)
    assert [change.booking.status for change in alone.changes] == ["returned"]
    assert alone.findings == []


@both
def test_a_reversed_debit_is_a_return(version):
    file = parse(
        version,
        Entry("333334", (replace(BUS, amount=None),), side="CRDT", reversal=True, timed=True),
    )
    (row,) = file.rows
    assert (row.status, row.amount_minor, row.day) == ("returned", 333_334, DAY)


@both
@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (Entry("1", (Detail("nobody", "1"),)), "unknown-line"),
        (Entry("333335", (replace(BUS, amount="333335"),)), "amount-differs"),
        (Entry("333334", (BUS,), currency="EUR"), "amount-differs"),
        (Entry("333334", (replace(BUS, side="CRDT"),), side="CRDT"), "unmarked-credit"),
    ],
)
def test_a_row_that_does_not_fit_is_told_and_changes_nothing(version, entry, code):
    found = reconcile(parse(version, entry).rows, KNOWN)
    assert [finding.code for finding in found.findings] == [code]
    assert found.changes == []
    assert found.findings[0].place.startswith("statement 1, entry 1 (line ")


@both
def test_a_payment_made_twice_or_back_twice_is_told(version):
    def booked(bank_reference, side="DBIT", reason=None):
        return Entry("333334", (replace(BUS, reason=reason, side=side),), side=side,
                     bank_reference=bank_reference)  # fmt: skip

    file = parse(version, booked("B1"), booked("B2"), booked("R1", "CRDT", "AC04"),
                 booked("R2", "CRDT", "AC04"), booked("B3"))  # fmt: skip
    found = reconcile(file.rows, KNOWN)
    assert [(f.code, f.place.split(" (")[0]) for f in found.findings] == [
        ("paid-twice", "statement 1, entry 2"),
        ("return-after-paid", "statement 1, entry 3"),
        ("returned-twice", "statement 1, entry 4"),
        ("paid-after-return", "statement 1, entry 5"),
    ]
    assert [change.booking.status for change in found.changes] == ["paid", "returned", "paid"]
    assert {f.code for f in found.findings} < FINDINGS.keys()


@both
def test_two_equal_rows_of_one_file_are_two_bookings(version):
    file = parse(version, Entry("333334", (BUS,)), Entry("333334", (BUS,)))
    found = reconcile(file.rows, KNOWN)
    assert [f.code for f in found.findings] == ["paid-twice"]
    assert (len(found.changes), found.duplicates) == (1, [])
    known = [replace(KNOWN[0], bookings=(found.changes[0].booking,))]
    again = reconcile(file.rows, known)
    assert [f.code for f in again.findings] == ["paid-twice"]
    assert (again.changes, len(again.duplicates)) == ([], 1)


@both
def test_a_file_with_a_payment_and_its_return_is_known_whole(version):
    back = Entry("333334", (replace(BUS, reason="AC04", side="CRDT"),), side="CRDT",
                 bank_reference="R1")  # fmt: skip
    file = parse(version, Entry("333334", (BUS,)), back)
    first = reconcile(file.rows, KNOWN)
    known = [replace(KNOWN[0], bookings=tuple(c.booking for c in first.changes))]
    again = reconcile(file.rows, known)
    assert (again.changes, again.findings, len(again.duplicates)) == ([], [], 2)


@both
def test_what_is_not_booked_is_pending_and_what_is_not_ours_is_counted(version):
    file = parse(
        version,
        Entry("333334", (BUS,), status="PDNG"),
        Entry("500"),
        Entry("9", (Detail("NOTPROVIDED", "9"),)),
        Entry("7", (Detail("theirs", "7"),), currency="USD"),
        Entry("8", (Detail("theirs", "8", reason="AC04"),)),
    )
    assert file.others == 4
    found = reconcile(file.rows, KNOWN)
    assert [row.reference for row in found.pending] == [BUS_LINE.id]
    assert found.report(file)["others"] == 4
    assert found.changes == []


@both
def test_a_statement_that_does_not_add_up_is_noted(version):
    short = replace(BATCH, amount="999999")
    file = parse(version, short, balances=Balances("5000000", "4000000"))
    assert [note.code for note in file.notes] == ["details-differ", "balance-differs"]
    assert reconcile(file.rows, KNOWN).report(file)["notes"][0]["code"] == "details-differ"
    overdrawn = Balances("0", "1000000", sides=("CRDT", "DBIT"))
    assert parse(version, BATCH, balances=overdrawn).notes == ()


@both
def test_the_reference_may_be_the_digits_of_a_zengin_file(version):
    digits = reference_of(BUS_LINE.id)
    file = parse(version, Entry("333334", (replace(BUS, reference=digits[:10]),)))
    assert reconcile(file.rows, KNOWN).changes[0].line == BUS_LINE.id


EDITS = [
    (b"DBIT", b"DBTI", "neither CRDT nor DBIT"),
    (b">333334<", b">3,34<", "is not a decimal amount"),
    (b">333334<", b">33.5<", "more than 0 decimal digits"),
    (b">2026-11-30<", b">2026-11-31<", "is no day"),
    (b"camt.053.001", b"camt.052.001", "is expected"),
    (b"BkToCstmrStmt", b"BkToCstmrXxxx", "there is no statement"),
]


@both
@pytest.mark.parametrize(("old", "new", "says"), EDITS)
def test_a_fault_of_a_statement_is_found_at_its_line(version, old, new, says):
    data = statement(version, [Entry("333334", (BUS,))]).replace(old, new)
    with pytest.raises(MalformedPaymentFile, match=says) as caught:
        parse_camt053(data, DIGITS)
    assert all(fault.where.startswith("line ") for fault in caught.value.faults)


CUTS = [
    (rb"<c:Sts>.*?</c:Sts>", b"", "has no status"),
    (rb"<c:BookgDt>.*?</c:BookgDt>", b"", "no booking day"),
    (rb"</c:CdtDbtInd><c:Sts>", b"</c:CdtDbtInd><c:RvslInd>no</c:RvslInd><c:Sts>", "RvslInd is"),
    (rb"<c:Amt .*?</c:Amt>", b"", "Amt is missing"),
]


@both
@pytest.mark.parametrize(("old", "new", "says"), CUTS)
def test_an_entry_without_what_it_needs_is_refused(version, old, new, says):
    data = statement(version, [Entry("333334", (replace(BUS, amount=None),))])
    changed, count = re.subn(old, new, data, count=1, flags=re.DOTALL)
    assert count == 1
    with pytest.raises(MalformedPaymentFile, match=says):
        parse_camt053(changed, DIGITS)


@both
def test_what_is_pending_needs_no_day(version):
    data = statement(version, [Entry("333334", (BUS,), status="PDNG")])
    dayless = re.sub(rb"<c:BookgDt>.*?</c:BookgDt>", b"", data, flags=re.DOTALL)
    (row,) = parse_camt053(dayless, DIGITS).rows
    assert (row.status, row.day) == ("pending", date.min)


@both
def test_details_of_another_currency_are_not_ours(version):
    usd = Entry("7", (Detail("theirs", "3"), Detail("theirs2", "4")), currency="USD")
    found = parse(version, usd, balances=Balances("1", "2", currency="USD"))
    assert (found.others, found.rows, found.notes) == (2, (), ())


@both
def test_several_details_each_need_an_amount(version):
    entry = Entry("1000000", (replace(BUS, amount=None), EV))
    found = outcome(parse_camt053, statement(version, [entry]), DIGITS)
    assert isinstance(found, MalformedPaymentFile)
    assert "has no amount" in found.message


BOMB = b"""<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><Document>&b;</Document>"""
REMOTE = b'<!DOCTYPE Document SYSTEM "file:///etc/hostname"><Document/>'


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        REMOTE,
        b"<a>" * 33 + b"</a>" * 33,
        b"<a>&nothing;</a>",
        b"<a>",
        b"",
        b"\x00",
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        b'<?xml version="1.0" encoding="no-such-code"?><a/>',
        b'<?xml version="1.0" encoding="euc-jp"?><a/>',
    ],
)
def test_xml_that_is_not_plain_is_refused(data):
    assert isinstance(outcome(parse_camt053, data, DIGITS), MalformedPaymentFile)


@both
@pytest.mark.parametrize(
    "doctype", [b"<!DOCTYPE x>", b'<!DOCTYPE x [<!ENTITY a "b">]>', b'<!DOCTYPE x SYSTEM "y.dtd">']
)
def test_a_good_statement_with_a_document_type_is_refused(version, doctype):
    good = statement(version, [BATCH])
    head, mark, body = good.partition(b"?>")
    assert mark
    assert isinstance(parse_camt053(good, DIGITS), BankFile)
    with pytest.raises(MalformedPaymentFile, match="a document type is declared"):
        parse_camt053(head + mark + doctype + body, DIGITS)


def test_nesting_beyond_the_limit_is_told_as_such():
    with pytest.raises(MalformedPaymentFile, match="nested deeper than 32 levels"):
        parse_camt053(b"<a>" * 33 + b"</a>" * 33, DIGITS)


def test_a_statement_beyond_its_limits_is_refused(monkeypatch):
    monkeypatch.setattr(xmltext, "ELEMENTS_MAX", 10)
    assert isinstance(outcome(parse_camt053, b"<a>" + b"<b/>" * 10 + b"</a>", DIGITS), TooLarge)
    monkeypatch.setattr(xmltext, "FILE_BYTES_MAX", 10)
    assert isinstance(outcome(parse_camt053, b"<a/>" * 3, DIGITS), TooLarge)


@pytest.mark.parametrize(
    ("version", "flips"),
    [(VERSIONS[1], (1,)), pytest.param(VERSIONS[0], range(1, 256), marks=pytest.mark.long)],
)
def test_every_flipped_byte_of_a_statement_is_read_or_refused(version, flips):
    data = statement(version, [BATCH])
    for at in range(len(data)):
        for flip in flips:
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            assert isinstance(
                outcome(parse_camt053, changed, DIGITS), BankFile | MalformedPaymentFile
            )


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_are_no_statement(data):
    assert isinstance(outcome(parse_camt053, data, DIGITS), MalformedPaymentFile)


# --- CSV -----------------------------------------------------------------------------------------

MAP = {
    "bank_csv": 1,
    "encoding": "cp932",
    "delimiter": ",",
    "skip_rows": 1,
    "columns": {
        "reference": ["顧客コード１", "顧客コード２"],
        "amount": ["振込金額"],
        "date": ["振込指定日"],
        "status": ["結果"],
        "reason": ["エラー内容"],
    },
    "date_format": "YYYYMMDD",
    "statuses": {"正常": "paid", "不能": "returned", "": "pending"},
    "currency": "JPY",
    "digits": 0,
}
CODES = [(d[:10], d[10:]) for d in (reference_of(BUS_LINE.id), reference_of(EV_LINE.id))]
TABLE = (
    "総合振込結果\r\n"
    "顧客コード１,顧客コード２,振込金額,振込指定日,結果,エラー内容\r\n"
    f'{CODES[0][0]},{CODES[0][1]},"333,334",20261130,正常,\r\n'
    f"{int(CODES[1][0])},{int(CODES[1][1])},￥６６６６６６円,20261130,不能,口座なし\r\n"
    ",,,,,\r\n"
)


def column_map(**change):
    return parse_column_map(json.dumps(MAP | change).encode())


def test_a_table_by_its_column_map():
    file = parse_bank_csv(TABLE.encode("cp932"), column_map())
    found = reconcile(file.rows, KNOWN)
    assert [(c.line, c.booking.status, c.place, c.reason) for c in found.changes] == [
        (BUS_LINE.id, "paid", "row 3", ""),
        (EV_LINE.id, "returned", "row 4", "口座なし"),
    ]
    assert found.findings == []


def test_a_table_in_utf_8_with_other_words():
    columns = {name: [name] for name in ("reference", "amount", "date", "status")}
    columns["bank_reference"] = ["booking"]
    found = parse_bank_csv(
        b"\xef\xbb\xbfreference;amount;date;status;booking\n"
        + f"{BUS_LINE.id};12.5;2026/1/5;ok;B7\n".encode(),
        column_map(encoding="utf-8", delimiter=";", skip_rows=0, columns=columns,
                   date_format="YYYY/MM/DD", statuses={"ok": "paid"}, currency="EUR", digits=2),
    )  # fmt: skip
    assert found.rows == (
        BankRow("row 2", BUS_LINE.id, "paid", date(2026, 1, 5), "EUR", 1250, "B7"),
    )


def test_every_fault_of_a_table_is_told_with_its_row():
    wrong = (
        TABLE.replace("正常", "済").replace("666", "x").replace("20261130,不能", "20261131,不能")
    )
    with pytest.raises(MalformedPaymentFile) as caught:
        parse_bank_csv(wrong.encode("cp932"), column_map())
    assert [(f.where, f.message.split(" is ")[0]) for f in caught.value.faults][:2] == [
        ("row 3", "the status '済'"),
        ("row 4", "'20261131'"),
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no row with the columns' names"),
        (TABLE.replace("結果,", "結末,").encode("cp932"), "there is no column '結果'"),
        (TABLE.replace("内容\r\n", "内容,結果\r\n").encode("cp932"), "two columns"),
        (TABLE.replace(",正常,", ",正常").encode("cp932"), "the header 6"),
        (TABLE.encode(), "not cp932 at byte"),
        (TABLE.replace('"333,334"', '"333"4').encode("cp932"), "not CSV"),
        (TABLE.replace('"333,334"', "-5").encode("cp932"), "is no amount"),
        (TABLE.replace('"333,334"', "0").encode("cp932"), "is no amount"),
    ],
)
def test_a_table_out_of_form_is_refused(data, says):
    with pytest.raises(MalformedPaymentFile, match=says):
        parse_bank_csv(data, column_map())


def test_a_table_beyond_its_limits_is_refused(monkeypatch):
    wrong = TABLE.replace("正常", "済").replace("不能", "済").encode("cp932")
    monkeypatch.setattr(bank_csv, "FAULTS_MAX", 1)
    assert len(outcome(parse_bank_csv, wrong, column_map()).faults) == 1
    monkeypatch.setattr(bank_csv, "ROWS_MAX", 1)
    assert isinstance(outcome(parse_bank_csv, TABLE.encode("cp932"), column_map()), TooLarge)
    monkeypatch.setattr(bank_csv, "FILE_BYTES_MAX", 10)
    assert isinstance(outcome(parse_bank_csv, TABLE.encode("cp932"), column_map()), TooLarge)


@pytest.mark.parametrize("flips", [(1,), pytest.param(range(1, 256), marks=pytest.mark.long)])
def test_every_flipped_byte_of_a_table_is_read_or_refused(flips):
    data = TABLE.encode("cp932")
    for at in range(len(data)):
        for flip in flips:
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            found = outcome(parse_bank_csv, changed, column_map())
            assert isinstance(found, BankFile | MalformedPaymentFile)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"encoding": "utf-7"}, "/encoding"), ({"delimiter": "|"}, "/delimiter"),
        ({"skip_rows": -1}, "/skip_rows"), ({"skip_rows": True}, "/skip_rows"),
        ({"date_format": "MM/DD"}, "/date_format"), ({"currency": "yen"}, "/currency"),
        ({"digits": "0"}, "/digits"), ({"columns": []}, "/columns"),
        ({"statuses": {}}, "/statuses"), ({"statuses": []}, "/statuses"),
        ({"statuses": {"x": "done"}}, "/statuses"), ({"statuses": {"x": []}}, "/statuses"),
        ({"columns": {**MAP["columns"], "amount": []}}, "/columns/amount"),
        ({"columns": {**MAP["columns"], "colour": ["x"]}}, "/columns/colour"),
        ({"columns": {"reference": ["x"]}}, "/columns/amount"),
    ],
)  # fmt: skip
def test_a_column_map_out_of_form_is_refused(change, where):
    with pytest.raises(MalformedDocument) as caught:
        column_map(**change)
    assert where in [fault.where for fault in caught.value.faults]


def test_a_column_map_has_its_fields():
    assert isinstance(outcome(parse_column_map, b"{}"), MalformedDocument)
    assert isinstance(outcome(parse_column_map, b"["), MalformedDocument)
    assert isinstance(outcome(parse_column_map, json.dumps({**MAP, "more": 1}).encode()),
                      MalformedDocument)  # fmt: skip
