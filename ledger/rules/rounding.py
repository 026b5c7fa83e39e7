"""Dividing whole units by exact weights (RULES.md section 5).

Everything is integers: with weights w_i of sum W, the exact part of T is T·w_i/W, its floor and
remainder come from one ``divmod``, and remainders are compared as integers over the same W.
Invariant: the amounts add up to T, have one sign, and a zero weight receives nothing. A negative
total is the mirror image of the positive one.

>>> divide(1000, (413, 291, 137), ("bus", "ev", "bike"), Rounding()).amounts
(491, 346, 163)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from ledger.errors import NoWeights, UnknownField
from ledger.rules.number import simplest_between

Method = Literal["largest_remainder", "sequential", "half_even_residual_to"]
Token = Literal["weight_desc", "weight_asc", "member_asc", "member_desc", "declared"]

HALF_EVEN: Final = "half_even_residual_to"
TOTAL_TOKENS = frozenset({"member_asc", "member_desc", "declared"})


@dataclass(frozen=True, slots=True)
class Rounding:
    """A rounding policy; the last tie-break token orders any two members.

    ``residual_to`` belongs to half-even rounding alone: the member or ``fund.x`` that takes what
    the others leave.
    """

    method: Method = "largest_remainder"
    tie_break: tuple[Token, ...] = ("weight_desc", "member_asc")
    residual_to: str | None = None


@dataclass(frozen=True, slots=True)
class CutOff:
    """Where the odd units of a largest-remainder division stopped, without anybody's figure.

    A remainder (over the weights' sum) above ``served_above`` received a unit, one below
    ``unserved_below`` did not; between the two lie those that tied for the last units. Nobody's
    remainder is either of them: each is the simplest fraction that separates the ones from the
    others. A member's exact remainder would give away its weight, by the congruence T·w mod W.
    """

    unserved_below: Fraction
    served_above: Fraction


@dataclass(frozen=True, slots=True)
class Rounded:
    """Amounts in the order of the weights, and how the odd units were given.

    ``order`` ranks all indices for the odd units; it is empty when there were none. ``residual`` is
    what half-even rounding left over, or lacks: a member named for it has it in its amount, and a
    fund that is named gets it beside the amounts.
    """

    amounts: tuple[int, ...]
    extra_units: int
    order: tuple[int, ...]
    cut_off: CutOff | None
    residual: int = 0


def divide(  # noqa: PLR0913 - what is divided, among whom, and how
    total: int,
    weights: Sequence[int],
    members: Sequence[str],
    rounding: Rounding,
    declared: Sequence[int] = (),
    *,
    within: bool = False,
) -> Rounded:
    """Divide ``total`` units by ``weights``, one weight per member.

    ``declared`` gives the indices in declared order (default: as they stand). ``within``: the
    weights are exact amounts that keep to caps or claims, which are whole; an amount that is whole
    itself may have reached its own, so the units that go in turn pass it by. Costs one sort.
    Raises NoWeights when every weight is zero and the total is not, UnknownField when half-even
    rounding names nobody among the members.
    """
    weight_sum = sum(weights)
    if weight_sum == 0:
        if total:
            raise NoWeights(f"{total} units are to be divided, but every weight is zero")
        return Rounded((0,) * len(weights), 0, (), None)
    if rounding.method == HALF_EVEN:
        return _half_even(total, weights, members, rounding)
    size, sign = abs(total), -1 if total < 0 else 1
    split = [divmod(size * weight, weight_sum) for weight in weights]
    extra = size - sum(floor for floor, _ in split)
    amounts = [floor for floor, _ in split]
    order: tuple[int, ...] = ()
    if extra:
        ranked = _rank(weights, members, rounding, declared or range(len(weights)))
        remainders = [remainder for _, remainder in split]
        due = remainders if within else weights
        order = _serve(ranked, due, remainders, rounding)
        for index in order[:extra]:
            amounts[index] += 1
        cut_off = _cut_off(order, remainders, extra, weight_sum, rounding)
    else:
        cut_off = None
    return Rounded(tuple(sign * amount for amount in amounts), extra, order, cut_off)


def _half_even(
    total: int, weights: Sequence[int], members: Sequence[str], rounding: Rounding
) -> Rounded:
    """Each amount to the nearest unit, halves to the even one; the account named evens it out."""
    size, sign, weight_sum = abs(total), -1 if total < 0 else 1, sum(weights)
    amounts = [nearest_even(size * weight, weight_sum) for weight in weights]
    residual, account = size - sum(amounts), rounding.residual_to or ""
    if account in members:
        amounts[members.index(account)] += residual
    elif not account.startswith("fund."):
        text = f"rounding leaves {residual} to {account!r}, not among this period's members"
        raise UnknownField(text, members=[account])
    return Rounded(tuple(sign * amount for amount in amounts), 0, (), None, sign * residual)


def nearest_even(numerator: int, denominator: int) -> int:
    """A non-negative quotient as the nearest integer; a half goes to the even neighbour."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def _rank(
    weights: Sequence[int], members: Sequence[str], rounding: Rounding, declared: Sequence[int]
) -> list[int]:
    """All indices by the tie-break alone; sorts are stable, so the last token goes first."""
    ranked = list(declared)
    if rounding.method == "sequential":
        return ranked
    by_weight, by_member = weights.__getitem__, members.__getitem__
    passes: dict[Token, Callable[[], None]] = {
        "weight_desc": lambda: ranked.sort(key=by_weight, reverse=True),
        "weight_asc": lambda: ranked.sort(key=by_weight),
        "member_asc": lambda: ranked.sort(key=by_member),
        "member_desc": lambda: ranked.sort(key=by_member, reverse=True),
        "declared": lambda: _restore(ranked, declared),
    }
    for token in reversed(rounding.tie_break):
        passes[token]()
    return ranked


def _restore(ranked: list[int], declared: Sequence[int]) -> None:
    ranked[:] = declared


def _serve(
    ranked: list[int], due: Sequence[int], remainders: Sequence[int], rounding: Rounding
) -> tuple[int, ...]:
    """The order in which odd units are given: larger remainders first, or in turn to all due."""
    if rounding.method == "sequential":
        return tuple(index for index in ranked if due[index])
    return tuple(sorted(ranked, key=remainders.__getitem__, reverse=True))


def _cut_off(
    order: Sequence[int],
    remainders: Sequence[int],
    extra: int,
    weight_sum: int,
    rounding: Rounding,
) -> CutOff | None:
    """Between those served and those not; there are always some who are not."""
    if rounding.method == "sequential":
        return None
    shares = [Fraction(remainders[index], weight_sum) for index in order]
    served, unserved = shares[:extra], shares[extra:]
    if served[-1] > unserved[0]:
        bound = simplest_between(unserved[0], served[-1])
        return CutOff(bound, bound)
    tied = served[-1]
    below = max((share for share in unserved if share < tied), default=Fraction(0))
    above = min((share for share in served if share > tied), default=Fraction(1))
    return CutOff(simplest_between(below, tied), simplest_between(tied, above))
