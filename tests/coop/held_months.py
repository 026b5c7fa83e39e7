"""Octobers that are disputed while they take effect: rules in which lines win and lose at once."""

from __future__ import annotations

from tests.builder import FIRMS, RULES, World, authority, charter, record
from tests.coop.payable_months import result_of
from tests.coop.stages import MONTH, dispute_body, propose

HEAD = RULES[: RULES.index("steps:")]
PAYING = "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 60}\n"
# Half by trips and half by energy: one dispute can take from one line and add to another.
TWO_LINES = f"""{HEAD}steps:
  - {{id: share, kind: allocate, source: gross, limit: 50%,
     key: {{kind: proportional, input: trips}}}}
  - {{id: power, kind: allocate, source: gross, key: {{kind: proportional, input: energy_wh}}}}
  - {{id: opex, kind: recover_cost, source: gross, costs: [platform], carry_forward: true}}
{PAYING}"""
# The ev is charged the whole cost that others bore.
CHARGED = f"""{HEAD}steps:
  - {{id: cost, kind: allocate, source: cost.platform, as: charge,
     key: {{kind: fixed, weights: {{ev: 1}}}}}}
  - {{id: share, kind: allocate, source: gross, key: {{kind: proportional, input: trips}}}}
{PAYING}"""
# What was metered is divided too, in Wh.
METERED = f"""{HEAD}  sun: {{from: [total.energy_wh], unit: Wh}}
steps:
  - {{id: opex, kind: recover_cost, source: gross, costs: [platform]}}
  - {{id: share, kind: allocate, source: gross, key: {{kind: proportional, input: trips}}}}
  - {{id: energy, kind: allocate, source: sun, key: {{kind: proportional, input: trips}}}}
{PAYING}"""
USAGE = {"bus": (413, 100), "ev": (291, 300), "bike": (137, 100)}
PAYOUTS = ("payout-ordered", "payout-exported", "payout-resulted")


def closed(rules: str, *, payouts: bool = True, **usage: tuple[int, int]) -> World:
    """October cut off; ``usage`` are other trips and Wh of a firm."""
    rights = {kind: right for kind, right in authority().items() if payouts or kind not in PAYOUTS}
    world = World(charter=charter(authority=rights), rules=rules)
    world.prepare(with_usage=False)
    for firm, (trips, energy) in {**USAGE, **usage}.items():
        measures = {"trips": trips, "energy_wh": energy}
        world.submit(firm, record(f"{firm}-1", measures=measures))
    world.close()
    return world


def settled(world: World, *disputes: tuple[str, dict[str, int]]) -> World:
    """October in effect while it is disputed: by whom, and what the totals are said to be."""
    if world.state.period(MONTH).settlement is None:
        propose(world)
    for who, claims in disputes:
        rows = [{"where": f"totals/{name}", "value": value} for name, value in claims.items()]
        world.write(who, "dispute-opened", dispute_body(world, claims=rows)[0])
    settlement = str(world.state.period(MONTH).settlement)
    for who in ("bus", "ev"):
        world.vote(who, settlement)
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    return world


def nets(world: World) -> dict[str, int]:
    """What October gives each firm."""
    if world.state.period(MONTH).settlement is None:
        propose(world)
    found = result_of(world, MONTH).nets
    return {firm: found[firm] for firm in FIRMS}


def held(world: World) -> dict[str, int]:
    found = dict.fromkeys(FIRMS, 0)
    for one in world.state.disputes.values():
        for member, amount in one.held.items():
            found[member] += amount
    return found


def losses(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {firm: max(0, before[firm] - after[firm]) for firm in before}


MORE_OF_BOTH = {"trips/bus": 500, "energy_wh/ev": 600}
