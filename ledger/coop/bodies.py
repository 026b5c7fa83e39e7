"""The body of each kind of entry, as pydantic models: outside data becomes ours here.

Models are strict (no conversion of types) and refuse unknown fields. Hashes are 64 lower-case
hex digits; amounts are whole minor units; a ``BlobRef`` names larger bytes kept beside the log.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from ledger.errors import Fault, MalformedEntry
from ledger.money import AMOUNT_MAX

MEMBER_ID = r"^[a-z0-9][a-z0-9_-]{0,63}$"
NAME_ID = r"^[a-z][a-z0-9_]{0,63}$"
RESERVED = ("suspense",)
NOTHING: Final = -1  # no entry is replaced: entries count from 0

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
AddressText = Annotated[str, Field(pattern=r"^0x[0-9a-f]{40}$")]
SignatureText = Annotated[str, Field(pattern=r"^0x[0-9a-f]{130}$")]
MemberName = Annotated[str, Field(pattern=MEMBER_ID)]
FacilityName = Annotated[str, Field(pattern=r"^[^+\s\x00-\x1f\x7f]{1,64}$")]
Word = Annotated[str, Field(pattern=NAME_ID)]
# A count or a largest value of a metric is named after it: ``count.trips``, ``max.peak_w``.
FigureName = Annotated[str, Field(pattern=r"^([a-z]{1,8}\.)?[a-z][a-z0-9_]{0,63}$")]
Month = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
Instant = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$")
]
Date = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
PositiveMinor = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
Count = Annotated[int, Field(ge=0, le=AMOUNT_MAX)]
# Words that people read: no control characters, and none that hide or turn around what follows.
# Ranges, not classes of Unicode: a verdict must not change with the tables of a later version.
READABLE = (
    r"^[^\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*$"
)
ShortText = Annotated[str, Field(max_length=200, pattern=READABLE)]
Label = Annotated[str, Field(min_length=1, max_length=120, pattern=READABLE)]
Role = Literal["member", "operator", "auditor", "municipality"]
MoneyOrigin = Literal["member", "other", "public"]


class Body(BaseModel):
    """The base of all bodies."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class BlobRef(Body):
    """Bytes beside the log: their SHA-256 and their number."""

    sha256: Hash
    bytes: Annotated[int, Field(ge=1, le=2**40)]


NO_BLOB: Final = BlobRef.model_construct(sha256="", bytes=0)


class LocalName(Body):
    """A name in both languages of the co-op's documents."""

    ja: Label
    en: Label


class NewKey(Body):
    """A key and its signature over ``Possession``, which shows that its holder has it."""

    address: AddressText
    possession: SignatureText


class MemberAdmitted(Body):
    """A member asks, or is proposed, to be admitted."""

    id: MemberName
    name: LocalName
    roles: Annotated[list[Role], Field(min_length=1, max_length=4)]
    keys: Annotated[list[NewKey], Field(min_length=1, max_length=16)]


class MemberLeft(Body):
    """A member leaves; its keys stop counting, its history stays."""

    member: MemberName
    reason: ShortText


class KeyAdded(Body):
    """A further key of a member: one key per submitting system."""

    member: MemberName
    key: NewKey
    label: ShortText


class KeyRevoked(Body):
    """A key that must no longer be accepted; its counter survives."""

    key: AddressText
    reason: ShortText


class FacilityRegistered(Body):
    """Shared infrastructure whose usage is recorded."""

    id: FacilityName
    name: LocalName
    owner: MemberName | None


class FundingReported(Body):
    """Capital that a member put into an asset; it weighs in ``capital`` keys.

    ``id`` names the contribution, so that the same one is never counted twice.
    """

    asset: Word
    id: Word
    member: MemberName
    amount_minor: PositiveMinor
    currency: Currency
    origin: MoneyOrigin


class BatchSource(Body):
    """How the records were made from a foreign file, so that losses can be looked up."""

    format: ShortText
    format_version: ShortText
    map_version: ShortText
    map_hash: Hash


class UsageBatch(Body):
    """Signed commitments to many records; ``account`` is ``suspense`` for usage of nobody known."""

    count: Annotated[int, Field(ge=1, le=10_000)]
    root: Hash
    totals: BlobRef
    account: Literal["own", "suspense"]
    custody: Literal["ledger"]
    source: BatchSource | None


class RecordsErased(Body):
    """Records whose lines and salts are destroyed: a batch by its entry index, records from 0.

    The reason stays in the log for good; it must not say again what is erased.
    """

    batch: Count
    records: Annotated[
        list[Annotated[int, Field(ge=0, lt=10_000)]], Field(min_length=1, max_length=10_000)
    ]
    reason: ShortText


class UsageConfirmed(Body):
    """A member states, before the cut-off, what it has submitted for a period."""

    period: Month
    batches: Count
    records: Count


class Replacing(Body):
    """A report that may take the place of one that is confirmed already, by its entry's index.

    Left out where nothing is replaced, so that earlier entries and states keep their bytes.
    """

    replaces: Count = NOTHING

    @model_serializer(mode="wrap")
    def _without_nothing(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = handler(self)
        if self.replaces == NOTHING:
            del found["replaces"]
        return found


class RevenueReported(Replacing):
    """Money that came in for a period from outside the metered charges; 0 says that none did."""

    period: Month
    id: Word
    amount_minor: Count
    currency: Currency
    origin: MoneyOrigin


class CostReported(Replacing):
    """A cost of a period and the member who bore it."""

    period: Month
    id: Word
    member: MemberName
    amount_minor: PositiveMinor
    currency: Currency


class KpiReported(Replacing):
    """A reading of a KPI for a period: of a member, or of the whole town (``_``)."""

    period: Month
    id: FigureName
    member: Annotated[str, Field(pattern=r"^(_|[a-z0-9][a-z0-9_-]{0,63})$")]
    value: Annotated[int, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
    scale: PositiveMinor
    evidence_hash: Hash | None


class FiguresReported(Replacing):
    """Figures for one name in a section of a run's inputs, as a blob.

    ``payments`` have no names: their ``id`` says what was paid for, and counts for nothing else.
    """

    period: Month
    section: Literal["matrices", "payments", "games", "ballots", "totals"]
    id: FigureName
    figures: BlobRef


class RulesetProposed(Body):
    """A rule set to be adopted; the text is a blob, the hash that of its parsed document."""

    ruleset: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    effective_from: Date
    rule_hash: Hash
    text: BlobRef


class Decision(Body):
    """A vote of one member on one subject, in words that the ledger derives itself."""

    action: Literal["approve", "reject", "abstain"]
    subject: Annotated[str, Field(min_length=1, max_length=500)]
    subject_hash: Hash
    comment: Annotated[str, Field(max_length=500, pattern=READABLE)]


class ProposalWithdrawn(Body):
    """Whoever made a proposal takes it back while it is still open."""

    subject_hash: Hash
    reason: ShortText


class PeriodOpened(Body):
    """A month opens; its two instants are fixed here for good."""

    period: Month
    start: Instant
    end: Instant


class PeriodClosing(Body):
    """The grace time of a month begins."""

    period: Month


class PeriodClosed(Body):
    """The cut-off: entries below this entry's own index count for the settlement."""

    period: Month


class SettlementProposed(Body):
    """A settlement and the blobs from which it follows; ``apply`` computes it again."""

    settlement: dict[str, Any]
    inputs: BlobRef
    lines: BlobRef
    seed: BlobRef


class SettlementSettled(Body):
    """An approved settlement takes effect: balances move, the period is done."""

    period: Month
    settlement_id: Hash


# A line of a settlement: a step's id and an account.
LineId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}/[a-z0-9][a-z0-9_-]{0,63}$")]


class Claim(Body):
    """What a figure of a settlement's inputs should be: ``totals/trips/bus`` or ``revenue/fares``.

    Metered totals, costs, funding and readings have a member (readings also ``_``, the whole
    town), revenue has none; ``claimed`` lists the places. A reading is claimed in its own scale.
    """

    where: Annotated[
        str,
        Field(
            pattern=r"^(revenue/[a-z][a-z0-9_]{0,63}"
            r"|(totals|costs|funding)/[a-z][a-z0-9_.]{0,72}/[a-z0-9][a-z0-9_-]{0,63}"
            r"|kpis/[a-z][a-z0-9_.]{0,72}/(_|[a-z0-9][a-z0-9_-]{0,63})"
            r"|payments/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
            r"|matrices/[a-z][a-z0-9_.]{0,72}/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
            r"/[a-z0-9][a-z0-9_-]{0,63})$"
        ),
    ]
    value: Annotated[int, Field(ge=0, le=AMOUNT_MAX)]


class DisputeOpened(Body):
    """A member disputes a settlement: which of its lines, and what its inputs should be."""

    period: Month
    settlement_id: Hash
    line_ids: Annotated[list[LineId], Field(min_length=1, max_length=64)]
    claims: Annotated[list[Claim], Field(min_length=1, max_length=8)]
    reason: ShortText
    evidence_hash: Hash | None


class DisputeAnswered(Body):
    """Somebody else answers a dispute, before it is decided."""

    dispute: Hash
    answer: Annotated[str, Field(min_length=1, max_length=2000, pattern=READABLE)]
    evidence_hash: Hash | None


class DisputeWithdrawn(Body):
    """The member that opened a dispute takes it back."""

    dispute: Hash
    reason: ShortText


class CorrectionProposed(Body):
    """What late usage changes in settled periods; ``apply`` runs these again."""

    correction: dict[str, Any]
    rows: BlobRef
    seed: BlobRef


Vkey = Annotated[str, Field(min_length=1, max_length=4000)]


class LogKeyAdded(Body):
    """A further key of the log; ``possession`` is a note that it has signed (``logkeys``)."""

    vkey: Vkey
    possession: Annotated[str, Field(max_length=8000)]


class LogKeyRetired(Body):
    """A key with which the log signs no more."""

    vkey: Vkey
    reason: ShortText


class AnchorRecorded(Body):
    """A checkpoint stands on a chain; the evidence blob proves it from a block hash alone."""

    size: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    root: Hash
    chain_id: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    contract: AddressText
    transaction: Hash
    block_number: Count
    block_hash: Hash
    evidence: BlobRef


class SuccessorContract(Body):
    """A contract that is to witness the log, by its place and the keccak256 of its code."""

    chain_id: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    contract: AddressText
    code_hash: Hash


class AnchorSuccessorNamed(Body):
    """The contract that anchors go to instead of ``contract``, once the members agree."""

    chain_id: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    contract: AddressText
    successor: SuccessorContract
    reason: ShortText


BodyT = TypeVar("BodyT", bound=Body)


def faults_of(error: ValidationError) -> tuple[Fault, ...]:
    """What a model found wrong, each with a JSON pointer."""
    return tuple(
        Fault("/" + "/".join(str(part) for part in found["loc"]), found["type"], found["msg"])
        for found in error.errors(include_url=False)
    )


def parse_body(model: type[BodyT], document: dict[str, Any]) -> BodyT:
    """Read a body; raises MalformedEntry with a JSON pointer for every fault."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = faults_of(error)
        first = f"{faults[0].where}: {faults[0].message}"
        raise MalformedEntry(
            f"the body is not a {model.__name__}: {first}", faults=faults
        ) from error
