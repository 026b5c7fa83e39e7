"""A member's part of a correction: its own rows, and the proof of what they come to.

The public document has the sums; the member's net difference is shown to be among those that add up
to them by its leaves in the trees ``raised`` and ``lowered``. ``verify_correction_statement`` needs
nothing but the document that was approved. Rows tell from which months the difference comes and are
not proven one by one; that the runs are right is what every auditor computes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from ledger import canonical
from ledger.errors import (
    InvariantViolated,
    MalformedDocument,
    NotFound,
    NotIncluded,
    OutOfRange,
    SumMismatch,
)
from ledger.rules.models import FormatOne
from ledger.rules.number import integer_json
from ledger.settlement.corrections_of_period import (
    LOWERED,
    RAISED,
    Correction,
    build_sides,
    correction_id,
)
from ledger.settlement.shape import (
    BlobShape,
    Count,
    Hash,
    Integer,
    Positive,
    ProofShape,
    Shape,
    SumShape,
    parse_shape,
)
from ledger.settlement.sumtree import (
    SEED_BYTES,
    SumHead,
    SumNode,
    SumTree,
    derive_salt,
    leaf_node,
    prove_sum,
    verify_sum,
    width_of,
)


class _Sides(Shape):
    in_: Integer = Field(alias="in")
    raised: Integer
    lowered: Integer
    suspense: Integer
    funds: dict[str, Integer]
    projects: dict[str, Integer]
    charged: dict[str, Integer]
    pools_left: dict[str, Integer]
    carry: dict[str, Integer]


class CorrectedPeriodShape(_Sides):
    """What a correction says of one period."""

    period: str
    correction_of: Hash
    ruleset: str
    version: Positive
    rule_hash: Hash
    inputs_hash: Hash
    style: Literal["delta", "ledger"]


class CorrectionShape(Shape):
    """A correction's document."""

    kyojo_correction: FormatOne
    posted_in: str
    currency: str
    minor_digits: Annotated[int, Field(ge=0, le=9)]
    periods: tuple[CorrectedPeriodShape, ...]
    account_count: Positive
    totals: _Sides
    rows: BlobShape
    seed_commitment: Hash
    raised_root: Hash
    lowered_root: Hash


class RowShape(Shape):
    """A row in FOCUS' words."""

    member: str
    period: str
    charge_class: Literal["Correction"]
    role: Literal["delta", "negate", "restate"]
    amount_minor: Integer
    correction_of: Hash


class CorrectionStatementShape(Shape):
    """A member's part of a correction."""

    kyojo_correction_statement: FormatOne
    correction_id: Hash
    correction: dict[str, Any]
    member: str
    leaf_index: Count
    rows: tuple[RowShape, ...]
    net_minor: Integer
    raised: SumShape
    lowered: SumShape


def parse_correction(source: bytes | Mapping[str, Any]) -> CorrectionShape:
    """Read a correction's document; raises MalformedDocument."""
    return parse_shape(source, CorrectionShape, "correction")


def open_correction(document: Mapping[str, Any], rows_blob: bytes, seed: bytes) -> Correction:
    """A correction again from what its entry names; raises InvariantViolated if they differ."""
    content = canonical.parse(rows_blob[SEED_BYTES:], what="the rows of a correction")
    net = dict.fromkeys(content["accounts"], 0)
    for row in content["rows"]:
        net[row["member"]] += int(row["amount_minor"])
    raised, lowered = build_sides(net, seed)
    found = Correction(document, rows_blob, tuple(content["rows"]), net, raised, lowered)
    roots = (raised.commitment.hex(), lowered.commitment.hex())
    if roots != (document["raised_root"], document["lowered_root"]):
        raise InvariantViolated("a correction's rows do not lead to its roots")
    return found


def correction_statement(correction: Correction, seed: bytes, member: str) -> dict[str, Any]:
    """A member's own rows and the proofs of its net difference; raises NotFound."""
    if member not in correction.net:
        raise NotFound(f"{member!r} has no part in this correction")
    index = list(correction.net).index(member)
    return {
        "kyojo_correction_statement": 1,
        "correction_id": correction_id(correction.document).hex(),
        "correction": dict(correction.document),
        "member": member,
        "leaf_index": index,
        "rows": [dict(row) for row in correction.rows if row["member"] == member],
        "net_minor": integer_json(correction.net[member]),
        RAISED: _sum_of(correction.raised, RAISED, seed, index),
        LOWERED: _sum_of(correction.lowered, LOWERED, seed, index),
    }


def verify_correction(document: Mapping[str, Any]) -> CorrectionShape:
    """Check that a correction's document adds up by itself; raises SumMismatch."""
    try:
        public = parse_correction(document)
    except MalformedDocument as error:
        raise SumMismatch(error.message, faults=error.faults) from error
    totals, last = public.totals, public.periods[-1] if public.periods else None
    given = totals.raised - totals.lowered + totals.suspense
    for row in (totals.funds, totals.projects, totals.charged, totals.pools_left):
        given += sum(row.values())
    _require(totals.in_ == given, "what came in and where it went")
    _require(totals.in_ == sum(one.in_ for one in public.periods), "what came in")
    _require(last is not None and totals.pools_left == last.pools_left, "the pools")
    for name in sorted({fund for one in public.periods for fund in one.funds} | set(totals.funds)):
        moved = sum(one.funds.get(name, 0) for one in public.periods)
        _require(moved == totals.funds.get(name, 0), f"the fund {name}")
    net = sum(one.raised - one.lowered for one in public.periods)
    _require(net == totals.raised - totals.lowered, "the members' differences")
    return public


def verify_correction_statement(statement: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    """Check a member's part against the correction that was approved.

    Raises NotIncluded or SumMismatch.
    """
    public = verify_correction(document)
    try:
        own = parse_shape(statement, CorrectionStatementShape, "statement of a correction")
    except MalformedDocument as error:
        raise SumMismatch(error.message, faults=error.faults) from error
    wanted = correction_id(document)
    if own.correction_id != wanted or correction_id(own.correction) != wanted:
        raise NotIncluded("the statement belongs to another correction", expected=wanted.hex())
    named = {(one.period, one.correction_of, one.style == "delta") for one in public.periods}
    for row in own.rows:
        of = (row.period, row.correction_of, row.role == "delta")
        _require(row.member == own.member and of in named, f"a row of {row.period}")
    _require(sum(row.amount_minor for row in own.rows) == own.net_minor, "the rows")
    held = public.totals.suspense
    raised = SumHead(public.raised_root, public.account_count, public.totals.raised + max(0, held))
    lowered = public.totals.lowered + max(0, -held)
    _verify_side(own, own.raised, max(0, own.net_minor), raised)
    head = SumHead(public.lowered_root, public.account_count, lowered)
    _verify_side(own, own.lowered, max(0, -own.net_minor), head)


def _verify_side(
    own: CorrectionStatementShape, found: SumShape, expected: int, head: SumHead
) -> None:
    _require(found.total_minor == expected, "the net difference")
    proof: ProofShape = found.proof
    siblings = [SumNode(sibling.hash, sibling.sum) for sibling in proof.siblings]
    try:
        leaf = leaf_node(proof.salt, own.member, expected, width_of(head.sum))
    except OutOfRange as error:
        raise NotIncluded(f"no leaf can hold {expected}") from error
    verify_sum(leaf, own.leaf_index, siblings, head)


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise SumMismatch(f"{what} does not agree with the rest of the correction")


def _sum_of(tree: SumTree, name: str, seed: bytes, index: int) -> dict[str, Any]:
    return {
        "total_minor": integer_json(tree.levels[0][index].sum),
        "proof": {
            "salt": derive_salt(seed, name, index).hex(),
            "siblings": [
                {"hash": node.hash.hex(), "sum": integer_json(node.sum)}
                for node in prove_sum(tree, index)
            ],
        },
    }
