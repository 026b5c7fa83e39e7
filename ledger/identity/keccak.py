"""Keccak-256, the hash of EIP-712 and of addresses, by the fastest backend that is installed.

eth-hash chooses pycryptodome before pysha3. Of the two, pysha3 takes a fifth of the time for a
hash of some hundred bytes and loads without a parser for C headers; a fold computes three such
hashes an entry. Where pysha3 is missing (it is for CPython only), eth-hash chooses.
"""

from __future__ import annotations

from eth_hash.main import Keccak256

try:
    from eth_hash.backends.pysha3 import backend
except ImportError:
    from eth_hash.backends.auto import AutoBackend

    keccak = Keccak256(AutoBackend())
else:
    keccak = Keccak256(backend)

__all__ = ["keccak"]
