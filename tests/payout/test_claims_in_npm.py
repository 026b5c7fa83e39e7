"""npm's @openzeppelin/merkle-tree loads our dump, validates it, and proves as we do."""

import json
import random

from ledger.payout.claims import AMOUNT_MAX, build_claims, format_dump, parse_dump
from tests.payout.openzeppelin import load_dumps


def trees():
    """Trees of many shapes, with the smallest and the largest amount there is."""
    chance = random.Random(5)
    for count in (1, 2, 3, 4, 5, 7, 8, 9, 31, 100):
        accounts = ["0x" + chance.randbytes(20).hex() for _ in range(count)]
        amounts = [
            chance.choice([1, 10**18, AMOUNT_MAX, chance.randrange(1, 10**24)]) for _ in accounts
        ]
        yield build_claims(dict(zip(accounts, amounts, strict=True)))


def test_the_library_loads_validates_and_proves_what_we_write():
    ours = list(trees())
    for claims, theirs in zip(ours, load_dumps(map(format_dump, ours)), strict=True):
        assert theirs["root"] == "0x" + claims.root.hex()
        assert theirs["verified"] is True
        assert theirs["dump"].encode() + b"\n" == format_dump(claims)
        proofs = {value[0]: proof for value, proof in theirs["proofs"]}
        assert list(proofs) == [claim.account for claim in claims.claims]
        for account, proof in proofs.items():
            assert proof == ["0x" + node.hex() for node in claims.proof(account)]


def test_we_read_what_the_library_writes():
    claims = build_claims({"0x" + "5a" * 20: 3, "0x" + "a5" * 20: 4})
    (theirs,) = load_dumps([format_dump(claims)])
    assert parse_dump(json.dumps(json.loads(theirs["dump"])).encode()) == claims
