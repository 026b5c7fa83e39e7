"""What the API answers with; requests of entries are signed documents with models of their own."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from api.documents import CorrectionDocument
from ledger.coop.bodies import Month
from ledger.coop.logkeys import in_force
from ledger.coop.state import Period, Proposal
from ledger.coop.successors import current_targets
from ledger.log.merkle import leaf_hash
from ledger.service.read import Overview
from ledger.store.sequencer import Receipt


class CoopSummary(BaseModel):
    """A co-op of this installation."""

    slug: str = Field(examples=["kaga"])
    origin: str = Field(examples=["ledger.example.jp/kaga"])


class CoopModel(BaseModel):
    """What everybody may know of a co-op."""

    slug: str
    origin: str
    name: dict[str, str]
    genesis: str = Field(description="Leaf hash of entry 0, hex.")
    size: int = Field(description="Entries in the log.")
    root: str = Field(description="Root of the log, hex.")
    time_zone: str = Field(examples=["Asia/Tokyo"])
    currencies: dict[str, int] = Field(description="Currency code → decimal digits.")
    decided_by: str
    log_keys: list[str]
    anchors: list[dict[str, Any]]
    vocabulary: dict[str, Any]
    facilities: list[str]

    @classmethod
    def of(cls, slug: str, found: Overview) -> Self:
        """From the state and head of one moment."""
        terms = found.state.terms()
        return cls(
            slug=slug,
            origin=terms.origin,
            name=terms.name.model_dump(),
            genesis=found.state.genesis,
            size=found.head.size,
            root=found.head.root.hex(),
            time_zone=terms.time_zone,
            currencies={currency.code: currency.digits for currency in terms.currencies},
            decided_by=terms.period.decided_by,
            log_keys=list(in_force(found.state.log_keys)),
            anchors=[target.model_dump() for target in current_targets(found.state)],
            vocabulary=terms.vocabulary.model_dump(),
            facilities=sorted(found.state.facilities),
        )


class KeyModel(BaseModel):
    """A key and where its counter stands."""

    address: str
    member: str
    sequence: int = Field(description="The number that the key's next entry must carry.")
    revoked: bool


class EvidenceModel(BaseModel):
    """An entry with its inclusion proof under a checkpoint."""

    index: int
    entry: str
    hashes: list[str]
    checkpoint: str


class LogKeyModel(BaseModel):
    """A key of the log, and what shows its beginning and its end.

    The checkpoint of each is signed by the keys before the change and those after it.
    """

    vkey: str
    announcement: EvidenceModel | None = Field(description="None for a founding key.")
    retirement: EvidenceModel | None = Field(description="None while it signs.")


class MemberModel(BaseModel):
    """A member, for members."""

    id: str
    name: dict[str, str]
    roles: list[str]
    joined: str
    left: str | None


class ReceiptModel(BaseModel):
    """The answer to a write: the entry's place and the proof that it is there.

    ``status`` is ``signed``: the checkpoint carries the log's signature. Witnessed, anchored and
    final follow; ``GET /v1/{coop}/shown?index=…`` says how far the entry has come.
    """

    index: int
    leaf: str = Field(description="Leaf hash of the entry, hex.")
    entry: str = Field(description="The entry's bytes, base64.")
    size: int = Field(description="The size of the tree of checkpoint and proof.")
    checkpoint: str = Field(description="The signed checkpoint, verbatim.")
    proof: list[str] = Field(description="Inclusion proof, leaf sibling first, hex.")
    late: list[str] = Field(description="Closed periods for which usage came late.")
    status: str = Field(examples=["signed"])
    is_new: bool = Field(description="False when the very same entry was there already.")

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        """From the sequencer's receipt."""
        return cls(
            index=receipt.index,
            leaf=leaf_hash(receipt.entry).hex(),
            entry=base64.b64encode(receipt.entry).decode(),
            size=receipt.size,
            checkpoint=receipt.note.decode(),
            proof=[step.hex() for step in receipt.proof],
            late=list(receipt.late),
            status="signed",
            is_new=receipt.is_new,
        )


class EntryRow(BaseModel):
    """What the index keeps about an entry."""

    index: int
    kind: str
    actor: str
    member: str | None
    period: str | None
    amount_minor: int | None
    currency: str | None
    late: str | None
    received_at: str = Field(examples=["2026-10-05T08:00:00.000Z"])


class EntryModel(BaseModel):
    """An entry of the log, as JSON and as the bytes that were hashed."""

    index: int
    leaf: str
    entry: str = Field(description="The entry's bytes, base64.")
    document: dict[str, Any]


class ProofModel(BaseModel):
    """An inclusion proof of an entry under the newest checkpoint."""

    index: int
    size: int
    checkpoint: str
    proof: list[str]


class PeriodModel(BaseModel):
    """A period and where it stands."""

    id: str = Field(examples=["2026-10"])
    start: str = Field(examples=["2026-09-30T15:00:00.000Z"])
    end: str = Field(examples=["2026-10-31T15:00:00.000Z"])
    status: str = Field(examples=["open"])
    settlement: str | None = Field(description="Settlement id, hex.")
    cut_off: int | None = Field(description="Entries below this index count.")
    rule_hash: str | None
    unconfirmed: list[str] | None = Field(
        description="Members that did not confirm their usage; null for all but members."
    )
    batches: int | None = Field(description="Null for all but members while the month is open.")
    records: int | None = Field(description="Null for all but members while the month is open.")
    corrected_by: str | None = Field(description="Id of the newest correction of this month.")
    posted: list[str] = Field(description="Ids of corrections that are settled with this month.")

    @classmethod
    def of(cls, period: Period, *, for_member: bool) -> Self:
        """From the state's period, with the names of members only ``for_member``.

        Counts that grow while members submit would show strangers who sent how much and when.
        """
        cut = period.cut_off
        counts = period.usage.values() if for_member or cut is not None else None
        return cls(
            id=period.id,
            start=period.start,
            end=period.end,
            status=period.status,
            settlement=period.settlement,
            cut_off=cut.index if cut else None,
            rule_hash=cut.rule_hash if cut else None,
            unconfirmed=(list(cut.unconfirmed) if cut else []) if for_member else None,
            batches=None if counts is None else sum(usage.batches for usage in counts),
            records=None if counts is None else sum(usage.records for usage in counts),
            corrected_by=period.run.id if period.is_corrected and period.run else None,
            posted=list(period.posted),
        )


class BlocModel(BaseModel):
    """Members so many of whom must approve as well."""

    electorate: list[str]
    needed: int


class ProposalModel(BaseModel):
    """Something that waits for decisions."""

    subject_hash: str
    kind: str
    subject: str = Field(description="The words that a decision must repeat.")
    index: int
    proposer: str
    electorate: list[str]
    needed: int
    besides: list[BlocModel] = Field(
        description="Who must approve as well, whatever the electorate does: of a changed right."
    )
    approvals: list[str]
    rejections: list[str]
    abstentions: list[str]

    @classmethod
    def of(cls, subject_hash: str, found: Proposal) -> Self:
        """From the state's proposal."""
        return cls(
            subject_hash=subject_hash,
            kind=found.kind,
            subject=found.subject,
            index=found.index,
            proposer=found.proposer,
            electorate=list(found.electorate),
            needed=found.needed,
            besides=[
                BlocModel(electorate=list(one.electorate), needed=one.needed)
                for one in found.besides
            ],
            approvals=list(found.approvals),
            rejections=list(found.rejections),
            abstentions=list(found.abstentions),
        )


class TotalModel(BaseModel):
    """One total of a period."""

    account: str = Field(examples=["bus"])
    facility: str = Field(examples=["hub-1"])
    name: str = Field(examples=["trips"], description="A metric, or charge.<kind>.")
    currency: str = Field(examples=[""], description="Empty for a metric.")
    amount: int = Field(description="What counts for the period's settlement.")
    late: int = Field(description="What came after the cut-off and is in no settlement yet.")


class OwnUsageModel(BaseModel):
    """What a member has submitted for a period."""

    batches: int
    records: int
    confirmed: bool = Field(description="Whether the member has confirmed just this.")
    totals: list[tuple[str, str, str, int]] = Field(
        description="Rows of facility, name, currency and amount, late usage included."
    )


class CorrectionModel(BaseModel):
    """A correction of settled months, and where it stands."""

    id: str = Field(description="SHA-256 of the document's RFC 8785 form, hex.")
    index: int = Field(description="The entry that proposed it; usage below it counts.")
    status: str = Field(examples=["posted"], description="waiting, posted or dropped.")
    document: CorrectionDocument


class DisputeModel(BaseModel):
    """A dispute of a settlement."""

    id: str = Field(description="Also the hash to decide on, while it is open.")
    period: str
    settlement_id: str
    member: str
    line_ids: list[str] = Field(examples=[["share/bus"]])
    figures: list[str] = Field(examples=[["totals/trips/bus"]], description="What is disputed.")
    evidence_hash: str | None
    opened_at: str
    deadline: str = Field(description="When it ends as rejected, if nothing ended it before.")
    state: str = Field(examples=["open"], description="open, answered, upheld, rejected, withdrawn")
    decisions: list[str] = Field(description="Who decided.")
    account: str = Field(description="suspense:dispute:<id>, where it holds money.")
    held_minor: int


class NonceModel(BaseModel):
    """What goes into the sign-in text."""

    nonce: str
    domain: str
    uri: str
    statement: str


_SIGN_IN_EXAMPLE = """\
ledger.example.jp wants you to sign in with your Ethereum account:
0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359

Read the ledger of Kaga Mobility. This signature moves no money and decides nothing.

URI: https://ledger.example.jp/v1/kaga
Version: 1
Chain ID: 1
Nonce: 32891756a1b2c3d4
Issued At: 2026-10-05T08:00:00.000Z
Expiration Time: 2026-10-05T08:05:00.000Z"""


class SignInRequest(BaseModel):
    """A signed EIP-4361 text."""

    message: str = Field(max_length=4096, examples=[_SIGN_IN_EXAMPLE])
    signature: str = Field(pattern=r"^0x[0-9a-f]{130}$", examples=["0x" + "ef" * 65])


class TokenModel(BaseModel):
    """A bearer token."""

    token: str
    member: str
    expires_at: str


class KnownRequest(BaseModel):
    """Record ids to look up, per period."""

    ids: dict[Month, list[Annotated[str, Field(min_length=1, max_length=128)]]] = Field(
        description="Period → record ids of the asking member.",
        examples=[{"2026-10": ["trip-1", "trip-2"]}],
    )


class KnownModel(BaseModel):
    """Which of the ids asked for the member has used already."""

    known: dict[str, list[str]]


class PlacesRequest(BaseModel):
    """Whose records to look for, and from which entry on."""

    payer: str = Field(min_length=1, max_length=128, examples=["card-17"])
    start: int = Field(default=0, ge=0, lt=2**53, examples=[0])


class PlaceModel(BaseModel):
    """Records of one batch."""

    batch: int = Field(description="Entry index of the batch.")
    records: list[int] = Field(description="Their numbers in the batch, from 0.")


class PlacesModel(BaseModel):
    """Where the asking member's own records of a payer stand, in one stretch of the log."""

    found: list[PlaceModel]
    next: int | None = Field(description="The entry to go on from; null at the end.")
    size: int = Field(description="Entries in the log.")


class AnchorModel(BaseModel):
    """The newest anchor and how far it is shown."""

    size: int
    root: str
    state: str = Field(description="queued, sent, mined, safe, final, reorged")
    chain_id: int
    contract: str
    transaction: str
    block_number: int | None
    block_hash: str | None
    recorded_at: int | None = Field(description="Index of the entry that records it.")


class HealthModel(BaseModel):
    """Whether the server can answer."""

    status: str
    version: str
    coops: list[str]


class TroubleModel(BaseModel):
    """What went wrong with a witness last."""

    code: str = Field(examples=["unreachable"])
    en: str
    ja: str
    since: str | None = Field(description="Since when nothing went right.")


class WitnessModel(BaseModel):
    """Where a witness stands."""

    name: str = Field(description="Its name in the policy.")
    key: str = Field(description="Name and id of its key, as in a vkey.")
    size: int = Field(description="The size that it has acknowledged.")
    behind: int = Field(description="Entries that it has not yet cosigned.")
    answered_at: str | None
    trouble: TroubleModel | None


class WitnessesModel(BaseModel):
    """How far the log is signed and witnessed."""

    size: int = Field(description="Entries that the log has signed.")
    witnessed_size: int | None = Field(
        description="Entries under the newest checkpoint with its quorum; null without one."
    )
    quorum: str | None = Field(description="The policy's quorum; null without a policy.")
    witnesses: list[WitnessModel]


class AnchorStateModel(BaseModel):
    """An anchor as the outbox knows it."""

    size: int
    root: str
    state: str = Field(description="queued, sent, mined, safe, final, reorged")
    chain_id: int
    contract: str
    transaction: str
    block_number: int | None
    recorded_at: int | None = Field(description="Index of the entry that records it.")
    unwitnessed: int = Field(description="Entries not anchored for want of a quorum.")
    note: str = Field(description="What the outbox last noted, such as why it waits.")


class WhyModel(BaseModel):
    """A reason in both languages."""

    en: str
    ja: str


class TargetModel(BaseModel):
    """How far the log is anchored on one contract, and when the next anchor is due."""

    chain_id: int
    contract: str
    final_size: int = Field(description="Entries under the largest final anchor; 0 for none.")
    newest: AnchorStateModel | None
    due: bool
    overdue: bool = Field(description="An entry waits longer than the co-op's settings allow.")
    why: WhyModel
    due_at: str | None
    last_failure: str


class EntryTargetModel(BaseModel):
    """How far an anchor that covers an entry has come on one contract."""

    chain_id: int
    contract: str
    state: str = Field(description="none, or a state of an anchor: queued to final")


class EntryShownModel(BaseModel):
    """How far one entry is shown."""

    index: int
    signed: bool
    witnessed: bool
    targets: list[EntryTargetModel]


class ShownModel(BaseModel):
    """How far the log is signed, witnessed, anchored and final; with an index, an entry too."""

    size: int = Field(description="Entries that the log has signed.")
    witnessed_size: int | None = Field(
        description="Entries under the newest checkpoint with its quorum; null without one."
    )
    targets: list[TargetModel]
    entry: EntryShownModel | None
