"""Settlements: proposed, approved, settled. Handlers of these kinds.

A proposed settlement is computed again here, from the state at the cut-off, the totals and the
rule set that the members adopted; one that differs in a single byte is refused. So a settlement
in the log is right by construction, whoever wrote it, and auditing it is folding the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ledger import canonical
from ledger.coop import bodies, subjects
from ledger.coop.charter import Quorum
from ledger.coop.claimed import amend
from ledger.coop.figures import reported_sections
from ledger.coop.kpis import readings_for
from ledger.coop.postings import posted_to
from ledger.coop.proposals import electors, propose
from ledger.coop.rulesets import read_rules
from ledger.coop.state import SUSPENSE, Balances, CutOff, Period, Proposal, Run, State
from ledger.coop.step import AccountKey, Change, Evidence, Step
from ledger.errors import (
    Conflict,
    MalformedEntry,
    NotFound,
    PeriodClosed,
    QuorumMissing,
    SumMismatch,
)
from ledger.money import AMOUNT_MAX
from ledger.period import add_days, next_month
from ledger.rules.document import RuleSet
from ledger.rules.inputs import Inputs, inputs_bytes, parse_inputs
from ledger.rules.number import integer_json
from ledger.settlement import document as settlement_document
from ledger.settlement.corrections_of_period import offset
from ledger.settlement.document import Settlement, build_settlement, settlement_id
from ledger.settlement.result import Result, amounts_json
from ledger.settlement.sumtree import derive_salt
from ledger.usage.totals import CHARGE

FIRST_EPOCHS = 1


@dataclass(frozen=True, slots=True)
class Computed:
    """A settlement with all it follows from; the blobs carry a salt made from the seed."""

    id: bytes
    rules: RuleSet
    inputs: Inputs
    inputs_blob: bytes
    settlement: Settlement


def compute(state: State, period_id: str, evidence: Evidence, seed: bytes) -> Computed:
    """The settlement of a closed period; ``seed`` is 32 random bytes for its sum trees.

    The same state, totals and seed give the same bytes on any machine.
    """
    period = state.period(period_id)
    cut_off = cut_off_of(period)
    _check_order(state, period)
    rules = rules_of(state, period, evidence)
    totals = evidence.totals(period_id, FIRST_EPOCHS)
    before = state.balances.get(rules.currency, Balances())
    inputs = parse_inputs(inputs_document(period, rules, totals, before, period.amended, evidence))
    facts = settlement_document.CutOff(
        period=period_id,
        as_of_index=cut_off.index,
        log_root=bytes.fromhex(cut_off.log_root),
        state_hash=bytes.fromhex(cut_off.state_hash),
    )
    settlement = build_settlement(facts, rules, inputs, seed)
    inputs_blob = derive_salt(seed, "inputs", 0) + inputs_bytes(inputs)
    return Computed(settlement_id(settlement.document), rules, inputs, inputs_blob, settlement)


def inputs_document(  # noqa: PLR0913, PLR0917 - a run stands on these six
    period: Period,
    rules: RuleSet,
    totals: Mapping[AccountKey, int],
    balances: Balances,
    amended: Mapping[str, int],
    evidence: Evidence,
) -> dict[str, Any]:
    """The inputs of a run (RULES section 7) from what the co-op knows; one currency.

    ``balances`` are those that the period before left in the rules' currency, ``amended`` what
    upheld disputes change: a figure's place, such as ``totals/trips/bus``, and the difference.
    ``evidence`` holds the blobs of reported figures.
    """
    facts = cut_off_of(period).facts
    currency = rules.currency
    usage = usage_by_name(totals, currency)
    accounts = {*facts["members"], *(account for row in usage.values() for account in row)}
    owed = {member for row in balances.owed.values() for member in row}
    owed = (owed | balances.recoup.keys()) - accounts
    beside = {"beside": sorted(owed)} if owed else {}
    kpis = readings_for(rules, facts.get("kpis", {}))
    reported = reported_sections(facts, evidence)
    counts = reported.pop("totals", {})
    document = {
        **beside,
        **({"kpis": kpis} if kpis else {}),
        "kyojo_inputs": 1,
        "period": {"start": f"{period.id}-01", "end": f"{next_month(period.id)}-01"},
        "members": sorted(accounts | owed),
        "totals": {
            name: {account: integer_json(amount) for account, amount in row.items()}
            for name, row in usage.items()
        }
        | counts,
        "revenue": {
            name: {"amount_minor": row["amount_minor"], "origin": row["origin"]}
            for name, row in sorted(facts["revenue"].items())
            if row["currency"] == currency
        },
        "costs": {
            name: dict(row["borne"])
            for name, row in sorted(facts["costs"].items())
            if row["currency"] == currency
        },
        "funding": {
            asset: dict(row["amounts"])
            for asset, row in sorted(facts["funding"].items())
            if row["currency"] == currency
        },
        "balances": dict(balances.funds),
        "carry": dict(balances.carry),
        "owed": {name: dict(row) for name, row in balances.owed.items()},
        "opening": dict(balances.pools),
        **({"recoup": dict(balances.recoup)} if balances.recoup else {}),
        **reported,
    }
    return amend(document, amended)


def usage_by_name(totals: Mapping[AccountKey, int], currency: str) -> dict[str, dict[str, int]]:
    """Totals per metric or charge and account, over all facilities; charges in one currency."""
    found: dict[str, dict[str, int]] = {}
    for key, amount in totals.items():
        if key.currency != currency and key.name.startswith(CHARGE):
            continue
        row = found.setdefault(key.name, {})
        row[key.account] = row.get(key.account, 0) + amount
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def propose_settlement(step: Step, body: bodies.SettlementProposed) -> Change:
    """Compute the settlement again and put it before the electorate."""
    period = _named_period(step.state, body.settlement)
    if period.status != "closed":
        raise PeriodClosed(f"{period.id} is {period.status}, not closed", status=period.status)
    if step.right.approve is None:
        raise MalformedEntry("a settlement needs a quorum; the charter names none")
    computed = compute(step.state, period.id, step.evidence, step.blob(body.seed, "the seed"))
    compare(body.settlement, computed.settlement.document)
    _compare_blobs(step, body, computed)
    settlement, result = computed.settlement, computed.settlement.result
    to_suspense, charges = settlement.trees.to_suspense, settlement.trees.charges
    paid_minor = settlement.trees.amounts.root.sum - to_suspense
    terms = step.state.terms()
    state = propose(
        step,
        step.state,
        stricter_quorum(step.state, step.right.approve, computed.rules),
        subject=subjects.of_settlement(
            period.id,
            subjects.Sums(paid_minor, to_suspense, 0 if charges is None else charges.root.sum),
            result.currency,
            int(settlement.document["member_count"]),
            terms.digits(result.currency),
        ),
        subject_hash=computed.id,
        body={
            "period": period.id,
            "currency": result.currency,
            "suspense": integer_json(result.member_totals.get(SUSPENSE, 0)),
            "funds": amounts_json(result.funds),
            "pools_left": amounts_json(result.pools_left),
            "carry": amounts_json(result.carry),
            "owed": {name: amounts_json(row) for name, row in result.owed.items()},
            **({"recoup": amounts_json(result.recoup)} if result.recoup else {}),
            **_offset(step.state, period, result),
        },
    )
    proposed = replace(
        period, status="proposed", settlement=computed.id.hex(), proposed_at=step.now
    )
    return Change(
        state.with_period(proposed),
        period=period.id,
        amount_minor=paid_minor if paid_minor <= AMOUNT_MAX else None,
        currency=result.currency,
    )


def stricter_quorum(state: State, charter: Quorum, rules: RuleSet) -> Quorum:
    """The charter's quorum, or the rule set's own threshold where that asks for more members."""
    if rules.approval is None:
        return charter
    share = rules.approval.threshold
    # Not validated: a rule set's threshold may be any share, a charter's has short terms.
    own = Quorum.model_construct(
        roles=charter.roles, threshold=f"{share.numerator}/{share.denominator}"
    )
    count = len(electors(state, charter))
    return own if own.needed(count) > charter.needed(count) else charter


def enact_settlement(step: Step, state: State, proposal: Proposal) -> State:
    """The electorate approved: the period may be settled; balances to come are kept with it.

    While it is disputed it stays so, and is approved when the last dispute has ended.
    """
    period = state.period(str(proposal.body["period"]))
    body = proposal.body
    before = state.balances.get(str(body["currency"]), Balances())
    left = _Left(
        amounts_of(body["funds"]),
        amounts_of(body["carry"]),
        amounts_of(body["pools_left"]),
        {name: amounts_of(row) for name, row in body["owed"].items()},
        int(body["suspense"]),
        amounts_of(body.get("recoup", {})),
    )
    balances = _moved(before, left)
    if "receivables" in body:
        balances = replace(balances, receivables=amounts_of(body["receivables"]))
    approved = replace(period, pending=balances, currency=str(body["currency"]))
    if period.status == "disputed":
        approved = replace(approved, resumes="approved")
    else:
        approved = replace(approved, status="approved")
    if "paid" in body:
        approved = replace(approved, paid=amounts_of(body["paid"]))
    if state.keeps_runs():
        id_ = str(period.settlement)
        found = Run(step.index, id_, FIRST_EPOCHS, before, amended=period.amended)
        approved = replace(approved, run=found)
    return state.with_period(approved)


def withdraw_settlement(state: State, proposal: Proposal) -> State:
    """The electorate rejected: the period stays cut off and may be proposed again."""
    period = state.period(str(proposal.body["period"]))
    closed = replace(period, status="closed", settlement=None, proposed_at=None, resumes=None)
    return state.with_period(closed)


def settle(step: Step, body: bodies.SettlementSettled) -> Change:
    """An approved settlement takes effect, once the objection time is over."""
    state = step.state
    period = state.period(body.period)
    if period.status != "approved" or period.proposed_at is None or period.pending is None:
        raise QuorumMissing(f"{body.period} is {period.status}, not approved")
    if body.settlement_id != period.settlement:
        raise Conflict(f"the approved settlement of {body.period} is {period.settlement}")
    until = objections_until(state, period, step.evidence)
    if step.now < until:
        raise PeriodClosed(f"objections to {body.period} may be raised until {until}")
    balances = {**state.balances, str(period.currency): period.pending}
    settled = replace(period, status="settled", pending=None)
    return Change(replace(state.with_period(settled), balances=balances), period=body.period)


class _Left(NamedTuple):
    """What a run leaves to the balances: ``funds`` and ``suspense`` are added to them."""

    funds: Mapping[str, int]
    carry: Mapping[str, int]
    pools: Mapping[str, int]
    owed: Mapping[str, Mapping[str, int]]
    suspense: int
    recoup: Mapping[str, int]


def balances_after(before: Balances, result: Result) -> Balances:
    """The balances that a run leaves, from those on which it was computed."""
    held = result.member_totals.get(SUSPENSE, 0)
    left = _Left(result.funds, result.carry, result.pools_left, result.owed, held, result.recoup)
    return _moved(before, left)


def _moved(before: Balances, left: _Left) -> Balances:
    funds = dict(before.funds)
    for name, amount in left.funds.items():
        funds[name] = funds.get(name, 0) + amount
    return replace(
        before,
        funds=dict(sorted(funds.items())),
        carry=dict(left.carry),
        pools=dict(left.pools),
        owed={name: dict(row) for name, row in left.owed.items()},
        suspense=before.suspense + left.suspense,
        recoup=dict(left.recoup),
    )


def _offset(state: State, period: Period, result: Result) -> dict[str, Any]:
    """What members still owe when corrections and old debts are offset against this period.

    Nothing, as long as there has been no correction and no charge, unless the charter knows
    payouts: then what everybody is paid is kept. Those whom charges repay are paid that beside
    their lines; whom they leave below zero owes it.
    """
    posted = posted_to(state, period, result.currency)
    owed = state.balances.get(result.currency, Balances()).receivables
    nets = {name: amount for name, amount in result.nets.items() if name != SUSPENSE}
    moved = {name for name, net in nets.items() if net < 0 or net != result.member_totals[name]}
    names = moved | posted.keys() | owed.keys()
    if state.keeps_payouts():
        names |= nets.keys()
    if not names:
        return {}
    rows = {
        name: offset(nets.get(name, 0), posted.get(name, 0), owed.get(name, 0))
        for name in sorted(names)
    }
    left = {name: still for name, (_, still) in rows.items() if still}
    paid = {name: amount for name, (amount, _) in rows.items()}
    return {"receivables": amounts_json(left), "paid": amounts_json(paid)}


def amounts_of(row: Mapping[str, int | str]) -> dict[str, int]:
    """Amounts as ``amounts_json`` wrote them: those beyond ±(2**53 − 1) are texts."""
    return {name: int(amount) for name, amount in row.items()}


def rules_of(state: State, period: Period, evidence: Evidence) -> RuleSet:
    """The rule set that the cut-off of a period fixed."""
    wanted = cut_off_of(period).rule_hash
    adopted = next(a for a in state.rule_sets if a.rule_hash == wanted)
    return read_rules(evidence, adopted.text_sha256)


def objections_until(state: State, period: Period, evidence: Evidence) -> str:
    """When a proposed settlement may be settled: after the charter's or the rules' longer delay."""
    if period.proposed_at is None:
        raise PeriodClosed(f"{period.id} is {period.status}: no settlement has been proposed")
    rules = rules_of(state, period, evidence)
    agreed = 0 if rules.approval is None else rules.approval.objection_days
    days = max(state.deadlines_of(period).objection_days, agreed)
    return add_days(period.proposed_at, days)


def cut_off_of(period: Period) -> CutOff:
    """The cut-off of a period; raises PeriodClosed if it has none yet."""
    if period.cut_off is None:
        raise PeriodClosed(f"{period.id} is {period.status}; it has not been closed yet")
    return period.cut_off


def _check_order(state: State, period: Period) -> None:
    """Balances go from month to month: earlier months first, and one settlement at a time."""
    for other in state.periods.values():
        if other.id == period.id:
            continue
        if other.start < period.start and other.status == "closed":
            raise Conflict(
                f"{other.id} comes before {period.id} and is {other.status}, not settled"
            )
        if other.status in ("proposed", "approved", "disputed"):
            raise Conflict(f"{other.id} is {other.status}; settle it before another is proposed")


def _named_period(state: State, settlement: Mapping[str, Any]) -> Period:
    name = settlement.get("period")
    if not isinstance(name, str):
        raise MalformedEntry("the settlement names no period")
    try:
        return state.period(name)
    except NotFound as error:
        raise MalformedEntry(error.message) from error


def compare(
    stated: Mapping[str, Any], computed: Mapping[str, Any], what: str = "settlement"
) -> None:
    """Raise SumMismatch, naming the first field, unless a document is the computed one."""
    for name in sorted(stated.keys() | computed.keys()):
        if stated.get(name) != computed.get(name):
            raise SumMismatch(
                f"the {what}'s {name} is not what the rules and the totals give",
                field=name,
                stated=stated.get(name),
                computed=computed.get(name),
            )
    if canonical.encode(stated) != canonical.encode(computed):
        raise SumMismatch(f"the {what} differs from the computed one")


def _compare_blobs(step: Step, body: bodies.SettlementProposed, computed: Computed) -> None:
    if step.blob(body.inputs, "the inputs") != computed.inputs_blob:
        raise SumMismatch("the inputs blob is not what the ledger holds at the cut-off")
    if step.blob(body.lines, "the lines") != computed.settlement.lines_blob:
        raise SumMismatch("the lines blob is not what the rules give")
