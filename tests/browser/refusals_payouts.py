"""Payout orders, files and results that the ledger refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger import canonical
from ledger.coop.submission import Submission
from tests.browser.forging import Forger
from tests.browser.refusals import absent_blob
from tests.builder import FIRMS, RULES, SALT, World, blob_ref, record
from tests.coop.payout_bodies import export_body, order_body, results_body, set_destination
from tests.coop.stages import (
    MONTH,
    NOVEMBER,
    correction_body,
    propose,
    stage,
)

EVM = {"type": "evm", "address": "0x" + "55" * 20}


def orders(forger: Forger) -> None:
    """Orders of other sums, months and lines, by a method to which nobody is paid, or twice."""
    body, blobs = order_body(forger)

    def say(name: str, *given: bytes, **changes: Any) -> None:
        forger.forge(name, "office", "payout-ordered", {**body, **changes}, *(given or blobs))

    for name, change in (
        ("an order of more", {"total_minor": body["total_minor"] + 1}),
        ("an order of fewer lines", {"count": body["count"] - 1}),
        ("an order of another month", {"period": "2026-11"}),
        ("an order to no account", {"method": "iban"}),
        ("an order to no vault", {"method": "vault"}),
        ("an order in an unknown currency", {"currency": "CHF"}),
        ("lines that nobody has", {"lines": absent_blob(forger)}),
    ):
        say(name, **change)
    document = canonical.parse(blobs[0][len(SALT) :])
    first, *rest = document["lines"]
    for name, lines in (
        ("one paid more", [{**first, "amount_minor": first["amount_minor"] + 1}, *rest]),
        ("one paid elsewhere", [{**first, "destination": "00" * 32}, *rest]),
        ("another attempt", [{**first, "attempt": 1}, *rest]),
        ("another id", [{**first, "id": rest[0]["id"]}, *rest]),
        ("a line twice", [first, *document["lines"]]),
        ("another order", [*rest, first]),
    ):
        blob = SALT + canonical.encode({**document, "lines": lines})
        say(f"order with {name}", blob, lines=blob_ref(blob))
    noticed = _notices(document, say, blobs)
    forger.write(
        "office", "payout-ordered", {**body, "notices": blob_ref(noticed)}, *blobs, noticed
    )
    say("an order of what waits already")
    wanted = next(reversed(forger.state.proposals))
    set_destination(forger, FIRMS[0], EVM)
    forger.vote("bus", wanted)
    vote = Submission(forger.ballot("ev", wanted))
    forger.force("an order to where somebody is paid no more", vote)


def _notices(order: dict[str, Any], say: Callable[..., None], blobs: tuple[bytes, ...]) -> bytes:
    """Documents that go with something else than the order's lines; answers with those that fit."""
    documents: dict[str, Any] = {
        line["id"]: {"kind": "self-billed", "number": line["id"], "currency": "JPY",
                     "payable_minor": line["amount_minor"]}
        for line in order["lines"]
    }  # fmt: skip
    id_ = order["lines"][0]["id"]
    first = documents[id_]
    for name, content in (
        ("a document of no line", {"documents": {"x": first}}),
        ("a document of more", {"documents": {id_: {**first, "payable_minor": 1}}}),
        ("a document of true", {"documents": {id_: {**first, "payable_minor": True}}}),
        ("a document with another number", {"documents": {id_: {**first, "number": "x"}}}),
        ("a document in euros", {"documents": {id_: {**first, "currency": "EUR"}}}),
        ("a document of another kind", {"documents": {id_: {**first, "kind": "receipt"}}}),
        ("no document", {"documents": {id_: None}}),
        ("a list of documents", {"documents": [first]}),
        ("no documents", {}),
        ("only a list", []),
    ):
        blob = SALT + canonical.encode(content)
        say(f"an order with {name}", *blobs, blob, notices=blob_ref(blob))
    loose = SALT + b'{"documents": {}}'
    say("an order with notices in another form", *blobs, loose, notices=blob_ref(loose))
    say("an order with notices of nothing", *blobs, notices=None)
    return SALT + canonical.encode({"documents": documents, "kyojo_notices": 1})


def before_any_month(forger: Forger) -> None:
    """Nothing is settled yet, or more than an order can pay."""
    body, blobs = order_body(stage("payable"))
    forger.forge("an order before any month", "office", "payout-ordered", body, *blobs)


def owing(forger: Forger) -> None:
    """A correction lowers what somebody is due while an order of it waits."""
    order, lines = order_body(forger)
    forger.write("office", "payout-ordered", order, *lines)
    wanted = next(reversed(forger.state.proposals))
    body, blobs = correction_body(forger)
    forger.write("office", "correction-proposed", body, *blobs)
    forger.carry("bus", "ev")
    forger.vote("bus", wanted)
    vote = Submission(forger.ballot("ev", wanted))
    forger.force("an order of what is owed by now", vote)


def exports(forger: Forger) -> None:
    """Files of no order, in other forms, twice."""
    body, blobs = export_body(forger)
    for name, change in (
        ("a file of no order", {"order": "00" * 32}),
        ("a file of another method", {"format": "pain.001.001.09"}),
        ("a file that nobody has", {"file": absent_blob(forger)}),
    ):
        forger.forge(name, "office", "payout-exported", {**body, **change}, *blobs)
    forger.write("office", "payout-exported", body, *blobs)
    forger.forge("a file twice", "office", "payout-exported", body, *blobs)


def results(forger: Forger) -> None:
    """Reports of other sums, orders and lines; of lines that are so already or paid anew."""
    body, blobs = results_body(forger)

    def say(name: str, *given: bytes, **changes: Any) -> None:
        forger.forge(name, "office", "payout-resulted", {**body, **changes}, *(given or blobs))

    say("results of no order", order="00" * 32)
    say("results of more", paid_minor=body["paid_minor"] + 1)
    say("results of a return", returned_minor=1)
    say("results that nobody has", results=absent_blob(forger))
    document = canonical.parse(blobs[0][len(SALT) :])
    (row,) = document["results"]
    for name, content in (
        ("of another order", {**document, "order": "00" * 32}),
        ("twice the same", {**document, "results": [row, row]}),
        ("of two days", {**document, "results": [row, {**row, "date": "2026-11-11"}]}),
        ("of no line", {**document, "results": [{**row, "id": "x"}]}),
        ("of no lines", {**document, "results": []}),
        ("and more", {**document, "more": 1}),
        ("of no format", {**document, "kyojo_payout_results": 2}),
        ("that say true for 1", {**document, "kyojo_payout_results": True}),
        ("of another outcome", {**document, "results": [{**row, "outcome": "lost"}]}),
        ("that are a list", []),
    ):
        blob = SALT + canonical.encode(content)
        say(f"results {name}", blob, results=blob_ref(blob))
    blob = SALT + blobs[0][len(SALT) :] + b"\n"
    say("results in another form", blob, results=blob_ref(blob))
    expired, rows = results_body(forger, {row["id"]: "expired"})
    forger.forge("a bank's line expires", "office", "payout-resulted", expired, *rows)
    forger.write("office", "payout-resulted", body, *blobs)
    forger.carry("bus", "ev")
    say("results that are so already")
    _returned_and_ordered_again(forger, row["id"])


def before_any_file(forger: Forger) -> None:
    """No bank knows the order: it has no results, and is cancelled whole or not at all."""
    body, blobs = results_body(forger)
    forger.forge("paid by no bank", "office", "payout-resulted", body, *blobs)
    lines = list(forger.state.orders[body["order"]].lines)
    body, blobs = results_body(forger, {lines[0]: "returned"})
    forger.forge("cancelled in part", "office", "payout-resulted", body, *blobs)
    body, blobs = results_body(forger, dict.fromkeys(lines, "returned"))
    forger.write("office", "payout-resulted", body, *blobs)
    export, file = export_body(forger)
    forger.forge("a file while a report waits", "office", "payout-exported", export, *file)
    forger.carry("bus", "ev")
    forger.forge("a file of what is cancelled", "office", "payout-exported", export, *file)


def _paid_and_returned_in_one(forger: Forger) -> None:
    """A lawful report that has a payment and its return; the last row counts."""
    line = next(reversed(next(reversed(forger.state.orders.values())).lines))
    body, blobs = results_body(forger, {line: "returned"})
    document = canonical.parse(blobs[0][len(SALT) :])
    (row,) = document["results"]
    rows = [{**row, "outcome": "paid"}, row]
    blob = SALT + canonical.encode({**document, "results": rows})
    forger.write("office", "payout-resulted", {**body, "results": blob_ref(blob)}, blob)
    forger.carry("bus", "ev")


def out_of_order(forger: Forger) -> None:
    """Two reports on a line: what the second changed is not undone by the first."""
    _paid_and_returned_in_one(forger)
    line = next(iter(next(reversed(forger.state.orders.values())).lines))
    for outcome in ("paid", "returned"):
        body, blobs = results_body(forger, {line: outcome})
        forger.write("office", "payout-resulted", body, *blobs)
    stale, newer = forger.state.proposals
    forger.vote("bus", newer)
    vote = Submission(forger.ballot("bus", stale))
    forger.force("a report of what was", vote)


def _returned_and_ordered_again(forger: Forger, line: str) -> None:
    order = next(reversed(forger.state.orders))
    body, blobs = results_body(forger, {line: "returned"}, order)
    forger.write("office", "payout-resulted", body, *blobs)
    forger.carry("bus", "ev")
    again, lines = order_body(forger)
    forger.write("office", "payout-ordered", again, *lines)
    forger.carry("bus", "ev")
    body, blobs = results_body(forger, {line: "paid"}, order)
    forger.forge("paid after all, and ordered again", "office", "payout-resulted", body, *blobs)


def claims(forger: Forger) -> None:
    """What was ordered through the vault cannot come back, and has no file."""
    order = next(reversed(forger.state.orders))
    line = next(iter(forger.state.orders[order].lines))
    body, blobs = results_body(forger, {line: "returned"}, order)
    forger.forge("a claim that comes back", "office", "payout-resulted", body, *blobs)
    body, blobs = results_body(forger, {line: "expired"}, order)
    for name, change in (("more", {"expired_minor": 1}), ("said to be paid", {"paid_minor": 1})):
        wrong = {**body, **change}
        forger.forge(f"an expiry of {name}", "office", "payout-resulted", wrong, *blobs)
    body, blobs = export_body(forger, order, "csv")
    forger.forge("a file of claims", "office", "payout-exported", body, *blobs)


def late() -> World:
    """October settled and payable, November open, and late usage of October."""
    world = stage("payable")
    world.write("office", "period-opened", NOVEMBER)
    world.submit("ev", record("ev-late", measures={"trips": 59}))
    return world


def vast() -> World:
    """More is due than one order can pay."""
    world = World(rules=RULES.replace("charge.fare]", "charge.fare, revenue.more]"))
    world.prepare()
    most = {"period": MONTH, "id": "more", "amount_minor": 2**53 - 1, "currency": "JPY",
            "origin": "member"}  # fmt: skip
    world.write("office", "revenue-reported", most)
    world.carry("bus", "ev")
    world.submit("bus", record("more", charges={"fare": 2**53 - 1}, currency="JPY"), n=8)
    world.close()
    propose(world)
    world.carry("bus", "ev")
    settlement = world.state.period(MONTH).settlement
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    for firm in FIRMS:
        set_destination(world, firm)
    return world


def vault_ordered() -> World:
    """October ordered through the vault."""
    world = stage("payable")
    for firm in FIRMS:
        set_destination(world, firm, {**EVM, "address": "0x" + firm.encode().hex().ljust(40, "0")})
    body, blobs = order_body(world, "vault")
    world.write("office", "payout-ordered", body, *blobs)
    world.carry("bus", "ev")
    return world


PAYOUTS = {
    "orders": (lambda: stage("payable"), orders),
    "owing": (late, owing),
    "more than an order pays": (vast, before_any_month),
    "before any month": (lambda: stage("all kinds"), before_any_month),
    "files": (lambda: stage("ordered"), exports),
    "results": (lambda: stage("exported"), results),
    "no file yet": (lambda: stage("ordered"), before_any_file),
    "reports out of order": (lambda: stage("exported"), out_of_order),
    "claims": (vault_ordered, claims),
}
