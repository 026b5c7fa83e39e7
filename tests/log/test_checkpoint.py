"""Checkpoints: three lines, no other, signed by the log that they name."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadSignature, MalformedCheckpoint, MalformedNote
from ledger.log import checkpoint, key, merkle, note
from ledger.log.checkpoint import Checkpoint
from ledger.log.key import KeyType, SigningKey
from ledger.log.note import Ed25519Signer, Ed25519Verifier
from tests.log.vectors import FIFTEEN_ROOT, LOG_CHECKPOINT, LOG_ORIGIN, LOG_SIGNING_KEY

LOG = Ed25519Signer(key.parse_signing_key(LOG_SIGNING_KEY))
LOG_VERIFIER = Ed25519Verifier(LOG.key.verifier_key)
FIFTEEN = Checkpoint(LOG_ORIGIN, 15, FIFTEEN_ROOT)
TEXT = checkpoint.format_checkpoint(FIFTEEN)
SIGSUM_ORIGIN = (
    "sigsum.org/v1/tree/e796172b92befd62d9dc67e41c2f5bc9d3100a3023b20b1ca40288dd1c679e69"
)
SIGSUM = (
    SIGSUM_ORIGIN
    + "\n10\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— "
    + SIGSUM_ORIGIN
    + " gJ2ho0n8F8olcerUF1FFdv235A/5as/coWrpLrtE7ovMeP5whgwouYExowG/lTznxu6OUGjjt5yJQ6bXtTcf718"
    + "MqAQ=\n"
).encode()


def test_the_published_log_checkpoint_byte_for_byte():
    assert checkpoint.sign_checkpoint(FIFTEEN, [LOG]) == LOG_CHECKPOINT
    opened = checkpoint.open_checkpoint(LOG_CHECKPOINT, origin=LOG_ORIGIN, verifiers=[LOG_VERIFIER])
    assert opened.checkpoint == FIFTEEN
    assert opened.note.text == TEXT


def test_the_published_sigsum_checkpoint_byte_for_byte():
    signer = Ed25519Signer(SigningKey(SIGSUM_ORIGIN, KeyType.ED25519, b"\x11".ljust(32, b"\x00")))
    head = Checkpoint(SIGSUM_ORIGIN, 10, b"\x1c\x0e\x47".ljust(32, b"\x00"))
    assert checkpoint.sign_checkpoint(head, [signer]) == SIGSUM
    verifiers = [Ed25519Verifier(signer.key.verifier_key)]
    opened = checkpoint.open_checkpoint(SIGSUM, origin=SIGSUM_ORIGIN, verifiers=verifiers)
    assert opened.checkpoint == head


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"\n\n\n",
        TEXT[:-1],
        TEXT + b"\n",
        TEXT + b"extension\n",
        b"\n" + TEXT,
        TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(LOG_ORIGIN.encode(), b""),
        TEXT.replace(LOG_ORIGIN.encode(), b"x" * 256),
        TEXT.replace(LOG_ORIGIN.encode(), b"a\x00b"),
        TEXT.replace(LOG_ORIGIN.encode(), b"\xff"),
        TEXT.replace(b"\n15\n", b"\n-15\n"),
        TEXT.replace(b"\n15\n", b"\n+15\n"),
        TEXT.replace(b"\n15\n", b"\n015\n"),
        TEXT.replace(b"\n15\n", b"\n 15\n"),
        TEXT.replace(b"\n15\n", b"\n1_5\n"),
        TEXT.replace(b"\n15\n", b"\n\n"),
        TEXT.replace(b"\n15\n", "\n１５\n".encode()),
        TEXT.replace(b"\n15\n", b"\n9223372036854775808\n"),
        TEXT.replace(b"\n15\n", b"\n10000000000000000000\n"),
        TEXT.replace(b"s=", b"t="),
        TEXT.replace(b"s=", b"s"),
        TEXT.replace(b"s=", b"s=="),
        TEXT.replace(b"83cs=", b"8w=="),
        TEXT.replace(b"rKbDipCv", b""),
        TEXT.replace(b"ja/", b"ja_"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    assert text != TEXT
    with pytest.raises(MalformedCheckpoint):
        checkpoint.parse_checkpoint(text)


@pytest.mark.parametrize(
    "parts",
    [
        ("", 1, bytes(32)),
        ("a\nb", 1, bytes(32)),
        ("\ud800", 1, bytes(32)),
        ("é" * 128, 1, bytes(32)),
        ("a", -1, bytes(32)),
        ("a", 2**63, bytes(32)),
        ("a", True, bytes(32)),
        ("a", 1, bytes(31)),
        ("a", 1, "0" * 32),
    ],
)
def test_impossible_checkpoints_cannot_be_made(parts):
    with pytest.raises(MalformedCheckpoint):
        Checkpoint(*parts)


def test_the_largest_checkpoint():
    head = Checkpoint("x" * 255, 2**63 - 1, merkle.EMPTY_ROOT)
    assert checkpoint.parse_checkpoint(checkpoint.format_checkpoint(head)) == head


def test_only_the_log_signs_its_checkpoints():
    other = Ed25519Signer(SigningKey("other.example", KeyType.ED25519, bytes(32)))
    with pytest.raises(MalformedCheckpoint):
        checkpoint.sign_checkpoint(FIFTEEN, [LOG, other])
    with pytest.raises(MalformedNote):
        checkpoint.sign_checkpoint(FIFTEEN, [])


def test_a_checkpoint_of_another_log_is_refused():
    with pytest.raises(BadSignature, match="not of"):
        checkpoint.open_checkpoint(
            LOG_CHECKPOINT, origin="example.com/other", verifiers=[LOG_VERIFIER]
        )


def test_a_checkpoint_that_only_others_signed_is_refused():
    other = Ed25519Signer(SigningKey("other.example", KeyType.ED25519, bytes(32)))
    verifiers = [LOG_VERIFIER, Ed25519Verifier(other.key.verifier_key)]
    with pytest.raises(BadSignature, match="itself has not signed"):
        checkpoint.open_checkpoint(
            note.sign_note(TEXT, [other]), origin=LOG_ORIGIN, verifiers=verifiers
        )


def test_a_signed_note_that_is_no_checkpoint_is_refused():
    data = note.sign_note(b"not a checkpoint\n", [LOG])
    with pytest.raises(MalformedCheckpoint):
        checkpoint.open_checkpoint(data, origin=LOG_ORIGIN, verifiers=[LOG_VERIFIER])


ORIGINS = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=60
)


@given(ORIGINS, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoints_round_trip(origin, size, root):
    head = Checkpoint(origin, size, root)
    assert checkpoint.parse_checkpoint(checkpoint.format_checkpoint(head)) == head


@given(st.binary())
def test_reading_a_checkpoint_fails_in_one_way_only(data):
    for text in (data, b"a\n1\n" + data, TEXT + data):
        with contextlib.suppress(MalformedCheckpoint):
            assert checkpoint.format_checkpoint(checkpoint.parse_checkpoint(text)) == text
