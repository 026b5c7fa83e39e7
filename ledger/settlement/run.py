"""Running a rule set on a period's figures (RULES.md sections 3 and 7).

Steps run in order; each takes from what its source still holds. The outcome depends on nothing but
the two arguments: no clock, no randomness, no order of names. At the end it is checked that not one
unit appeared or vanished.

What a step pays into a pool is there for the steps after it. Advances of earlier periods are kept
back from members' lines in money; what this period advances is for later ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ledger.errors import (
    Fault,
    Infeasible,
    InvariantViolated,
    MalformedRules,
    UnknownField,
)
from ledger.rules.document import Pool, RuleSet, names_used
from ledger.rules.inputs import Inputs, inputs_hash
from ledger.rules.keys.quadratic import QuadraticKey
from ledger.rules.scope import Scope
from ledger.rules.steps import Division, Step, StepOutcome, StepView, run_step
from ledger.rules.steps.allocate import AllocateStep
from ledger.rules.steps.guarantee import GuaranteeStep
from ledger.rules.steps.recover_cost import RecoverCostStep
from ledger.rules.yamltext import child
from ledger.settlement.repayment import repayments
from ledger.settlement.result import Result, StepResult
from ledger.settlement.tax import tax_of


def run(ruleset: RuleSet, inputs: Inputs) -> Result:
    """Divide the period's money by the rules.

    Raises MalformedRules when the inputs hold money, costs or carry that the rules have no place
    for, or public money that would be divided from a pool that does not say so; Infeasible when the
    rules have no answer, UnknownField when they name somebody who is no member.
    """
    _refuse_homeless(ruleset, inputs)
    pools = {name: _pool_amount(name, pool, inputs) for name, pool in ruleset.pools.items()}
    costs = {step.source: _cost(step, inputs) for step in ruleset.steps if is_charge(step)}
    work = _Work(pools | costs, Counter(inputs.balances), dict(inputs.recoup))
    scope = scope_of(ruleset, inputs)
    for step in ruleset.steps:
        work.post(step, _carry_out(step, ruleset, scope, work), ruleset.unit_of(step.source))
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
        pools_left={name: work.held[name] for name in pools},
        carry=work.carry | work.kept_by_name(),
        owed=work.owed,
        projects=work.projects,
        costs=costs,
        charged={name: costs[name] - work.held[name] for name in costs},
        repaid=repayments(work.steps, inputs.costs),
        recoup=work.recoup(),
        units=ruleset.units,
        tax=None if inputs.invoice is None else tax_of(inputs.invoice),
    )
    check_conservation(result)
    return result


def is_charge(step: Step) -> bool:
    """Whether members pay what the step takes."""
    return isinstance(step, AllocateStep) and step.as_ == "charge"


def _cost(step: Step, inputs: Inputs) -> int:
    """What a cost that is charged came to."""
    return sum(inputs.costs.get(step.source.removeprefix("cost."), {}).values())


def scope_of(ruleset: RuleSet, inputs: Inputs) -> Scope:
    """What keys and steps may look at in a run of ``ruleset`` on ``inputs``."""
    return Scope(inputs, ruleset.metrics, _declared(ruleset, inputs))


@dataclass(slots=True)
class _Work:
    """What a run keeps while it goes through the steps.

    ``openings`` is what the pools and charged costs began with and were fed; ``held`` what is in
    them. ``advances`` is still to be kept back, ``advanced`` what this period advances.
    """

    openings: dict[str, int]
    balances: Counter[str]
    advances: dict[str, int]
    held: dict[str, int] = field(init=False)
    steps: list[StepResult] = field(default_factory=list)
    funds: dict[str, int] = field(default_factory=dict)
    projects: dict[str, int] = field(default_factory=dict)
    carry: dict[str, int] = field(default_factory=dict)
    owed: dict[str, dict[str, int]] = field(default_factory=dict)
    overflow: dict[str, tuple[str, int]] = field(default_factory=dict)
    advanced: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.held = dict(self.openings)

    def post(self, step: Step, outcome: StepOutcome, unit: str | None) -> None:
        """Move what the step took, and note what it left."""
        available = self.held[step.source]
        self.held[step.source] = available - outcome.taken
        if outcome.carry:
            self.carry[step.id] = outcome.carry
            if outcome.owed:
                self.owed[step.id] = dict(outcome.owed)
        if outcome.overflow and not is_charge(step):
            self.overflow[step.id] = step.source, outcome.overflow
        self.advanced.update(outcome.advances)
        found = StepResult(
            step=step.id,
            kind=step.kind,
            source=step.source,
            available=available,
            taken=outcome.taken,
            left=available - outcome.taken,
            notes=outcome.notes,
            division=outcome.division,
            fund=outcome.fund,
            payees=_payees(outcome),
            payee_weights=outcome.payee_weights,
            is_charge=is_charge(step),
            unit=unit,
            tax=step.tax,
        )
        self.steps.append(found)
        for account, amount in found.accounts.items():
            self._credit(account, amount)

    def keep_back(self, members: tuple[str, ...], division: Division | None) -> None:
        """Take off what members paid back of their advances."""
        if division is not None:
            for member, back in zip(members, division.recouped, strict=False):
                self.advances[member] = self.advances.get(member, 0) - back

    def _credit(self, account: str, amount: int) -> None:
        kind, _, name = account.partition(".")
        if kind == "fund":
            self.funds[account] = self.funds.get(account, 0) + amount
            self.balances[account] += amount
        elif kind == "pool":
            self.held[name] += amount
            self.openings[name] += amount
        else:
            self.projects[account] = self.projects.get(account, 0) + amount

    def kept_by_name(self) -> dict[str, int]:
        """What overflowed and is still in its source, by step; later steps may have taken it."""
        left, kept = dict(self.held), {}
        for step, (source, amount) in self.overflow.items():
            part = min(amount, left[source]) if amount > 0 else max(amount, left[source])
            if part * amount > 0:
                kept[step] = part
                left[source] -= part
        return kept

    def recoup(self) -> dict[str, int]:
        """What members have to pay back from the next period on."""
        both = Counter(self.advances)
        both.update(self.advanced)
        return {member: amount for member, amount in sorted(both.items()) if amount}


def _payees(outcome: StepOutcome) -> Mapping[str, int]:
    """The accounts that a step names, and the fund that evens out its rounding."""
    division = outcome.division
    if division is None or not division.rounded.residual:
        return outcome.payees
    account = division.rounding.residual_to or ""
    if not account.startswith("fund."):
        return outcome.payees
    amount = outcome.payees.get(account, 0) + division.rounded.residual
    return {**outcome.payees, account: amount}


def _carry_out(step: Step, ruleset: RuleSet, scope: Scope, work: _Work) -> StepOutcome:
    """Run one step; an error that it raises names it."""
    view = StepView(
        scope=scope,
        available=work.held[step.source],
        opening=work.openings[step.source],
        rounding=ruleset.rounding if step.rounding is None else step.rounding.policy(),
        funds=work.balances,
        taken={done.step: done.taken for done in work.steps},
        held=work.held,
        advances=work.advances if ruleset.unit_of(step.source) is None else {},
    )
    try:
        outcome = run_step(step, view)
    except (Infeasible, UnknownField) as error:
        raise type(error)(f"step {step.id!r}: {error.message}", **error.details) from error
    work.keep_back(scope.inputs.members, outcome.division)
    return outcome


def _pool_amount(name: str, pool: Pool, inputs: Inputs) -> int:
    """What a pool holds at the start: what was left in it, and what its sources brought.

    Raises Infeasible for a pool of another unit of which nothing was metered at all. Whether
    revenue is missing the co-op knows, before it cuts a month off (``coop.feasibility``).
    """
    for source in pool.sources:
        metered = source.removeprefix("total.")
        if pool.needs and metered != source and metered not in inputs.totals:
            text = f"nobody metered {metered!r}, which the pool {name!r} holds"
            text += "; where that means 0, say so: if_missing: zero"
            raise Infeasible(text, name=metered)
    return inputs.opening.get(name, 0) + sum(
        _source_amount(source, pool.origin, inputs) for source in pool.sources
    )


def _source_amount(source: str, origin: str | None, inputs: Inputs) -> int:
    """A revenue id of the pool's origin, or the metered charges, which are members' own.

    A pool of another unit holds what was metered of it, in whole units.
    """
    prefix, _, name = source.partition(".")
    if prefix == "total":
        return int(sum(inputs.totals.get(name, {}).values()))
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
    yield from _revenue_out_of_place(ruleset, inputs)
    yield from _costs_out_of_place(ruleset, inputs)
    for name in sorted(inputs.opening.keys() - ruleset.pools.keys()):
        yield Fault(child("/opening", name), "no-pool", f"there is no pool {name!r}")
    yield from _carry_out_of_place(ruleset, inputs)


def _revenue_out_of_place(ruleset: RuleSet, inputs: Inputs) -> Iterator[Fault]:
    """Revenue that no pool takes; public money that would be divided and no pool says so."""
    taken = {(source, pool.origin) for pool in ruleset.pools.values() for source in pool.sources}
    for name, revenue in inputs.revenue.items():
        source = f"revenue.{name}"
        if not taken & {(source, None), (source, revenue.origin)}:
            text = f"no pool takes the revenue {name!r} of origin {revenue.origin}"
            yield Fault(child("/revenue", name), "no-pool", text)
    public = {
        f"revenue.{name}": name
        for name, revenue in inputs.revenue.items()
        if revenue.origin == "public" and revenue.amount_minor
    }
    for name, pool in ruleset.pools.items():
        found = [public[source] for source in pool.sources if source in public]
        if pool.origin is None and found and (step := _dividing(name, ruleset)) is not None:
            for revenue_id in found:
                text = f"{revenue_id!r} is public money in the pool {name!r} of no stated origin"
                text += f", which the step {step!r} divides among members"
                yield Fault(child("/revenue", revenue_id), "public-money", text)


def _dividing(pool: str, ruleset: RuleSet) -> str | None:
    """The first step that divides what is in a pool among members, also through other pools.

    A pool that says 'origin: public' says what is divided of it, so nothing is hidden there.
    """
    reached = {pool}
    for step in ruleset.steps:
        if step.source not in reached:
            continue
        if isinstance(step, GuaranteeStep) or (isinstance(step, AllocateStep) and _pays(step)):
            return step.id
        fed = {name.removeprefix("pool.") for name in step.targets() if name.startswith("pool.")}
        reached |= {name for name in fed if ruleset.pools[name].origin != "public"}
    return None


def _pays(step: AllocateStep) -> bool:
    """Whether members receive what the step takes, not other pools, funds or projects."""
    return step.split is None and not isinstance(step.key, QuadraticKey)


def _costs_out_of_place(ruleset: RuleSet, inputs: Inputs) -> Iterator[Fault]:
    """Costs of which no step takes any notice: nobody would learn that they stay unpaid."""
    known = names_used(ruleset).costs
    for name, borne in inputs.costs.items():
        if name not in known and any(borne.values()):
            text = f"no step of this rule set recovers or charges the cost {name!r}"
            yield Fault(child("/costs", name), "no-step", text)


def _carry_out_of_place(ruleset: RuleSet, inputs: Inputs) -> Iterator[Fault]:
    """Carry that no step pays, or that is owed to nobody by name."""
    steps = {step.id: step for step in ruleset.steps if isinstance(step, RecoverCostStep)}
    overflowing = {
        step.id
        for step in ruleset.steps
        if isinstance(step, AllocateStep) and step.overflow == "carry"
    }
    for name, amount in inputs.carry.items():
        if name in overflowing:
            continue  # told by name; the money itself is what its pool opens with
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
        if step.division is not None and step.unit is None:
            for index, amount in enumerate(step.division.amounts):
                totals[index] += amount
    return dict(zip(members, totals, strict=True))


def check_conservation(result: Result) -> None:
    """Raise InvariantViolated unless every unit that came in is accounted for, step by step."""
    held = {**result.pools, **result.costs}
    for step in result.steps:
        if step.available != held[step.source] or step.left != step.available - step.taken:
            raise InvariantViolated(f"step {step.step!r} does not follow from the one before it")
        held[step.source] = step.left
        _check_given(step)
        _check_repaid(step, result.repaid.get(step.step, {}))
        for account, amount in step.accounts.items():
            kind, _, name = account.partition(".")
            if kind == "pool":
                held[name] += amount
            unit = result.units.get(name) if kind == "pool" else None
            if kind != "project" and unit != step.unit:
                raise InvariantViolated(f"step {step.step!r} mixes units in {account}")
    left = {**result.pools_left, **{n: result.costs[n] - c for n, c in result.charged.items()}}
    if held != left:
        raise InvariantViolated(f"the pools hold {held}, not {left}")
    if result.total_in != result.total_out:
        raise InvariantViolated(f"{result.total_in} came in, {result.total_out} went out")
    for unit, row in result.unit_totals().items():
        if row["in"] != row["out"]:
            raise InvariantViolated(f"{row['in']} {unit} came in, {row['out']} went out")


def _check_repaid(step: StepResult, repaid: Mapping[str, int]) -> None:
    """What a step charged is what those who bore the cost are repaid; others repay nothing."""
    if sum(repaid.values()) != (step.taken if step.is_charge else 0):
        raise InvariantViolated(f"step {step.step!r} does not repay what it charges")
    if any(amount < 0 for amount in repaid.values()):
        raise InvariantViolated(f"step {step.step!r} repays less than nothing")


def _check_given(step: StepResult) -> None:
    """What a step took is what members and accounts got; a charge takes it from members."""
    amounts = () if step.division is None else step.division.amounts
    given = sum(amounts) + sum(step.accounts.values())
    if given != (-step.taken if step.is_charge else step.taken):
        raise InvariantViolated(f"step {step.step!r} took {step.taken}, gave {given}")
    if step.division is not None and not step.division.rounded.residual:
        signs = {amount > 0 for amount in amounts if amount}
        if len(signs) > 1:
            raise InvariantViolated(f"step {step.step!r} gives amounts of both signs")
