"""pain.001 against the schemas of ISO 20022, as sepaxml ships them, and a second reader."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import sepaxml
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import DuplicateId, OutOfRange
from ledger.payout.account import IbanAccount
from ledger.payout.latin import LATIN, is_latin, to_latin
from ledger.payout.line import PayoutLine
from ledger.payout.pain001 import SEPA_MAX, IbanTerms, MessageHead, iban_order, japan_order
from tests.payout.outcomes import outcome
from tests.payout.samples import (
    BUS,
    BUS_LINE,
    DAY,
    DEBTOR,
    HAMBURG,
    ORIGINATOR,
    PAYMENTS,
)

HEAD = MessageHead("ORDER-2026-10", "2026-11-27T01:02:03.456Z", "kyojo 2026-10")
EUR_LINE = replace(BUS_LINE, currency="EUR")
SEPA = IbanTerms(date(2026, 11, 30))
WORLD = IbanTerms(date(2026, 11, 30), "international", "CHF", 2, with_uetr=True)
CHF_LINE = replace(BUS_LINE, currency="CHF")
SWISS = IbanAccount("CH9300762011623852957", "UBSWCHZH80A", "Zürcher Velo AG")


@cache
def schema(version):
    """The ISO schema; sepaxml is not imported for its own code, only its files are read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xmlschema.XMLSchema(Path(sepaxml.__file__).parent / "schemas" / f"{version}.xsd")


def test_the_schemas_are_those_of_iso():
    for version, urn in (("pain.001.001.03", 3), ("pain.001.001.09", 9)):
        namespace = f"urn:iso:std:iso:20022:tech:xsd:pain.001.001.0{urn}"
        assert schema(version).target_namespace == namespace


def test_the_japanese_message_is_valid_and_the_same_again(golden_bytes):
    message = japan_order(ORIGINATOR, PAYMENTS, DAY, HEAD)
    schema("pain.001.001.03").validate(message.data.decode())
    assert japan_order(ORIGINATOR, list(PAYMENTS), DAY, HEAD) == message
    assert message.report() == {
        "format": "pain.001.001.03",
        "control_totals": {"count": 2, "amount_minor": 1_000_000},
        "losses": [],
    }
    golden_bytes("pain.001.001.03.xml", message.data)


def test_the_sepa_message_is_valid_and_the_same_again(golden_bytes):
    message = iban_order(DEBTOR, [(EUR_LINE, HAMBURG)], SEPA, HEAD)
    schema("pain.001.001.09").validate(message.data.decode())
    assert iban_order(DEBTOR, [(EUR_LINE, HAMBURG)], SEPA, HEAD) == message
    assert [(loss["from"], loss["to"]) for loss in message.report()["losses"]] == [
        ("é", "e"),
        ("&", "+"),
    ]
    golden_bytes("pain.001.001.09-sepa.xml", message.data)


def test_an_international_message_is_valid_and_bears_a_stable_uetr(golden_bytes):
    message = iban_order(DEBTOR, [(CHF_LINE, SWISS)], WORLD, HEAD)
    schema("pain.001.001.09").validate(message.data.decode())
    golden_bytes("pain.001.001.09-international.xml", message.data)
    other = iban_order(DEBTOR, [(replace(CHF_LINE, id="other"), SWISS)], WORLD, HEAD)
    assert text(message, "UETR") != text(other, "UETR")


def text(message, name):
    return ET.fromstring(message.data).find(f".//{{*}}{name}").text


def test_the_message_says_what_was_ordered():
    """Read by the standard library, which knows nothing of our writer."""
    root = ET.fromstring(japan_order(ORIGINATOR, PAYMENTS, DAY, HEAD).data)
    transfers = root.findall(".//{*}CdtTrfTxInf")
    for transfer, (line, account) in zip(transfers, PAYMENTS, strict=True):

        def at(path, transfer=transfer):
            return transfer.find("/".join(f"{{*}}{name}" for name in path.split("/"))).text

        assert at("PmtId/EndToEndId") == line.id
        assert at("Amt/InstdAmt") == str(line.amount_minor)
        assert at("CdtrAgt/FinInstnId/ClrSysMmbId/MmbId") == account.bank
        assert at("CdtrAgt/BrnchId/Id") == account.branch
        assert at("CdtrAcct/Id/Othr/Id") == account.number
        assert at("CdtrAcct/Tp/Prtry") == account.kind
        assert at("Cdtr/Nm") == account.holder
    assert [e.text for e in root.findall(".//{*}NbOfTxs")] == ["2", "2"]
    assert [e.text for e in root.findall(".//{*}CtrlSum")] == ["1000000"] * 2
    assert root.find(".//{*}CreDtTm").text == "2026-11-27T01:02:03Z"
    assert root.find(".//{*}ReqdExctnDt").text == "2026-11-30"


NAMES = st.text(st.sampled_from("abcÄøß é&'()/-<>\"漢"), min_size=1, max_size=90)
LINES = st.lists(
    st.tuples(st.integers(1, SEPA_MAX), NAMES, st.sampled_from(["", "ABNANL2A"])),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60)
@given(LINES, st.text(sorted(LATIN), max_size=20))
def test_whatever_is_written_is_valid(lines, note):
    payments = [
        (PayoutLine(f"p{at}", "bus", "EUR", amount, "2026-10"),
         IbanAccount("NL91ABNA0417164300", bic, name))
        for at, (amount, name, bic) in enumerate(lines)
    ]  # fmt: skip
    message = outcome(iban_order, DEBTOR, payments, SEPA, replace(HEAD, note=note))
    if isinstance(message, OutOfRange):
        assert message.faults
        return
    schema("pain.001.001.09").validate(message.data.decode())
    root = ET.fromstring(message.data)
    amounts = [Decimal(e.text) for e in root.findall(".//{*}InstdAmt")]
    assert [int(amount * 100) for amount in amounts] == [amount for amount, _, _ in lines]
    assert Decimal(root.find(".//{*}CtrlSum").text) == sum(amounts)
    assert all(is_latin(e.text) for e in root.findall(".//{*}Nm"))


def places(function, *arguments):
    with pytest.raises(OutOfRange) as caught:
        function(*arguments)
    return [fault.where for fault in caught.value.faults]


def test_every_fault_of_an_order_is_told_at_once():
    payments = [
        (replace(EUR_LINE, id="a", currency="JPY"), HAMBURG),
        (replace(EUR_LINE, id="b", amount_minor=0), HAMBURG),
        (replace(EUR_LINE, id="c", amount_minor=SEPA_MAX + 1), HAMBURG),
        (replace(EUR_LINE, id="d"), BUS),
        (replace(EUR_LINE, id="e"), replace(HAMBURG, holder="漢字")),
        (replace(EUR_LINE, id="f_"), HAMBURG),
    ]
    head = MessageHead("x" * 36, "yesterday", "ü")
    found = places(iban_order, DEBTOR, payments, replace(SEPA, currency="EUR", digits=3), head)
    assert found[:3] == ["message_id", "note", "created"]
    assert found[3] == "terms"
    assert set(found[4:]) == {"a", "b", "c", "d", "e", "f_"}


def test_what_a_scheme_needs_is_asked_for():
    assert places(iban_order, DEBTOR, [(CHF_LINE, replace(SWISS, bic=""))], WORLD, HEAD) == [
        CHF_LINE.id
    ]
    poor = replace(DEBTOR, bic="")
    assert places(iban_order, poor, [(CHF_LINE, SWISS)], WORLD, HEAD) == ["debtor"]
    message = iban_order(poor, [(EUR_LINE, HAMBURG)], SEPA, HEAD)
    schema("pain.001.001.09").validate(message.data.decode())
    assert places(iban_order, DEBTOR, [(EUR_LINE, HAMBURG)], replace(WORLD, currency="eur"), HEAD)
    assert places(japan_order, ORIGINATOR, [(EUR_LINE, HAMBURG)], DAY, HEAD) == [EUR_LINE.id] * 2
    assert places(japan_order, ORIGINATOR, [], DAY, HEAD) == ["payments"]
    nameless = replace(HAMBURG, holder=" ")
    assert places(iban_order, DEBTOR, [(EUR_LINE, nameless)], SEPA, HEAD) == [EUR_LINE.id]
    with pytest.raises(DuplicateId):
        japan_order(ORIGINATOR, [PAYMENTS[0]] * 2, DAY, HEAD)
    with pytest.raises(OutOfRange, match="closed"):
        japan_order(ORIGINATOR, PAYMENTS, replace(DAY, pay_on=date(2026, 11, 29)), HEAD)


def test_a_name_is_cut_to_what_banks_take_and_the_cut_is_told():
    long = replace(HAMBURG, holder="a" * 69 + " " + "b" * 9)
    message = iban_order(DEBTOR, [(EUR_LINE, long)], SEPA, HEAD)
    (loss,) = message.report()["losses"]
    assert (loss["to"], loss["rule"]) == ("a" * 69, "cut")


@given(st.text(max_size=40))
def test_any_name_is_latin_or_refused_by_letter(name):
    found = outcome(to_latin, name)
    if isinstance(found, OutOfRange):
        assert found.faults
    else:
        assert is_latin(found.text)
        assert to_latin(found.text).losses == ()


@pytest.mark.parametrize(
    ("name", "latin"),
    [("Müller", "Muller"), ("Straße", "Strasse"), ("Łódź", "Lodz"), ("Œuvre", "OEuvre"),
     ("Zoë & Søn", "Zoe + Son"), ("a\u00a0b", "a b")],
)  # fmt: skip
def test_a_name_without_its_accents(name, latin):
    assert to_latin(name).text == latin
