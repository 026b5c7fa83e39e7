"""How a batch commits to its records: one salted leaf a line, one RFC 6962 root a batch.

    salt_i = SHA-256(seed ‖ uint64 big-endian i)
    leaf_i = SHA-256(0x00 ‖ salt_i ‖ line_i)
    root   = RFC 6962 root over the leaves

The seed is 32 random bytes of the sender's, so that nobody can guess a short line from its leaf.
To disclose a record its line and salt are handed over, never the seed. The salt is a plain hash:
its input has a fixed length, so an HMAC would cost time and add nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ledger.errors import OutOfRange
from ledger.log.merkle import root_hash

SEED_BYTES = 32


def derive_salts(seed: bytes, count: int) -> list[bytes]:
    """The salts of records 0 … count − 1 of the batch with this 32-byte seed."""
    if len(seed) != SEED_BYTES:
        raise OutOfRange(f"a batch seed has {SEED_BYTES} bytes, this one has {len(seed)}")
    return [sha256(seed + index.to_bytes(8, "big")).digest() for index in range(count)]


def record_leaf(salt: bytes, line: bytes) -> bytes:
    """The leaf of one record, from its 32-byte salt and its line as sent (without the LF)."""
    return sha256(b"\x00" + salt + line).digest()


def record_leaves(salts: Sequence[bytes], lines: Sequence[bytes]) -> list[bytes]:
    """The leaves of a batch, in order."""
    return [sha256(b"\x00" + salt + line).digest() for salt, line in zip(salts, lines, strict=True)]


def records_root(seed: bytes, lines: Sequence[bytes]) -> bytes:
    """The root that a batch's sender signs."""
    return root_hash(record_leaves(derive_salts(seed, len(lines)), lines))
