"""A vault named in the log: in words, once, and what was ordered from one is never another's."""

from __future__ import annotations

import pytest

from ledger import canonical
from ledger.coop.dues import payable
from ledger.coop.payouts import Expired, settled_lines, vault_orders, vault_totals
from ledger.coop.state import State, parse_state, state_document, state_hash
from ledger.coop.vaults import VAULTS_MAX, place_in_force, vault_in_force, vaults_of
from ledger.errors import (
    Conflict,
    DuplicateId,
    MalformedDocument,
    MalformedEntry,
    NotPermitted,
    OutOfRange,
    SumMismatch,
)
from tests.builder import FIRMS, World, authority, blob_ref, charter
from tests.coop.months import Row, open_month, revenue, settle, submit
from tests.coop.payments import dues, lines_of, order, report
from tests.coop.payout_bodies import order_body, results_body, set_destination
from tests.coop.stages import MONTH, after_vault, refuse, stage, vault_body, world_with

KIND = "vault-named"
EVM = {"type": "evm", "address": "0x" + "55" * 20}
FIRST, SECOND = "31337/0x" + "aa" * 20, "31337/0x" + "cc" * 20


def named(world: World, body: dict[str, object]) -> World:
    world.write("office", KIND, body)
    world.carry("bus", "ev")
    return world


def paying(*, vault: bool = True) -> World:
    """October settled, all firms paid to one account through the vault."""
    world = stage("payable")
    if vault:
        named(world, vault_body())
    for firm in FIRMS:
        set_destination(world, firm, EVM)
    return world


def november(world: World) -> dict[str, int]:
    open_month(world, "2026-11")
    revenue(world, "2026-11", 400_000)
    submit(world, Row("2026-11", "bus", "bus-nov", 10))
    return settle(world, "2026-11")


def test_a_vault_is_in_force_once_the_members_have_agreed_on_its_words():
    world = stage("all kinds")
    world.write("office", KIND, vault_body())
    (proposal,) = world.state.proposals.values()
    assert proposal.subject == (
        "Pay JPY through the vault 0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa on chain 31337 with "
        "code " + "33" * 32 + ", in the token 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB of 18 "
        "decimals"
    )
    assert vault_in_force(world.state, "JPY") is None
    world.carry("bus", "ev")
    found = vault_in_force(world.state, "JPY")
    assert found is not None
    assert (found.place, found.decimals, found.index) == (FIRST, 18, world.state.size - 1)
    assert place_in_force(world.state, "CHF") is None
    named(world, after_vault("cc", "aa"))
    assert [one.place for one in vaults_of(world.state, "JPY")] == [FIRST, SECOND]


def test_a_log_that_names_none_keeps_its_hashes_and_its_words():
    world = paying(vault=False)
    id_ = order(world, "vault", approve=False)
    assert world.state.proposals[id_].subject.endswith("to 3 members through the vault")
    world.carry("bus", "ev")
    document = state_document(world.state)
    assert "vaults" not in document
    assert "vault" not in document["orders"][id_]
    assert all("expired" not in row for row in document["dues"]["JPY"].values())
    assert set(canonical.parse(order_blob(world, id_))) == {
        "kyojo_payout", "period", "currency", "method", "lines",
    }  # fmt: skip


def order_blob(world: World, id_: str) -> bytes:
    """The lines blob of an approved order, without its salt."""
    wanted = [blob[32:] for blob in world.blobs.values() if b'"kyojo_payout":1' in blob[32:]]
    lines = set(world.state.orders[id_].lines)
    return next(one for one in wanted if lines == {x["id"] for x in canonical.parse(one)["lines"]})


def test_an_order_belongs_to_the_vault_in_force_and_says_so():
    world = paying()
    id_ = order(world, "vault", approve=False)
    assert world.state.proposals[id_].subject.endswith(
        "through the vault 0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa on chain 31337"
    )
    world.carry("bus", "ev")
    assert world.state.orders[id_].vault == FIRST
    assert canonical.parse(order_blob(world, id_))["vault"] == FIRST
    set_destination(world, "bus")
    november(world)
    banked = order(world)
    assert world.state.orders[banked].vault is None, "banks need no vault"


def test_a_later_vault_pays_nothing_of_what_lies_before_it():
    """The history of the first vault is in no tree of the second, and stays claimable there."""
    world = paying()
    order(world, "vault")
    account = EVM["address"]
    earned = sum(world.state.period(MONTH).paid.values())
    named(world, after_vault("cc", "aa"))
    got = november(world)
    later = order(world, "vault")
    assert world.state.orders[later].vault == SECOND
    state = world.state
    for through, new in ((MONTH, {}), ("2026-11", {account: sum(got.values())})):
        assert vault_totals(state, "JPY", through=through, vault=FIRST) == {account: earned}
        assert vault_totals(state, "JPY", through=through, vault=SECOND) == new
        assert vault_totals(state, "JPY", through=through) == {}
    assert payable(state, "JPY") == {}
    data = canonical.encode(state_document(state))
    assert parse_state(data) == state
    assert state_hash(parse_state(data)) == state_hash(state)


def test_the_first_vault_takes_over_the_orders_that_name_none():
    world = paying(vault=False)
    id_ = order(world, "vault")
    refuse(world, "office", KIND, vault_body(), error=Conflict)
    world.write("office", KIND, vault_body(orders_before=1))
    (proposal,) = world.state.proposals.values()
    assert proposal.subject.endswith("of 18 decimals, with the 1 order(s) made before")
    before = vault_totals(world.state, "JPY", through=MONTH)
    world.carry("bus", "ev")
    assert world.state.orders[id_].vault == FIRST
    assert vault_totals(world.state, "JPY", through=MONTH, vault=FIRST) == before
    assert vault_totals(world.state, "JPY", through=MONTH) == {}


def last_vote(world: World, id_: str, error: type[Exception]) -> None:
    world.vote("bus", id_)
    with pytest.raises(error):
        world.vote("ev", id_)


def test_what_waits_while_a_vault_is_named_is_proposed_anew():
    """An order from the vault before; a vault that would leave an order behind; a second vault."""
    world = paying(vault=False)
    waiting = order(world, "vault", approve=False)
    named(world, vault_body())
    last_vote(world, waiting, Conflict)
    world = paying(vault=False)
    world.write("office", KIND, vault_body())
    waiting = next(iter(world.state.proposals))
    order(world, "vault")
    last_vote(world, waiting, Conflict)
    world = paying()
    for digits in ("cc", "dd"):
        world.write("office", KIND, after_vault(digits, "aa"))
    first, second = world.state.proposals
    for voter in ("bus", "ev"):
        world.vote(voter, first)
    last_vote(world, second, Conflict)
    assert place_in_force(world.state, "JPY") == SECOND


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (vault_body("dd"), Conflict),
        (after_vault("dd", "ee"), Conflict),
        (after_vault("aa", "aa"), DuplicateId),
        (after_vault("dd", "aa", orders_before=1), Conflict),
        (after_vault("dd", "aa", currency="CHF"), MalformedEntry),
        (after_vault("dd", "aa", vault={**vault_body()["vault"], "decimals": 256}), MalformedEntry),
    ],
    ids=["as the first", "after another", "itself", "orders", "no currency", "decimals"],
)
def test_what_cannot_be_named(body, error):
    refuse(named(stage("all kinds"), vault_body()), "office", KIND, body, error=error)


def test_one_contract_pays_one_currency_and_its_token_is_fine_enough():
    codes = [{"code": "JPY", "digits": 0}, {"code": "USD", "digits": 2}]
    world = World(charter=charter(authority=authority(), currencies=codes))
    world.prepare()
    named(world, vault_body())
    refuse(world, "office", KIND, vault_body(currency="USD"), error=DuplicateId)
    coarse = vault_body("dd", currency="USD")
    coarse["vault"]["decimals"] = 1
    refuse(world, "office", KIND, coarse, error=OutOfRange)
    assert place_in_force(named(world, vault_body("dd", currency="USD")).state, "USD") is not None


def test_a_co_op_names_only_so_many_vaults():
    world, last = named(stage("all kinds"), vault_body("10")), "10"
    for number in range(1, VAULTS_MAX):
        digits = f"{16 + number:02x}"
        last = named(world, after_vault(digits, last)) and digits
    refuse(world, "office", KIND, after_vault("ff", last), error=OutOfRange)


def test_a_charter_that_does_not_name_the_kind_lets_nobody_use_it():
    world = world_with(authority=authority(later=False))
    refuse(world, "office", KIND, vault_body(), error=NotPermitted)
    assert vaults_of(State(), "JPY") == ()


@pytest.mark.parametrize("wrong", [{"contract": "0x12"}, {"code_hash": ""}, {"decimals": 256}])
def test_a_snapshot_with_an_impossible_vault_is_no_state(wrong):
    document = state_document(named(stage("all kinds"), vault_body()).state)
    document["vaults"]["JPY"][0].update(wrong)
    with pytest.raises(MalformedDocument):
        parse_state(canonical.encode(document))


# What was not claimed in time.


def test_a_claim_that_expired_is_neither_paid_nor_payable_again():
    world = paying()
    id_ = order(world, "vault")
    line, ordered = lines_of(world, id_)["bus"]
    body, blobs = results_body(world, {line: "expired"}, id_)
    assert body["expired_minor"] == ordered.amount_minor
    refuse(
        world, "office", "payout-resulted", {**body, "expired_minor": 1}, *blobs, error=SumMismatch
    )
    world.write("office", "payout-resulted", body, *blobs)
    (proposal,) = world.state.proposals.values()
    assert f"0 JPY paid, 0 JPY returned, {ordered.amount_minor:,} JPY expired" in proposal.subject
    world.carry("audit")
    found = dues(world, "bus")
    assert (found.ordered, found.paid, found.expired) == (0, 0, ordered.amount_minor)
    assert found.rest == 0
    assert payable(world.state, "JPY") == {}
    assert world.state.orders[id_].lines[line].state == "expired"
    report(world, {line: "paid"}, id_)
    assert dues(world, "bus").paid == ordered.amount_minor
    report(world, {line: "expired"}, id_)
    data = canonical.encode(state_document(world.state))
    assert parse_state(data) == world.state


def test_what_a_bank_pays_does_not_expire():
    world = stage("exported")
    (id_,) = world.state.orders
    line, _ = lines_of(world, id_)["bus"]
    body, blobs = results_body(world, {line: "expired"}, id_)
    refuse(world, "office", "payout-resulted", body, *blobs, error=Conflict)


def test_of_a_vaults_sums_each_line_is_paid_expired_or_neither():
    """Three lines of one account, oldest first; a line is expired if a part of it is."""
    world = paying()
    id_ = order(world, "vault")
    orders = vault_orders(world.state, "JPY", FIRST)
    amounts = {one: line.amount_minor for one, line in orders[id_].lines.items()}
    first, second, third = amounts
    reached = amounts[first] + amounts[second]
    account = EVM["address"]

    def outcome(paid: int, *gone: Expired) -> dict[str, str | None]:
        found = settled_lines(orders, {account: paid}, {account: gone} if gone else {})
        return {one.line: one.reserve for one in found}

    assert outcome(amounts[first] - 1) == {}
    assert outcome(reached) == {first: None, second: None}
    late = Expired(amounts[first], reached, "0xre")
    assert outcome(reached, late) == {first: None, second: "0xre"}
    assert outcome(reached + amounts[third], late) == {first: None, second: "0xre", third: None}
    part = Expired(amounts[first] - 1, amounts[first], "0xre")
    assert outcome(reached, part) == {first: "0xre", second: None}
    report(world, {first: "paid"}, id_)
    orders = vault_orders(world.state, "JPY", FIRST)
    assert outcome(reached, part) == {first: "0xre", second: None}
    assert outcome(reached) == {second: None}
    assert outcome(0) == {}


def test_an_order_that_names_another_vault_than_the_one_in_force_is_refused():
    world = paying()
    body, (blob,) = order_body(world, "vault")
    document = canonical.parse(blob[32:])
    unnamed = {name: value for name, value in document.items() if name != "vault"}
    for other in ({**document, "vault": SECOND}, unnamed):
        lie = blob[:32] + canonical.encode(other)
        changed = {**body, "lines": blob_ref(lie)}
        refuse(world, "office", "payout-ordered", changed, lie, error=SumMismatch)
