"""The authority table: every kind of entry, its body, who may write it, who must approve it.

This is the one place that says what an entry may do and to whom. A charter may choose other
roles and thresholds for a kind, but not remove the approval of a kind that needs one. The table
in docs/authority.md is printed from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.coop import (
    anchors,
    batches,
    bodies,
    charter_changes,
    corrections,
    destinations,
    disputes,
    erasure,
    facts,
    figures,
    kpis,
    logkeys,
    members,
    payout_bodies,
    payout_results,
    payouts,
    periods,
    proposals,
    rulesets,
    settlements,
    successors,
    vaults,
)
from ledger.coop.charter import Charter, Quorum, Right
from ledger.coop.charter_terms import CharterChanged
from ledger.coop.state import Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import Fault, MalformedEntry, NotPermitted

Handler = Callable[[Step, Any], Change]

OFFICE = ["operator"]
MEMBERS = ["member"]
DISPUTANTS = ["member", "municipality"]
ALL_ROLES = ["member", "operator", "auditor", "municipality"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table; ``enact`` runs when the quorum of ``approve`` is reached."""

    summary: str
    body: type[bodies.Body]
    handle: Handler
    write: list[str]
    approve: tuple[list[str], str] | None = None
    enact: proposals.Enact | None = None
    withdraw: proposals.Withdraw | None = None

    def right(self) -> Right:
        """The default right, which a charter may replace."""
        quorum = None
        if self.approve is not None:
            quorum = Quorum.model_validate({"roles": self.approve[0], "threshold": self.approve[1]})
        return Right.model_validate({"write": self.write, "approve": quorum})


def _decide(step: Step, body: bodies.Decision) -> Change:
    return proposals.decide(step, body, ENACT)


def _change_charter(step: Step, body: CharterChanged) -> Change:
    return charter_changes.propose_change(step, body, check_authority)


def _enact_charter(step: Step, state: State, proposal: Proposal) -> State:
    return charter_changes.enact_change(step, state, proposal, check_authority)


def _withdraw(step: Step, body: bodies.ProposalWithdrawn) -> Change:
    return proposals.withdraw(step, body, WITHDRAW)


KINDS: Mapping[str, Kind] = {
    "member-admitted": Kind(
        "A member is proposed, with its keys",
        bodies.MemberAdmitted, members.admit, OFFICE + MEMBERS, (MEMBERS, "2/3"),
        members.enact_admission,
    ),
    "member-left": Kind(
        "A member leaves; another's membership ends only by quorum",
        bodies.MemberLeft, members.leave, ALL_ROLES, (MEMBERS, "2/3"), members.enact_leaving,
    ),
    "key-added": Kind(
        "A further key; one for another member only by quorum",
        bodies.KeyAdded, members.add_key, ALL_ROLES, (MEMBERS, "2/3"), members.enact_key,
    ),
    "key-revoked": Kind(
        "A key stops counting; another's only by quorum",
        bodies.KeyRevoked, members.revoke_key, ALL_ROLES, (MEMBERS, "2/3"),
        members.enact_revocation,
    ),
    "facility-registered": Kind(
        "Shared infrastructure",
        bodies.FacilityRegistered, members.register_facility, OFFICE, None,
        members.enact_facility,
    ),
    "payout-destination-set": Kind(
        "Where a member wants to be paid; somebody else confirms it",
        payout_bodies.PayoutDestinationSet, destinations.set_destination, OFFICE + DISPUTANTS,
        (OFFICE, "1"), destinations.enact_destination,
    ),
    "funding-reported": Kind(
        "Capital put into an asset",
        bodies.FundingReported, facts.report_funding, OFFICE, (MEMBERS, "1/2"),
        facts.enact_funding,
    ),
    "revenue-reported": Kind(
        "Money that came in for a period",
        bodies.RevenueReported, facts.report_revenue, OFFICE, (MEMBERS, "1/2"),
        facts.enact_revenue,
    ),
    "cost-reported": Kind(
        "A cost of a period and who bore it",
        bodies.CostReported, facts.report_cost, OFFICE + MEMBERS, (MEMBERS, "1/2"),
        facts.enact_cost,
    ),
    "kpi-reported": Kind(
        "A reading of a KPI for a period",
        bodies.KpiReported, kpis.report_kpi, ["operator", "member", "municipality"],
        (MEMBERS, "1/2"), kpis.enact_kpi,
    ),
    "figures-reported": Kind(
        "Figures that are not metered: matrices, payments, games, votes",
        bodies.FiguresReported, figures.report_figures, ["operator", "member", "municipality"],
        (MEMBERS, "1/2"), figures.enact_figures,
    ),
    "usage-batch": Kind(
        "Commitments to usage records, with their totals",
        bodies.UsageBatch, batches.submit, MEMBERS,
    ),
    "records-erased": Kind(
        "Lines and salts are destroyed; those of another's batch only by quorum",
        bodies.RecordsErased, erasure.erase, OFFICE + MEMBERS, (MEMBERS, "2/3"),
        erasure.enact_erasure,
    ),
    "usage-confirmed": Kind(
        "A member confirms what it submitted for a period",
        bodies.UsageConfirmed, batches.confirm, MEMBERS,
    ),
    "ruleset-proposed": Kind(
        "A rule set for coming periods",
        bodies.RulesetProposed, rulesets.propose_rules, OFFICE + MEMBERS, (MEMBERS, "2/3"),
        rulesets.enact_rules,
    ),
    "period-opened": Kind(
        "A month opens, with its two instants",
        bodies.PeriodOpened, periods.open_period, OFFICE,
    ),
    "period-closing": Kind(
        "The grace time of a month begins",
        bodies.PeriodClosing, periods.begin_closing, OFFICE,
    ),
    "period-closed": Kind(
        "The cut-off of a month",
        bodies.PeriodClosed, periods.close, OFFICE,
    ),
    "settlement-proposed": Kind(
        "A settlement, computed again before it is taken",
        bodies.SettlementProposed, settlements.propose_settlement, OFFICE + MEMBERS,
        (MEMBERS, "2/3"), settlements.enact_settlement, disputes.withdraw_settlement,
    ),
    "settlement-settled": Kind(
        "An approved settlement takes effect",
        bodies.SettlementSettled, disputes.settle, OFFICE,
    ),
    "correction-proposed": Kind(
        "What late usage changes in settled months, posted in the next open one",
        bodies.CorrectionProposed, corrections.propose_correction, OFFICE + MEMBERS,
        (MEMBERS, "2/3"), corrections.enact_correction,
    ),
    "dispute-opened": Kind(
        "A member disputes a settlement; to approve is to uphold",
        bodies.DisputeOpened, disputes.open_dispute, DISPUTANTS, (MEMBERS, "2/3"),
        disputes.uphold, disputes.reject,
    ),
    "dispute-answered": Kind(
        "An answer to a dispute, before it is decided",
        bodies.DisputeAnswered, disputes.answer_dispute, OFFICE + MEMBERS,
    ),
    "dispute-withdrawn": Kind(
        "Whoever opened a dispute takes it back",
        bodies.DisputeWithdrawn, disputes.withdraw_dispute, DISPUTANTS,
    ),
    "payout-ordered": Kind(
        "What members are paid, derived again before it is taken",
        payout_bodies.PayoutOrdered, payouts.propose_order, OFFICE, (MEMBERS, "2/3"),
        payouts.enact_order,
    ),
    "vault-named": Kind(
        "The vault that pays members in a currency, instead of the one before",
        vaults.VaultNamed, vaults.name_vault, OFFICE, (MEMBERS, "2/3"), vaults.enact_vault,
    ),
    "payout-exported": Kind(
        "The bank's file of an order, made once",
        payout_bodies.PayoutExported, payouts.export_order, OFFICE,
    ),
    "payout-resulted": Kind(
        "Which lines of an order were paid, which came back",
        payout_bodies.PayoutResulted, payout_results.report_results, OFFICE,
        (["operator", "auditor", "member"], "1"), payout_results.enact_results,
    ),
    "log-key-added": Kind(
        "A further key with which the log signs",
        bodies.LogKeyAdded, logkeys.announce, OFFICE, (MEMBERS, "2/3"),
        logkeys.enact_announcement,
    ),
    "log-key-retired": Kind(
        "A key with which the log signs no more",
        bodies.LogKeyRetired, logkeys.retire, OFFICE, (MEMBERS, "2/3"), logkeys.enact_retirement,
    ),
    "anchor-recorded": Kind(
        "A checkpoint of this log stands on a chain",
        bodies.AnchorRecorded, anchors.record, OFFICE,
    ),
    "anchor-successor-named": Kind(
        "Another contract witnesses the log in place of one",
        bodies.AnchorSuccessorNamed, successors.name_successor, OFFICE, (MEMBERS, "2/3"),
        successors.enact_successor,
    ),
    "charter-changed": Kind(
        "Rights, deadlines, readers or words of the charter are others",
        CharterChanged, _change_charter, OFFICE + MEMBERS, (MEMBERS, "2/3"), _enact_charter,
    ),
    "decision": Kind(
        "One vote on one subject, in words",
        bodies.Decision, _decide, ALL_ROLES,
    ),
    "proposal-withdrawn": Kind(
        "Whoever made a proposal takes it back",
        bodies.ProposalWithdrawn, _withdraw, ALL_ROLES,
    ),
}  # fmt: skip

UNNAMED: Mapping[str, Right] = {charter_changes.KIND: charter_changes.EVERYBODY}
"""Who may write what a charter does not name: of these kinds somebody always may."""

ENACT = {name: kind.enact for name, kind in KINDS.items() if kind.enact is not None}
WITHDRAW = {name: kind.withdraw for name, kind in KINDS.items() if kind.withdraw is not None}


def default_authority() -> dict[str, Right]:
    """The rights that a new charter starts from."""
    return {name: kind.right() for name, kind in KINDS.items()}


def check_authority(charter: Charter) -> None:
    """Raise unless the charter's rights are of known kinds and keep the approvals that matter.

    A kind that it does not name is one that nobody may write, so that the charter of a log that
    was founded before there was such a kind stays what its founders signed.
    """
    faults = [
        Fault(f"/authority/{name}", "unknown-field", "there is no such kind of entry")
        for name in sorted(charter.authority.keys() - KINDS.keys())
    ]
    for name, kind in KINDS.items():
        right = charter.authority.get(name)
        if right is None:
            continue
        if kind.approve is not None and right.approve is None:
            faults.append(Fault(f"/authority/{name}/approve", "missing", "this needs approval"))
        elif right.approve is not None and right.approve.is_impossible:
            faults.append(Fault(f"/authority/{name}/approve", "out-of-range", "more than all"))
        elif kind.enact is None and right.approve is not None:
            faults.append(Fault(f"/authority/{name}/approve", "extra", "this cannot be voted on"))
    if faults:
        raise MalformedEntry(f"the charter's authority: {faults[0].message}", faults=tuple(faults))


def right_of(state: State, kind: str) -> Right:
    """The right that this co-op's charter gives for a kind.

    Raises MalformedEntry for a kind that kyojo does not know, NotPermitted for one that the
    charter gives to nobody.
    """
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise MalformedEntry(f"there is no kind of entry {kind!r}; kyojo knows {known}")
    right = state.terms().authority.get(kind, UNNAMED.get(kind))
    if right is None:
        raise NotPermitted(f"the charter of this co-op lets nobody write {kind}")
    return right
