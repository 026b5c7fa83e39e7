"""A blob opens to those who may read its subject, and to nobody else."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ledger.coop.envelope import parse_envelope
from ledger.payout.account import parse_account, seal_account
from ledger.store.reading import Filter
from tests.api.conftest import Open, World, check_problem
from tests.builder import blob_ref
from tests.installation import entry_body

# Who of all may read a blob named by an entry of this kind, in this field.
READERS: dict[tuple[str, str], set[str]] = {
    ("usage-batch", "totals"): {"bus", "office", "audit"},
    ("settlement-proposed", "inputs"): {"office", "audit"},
    ("settlement-proposed", "lines"): {"office", "audit"},
    ("settlement-proposed", "seed"): {"audit"},
    ("ruleset-proposed", "text"): {"bus", "ev", "town", "office", "audit"},
}
EVERYBODY = ("bus", "ev", "town", "office", "audit")


def digest_of(world: World, kind: str, field: str) -> str:
    """The blob of the first such entry (that of usage is the first member's)."""
    with world.coop.reading() as (_, log):
        row = log.search(Filter(kind=kind), limit=1)[0]
        return str(parse_envelope(log.entry(row.index)).draft.body[field]["sha256"])


def test_every_blob_opens_to_its_readers_only(open_world: Open) -> None:
    world = open_world("settled")
    found = {
        place: {
            who
            for who in EVERYBODY
            if world.get(f"/blobs/{digest_of(world, *place)}", who).is_success
        }
        for place in READERS
    }
    assert found == READERS


@pytest.mark.parametrize("place", READERS, ids="/".join)
def test_nobody_in_particular_reads_no_blob(open_world: Open, place: tuple[str, str]) -> None:
    world = open_world("settled")
    check_problem(world.get(f"/blobs/{digest_of(world, *place)}"), 403, "not-permitted")


def test_bank_details_open_to_the_member_and_the_office(world: World) -> None:
    account = {"type": "iban", "iban": "DE89370400440532013000", "bic": "COBADEFF", "holder": "bus"}
    details = seal_account(parse_account(account), b"s" * 32)
    bank = {"type": "iban", "details": blob_ref(details), "hint": "DE···3000"}
    body = {"member": "bus", "currency": "JPY", "destination": bank}
    sent = world.entries(entry_body(world.coop, "bus", "payout-destination-set", body, details))
    assert sent.is_success, sent.text
    path = f"/blobs/{sha256(details).hexdigest()}"
    assert {who for who in EVERYBODY if world.get(path, who).is_success} == {"bus", "office"}
    assert world.get(path, "bus").content == details


def test_a_blob_that_is_not_there(world: World) -> None:
    check_problem(world.get("/blobs/" + "00" * 32, "audit"), 404, "not-found")
    check_problem(world.get("/blobs/x", "audit"), 422, "invalid-input")
