"""Signatures in one strict form: what other libraries accept beside it is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadSignature, KyojoError, OutOfRange
from ledger.identity.address import parse_address, to_checksum
from ledger.identity.signature import HALF_ORDER, SigningKey, recover_address

ORDER = 2 * HALF_ORDER + 1
KEY = SigningKey(bytes(range(1, 33)))
DIGEST = bytes(range(100, 132))
GOOD = KEY.sign(DIGEST)

# The all-capitals, all-lower-case and normal examples of EIP-55.
EIP55 = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


def with_high_s(signature: bytes) -> bytes:
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_a_signature_recovers_its_signer():
    assert recover_address(DIGEST, GOOD) == KEY.address


REFUSED = {
    "64 bytes": GOOD[:64],
    "66 bytes": GOOD + b"\x00",
    "no bytes": b"",
    "v 0": GOOD[:64] + b"\x00",
    "v 1": GOOD[:64] + b"\x01",
    "v 26": GOOD[:64] + b"\x1a",
    "v 29": GOOD[:64] + b"\x1d",
    "v 31 (compressed)": GOOD[:64] + b"\x1f",
    "high s": with_high_s(GOOD),
    "all zero": bytes(64) + b"\x1b",
    "r zero": bytes(32) + GOOD[32:],
    "s zero": GOOD[:32] + bytes(32) + GOOD[64:],
    "r beyond the field": b"\xff" * 32 + GOOD[32:],
}


@pytest.mark.parametrize("signature", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_encoding_is_refused(signature):
    with pytest.raises(BadSignature):
        recover_address(DIGEST, signature)


def test_the_high_s_twin_would_recover_the_same_key_elsewhere():
    """So refusing it matters: this is the malleability that EIP-2 closes."""
    from eth_keys import keys

    twin = with_high_s(GOOD)
    found = keys.Signature(twin[:64] + bytes([twin[64] - 27])).recover_public_key_from_msg_hash(
        DIGEST
    )
    assert found.to_address() == KEY.address


@given(st.binary(max_size=70), st.binary(min_size=32, max_size=32))
def test_garbage_is_refused_or_recovers_somebody_else(signature, digest):
    try:
        found = recover_address(digest, signature)
    except BadSignature:
        return
    assert found != KEY.address


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)], ids=len)
def test_a_digest_of_another_length_is_refused(digest):
    with pytest.raises(BadSignature):
        recover_address(digest, GOOD)


@given(st.integers(0, 64 * 8 - 1))
def test_no_flipped_bit_of_r_or_s_recovers_the_signer(bit):
    flipped = bytearray(GOOD)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        found = recover_address(DIGEST, bytes(flipped))
    except BadSignature:
        return
    assert found != KEY.address


@pytest.mark.parametrize("text", EIP55)
def test_published_checksums(text):
    assert to_checksum(text.lower()) == text
    assert parse_address(text) == text.lower()
    assert parse_address(text.lower()) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        EIP55[5].replace("f", "F", 1),
        EIP55[4].swapcase(),
        "0X" + EIP55[5][2:],
        EIP55[5][2:],
        EIP55[5] + "0",
        EIP55[5][:-1],
        EIP55[2] + "\n",
        "",
    ],
)
def test_a_mistyped_address_is_refused(text):
    with pytest.raises(OutOfRange):
        parse_address(text)


@pytest.mark.parametrize(
    "secret", [bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, bytes(33), b""]
)
def test_a_secret_outside_the_curve_is_refused(secret):
    with pytest.raises(OutOfRange):
        SigningKey(secret)


@given(st.text(max_size=80))
def test_reading_a_secret_raises_only_our_errors(text):
    with contextlib.suppress(KyojoError):
        SigningKey.from_hex(text)


def test_a_secret_survives_its_text_form():
    again = SigningKey.from_hex("0x" + KEY.secret_hex)
    assert again.address == KEY.address
    assert again.sign(DIGEST) == GOOD
