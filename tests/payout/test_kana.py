"""Names in the letters of Japanese banks."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.errors import OutOfRange
from ledger.payout.kana import cut, encode, is_zengin, to_zengin
from tests.payout.outcomes import outcome

KANA = "".join(chr(code) for code in range(0x30A1, 0x30F7)).translate(
    {ord(letter): None for letter in "ヰヱヲヮ"}
)
NAMES = st.text(KANA + "ーABCxyz0189 ().-ｱｶﾞﾊﾟｯｰ　あがっＡｂ１－（）．", max_size=60)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("カ）リョクユウコウツウ", "ｶ)ﾘﾖｸﾕｳｺｳﾂｳ"),
        ("バスパーク", "ﾊﾞｽﾊﾟ-ｸ"),
        ("ﾊﾞｽ", "ﾊﾞｽ"),
        ("バス", "ﾊﾞｽ"),
        ("ハ゛ス", "ﾊﾞｽ"),
        ("ヴァイオリン", "ｳﾞｱｲｵﾘﾝ"),
        ("ケヶカヵッャ", "ｹｹｶｶﾂﾔ"),
        ("かがく", "ｶｶﾞｸ"),
        ("Ａｂｃ１２", "ABC12"),
        ("マツダ　タロウ", "ﾏﾂﾀﾞ ﾀﾛｳ"),
        ("エヌ−ケイ", "ｴﾇ-ｹｲ"),
    ],
)
def test_a_name_in_half_width(written, expected):
    assert to_zengin(written).text == expected


def test_what_width_does_not_explain_is_reported():
    rules = [loss.rule for loss in to_zengin("ショーぁa−").losses]
    assert rules == ["large-kana", "long-mark", "katakana", "large-kana", "capital", "dash"]
    assert to_zengin("ショ").losses[0].as_dict() == {"from": "ョ", "to": "ヨ", "rule": "large-kana"}
    assert to_zengin("ｶ)ﾊﾞｽ").losses == ()


@pytest.mark.parametrize("letter", ["株", "髙", "ヲ", "ｦ", "ヰ", "・", "&", "😀", "\n", "é", "ヽ"])
def test_what_has_no_letter_is_named_with_its_place(letter):
    with pytest.raises(OutOfRange) as caught:
        to_zengin(f"カ)バ{letter}ス")
    (fault,) = caught.value.faults
    assert fault.where == "letter 4"


def test_every_letter_without_a_place_is_a_fault():
    with pytest.raises(OutOfRange) as caught:
        to_zengin("株式会社バス")
    assert [fault.where for fault in caught.value.faults] == [f"letter {n}" for n in range(1, 5)]
    assert "'株', '式', '会', '社'" in caught.value.message


@pytest.mark.parametrize("name", ["ﾞア", "アﾞ", "カﾟ", "ーﾞ", "A゛"])
def test_a_mark_without_its_kana_is_refused(name):
    with pytest.raises(OutOfRange, match="no bank file can hold"):
        to_zengin(name)


def test_a_very_long_text_is_refused_before_it_is_read():
    with pytest.raises(OutOfRange, match="at most 200"):
        to_zengin("ア" * 201)


@given(NAMES)
@example("が")
def test_a_converted_name_has_only_letters_of_the_bank_and_stays_as_it_is(text):
    found = outcome(to_zengin, text)
    if isinstance(found, OutOfRange):  # a mark after a letter that has no voiced form
        assert {fault.where for fault in found.faults} == {"name"}
        return
    kana = found.text
    assert is_zengin(kana)
    assert encode(kana).decode("cp932") == kana
    assert len(encode(kana)) == len(kana)
    again = to_zengin(kana)
    assert (again.text, again.losses) == (kana, ())


@given(NAMES, st.integers(1, 30))
def test_a_cut_never_parts_a_kana_from_its_mark(text, size):
    name = getattr(outcome(to_zengin, text), "text", "ﾊﾟ")
    short = cut(name, size)
    assert name.startswith(short)
    assert size - 1 <= len(short) <= size or short == name
    assert name[len(short) : len(short) + 1] not in ("ﾞ", "ﾟ")


@given(st.text(max_size=220))
def test_any_text_is_converted_or_refused_by_name(text):
    found = outcome(to_zengin, text)
    assert isinstance(found, OutOfRange) or is_zengin(found.text)
