"""A log whose charter is changed twice: by everybody, then by the quorum that was named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger import canonical
from ledger.audit.bundle import START_STATE
from ledger.coop.authority import default_authority
from tests.audit.world import (
    bundle_of,
    files_of,
    open_month,
    propose,
    rebuild,
    record_in,
    report_revenue,
    settle,
    settled_world,
    slice_of,
    trust_in,
)
from tests.browser.case import Case
from tests.builder import World, authority
from tests.coop.payments import order
from tests.coop.payout_bodies import set_destination
from tests.coop.stages import change_body, change_charter

EVERYBODY = ("audit", "bike", "bus", "ev", "office", "town")
NAMED = ("charter-changed", "correction-proposed", "payout-ordered")
DOCKS = {"id": "docks", "unit": "count", "name": {"ja": "台", "en": "docks"}, "aliases": ["stands"]}
TIP = {"id": "tip", "name": {"ja": "心付け", "en": "tip"}, "aliases": []}


DESTINATIONS = {
    "payout-destination-set": {
        "write": ["operator", "member"],
        "approve": {"roles": ["operator", "auditor"], "threshold": "1"},
    }
}


def changed_world() -> World:
    """November closes under the deadlines it began with, December under others and new words."""
    world = settled_world(authority=authority(later=False))
    rights = {kind: default_authority()[kind].model_dump() for kind in NAMED}
    change_charter(world, *EVERYBODY, authority=rights)
    open_month(world, "2026-11")
    report_revenue(world, "2026-11", 500_000)
    world.submit("bus", record_in("2026-11", "bus-1", measures={"trips": 50}))
    world.now = "2026-12-01T00:00:00.000Z"
    world.write("office", "period-closing", {"period": "2026-11"})
    change_charter(
        world,
        period={"grace_days": 1, "objection_days": 2, "lookback_periods": 5},
        payouts={"destination_days": 3},
        readers={"entries": "everyone", "totals": []},
        vocabulary={"metrics": [DOCKS], "charges": [TIP]},
    )
    # It waits while two months are cut off: their hashes say whom it waits for.
    world.write("bus", "charter-changed", change_body(world, authority=DESTINATIONS))
    world.carry("bus", "ev")
    world.write("office", "period-closed", {"period": "2026-11"})
    settle(world, "2026-11")
    waiting = next(iter(world.state.proposals))
    _december(world)
    world.vote("office", waiting)
    return world


def _december(world: World) -> None:
    open_month(world, "2026-12")
    report_revenue(world, "2026-12", 700_000)
    for firm in ("bus", "ev"):
        set_destination(world, firm)
    world.submit("ev", record_in("2026-12", "ev-1", measures={"trips": 13, "docks": 4}), n=2)
    world.now = "2027-01-01T00:00:00.000Z"
    world.write("office", "period-closing", {"period": "2026-12"})
    world.now = "2027-01-02T00:00:00.000Z"
    world.write("office", "period-closed", {"period": "2026-12"})
    propose(world, month="2026-12")
    world.carry("bus", "ev")
    world.now = "2027-01-04T00:00:00.000Z"
    body = {"period": "2026-12", "settlement_id": world.state.period("2026-12").settlement}
    world.write("office", "settlement-settled", body)
    order(world)


def changed_cases() -> Iterator[Case]:
    """The log, the slice of December, and slices whose state says another charter."""
    world = changed_world()
    trust = trust_in(world)
    yield Case("changed charter", bundle_of(world), trust)
    made = slice_of(world, world.state.periods["2026-12"].cut_off.index)
    yield Case("changed charter, slice", made, trust)
    files = files_of(made)
    state = canonical.parse(files[START_STATE])
    now, deadlines = state["charter_in_force"], state["periods"]["2026-11"]["deadlines"]
    november = {**state["periods"]["2026-11"], "deadlines": {**deadlines, "grace_days": 9}}
    for name, change in (
        ("null", {"charter_in_force": None}),
        ("of entry 0", {"charter_in_force": state["charter"]}),
        ("of another name", {"charter_in_force": {**now, "name": {"ja": "x"}}}),
        ("a list", {"charter_in_force": []}),
        ("changed nowhere", {"charter_changes": []}),
        ("changed in words", {"charter_changes": ["x"]}),
        ("beside nobody", {"proposals": _beside(state["proposals"], [])}),
        ("beside in words", {"proposals": _beside(state["proposals"], "office")}),
        ("other deadlines", {"periods": {**state["periods"], "2026-11": november}}),
    ):
        data = canonical.encode({**state, **change})
        changed = rebuild({**files, START_STATE: data}, fit=True)
        yield Case(f"changed charter, {name}", changed, trust)


def _beside(proposals: Any, besides: Any) -> dict[str, Any]:
    return {id_: {**one, "besides": besides} for id_, one in proposals.items()}
