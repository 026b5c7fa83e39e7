"""The trust file: what is written is what is read, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.trust import TrustedChain, format_trust, make_trust, parse_trust
from ledger.errors import MalformedDocument
from ledger.log.key import KeyType, SigningKey, format_vkey
from tests.builder import ORIGIN, log_key

VKEY = format_vkey(log_key(ORIGIN).verifier_key)
POLICY = f"log {VKEY}\nquorum none\n"
GOOD = {"origin": ORIGIN, "genesis": "ab" * 32, "log_keys": (VKEY,)}

hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
blocks = st.lists(
    st.fixed_dictionaries({"number": st.integers(0, 2**53 - 1), "hash": hashes}), max_size=3
)
chains = st.lists(
    st.fixed_dictionaries(
        {
            "chain_id": st.integers(0, 2**53 - 1),
            "contract": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
            "code_hash": hashes,
            "blocks": blocks,
        }
    ),
    max_size=3,
)


@given(chains=chains, comment=st.text(alphabet="abc# ü\n", max_size=60), by_policy=st.booleans())
def test_reads_what_was_written(chains, comment, by_policy):
    keys = {"policy": POLICY} if by_policy else {"log_keys": (VKEY,)}
    trust = make_trust(origin=ORIGIN, genesis="ab" * 32, chains=chains, **keys)
    assert parse_trust(format_trust(trust, comment=comment)) == trust


@pytest.mark.parametrize(
    "changes",
    [
        {"genesis": "AB" * 32},
        {"genesis": "ab" * 31},
        {"origin": ""},
        {"origin": "another.example/log"},
        {"log_keys": ()},
        {"log_keys": ("no key",)},
        {"log_keys": (VKEY.replace(ORIGIN, "another.example/log"),)},
        {"policy": POLICY},
        {"policy": "quorum nobody\n", "log_keys": ()},
        {"format": "kyojo-trust/2"},
        {"surprise": 1},
        {"chains": [{"chain_id": 1}]},
        {"chains": [{"chain_id": "1", "contract": "0x" + "11" * 20, "code_hash": "22" * 32}]},
    ],
)
def test_anything_else_is_refused(changes):
    with pytest.raises(MalformedDocument):
        make_trust(**{**GOOD, **changes})


def test_a_cosigner_is_no_log():
    key = SigningKey(ORIGIN, KeyType.ED25519_COSIGNATURE, bytes(32)).verifier_key
    with pytest.raises(MalformedDocument, match="not a log key"):
        make_trust(**{**GOOD, "log_keys": (format_vkey(key),)})


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused(data):
    with pytest.raises(MalformedDocument):
        parse_trust(data)


@pytest.mark.parametrize("data", [b"a=" + b"[" * 100_000, b"x" * 2_000_000])
def test_deep_and_large_files_are_refused(data):
    with pytest.raises(MalformedDocument):
        parse_trust(data)


def test_a_block_is_found_by_its_height():
    found = TrustedChain.model_validate(
        {
            "chain_id": 1,
            "contract": "0x" + "11" * 20,
            "code_hash": "22" * 32,
            "blocks": [{"number": 7, "hash": "33" * 32}],
        }
    )
    assert found.block_hash(7) == "33" * 32
    assert found.block_hash(8) is None
