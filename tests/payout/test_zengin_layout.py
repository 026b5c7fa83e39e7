"""総合振込 files judged by the published layout alone: a table, and a reader that knows only it.

No installable package reads this format (docs/payout-files.md says where it was looked for), so
this reader takes the place of one. It shares nothing with ``ledger.payout``: the table below is
the Japanese Bankers Association's record layout (全銀協「適用業務およびレコード・フォーマット」,
総合振込; FORMATS.md section 3), offsets counted from 0, with what the banks print beside it. It
reads bytes of JIS X 0201 by a table of its own, and raises ``Unreadable`` at the first thing that
a bank would send back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.payout.account import JapaneseAccount
from ledger.payout.bank_calendar import bundled_calendar
from ledger.payout.line import PayoutLine
from ledger.payout.netting import payout_id
from ledger.payout.zengin import Layout
from ledger.payout.zengin_order import TransferDay, zengin_order
from tests.payout.samples import DAY, ORIGINATOR, PAYMENTS

RECORD = 120
# (field, first byte from 0, bytes, N digits or C letters), by the record's first byte.
TABLE = {
    b"1": [
        ("データ区分", 0, 1, "N"), ("種別コード", 1, 2, "N"), ("コード区分", 3, 1, "N"),
        ("振込依頼人コード", 4, 10, "N"), ("振込依頼人名", 14, 40, "C"),
        ("取組日", 54, 4, "N"), ("仕向銀行番号", 58, 4, "N"), ("仕向銀行名", 62, 15, "C"),
        ("仕向支店番号", 77, 3, "N"), ("仕向支店名", 80, 15, "C"), ("預金種目", 95, 1, "N"),
        ("口座番号", 96, 7, "N"), ("ダミー", 103, 17, "C"),
    ],
    b"2": [
        ("データ区分", 0, 1, "N"), ("被仕向銀行番号", 1, 4, "N"), ("被仕向銀行名", 5, 15, "C"),
        ("被仕向支店番号", 20, 3, "N"), ("被仕向支店名", 23, 15, "C"),
        ("手形交換所番号", 38, 4, "N"), ("預金種目", 42, 1, "N"), ("口座番号", 43, 7, "N"),
        ("受取人名", 50, 30, "C"), ("振込金額", 80, 10, "N"), ("新規コード", 90, 1, "N"),
        ("顧客コード１", 91, 10, "C"), ("顧客コード２", 101, 10, "C"),
        ("振込指定区分", 111, 1, "N"), ("識別表示", 112, 1, "C"), ("ダミー", 113, 7, "C"),
    ],
    b"8": [
        ("データ区分", 0, 1, "N"), ("合計件数", 1, 6, "N"), ("合計金額", 7, 12, "N"),
        ("ダミー", 19, 101, "C"),
    ],
    b"9": [("データ区分", 0, 1, "N"), ("ダミー", 1, 119, "C")],
}  # fmt: skip
# Fields that may be blank although they are digits.
OPTIONAL = {"手形交換所番号", "新規コード", "振込指定区分"}
CODES = {"種別コード": {"21"}, "コード区分": {"0"}, "新規コード": {"0", "1", "2", ""},
         "振込指定区分": {"7", "8", ""}, "識別表示": {"Y", ""}}  # fmt: skip
KINDS_OF_ACCOUNT = {b"1": {"1", "2", "9"}, b"2": {"1", "2", "4", "9"}}
# JIS X 0201: what banks take of its 8 bits. Small kana, ｦ, ｰ and small letters are not among them.
KANA = "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝﾞﾟ"
LETTERS = {0xB1 + at: letter for at, letter in enumerate(KANA)}
LETTERS |= {ord(one): one for one in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ ()-.,/\\"}
LETTERS |= {0xA2: "｢", 0xA3: "｣"}
VOICED = set("ｳｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎﾜ")
HALF_VOICED = set("ﾊﾋﾌﾍﾎ")


class Unreadable(Exception):
    """What a bank would send back: where, and why."""


@dataclass
class Read:
    """The records of a file, each as its fields by name."""

    header: dict[str, str]
    data: list[dict[str, str]]
    trailer: dict[str, str]


def read(file: bytes) -> Read:
    """Read a file by the table; every byte of it has to be accounted for."""
    records = split(file)
    order = b"".join(record[:1] for record in records)
    if order != b"1" + b"2" * (len(records) - 3) + b"89" or len(records) < 4:
        raise Unreadable(f"the records stand in the order {order[:20]!r}")
    header, *data, trailer, _ = [fields(record) for record in records]
    count, amount = len(data), sum(int(row["振込金額"]) for row in data)
    if (int(trailer["合計件数"]), int(trailer["合計金額"])) != (count, amount):
        raise Unreadable(f"the trailer is not of {count} transfers of {amount}")
    return Read(header, data, trailer)


def split(file: bytes) -> list[bytes]:
    """Records of 120 bytes, all followed by CRLF (but maybe the last) or none; 0x1A may end it."""
    body = file.removesuffix(b"\x1a")
    if b"\r\n" in body:
        records = body.removesuffix(b"\r\n").split(b"\r\n")
    else:
        records = [body[at : at + RECORD] for at in range(0, len(body), RECORD)]
    for number, record in enumerate(records, 1):
        if len(record) != RECORD:
            raise Unreadable(f"record {number} has {len(record)} bytes")
    return records


def fields(record: bytes) -> dict[str, str]:
    """The fields of a record: digits whole, letters without the blanks behind them."""
    kind, found = record[:1], {}
    for name, start, size, form in TABLE[kind]:
        part = record[start : start + size]
        if form == "N" and not (part.isdigit() or (name in OPTIONAL and part == b" " * size)):
            raise Unreadable(f"{name}: {part!r} is no number of {size} digits")
        text = "".join(letter(byte, name) for byte in part)
        found[name] = text.strip(" ") if form == "N" else text.rstrip(" ")
        voices(found[name], name)
        if name in CODES and found[name] not in CODES[name]:
            raise Unreadable(f"{name}: no {found[name]!r}")
    if found.get("ダミー"):
        raise Unreadable("something stands where nothing may")
    if kind in KINDS_OF_ACCOUNT and found["預金種目"] not in KINDS_OF_ACCOUNT[kind]:
        raise Unreadable(f"預金種目: no {found['預金種目']!r}")
    if kind == b"1":
        day(found["取組日"])
    if kind == b"2" and int(found["振込金額"]) == 0:
        raise Unreadable("a transfer of nothing")
    return found


def letter(byte: int, name: str) -> str:
    if byte not in LETTERS:
        raise Unreadable(f"{name}: no bank takes the byte 0x{byte:02x}")
    return LETTERS[byte]


def voices(text: str, name: str) -> None:
    """A voicing mark stands behind a kana that can be voiced."""
    for before, mark in zip(f" {text}", text, strict=False):
        takes = {"ﾞ": VOICED, "ﾟ": HALF_VOICED}.get(mark)
        if takes is not None and before not in takes:
            raise Unreadable(f"{name}: {before}{mark} is no letter")


def day(text: str) -> None:
    try:
        date(2024, int(text[:2]), int(text[2:]))
    except ValueError as error:
        raise Unreadable(f"取組日: {text} is no day") from error


def test_the_table_covers_every_byte_once():
    for rows in TABLE.values():
        places = [at for _, start, size, _ in rows for at in range(start, start + size)]
        assert places == list(range(RECORD))


@pytest.mark.parametrize("edi", [False, True])
@pytest.mark.parametrize("layout", [Layout(), Layout(True, False, True), Layout(False)])
def test_an_order_reads_back_to_the_last_field(edi: bool, layout: Layout):
    made = zengin_order(ORIGINATOR, PAYMENTS, DAY, edi=edi, layout=layout)
    found = read(made.data)
    payer = ORIGINATOR.account
    assert found.header == {
        "データ区分": "1", "種別コード": "21", "コード区分": "0",
        "振込依頼人コード": ORIGINATOR.code, "振込依頼人名": payer.holder,
        "取組日": f"{DAY.pay_on:%m%d}", "仕向銀行番号": payer.bank, "仕向銀行名": payer.bank_name,
        "仕向支店番号": payer.branch, "仕向支店名": payer.branch_name, "預金種目": payer.kind,
        "口座番号": payer.number, "ダミー": "",
    }  # fmt: skip
    for row, (line, account) in zip(found.data, PAYMENTS, strict=True):
        digits = row["顧客コード１"] + row["顧客コード２"]
        assert made.references[digits] == line.id
        assert row == {
            "データ区分": "2", "被仕向銀行番号": account.bank, "被仕向銀行名": account.bank_name,
            "被仕向支店番号": account.branch, "被仕向支店名": account.branch_name,
            "手形交換所番号": "0000", "預金種目": account.kind, "口座番号": account.number,
            "受取人名": account.holder, "振込金額": f"{line.amount_minor:010d}",
            "新規コード": "0", "顧客コード１": digits[:10], "顧客コード２": digits[10:],
            "振込指定区分": "7", "識別表示": "Y" if edi else "", "ダミー": "",
        }  # fmt: skip
    total = sum(line.amount_minor for line, _ in PAYMENTS)
    assert (found.trailer["合計件数"], found.trailer["合計金額"]) == ("000002", f"{total:012d}")
    assert (made.count, made.total_minor) == (2, total)


NAMES = st.lists(
    st.sampled_from(["ｱ", "ｶﾞ", "ﾊﾟ", "ﾝ", "ｳﾞ", "A", "7", "(", ")", "-", ".", "ﾖ ﾘ"]), min_size=1,
    max_size=24,
).map(lambda parts: "".join(parts).strip())  # fmt: skip
ACCOUNTS = st.builds(
    JapaneseAccount, st.from_regex(r"[0-9]{4}", fullmatch=True), st.just("ｷﾞﾝｺｳ"),
    st.from_regex(r"[0-9]{3}", fullmatch=True), st.just("ｼﾃﾝ"), st.sampled_from("1249"),
    st.from_regex(r"[0-9]{7}", fullmatch=True), NAMES,
)  # fmt: skip
AMOUNTS = st.integers(1, 9_999_999_999)
CALENDAR = bundled_calendar()
OPEN_DAYS = [
    TransferDay(found, found, CALENDAR)
    for month in range(1, 13)
    if (found := CALENDAR.next_open(date(2027, month, 1))).month == month
]


@settings(max_examples=12)
@given(st.lists(st.tuples(ACCOUNTS, AMOUNTS), min_size=1, max_size=8), st.sampled_from(OPEN_DAYS))
def test_any_order_reads_back(payees: list[tuple[JapaneseAccount, int]], pay_day: TransferDay):
    payments = []
    for at, (account, amount) in enumerate(payees):
        id_ = payout_id(bytes(32), f"m{at}", "JPY", period="2026-12", attempt=0)
        payments.append((PayoutLine(id_, f"m{at}", "JPY", amount, "2026-12"), account))
    made = zengin_order(ORIGINATOR, payments, pay_day)
    found = read(made.data)
    assert found.header["取組日"] == f"{pay_day.pay_on:%m%d}"
    for row, (line, account) in zip(found.data, payments, strict=True):
        assert made.references[row["顧客コード１"] + row["顧客コード２"]] == line.id
        where = (row["被仕向銀行番号"], row["被仕向支店番号"], row["預金種目"], row["口座番号"])
        assert where == (account.bank, account.branch, account.kind, account.number)
        assert int(row["振込金額"]) == line.amount_minor
        # A name that is too long is cut, and never to half of a letter.
        assert account.holder.startswith(row["受取人名"])
        assert row["受取人名"] == account.holder or len(row["受取人名"]) >= 28


GOOD = zengin_order(ORIGINATOR, PAYMENTS, DAY, layout=Layout(newline=False)).data


@pytest.mark.parametrize(
    ("at", "new", "says"),
    [
        (1, b"11", "種別コード"), (3, b"1", "コード区分"), (4, b" ", "振込依頼人コード"),
        (14, b"\xb0", "0xb0"), (14, b"\xde", "ﾞ is no letter"), (54, b"0230", "is no day"),
        (95, b"4", "預金種目"), (103, b"1", "something stands"), (120, b"7", "in the order"),
        (162, b"3", "預金種目"), (170, b"\x88", "0x88"), (200, b"0000000000", "of nothing"),
        (203, b" ", "振込金額"), (209, b"9", "the trailer"), (210, b"3", "新規コード"),
        (231, b"5", "振込指定区分"), (232, b"N", "識別表示"), (366, b"3", "the trailer"),
        (378, b"1", "the trailer"), (480, b"2", "in the order"), (481, b"x", "0x78"),
    ],
)  # fmt: skip
def test_what_a_bank_would_send_back_is_not_read(at: int, new: bytes, says: str):
    read(GOOD)
    with pytest.raises(Unreadable, match=says):
        read(GOOD[:at] + new + GOOD[at + len(new) :])


def test_a_file_cut_short_is_not_read():
    for end in (1, 120, 121, 360, len(GOOD) - 1):
        with pytest.raises(Unreadable):
            read(GOOD[:end])
    with pytest.raises(Unreadable):
        read(GOOD[:120] + b"\r\n" + GOOD[120:])
