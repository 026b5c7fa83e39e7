"""A witness on its database: what it signs, keeps, and answers to those who come at once."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from api.witness import create_witness_app
from ledger.errors import NotFound, StaleCheckpoint
from ledger.log import merkle
from ledger.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.log.cosignature import ClockedSigner, ml_dsa_message, posix_seconds_of, verifier_of
from ledger.log.cosignature import Subtree as Tree
from ledger.log.key import KeyType, SigningKey, parse_signing_key
from ledger.log.note import Ed25519Signer, open_note, parse_signatures
from ledger.log.witness import AddCheckpoint, TreeHead, format_add_checkpoint
from ledger.service.witness import Answer, Witness
from ledger.store.database import Database
from ledger.store.witness_heads import KeptHead, WitnessHeads
from tests.log.vectors import (
    FIFTEEN_LEAVES,
    FIFTEEN_ROOT,
    LOG_CHECKPOINT,
    LOG_ORIGIN,
    LOG_SIGNING_KEY,
    WITNESS_LINE,
    WITNESS_TIME,
    WITNESSED_TEXT,
)

LOG_KEY = parse_signing_key(LOG_SIGNING_KEY)
ROOTS = [merkle.root_hash(FIFTEEN_LEAVES[:size]) for size in range(16)]
NAME = "witness.example.org"
COSIGNER = SigningKey(
    NAME, KeyType.ED25519_COSIGNATURE, sha256(b"skylight test witness key").digest()
)
ML_DSA = SigningKey(NAME, KeyType.ML_DSA_44, bytes(range(32)))


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, seconds: int = WITNESS_TIME) -> None:
        self.seconds = seconds

    def __call__(self) -> int:
        return self.seconds


def open_witness(folder: Path, **changes: object) -> Witness:
    heads = WitnessHeads(Database(f"sqlite:///{folder / 'witness.db'}"))
    parts = {"keys": [COSIGNER], "logs": [LOG_KEY.verifier_key], "clock": Clock(), **changes}
    return Witness(heads, **parts)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    found = open_witness(tmp_path)
    yield found
    found.close()


def note_of(size: int, root: bytes | None = None, key: SigningKey = LOG_KEY) -> bytes:
    checkpoint = Checkpoint(key.name, size, ROOTS[size] if root is None else root)
    return sign_checkpoint(checkpoint, [Ed25519Signer(key)])


def growth(old: int, new: int) -> bytes:
    proof = merkle.prove_consistency(FIFTEEN_LEAVES[:new], old) if 0 < old < new else ()
    return format_add_checkpoint(AddCheckpoint(old, tuple(proof), note_of(new)))


def test_the_published_cosignature_is_answered_byte_for_byte(tmp_path):
    log = SigningKey("rome2026h1.example.org", KeyType.ED25519, bytes(32))
    witness = open_witness(tmp_path, logs=[log.verifier_key])
    root = WITNESSED_TEXT.split(b"\n")[2]
    note = note_of(300, root=base64.b64decode(root), key=log)
    assert note.startswith(WITNESSED_TEXT)
    answer = witness.add_checkpoint(format_add_checkpoint(AddCheckpoint(0, (), note)))
    assert answer == Answer(200, WITNESS_LINE)
    witness.close()


def test_with_an_ml_dsa_key_it_signs_twice_the_example_s_message(tmp_path):
    witness = open_witness(tmp_path, keys=[COSIGNER, ML_DSA])
    answer = witness.add_checkpoint(growth(0, 15))
    plain, second = parse_signatures(answer.body)
    assert (plain.key_id.hex(), second.key_id.hex()) == ("b8a2cf20", "d712d161")
    message = ml_dsa_message(NAME, WITNESS_TIME, Tree(LOG_ORIGIN, 0, 15, FIFTEEN_ROOT))
    assert sha256(message).hexdigest() == (
        "81a65b1bf16107e16b901349305ef1421289a5d0cfc6a638beebc34ad574fe53"
    )
    assert second.value[:8] == WITNESS_TIME.to_bytes(8, "big")
    ML_DSA.verifier_key.verify_message(message, second.value[8:])
    witness.close()


def test_a_log_that_signs_with_ml_dsa_too_is_known_by_either_key(tmp_path):
    second = SigningKey(LOG_ORIGIN, KeyType.ML_DSA_44, bytes(32))
    signers = [Ed25519Signer(LOG_KEY), ClockedSigner(second, Clock())]
    note = sign_checkpoint(Checkpoint(LOG_ORIGIN, 15, ROOTS[15]), signers)
    verifiers = [verifier_of(key.verifier_key) for key in (LOG_KEY, second)]
    assert len(open_checkpoint(note, origin=LOG_ORIGIN, verifiers=verifiers).note.signatures) == 2
    for number, keys in enumerate(([LOG_KEY], [second], [LOG_KEY, second])):
        folder = tmp_path / str(number)
        folder.mkdir()
        witness = open_witness(folder, logs=[key.verifier_key for key in keys])
        request = format_add_checkpoint(AddCheckpoint(0, (), note))
        assert witness.add_checkpoint(request).status == 200
        kept = open_note(witness.checkpoint(hash_of(LOG_ORIGIN)), verifiers)
        assert len(kept.signatures) == len(keys)  # what it has not verified it does not show
        witness.close()


def hash_of(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()


def test_what_is_shown_is_the_newest_note_with_both_signatures(witness):
    with pytest.raises(NotFound):
        witness.checkpoint(hash_of(LOG_ORIGIN))
    for old, new in ((0, 7), (7, 15)):
        assert witness.add_checkpoint(growth(old, new)).status == 200
    note = witness.checkpoint(hash_of(LOG_ORIGIN))
    assert note.startswith(LOG_CHECKPOINT)
    keys = [verifier_of(LOG_KEY.verifier_key), verifier_of(COSIGNER.verifier_key)]
    assert len(open_note(note, keys).signatures) == 2
    with pytest.raises(NotFound):
        witness.checkpoint(hash_of("example.com/other"))


def test_the_same_checkpoint_again_is_cosigned_afresh(tmp_path):
    clock = Clock()
    witness = open_witness(tmp_path, clock=clock)
    witness.add_checkpoint(growth(0, 15))
    clock.seconds += 60
    answer = witness.add_checkpoint(growth(15, 15))
    (line,) = parse_signatures(answer.body)
    assert posix_seconds_of(line) == WITNESS_TIME + 60
    witness.close()


def test_the_time_never_falls(tmp_path):
    clock = Clock()
    witness = open_witness(tmp_path, clock=clock)
    witness.add_checkpoint(growth(0, 7))
    clock.seconds -= 3600
    (line,) = parse_signatures(witness.add_checkpoint(growth(7, 15)).body)
    assert posix_seconds_of(line) == WITNESS_TIME
    witness.close()


def test_a_reopened_witness_is_where_it_was(tmp_path):
    first = open_witness(tmp_path)
    first.add_checkpoint(growth(0, 15))
    first.close()
    again = open_witness(tmp_path)
    for old in (0, 7):
        answer = again.add_checkpoint(growth(old, max(old, 7)))
        assert answer == Answer(409, b"15\n", "text/x.tlog.size")
    assert again.newest()[LOG_ORIGIN].head == TreeHead(15, ROOTS[15])
    again.close()


def test_a_refused_request_changes_nothing(witness):
    witness.add_checkpoint(growth(0, 7))
    before = witness.newest()
    fork = format_add_checkpoint(AddCheckpoint(7, (bytes(32),), note_of(15, root=bytes(32))))
    for data, status in ((b"", 400), (fork, 422), (growth(0, 15), 409)):
        assert witness.add_checkpoint(data).status == status
    assert witness.newest() == before


def test_no_signature_leaves_before_its_head_is_kept(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'witness.db'}")
    witness = Witness(
        WitnessHeads(database), keys=[COSIGNER], logs=[LOG_KEY.verifier_key], clock=Clock()
    )
    witness.add_checkpoint(growth(0, 7))
    is_full = True

    @event.listens_for(database.engine, "commit")
    def fail(_connection: object) -> None:
        if is_full:
            raise OperationalError("COMMIT", {}, OSError("the disk is full"))

    app = create_witness_app(witness, prefix="/w")
    refused = asyncio.run(post(app, "/w/add-checkpoint", growth(7, 15)))
    assert (refused.status_code, refused.headers["content-type"]) == (
        503, "text/plain; charset=utf-8",
    )  # fmt: skip
    assert "—" not in refused.text
    is_full = False
    assert witness.newest()[LOG_ORIGIN].head.size == 7
    answer = asyncio.run(post(app, "/w/add-checkpoint", growth(0, 15)))
    assert (answer.status_code, answer.text) == (409, "7\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"
    assert asyncio.run(post(app, "/w/add-checkpoint", growth(7, 15))).status_code == 200
    witness.close()


async def post(app: FastAPI, path: str, body: bytes) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, content=body)


def test_of_those_who_come_at_once_exactly_one_wins(tmp_path):
    # Two processes' worth: each has its own engine on the same file.
    witnesses = [open_witness(tmp_path) for _ in range(2)]
    start = threading.Barrier(8)
    answers: list[tuple[int, int]] = []

    def send(number: int) -> None:
        start.wait()
        size = 8 + number
        answer = witnesses[number % 2].add_checkpoint(growth(7, size))
        answers.append((answer.status, size))

    witnesses[0].add_checkpoint(growth(0, 7))
    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [size for status, size in answers if status == 200]
    assert len(won) == 1
    assert sorted(status for status, _ in answers) == [200] + [409] * 7
    assert witnesses[1].newest()[LOG_ORIGIN].head.size == won[0]
    for witness in witnesses:
        witness.close()


def test_a_head_is_replaced_by_compare_and_swap_only(tmp_path):
    heads = WitnessHeads(Database(f"sqlite:///{tmp_path / 'witness.db'}"))
    heads.advance("log", lambda _: KeptHead("log", TreeHead(7, ROOTS[7]), b"", 1))

    def overtaken(known: KeptHead | None) -> KeptHead:
        object.__setattr__(known, "head", TreeHead(3, ROOTS[3]))  # as if another had written
        return KeptHead("log", TreeHead(9, ROOTS[9]), b"", 1)

    with pytest.raises(StaleCheckpoint):
        heads.advance("log", overtaken)
    assert heads.find("log").head.size == 7
    heads.close()
