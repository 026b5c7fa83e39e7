"""Comparing the names in a rule set with the registers of those who will live by it.

A register is a set of known names under the field of ``NamesUsed`` that it answers: ``metrics``,
``members``, ``assets``. One that the source does not have is not compared, rather than guessed to
be empty; a kind of name that is added to ``NamesUsed`` is compared as soon as a source has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ledger.rules.document import RuleSet, names_used
from ledger.rules.names import NamesUsed
from ledger.rules.yamltext import child

# Names of the rule set's own, and words that are no names of anything outside.
_OWN = frozenset({"ruleset", "timezone", "currency", "kind", "id", "label", "rounding"})
_PREFIXES = ("revenue.", "charge.", "fund.", "cost.", "total.", "balance.")
# The rule set makes its pools and opens its funds itself.
OWN_REGISTERS = frozenset({"pools", "funds"})


@dataclass(frozen=True, slots=True)
class Registers:
    """What a co-op has: known names by register, and its time zone and currencies if told.

    ``heads`` are the members of now, where those of ``names`` include some who left.
    """

    names: Mapping[str, frozenset[str]]
    time_zone: str | None = None
    currencies: Mapping[str, int] = field(default_factory=dict)
    heads: frozenset[str] | None = None

    @property
    def sharing(self) -> frozenset[str]:
        """The members that a floor or cap for everybody is counted with; none if not told."""
        return self.names.get("members", frozenset()) if self.heads is None else self.heads


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that nobody has, at one place of the rule set's document."""

    pointer: str
    message: str


def names_by_register(used: NamesUsed) -> dict[str, list[str]]:
    """The outside names by register, sorted; registers without a name are left out."""
    found = {one.name: sorted(getattr(used, one.name)) for one in fields(used)}
    return {name: listed for name, listed in found.items() if listed}


def unknown_names(ruleset: RuleSet, known: Registers) -> Iterator[Unknown]:
    """Every name that its register does not have, at each place where it stands."""
    yield from _terms(ruleset, known)
    for register, listed in names_by_register(names_used(ruleset)).items():
        if register in OWN_REGISTERS or register not in known.names:
            continue
        there = known.names[register]
        have = ", ".join(sorted(there)[:8]) or "none"
        for name in listed:
            if name not in there:
                text = f"{name!r} is not among the known {register}: {have}"
                for pointer in _places(ruleset.document, name) or [""]:
                    yield Unknown(pointer, text)


def _terms(ruleset: RuleSet, known: Registers) -> Iterator[Unknown]:
    if known.time_zone not in (None, ruleset.timezone):
        yield Unknown("/timezone", f"the time zone is {known.time_zone}, not {ruleset.timezone}")
    if not known.currencies:
        return
    digits = known.currencies.get(ruleset.currency)
    if digits is None:
        have = ", ".join(sorted(known.currencies))
        yield Unknown("/currency", f"{ruleset.currency} is not among the currencies: {have}")
    elif digits != ruleset.minor_digits:
        text = f"{ruleset.currency} has {digits} digits, not {ruleset.minor_digits}"
        yield Unknown("/minor_digits", text)


def _places(value: Any, name: str, pointer: str = "") -> list[str]:
    """Where a name stands: as a text, after a prefix such as ``revenue.``, or as a field."""
    if isinstance(value, str):
        bare = next((value[len(p) :] for p in _PREFIXES if value.startswith(p)), value)
        return [pointer] if name in (value, bare) else []
    found: list[str] = []
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += _places(item, name, child(pointer, index))
    if isinstance(value, dict):
        for key, item in value.items():
            if key == name and not isinstance(item, dict | list):
                found.append(child(pointer, key))
            elif key not in _OWN:
                found += _places(item, name, child(pointer, key))
    return found
