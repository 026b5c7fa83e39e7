"""Running a rule set on a period's figures (RULES.md sections 3 and 7).

Steps run in order; each takes from what its source still holds. The outcome depends on nothing but
the two arguments: no clock, no randomness, no order of names. At the end it is checked that not one
unit appeared or vanished.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ledger.errors import (
    Fault,
    Infeasible,
    InvariantViolated,
    MalformedRules,
    UnknownField,
)
from ledger.rules.document import Pool, RuleSet
from ledger.rules.inputs import Inputs, inputs_hash
from ledger.rules.rounding import Rounding
from ledger.rules.scope import Scope
from ledger.rules.steps import Step, StepOutcome, StepView, run_step
from ledger.rules.steps.recover_cost import RecoverCostStep
from ledger.rules.yamltext import child
from ledger.settlement.result import Result, StepResult


def run(ruleset: RuleSet, inputs: Inputs) -> Result:
    """Divide the period's money by the rules.

    Raises MalformedRules when the inputs hold money or carry that the rules have no place for,
    Infeasible when the rules have no answer, UnknownField when they name somebody who is no member.
    """
    _refuse_homeless(ruleset, inputs)
    pools = {name: _pool_amount(name, pool, inputs) for name, pool in ruleset.pools.items()}
    work = _Work(dict(pools), Counter(inputs.balances))
    scope = scope_of(ruleset, inputs)
    for step in ruleset.steps:
        work.post(step, _carry_out(step, ruleset, scope, work, pools))
    result = Result(
        ruleset=ruleset.name,
        version=ruleset.version,
        rule_hash=ruleset.rule_hash,
        inputs_hash=inputs_hash(inputs),
        currency=ruleset.currency,
        minor_digits=ruleset.minor_digits,
        members=inputs.members,
        pools=pools,
        steps=tuple(work.steps),
        member_totals=_member_totals(inputs.members, work.steps),
        funds=work.funds,
        pools_left=work.held,
        carry=work.carry,
        owed=work.owed,
    )
    check_conservation(result)
    return result


def scope_of(ruleset: RuleSet, inputs: Inputs) -> Scope:
    """What keys and steps may look at in a run of ``ruleset`` on ``inputs``."""
    return Scope(inputs, ruleset.metrics, _declared(ruleset, inputs))


@dataclass(slots=True)
class _Work:
    """What a run keeps while it goes through the steps."""

    held: dict[str, int]
    balances: Counter[str]
    steps: list[StepResult] = field(default_factory=list)
    funds: dict[str, int] = field(default_factory=dict)
    carry: dict[str, int] = field(default_factory=dict)
    owed: dict[str, dict[str, int]] = field(default_factory=dict)

    def post(self, step: Step, outcome: StepOutcome) -> None:
        """Move what the step took, and note what it left."""
        available = self.held[step.source]
        self.held[step.source] = available - outcome.taken
        if outcome.fund is not None:
            self.funds[outcome.fund] = self.funds.get(outcome.fund, 0) + outcome.taken
            self.balances[outcome.fund] += outcome.taken
        if outcome.carry:
            self.carry[step.id] = outcome.carry
            if outcome.owed:
                self.owed[step.id] = dict(outcome.owed)
        self.steps.append(
            StepResult(
                step=step.id,
                kind=step.kind,
                source=step.source,
                available=available,
                taken=outcome.taken,
                left=available - outcome.taken,
                notes=outcome.notes,
                division=outcome.division,
                fund=outcome.fund,
            )
        )


def _carry_out(
    step: Step, ruleset: RuleSet, scope: Scope, work: _Work, pools: dict[str, int]
) -> StepOutcome:
    """Run one step; an error that it raises names it."""
    own = step.rounding
    view = StepView(
        scope=scope,
        available=work.held[step.source],
        opening=pools[step.source],
        rounding=ruleset.rounding if own is None else Rounding(own.method, own.tie_break),
        funds=work.balances,
    )
    try:
        return run_step(step, view)
    except (Infeasible, UnknownField) as error:
        raise type(error)(f"step {step.id!r}: {error.message}", **error.details) from error


def _pool_amount(name: str, pool: Pool, inputs: Inputs) -> int:
    """What a pool holds at the start: what was left in it, and what its sources brought."""
    return inputs.opening.get(name, 0) + sum(
        _source_amount(source, pool.origin, inputs) for source in pool.sources
    )


def _source_amount(source: str, origin: str | None, inputs: Inputs) -> int:
    """A revenue id of the pool's origin, or the metered charges, which are members' own."""
    prefix, _, name = source.partition(".")
    if prefix == "charge":
        if origin not in (None, "member"):
            return 0
        return sum(int(amount) for amount in inputs.totals.get(source, {}).values())
    revenue = inputs.revenue.get(name)
    if revenue is None or origin not in (None, revenue.origin):
        return 0
    return revenue.amount_minor


def _declared(ruleset: RuleSet, inputs: Inputs) -> tuple[int, ...]:
    """The rule set's order of members, then those whom it does not list, by id.

    Without a list the inputs' order counts.
    """
    if ruleset.members is None:
        return tuple(range(len(inputs.members)))
    places = {member: place for place, member in enumerate(ruleset.members)}
    last = len(places)
    indices = range(len(inputs.members))
    ids = inputs.members
    return tuple(sorted(indices, key=lambda index: (places.get(ids[index], last), ids[index])))


def _refuse_homeless(ruleset: RuleSet, inputs: Inputs) -> None:
    """Money that no pool takes, or a carry that no step pays, must not fall by the wayside."""
    faults = tuple(_homeless(ruleset, inputs))
    if faults:
        message = f"inputs: {faults[0].where}: {faults[0].message}"
        raise MalformedRules(message, faults=faults)


def _homeless(ruleset: RuleSet, inputs: Inputs) -> Iterator[Fault]:
    taken = {(source, pool.origin) for pool in ruleset.pools.values() for source in pool.sources}
    for name, revenue in inputs.revenue.items():
        source = f"revenue.{name}"
        if not taken & {(source, None), (source, revenue.origin)}:
            text = f"no pool takes the revenue {name!r} of origin {revenue.origin}"
            yield Fault(child("/revenue", name), "no-pool", text)
    for name in sorted(inputs.opening.keys() - ruleset.pools.keys()):
        yield Fault(child("/opening", name), "no-pool", f"there is no pool {name!r}")
    steps = {step.id: step for step in ruleset.steps if isinstance(step, RecoverCostStep)}
    for name, amount in inputs.carry.items():
        step = steps.get(name)
        if amount and (step is None or not step.carry_forward):
            text = f"no step {name!r} of this rule set carries costs forward"
            yield Fault(child("/carry", name), "no-step", text)
    for name, owed in inputs.owed.items():
        step = steps.get(name)
        if owed and step is not None and step.key is not None:
            text = f"step {name!r} pays by a key, so its carry is owed to nobody by name"
            yield Fault(child("/owed", name), "no-step", text)


def _member_totals(members: tuple[str, ...], steps: list[StepResult]) -> dict[str, int]:
    totals = [0] * len(members)
    for step in steps:
        if step.division is not None:
            for index, amount in enumerate(step.division.rounded.amounts):
                totals[index] += amount
    return dict(zip(members, totals, strict=True))


def check_conservation(result: Result) -> None:
    """Raise InvariantViolated unless every unit that came in is accounted for, step by step."""
    held = dict(result.pools)
    for step in result.steps:
        if step.available != held[step.source] or step.left != step.available - step.taken:
            raise InvariantViolated(f"step {step.step!r} does not follow from the one before it")
        held[step.source] = step.left
        if step.division is not None:
            _check_division(step)
    if held != result.pools_left:
        raise InvariantViolated(f"the pools hold {held}, not {result.pools_left}")
    if result.total_in != result.total_out:
        raise InvariantViolated(f"{result.total_in} came in, {result.total_out} went out")


def _check_division(step: StepResult) -> None:
    amounts = step.division.rounded.amounts if step.division else ()
    if sum(amounts) != step.taken:
        raise InvariantViolated(f"step {step.step!r} took {step.taken}, gave {sum(amounts)}")
    if any(amount * step.taken < 0 for amount in amounts):
        raise InvariantViolated(f"step {step.step!r} gives amounts of both signs")
