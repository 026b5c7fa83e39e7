"""The one-line subjects that people decide on; derived here, never taken from a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.coop import bodies, payout_bodies
from ledger.coop.charter import Charter
from ledger.identity.address import to_checksum
from ledger.money import format_minor


def money(terms: Charter, amount_minor: int, currency: str) -> str:
    """An amount with its currency, such as ``1,234,567 JPY``."""
    digits = terms.digits(currency)
    return f"{format_minor(amount_minor, digits=digits, grouped=True)} {currency}"


def of_admission(body: bodies.MemberAdmitted) -> str:
    """The subject of admitting a member."""
    roles = ", ".join(body.roles)
    return f"Admit {body.id} ({body.name.en}) as {roles} with {len(body.keys)} key(s)"


def of_leaving(body: bodies.MemberLeft) -> str:
    """The subject of ending a membership."""
    return f"End the membership of {body.member}"


def of_key_added(body: bodies.KeyAdded) -> str:
    """The subject of giving a member another key."""
    return f"Add key {to_checksum(body.key.address)} for {body.member}"


def of_key_revoked(body: bodies.KeyRevoked, member: str) -> str:
    """The subject of revoking a member's key."""
    return f"Revoke key {to_checksum(body.key)} of {member}"


def of_erasure(body: bodies.RecordsErased, owner: str) -> str:
    """The subject of erasing records of another's batch."""
    count = len(body.records)
    what = "1 record" if count == 1 else f"{count:,} records"
    return f"Erase {what} of batch {body.batch} of {owner}: {body.reason}"


def of_log_key_added(body: bodies.LogKeyAdded) -> str:
    """The subject of announcing a key of the log."""
    return f"Sign the log with the further key {_key_id(body.vkey)}"


def of_log_key_retired(body: bodies.LogKeyRetired) -> str:
    """The subject of retiring a key of the log."""
    return f"Sign the log no more with the key {_key_id(body.vkey)}"


def of_anchor_successor(body: bodies.AnchorSuccessorNamed) -> str:
    """The subject of naming the contract that follows another."""
    new = body.successor
    return (
        f"Anchor at {to_checksum(new.contract)} on chain {new.chain_id} with code {new.code_hash} "
        f"instead of {to_checksum(body.contract)} on chain {body.chain_id}"
    )


def _key_id(vkey: str) -> str:
    return vkey.split("+", 2)[1]


def of_facility(body: bodies.FacilityRegistered) -> str:
    """The subject of registering a facility."""
    return f"Register facility {body.id} ({body.name.en})"


def of_funding(body: bodies.FundingReported, terms: Charter) -> str:
    """The subject of a contribution of capital."""
    amount = money(terms, body.amount_minor, body.currency)
    return f"Funding {body.id} of {body.asset} by {body.member}: {amount} ({body.origin})"


def of_revenue(body: bodies.RevenueReported, terms: Charter) -> str:
    """The subject of reported revenue."""
    amount = money(terms, body.amount_minor, body.currency)
    return f"Revenue {body.id} {body.period}: {amount} ({body.origin})" + _instead(body)


def of_cost(body: bodies.CostReported, terms: Charter) -> str:
    """The subject of a reported cost."""
    amount = money(terms, body.amount_minor, body.currency)
    return f"Cost {body.id} {body.period}: {amount} borne by {body.member}" + _instead(body)


def of_kpi(body: bodies.KpiReported) -> str:
    """The subject of a KPI reading."""
    whose = "the whole town" if body.member == "_" else body.member
    reading = f"{body.value:,} of {body.scale:,}"
    return f"Reading {body.id} {body.period} of {whose}: {reading}" + _instead(body)


def of_figures(body: bodies.FiguresReported) -> str:
    """The subject of reported figures; the hash is what one compares with one's own file."""
    size, digest = body.figures.bytes, body.figures.sha256[:16]
    what = f"Figures {body.section} {body.id} {body.period}"
    return f"{what}: {size:,} bytes, SHA-256 {digest}…" + _instead(body)


def _instead(body: bodies.Replacing) -> str:
    """That a report replaces the one in an earlier entry."""
    return "" if body.replaces == bodies.NOTHING else f", instead of entry {body.replaces}"


def of_rules(body: bodies.RulesetProposed) -> str:
    """The subject of a rule set."""
    return f"Rule set {body.ruleset} version {body.version} from {body.effective_from}"


class Sums(NamedTuple):
    """What a settlement pays to members, holds in suspense, and charges to members."""

    paid: int
    suspense: int
    charged: int


def of_settlement(period: str, sums: Sums, currency: str, members: int, digits: int) -> str:
    """The subject of a settlement: what members are paid, what is held, what they are charged."""

    def words(amount: int) -> str:
        return f"{format_minor(amount, digits=digits, grouped=True)} {currency}"

    subject = f"Settlement {period}: {words(sums.paid)} to {members} members"
    if sums.suspense:
        subject += f", {words(sums.suspense)} to suspense"
    return f"{subject}, {words(sums.charged)} charged to members" if sums.charged else subject


Money = Callable[[int], str]
"""How an amount of a currency is written."""


def money_of(terms: Charter, currency: str) -> Money:
    """How amounts of a currency are written in subjects."""
    return lambda amount_minor: money(terms, amount_minor, currency)


def of_correction(periods: Sequence[str], posted_in: str, sums: Sums, words: Money) -> str:
    """The subject of a correction: what members gain and lose by it, what suspense gains."""
    which = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    subject = f"Correction of {which} in {posted_in}: {words(sums.paid)} more to members"
    subject += f", {words(sums.charged)} less to members"
    return f"{subject}, {words(sums.suspense)} to suspense" if sums.suspense else subject


def of_dispute(body: bodies.DisputeOpened, member: str) -> str:
    """The subject of a dispute: to approve is to uphold it."""
    claims = ", ".join(f"{claim.where} is {claim.value:,}" for claim in body.claims)
    return f"Uphold the dispute of settlement {body.period} by {member}: {claims}"


def of_destination(body: payout_bodies.PayoutDestinationSet) -> str:
    """The subject of a payout destination."""
    where = body.destination
    if where.type == "evm":
        place = to_checksum(where.address)
    else:
        place = f"{'bank account' if where.type == 'bank' else 'IBAN'} {where.hint}"
    return f"Pay {body.member} in {body.currency} to {place}"


def of_payout(body: payout_bodies.PayoutOrdered, terms: Charter, vault: str | None) -> str:
    """The subject of a payout order: what is paid to how many members, and how.

    ``vault`` is ``<chain id>/<contract>`` where the log names the vault that pays it.
    """
    to = "1 member" if body.count == 1 else f"{body.count:,} members"
    how = {"bank": "by bank", "iban": "by IBAN", "vault": "through the vault"}[body.method]
    if vault is not None:
        chain_id, contract = vault.split("/")
        how += f" {to_checksum(contract)} on chain {chain_id}"
    return f"Payout {body.period}: {money(terms, body.total_minor, body.currency)} to {to} {how}"


def of_payout_results(
    period: str, paid: str, returned: str, expired: str | None, count: int
) -> str:
    """The subject of what a bank or a contract says of an order's lines; None: nothing expired."""
    lines = "1 line" if count == 1 else f"{count:,} lines"
    gone = "" if expired is None else f"{expired} expired to a reserve, "
    return f"Payout results {period}: {paid} paid, {returned} returned, {gone}{lines}"
