"""Logs in which members are paid: ordered, paid, returned and ordered again; and what is forged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from ledger import canonical
from ledger.coop.submission import Submission
from ledger.errors import KyojoError
from ledger.period import add_days
from tests.audit.test_forgery import lenient
from tests.audit.world import bundle_of, slice_of, three_months, trust_in
from tests.browser.case import Case
from tests.builder import SALT, World, authority, blob_ref, charter
from tests.coop.months import Row, correct, open_month, revenue, settle, submit
from tests.coop.payments import export, lines_of, order, report
from tests.coop.payout_bodies import export_body, order_body, results_body, set_destination
from tests.coop.stages import (
    MONTH,
    after_vault,
    fork,
    settled_with_destinations,
    stage,
    vault_body,
)

ACCOUNTS = [{"type": "evm", "address": "0x" + digit * 40} for digit in "56"]


def paid_cases() -> Iterator[Case]:
    """All of this module; the state of what is paid is in the next month's cut-off."""
    yield from _paid()
    yield from _delayed()
    yield from _sliced()
    yield from _vaults()
    yield from _forged_orders()
    yield from _forged_results()


def _case(name: str, world: World) -> Case:
    return Case(name, bundle_of(world), trust_in(world))


def _november(world: World) -> None:
    if "2026-11" not in world.state.periods:
        open_month(world, "2026-11")
    revenue(world, "2026-11", 400_000)
    submit(world, Row("2026-11", "bus", "bus-nov", 10))
    settle(world, "2026-11")


def _paid() -> Iterator[Case]:
    world = settled_with_destinations()
    first = order(world)
    lines = lines_of(world, first)
    export(world)
    report(world, {lines["bus"][0]: "paid", lines["ev"][0]: "returned"})
    order(world)
    report(world, {lines["bus"][0]: "returned"}, first)
    report(world, {lines["bus"][0]: "paid"}, first)
    _november(world)
    set_destination(world, "bus", ACCOUNTS[0])
    order(world)
    order(world, "vault")
    waiting = fork(world)
    yield _case("paid, returned, ordered again", world)
    owed = settled_with_destinations()
    open_month(owed, "2026-11")
    submit(owed, Row(MONTH, "ev", "ev-late", 200))
    correct(owed)
    order(owed)
    _november(owed)
    order(owed, approve=False)
    yield _case("paid less what is owed", owed)
    open_month(waiting, "2026-12")
    set_destination(waiting, "bus", ACCOUNTS[1])
    yield _case("an account given up", waiting)


def _delayed() -> Iterator[Case]:
    world = World(charter=charter(authority=authority(), payouts={"destination_days": 3}))
    world.prepare()
    settle(world, MONTH)
    set_destination(world, "bus")
    world.now = add_days(world.now, 3)
    set_destination(world, "bus", ACCOUNTS[0])
    set_destination(world, "ev", ACCOUNTS[1])
    order(world)
    _november(world)
    world.now = add_days(world.now, 3)
    order(world, "vault")
    set_destination(world, "bus", ACCOUNTS[1])
    yield _case("paid after the delay", world)


def _sliced() -> Iterator[Case]:
    world = three_months(authority=authority(), payouts={"destination_days": 0})
    for firm in ("bus", "ev"):
        set_destination(world, firm)
    order(world)
    revenue(world, "2027-01", 100_000)
    submit(world, Row("2027-01", "ev", "jan", 8))
    settle(world, "2027-01")
    order(world)
    for month in ("2026-11", "2026-12", "2027-01"):
        cut = world.state.periods[month].cut_off.index
        yield Case(f"paid, from {month}", slice_of(world, cut), trust_in(world))


def _vaults() -> Iterator[Case]:
    """A vault takes over an order, is followed by another, and some claims expire."""
    world = three_months(authority=authority(), payouts={"destination_days": 0})
    for firm, account in (("bus", ACCOUNTS[0]), ("ev", ACCOUNTS[1])):
        set_destination(world, firm, account)
    first = order(world, "vault")
    for body in (vault_body(orders_before=1), after_vault("cc", "aa")):
        world.write("office", "vault-named", body)
        world.carry("bus", "ev")
    lines = lines_of(world, first)
    report(world, {lines["bus"][0]: "paid", lines["ev"][0]: "expired"}, first)
    revenue(world, "2027-01", 100_000)
    submit(world, Row("2027-01", "ev", "jan", 8))
    settle(world, "2027-01")
    last = order(world, "vault")
    report(world, {lines["bus"][0]: "expired"}, first)
    report(world, {lines["bus"][0]: "paid"}, first)
    report(world, {lines_of(world, last)["ev"][0]: "expired"}, last)
    yield _case("two vaults", world)
    open_month(world, "2027-02")
    submit(world, Row("2027-02", "ev", "feb", 8))
    settle(world, "2027-02")
    cut = world.state.periods["2027-02"].cut_off.index
    yield Case("two vaults, from 2027-02", slice_of(world, cut), trust_in(world))


def _lies(world: World, name: str, kind: str, body: dict[str, Any], *blobs: bytes) -> Case:
    """An entry that the ledger's door would refuse, and what follows if nobody does."""
    forged = lenient(world)
    draft = forged.draft("office", kind, body)
    forged.accept(Submission(draft, {sha256(blob).hexdigest(): blob for blob in blobs}))
    return Case(name, bundle_of(forged), trust_in(world))


def _orders(body: dict[str, Any], document: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    blob = SALT + canonical.encode(document)
    lines = document["lines"]
    total = sum(line["amount_minor"] for line in lines)
    changed = {**body, "count": len(lines), "total_minor": total, "lines": blob_ref(blob)}
    return changed, blob


def _forged_orders() -> Iterator[Case]:
    world = settled_with_destinations()
    body, (blob,) = order_body(world)
    document = canonical.parse(blob[32:])
    first, *rest = document["lines"]
    changes: Sequence[tuple[str, list[dict[str, Any]]]] = (
        ("a unit more", [{**first, "amount_minor": first["amount_minor"] + 1}, *rest]),
        ("another account", [{**first, "destination": "00" * 32}, *rest]),
        ("an EVM account", [{**first, "account": ACCOUNTS[0]["address"]}, *rest]),
        ("another id", [{**first, "id": "202610-aaaa"}, *rest]),
        ("another attempt", [{**first, "attempt": 2}, *rest]),
        ("one left out", rest),
        ("one twice", [first, first, *rest]),
        ("another order", [*rest, first]),
    )
    for name, lines in changes:
        changed, other = _orders(body, {**document, "lines": lines})
        yield _lies(world, f"payout, {name}", "payout-ordered", changed, other)
    for field, value in (
        ("period", "2026-09"), ("method", "vault"), ("method", "cash"), ("currency", "CHF"),
        ("count", 0), ("total_minor", 1), ("more", 1),
    ):  # fmt: skip
        changed = {**body, field: value}
        yield _lies(world, f"payout, {field} {value}", "payout-ordered", changed, blob)
    twice = fork(world)
    order(twice)
    yield _lies(twice, "payout, twice", "payout-ordered", body, blob)
    yield _moved(world)


def _moved(world: World) -> Case:
    """The last vote on an order to an account that is no longer the member's."""
    moved = fork(world)
    id_ = order(moved, approve=False)
    moved.vote("bus", id_)
    set_destination(moved, "bike", ACCOUNTS[0])
    ballot = moved.ballot("ev", id_)
    forged = lenient(moved)
    try:
        forged.accept(Submission(ballot))
    except KyojoError:
        raise AssertionError("the lenient log takes everything") from None
    return Case("payout, moved since", bundle_of(forged), trust_in(world))


def _forged_results() -> Iterator[Case]:
    world = stage("exported")
    (id_,) = world.state.orders
    line = next(iter(world.state.orders[id_].lines))
    body, (blob,) = results_body(world, {line: "paid"})
    document = canonical.parse(blob[32:])
    (row,) = document["results"]
    for name, changed in (
        ("an unknown line", {**document, "results": [{**row, "id": "202610-aaaa"}]}),
        ("a line twice", {**document, "results": [row, row]}),
        ("no line", {**document, "results": []}),
        ("a strange outcome", {**document, "results": [{**row, "outcome": "lost"}]}),
        ("of another order", {**document, "order": "00" * 32}),
        ("returned, not paid", {**document, "results": [{**row, "outcome": "returned"}]}),
    ):
        other = SALT + canonical.encode(changed)
        lie = {**body, "results": blob_ref(other)}
        yield _lies(world, f"results, {name}", "payout-resulted", lie, other)
    for field, value in (("order", "00" * 32), ("paid_minor", 1), ("returned_minor", 1)):
        lie = {**body, field: value}
        yield _lies(world, f"results, {field} {value}", "payout-resulted", lie, blob)
    for form in ("zengin", "csv", "pain.001.001.09", "fax"):
        exported, blobs = export_body(world, id_, form)
        yield _lies(world, f"exported again as {form}", "payout-exported", exported, *blobs)
    fresh = stage("ordered")
    exported, blobs = export_body(fresh, form="pain.001.001.09")
    yield _lies(fresh, "exported as what it is not", "payout-exported", exported, *blobs)
    report(world, {line: "paid"})
    yield _lies(world, "results, again", "payout-resulted", body, blob)
    vault = settled_with_destinations()
    set_destination(vault, "bus", ACCOUNTS[0])
    claimed = order(vault, "vault")
    (claim,) = vault.state.orders[claimed].lines
    lie, other_blobs = results_body(vault, {claim: "returned"}, claimed)
    yield _lies(vault, "results, a claim comes back", "payout-resulted", lie, *other_blobs)
