"""Where a member is paid: a Japanese bank account, an account with an IBAN, or one on an EVM chain.

A destination is a small JSON document. ``parse_account`` reads what a person or a form wrote and
collects every fault; ``account_document`` gives its canonical form: half-width kana, seven digits,
capitals without spaces. The log commits to a bank account by the hash of ``32 bytes of salt ‖ RFC
8785 form`` (``seal_account``), and ``open_account`` reads such bytes again and takes nothing but
the canonical form, so that one account has one commitment a salt.

::

    {"type": "jp", "bank": "0001", "bank_name": "ﾐｽﾞﾎ", "branch": "001", "branch_name": "ﾄｳｷﾖｳ",
     "kind": "1", "number": "1234567", "holder": "ｶ)ﾘﾖｸﾕｳｺｳﾂｳ"}
    {"type": "iban", "iban": "DE89370400440532013000", "bic": "COBADEFF", "holder": "Genossen eG"}
    {"type": "evm", "address": "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"}

``kind`` is 1 ordinary, 2 current, 4 savings or 9 other. ``bic`` may be empty: within SEPA the IBAN
is enough. Checked is the form and the check digits; that the account exists, and whose it is, only
the bank knows. Bank and branch numbers are not looked up: no list of them comes with kyojo.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from ledger import canonical
from ledger.errors import Fault, KyojoError, MalformedDocument, OutOfRange
from ledger.identity.address import Address, parse_address, to_checksum
from ledger.payout.kana import FILE_SIGNS, NAME_SIGNS, to_zengin

SALT_BYTES: Final = 32
NAME_MAX: Final = 15
HOLDER_MAX: Final = 80

AccountKind = Literal["1", "2", "4", "9"]

BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
# Control characters, and those that hide or turn around what follows.
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")

# ISO 13616: the length of an IBAN by country, from SWIFT's IBAN registry.
_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24
DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27
GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20
LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24
PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25
SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
IBAN_LENGTHS: Final[Mapping[str, int]] = {each[:2]: int(each[2:]) for each in _LENGTHS.split()}


@dataclass(frozen=True, slots=True)
class JapaneseAccount:
    """An account at a bank in Japan; names are half-width kana, codes and number are digits."""

    bank: str
    bank_name: str
    branch: str
    branch_name: str
    kind: AccountKind
    number: str
    holder: str


@dataclass(frozen=True, slots=True)
class IbanAccount:
    """An account with an IBAN; ``bic`` may be empty."""

    iban: str
    bic: str
    holder: str


@dataclass(frozen=True, slots=True)
class EvmAccount:
    """An account on an EVM chain; the address is lower case here, EIP-55 in the document."""

    address: Address


Account = JapaneseAccount | IbanAccount | EvmAccount


def parse_account(document: Any) -> Account:
    """Read a destination as a person wrote it; MalformedDocument lists every fault by pointer."""
    if not isinstance(document, dict):
        raise MalformedDocument("a payout account is a JSON object")
    readers: dict[str, Callable[[_Form], Account]] = {"jp": _japanese, "iban": _iban, "evm": _evm}
    kind = document.get("type")
    reader = readers.get(kind) if isinstance(kind, str) else None
    if reader is None:
        text = f"the type of a payout account is one of {', '.join(readers)}, not {kind!r:.40}"
        raise MalformedDocument(text, faults=(Fault("/type", MalformedDocument.code, text),))
    form = _Form(document)
    account = reader(form)
    form.close()
    return account


def account_document(account: Account) -> dict[str, str]:
    """The canonical document of an account; ``parse_account`` gives the account back."""
    match account:
        case JapaneseAccount():
            names = ("bank", "bank_name", "branch", "branch_name", "kind", "number", "holder")
            return {"type": "jp", **{name: getattr(account, name) for name in names}}
        case IbanAccount():
            found = {"type": "iban", "iban": account.iban, "holder": account.holder}
            return {**found, "bic": account.bic}
        case EvmAccount():
            return {"type": "evm", "address": to_checksum(account.address)}


def seal_account(account: Account, salt: bytes) -> bytes:
    """Salt (32 random bytes) and canonical document: the bytes whose hash the log holds."""
    if len(salt) != SALT_BYTES:
        raise OutOfRange(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return salt + canonical.encode(account_document(account))


def open_account(blob: bytes) -> Account:
    """Read what ``seal_account`` wrote; MalformedDocument for anything but the canonical form."""
    if len(blob) <= SALT_BYTES:
        raise MalformedDocument("a sealed payout account is 32 bytes of salt and its document")
    content = blob[SALT_BYTES:]
    account = parse_account(canonical.parse_canonical(content, what="the payout account"))
    if canonical.encode(account_document(account)) != content:
        raise MalformedDocument("the sealed payout account is not in its canonical form")
    return account


def hint_of(account: Account) -> str:
    """What may be shown of an account to those who may not read it: its last four letters."""
    match account:
        case JapaneseAccount():
            return f"···{account.number[-4:]}"
        case IbanAccount():
            return f"{account.iban[:2]}···{account.iban[-4:]}"
        case EvmAccount():
            return f"0x···{to_checksum(account.address)[-4:]}"


def check_digits(country: str, basic: str) -> str:
    """The two check digits of an IBAN (ISO 7064 MOD 97-10) for a country and the rest of it."""
    return f"{98 - _remainder(basic + country + '00'):02d}"


class _Form:
    """A document read field by field; faults are collected, fields that nobody read among them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._read = {"type"}
        self._faults: list[Fault] = []

    def text(self, name: str, read: Callable[[str], str], *, otherwise: str | None = None) -> str:
        """The field as ``read`` gives it; its errors become faults. Absent: ``otherwise``."""
        self._read.add(name)
        given = self._document.get(name, otherwise)
        if not isinstance(given, str):
            what = "is missing" if given is None else "is not text"
            self._refuse(name, f"{name} {what}")
            return ""
        try:
            return read(given)
        except KyojoError as error:
            for fault in error.faults:
                self._refuse(name, f"{fault.message} ({fault.where})")
            if not error.faults:
                self._refuse(name, error.message)
            return ""

    def close(self) -> None:
        """Raises MalformedDocument if anything was wrong."""
        for name in sorted(str(name) for name in self._document.keys() - self._read):
            self._refuse(name, f"{name[:40]} is no field of this type of account")
        if self._faults:
            text = f"the payout account has {len(self._faults)} fault(s): {self._faults[0].message}"
            raise MalformedDocument(text, faults=tuple(self._faults))

    def _refuse(self, name: str, message: str) -> None:
        self._faults.append(Fault(f"/{name[:40]}", MalformedDocument.code, message))


def _japanese(form: _Form) -> JapaneseAccount:
    found = {
        "bank": form.text("bank", _digits("a bank number", 4)),
        "bank_name": form.text("bank_name", _kana(NAME_MAX)),
        "branch": form.text("branch", _digits("a branch number", 3)),
        "branch_name": form.text("branch_name", _kana(NAME_MAX)),
        "number": form.text("number", _account_number),
        "holder": form.text("holder", _kana(HOLDER_MAX)),
    }
    return JapaneseAccount(**found, kind=form.text("kind", _account_kind))  # type: ignore[arg-type]


def _iban(form: _Form) -> IbanAccount:
    return IbanAccount(
        iban=form.text("iban", parse_iban),
        bic=form.text("bic", _bic, otherwise=""),
        holder=form.text("holder", _holder),
    )


def _evm(form: _Form) -> EvmAccount:
    return EvmAccount(Address(form.text("address", parse_address)))


def parse_iban(text: str) -> str:
    """An IBAN without spaces, in capitals.

    Raises OutOfRange if its country, length or check digits are wrong.
    """
    iban = text.replace(" ", "").upper()
    if re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{4,30}", iban) is None:
        raise OutOfRange(f"{text[:40]!r} is not an IBAN")
    length = IBAN_LENGTHS.get(iban[:2])
    if length is None:
        raise OutOfRange(f"{iban[:2]} is no country of the IBAN registry that is known here")
    if len(iban) != length:
        raise OutOfRange(f"an IBAN of {iban[:2]} has {length} characters, this one {len(iban)}")
    if check_digits(iban[:2], iban[4:]) != iban[2:4]:
        raise OutOfRange(f"the check digits of {iban[:4]}… are wrong: a letter was mistyped")
    return iban


def _remainder(text: str) -> int:
    """ISO 7064 MOD 97-10: letters count as 10 to 35."""
    return int("".join(str(int(letter, 36)) for letter in text)) % 97


def _bic(text: str) -> str:
    bic = text.strip().upper()
    if bic and BIC.fullmatch(bic) is None:
        raise OutOfRange(f"{text[:20]!r} is not a BIC of 8 or 11 characters")
    return bic


def _holder(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= HOLDER_MAX or _UNREADABLE.search(name):
        raise OutOfRange(f"the holder's name has 1 to {HOLDER_MAX} readable characters")
    return name


def _digits(what: str, size: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if re.fullmatch(f"[0-9]{{{size}}}", text) is None or not text.strip("0"):
            raise OutOfRange(f"{text[:20]!r} is not {what}: {size} digits, not all 0")
        return text

    return read


def _account_number(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,7}", text) is None or not text.strip("0"):
        raise OutOfRange(f"{text[:20]!r} is not an account number: up to 7 digits, not all 0")
    return text.zfill(7)


def _account_kind(text: str) -> str:
    if text not in get_args(AccountKind):
        raise OutOfRange(
            f"{text[:20]!r} is no kind of account: 1 ordinary, 2 current, 4 savings, 9 other"
        )
    return text


def _kana(size: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        name = to_zengin(text).text
        if not 1 <= len(name) <= size:
            raise OutOfRange(f"{name[:40]!r} has {len(name)} letters in half width, 1 to {size}")
        if not any(letter not in FILE_SIGNS for letter in name):
            raise OutOfRange(f"{name[:40]!r} is no name: it has signs only ({NAME_SIGNS.strip()})")
        return name

    return read
