"""Three months in which members are repaid, held back, corrected, and owe: every term at once."""

from __future__ import annotations

from typing import Any

from ledger.coop.envelope import parse_envelope
from ledger.coop.payable import payable_figures
from ledger.coop.settlements import rules_of
from ledger.coop.state import State
from ledger.rules.inputs import parse_inputs
from ledger.settlement.result import Result
from ledger.settlement.run import run
from tests.builder import RULES, World, authority, charter
from tests.coop.months import Row, correct, open_month, revenue, settle, submit
from tests.coop.stages import MONTH, dispute_body, propose

# A cost that everybody is charged, and a division by trips; what is undisputed is paid.
CHARGED = (
    RULES[: RULES.index("steps:")]
    + """steps:
  - {id: use, kind: allocate, source: cost.platform, as: charge,
     key: {kind: proportional, input: trips}}
  - {id: share, kind: allocate, source: gross, key: {kind: proportional, input: trips}}
approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 60}
"""
)
LATER = "2026-11"
LAST = "2026-12"


def charged_world(make: type[World] = World) -> World:
    """October with its usage, open."""
    world = make(charter=charter(authority=authority()), rules=CHARGED)
    world.prepare()
    return world


def settle_disputed(world: World, trips: int) -> str:
    """Settle October while the bus claims ``trips``; answers with the dispute's id."""
    world.close()
    propose(world)
    claims = [{"where": "totals/trips/bus", "value": trips}]
    world.write("bus", "dispute-opened", dispute_body(world, claims=claims)[0])
    (id_,) = world.state.disputes
    settlement = str(world.state.period(MONTH).settlement)
    for who in ("bus", "ev"):
        world.vote(who, settlement)
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    return id_


def until_november(world: World) -> str:
    """October is settled with a dispute, which is withdrawn in November; answers with its id."""
    id_ = settle_disputed(world, 500)
    open_month(world, LATER)
    world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "it was not"})
    return id_


def settle_november(world: World) -> str:
    """Most of the ev's October is taken back, November earns little; the correction's id."""
    revenue(world, LATER, 1_000)
    submit(world, Row(LATER, "bus", "nov", 5))
    submit(world, Row(MONTH, "ev", "back", -291, reverses="ev-1"))
    id_ = correct(world)
    settle(world, LATER)
    return id_


def settle_december(world: World) -> None:
    """The ev earns, and what it owes is offset."""
    open_month(world, LAST)
    revenue(world, LAST, 900_000)
    submit(world, Row(LAST, "ev", "dec", 9))
    submit(world, Row(LAST, "bus", "dec", 1))
    settle(world, LAST)


def result_of(world: World, month: str, state: State | None = None) -> Result:
    """The run of a month's settlement again, from what its entry names."""
    state = state or world.state
    for data in world.entries:
        draft = parse_envelope(data).draft
        if draft.kind != "settlement-proposed" or draft.body["settlement"]["period"] != month:
            continue
        inputs = parse_inputs(world.blob(draft.body["inputs"]["sha256"])[32:])
        return run(rules_of(state, state.period(month), world), inputs)
    raise AssertionError(f"no settlement of {month}")


def figures(world: World, month: str, member: str) -> dict[str, Any] | None:
    """What the statement of a member would say of a month now."""
    period = world.state.period(month)
    return payable_figures(world.state, period, result_of(world, month), member)
