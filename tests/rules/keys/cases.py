"""What the tests of keys share: a key and some figures in, weights by member out."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from ledger.errors import Fault, MalformedRules
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.rules.keys import KeyModel, Weights, weigh
from ledger.rules.scope import Scope
from ledger.settlement.run import scope_of
from tests.settlement.cases import inputs, one_step


def key_and_scope(
    key: str, figures: Mapping[str, Any], *, named: str = "", amount: Any = None
) -> tuple[KeyModel, Scope]:
    """The key as a rule set holds it, and what it looks at; ``named`` are the set's inputs."""
    ruleset = parse_rules(one_step(f"kind: allocate, key: {{{key}}}", more=named))
    scope = scope_of(ruleset, parse_inputs(inputs(**figures)))
    (step,) = ruleset.steps
    return step.key, scope if amount is None else scope.dividing(amount)


def weighed(key: str, figures: Mapping[str, Any], **options: Any) -> Weights:
    """What ``weigh`` answers for a key in YAML's flow style without its braces."""
    return weigh(*key_and_scope(key, figures, **options))


def by_member(found: Weights, figures: Mapping[str, Any]) -> dict[str, Fraction]:
    """The weights of those that take part."""
    members = inputs(**figures)["members"]
    return {
        member: Fraction(numerator, found.denominator)
        for member, numerator in zip(members, found.numerators, strict=True)
        if member not in found.outside
    }


def weights(key: str, figures: Mapping[str, Any], **options: Any) -> dict[str, Fraction]:
    """The weights of a key, by member."""
    return by_member(weighed(key, figures, **options), figures)


def sources(
    key: str, figures: Mapping[str, Any], member: str, **options: Any
) -> list[tuple[str, Fraction]]:
    """Where the figures behind a member's weight stand, and what they are."""
    found, scope = key_and_scope(key, figures, **options)
    return [(source.where, source.value) for source in found.sources(scope, member)]


def faults(key: str, *, named: str = "") -> list[tuple[str, str]]:
    """The places, relative to the key, and the messages with which a rule set is refused."""
    return [
        (fault.where.partition("/key")[2].rstrip(")"), fault.message)
        for fault in all_faults(key, named=named)
    ]


def all_faults(key: str, *, named: str = "") -> tuple[Fault, ...]:
    """The faults as they stand in the error, with line and column."""
    with pytest.raises(MalformedRules) as caught:
        parse_rules(one_step(f"kind: allocate, key: {{{key}}}", more=named))
    return caught.value.faults
