"""Sign-in nonces that nobody has to remember before they are used."""

from __future__ import annotations

import pytest

from ledger.errors import NotPermitted, OutOfRange
from ledger.identity.nonce import RANDOM_BYTES, make_nonce, nonce_expiry

KEY = bytes(range(32))
SOON = "2026-11-01T00:10:00.000Z"
NOW = "2026-11-01T00:00:00.000Z"
NONCE = make_nonce(KEY, expires_at=SOON, random=bytes(RANDOM_BYTES))


def test_a_nonce_holds_until_it_expires():
    assert len(NONCE) == 64
    assert nonce_expiry(KEY, NONCE, now=NOW) == SOON
    assert nonce_expiry(KEY, NONCE, now="2026-11-01T00:09:59.999Z") == SOON
    with pytest.raises(NotPermitted):
        nonce_expiry(KEY, NONCE, now=SOON)


def test_every_digit_is_vouched_for():
    for at, digit in enumerate(NONCE):
        changed = NONCE[:at] + ("1" if digit == "0" else "0") + NONCE[at + 1 :]
        with pytest.raises(NotPermitted):
            nonce_expiry(KEY, changed, now=NOW)


@pytest.mark.parametrize("nonce", ["", "0" * 64, NONCE.upper(), NONCE[:-1], NONCE + "0", "あ" * 64])
def test_what_is_no_nonce(nonce):
    with pytest.raises(NotPermitted):
        nonce_expiry(KEY, nonce, now=NOW)


def test_another_key_vouches_for_nothing():
    with pytest.raises(NotPermitted):
        nonce_expiry(bytes(32), NONCE, now=NOW)


def test_randomness_makes_them_differ():
    assert make_nonce(KEY, expires_at=SOON, random=b"x" * RANDOM_BYTES) != NONCE
    with pytest.raises(OutOfRange):
        make_nonce(KEY, expires_at=SOON, random=b"")
