"""The charter: entry 0, on which the founders agreed and from which all authority flows.

It names the origin, the time zone, the currencies, the vocabulary, the founding members and
their keys, who may write and approve what, the deadlines, the log's keys and the contracts that
witness the log. Every founding key signs it (EIP-712 ``Charter``), which also shows that its
holder has it. The leaf hash of entry 0 is the co-op's *genesis hash*.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from ledger import canonical
from ledger.coop.bodies import (
    AddressText,
    Body,
    Currency,
    Hash,
    LocalName,
    MemberName,
    Role,
    SignatureText,
    Word,
)
from ledger.errors import MalformedEntry
from ledger.usage.vocabulary import Term, Vocabulary

Threshold = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}(/[1-9][0-9]{0,3})?$")]


class CurrencyTerms(Body):
    """A currency and the number of its decimal digits (JPY 0, CHF 2)."""

    code: Currency
    digits: Annotated[int, Field(ge=0, le=6)]


class PeriodTerms(Body):
    """How months are formed and which deadlines they keep, in whole days and periods."""

    decided_by: Literal["start", "end"]
    grace_days: Annotated[int, Field(ge=0, le=90)]
    objection_days: Annotated[int, Field(ge=0, le=90)]
    lookback_periods: Annotated[int, Field(ge=0, le=120)]


class PayoutTerms(Body):
    """How payouts are made: after how many days a new destination counts."""

    destination_days: Annotated[int, Field(ge=0, le=90)]


class Founder(Body):
    """A founding member with its first keys."""

    id: MemberName
    name: LocalName
    roles: Annotated[list[Role], Field(min_length=1, max_length=4)]
    keys: Annotated[list[AddressText], Field(min_length=1, max_length=16)]


class Quorum(Body):
    """Who votes and how many must agree: ``"2"`` members, or ``"2/3"`` of the electorate."""

    roles: Annotated[list[Role], Field(min_length=1, max_length=4)]
    threshold: Threshold

    @property
    def is_impossible(self) -> bool:
        """Whether more than the whole electorate would have to agree, however large it is."""
        return "/" in self.threshold and Fraction(self.threshold) > 1

    def needed(self, electorate: int) -> int:
        """How many approvals an electorate of this size must give, rounded up."""
        if "/" not in self.threshold:
            return int(self.threshold)
        share = Fraction(self.threshold) * electorate
        return -(-share.numerator // share.denominator)


class Right(Body):
    """Who may write a kind of entry, and whose approval it then needs before it takes effect."""

    write: Annotated[list[Role], Field(min_length=1, max_length=4)]
    approve: Quorum | None


class MetricTerm(Body):
    """A metric of the vocabulary."""

    id: Word
    unit: Literal["m", "s", "Wh", "count", "g", "mL"]
    name: LocalName
    aliases: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=16)
    ]


class ChargeTerm(Body):
    """A kind of charge of the vocabulary."""

    id: Word
    name: LocalName
    aliases: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=16)
    ]


class VocabularyTerms(Body):
    """The co-op's common words."""

    version: Annotated[int, Field(ge=1, le=1_000_000)]
    metrics: Annotated[list[MetricTerm], Field(min_length=1, max_length=64)]
    charges: Annotated[list[ChargeTerm], Field(max_length=64)]

    def vocabulary(self) -> Vocabulary:
        """The terms in the form that usage works with."""
        metrics = {
            t.id: Term(t.id, t.unit, t.name.ja, t.name.en, tuple(t.aliases)) for t in self.metrics
        }
        charges = {
            t.id: Term(t.id, "", t.name.ja, t.name.en, tuple(t.aliases)) for t in self.charges
        }
        return Vocabulary(self.version, metrics, charges)


class AnchorTarget(Body):
    """A contract that witnesses the log."""

    chain_id: Annotated[int, Field(ge=1, le=2**53 - 1)]
    contract: AddressText
    code_hash: Hash


class Readers(Body):
    """Who reads what: entries everyone or members only, the rest the roles that are named."""

    entries: Literal["everyone", "members"]
    totals: list[Role]
    records: list[Role]
    settlements: list[Role]


class Charter(Body):
    """The terms of the co-op."""

    origin: Annotated[
        str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+)*$", max_length=255)
    ]
    name: LocalName
    nonce: Hash
    time_zone: Annotated[str, Field(min_length=1, max_length=64)]
    currencies: Annotated[list[CurrencyTerms], Field(min_length=1, max_length=8)]
    period: PeriodTerms
    members: Annotated[list[Founder], Field(min_length=1, max_length=64)]
    authority: dict[str, Right]
    vocabulary: VocabularyTerms
    readers: Readers
    log_keys: Annotated[
        list[Annotated[str, Field(max_length=4000)]], Field(min_length=1, max_length=4)
    ]
    anchors: Annotated[list[AnchorTarget], Field(max_length=8)]
    payouts: PayoutTerms | None = None

    @field_validator("payouts", mode="before")
    @classmethod
    def _is_given_or_absent(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("leave the field out where there are no such terms")
        return value

    @model_serializer(mode="wrap")
    def _without_absent_terms(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A charter from before there were payouts keeps the hash that its founders signed.
        document: dict[str, Any] = handler(self)
        if self.payouts is None:
            del document["payouts"]
        return document

    @property
    def destination_days(self) -> int:
        """After how many days a new payout destination counts; else as objections are heard."""
        terms = self.payouts
        return self.period.objection_days if terms is None else terms.destination_days

    def digits(self, currency: str) -> int:
        """The decimal digits of a currency of this co-op; raises MalformedEntry for another."""
        for terms in self.currencies:
            if terms.code == currency:
                return terms.digits
        raise MalformedEntry(f"the charter does not know the currency {currency}")

    def hash(self) -> bytes:
        """SHA-256 of the canonical charter: what the founders sign."""
        return canonical.digest(self.model_dump(mode="json"))

    def subject(self) -> str:
        """The charter in one line, as the founders' wallets show it."""
        names = ", ".join(member.id for member in self.members)
        return f"Charter of {self.name.en} ({self.origin}) by {names}"


class FounderSignature(Body):
    """A founding key's signature over ``Charter``."""

    key: AddressText
    signature: SignatureText


class CharterEntry(Body):
    """The body of entry 0."""

    charter: Charter
    signatures: Annotated[list[FounderSignature], Field(min_length=1, max_length=1024)]
