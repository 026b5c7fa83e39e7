"""The witness protocol: what a request is, and in which order a witness refuses it."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadSignature, MalformedNote, MalformedProof
from ledger.log import key, merkle
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.cosignature import CosignatureSigner, verifier_of
from ledger.log.key import KeyType, SigningKey
from ledger.log.note import Ed25519Signer, Signature, format_signature, parse_signatures, sign_text
from ledger.log.witness import (
    HASHES_MAX,
    REQUEST_BYTES_MAX,
    AddCheckpoint,
    Refusal,
    Status,
    TreeHead,
    format_add_checkpoint,
    format_size,
    open_answer,
    open_request,
    parse_add_checkpoint,
    parse_size,
    verify_growth,
)
from tests.log.vectors import (
    FIFTEEN_LEAVES,
    LOG_CHECKPOINT,
    LOG_ORIGIN,
    LOG_SIGNING_KEY,
    WITNESS_LINE,
    WITNESS_VKEY,
    WITNESSED_TEXT,
)

LOG_KEY = key.parse_signing_key(LOG_SIGNING_KEY)
OTHER_KEY = SigningKey(LOG_ORIGIN, KeyType.ED25519, bytes(32))
LOGS = {LOG_ORIGIN: [verifier_of(LOG_KEY.verifier_key)]}
PROOF_7_15 = merkle.prove_consistency(FIFTEEN_LEAVES, 7)
ROOTS = [merkle.root_hash(FIFTEEN_LEAVES[:size]) for size in range(16)]

EXAMPLE = (
    b"""\
old 7
2Q0P5jSR+TdkwdXWyx+GbBWX0KZbNZkWzCjyTPSozsw=
ThcgoV2DYcK+VCxBUDWAlNxmLy2r7dq7dK7+OlgQKWs=
ycRkkNklus5eMVRUvkD1pK321vMrA+jjOiZKU8aOcY4=
zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=
5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=

"""
    + LOG_CHECKPOINT
)


def note_of(size, root=None, signing_key=LOG_KEY, origin=LOG_ORIGIN):
    checkpoint = Checkpoint(origin, size, ROOTS[size] if root is None else root)
    return sign_checkpoint(checkpoint, [Ed25519Signer(signing_key)])


def request_of(old_size, note, proof=()):
    return format_add_checkpoint(AddCheckpoint(old_size, tuple(proof), note))


def judged(data, last=None):
    """The status of a request at a witness that is at ``last``."""
    try:
        request = parse_add_checkpoint(data)
        opened = open_request(request, LOGS)
        verify_growth(request, opened.checkpoint, last or TreeHead())
    except MalformedProof:
        return Status.MALFORMED
    except Refusal as refusal:
        return refusal.status
    return Status.COSIGNED


def at(size):
    return TreeHead(size, ROOTS[size])


def test_the_published_example_is_a_request_byte_for_byte():
    made = AddCheckpoint(7, PROOF_7_15, LOG_CHECKPOINT)
    assert format_add_checkpoint(made) == EXAMPLE
    assert parse_add_checkpoint(EXAMPLE) == made
    assert judged(EXAMPLE, at(7)) == Status.COSIGNED


STRANGE = note_of(15, signing_key=OTHER_KEY)
ELSEWHERE = note_of(
    15, signing_key=SigningKey("example.com/other", KeyType.ED25519, bytes(32)),
    origin="example.com/other",
)  # fmt: skip
WRONG = LOG_CHECKPOINT.replace(b"M9e0luh4", b"M9e0luh5")
FORKED = note_of(15, root=bytes(32))
FALSE_EMPTY = note_of(0, root=bytes(32))


@pytest.mark.parametrize(
    ("data", "last", "status"),
    [
        (b"", at(0), Status.MALFORMED),
        (EXAMPLE[:-1], at(7), Status.MALFORMED),
        (request_of(0, ELSEWHERE), at(0), Status.UNKNOWN_LOG),
        (request_of(0, STRANGE), at(0), Status.UNTRUSTED),
        (request_of(0, WRONG), at(0), Status.UNTRUSTED),
        (request_of(16, LOG_CHECKPOINT), at(7), Status.MALFORMED),
        (request_of(0, LOG_CHECKPOINT), at(7), Status.OTHER_SIZE),
        (request_of(8, LOG_CHECKPOINT), at(7), Status.OTHER_SIZE),
        (request_of(0, FALSE_EMPTY), at(0), Status.INCONSISTENT),
        (request_of(0, LOG_CHECKPOINT, [bytes(32)]), at(0), Status.INCONSISTENT),
        (request_of(7, LOG_CHECKPOINT), at(7), Status.INCONSISTENT),
        (request_of(7, FORKED, PROOF_7_15), at(7), Status.INCONSISTENT),
        (request_of(15, FORKED), at(15), Status.INCONSISTENT),
        (request_of(15, LOG_CHECKPOINT, [bytes(32)]), at(15), Status.INCONSISTENT),
        (request_of(0, LOG_CHECKPOINT), at(0), Status.COSIGNED),
        (request_of(0, note_of(0)), at(0), Status.COSIGNED),
        (request_of(15, LOG_CHECKPOINT), at(15), Status.COSIGNED),
    ],
)
def test_every_status(data, last, status):
    assert judged(data, last) == status


@pytest.mark.parametrize(
    ("data", "last", "status"),
    [
        # Each has the fault named and all faults that are asked for later.
        (request_of(16, ELSEWHERE, [bytes(32)])[:-1], at(7), Status.MALFORMED),
        (request_of(16, ELSEWHERE, [bytes(32)]), at(7), Status.UNKNOWN_LOG),
        (request_of(16, STRANGE, [bytes(32)]), at(7), Status.UNTRUSTED),
        (request_of(16, FORKED, [bytes(32)]), at(7), Status.MALFORMED),
        (request_of(9, FORKED, [bytes(32)]), at(7), Status.OTHER_SIZE),
        (request_of(7, FORKED, [bytes(32)]), at(7), Status.INCONSISTENT),
    ],
)
def test_the_order_of_the_questions(data, last, status):
    assert judged(data, last) == status


def test_a_refusal_for_another_size_says_which():
    request = parse_add_checkpoint(request_of(0, LOG_CHECKPOINT))
    checkpoint = open_request(request, LOGS).checkpoint
    with pytest.raises(Refusal) as refused:
        verify_growth(request, checkpoint, at(7))
    assert refused.value.size == 7


def test_a_wrong_signature_by_a_trusted_key_spoils_a_right_one_by_another():
    logs = {LOG_ORIGIN: [*LOGS[LOG_ORIGIN], verifier_of(OTHER_KEY.verifier_key)]}
    line = STRANGE.split(b"\n\n")[1]
    good = parse_add_checkpoint(request_of(0, LOG_CHECKPOINT + line))
    assert len(open_request(good, logs).note.signatures) == 2
    flipped = base64.b64decode(line.split()[-1])[:-1] + b"\x00"
    bad = " ".join(["—", LOG_ORIGIN, base64.b64encode(flipped).decode()]).encode() + b"\n"
    with pytest.raises(Refusal) as refused:
        open_request(parse_add_checkpoint(request_of(0, LOG_CHECKPOINT + bad)), logs)
    assert refused.value.status == Status.UNTRUSTED
    # The same line is ignored where its key is unknown.
    ignored = parse_add_checkpoint(request_of(0, LOG_CHECKPOINT + bad))
    assert len(open_request(ignored, LOGS).note.signatures) == 1


@pytest.mark.parametrize("new", range(1, 16))
def test_every_growth_is_cosigned_and_no_changed_proof(new):
    for old in range(new + 1):
        inner = 0 < old < new
        proof = merkle.prove_consistency(FIFTEEN_LEAVES[:new], old) if inner else ()
        assert judged(request_of(old, note_of(new), proof), at(old)) == Status.COSIGNED
        for place in range(len(proof)):
            changed = list(proof)
            changed[place] = bytes([changed[place][0] ^ 1]) + changed[place][1:]
            status = judged(request_of(old, note_of(new), changed), at(old))
            assert status == Status.INCONSISTENT


@pytest.mark.parametrize(
    "data",
    [
        EXAMPLE.replace(b"old 7", b"old 07"),
        EXAMPLE.replace(b"old 7", b"old -7"),
        EXAMPLE.replace(b"old 7", b"old  7"),
        EXAMPLE.replace(b"old 7", b"old 9223372036854775808"),
        EXAMPLE.replace(b"old 7", b"new 7"),
        EXAMPLE.replace(b"old 7\n", b""),
        EXAMPLE.replace(b"ozsw=", b"ozsx="),
        EXAMPLE.replace(b"ozsw=", b"ozs="),
        EXAMPLE.replace(b"\n\n", b"\n", 1),
        EXAMPLE.replace(b"\n", b"\r\n"),
        EXAMPLE.replace(b"15\n", b"15\nextension\n"),
        EXAMPLE + b"\xff",
        EXAMPLE + b"\n",
        b"old 7\n" + b"%s\n" % base64.b64encode(bytes(32)) * (HASHES_MAX + 1)
        + b"\n" + LOG_CHECKPOINT,
        EXAMPLE + b"x" * REQUEST_BYTES_MAX,
    ],
)  # fmt: skip
def test_what_is_no_request(data):
    with pytest.raises(MalformedProof):
        parse_add_checkpoint(data)


def test_sixty_three_hashes_are_a_request():
    data = request_of(7, LOG_CHECKPOINT, [bytes(32)] * HASHES_MAX)
    assert len(parse_add_checkpoint(data).proof) == HASHES_MAX


def test_parts_that_are_no_request_are_not_written():
    for parts in ((-1, (), LOG_CHECKPOINT), (0, (b"x",), LOG_CHECKPOINT), (0, (), b"")):
        with pytest.raises(MalformedProof):
            format_add_checkpoint(AddCheckpoint(*parts))


@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from([b"old 7\n", b"old 0\n", b"\n", b"AA==\n", *EXAMPLE.splitlines(True)]),
            max_size=16,
        ).map(b"".join),
        st.tuples(st.integers(0, len(EXAMPLE) - 1), st.integers(0, 255)).map(
            lambda change: EXAMPLE[: change[0]] + bytes([change[1]]) + EXAMPLE[change[0] + 1 :]
        ),
    )
)
def test_reading_a_request_fails_in_one_way_only(data):
    with contextlib.suppress(MalformedProof):
        assert format_add_checkpoint(parse_add_checkpoint(data)) == data


@given(st.one_of(st.binary(max_size=30), st.integers(0, 2**63).map(lambda n: b"%d\n" % n)))
def test_reading_a_size_fails_in_one_way_only(data):
    with contextlib.suppress(MalformedProof):
        assert format_size(parse_size(data)) == data


WITNESS = key.parse_vkey(WITNESS_VKEY)
WITNESSED = WITNESSED_TEXT + b"\n" + WITNESS_LINE  # any note with that text


def line_of(seed, name="witness.example.org", text=WITNESSED_TEXT):
    signing_key = SigningKey(name, KeyType.ED25519_COSIGNATURE, seed)
    return format_signature(sign_text(text, CosignatureSigner(signing_key, 1)))


def changed_line(place):
    """The published line with one bit changed in what follows the key id."""
    (line,) = parse_signatures(WITNESS_LINE)
    value = bytearray(line.value)
    value[place] ^= 1
    return format_signature(Signature(line.name, line.key_id, bytes(value)))


def test_the_published_cosignature_is_taken_and_lines_of_strangers_are_not():
    for data in (WITNESS_LINE, line_of(bytes(32)) + WITNESS_LINE + line_of(bytes(32), "other")):
        (found,) = open_answer(data, WITNESSED, [WITNESS])
        assert format_signature(found) == WITNESS_LINE


@pytest.mark.parametrize(
    "data",
    [
        line_of(bytes(32)),
        changed_line(7),  # the time
        changed_line(8),
        changed_line(71),
        line_of(bytes(32)) + changed_line(71),
    ],
)
def test_an_answer_without_a_valid_cosignature_is_a_bad_signature(data):
    with pytest.raises(BadSignature):
        open_answer(data, WITNESSED, [WITNESS])


@pytest.mark.parametrize("data", [b"", b"\n", b"ok\n", WITNESSED, WITNESS_LINE[:-1], b"\x00\xff"])
def test_an_answer_that_is_no_signature_lines_is_malformed(data):
    with pytest.raises(MalformedNote):
        open_answer(data, WITNESSED, [WITNESS])
