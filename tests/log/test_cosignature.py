"""Timestamped cosignatures of both kinds, against the published line and message."""

import hashlib

import pytest

from ledger.errors import BadSignature, MalformedCheckpoint, MalformedNote, OutOfRange
from ledger.log import cosignature, key, note
from ledger.log.cosignature import CosignatureSigner, CosignatureVerifier, Subtree
from ledger.log.key import KeyType, SigningKey
from ledger.log.note import Ed25519Verifier, Signature
from tests.log.vectors import (
    FIFTEEN_ROOT,
    LOG_CHECKPOINT,
    LOG_ORIGIN,
    WITNESS_LINE,
    WITNESS_TIME,
    WITNESS_VKEY,
    WITNESSED_TEXT,
)

NAME = "witness.example.org"
WITNESS = SigningKey(
    NAME,
    KeyType.ED25519_COSIGNATURE,
    hashlib.sha256(b"skylight test witness key").digest(),
)
ML_DSA = SigningKey(NAME, KeyType.ML_DSA_44, bytes(range(32)))
LOG_TEXT = LOG_CHECKPOINT.partition(b"\n\n")[0] + b"\n"
FIFTEEN = Subtree(LOG_ORIGIN, 0, 15, FIFTEEN_ROOT)


def value_of(signing_key, text=LOG_TEXT, posix_seconds=WITNESS_TIME):
    return CosignatureSigner(signing_key, posix_seconds).sign(text)


def refused(signing_key, text, value):
    with pytest.raises(BadSignature):
        CosignatureVerifier(signing_key.verifier_key).verify(text, value)


def test_the_published_ed25519_cosignature_byte_for_byte():
    assert key.format_vkey(WITNESS.verifier_key) == WITNESS_VKEY
    signature = note.sign_text(WITNESSED_TEXT, CosignatureSigner(WITNESS, WITNESS_TIME))
    assert note.format_signature(signature) == WITNESS_LINE
    assert len(key.KEY_ID_BYTES * b"x" + signature.value) == 76


def test_the_published_ed25519_cosignature_opens():
    verifier = cosignature.verifier_of(key.parse_vkey(WITNESS_VKEY))
    opened = note.open_note(WITNESSED_TEXT + b"\n" + WITNESS_LINE, [verifier])
    assert cosignature.posix_seconds_of(opened.signatures[0]) == WITNESS_TIME


def test_the_ml_dsa_message_byte_for_byte():
    message = cosignature.ml_dsa_message(NAME, WITNESS_TIME, FIFTEEN)
    assert message.hex() == (
        "737562747265652f76310a00137769746e6573732e6578616d706c652e6f726700000000695467801865"
        "78616d706c652e636f6d2f6c6f672f74657374646174610000000000000000000000000000000faca6c3"
        "8a90af86e5f5199ee0e4105ef2c03a05b27b8daff59e4e36eefdfcddcb"
    )
    assert len(message) == 113
    assert hashlib.sha256(message).hexdigest() == (
        "81a65b1bf16107e16b901349305ef1421289a5d0cfc6a638beebc34ad574fe53"
    )


def test_an_ml_dsa_cosignature_signs_that_message():
    value = value_of(ML_DSA)
    assert len(value) + key.KEY_ID_BYTES == 2432
    message = cosignature.ml_dsa_message(NAME, WITNESS_TIME, FIFTEEN)
    ML_DSA.verifier_key.verify_message(message, value[8:])


def test_an_ed25519_cosignature_signs_header_time_and_text():
    assert cosignature.ed25519_message(LOG_TEXT, 7) == b"cosignature/v1\ntime 7\n" + LOG_TEXT


@pytest.mark.parametrize("signing_key", [WITNESS, ML_DSA])
def test_cosigned_checkpoints_open_with_the_log_and_the_witness(signing_key):
    signature = note.sign_text(LOG_TEXT, CosignatureSigner(signing_key, WITNESS_TIME))
    data = note.add_signatures(LOG_CHECKPOINT, [signature])
    verifier = cosignature.verifier_of(signing_key.verifier_key)
    opened = note.open_note(data, [verifier])
    assert opened.signatures == (signature,)
    assert cosignature.posix_seconds_of(signature) == WITNESS_TIME


@pytest.mark.parametrize("signing_key", [WITNESS, ML_DSA])
def test_time_and_text_are_covered(signing_key):
    value = value_of(signing_key)
    CosignatureVerifier(signing_key.verifier_key).verify(LOG_TEXT, value)
    refused(signing_key, LOG_TEXT.replace(b"15", b"16"), value)
    refused(signing_key, LOG_TEXT.replace(b"example", b"exemple"), value)
    for place in (*range(8), 8, 40, len(value) - 1):
        changed = value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
        refused(signing_key, LOG_TEXT, changed)


def test_the_ml_dsa_cosignature_covers_the_name():
    renamed = SigningKey("other.example", KeyType.ML_DSA_44, ML_DSA.seed)
    refused(renamed, LOG_TEXT, value_of(ML_DSA))


@pytest.mark.parametrize("signing_key", [WITNESS, ML_DSA])
def test_values_of_another_length_are_refused(signing_key):
    value = value_of(signing_key)
    for wrong in (b"", value[:7], value[:8], value[8:], value[:-1], value + b"\x00"):
        refused(signing_key, LOG_TEXT, wrong)


@pytest.mark.parametrize("signing_key", [WITNESS, ML_DSA])
def test_only_checkpoints_are_cosigned(signing_key):
    for text in (b"hello\n", LOG_TEXT + b"extension\n"):
        with pytest.raises(MalformedCheckpoint):
            value_of(signing_key, text)
        message = cosignature.ed25519_message(text, WITNESS_TIME)
        forced = WITNESS_TIME.to_bytes(8, "big") + signing_key.sign_message(message)
        refused(signing_key, text, forced)


def test_times_beyond_63_bits_are_refused():
    message = cosignature.ed25519_message(LOG_TEXT, 2**63)
    refused(WITNESS, LOG_TEXT, (2**63).to_bytes(8, "big") + WITNESS.sign_message(message))


def test_an_ml_dsa_cosignature_of_a_checkpoint_has_a_time():
    message = cosignature.ml_dsa_message(NAME, 0, FIFTEEN)
    refused(ML_DSA, LOG_TEXT, bytes(8) + ML_DSA.sign_message(message))


@pytest.mark.parametrize("posix_seconds", [0, -1, 2**63, True, 1.5, "1"])
def test_impossible_times_are_not_signed(posix_seconds):
    with pytest.raises(OutOfRange):
        CosignatureSigner(WITNESS, posix_seconds)


def test_a_subtree_inside_the_log_has_no_time():
    inside = Subtree(LOG_ORIGIN, 8, 12, FIFTEEN_ROOT)
    assert len(cosignature.ml_dsa_message(NAME, 0, inside)) == 113
    with pytest.raises(OutOfRange):
        cosignature.ml_dsa_message(NAME, 1, inside)


@pytest.mark.parametrize(
    ("origin", "start", "end", "root"),
    [
        ("", 0, 1, bytes(32)),
        ("x" * 256, 0, 1, bytes(32)),
        (LOG_ORIGIN, -1, 1, bytes(32)),
        (LOG_ORIGIN, 2, 1, bytes(32)),
        (LOG_ORIGIN, 0, 2**63, bytes(32)),
        (LOG_ORIGIN, 0, 1, bytes(31)),
    ],
)
def test_impossible_subtrees_are_not_signed(origin, start, end, root):
    with pytest.raises(OutOfRange):
        cosignature.ml_dsa_message(NAME, 0, Subtree(origin, start, end, root))


def test_plain_ed25519_keys_do_not_cosign():
    plain = SigningKey(NAME, KeyType.ED25519, WITNESS.seed)
    with pytest.raises(MalformedNote):
        CosignatureSigner(plain, WITNESS_TIME)
    with pytest.raises(MalformedNote):
        CosignatureVerifier(plain.verifier_key)
    assert isinstance(cosignature.verifier_of(plain.verifier_key), Ed25519Verifier)


def test_a_clocked_signer_signs_each_text_as_of_its_own_moment():
    times = iter((WITNESS_TIME, WITNESS_TIME + 1))
    signer = cosignature.ClockedSigner(WITNESS, lambda: next(times))
    assert signer.sign(WITNESSED_TEXT) == value_of(WITNESS, WITNESSED_TEXT)
    assert signer.sign(LOG_TEXT) == value_of(WITNESS, posix_seconds=WITNESS_TIME + 1)
    assert (signer.name, signer.key_id) == (NAME, WITNESS.verifier_key.key_id)
    with pytest.raises(MalformedNote):
        cosignature.ClockedSigner(SigningKey(NAME, KeyType.ED25519, WITNESS.seed), int)


def test_the_same_key_as_note_signer_and_as_cosigner_has_two_ids():
    plain = SigningKey(NAME, KeyType.ED25519, WITNESS.seed)
    assert plain.verifier_key.key_id != WITNESS.verifier_key.key_id
    data = WITNESSED_TEXT + b"\n" + WITNESS_LINE
    with pytest.raises(BadSignature):
        note.open_note(data, [Ed25519Verifier(plain.verifier_key)])


def test_a_signature_too_short_for_a_time_has_none():
    with pytest.raises(MalformedNote):
        cosignature.posix_seconds_of(Signature(NAME, bytes(4), bytes(8)))
