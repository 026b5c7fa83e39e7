"""What every key shares: its model's base, and the weights that it yields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

from pydantic import Field

from ledger.errors import Infeasible, UnknownField
from ledger.rules.inputs import SUSPENSE
from ledger.rules.models import MemberName, RuleModel
from ledger.rules.names import NamesUsed
from ledger.rules.number import over_common_denominator
from ledger.rules.scope import Scope
from ledger.rules.yamltext import child


@dataclass(frozen=True, slots=True)
class Source:
    """A figure and where it stands: ``inputs:`` or ``rules:`` and a JSON pointer.

    ``own``: it stands in the key or step itself, and the pointer is still relative to that.
    """

    where: str
    value: Fraction
    own: bool = False

    def within(self, place: str) -> Source:
        """The same figure of a key or step that itself stands at ``place``."""
        if not self.own:
            return self
        return replace(self, where=f"rules:{place}{self.where.removeprefix('rules:')}")


class KeyModel(RuleModel):
    """``members`` restricts any key; those outside it get no line."""

    members: tuple[MemberName, ...] | None = Field(default=None, min_length=1)

    def names(self) -> NamesUsed:
        """The outside names that this key refers to."""
        return NamesUsed(members=frozenset(self.members or ()))

    def partial(self) -> bool:
        """Whether it may leave a part of the amount over, so that the step has to place it."""
        return False

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The figures from which ``member``'s weight is made; none when heads count."""
        del scope, member
        return ()


@dataclass(frozen=True, slots=True)
class Weights:
    """Exact weights, one per member in the inputs' order: ``numerators`` over ``denominator``.

    Members in ``outside`` do not take part, and have 0. ``allocated`` is how much of the scope's
    ``amount`` the key allocates, in the source's units, from 0 to its absolute value; the rest is
    the step's to place. None means everything; 0 that nobody is to get anything, which is no want
    of weights. ``notes`` are for whoever reads the step. ``recipients`` are the accounts that the
    weights are for, where those are not the members.
    """

    numerators: tuple[int, ...]
    denominator: int = 1
    outside: frozenset[str] = frozenset()
    allocated: Fraction | None = None
    notes: tuple[str, ...] = ()
    recipients: tuple[str, ...] | None = None


def weigh_by(
    values: Mapping[str, int | Fraction], scope: Scope, members: Collection[str] | None
) -> Weights:
    """Weights from figures by member; who is not among them has 0.

    Raises Infeasible for a negative figure, UnknownField for a restriction to nobody's id.
    """
    outside = outside_of(members, scope)
    return Weights(*listed(values, scope, outside), outside)


def listed(
    values: Mapping[str, int | Fraction], scope: Scope, outside: Collection[str]
) -> tuple[tuple[int, ...], int]:
    """Figures in the members' order as integers over a common denominator; 0 where none is given.

    Raises Infeasible for a negative one: no share can be made of it.
    """
    ids = scope.inputs.members
    found = [0 if member in outside else values.get(member, 0) for member in ids]
    if found and min(found) < 0:
        member = ids[found.index(min(found))]
        text = f"the weight of member {member!r} is negative: {values[member]}"
        raise Infeasible(text, member=member, weight=str(values[member]))
    return over_common_denominator(found)


def reduced(numerators: Sequence[int], denominator: int) -> tuple[tuple[int, ...], int]:
    """The same fractions with the smallest common denominator."""
    divisor = gcd(denominator, *numerators)
    return tuple(numerator // divisor for numerator in numerators), denominator // divisor


def amount_of(scope: Scope, kind: str) -> Fraction:
    """The size of what is divided; raises Infeasible in a step that a part cannot be left of."""
    if scope.amount is None:
        raise Infeasible(f"a key of kind {kind!r} may leave a part over; this step cannot use it")
    return abs(Fraction(scope.amount))


def input_place(*names: str) -> str:
    """Where a figure stands in the inputs, as a source names it."""
    pointer = ""
    for name in names:
        pointer = child(pointer, name)
    return f"inputs:{pointer}"


def weigh_heads(scope: Scope, members: Collection[str] | None) -> Weights:
    """Weight 1 for everybody who takes part.

    ``suspense``, and whoever is there only for what it is owed, is no head unless it is named.
    """
    outside = no_heads(members, scope)
    heads = (int(member not in outside) for member in scope.inputs.members)
    return Weights(tuple(heads), 1, outside)


def no_heads(members: Collection[str] | None, scope: Scope) -> frozenset[str]:
    """Who is left out where firms count: also suspense, and whoever is only owed something."""
    outside = outside_of(members, scope)
    if members is None:
        outside |= ({SUSPENSE} & scope.members) | scope.inputs.beside
    return outside


def outside_of(members: Collection[str] | None, scope: Scope) -> frozenset[str]:
    """The members whom a restriction leaves out; raises UnknownField for a name nobody has."""
    if members is None:
        return frozenset()
    require_members(members, scope)
    return scope.members - frozenset(members)


def require_members(named: Collection[str], scope: Scope) -> None:
    """Raise UnknownField unless every name is a member of this period."""
    unknown = sorted(set(named) - scope.members)
    if unknown:
        text = f"the rule names {', '.join(unknown)}, not among this period's members"
        raise UnknownField(text, members=unknown)
