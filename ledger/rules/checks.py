"""What a rule set must make sense of beyond its shape.

Refused here, before anybody signs: references to nothing, names that clash, and rules that could
lose money or count it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ledger.errors import OutOfRange
from ledger.period import month_bounds
from ledger.rules.keys.quadratic import QuadraticKey
from ledger.rules.models import Problem
from ledger.rules.profiles import profile_problems
from ledger.rules.ruleset import InputModel, PoolModel, RuleSetModel
from ledger.rules.steps import Step
from ledger.rules.steps.allocate import AllocateStep
from ledger.rules.steps.recover_cost import RecoverCostStep
from ledger.rules.yamltext import child


def ruleset_problems(model: RuleSetModel) -> Iterator[Problem]:
    """Every problem of meaning, as a JSON pointer and a sentence."""
    yield from _zone(model.timezone)
    yield from (("/rounding" + at, text) for at, text in model.rounding.problems())
    yield from _repeated(model.members or (), "/members")
    yield from _inputs(model.inputs)
    yield from _pools(model.pools)
    yield from _pool_units(model.pools)
    yield from _steps(model)
    yield from _cycles(model)
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


def _pool_units(pools: Mapping[str, PoolModel]) -> Iterator[Problem]:
    """What is metered and what is money never flow into one pool."""
    for name, pool in pools.items():
        pointer = child("/pools", name)
        for index, source in enumerate(pool.from_):
            metered = source.startswith("total.")
            if metered and pool.unit is None:
                text = f"{source} is metered, no money; the pool needs a 'unit', such as Wh"
                yield f"{pointer}/from/{index}", text
            elif not metered and pool.unit is not None:
                text = f"{source} is money, but the pool holds {pool.unit}"
                yield f"{pointer}/from/{index}", text
        if pool.unit is not None and pool.origin is not None:
            yield f"{pointer}/origin", f"only money has an origin, and the pool holds {pool.unit}"


def _steps(model: RuleSetModel) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, step in enumerate(model.steps):
        pointer = f"/steps/{index}"
        if step.id in seen:
            yield f"{pointer}/id", f"the step {step.id!r} stands twice"
        yield from ((pointer + at, text) for at, text in _source(step, model))
        yield from ((pointer + at, text) for at, text in _reference(step, model, seen))
        yield from ((pointer + at, text) for at, text in _targets(step, model))
        yield from ((pointer + at, text) for at, text in _unit(step, model))
        yield from ((pointer + at, text) for at, text in _recipients(step))
        yield from ((pointer + at, text) for at, text in step.problems())
        seen.add(step.id)


def _charges(step: Step) -> bool:
    return isinstance(step, AllocateStep) and step.as_ == "charge"


def _source(step: Step, model: RuleSetModel) -> Iterator[Problem]:
    """A pool; or a cost, where members are charged for it."""
    is_cost = step.source.startswith("cost.")
    if is_cost and not _charges(step):
        text = f"{step.source} is a cost: members pay for it with 'kind: allocate, as: charge'"
        yield "/source", text
    elif not is_cost and _charges(step):
        yield "/as", "members are charged for a cost: 'source: cost.<id>'"
    elif not is_cost and step.source not in model.pools:
        yield "/source", f"there is no pool {step.source!r}"


def _reference(step: Step, model: RuleSetModel, before: set[str]) -> Iterator[Problem]:
    """A limit of something that is not there, or not yet."""
    of = None if step.limit is None else step.limit.of
    what, _, name = (of or "").partition(".")
    if what == "step" and name not in before:
        yield "/limit", f"no step {name!r} stands before this one"
    if what == "pool" and name not in model.pools:
        yield "/limit", f"there is no pool {name!r}"


def _targets(step: Step, model: RuleSetModel) -> Iterator[Problem]:
    """Pools that steps feed must be there, for nothing else, and in the same unit."""
    source = model.pools.get(step.source)
    unit = None if source is None else source.unit
    for target in step.targets():
        kind, _, name = target.partition(".")
        if kind != "pool":
            if unit is not None:
                yield "", f"{target} holds money, but {step.source} holds {unit}"
            continue
        pool = model.pools.get(name)
        if pool is None:
            yield "", f"there is no pool {name!r} to pay into"
        elif pool.from_:
            yield "", f"the pool {name!r} is fed by a step, so it is declared with 'from: []'"
        elif pool.unit != unit:
            text = f"{step.source} holds {unit or 'money'}, but {name} {pool.unit or 'money'}"
            yield "", text


def _unit(step: Step, model: RuleSetModel) -> Iterator[Problem]:
    """What a pool that holds no money can be used for."""
    pool = model.pools.get(step.source)
    if pool is None or pool.unit is None:
        return
    if not isinstance(step, AllocateStep):
        yield "/kind", f"the source holds {pool.unit}, which can only be allocated"
    elif isinstance(step.key, QuadraticKey):
        yield "/key", f"projects are paid money, but the source holds {pool.unit}"
    own = step.rounding
    account = (model.rounding if own is None else own).half_even_residual_to or ""
    if account.startswith("fund."):
        yield "/rounding", f"what rounding leaves is {pool.unit}, and {account} holds money"


def _cycles(model: RuleSetModel) -> Iterator[Problem]:
    """Money that could come back to a pool that it was taken from."""
    feeds: dict[str, set[str]] = {}
    for index, step in enumerate(model.steps):
        fed = {name[len("pool.") :] for name in step.targets() if name.startswith("pool.")}
        if step.source in _reachable(fed, feeds):
            yield f"/steps/{index}", f"money of the pool {step.source!r} would come back to it"
        feeds.setdefault(step.source, set()).update(fed)


def _reachable(names: set[str], feeds: Mapping[str, set[str]]) -> set[str]:
    """The pools that money in ``names`` can get to."""
    found, rest = set(names), list(names)
    while rest:
        new = feeds.get(rest.pop(), set()) - found
        found |= new
        rest += new
    return found


def _recipients(step: Step) -> Iterator[Problem]:
    """Projects receive from a key of their own; it cannot be mixed with what members receive."""
    keys = [("/key", step.key)] if isinstance(step, RecoverCostStep) else []
    if isinstance(step, AllocateStep):
        keys = [(f"/parts/{i}/key", part.key) for i, part in enumerate(step.parts or ())]
    for at, key in keys:
        if isinstance(key, QuadraticKey):
            yield at, "a quadratic key pays projects: it must be the only key of an allocate step"


def _costs(model: RuleSetModel) -> Iterator[Problem]:
    """A cost recovered twice would be paid twice; one that is charged is paid for by that."""
    seen: dict[str, str] = {}
    for index, step in enumerate(model.steps):
        if isinstance(step, RecoverCostStep):
            for at, cost in enumerate(step.costs):
                if cost in seen:
                    text = f"the cost {cost!r} is already recovered by step {seen[cost]!r}"
                    yield f"/steps/{index}/costs/{at}", text
                seen.setdefault(cost, step.id)
    for index, step in enumerate(model.steps):
        cost = step.source.removeprefix("cost.")
        if _charges(step) and cost in seen:
            text = f"the cost {cost!r} is already recovered by step {seen[cost]!r}"
            yield f"/steps/{index}/source", text
