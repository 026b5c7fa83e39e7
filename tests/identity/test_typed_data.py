"""The hand-packed EIP-712 digests against eth-account, for random fields."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from ledger.identity.signature import SigningKey, recover_address
from ledger.identity.typed_data import (
    CharterMessage,
    DecisionMessage,
    EntryMessage,
    PossessionMessage,
    TypedMessage,
)

KEY = SigningKey(bytes(range(1, 33)))

texts = st.one_of(
    st.sampled_from(["", "共助", "é", "\x00", "a" * 300]),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
)
hashes = st.binary(min_size=32, max_size=32)
counters = st.one_of(st.sampled_from([0, 1, 2**64 - 1]), st.integers(0, 2**64 - 1))
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())

messages = st.one_of(
    st.builds(EntryMessage, texts, hashes, texts, counters, counters, hashes, hashes),
    st.builds(DecisionMessage, texts, hashes, texts, texts, hashes, texts, counters),
    st.builds(CharterMessage, texts, texts, hashes),
    st.builds(PossessionMessage, texts, hashes, texts, addresses),
)


def general_digest(message: TypedMessage) -> bytes:
    document = message.wallet_document()
    for kind, name, _ in message.fields:  # the wallet is shown counters as texts
        if kind == "uint64":
            document["message"][name] = int(document["message"][name])
    found = encode_typed_data(full_message=document)
    return bytes(keccak(b"\x19" + found.version + found.header + found.body))


@given(messages)
def test_digest_is_that_of_the_general_encoder(message):
    assert message.digest() == general_digest(message)


@given(messages)
def test_our_signature_is_the_wallets_signature(message):
    document = message.wallet_document()
    wallet = Account.sign_typed_data(bytes(range(1, 33)), full_message=document)
    assert KEY.sign(message.digest()) == bytes(wallet.signature)
    assert recover_address(message.digest(), bytes(wallet.signature)) == KEY.address


def test_types_read_as_the_design_prints_them():
    assert EntryMessage.type_text() == (
        "Entry(string origin,bytes32 genesis,string kind,uint64 sequence,uint64 seenSize,"
        "bytes32 seenRoot,bytes32 bodyHash)"
    )
    assert DecisionMessage.type_text() == (
        "Decision(string origin,bytes32 genesis,string action,string subject,"
        "bytes32 subjectHash,string comment,uint64 sequence)"
    )


@pytest.mark.parametrize("field", ["origin", "kind", "genesis", "seen_root", "body_hash"])
def test_every_field_of_an_entry_is_covered(field):
    fields = {
        "origin": "o", "genesis": bytes(32), "kind": "k", "sequence": 1,
        "seen_size": 2, "seen_root": bytes(32), "body_hash": bytes(32),
    }  # fmt: skip
    other = "x" if isinstance(fields[field], str) else b"\x01" * 32
    assert EntryMessage(**fields).digest() != EntryMessage(**{**fields, field: other}).digest()


def test_sequence_and_size_are_not_interchangeable():
    one = EntryMessage("o", bytes(32), "k", 1, 2, bytes(32), bytes(32))
    two = EntryMessage("o", bytes(32), "k", 2, 1, bytes(32), bytes(32))
    assert one.digest() != two.digest()
