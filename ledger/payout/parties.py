"""Who stands on an invoice, and who may issue one: T numbers, their days, and partnerships.

A business may issue qualified invoices (適格請求書) on the days on which it is registered. A
partnership (任意組合等; a 有限責任事業組合 or LLP is one) has no number of its own: it may issue
only if *every* partner is registered and a notice saying so was filed, and its invoice bears the
name and number of one of them (RULES.md section 11, FORMATS.md section 5).

``standing`` judges; it never raises. These are checks of what the party says of itself, not legal
advice, and the tax office's register is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.errors import Fault, KyojoError, MalformedDocument, OutOfRange
from ledger.identity.registration import parse_registration_number

Form = Literal["corporation", "person", "partnership"]

_READABLE = r"^[^\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$"
Text = Annotated[str, Field(max_length=200, pattern=_READABLE)]
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=_READABLE)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class Shape(BaseModel):
    """The base of the documents here: strict, and without unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Words(Shape):
    """A text in both languages."""

    ja: Name
    en: Name


class Registration(Shape):
    """A T number and the days on which it counts; ``until`` is the first on which it does not."""

    number: Text
    since: Day
    until: Day | None = None

    def covers(self, day: date) -> bool:
        """Whether the number counts on a day."""
        ends = None if self.until is None else date.fromisoformat(self.until)
        return date.fromisoformat(self.since) <= day and (ends is None or day < ends)


class Partner(Shape):
    """One of a partnership's partners; a partner without a registration has None."""

    name: Name
    form: Literal["corporation", "person"]
    registration: Registration | None


class Party(Shape):
    """A side of an invoice.

    ``partners`` and ``notice_filed`` are of a partnership alone; its own registration is None.
    """

    id: Text
    name: Name
    form: Form
    address: Text = ""
    registration: Registration | None = None
    partners: Annotated[list[Partner], Field(max_length=200)] = []
    notice_filed: Day | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is so, in both languages."""

    ja: str
    en: str

    def as_dict(self) -> dict[str, str]:
        """The reason as a JSON object."""
        return {"ja": self.ja, "en": self.en}


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a party may issue on a day, the number to print, and whose number it is."""

    number: str
    holder: str
    reasons: tuple[Reason, ...]

    @property
    def may_issue(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


def parse_party(document: Any) -> Party:
    """Read a party's JSON; MalformedDocument lists every fault, wrong T numbers among them."""
    try:
        party = Party.model_validate(document)
    except ValidationError as error:
        faults = tuple(
            Fault(_pointer(found["loc"]), MalformedDocument.code, found["msg"])
            for found in error.errors(include_url=False)
        )
        raise MalformedDocument(f"a party: {faults[0].message}", faults=faults) from error
    faults = tuple(
        Fault(where, MalformedDocument.code, message) for where, message in _faults_of(party)
    )
    if faults:
        raise MalformedDocument(f"the party {party.name}: {faults[0].message}", faults=faults)
    return party


def standing(party: Party, day: date) -> Standing:
    """Whether a party may issue a qualified invoice on a day, and with which number."""
    if party.form == "partnership":
        return _partnership(party, day)
    if party.registration is None:
        return Standing("", "", (Reason(
            f"{party.name}は適格請求書発行事業者として登録されていません。",
            f"{party.name} is not registered as an issuer of qualified invoices.",
        ),))  # fmt: skip
    if not party.registration.covers(day):
        return Standing("", "", (_not_on(party.name, day),))
    return Standing(party.registration.number, party.name, ())


def _partnership(party: Party, day: date) -> Standing:
    reasons = []
    registered = []
    for partner in party.partners:
        if partner.registration is None:
            reasons.append(Reason(
                f"組合員{partner.name}が適格請求書発行事業者ではありません。",
                f"The partner {partner.name} is not a registered issuer.",
            ))  # fmt: skip
        elif not partner.registration.covers(day):
            reasons.append(_not_on(partner.name, day))
        else:
            registered.append((partner.registration.number, partner.name))
    if party.notice_filed is None or date.fromisoformat(party.notice_filed) > day:
        reasons.append(Reason(
            "組合員の全てが適格請求書発行事業者である旨の届出が、まだ提出されていません。",
            "The notice that every partner is a registered issuer has not been filed by that day.",
        ))  # fmt: skip
    if reasons or not registered:
        return Standing("", "", tuple(reasons))
    return Standing(*registered[0], ())


def _not_on(name: str, day: date) -> Reason:
    return Reason(
        f"{name}の登録は{day.isoformat()}には有効ではありません。",
        f"The registration of {name} does not count on {day.isoformat()}.",
    )


def _faults_of(party: Party) -> list[tuple[str, str]]:
    found = _faults_of_registration(
        party.registration, "", is_corporation=party.form == "corporation"
    )
    if party.form == "partnership":
        if party.registration is not None:
            found.append(("/registration", "a partnership has no number of its own"))
        if not party.partners:
            found.append(("/partners", "a partnership names its partners"))
    elif party.partners or party.notice_filed is not None:
        found.append(("/partners", "only a partnership has partners and a notice"))
    for at, partner in enumerate(party.partners):
        found += _faults_of_registration(
            partner.registration, f"/partners/{at}", is_corporation=partner.form == "corporation"
        )
    return found + _faults_of_day(party.notice_filed, "/notice_filed")


def _faults_of_registration(
    registration: Registration | None, where: str, *, is_corporation: bool
) -> list[tuple[str, str]]:
    if registration is None:
        return []
    place = f"{where}/registration"
    found = _faults_of_day(registration.since, f"{place}/since")
    found += _faults_of_day(registration.until, f"{place}/until")
    try:
        number = parse_registration_number(registration.number, is_corporation=is_corporation)
        if number != registration.number:
            raise OutOfRange(f"write the number as {number}")
    except KyojoError as error:
        found.append((f"{place}/number", error.message))
    return found


def _faults_of_day(day: str | None, where: str) -> list[tuple[str, str]]:
    try:
        date.fromisoformat(day or "2000-01-01")
    except ValueError:
        return [(where, f"{day!r} is no day")]
    return []


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{part}" for part in location)


def party_document(party: Party) -> Mapping[str, Any]:
    """The party as a JSON object; ``parse_party`` gives it back."""
    return party.model_dump(mode="json")
