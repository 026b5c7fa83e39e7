"""The record proof as a format: what is made is read, what is changed is refused."""

from __future__ import annotations

import contextlib
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.proofs import verify_proof_file
from ledger.audit.trust import Trust, make_trust
from ledger.coop.recordproof import (
    FILE_BYTES_MAX,
    BatchProof,
    DisclosedRecord,
    RecordProof,
    disclose,
    format_record_proof,
    parse_record_proof,
)
from ledger.errors import MalformedProof, OutOfRange
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.key import format_vkey
from ledger.log.merkle import leaf_hash, prove_inclusion, root_hash
from ledger.log.note import Ed25519Signer
from ledger.log.proof import TlogProof
from ledger.usage.commitment import derive_salts, record_leaves
from tests.builder import ORIGIN, World, log_key, record

LINES = tuple(record(f"r-{number}", attributes={"名": "値"}) for number in range(7))


@cache
def made() -> tuple[RecordProof, Trust]:
    world = World()
    world.prepare()
    submission = world.usage("bus", *LINES)
    world.accept(submission)
    world.submit("ev", record("later"))
    assert submission.batch is not None
    seed = submission.batch.seed
    index = len(world.entries) - 2
    leaves = [leaf_hash(entry) for entry in world.entries]
    head = Checkpoint(ORIGIN, len(leaves), root_hash(leaves))
    note = sign_checkpoint(head, [Ed25519Signer(log_key())])
    salts = derive_salts(seed, len(LINES))
    shown = disclose([5, 2, 5], LINES, salts, record_leaves(salts, LINES))
    batch = BatchProof(
        world.entries[index], TlogProof(index, prove_inclusion(leaves, index), note), shown
    )
    genesis = bytes.fromhex(world.state.genesis)
    trust = make_trust(
        origin=ORIGIN,
        genesis=genesis.hex(),
        log_keys=(format_vkey(log_key().verifier_key),),
    )
    return RecordProof(ORIGIN, genesis, (batch,)), trust


def verdict(data: bytes) -> str:
    return verify_proof_file(data, made()[1], entry=None).verdict


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(format_record_proof(made()[0]))
    return found


def test_what_is_made_is_read_and_verified() -> None:
    proof, _ = made()
    data = format_record_proof(proof)
    assert parse_record_proof(data) == proof
    assert [record.number for record in proof.batches[0].records] == [2, 5]
    assert verdict(data) == "verified"


def test_no_changed_byte_passes() -> None:
    data = format_record_proof(made()[0])
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            found = verdict(changed)
        except MalformedProof:
            continue
        assert found == "refused", (place, changed[place - 20 : place + 20])


def test_a_record_beyond_the_batch_is_not_disclosed() -> None:
    salts = derive_salts(bytes(32), 2)
    with pytest.raises(OutOfRange):
        disclose([2], LINES[:2], salts, record_leaves(salts, LINES[:2]))


SHA = "00" * 32
RECORD: dict[str, Any] = {"number": 0, "line": "{}", "salt": SHA, "path": []}


@pytest.mark.parametrize(
    "change",
    [
        {"format": "kyojo-record-proof/2"}, {"origin": ""}, {"origin": "x" * 256}, {"origin": 1},
        {"origin": "a\nb"}, {"genesis": SHA.upper().replace("0", "A")}, {"genesis": "0" * 63},
        {"genesis": " 0" * 32}, {"batches": []}, {"batches": {}}, {"batches": [1]},
        {"batches": [{}]}, {"more": 1}, {"origin": "\ud800"},
    ],
)  # fmt: skip
def test_another_frame_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedProof):
        parse_record_proof(json.dumps({**document(), **change}).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"number": -1}, {"number": 10_000}, {"number": True}, {"number": "0"},
        {"number": 2**53 - 1}, {"line": ""}, {"line": "x" * 8193}, {"line": "あ" * 3000},
        {"line": 1}, {"line": "\ud800"}, {"salt": SHA[:-1]}, {"salt": None},
        {"path": [SHA] * 15}, {"path": SHA}, {"path": [1]},
        {"seed": SHA},
    ],
)  # fmt: skip
def test_another_record_is_refused(change: dict[str, Any]) -> None:
    found = document()
    found["batches"][0]["records"] = [{**RECORD, **change}]
    with pytest.raises(MalformedProof, match="/batches/0/records/0"):
        parse_record_proof(json.dumps(found).encode())
    found["batches"][0]["records"] = [RECORD]
    parse_record_proof(json.dumps(found).encode())


def test_records_ascend_and_their_number_is_bounded() -> None:
    found = document()
    for numbers in ([1, 0], [0, 0], []):
        found["batches"][0]["records"] = [{**RECORD, "number": number} for number in numbers]
        with pytest.raises(MalformedProof, match="records"):
            parse_record_proof(json.dumps(found).encode())
    found["batches"][0]["records"] = [{**RECORD, "number": number} for number in range(5001)]
    found["batches"] *= 2
    with pytest.raises(MalformedProof, match="at most 10000 records"):
        parse_record_proof(json.dumps(found).encode())


def test_impossible_proofs_are_not_written() -> None:
    proof, _ = made()
    batch = proof.batches[0]
    shown = batch.records[0]
    wrong_records = [
        (), (shown, shown), (DisclosedRecord(0, b"\xff", shown.salt, ()),),
        (DisclosedRecord(0, b"{}", b"short", ()),), (DisclosedRecord(-1, b"{}", bytes(32), ()),),
    ]  # fmt: skip
    for records in wrong_records:
        with pytest.raises(MalformedProof):
            format_record_proof(
                RecordProof(ORIGIN, proof.genesis, (BatchProof(batch.entry, batch.proof, records),))
            )
    with pytest.raises(MalformedProof):
        format_record_proof(RecordProof("", proof.genesis, proof.batches))


def test_a_file_is_bounded() -> None:
    with pytest.raises(MalformedProof, match="at most"):
        parse_record_proof(b" " * (FILE_BYTES_MAX + 1))


@given(st.binary())
def test_any_bytes_give_a_proof_or_one_error(data: bytes) -> None:
    for candidate in (data, b'{"format":' + data, format_record_proof(made()[0]) + data):
        with contextlib.suppress(MalformedProof):
            parse_record_proof(candidate)
        with contextlib.suppress(MalformedProof):
            verify_proof_file(candidate, None, entry=data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(SHA),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*RECORD, "entry", "tlog_proof", "records", "batches"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(["origin", "genesis", "batches"]), JSON)
def test_any_value_at_any_place_gives_a_report_or_one_error(name: str, value: Any) -> None:
    found = {**document(), name: value}
    with contextlib.suppress(MalformedProof):
        verify_proof_file(json.dumps(found).encode(), made()[1], entry=None)


@given(st.sampled_from(["entry", "tlog_proof", "records"]), JSON)
def test_any_batch_gives_a_report_or_one_error(name: str, value: Any) -> None:
    found = document()
    found["batches"][0][name] = value
    with contextlib.suppress(MalformedProof):
        verify_proof_file(json.dumps(found).encode(), made()[1], entry=None)


@given(st.text(min_size=1, max_size=300))
def test_any_entry_gives_a_report(text: str) -> None:
    found = document()
    for entry in (text, '{"v":1' + text, found["batches"][0]["entry"].replace("usage-batch", text)):
        found["batches"][0]["entry"] = entry
        with contextlib.suppress(MalformedProof):
            report = verify_proof_file(json.dumps(found).encode(), made()[1], entry=None)
            assert report.verdict == "refused"
