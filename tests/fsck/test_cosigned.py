"""Checkpoints before witnesses: a good cosignature vouches, a changed one is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import parse_note
from ledger.log.policy import parse_policy
from ledger.store.tables import cosignatures, cosigned_heads, logs, witnesses
from tests.builder import ORIGIN, log_key
from tests.fsck.world import LATER, Checked, codes

WITNESS = SigningKey("witness.example/w1", KeyType.ED25519_COSIGNATURE, b"w" * 32)
NAME = f"{WITNESS.verifier_key.name}+{WITNESS.verifier_key.key_id.hex()}"
POLICY = parse_policy(
    f"log {format_vkey(log_key(ORIGIN).verifier_key)}\n"
    f"witness w1 {format_vkey(WITNESS.verifier_key)}\nquorum w1\n".encode()
)


@pytest.fixture
def cosigned(checked: Checked):
    """A connection on which the newest checkpoint was cosigned."""
    with checked.editing() as connection:
        note = bytes(connection.execute(select(logs.c.checkpoint)).scalar_one())
        value = CosignatureSigner(WITNESS, 1_900_000_000).sign(parse_note(note).text)
        own = {"log_id": checked.log_id, "size": checked.size}
        head = {**own, "note": note, "chosen_at": LATER, "witnessed_at": LATER}
        connection.execute(cosigned_heads.insert().values(head))
        line = {**own, "witness": NAME, "value": value, "received_at": LATER}
        connection.execute(cosignatures.insert().values(line))
        seen = {**own, "witness": NAME, "answered_at": LATER}
        connection.execute(witnesses.insert().values(seen))
        yield connection


def check(checked: Checked, connection, policy=POLICY):
    wanted = replace(checked.wanted, own_policy=policy)
    return checked.check(connection, wanted=wanted)


def test_a_cosignature_vouches_for_the_whole_log(checked, cosigned):
    report = check(checked, cosigned)
    assert report.findings == ()
    assert report.vouched_size == checked.size
    unknown = check(checked, cosigned, policy=None)
    assert (unknown.exit_code, codes(unknown)) == (0, {"witness-unknown"})
    assert unknown.vouched_size < checked.size


CHANGES = {
    "note": (cosigned_heads, {"note": b"x"}),
    "chosen_at": (cosigned_heads, {"chosen_at": "x"}),
    "witnessed_at": (cosigned_heads, {"witnessed_at": "x"}),
    "size": (cosignatures, {"size": 3}),
    "value": (cosignatures, {"value": b"x" * 72}),
    "received_at": (cosignatures, {"received_at": ""}),
    "acknowledged": (witnesses, {"size": 10**6}),
    "answered_at": (witnesses, {"answered_at": "x"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_named(checked, cosigned, change):
    table, values = CHANGES[change]
    cosigned.execute(update(table).values(values))
    report = check(checked, cosigned)
    assert report.exit_code == 3
    named = {(f.table, f.column) for f in report.findings if f.code != "witness-unknown"}
    assert (table.name, next(iter(values))) in named


def test_a_head_of_another_history_is_no_head_of_this_log(checked, cosigned):
    from ledger.log.checkpoint import Checkpoint, sign_checkpoint
    from ledger.log.note import Ed25519Signer

    forged = sign_checkpoint(
        Checkpoint(ORIGIN, checked.size, bytes(32)), [Ed25519Signer(log_key())]
    )
    value = CosignatureSigner(WITNESS, 1_900_000_000).sign(parse_note(forged).text)
    cosigned.execute(update(cosigned_heads).values(note=forged))
    cosigned.execute(update(cosignatures).values(value=value))
    report = check(checked, cosigned)
    assert codes(report) == {"cosigned-changed", "history-differs"}
