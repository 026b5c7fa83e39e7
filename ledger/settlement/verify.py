"""Checking a statement alone: no server, no rivals' rows, nothing believed that can be computed.

``verify_statement`` takes the statement and the settlement document that was approved and anchored,
from wherever the member trusts. It returns None or raises NotIncluded or SumMismatch.

Labels, ranks and the inputs named as sources are told, not proven: the member compares the sources
with its own records.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ledger.errors import MalformedDocument, NotIncluded, OutOfRange, SumMismatch
from ledger.rules.number import format_fraction
from ledger.settlement.document import settlement_id
from ledger.settlement.shape import (
    DivisionShape,
    LineShape,
    OwnStepShape,
    ProofShape,
    SettlementShape,
    StatementShape,
    StepShape,
    SumShape,
    parse_settlement,
    parse_statement,
)
from ledger.settlement.sumtree import SumHead, SumNode, leaf_node, verify_sum, width_of
from ledger.settlement.trees import weights_root


def verify_statement(statement: Mapping[str, Any], settlement: Mapping[str, Any]) -> None:
    """Check every figure of a statement against the approved settlement document."""
    try:
        own, public = parse_statement(statement), parse_settlement(settlement)
    except MalformedDocument as error:
        raise SumMismatch(error.message, faults=error.faults) from error
    wanted = settlement_id(settlement)
    if own.settlement_id != wanted or settlement_id(own.settlement) != wanted:
        raise NotIncluded("the statement belongs to another settlement", expected=wanted.hex())
    verify_totals(settlement)
    dividing = [step for step in public.steps if step.division is not None]
    if [step.step for step in own.steps] != [step.step for step in dividing]:
        raise SumMismatch("the statement does not cover the settlement's dividing steps")
    for mine, step in zip(own.steps, dividing, strict=True):
        _verify_step(mine, step, own, public)
    _verify_lines(own, dividing)
    _verify_sums(own, public)


def verify_totals(settlement: Mapping[str, Any]) -> None:
    """Check that a settlement document adds up by itself: steps, funds, members, pools, roots."""
    try:
        public = parse_settlement(settlement)
    except MalformedDocument as error:
        raise SumMismatch(error.message, faults=error.faults) from error
    totals, held = public.totals, dict(public.pools)
    for step in public.steps:
        follows = held.get(step.source) == step.available
        _require(follows and step.left == step.available - step.taken, f"step {step.step!r}")
        _require((step.fund is None) == (step.division is not None), f"the kind of {step.step!r}")
        held[step.source] = step.left
    taken = [step.taken for step in public.steps if step.division is not None]
    _require(held == totals.pools_left, "what is left in the pools")
    _require(_funds(public) == totals.funds, "the funds")
    paid = totals.paid_to_members + totals.paid_to_suspense
    _require(sum(t for t in taken if t > 0) == paid, "what members and suspense are paid")
    _require(-sum(t for t in taken if t < 0) == totals.charged_to_members, "what members owe")
    _require((public.charges_root is None) == (totals.charged_to_members == 0), "the charges root")
    given = paid - totals.charged_to_members
    given += sum(totals.funds.values()) + sum(totals.projects.values())
    _require(sum(public.pools.values()) == totals.in_, "what came in")
    _require(given + sum(totals.pools_left.values()) == totals.out, "what went out")
    _require(totals.in_ == totals.out, "what came in and what went out")
    commitments = [(s.step, s.division.commitment) for s in public.steps if s.division is not None]
    _require(weights_root(commitments) == public.weights_root, "the weights root")


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise SumMismatch(f"{what} does not agree with the rest of the document")


def _funds(public: SettlementShape) -> dict[str, int]:
    funds: dict[str, int] = {}
    for step in public.steps:
        if step.fund is not None:
            funds[step.fund] = funds.get(step.fund, 0) + step.taken
    return funds


def _verify_step(
    mine: OwnStepShape, step: StepShape, own: StatementShape, public: SettlementShape
) -> None:
    """Own weight in the tree, own quotient, own odd unit."""
    division = step.division
    if division is None or division.weight_sum.denominator != 1:
        raise SumMismatch(f"the weights of step {step.step!r} are not whole over the denominator")
    whole = int(division.weight_sum)
    head = SumHead(division.commitment, public.account_count, whole)
    _verify_leaf(own, mine.proof, mine.weight_units, head)
    quotient, remainder = divmod(abs(step.taken) * mine.weight_units, whole or 1)
    at = f"in step {step.step!r}"
    _agree((mine.quotient, mine.remainder) == (quotient, remainder), f"the quotient {at}")
    sign = -1 if step.taken < 0 else 1
    _agree(mine.amount_minor == sign * (quotient + mine.extra), f"the amount {at}")
    _agree(_may_be_extra(mine, remainder, whole, division), f"the odd unit {at}")
    _agree(mine.takes_part or mine.weight_units == 0, f"taking no part {at}")


def _agree(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise SumMismatch(f"{what} does not follow from the public figures")


def _may_be_extra(mine: OwnStepShape, remainder: int, whole: int, division: DivisionShape) -> bool:
    """Whether the odd unit received, or not, agrees with the cut-off.

    Between its two bounds lie those who tied for the last units, where either may be, as in
    declared order; the statement's limits say so.
    """
    if division.extra_units == 0 or mine.weight_units == 0:
        return mine.extra == 0
    if division.rounding.method == "sequential":
        return True
    own, cut_off = Fraction(remainder, whole), division.cut_off
    if cut_off is None:
        return False
    if cut_off.unserved_below < own < cut_off.served_above:
        return True
    if own in (cut_off.unserved_below, cut_off.served_above):
        return False  # nobody's remainder is a bound
    return mine.extra == int(own > cut_off.served_above)


def _verify_leaf(own: StatementShape, proof: ProofShape, amount: int, head: SumHead) -> None:
    siblings = [SumNode(sibling.hash, sibling.sum) for sibling in proof.siblings]
    try:
        leaf = leaf_node(proof.salt, own.member, amount, width_of(head.sum))
    except OutOfRange as error:
        raise NotIncluded(f"no leaf can hold {amount}") from error
    verify_sum(leaf, own.leaf_index, siblings, head)


def _verify_lines(own: StatementShape, dividing: list[StepShape]) -> None:
    """Every line restates what the steps showed, and none is missing or added."""
    rest = list(own.lines)
    for mine, step in zip(own.steps, dividing, strict=True):
        if step.division is not None and mine.takes_part:
            lines = [line for line in rest if line.step == step.step]
            rest = [line for line in rest if line.step != step.step]
            _verify_step_lines(own, mine, step, lines)
        public = step.division.parts if step.division is not None else ()
        named = [part.part for part in mine.parts] == [part.part for part in public]
        _agree(named, f"the naming of parts in step {step.step!r}")
    _agree(not rest, "a line of a step without a share")


def _verify_step_lines(
    own: StatementShape, mine: OwnStepShape, step: StepShape, lines: list[LineShape]
) -> None:
    division, at = step.division, f"in step {step.step!r}"
    combined = [line for line in lines if line.part is None]
    if division is None or len(combined) != 1:
        raise SumMismatch(f"there must be one line {at}")
    line = combined[0]
    share = Fraction(mine.weight_units, int(division.weight_sum) or 1)
    weight = step.taken * share if division.parts else _over(mine, division)
    _agree((line.weight, line.share) == (weight, share), f"the weight or share {at}")
    _agree(line.exact == step.taken * share, f"the exact amount {at}")
    _agree(line.amount_minor == mine.amount_minor, f"the line's amount {at}")
    _agree(all(found.member == own.member for found in lines), f"the line's member {at}")
    _verify_parts(step, division, [found for found in lines if found.part is not None], share)


def _over(mine: OwnStepShape, division: DivisionShape) -> Fraction:
    return Fraction(mine.weight_units, division.denominator)


def _verify_parts(
    step: StepShape, division: DivisionShape, lines: list[LineShape], share: Fraction
) -> None:
    """The parts' shares follow from own weights and public totals, and add up to the share."""
    known = {part.part: part for part in division.parts}
    names = [line.part for line in lines]
    _agree(len(set(names)) == len(names), f"a part named twice in step {step.step!r}")
    for line in lines:
        part = known.get(line.part or "")
        if part is None:
            raise SumMismatch(f"step {step.step!r} has no part {line.part!r}")
        own = part.fraction * line.weight / part.weight_total if part.weight_total else Fraction()
        right = (line.share, line.exact, line.amount_minor) == (own, step.taken * own, None)
        _agree(right, f"part {line.part!r} of step {step.step!r}")
    total = sum((line.share for line in lines), Fraction())
    _agree(not division.parts or total == share, f"the sum of the parts of step {step.step!r}")


def _verify_sums(own: StatementShape, public: SettlementShape) -> None:
    """Own totals are those of the lines, and are among those that add up to the public totals."""
    amounts = [step.amount_minor for step in own.steps]
    paid = sum(amount for amount in amounts if amount > 0)
    charged = -sum(amount for amount in amounts if amount < 0)
    size, totals = public.account_count, public.totals
    together = totals.paid_to_members + totals.paid_to_suspense
    _verify_sum(own, own.amounts, paid, SumHead(public.amounts_root, size, together))
    if (own.charges is None) != (public.charges_root is None):
        raise SumMismatch("the statement and the settlement disagree whether there are charges")
    if own.charges is not None and public.charges_root is not None:
        head = SumHead(public.charges_root, size, totals.charged_to_members)
        _verify_sum(own, own.charges, charged, head)
    if own.net_minor != paid - charged:
        raise SumMismatch(f"the lines add up to {format_fraction(paid - charged)}")


def _verify_sum(own: StatementShape, found: SumShape, expected: int, head: SumHead) -> None:
    if found.total_minor != expected:
        raise SumMismatch(f"the lines add up to {expected}, not {found.total_minor}")
    _verify_leaf(own, found.proof, expected, head)
