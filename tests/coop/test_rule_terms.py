"""What a rule set may ask beyond the charter, and sums beyond a double's whole numbers."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ledger import canonical
from ledger.coop.settlements import compute
from ledger.coop.state import parse_state, state_document, state_hash
from ledger.errors import MalformedRules, NoWeights, PeriodClosed
from tests.builder import RULES, SALT, World, blob_ref, record, rules_body

STRICT = RULES + "approval: {threshold: 1, weights: equal, objection_days: 3}\n"
HUGE = 2**53 - 1


def world_under(rules: str) -> World:
    """October up to its usage, under another rule set."""
    world = World()
    world.found()
    facility = {"id": "hub-1", "name": {"ja": "拠点一", "en": "Hub 1"}, "owner": None}
    world.write("office", "facility-registered", facility)
    text = SALT + rules.encode()
    world.write("office", "ruleset-proposed", rules_body(text), text)
    world.carry("bus", "ev")
    for member in ("bus", "ev"):
        funding = {"asset": "network", "id": member, "member": member, "amount_minor": 1000,
                   "currency": "JPY", "origin": "member"}  # fmt: skip
        world.write("office", "funding-reported", funding)
        world.carry("bus", "ev")
    opened = {"period": "2026-10", "start": "2026-09-30T15:00:00.000Z",
              "end": "2026-10-31T15:00:00.000Z"}  # fmt: skip
    world.write("office", "period-opened", opened)
    return world


def propose(world: World) -> str:
    seed = sha256(b"seed").digest()
    computed = compute(world.state, "2026-10", world, seed)
    blobs = (computed.inputs_blob, computed.settlement.lines_blob, seed)
    names = ("inputs", "lines", "seed")
    body = {name: blob_ref(blob) for name, blob in zip(names, blobs, strict=True)}
    body["settlement"] = dict(computed.settlement.document)
    world.write("office", "settlement-proposed", body, *blobs)
    return computed.id.hex()


def charged(world: World, amount: int) -> None:
    line = record("r1", measures={"trips": 1}, charges={"fare": amount}, currency="JPY")
    world.submit("bus", line)


def test_a_rule_set_may_ask_for_more_approvals_than_the_charter() -> None:
    world = world_under(STRICT)
    charged(world, 1000)
    world.close()
    wanted = propose(world)
    for voter, status in (("bus", "proposed"), ("ev", "proposed"), ("bike", "approved")):
        world.vote(voter, wanted)
        assert world.state.periods["2026-10"].status == status


def test_a_rule_set_may_ask_for_a_longer_objection_time() -> None:
    world = world_under(STRICT)
    charged(world, 1000)
    world.close()
    wanted = propose(world)
    world.carry("bus", "ev", "bike")
    settled = {"period": "2026-10", "settlement_id": wanted}
    with pytest.raises(PeriodClosed, match="2026-11-04"):
        world.write("office", "settlement-settled", settled)
    world.now = "2026-11-04T00:00:00.000Z"
    world.write("office", "settlement-settled", settled)
    assert world.state.periods["2026-10"].status == "settled"


def test_a_rule_set_cannot_change_the_charters_grace_and_look_back() -> None:
    with pytest.raises(MalformedRules, match="look-back"):
        world_under(RULES + "late: {grace_days: 9, max_lookback_periods: 2}\n")
    world_under(RULES + "late: {grace_days: 0, max_lookback_periods: 2}\n")


def test_sums_beyond_a_doubles_whole_numbers_are_settled_all_the_same() -> None:
    world = world_under(RULES)
    for number in range(30):
        line = record(f"r{number}", charges={"fare": HUGE}, currency="JPY")
        world.submit("bus", line, n=number)
    world.close()
    wanted = propose(world)
    state_hash(world.state)
    world.carry("bus", "ev")
    assert world.state.periods["2026-10"].settlement == wanted
    world.write("office", "settlement-settled", {"period": "2026-10", "settlement_id": wanted})
    total = 30 * HUGE
    assert world.state.balances["JPY"].funds["fund.reserve"] == total * 5 // 100
    again = parse_state(canonical.encode(state_document(world.state)))
    assert state_hash(again) == state_hash(world.state)


def test_a_month_that_its_rules_cannot_divide_is_not_cut_off() -> None:
    world = World()
    world.prepare(with_usage=False)
    with pytest.raises(NoWeights):
        world.close()
    assert world.state.periods["2026-10"].status == "closing"
    world.submit("bus", record("late-but-in-time"))
    world.write("office", "period-closed", {"period": "2026-10"})
    assert world.state.periods["2026-10"].status == "closed"


def test_partners_of_an_llp_adopt_another_split_only_unanimously() -> None:
    """The charter's quorum is two members; the law asks for all three partners."""
    writing = (
        "profile: jp-llp\nllp: {capital_ratio: {bus: 50%, ev: 30%, bike: 20%}, split: by trips,"
        " reason: the bus drives most of it, from: 2026-10-01}\n"
    )
    world = World()
    world.found()
    text = SALT + (RULES + writing).encode()
    world.write("office", "ruleset-proposed", rules_body(text), text)
    [proposal] = world.state.proposals.values()
    assert (proposal.needed, proposal.electorate) == (3, ("bike", "bus", "ev"))
    world.carry("bus", "ev")
    assert world.state.rule_sets == ()
    world.carry("bike")
    assert [adopted.ruleset for adopted in world.state.rule_sets] == ["kaga-mobility"]


@pytest.mark.parametrize(
    ("bounds", "at"), [("floor: 40%", "/steps/0/bounds/floor"), ("cap: 30%", "/steps/0/bounds/cap")]
)
def test_bounds_that_the_members_of_now_cannot_keep_to_are_not_put_to_the_vote(
    bounds: str, at: str
) -> None:
    head, _, _ = RULES.partition("pools:")
    step = "{id: s, kind: allocate, source: p, key: {kind: equal}, bounds: {%s}}"
    rules = head + "pools: {p: {from: [revenue.fares]}}\nsteps: [" + step + "]\n"
    with pytest.raises(MalformedRules, match="with 3 members") as caught:
        world_under(rules % bounds)
    assert [fault.where for fault in caught.value.faults] == [at]
    softer = bounds.replace("40", "33").replace("30", "34")
    assert len(world_under(rules % softer).state.rule_sets) == 1
