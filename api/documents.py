"""The documents that a settlement leaves, as the OpenAPI describes them.

Routes answer with the very documents that were signed or proved, and these models say what is in
them; nothing is read or written through them, so that no byte of a document can change here.
Numbers that a double does not hold exactly stand as texts (RULES.md section 9).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[
    int | str, Field(description="An integer; as text where it is beyond ±(2**53 − 1).")
]
Amounts = dict[str, Number]
Fraction = Annotated[str, Field(description="An integer, or numerator/denominator.")]
Hex = Annotated[str, Field(description="32 bytes in lower-case hex.", pattern=r"^[0-9a-f]{64}$")]
Names = dict[str, str]


class Part(BaseModel):
    """The base of a document and of what stands in it: nothing unnamed."""

    model_config = ConfigDict(extra="forbid")


class BlobName(Part):
    """A blob by its hash and length."""

    sha256: Hex
    bytes: int


class Rounding(Part):
    """How a division was rounded."""

    method: str
    tie_break: list[str]


class OddUnits(Part):
    """Where the odd units stopped: remainders below the one got none, above the other got one."""

    unserved_below: Fraction
    served_above: Fraction


class DivisionPart(Part):
    """A part's fraction of its step, and the sum of its weights."""

    part: str
    fraction: Fraction
    weight_total: Fraction


class DivisionFigures(Part):
    """What is public of a division."""

    weight_total: Fraction
    denominator: Number
    commitment: Hex
    rounding: Rounding
    extra_units: int
    cut_off: OddUnits | None
    parts: list[DivisionPart]


class StepFigures(Part):
    """What a step took from its pool."""

    step: str
    kind: str
    source: str
    available: Number
    taken: Number
    left: Number
    notes: list[str]


class SettlementStep(StepFigures):
    """A step of a settlement."""

    fund: str | None
    division: DivisionFigures | None


class PublicTotals(Part):
    """What a settlement adds up to, without any member's figure."""

    paid_to_members: Number
    paid_to_suspense: Number
    charged_to_members: Number
    funds: Amounts
    projects: Amounts
    pools_left: Amounts
    carry: Amounts
    in_: Number = Field(alias="in")
    out: Number


class SettlementDocument(Part):
    """A settlement as members approved it; its SHA-256 in RFC 8785 form is its id."""

    kyojo_settlement: int
    period: str
    as_of_index: int = Field(description="Entries below this index count.")
    log_root: Hex
    state_hash: Hex
    ruleset: str
    version: int
    rule_hash: Hex
    inputs_hash: Hex
    lines: BlobName
    currency: str
    minor_digits: int
    member_count: int
    account_count: int
    pools: Amounts
    steps: list[SettlementStep]
    totals: PublicTotals
    seed_commitment: Hex
    weights_root: Hex
    amounts_root: Hex
    charges_root: Hex | None


class ResultLine(Part):
    """One member's amount, or weight, in one step."""

    step: str
    part: str | None
    member: str
    weight: Fraction
    share: Fraction
    exact: Fraction
    amount_minor: Number | None


class ResultTotals(Part):
    """What the lines add up to."""

    members: Amounts
    funds: Amounts
    projects: Amounts
    pools_left: Amounts
    carry: Amounts
    in_: Number = Field(alias="in")
    out: Number
    owed: dict[str, Amounts] | None = None


class ResultDocument(Part):
    """All lines of a settlement."""

    kyojo_result: int
    ruleset: str
    version: int
    rule_hash: Hex
    inputs_hash: Hex
    currency: str
    steps: list[StepFigures]
    lines: list[ResultLine]
    totals: ResultTotals


class Sibling(Part):
    """A node beside the way to a sum tree's root."""

    hash: Hex
    sum: Number


class SumProof(Part):
    """A member's salt and way in a sum tree."""

    salt: Hex
    siblings: list[Sibling]


class Source(Part):
    """A figure behind a weight: where it stands, and what it is."""

    where: str
    value: Fraction


class OwnPart(Part):
    """A member's weight in one part of a step."""

    part: str
    label: Names
    sources: list[Source]


class OwnStep(Part):
    """How a member came to its amount in a step."""

    step: str
    label: Names
    takes_part: bool
    weight_units: Number
    quotient: Number
    remainder: Number
    extra: int
    rank: int | None
    amount_minor: Number
    sources: list[Source]
    parts: list[OwnPart]
    proof: SumProof


class OwnSum(Part):
    """A member's sum, and the proof that it is part of the whole."""

    total_minor: Number
    proof: SumProof


class Limit(Part):
    """What the statement does not show."""

    en: str
    ja: str


class StatementLines(Part):
    """A member's lines of a settlement, each down to its inputs."""

    kyojo_statement: int
    settlement_id: Hex
    settlement: SettlementDocument
    member: str
    leaf_index: int
    lines: list[ResultLine]
    steps: list[OwnStep]
    amounts: OwnSum
    charges: OwnSum | None
    net_minor: Number
    limits: list[Limit]


class EntryProof(Part):
    """An entry, its place, and its inclusion proof, leaf sibling first."""

    index: int
    entry: str = Field(description="The entry's bytes, which are UTF-8.")
    hashes: list[Hex]


class SettlementProof(EntryProof):
    """The entry that proposed the settlement, under a signed checkpoint."""

    checkpoint: str


class OwnBatch(EntryProof):
    """A usage batch of the member, with the totals that it signed."""

    count: int
    root: Hex
    salt: Hex
    totals: list[list[str | int]] = Field(
        description="Rows of period, facility, name, currency and amount."
    )


class OwnUsage(Part):
    """What the member's batches add up to."""

    batches: list[OwnBatch]
    totals: list[list[str | int]] = Field(description="Rows of facility, name, currency, amount.")


class OwnReport(Part):
    """The entries behind an input of the settlement."""

    where: str
    entries: list[int]


class RepaidPart(Part):
    """What a charge step gives back of a cost that the member bore."""

    step: str
    amount_minor: Number


class PostedPart(Part):
    """What a correction or an ended dispute settles with the period."""

    kind: str = Field(examples=["correction", "dispute"])
    id: Hex
    amount_minor: Number


class HeldPart(Part):
    """What a dispute keeps back, and the later period that gave it back."""

    dispute: Hex
    amount_minor: Number
    posted_in: str | None


class PayablePart(Part):
    """What is payable of the period; all but the net is what the state says at ``size``."""

    size: int
    state_hash: Hex
    status: str
    net_minor: Number
    repaid: list[RepaidPart]
    posted: list[PostedPart]
    held: list[HeldPart]
    offset_minor: Number
    owing_minor: Number
    payable_minor: Number
    limits: list[Limit]


class CorrectionSums(Part):
    """What a correction moves, without any member's figure."""

    in_: Number = Field(alias="in", description="What came in since.")
    raised: Number
    lowered: Number
    suspense: Number
    funds: Amounts
    projects: Amounts
    charged: Amounts
    pools_left: Amounts
    carry: Amounts


class CorrectedPeriod(CorrectionSums):
    """A settled period that was run again."""

    period: str
    correction_of: Hex = Field(description="The settlement or correction it replaces.")
    ruleset: str
    version: int
    rule_hash: Hex
    inputs_hash: Hex
    style: str


class CorrectionDocument(Part):
    """A correction as members approve it; its SHA-256 in RFC 8785 form is its id."""

    kyojo_correction: int
    posted_in: str
    currency: str
    minor_digits: int
    periods: list[CorrectedPeriod]
    account_count: int
    totals: CorrectionSums
    rows: BlobName
    seed_commitment: Hex
    raised_root: Hex
    lowered_root: Hex


class CorrectionRow(Part):
    """A row in the words of FOCUS."""

    member: str
    period: str
    charge_class: str
    role: str
    amount_minor: Number
    correction_of: Hex


class CorrectionPart(Part):
    """A member's rows, and the proofs of what they come to."""

    kyojo_correction_statement: int
    correction_id: Hex
    correction: CorrectionDocument
    member: str
    leaf_index: int
    rows: list[CorrectionRow]
    net_minor: Number
    raised: OwnSum
    lowered: OwnSum


class FollowedPart(Part):
    """A correction that came later: the member's part of it, and the entry that proposed it."""

    statement: CorrectionPart
    proof: EntryProof


class StatementDocument(Part):
    """A member's statement, tied to the log."""

    kyojo_member_statement: int
    origin: str
    genesis: Hex
    member: str
    statement: StatementLines
    usage: OwnUsage
    reports: list[OwnReport]
    proof: SettlementProof
    anchors: list[dict[str, Any]]
    names: dict[str, Any] = Field(description="Words for a page; nothing rests on them.")
    payable: PayablePart | None = Field(
        default=None, description="Left out where the lines are all that is settled."
    )
    corrections: list[FollowedPart] | None = Field(
        default=None, description="Left out where the period was not corrected; oldest first."
    )


class CorrectionStatementDocument(Part):
    """A member's part of a correction, tied to the log."""

    kyojo_member_correction: int
    origin: str
    genesis: Hex
    member: str
    statement: CorrectionPart
    proof: SettlementProof
    names: dict[str, Any] = Field(description="Words for a page; nothing rests on them.")
    payable: PayablePart | None = Field(
        default=None,
        description="For whom the month's settlement gives nothing, such as a firm that has left.",
    )


class DisclosedRecordPart(Part):
    """A record, byte for byte as it was sent, with what ties it to its batch."""

    number: int
    line: str
    salt: Hex
    path: list[Hex]


class BatchProofPart(Part):
    """Records of one batch, the batch's entry, and that entry's own proof."""

    entry: str
    tlog_proof: str
    records: list[DisclosedRecordPart]


class RecordProofDocument(Part):
    """Proofs of chosen records; see docs/proofs.md."""

    format: str = Field(examples=["kyojo-record-proof/1"])
    origin: str
    genesis: Hex
    batches: list[BatchProofPart]
