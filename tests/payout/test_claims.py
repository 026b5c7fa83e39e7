"""The claims tree is OpenZeppelin's, to the byte of its dump, and a changed one is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import MalformedDocument, NotFound, NotIncluded, OutOfRange
from ledger.payout.claims import (
    AMOUNT_MAX,
    build_claims,
    format_dump,
    leaf_hash,
    parse_dump,
    verify_claim,
)

A, B, C = ("0x" + digit * 40 for digit in "abc")
VECTOR = {A: 1000, B: 2500, C: 1}
# What npm's @openzeppelin/merkle-tree 1.0.8 dumps for these three.
DUMP = (
    '{"format":"standard-v1","leafEncoding":["address","uint256"],"tree":['
    '"0x9f55cd836275003c7c85a326265e3a7da3595f8301caf19df358771b72aad452",'
    '"0x9cbfb2f24abb7267b2797291888668fb036977bd5353c31e1424857f65be677c",'
    '"0xde5c0ebabd6bbbce0850fecf7ac5dd37073c727f613a5ec3fd6d86c5e3fd167a",'
    '"0x825b7042e878d312299b7a9170e8e9725a17a626ea89a127e039a1ff0ecbd514",'
    '"0x5fc99be98b6d60e851b118cfaf9efba44304209ed7a1d4d2254c2c3564c40c9c"],"values":['
    f'{{"value":["{A}","1000"],"treeIndex":3}},{{"value":["{B}","2500"],"treeIndex":2}},'
    f'{{"value":["{C}","1"],"treeIndex":4}}]}}\n'
)

accounts = st.binary(min_size=20, max_size=20).map(lambda data: "0x" + data.hex())
amounts = st.integers(1, 2**130) | st.just(AMOUNT_MAX)
mappings = st.dictionaries(accounts, amounts, min_size=1, max_size=20)


def test_the_derived_vector():
    claims = build_claims(VECTOR)
    assert format_dump(claims) == DUMP.encode()
    assert leaf_hash(C, 1).hex().startswith("5fc99be98b6d60e8")
    assert claims.total == 3501
    assert [one.hex()[:16] for one in claims.proof(C)] == ["825b7042e878d312", "de5c0ebabd6bbbce"]


def test_spelling_and_order_of_accounts_change_nothing():
    spelled = {"0xcccccccccccccccccccccccccccccccccccccccc": 1, B: 2500, A: 1000}
    assert build_claims(spelled) == build_claims(VECTOR)
    checksummed = {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed": 5}
    assert build_claims(checksummed).find(next(iter(checksummed)).lower()).cumulative == 5


def test_a_tree_of_one_leaf_is_the_leaf():
    claims = build_claims({A: 7})
    assert claims.tree == (leaf_hash(A, 7),)
    assert claims.proof(A) == ()
    verify_claim(claims.root, A, 7, ())


@settings(max_examples=60)
@given(mappings)
def test_every_leaf_proves_and_the_dump_reads_back(totals):
    claims = build_claims(totals)
    for account, amount in totals.items():
        proof = claims.proof(account)
        verify_claim(claims.root, account, amount, proof)
        with pytest.raises(NotIncluded):
            verify_claim(claims.root, account, amount - 1, proof)
        with pytest.raises(NotIncluded):
            verify_claim(claims.root, account, amount, [*proof, claims.root])
    assert parse_dump(format_dump(claims)) == claims
    assert claims.total == sum(totals.values())


def test_every_flipped_bit_of_root_and_proof_is_refused():
    claims = build_claims({"0x" + f"{number:040x}": number + 1 for number in range(9)})
    account, proof = claims.claims[4].account, claims.proof(claims.claims[4].account)
    for index, one in enumerate([claims.root, *proof]):
        for bit in range(256):
            changed = (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(32, "big")
            root = changed if index == 0 else claims.root
            path = [*proof[: index - 1], changed, *proof[index:]] if index else proof
            with pytest.raises(NotIncluded):
                verify_claim(root, account, 5, path)


@pytest.mark.parametrize(
    "totals",
    [
        {},
        {A: 0},
        {A: -1},
        {A: AMOUNT_MAX + 1},
        {"0xabc": 1},
        {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD": 1},
        {A: 1, "0x" + "A" * 40: 2},
    ],
    ids=["empty", "zero", "negative", "257 bits", "short", "wrong checksum", "twice"],
)
def test_what_is_no_claim(totals):
    with pytest.raises(OutOfRange):
        build_claims(totals)


def test_an_account_without_a_leaf():
    with pytest.raises(NotFound):
        build_claims({A: 1}).proof(B)


def changed(change):
    document = json.loads(DUMP)
    change(document)
    return json.dumps(document).encode()


MALFORMED = {
    "no JSON": b"{",
    "deep": b"[" * 100_000,
    "no object": b"[]",
    "another format": changed(lambda d: d.update(format="simple-v1")),
    "another leaf": changed(lambda d: d.update(leafEncoding=["address", "uint128"])),
    "no tree": changed(lambda d: d.pop("tree")),
    "no values": changed(lambda d: d.update(values={})),
    "empty": changed(lambda d: d.update(values=[], tree=[])),
    "a value that is none": changed(lambda d: d["values"].__setitem__(0, 5)),
    "three parts": changed(lambda d: d["values"][0]["value"].append("1")),
    "an amount that is a number": changed(lambda d: d["values"][0].update(value=[A, 1000])),
    "an amount with a zero before it": changed(lambda d: d["values"][0].update(value=[A, "01"])),
    "no address": changed(lambda d: d["values"][0].update(value=["0xab", "1000"])),
    "257 bits": changed(lambda d: d["values"][0].update(value=[A, str(2**256)])),
    "one unit more": changed(lambda d: d["values"][0].update(value=[A, "1001"])),
    "two leaves": changed(lambda d: d["values"].append(d["values"][0])),
    "a changed node": changed(lambda d: d["tree"].__setitem__(2, "0x" + "11" * 32)),
    "a node too many": changed(lambda d: d["tree"].append("0x" + "11" * 32)),
    "a wrong place": changed(lambda d: d["values"][0].update(treeIndex=4)),
    "no place": changed(lambda d: d["values"][0].pop("treeIndex")),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_dump_that_is_none(data):
    with pytest.raises(MalformedDocument):
        parse_dump(data)


def test_the_values_of_a_dump_may_stand_in_any_order():
    assert parse_dump(changed(lambda d: d["values"].reverse())) == build_claims(VECTOR)
