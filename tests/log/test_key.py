"""Verifier keys and signing keys: one spelling, and an id that belongs to the key."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadSignature, MalformedNote
from ledger.log import key
from ledger.log.key import KeyType, SigningKey, VerifierKey
from tests.log.vectors import LOG_SIGNING_KEY, PETER_KEY, PETER_VKEY, WITNESS_VKEY

SEED = bytes(range(32))
ML_DSA = SigningKey("witness.example.org", KeyType.ML_DSA_44, SEED)


@pytest.mark.parametrize("text", [PETER_VKEY, WITNESS_VKEY])
def test_published_vkeys_round_trip(text):
    assert key.format_vkey(key.parse_vkey(text)) == text


@pytest.mark.parametrize("text", [PETER_KEY, LOG_SIGNING_KEY])
def test_published_signing_keys_round_trip(text):
    assert key.format_signing_key(key.parse_signing_key(text)) == text


def test_a_signing_key_has_the_published_public_half():
    assert key.format_vkey(key.parse_signing_key(PETER_KEY).verifier_key) == PETER_VKEY


def test_the_ml_dsa_key_of_a_known_seed_has_its_known_id():
    assert ML_DSA.verifier_key.key_id.hex() == "d712d161"
    assert len(ML_DSA.verifier_key.public_key) == 1312
    assert key.parse_vkey(key.format_vkey(ML_DSA.verifier_key)) == ML_DSA.verifier_key
    assert key.parse_signing_key(key.format_signing_key(ML_DSA)) == ML_DSA


def test_a_wrong_id_is_refused_for_every_type():
    for key_type in KeyType:
        text = key.format_vkey(SigningKey("a", key_type, SEED).verifier_key)
        wrong = "00000000".join(text.split(text.split("+")[1], 1))
        with pytest.raises(MalformedNote, match="has id"):
            key.parse_vkey(wrong)
    with pytest.raises(MalformedNote, match="has id"):
        key.parse_signing_key(PETER_KEY.replace("c74f20a3", "c74f20a4"))


def test_base64_may_hold_more_plus_signs():
    for seed in range(256):
        made = SigningKey("a", KeyType.ED25519, bytes([seed] * 32)).verifier_key
        text = key.format_vkey(made)
        if text.count("+") > 2:
            assert key.parse_vkey(text) == made
            return
    raise AssertionError("no seed gave a + in base64")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "++",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        PETER_VKEY.replace("c74f20a3", "C74F20A3"),
        PETER_VKEY.replace("c74f20a3", "74f20a3"),
        PETER_VKEY.replace("PeterNeumann", ""),
        PETER_VKEY.replace("PeterNeumann", "Peter Neumann"),
        PETER_VKEY.replace("PeterNeumann", "Peter\u3000Neumann"),
        PETER_VKEY.replace("PeterNeumann", "Peter\x00"),
        PETER_VKEY.replace("PeterNeumann", "\ud800"),
        PETER_VKEY + "\n",
        PETER_VKEY[:-1],
        PETER_VKEY[:-4],
        PETER_VKEY.replace("10TW", "10T="),
        PETER_VKEY.replace("10TW", "10T\u00e9"),
        "a+00000000+",
        "a+00000000+Ag==",
        "a+00000000+BQ==",
        "a+00000000+/w==",
    ],
)
def test_other_texts_are_no_vkey(text):
    with pytest.raises(MalformedNote):
        key.parse_vkey(text)
    with pytest.raises(MalformedNote):
        key.parse_signing_key("PRIVATE+KEY+" + text)


def test_a_vkey_is_no_signing_key():
    with pytest.raises(MalformedNote):
        key.parse_signing_key(PETER_VKEY)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_and_seeds_have_their_length(length):
    with pytest.raises(MalformedNote):
        VerifierKey("a", KeyType.ED25519, bytes(length))
    with pytest.raises(MalformedNote):
        VerifierKey("a", KeyType.ML_DSA_44, bytes(length))
    with pytest.raises(MalformedNote):
        SigningKey("a", KeyType.ED25519, bytes(length))


def test_key_names_fit_into_the_ml_dsa_message():
    VerifierKey("é" * 127, KeyType.ED25519, bytes(32))
    with pytest.raises(MalformedNote):
        VerifierKey("é" * 128, KeyType.ED25519, bytes(32))


def test_a_seed_is_never_shown():
    assert repr(SEED) not in repr(ML_DSA)
    with pytest.raises(MalformedNote) as caught:
        key.parse_signing_key(PETER_KEY[:-1])
    assert "AYEKFALV" not in str(caught.value)


@pytest.mark.parametrize("key_type", list(KeyType))
def test_a_signature_is_good_for_its_message_only(key_type):
    signing = SigningKey("a", key_type, SEED)
    signature = signing.sign_message(b"message")
    signing.verifier_key.verify_message(b"message", signature)
    wrong = [(b"massage", signature), (b"message", signature[:-1]), (b"message", b"")]
    wrong.append((b"message", bytes([signature[0] ^ 1]) + signature[1:]))
    for message, value in wrong:
        with pytest.raises(BadSignature):
            signing.verifier_key.verify_message(message, value)


@given(st.sampled_from([KeyType.ED25519, KeyType.ML_DSA_44]), st.binary(), st.randoms())
def test_no_public_key_makes_verifying_fail_in_another_way(key_type, signature, random):
    public_key = random.randbytes(1312 if key_type is KeyType.ML_DSA_44 else 32)
    with pytest.raises(BadSignature):
        VerifierKey("a", key_type, public_key).verify_message(b"message", signature)


@given(st.text())
def test_reading_a_key_fails_in_one_way_only(text):
    for parse in (key.parse_vkey, key.parse_signing_key):
        with pytest.raises(MalformedNote):
            parse(text)


NAMES = st.text(min_size=1, max_size=40).filter(
    lambda name: (
        not any(c == "+" or c < " " or c.isspace() or "\ud800" <= c <= "\udfff" for c in name)
    )
)


@given(
    NAMES,
    st.sampled_from([KeyType.ED25519, KeyType.ED25519_COSIGNATURE]),
    st.binary(min_size=32, max_size=32),
)
def test_keys_round_trip(name, key_type, seed):
    signing = SigningKey(name, key_type, seed)
    assert key.parse_signing_key(key.format_signing_key(signing)) == signing
    assert key.parse_vkey(key.format_vkey(signing.verifier_key)) == signing.verifier_key


@given(st.integers(0, len(PETER_VKEY) - 1), st.characters())
def test_every_changed_character_of_a_vkey_is_noticed(place, character):
    changed = PETER_VKEY[:place] + character + PETER_VKEY[place + 1 :]
    if changed != PETER_VKEY:
        with contextlib.suppress(MalformedNote):
            raise AssertionError(key.parse_vkey(changed))
