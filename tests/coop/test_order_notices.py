"""An order carries documents of its own lines and amounts, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger import canonical
from ledger.errors import KyojoError, MalformedDocument, MalformedEntry, SumMismatch
from tests.builder import SALT, World, blob_ref
from tests.coop.payout_bodies import order_body
from tests.coop.stages import stage

Documents = dict[str, Any]


def documents_of(lines: bytes) -> Documents:
    """What the least documents of an order's lines say."""
    return {
        row["id"]: {"kind": "payment-notice", "number": row["id"], "currency": "JPY",
                    "payable_minor": row["amount_minor"]}
        for row in canonical.parse(lines[len(SALT) :])["lines"]
    }  # fmt: skip


def order(world: World, content: Callable[[Documents], Any]) -> None:
    body, (lines,) = order_body(world)
    made = content(documents_of(lines))
    blob = SALT + (made if isinstance(made, bytes) else canonical.encode(made))
    world.write("office", "payout-ordered", {**body, "notices": blob_ref(blob)}, lines, blob)


def changed(**changes: Any) -> Callable[[Documents], Any]:
    def change(documents: Documents) -> Any:
        first = next(iter(documents))
        return {"documents": {**documents, first: {**documents[first], **changes}}}

    return change


def test_documents_change_nothing_of_what_is_ordered():
    plain, noticed = stage("payable"), stage("payable")
    body, blobs = order_body(plain)
    plain.write("office", "payout-ordered", body, *blobs)
    order(noticed, lambda documents: {"documents": documents, "more": 1})
    for world in (plain, noticed):
        world.carry("bus", "ev")
    assert list(plain.state.orders.values()) == list(noticed.state.orders.values())
    assert plain.state.dues == noticed.state.dues


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (lambda _: {"documents": {"x": {}}}, SumMismatch),
        (changed(payable_minor=1), SumMismatch),
        (changed(payable_minor="1"), SumMismatch),
        (changed(payable_minor=True), SumMismatch),
        (changed(number="x"), SumMismatch),
        (changed(currency="EUR"), SumMismatch),
        (changed(kind="qualified-invoice"), SumMismatch),
        (changed(kind=[]), SumMismatch),
        (lambda documents: {"documents": dict.fromkeys(documents, "x")}, SumMismatch),
        (lambda _: {"documents": []}, MalformedEntry),
        (lambda _: {}, MalformedEntry),
        (lambda _: [], MalformedEntry),
        (lambda _: b'{"documents": {}}', MalformedDocument),
        (lambda _: b"", MalformedDocument),
    ],
)
def test_documents_of_something_else_are_refused(
    content: Callable[[Documents], Any], refusal: type[KyojoError]
):
    with pytest.raises(refusal):
        order(stage("payable"), content)
