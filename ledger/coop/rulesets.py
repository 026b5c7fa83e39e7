"""Rule sets: proposed with their text, adopted by the charter's quorum, in force from a date."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ledger.coop import bodies, subjects
from ledger.coop.charter import Charter, Quorum
from ledger.coop.proposals import propose
from ledger.coop.state import SUSPENSE, Adopted, Period, Proposal, State
from ledger.coop.step import Change, Evidence, Step
from ledger.errors import (
    Conflict,
    DuplicateId,
    Fault,
    Infeasible,
    MalformedEntry,
    MalformedRules,
    UnknownField,
)
from ledger.rules.document import RuleSet, names_used, parse_rules
from ledger.rules.headcount import headcount_problems
from ledger.usage.totals import SALT_BYTES

COUNT: Final = "count."
EVERY_MEMBER: Final = Quorum(roles=["member"], threshold="1/1")
"""Who must agree where the law asks for all partners, whatever quorum the charter names."""


def propose_rules(step: Step, body: bodies.RulesetProposed) -> Change:
    """Put a rule set before its electorate, once nothing in it is unknown to this co-op."""
    if step.right.approve is None:
        raise MalformedEntry("a rule set needs a quorum; the charter names none")
    rules = parse_rules(step.blob(body.text, "the rule set's text")[SALT_BYTES:])
    _check_header(body, rules)
    _check_names(step.state, rules)
    _check_headcount(step.state, rules)
    _check_succession(step.state, body)
    state = propose(
        step,
        step.state,
        EVERY_MEMBER if rules.needs_everybody else step.right.approve,
        subject=subjects.of_rules(body),
        subject_hash=bytes.fromhex(body.rule_hash),
        body=body.model_dump(mode="json"),
    )
    return Change(state)


def enact_rules(step: Step, state: State, proposal: Proposal) -> State:
    """The rule set is in force from its date on."""
    del step
    body = bodies.parse_body(bodies.RulesetProposed, dict(proposal.body))
    _check_succession(state, body)
    adopted = Adopted(
        body.ruleset, body.version, body.effective_from, body.rule_hash, body.text.sha256
    )
    return replace(state, rule_sets=(*state.rule_sets, adopted))


def rules_in_force(state: State, period: Period) -> Adopted:
    """The rule set for a period: the newest whose date is not after the period's first day."""
    first_day = f"{period.id}-01"
    fitting = [adopted for adopted in state.rule_sets if adopted.effective_from <= first_day]
    if not fitting:
        raise Infeasible(
            f"no adopted rule set is in force on {first_day}; propose one before the cut-off"
        )
    return fitting[-1]


def sharing_now(state: State) -> frozenset[str]:
    """Who would share in a month of now: members in that role, and whoever funds an asset."""
    active = state.members.values()
    sharing = {one.id for one in active if one.left is None and "member" in one.roles}
    return frozenset(sharing.union(*(asset["amounts"] for asset in state.funding.values())))


def read_rules(evidence: Evidence, sha256: str) -> RuleSet:
    """The rule set in a blob: 32 bytes of salt, then the YAML text."""
    return parse_rules(evidence.blob(sha256)[SALT_BYTES:])


def _check_header(body: bodies.RulesetProposed, rules: RuleSet) -> None:
    stated = (body.ruleset, body.version, body.effective_from, body.rule_hash)
    found = (rules.name, rules.version, rules.effective_from, rules.rule_hash.hex())
    if stated != found:
        raise MalformedEntry(f"the entry says {stated}, the rule set's text says {found}")


def _check_names(state: State, rules: RuleSet) -> None:
    terms = state.terms()
    used = names_used(rules)
    metrics = {metric.id for metric in terms.vocabulary.metrics}
    charges = {charge.id for charge in terms.vocabulary.charges}
    unknown = [f"metric {name}" for name in sorted(used.metrics) if _counted(name) not in metrics]
    unknown += [f"charge {name}" for name in sorted(used.charges - charges)]
    # What the charter lets nobody report: better known now than when the month is to be closed.
    if "kpi-reported" not in terms.authority:
        unknown += [f"reading {name}" for name in sorted(used.kpis)]
    if "figures-reported" not in terms.authority:
        unknown += [f"count {name}" for name in sorted(used.metrics) if name.startswith(COUNT)]
        unknown += [f"matrix {name}" for name in sorted(used.matrices)]
        unknown += [f"game {name}" for name in sorted(used.games)]
        unknown += [f"ballots {name}" for name in sorted(used.ballots)]
    members = state.members.keys() | {SUSPENSE}
    unknown += [f"member {name}" for name in sorted(used.members - members)]
    if unknown:
        raise UnknownField(f"the rule set uses what this co-op does not have: {unknown}")
    if terms.digits(rules.currency) != rules.minor_digits:
        raise MalformedRules(
            f"{rules.currency} has {terms.digits(rules.currency)} digits in the charter, "
            f"{rules.minor_digits} in the rule set"
        )
    _check_lateness(terms, rules)
    if rules.timezone != terms.time_zone:
        raise MalformedRules(f"the time zone is {terms.time_zone}, not {rules.timezone}")


def _counted(name: str) -> str:
    """The metric behind a total: of ``count.trips``, which is reported, that is ``trips``."""
    return name.removeprefix(COUNT)


def _check_headcount(state: State, rules: RuleSet) -> None:
    """Floors above everything, or caps below it, with the members of now: no month could close."""
    for pointer, text in headcount_problems(rules, sharing_now(state)):
        raise MalformedRules(f"{pointer}: {text}", faults=(Fault(pointer, "meaning", text),))


def _check_lateness(terms: Charter, rules: RuleSet) -> None:
    """Grace and look-back are the charter's; a rule set may repeat them, not change them."""
    if rules.late is None:
        return
    stated = (rules.late.grace_days, rules.late.max_lookback_periods)
    agreed = (terms.period.grace_days, terms.period.lookback_periods)
    if stated != agreed:
        raise MalformedRules(
            f"the charter says {agreed[0]} days of grace and {agreed[1]} periods of look-back, "
            f"the rule set {stated[0]} and {stated[1]}"
        )


def _check_succession(state: State, body: bodies.RulesetProposed) -> None:
    if any(adopted.rule_hash == body.rule_hash for adopted in state.rule_sets):
        raise DuplicateId("this very rule set is adopted already")
    if state.rule_sets:
        last = state.rule_sets[-1]
        if body.effective_from < last.effective_from:
            raise Conflict(f"version {last.version} holds from {last.effective_from}; not earlier")
        if body.ruleset != last.ruleset or body.version != last.version + 1:
            raise Conflict(f"the next rule set is {last.ruleset} version {last.version + 1}")
    # A month that is cut off keeps its rules whatever comes; one before it may still need others.
    open_ = [period.id for period in state.periods.values() if period.cut_off is None]
    cut = [
        period.id
        for period in state.periods.values()
        if period.cut_off is not None and not any(month < period.id for month in open_)
    ]
    if cut and body.effective_from <= f"{max(cut)}-01":
        raise Conflict(f"{max(cut)} is closed; a rule set cannot reach back into it")
