"""An instruction's file: one form, the wallets' digest, and nothing in it that can be changed."""

import copy
import json

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import canonical
from ledger.chain.instruction import (
    ANCHOR,
    VAULT,
    Expiry,
    Instruction,
    Rotation,
    Withdrawal,
    format_instruction,
    instruction_document,
    parse_instruction,
)
from ledger.chain.quorum import key_address, sign_digest
from ledger.chain.signature_file import parse_signed, sign_file
from ledger.chain.token import parse_units
from ledger.chain.vault import ExpireMessage, WithdrawMessage
from ledger.errors import BadSignature, MalformedDocument, OutOfRange
from tests.chain.vault_on_chain import ORIGIN, account, claims_of

KEY, OTHER = b"\x11" * 32, b"\x22" * 32
DIGEST = b"\x33" * 32

addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)
words = st.binary(min_size=32, max_size=32)
amounts = st.integers(0, 2**256 - 1)
withdrawals = st.builds(WithdrawMessage, st.just(ORIGIN), amounts, amounts, addresses)
expiries = st.builds(ExpireMessage, st.just(ORIGIN), words, addresses, amounts, addresses)
acts = st.one_of(
    withdrawals.map(Withdrawal),
    st.builds(Expiry, expiries, st.lists(words, max_size=4).map(tuple)),
    st.builds(
        Rotation,
        st.sampled_from([VAULT, ANCHOR]),
        st.lists(addresses, max_size=16).map(tuple),
        st.integers(0, 255),
        st.integers(0, 2**64 - 1),
    ),
)
instructions = st.builds(
    Instruction, st.integers(1, 2**53 - 1), addresses, acts, st.integers(0, 2**40)
)


def example():
    claims = claims_of(5)
    leaf = claims.find(account(1))
    message = ExpireMessage(
        ORIGIN,
        claims.root,
        to_checksum_address(account(1)),
        leaf.cumulative,
        to_checksum_address("0x" + "7e" * 20),
    )
    contract = to_checksum_address("0x" + "ab" * 20)
    return Instruction(31337, contract, Expiry(message, claims.proof(account(1))), 7)


@settings(max_examples=25)
@given(instructions)
def test_an_instruction_is_read_back_and_its_digest_is_the_wallets(instruction):
    assert parse_instruction(format_instruction(instruction)) == instruction
    document = instruction_document(instruction)
    assert parse_instruction(json.dumps(document, indent=2).encode()) == instruction
    assert instruction.digest == bytes(
        _hash_eip191_message(encode_typed_data(full_message=document))
    )


def leaves(document, *path):
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for name, value in items:
            yield from leaves(value, *path, name)
    else:
        yield path


def changed(path):
    """The example's document with another value at one place."""
    document = copy.deepcopy(instruction_document(example()))
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    value = inner[path[-1]]
    if isinstance(value, int):
        inner[path[-1]] = value + 1
    elif value[-1].isdigit():
        inner[path[-1]] = value[:-1] + str((int(value[-1]) + 1) % 10)
    else:
        inner[path[-1]] = value[:-1] + ("a" if value[-1] != "a" else "b")
    return canonical.encode(document)


@pytest.mark.parametrize("path", list(leaves(instruction_document(example()))), ids=str)
def test_whatever_is_changed_is_noticed(path):
    """Refused, or other bytes to sign; the block and the proof are checked on the chain."""
    if path[:2] in {("kyojo", "from_block"), ("kyojo", "proof")}:
        assert parse_instruction(changed(path)) != example()
        return
    try:
        assert parse_instruction(changed(path)).digest != example().digest
    except MalformedDocument:
        return


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("primaryType",), "Publish"),
        (("domain", "name"), "kyojo"),
        (("domain", "chainId"), "31337"),
        (("domain", "chainId"), -1),
        (("domain", "verifyingContract"), "0x" + "ab" * 20),
        (("message", "cumulative"), 5),
        (("message", "cumulative"), "05"),
        (("message", "cumulative"), str(2**256)),
        (("message", "root"), "0x12"),
        (("message", "extra"), "1"),
        (("kyojo", "instruction"), 2),
        (("kyojo", "instruction"), True),
        (("kyojo", "origin"), ORIGIN + "x"),
        (("kyojo", "origin"), None),
        (("kyojo", "proof"), ["0x12"]),
        (("kyojo",), []),
        (("message",), None),
    ],
)
def test_what_is_no_instruction_is_refused(path, value):
    document = instruction_document(example())
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(MalformedDocument):
        parse_instruction(canonical.encode(document))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'"x"', b"1", b"\xff"])
def test_other_files_are_no_instruction(data):
    with pytest.raises(MalformedDocument):
        parse_instruction(data)


def test_a_signature_is_read_back_as_a_file_and_as_bare_hex():
    found = parse_signed(sign_file(DIGEST, KEY), name="a.sig")
    assert found.signer(DIGEST) == key_address(KEY)
    with pytest.raises(BadSignature, match=r"a\.sig is a signature over another instruction"):
        found.signer(bytes(32))
    for text in (found.signature.hex(), "0x" + found.signature.hex().upper() + "\n"):
        bare = parse_signed(text.encode(), name="b.sig")
        assert bare.signer(DIGEST) == key_address(KEY)
        assert bare.signer(bytes(32)) != key_address(KEY)


def test_a_signature_that_no_contract_takes_is_told_with_its_file():
    signature = bytearray(sign_digest(DIGEST, KEY))
    signature[64] -= 27
    found = parse_signed(signature.hex().encode(), name="c.sig")
    with pytest.raises(BadSignature, match=r"c\.sig: "):
        found.signer(DIGEST)


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": "0x12"},
        {"digest": "0x12"},
        {"kyojo_signature": 2},
        {"extra": 1},
        {"signature": None},
    ],
)
def test_what_is_no_signature_is_refused(changes):
    document = {**json.loads(sign_file(DIGEST, OTHER)), **changes}
    with pytest.raises(MalformedDocument, match=r"d\.sig"):
        parse_signed(json.dumps(document).encode(), name="d.sig")
    for data in (b"", b"0x12", b"[]", b"\xff", b"0" * 20_000):
        with pytest.raises(MalformedDocument, match=r"d\.sig"):
            parse_signed(data, name="d.sig")


@pytest.mark.parametrize(
    ("text", "units"),
    [("12.5", 12_500), ("0", 0), ("7", 7_000), ("0.001", 1), ("1.2300000", 1_230)],
)
def test_an_amount_of_tokens_is_exact(text, units):
    assert parse_units(text, decimals=3) == units


@pytest.mark.parametrize("text", ["", "1e3", "-1", "1,000", ".5", "1.", "0.0001", "9" * 60 + "x"])
def test_what_is_no_amount_of_tokens(text):
    with pytest.raises(OutOfRange):
        parse_units(text, decimals=3)
    with pytest.raises(OutOfRange):
        parse_units("9" * 60, decimals=30)
