"""Checking that a settlement document adds up by itself, before any member's figures are looked at.

Every step follows from the one before it, what each took is what members and accounts got, pools
that steps feed are there for later ones, and the totals are those of the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.errors import MalformedDocument, SumMismatch
from ledger.settlement.shape import SettlementShape, StepShape, parse_settlement
from ledger.settlement.trees import basis_row, weights_root


def verify_totals(settlement: Mapping[str, Any]) -> None:
    """Check steps, funds, members, pools and roots; raises SumMismatch naming what is wrong."""
    try:
        public = parse_settlement(settlement)
    except MalformedDocument as error:
        raise SumMismatch(error.message, faults=error.faults) from error
    totals = public.totals
    _verify_flow(public)
    require(_credited(public, "fund") == totals.funds, "the funds")
    require(_credited(public, "project") == totals.projects, "the projects")
    _verify_members(public)
    require((public.charges_root is None) == (totals.charged_to_members == 0), "the charges root")
    given = totals.paid_to_members + totals.paid_to_suspense - totals.charged_to_members
    given += sum(totals.funds.values()) + sum(totals.projects.values()) + sum(totals.costs.values())
    require(_held(public, public.pools, None) == totals.in_, "what came in")
    left = _held(public, totals.pools_left, None)
    require(given + left == totals.out, "what went out")
    require(totals.in_ == totals.out, "what came in and what went out")
    _verify_units(public)
    require(weights_root(_commitments(public)) == public.weights_root, "the weights root")


def require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise SumMismatch unless something holds."""
    if not holds:
        raise SumMismatch(f"{what} does not agree with the rest of the document")


def to_members(step: StepShape) -> int:
    """What members got in a step, or were charged, after what they paid back of advances."""
    division = step.division
    if division is None:
        return 0
    account = division.rounding.half_even_residual_to or ""
    beside = division.residual or 0 if account.startswith("fund.") else 0
    return step.divided - division.recouped - beside


def _verify_flow(public: SettlementShape) -> None:
    held = {**public.pools, **public.costs}
    for step in public.steps:
        follows = held.get(step.source) == step.available
        require(follows and step.left == step.available - step.taken, f"step {step.step!r}")
        require(step.fund is None or step.division is None, f"the kind of {step.step!r}")
        require((step.source in public.costs) == (step.as_ == "charge"), f"step {step.step!r}")
        require(step.unit == public.unit_of(step.source), f"the unit of {step.step!r}")
        taken = -step.taken if step.as_ == "charge" else step.taken
        given = to_members(step) + sum(step.accounts.values())
        require(given == taken, f"what {step.step!r} gave")
        held[step.source] = step.left
        for account, amount in step.accounts.items():
            kind, _, name = account.partition(".")
            require(kind in ("fund", "pool", "project"), f"the account {account!r}")
            if kind == "pool":
                require(name in public.pools, f"the pool {name!r}")
                held[name] += amount
            unit = public.unit_of(name) if kind == "pool" else None
            require(unit == step.unit, f"the unit of {account!r}")
    charged = public.totals.costs
    require(charged.keys() == public.costs.keys(), "the costs that are charged")
    open_costs = {name: cost - charged[name] for name, cost in public.costs.items()}
    require(held == {**public.totals.pools_left, **open_costs}, "what is left in the pools")


def _credited(public: SettlementShape, kind: str) -> dict[str, int]:
    """What accounts of one kind got over all steps."""
    found: dict[str, int] = {}
    for step in public.steps:
        for account, amount in step.accounts.items():
            if account.partition(".")[0] == kind:
                found[account] = found.get(account, 0) + amount
    return found


def _verify_members(public: SettlementShape) -> None:
    """What members and suspense are paid and owe.

    A member that takes the residual of a rounding may have the other sign than the rest of its
    step; then only the difference of the two sums is known of the steps.
    """
    given = [to_members(step) for step in public.steps if step.unit is None]
    totals = public.totals
    paid = totals.paid_to_members + totals.paid_to_suspense
    if any(_evened_by_a_member(step) for step in public.steps):
        require(sum(given) == paid - totals.charged_to_members, "what members got")
        return
    require(sum(t for t in given if t > 0) == paid, "what members and suspense are paid")
    require(-sum(t for t in given if t < 0) == totals.charged_to_members, "what members owe")


def _evened_by_a_member(step: StepShape) -> bool:
    division = step.division
    if division is None or step.unit is not None:
        return False
    account = division.rounding.half_even_residual_to
    return account is not None and not account.startswith("fund.")


def _verify_units(public: SettlementShape) -> None:
    units = set(public.units.values())
    require(public.totals.units.keys() == units, "the units")
    for unit, row in public.totals.units.items():
        given = sum(to_members(step) for step in public.steps if step.unit == unit)
        left = _held(public, public.totals.pools_left, unit)
        came = _held(public, public.pools, unit)
        right = (row.in_, row.members, row.left, row.out) == (came, given, left, given + left)
        require(right and row.in_ == row.out, f"what is told of {unit}")


def _held(public: SettlementShape, pools: Mapping[str, int], unit: str | None) -> int:
    return sum(amount for name, amount in pools.items() if public.unit_of(name) == unit)


def _commitments(public: SettlementShape) -> list[tuple[str, bytes]]:
    found = []
    for step in public.steps:
        if step.division is not None:
            found.append((step.step, step.division.commitment))
            if step.division.basis is not None:
                found.append((basis_row(step.step), step.division.basis.commitment))
    return found
