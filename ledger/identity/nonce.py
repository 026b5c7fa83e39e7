"""Sign-in nonces that carry their own proof, so that handing one out stores nothing.

    nonce = hex(uint40 expiry in POSIX seconds ‖ 11 random bytes ‖ 16-byte keyed BLAKE2b of both)

Anybody may ask for nonces, as often as they like; only one that a member has signed is written
down, until it expires, so that it is used once.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import blake2b
from hmac import compare_digest

from ledger.errors import NotPermitted, OutOfRange
from ledger.period import format_instant, parse_instant

RANDOM_BYTES = 11
_EXPIRY_BYTES = 5
_HEAD_DIGITS = 2 * (_EXPIRY_BYTES + RANDOM_BYTES)
_NONCE = re.compile(r"[0-9a-f]{64}")


def make_nonce(key: bytes, *, expires_at: str, random: bytes) -> str:
    """A nonce that this ``key`` vouches for until the instant ``expires_at``: 64 hex digits."""
    if len(random) != RANDOM_BYTES:
        raise OutOfRange(f"a nonce takes {RANDOM_BYTES} random bytes, not {len(random)}")
    seconds = int(parse_instant(expires_at).timestamp())
    head = seconds.to_bytes(_EXPIRY_BYTES, "big") + random
    return (head + _mac(key, head)).hex()


def nonce_expiry(key: bytes, nonce: str, *, now: str) -> str:
    """The instant until which a nonce holds; raises NotPermitted if it is none or has expired."""
    if _NONCE.fullmatch(nonce):
        head, mac = bytes.fromhex(nonce[:_HEAD_DIGITS]), bytes.fromhex(nonce[_HEAD_DIGITS:])
        seconds = int.from_bytes(head[:_EXPIRY_BYTES], "big")
        if compare_digest(_mac(key, head), mac):
            expires_at = format_instant(datetime.fromtimestamp(seconds, tz=UTC))
            if now < expires_at:
                return expires_at
    raise NotPermitted("the sign-in nonce is not of this server, or expired; ask for a new one")


def _mac(key: bytes, head: bytes) -> bytes:
    return blake2b(head, key=key, digest_size=16, person=b"kyojo sign-in").digest()
