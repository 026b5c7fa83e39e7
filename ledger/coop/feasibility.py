"""Whether a month can be settled: judged before its cut-off makes it final.

Nothing can be added to a period once it is closed, so one that its rules cannot divide must not
be closed: no weights, or money that would fall by the wayside. A confirmed amount in another
currency than the rules', a cost that no step recovers, a metered charge that no pool takes and no
key weighs: each is named, and the month waits until a rule set has a place for it. Nor must one
be closed while a revenue that its rules divide has not been reported at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ledger.coop.settlements import (
    FIRST_EPOCHS,
    cut_off_of,
    inputs_document,
    rules_of,
    usage_by_name,
)
from ledger.coop.state import Balances, Period, State
from ledger.coop.step import AccountKey, Evidence
from ledger.errors import Fault, Infeasible
from ledger.rules.document import RuleSet, names_used
from ledger.rules.inputs import parse_inputs
from ledger.settlement.document import CutOff, build_settlement
from ledger.usage.totals import CHARGE


def check_feasible(state: State, period_id: str, evidence: Evidence) -> None:
    """Raise Infeasible or MalformedRules: what stands in the way of settling a period."""
    period = state.period(period_id)
    rules = rules_of(state, period, evidence)
    totals = evidence.totals(period_id, FIRST_EPOCHS)
    faults = (
        *_facts_without_place(period, rules),
        *charges_without_place(totals, rules),
        *_revenue_not_reported(period, rules),
    )
    if faults:
        raise Infeasible(
            f"{period_id} cannot be closed: {faults[0].where}: {faults[0].message}", faults=faults
        )
    before = state.balances.get(rules.currency, Balances())
    inputs = parse_inputs(inputs_document(period, rules, totals, before, {}, evidence))
    facts = CutOff(period_id, cut_off_of(period).index, bytes(32), bytes(32))
    build_settlement(facts, rules, inputs, bytes(32))


def _facts_without_place(period: Period, rules: RuleSet) -> Iterator[Fault]:
    recovered = names_used(rules).costs
    for what, rows in (("revenue", period.revenue), ("cost", period.costs)):
        for name, row in sorted(rows.items()):
            if row["currency"] != rules.currency:
                text = f"it is in {row['currency']}, the rule set divides {rules.currency}"
                yield Fault(f"{what} {name}", "other-currency", text)
            elif what == "cost" and name not in recovered:
                yield Fault(f"cost {name}", "no-step", "no step of the rule set recovers it")


def _revenue_not_reported(period: Period, rules: RuleSet) -> Iterator[Fault]:
    """A revenue of which nothing is confirmed is not taken for 0: somebody may have forgotten it.

    Who knows that nothing came in reports 0, and it is confirmed like any amount.
    """
    for pool in rules.pools.values():
        for source in pool.sources if pool.needs else ():
            name = source.removeprefix("revenue.")
            if name != source and name not in period.revenue:
                text = "no amount of it is confirmed; report 0 if nothing came in, or let the rule"
                yield Fault(f"revenue {name}", "not-reported", f"{text} set say if_missing: zero")


def charges_without_place(totals: Mapping[AccountKey, int], rules: RuleSet) -> Iterator[Fault]:
    """Every metered charge that the rules would let fall by the wayside."""
    placed = _places_of_charges(rules)
    for currency in sorted({key.currency for key in totals if key.currency}):
        charges = {
            name: row
            for name, row in usage_by_name(totals, currency).items()
            if name.startswith(CHARGE) and any(row.values())
        }
        for name, row in charges.items():
            by = ", ".join(account for account, amount in sorted(row.items()) if amount)
            if currency != rules.currency:
                text = f"metered by {by}, the rule set divides {rules.currency}"
                yield Fault(f"{name} in {currency}", "other-currency", text)
            elif name not in placed:
                yield Fault(name, "no-pool", f"metered by {by}, no pool of the rule set takes it")


def _places_of_charges(rules: RuleSet) -> set[str]:
    """The charges that a pool takes or a key weighs; they are members' own money."""
    taken = {
        source
        for pool in rules.pools.values()
        if pool.origin in (None, "member")
        for source in pool.sources
    }
    weighed = {name for step in rules.steps for name in step.names().metrics}
    behind = {name: measured.name for name, measured in rules.metrics.items()}
    return taken | {behind.get(name, name) for name in weighed}
