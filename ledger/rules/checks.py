"""What a rule set must make sense of beyond its shape.

Refused here, before anybody signs: references to nothing, names that clash, and rules that could
lose money or count it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ledger.errors import OutOfRange
from ledger.period import month_bounds
from ledger.rules.later import refusal
from ledger.rules.models import Problem
from ledger.rules.profiles import profile_problems
from ledger.rules.ruleset import InputModel, PoolModel, RuleSetModel
from ledger.rules.steps.recover_cost import RecoverCostStep
from ledger.rules.yamltext import child


def ruleset_problems(model: RuleSetModel) -> Iterator[Problem]:
    """Every problem of meaning, as a JSON pointer and a sentence."""
    yield from _zone(model.timezone)
    yield from (("/rounding" + at, text) for at, text in model.rounding.problems())
    yield from _repeated(model.members or (), "/members")
    yield from _inputs(model.inputs)
    yield from _pools(model.pools)
    yield from _steps(model)
    yield from _costs(model)
    yield from profile_problems(model)


def _zone(name: str) -> Iterator[Problem]:
    try:
        month_bounds("2026-01", zone=name)
    except OutOfRange as error:
        yield "/timezone", error.message


def _repeated(names: tuple[str, ...], pointer: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield f"{pointer}/{index}", f"{name!r} stands twice"
        seen.add(name)


def _inputs(inputs: Mapping[str, InputModel]) -> Iterator[Problem]:
    for name, given in inputs.items():
        yield from ((child("/inputs", name) + at, text) for at, text in given.problems())


def _pools(pools: Mapping[str, PoolModel]) -> Iterator[Problem]:
    """The same money must not flow into two pools."""
    fed: dict[tuple[str, str], str] = {}
    for name, pool in pools.items():
        pointer = child("/pools", name) + "/from"
        for index, source in enumerate(pool.from_):
            for origin in (pool.origin,) if pool.origin else ("member", "other", "public"):
                other = fed.setdefault((source, origin), name)
                if other != name:
                    text = f"{source} already flows into the pool {other!r}"
                    yield f"{pointer}/{index}", text
                    break
        yield from _repeated(pool.from_, pointer)


def _steps(model: RuleSetModel) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, step in enumerate(model.steps):
        pointer = f"/steps/{index}"
        if step.id in seen:
            yield f"{pointer}/id", f"the step {step.id!r} stands twice"
        seen.add(step.id)
        if step.source.startswith("cost."):
            yield f"{pointer}/source", refusal("a charge step on", step.source)
        elif step.source not in model.pools:
            yield f"{pointer}/source", f"there is no pool {step.source!r}"
        yield from ((pointer + at, text) for at, text in step.problems())


def _costs(model: RuleSetModel) -> Iterator[Problem]:
    """A cost recovered twice would be paid twice."""
    seen: dict[str, str] = {}
    for index, step in enumerate(model.steps):
        if not isinstance(step, RecoverCostStep):
            continue
        for at, cost in enumerate(step.costs):
            if cost in seen:
                text = f"the cost {cost!r} is already recovered by step {seen[cost]!r}"
                yield f"/steps/{index}/costs/{at}", text
            seen.setdefault(cost, step.id)
