"""Where members are paid: forms, check digits, commitments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.errors import MalformedDocument, OutOfRange
from ledger.payout.account import (
    IBAN_LENGTHS,
    EvmAccount,
    IbanAccount,
    JapaneseAccount,
    account_document,
    check_digits,
    hint_of,
    open_account,
    parse_account,
    seal_account,
)
from tests.payout.outcomes import outcome

JAPANESE = {
    "type": "jp",
    "bank": "9999",
    "bank_name": "テストギンコウ",
    "branch": "001",
    "branch_name": "ｼﾃﾝ",
    "kind": "1",
    "number": "123456",
    "holder": "カ）リョクユウ",
}
# The examples of SWIFT's IBAN registry.
IBANS = [
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "FR1420041010050500013M02606",
    "CH9300762011623852957",
    "NL91ABNA0417164300",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "BE68539007547034",
]
EVM = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"


def faults(document):
    with pytest.raises(MalformedDocument) as caught:
        parse_account(document)
    return {fault.where: fault.message for fault in caught.value.faults}


def test_a_japanese_account_takes_its_canonical_form():
    account = parse_account(JAPANESE)
    assert account == JapaneseAccount("9999", "ﾃｽﾄｷﾞﾝｺｳ", "001", "ｼﾃﾝ", "1", "0123456", "ｶ)ﾘﾖｸﾕｳ")
    assert parse_account(account_document(account)) == account
    assert hint_of(account) == "···3456"


def test_every_fault_of_a_form_is_named_at_once():
    wrong = {
        "type": "jp", "bank": "999", "bank_name": "", "branch": 1, "kind": "3",
        "number": "12345678", "holder": "株式会社", "colour": "red",
    }  # fmt: skip
    found = faults(wrong)
    assert found.keys() == {
        *("/bank", "/bank_name", "/branch", "/branch_name", "/kind", "/number", "/holder"),
        "/colour",
    }
    assert "is missing" in found["/branch_name"]
    assert "is not text" in found["/branch"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("bank", value) for value in ("0000", "１２３４", "12345", "")),
        *(("number", value) for value in ("0000000", "-1", "", "1e5")),
        *(("holder", value) for value in ("()-.", "", "ア" * 81)),
        *(("bank_name", value) for value in ("ア" * 16, "ガ" * 8)),
    ],
)
def test_a_field_out_of_its_form_is_refused(name, value):
    assert f"/{name}" in faults({**JAPANESE, name: value})


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_of_the_registry_is_read(iban):
    spaced = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4)).lower()
    account = parse_account({"type": "iban", "iban": spaced, "bic": "", "holder": "Ortsverein eG"})
    assert account == IbanAccount(iban, "", "Ortsverein eG")
    assert check_digits(iban[:2], iban[4:]) == iban[2:4]
    assert hint_of(account) == f"{iban[:2]}···{iban[-4:]}"


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_with_one_digit_changed_or_two_swapped_is_refused(iban):
    def is_refused(text):
        return "/iban" in faults({"type": "iban", "iban": text, "holder": "x"})

    places = [at for at in range(2, len(iban)) if iban[at].isdigit()]
    for at in places:
        for other in "0123456789":
            if other != iban[at]:
                assert is_refused(iban[:at] + other + iban[at + 1 :])
    for at in places:
        if at + 1 in places and iban[at] != iban[at + 1]:
            assert is_refused(iban[:at] + iban[at + 1] + iban[at] + iban[at + 2 :])


def test_check_digits_that_only_leave_the_right_remainder_are_refused():
    basic = next(
        f"{number:018d}" for number in range(200) if check_digits("DE", f"{number:018d}") == "98"
    )
    assert parse_account({"type": "iban", "iban": f"DE98{basic}", "holder": "x"})
    assert "/iban" in faults({"type": "iban", "iban": f"DE01{basic}", "holder": "x"})


def test_an_iban_of_the_wrong_length_or_country_says_so():
    assert (
        "22 characters"
        in faults({"type": "iban", "iban": "DE8937040044053201", "holder": "x"})["/iban"]
    )
    assert "JP" in faults({"type": "iban", "iban": "JP00123456789", "holder": "x"})["/iban"]
    assert min(IBAN_LENGTHS.values()) == 15
    assert max(IBAN_LENGTHS.values()) == 33


@pytest.mark.parametrize("bic", ["DEUTDEFF", "deutdeff500", ""])
def test_a_bic_is_eight_or_eleven(bic):
    account = parse_account({"type": "iban", "iban": IBANS[0], "bic": bic, "holder": "x"})
    assert account.bic == bic.upper()


@pytest.mark.parametrize("bic", ["DEUTDEF", "DEUT1EFF", "DEUTDEFF5", "DEUTDEFF5000"])
def test_a_bic_out_of_form_is_refused(bic):
    assert "/bic" in faults({"type": "iban", "iban": IBANS[0], "bic": bic, "holder": "x"})


@pytest.mark.parametrize("holder", ["", " ", "a\u202eb", "a\x00", "x" * 81])
def test_a_holder_that_people_cannot_read_is_refused(holder):
    assert "/holder" in faults({"type": "iban", "iban": IBANS[0], "holder": holder})


def test_an_evm_account_is_checked_by_its_capitals():
    account = parse_account({"type": "evm", "address": EVM})
    assert account == EvmAccount(EVM.lower())
    assert account_document(account)["address"] == EVM
    assert parse_account({"type": "evm", "address": EVM.lower()}) == account
    assert "/address" in faults({"type": "evm", "address": EVM.replace("fB", "Fb")})
    assert hint_of(account) == "0x···d359"


@pytest.mark.parametrize("document", [None, [], "x", {}, {"type": "cash"}, {"type": ["jp"]}])
def test_what_is_no_account_is_refused(document):
    with pytest.raises(MalformedDocument):
        parse_account(document)


@pytest.mark.parametrize(
    "document", [JAPANESE, {"type": "iban", "iban": IBANS[0], "holder": "x"},
                 {"type": "evm", "address": EVM}]
)  # fmt: skip
def test_a_sealed_account_opens_and_no_changed_byte_gives_the_same(document):
    account = parse_account(document)
    blob = seal_account(account, bytes(range(32)))
    assert open_account(blob) == account
    for at in range(32, len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        try:
            assert open_account(changed) != account
        except MalformedDocument:
            continue


def test_a_sealed_account_must_be_canonical():
    with pytest.raises(MalformedDocument, match="canonical form"):
        open_account(bytes(32) + canonical.encode(JAPANESE))
    with pytest.raises(MalformedDocument, match="32 bytes of salt"):
        open_account(bytes(32))
    with pytest.raises(OutOfRange, match="salt"):
        seal_account(parse_account(JAPANESE), b"short")


VALUES = st.none() | st.integers() | st.text(max_size=40) | st.lists(st.text(max_size=3))


@given(
    st.sampled_from(["jp", "iban", "evm"]),
    st.dictionaries(st.sampled_from([*JAPANESE, "iban", "bic", "address"]), VALUES),
)
def test_any_document_is_an_account_or_malformed(kind, document):
    found = outcome(parse_account, {**document, "type": kind})
    assert isinstance(found, MalformedDocument) or account_document(found)["type"] == kind
