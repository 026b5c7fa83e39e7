"""Proof files: the published one, their form, and every way not to be convinced."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadSignature, MalformedProof, NotIncluded, VerificationError
from ledger.log import key, merkle, proof
from ledger.log.policy import parse_policy
from ledger.log.proof import TlogProof
from tests.log.vectors import (
    FIFTEEN_ENTRIES,
    FIFTEEN_LEAVES,
    LOG_CHECKPOINT,
    LOG_ORIGIN,
    LOG_PROOF,
    LOG_SIGNING_KEY,
    WITNESS_VKEY,
)

LOG_VKEY = key.format_vkey(key.parse_signing_key(LOG_SIGNING_KEY).verifier_key)
POLICY = parse_policy(f"log {LOG_VKEY}\nquorum none\n".encode())
WITNESSED = parse_policy(f"log {LOG_VKEY}\nwitness w {WITNESS_VKEY}\nquorum w\n".encode())
PARSED = proof.parse_proof(LOG_PROOF)


def verify(parsed, entry=b"five", origin=LOG_ORIGIN, policy=POLICY):
    proof.verify_proof(parsed, entry=entry, origin=origin, policy=policy)


def test_the_published_proof_is_made_byte_for_byte():
    made = TlogProof(4, merkle.prove_inclusion(FIFTEEN_LEAVES, 4), LOG_CHECKPOINT)
    assert made == PARSED
    assert proof.format_proof(made) == LOG_PROOF


def test_the_published_proof_verifies_for_its_entry_only():
    verify(PARSED)
    with pytest.raises(NotIncluded):
        verify(PARSED, entry=b"Five")


def test_every_entry_has_a_proof_at_its_own_index_only():
    for index, entry in enumerate(FIFTEEN_ENTRIES):
        hashes = merkle.prove_inclusion(FIFTEEN_LEAVES, index)
        verify(TlogProof(index, hashes, LOG_CHECKPOINT), entry)
        for other in (index - 1, index + 1, 15):
            with pytest.raises(NotIncluded):
                verify(TlogProof(other, hashes, LOG_CHECKPOINT), entry)


@pytest.mark.parametrize("place", range(len(LOG_PROOF)))
def test_no_changed_byte_of_the_published_proof_verifies(place):
    changed = LOG_PROOF[:place] + bytes([LOG_PROOF[place] ^ 1]) + LOG_PROOF[place + 1 :]
    with pytest.raises((MalformedProof, VerificationError)):
        verify(proof.parse_proof(changed))


def test_extra_is_carried_and_proves_nothing():
    for extra in (b"", b"anything", bytes(49_000)):
        with_extra = TlogProof(PARSED.index, PARSED.hashes, PARSED.checkpoint, extra)
        assert proof.parse_proof(proof.format_proof(with_extra)) == with_extra
        verify(with_extra)


def test_lines_stay_below_64_kib():
    with pytest.raises(MalformedProof, match="extra line"):
        proof.format_proof(TlogProof(0, (), LOG_CHECKPOINT, bytes(49_150)))


def test_another_log_or_key_is_refused():
    with pytest.raises(BadSignature):
        verify(PARSED, origin="example.com/other")
    other = parse_policy(
        b"log PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\nquorum none\n"
    )
    with pytest.raises(BadSignature):
        verify(PARSED, policy=other)


def test_a_missing_quorum_is_refused():
    with pytest.raises(BadSignature, match="quorum"):
        verify(PARSED, policy=WITNESSED)


def test_a_proof_without_a_checkpoint_is_refused_when_verified():
    with pytest.raises(VerificationError):
        verify(TlogProof(4, PARSED.hashes, b"nothing"))


HEADER, REST = LOG_PROOF.split(b"\n", 1)
HASH = b"yiM+eia4w1wsk/Ukx7kF56IQVkDW3MWUaUz/VtJu+yU=\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        HEADER,
        HEADER + b"\n\n",
        HEADER + b"\n\n" + LOG_CHECKPOINT,
        LOG_CHECKPOINT,
        REST,
        b"\n" + LOG_PROOF,
        LOG_PROOF[:-1],
        LOG_PROOF + b"\n",
        LOG_PROOF.replace(b"@v1", b"@v2"),
        LOG_PROOF.replace(b"\n", b"\r\n"),
        LOG_PROOF.replace(b"index 4", b"index 04"),
        LOG_PROOF.replace(b"index 4", b"index -4"),
        LOG_PROOF.replace(b"index 4", b"index  4"),
        LOG_PROOF.replace(b"index 4", b"index 4 "),
        LOG_PROOF.replace(b"index 4", b"index"),
        LOG_PROOF.replace(b"index 4", b"index "),
        LOG_PROOF.replace(b"index 4", b"index 9223372036854775807"),
        LOG_PROOF.replace(b"index 4\n", b""),
        LOG_PROOF.replace(b"index 4\n", b"index 4\nindex 4\n"),
        LOG_PROOF.replace(b"index 4\n", b"index 4\nextra AAAA\n"),
        LOG_PROOF.replace(b"index 4\n", b"extra AAAA\nextra AAAA\nindex 4\n"),
        LOG_PROOF.replace(b"index 4\n", b"extra AAA\nindex 4\n"),
        LOG_PROOF.replace(b"index 4\n", b"extra AAAB=\nindex 4\n"),
        LOG_PROOF.replace(b"index 4\n", b"extra\nindex 4\n"),
        LOG_PROOF.replace(b"index 4\n", b"extra AAAA\n"),
        LOG_PROOF.replace(b"index 4\n", b"index 4\n\n"),
        LOG_PROOF.replace(b"index 4\n", b"index 4\n" + HASH * 60),
        LOG_PROOF.replace(HASH, HASH.replace(b"yU=", b"yV=")),
        LOG_PROOF.replace(HASH, HASH.replace(b"yU=", b"yU")),
        LOG_PROOF.replace(HASH, b" " + HASH),
        LOG_PROOF.replace(HASH, b"AAAA\n"),
        LOG_PROOF.replace(b"\n15\n", b"\n015\n"),
        LOG_PROOF.replace(b"83cs=\n\n", b"83cs=\nextension\n\n"),
        LOG_PROOF.replace(b"83cs=\n\n", b"83cs=\n"),
    ],
)
def test_what_is_no_proof_is_refused(data):
    assert data != LOG_PROOF
    with pytest.raises(MalformedProof):
        proof.parse_proof(data)


@pytest.mark.parametrize(
    "parts",
    [
        (-1, (), LOG_CHECKPOINT),
        (True, (), LOG_CHECKPOINT),
        (2**63 - 1, (), LOG_CHECKPOINT),
        (0, (b"short",), LOG_CHECKPOINT),
        (0, [bytes(32)], LOG_CHECKPOINT),
        (0, (bytes(32),) * 64, LOG_CHECKPOINT),
        (0, (), b""),
        (0, (), b"\n" + LOG_CHECKPOINT),
    ],
)
def test_impossible_proofs_are_not_written(parts):
    with pytest.raises(MalformedProof):
        proof.format_proof(TlogProof(*parts))


@given(
    st.integers(0, 2**63 - 2),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(max_size=100),
)
def test_proofs_round_trip(index, hashes, extra):
    made = TlogProof(index, tuple(hashes), LOG_CHECKPOINT, extra)
    assert proof.parse_proof(proof.format_proof(made)) == made


@given(st.binary())
def test_reading_a_proof_fails_in_one_way_only(data):
    header = HEADER + b"\n"
    for candidate in (data, header + data, header + b"index 0\n" + data, LOG_PROOF + data):
        with contextlib.suppress(MalformedProof):
            assert proof.format_proof(proof.parse_proof(candidate)) == candidate
