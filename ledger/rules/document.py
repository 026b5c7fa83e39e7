"""Rule sets (配分規則): YAML text in, checked and hashed rules out (RULES.md section 3).

``rule_hash`` is SHA-256 of the RFC 8785 form of the document as parsed, so comments and layout do
not count, and the order of names never matters. Every fault of all layers (text, shape, meaning) is
reported at once, as far as they are independent, with line, column and JSON pointer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from pydantic import ValidationError

from ledger import canonical
from ledger.errors import KyojoError
from ledger.rules.checks import ruleset_problems
from ledger.rules.faults import refuse_invalid
from ledger.rules.names import Measured, NamesUsed, names_of_total
from ledger.rules.profiles import profile_checks
from ledger.rules.profiles.check import Check
from ledger.rules.profiles.llp import departures
from ledger.rules.rounding import Rounding
from ledger.rules.ruleset import ApprovalModel, LateModel, RuleSetModel
from ledger.rules.salvage import Salvaged, salvage
from ledger.rules.steps import Step
from ledger.rules.yamltext import Reading, read_yaml, refuse_all


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool's sources, such as ``revenue.fares``, and the origin it is limited to.

    ``unit`` is what it holds where that is no money, such as Wh. ``needs`` says that a source of
    which nothing is known is not taken for 0.
    """

    sources: tuple[str, ...]
    origin: str | None
    unit: str | None = None
    needs: bool = True


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A checked rule set. ``document`` is what was parsed; ``rule_hash`` its 32-byte hash.

    ``approval`` and ``late`` are for the co-op; a run does not look at them. Nor at ``profile``;
    ``needs_everybody`` says that by its law every member must agree to these rules.
    """

    name: str
    version: int
    effective_from: str
    timezone: str
    currency: str
    minor_digits: int
    rounding: Rounding
    members: tuple[str, ...] | None
    metrics: Mapping[str, Measured]
    pools: Mapping[str, Pool]
    steps: tuple[Step, ...]
    approval: ApprovalModel | None
    late: LateModel | None
    profile: str
    needs_everybody: bool
    document: Mapping[str, Any]
    rule_hash: bytes

    @property
    def units(self) -> dict[str, str]:
        """The pools that hold no money, and what they hold."""
        return {name: pool.unit for name, pool in self.pools.items() if pool.unit is not None}

    def unit_of(self, source: str) -> str | None:
        """What a step's source holds; None for money."""
        pool = self.pools.get(source)
        return None if pool is None else pool.unit


@dataclass(frozen=True, slots=True)
class Examined:
    """What was read of a rule set: the text's places, every fault, and the rules.

    ``rules`` are sound only if there is no fault; else they are what could be read, for further
    checks, and None where nothing could. ``salvaged`` says what of the text they are.
    """

    reading: Reading
    rules: RuleSet | None = None
    salvaged: Salvaged | None = None

    def place(self, pointer: str) -> str | None:
        """The place in the text of a place in ``rules``; None for what only stands in."""
        return pointer if self.salvaged is None else self.salvaged.place(pointer)


def examine(text: bytes | str) -> Examined:
    """Read a rule set and collect the faults of all layers, as far as they are independent.

    Raises MalformedRules for a text that is no YAML to its end.
    """
    reading = read_yaml(text)
    if not isinstance(reading.document, dict):
        reading.refuse("", "shape", "a rule set is a mapping of names to values")
        return Examined(reading)
    model, salvaged = None, None
    try:
        model = RuleSetModel.model_validate_json(canonical.encode(reading.document))
    except ValidationError as error:
        salvaged = salvage(reading.document, refuse_invalid(error, reading))
        model = None if salvaged is None else salvaged.model
    except KyojoError as error:
        reading.refuse("", error.code, error.message)
    if model is None:
        return Examined(reading)
    document = reading.document if salvaged is None else salvaged.document
    found = Examined(reading, _ruleset(model, document), salvaged)
    known = {fault.where for fault in reading.faults}
    for pointer, problem in ruleset_problems(model):
        place = found.place(pointer)
        if place is not None and reading.where(place) not in known:
            reading.refuse(place, "meaning", problem)
    return found


def parse_rules(text: bytes | str) -> RuleSet:
    """Read a rule set; raises MalformedRules with all faults found, each at its place."""
    found = examine(text)
    if found.rules is None or found.reading.faults:
        refuse_all(found.reading, "rule set")
    return found.rules


def rule_hash(document: Mapping[str, Any]) -> bytes:
    """SHA-256 of the RFC 8785 form of a parsed rule set document."""
    return canonical.digest(dict(document))


def legal_checks(ruleset: RuleSet) -> tuple[Check, ...]:
    """What the rule set's legal profile asked for, each with place, reason and law."""
    model = RuleSetModel.model_validate_json(canonical.encode(dict(ruleset.document)))
    return profile_checks(model)


def names_used(ruleset: RuleSet) -> NamesUsed:
    """Every outside name the rule set refers to, for the co-op to compare with its registers."""
    return reduce(NamesUsed.__or__, _names(ruleset), NamesUsed())


def _ruleset(model: RuleSetModel, document: dict[str, Any]) -> RuleSet:
    return RuleSet(
        name=model.ruleset,
        version=model.version,
        effective_from=model.effective_from,
        timezone=model.timezone,
        currency=model.currency,
        minor_digits=model.minor_digits,
        rounding=model.rounding.policy(),
        members=model.members,
        metrics={name: given.measured() for name, given in model.inputs.items()},
        pools={
            name: Pool(pool.from_, pool.origin, pool.unit, pool.if_missing == "error")
            for name, pool in model.pools.items()
        },
        steps=model.steps,
        approval=model.approval,
        late=model.late,
        profile=model.profile,
        needs_everybody=model.profile == "jp-llp" and bool(departures(model)),
        document=document,
        rule_hash=rule_hash(document),
    )


def _names(ruleset: RuleSet) -> Iterator[NamesUsed]:
    yield NamesUsed(pools=frozenset(ruleset.pools), members=frozenset(ruleset.members or ()))
    for measured in ruleset.metrics.values():
        yield measured.names()
    for pool in ruleset.pools.values():
        yield from map(_names_of_source, pool.sources)
    for step in ruleset.steps:
        named = step.names()
        for name in named.metrics:
            yield ruleset.metrics.get(name, Measured("totals", name)).names()
        for name in named.kpis:
            yield ruleset.metrics.get(name, Measured("kpis", name)).names()
        yield replace(named, metrics=frozenset(), kpis=frozenset())


def _names_of_source(source: str) -> NamesUsed:
    prefix, _, name = source.partition(".")
    if prefix == "revenue":
        return NamesUsed(revenue=frozenset({name}))
    if prefix == "total":
        return names_of_total(name)
    return NamesUsed(charges=frozenset({name}))
