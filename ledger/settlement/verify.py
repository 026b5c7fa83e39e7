"""Checking a statement alone: no server, no rivals' rows, nothing believed that can be computed.

``verify_statement`` takes the statement and the settlement document that was approved and anchored,
from wherever the member trusts. It returns None or raises NotIncluded or SumMismatch.

Labels, ranks, the inputs named as sources, bounds that the rules give by name, and what was to be
paid back before are told, not proven: the member compares them with its own records, with the rule
set, and with its statement of the period before.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ledger.errors import MalformedDocument, NotIncluded, OutOfRange, SumMismatch
from ledger.rules.number import format_fraction
from ledger.rules.rounding import HALF_EVEN, nearest_even
from ledger.settlement.basis import bounds_agree, follows
from ledger.settlement.document import settlement_id
from ledger.settlement.public import verify_totals
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
    _verify_recoup(own, dividing)
    _verify_sums(own, public)


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
    quotient, remainder = divmod(abs(step.divided) * mine.weight_units, whole or 1)
    at = f"in step {step.step!r}"
    _agree((mine.quotient, mine.remainder) == (quotient, remainder), f"the quotient {at}")
    sign = -1 if step.divided < 0 else 1
    rounded = sign * (quotient + mine.extra)
    _agree(mine.amount_minor == rounded - mine.recouped_minor, f"the amount {at}")
    if division.rounding.method == HALF_EVEN:
        expected = _half_even_extra(mine, step, division, own.member)
        _agree(mine.extra == expected, f"the rounding {at}")
    else:
        _agree(_may_be_extra(mine, remainder, whole, division), f"the odd unit {at}")
    _agree(mine.takes_part or mine.weight_units == 0, f"taking no part {at}")
    _verify_basis(mine, step, own, public)


def _verify_basis(
    mine: OwnStepShape, step: StepShape, own: StatementShape, public: SettlementShape
) -> None:
    """Own key weight or claim is in its tree, and the exact amount follows from it."""
    division, at = step.division, f"in step {step.step!r}"
    basis = None if division is None else division.basis
    _agree((basis is None) == (mine.basis is None), f"what the amount rests on {at}")
    if division is None or basis is None or mine.basis is None:
        return
    if basis.weight_sum.denominator != 1 or division.weight_sum != abs(
        step.divided * division.denominator
    ):
        raise SumMismatch(f"the exact amounts of step {step.step!r} are not whole over their sum")
    head = SumHead(basis.commitment, public.account_count, int(basis.weight_sum))
    _verify_leaf(own, mine.basis.proof, mine.basis.weight_units, head)
    exact = Fraction(mine.weight_units, division.denominator)
    _agree(follows(exact, basis, mine.basis), f"the exact amount {at}")
    _agree(bounds_agree(basis, mine.basis, takes_part=mine.takes_part), f"the bounds {at}")


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
        # Within bounds a whole amount keeps to the one that it may have reached.
        most = 0 if division.basis is not None and remainder == 0 else 1
        return 0 <= mine.extra <= most
    own, cut_off = Fraction(remainder, whole), division.cut_off
    if cut_off is None:
        return False
    if cut_off.unserved_below < own < cut_off.served_above:
        return mine.extra in (0, 1)
    if own in (cut_off.unserved_below, cut_off.served_above):
        return False  # nobody's remainder is a bound
    return mine.extra == int(own > cut_off.served_above)


def _half_even_extra(
    mine: OwnStepShape, step: StepShape, division: DivisionShape, member: str
) -> int:
    """What half-even rounding adds to the quotient; who is named for it has the residual too."""
    whole = int(division.weight_sum) or 1
    up = nearest_even(mine.quotient * whole + mine.remainder, whole) - mine.quotient
    if division.rounding.half_even_residual_to != member:
        return up
    residual = division.residual or 0
    return up - residual if step.divided < 0 else up + residual


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
    brought, of_parts = _brought(mine, division)
    weight = step.divided * of_parts if division.parts else brought
    _agree((line.weight, line.share) == (weight, share), f"the weight or share {at}")
    _agree(line.exact == step.divided * share, f"the exact amount {at}")
    stated = (line.amount_minor, line.recouped_minor)
    _agree(stated == (mine.amount_minor, mine.recouped_minor), f"the line's amount {at}")
    _agree(all(found.member == own.member for found in lines), f"the line's member {at}")
    _verify_parts(step, division, [found for found in lines if found.part is not None], of_parts)


def _brought(mine: OwnStepShape, division: DivisionShape) -> tuple[Fraction, Fraction]:
    """A member's weight or claim, and its share of all of them."""
    if division.basis is None or mine.basis is None:
        units, denominator, whole = mine.weight_units, division.denominator, division.weight_sum
    else:
        basis = division.basis
        units, denominator, whole = mine.basis.weight_units, basis.denominator, basis.weight_sum
    return Fraction(units, denominator), Fraction(units, int(whole) or 1)


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
        right = (line.share, line.exact, line.amount_minor) == (own, step.divided * own, None)
        _agree(right, f"part {line.part!r} of step {step.step!r}")
    total = sum((line.share for line in lines), Fraction())
    _agree(not division.parts or total == share, f"the sum of the parts of step {step.step!r}")


def _verify_recoup(own: StatementShape, dividing: list[StepShape]) -> None:
    """What is kept back of each line is what was open and the line could bear, in step order."""
    told = own.recoup
    left = 0 if told is None else told.before
    for mine, step in zip(own.steps, dividing, strict=True):
        gross = mine.amount_minor + mine.recouped_minor
        keeps = step.kind == "allocate" and step.unit is None and step.as_ != "charge"
        back = min(left, max(0, gross)) if keeps else 0
        _agree(mine.recouped_minor == back, f"what is paid back in step {step.step!r}")
        left -= back
    if told is not None:
        guaranteed = sum(
            mine.amount_minor
            for mine, step in zip(own.steps, dividing, strict=True)
            if step.kind == "guarantee"
        )
        _agree(0 <= told.advanced <= guaranteed, "what is advanced")
        _agree(told.after == left + told.advanced, "what is to be paid back")


def _verify_sums(own: StatementShape, public: SettlementShape) -> None:
    """Own totals are those of the lines, and are among those that add up to the public totals."""
    kinds = {step.step: step.unit for step in public.steps}
    amounts = [step.amount_minor for step in own.steps if kinds[step.step] is None]
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
