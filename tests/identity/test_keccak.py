"""Keccak-256 is the same function, whichever backend computes it."""

from __future__ import annotations

import runpy
import sys

import pytest
from eth_hash.auto import keccak as by_eth_hash
from hypothesis import given
from hypothesis import strategies as st

from ledger.identity.keccak import keccak

# The first from the Ethereum yellow paper (the hash of nothing), the second from the Keccak team's
# test vectors for "abc" with Ethereum's padding.
VECTORS = {
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
}


@pytest.mark.parametrize("text", VECTORS)
def test_published_hashes(text):
    assert keccak(text).hex() == VECTORS[text]


@given(data=st.binary(max_size=400))
def test_the_backends_agree(data):
    assert keccak(data) == by_eth_hash(data)


def test_without_the_fast_backend_another_one_answers(monkeypatch):
    monkeypatch.setitem(sys.modules, "sha3", None)
    for name in ("eth_hash.backends.pysha3", "ledger.identity.keccak"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = runpy.run_module("ledger.identity.keccak")
    assert "backend" not in found
    assert found["keccak"](b"abc").hex() == VECTORS[b"abc"]
