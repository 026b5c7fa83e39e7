"""The claims tree: who has earned how much to date, so that a contract pays by a short proof.

OpenZeppelin's ``standard-v1`` tree over ``(address, uint256)``, and its dump, as the npm package
``@openzeppelin/merkle-tree`` writes, loads and proves it::

    leaf   = keccak(keccak(abi.encode(address, uint256)))
    node   = keccak(the smaller of the two children ‖ the larger)
    tree   = a heap of 2n − 1 hashes, the root first; node i has the children 2i + 1 and 2i + 2;
             the leaves, sorted, stand at the end in reverse
    proof  = the siblings from the leaf to the root

Hashing a leaf twice keeps an inner node from passing for one; sorting the pairs makes a proof a
plain list. A leaf is the *cumulative* amount in the token's base units: the contract pays it less
what it paid before, so any later tree replaces all earlier ones, and no leaf ever falls.

>>> claims = build_claims({"0x" + "aa" * 20: 1000, "0x" + "bb" * 20: 2500, "0x" + "cc" * 20: 1})
>>> claims.root.hex(), claims.total
('9f55cd836275003c7c85a326265e3a7da3595f8301caf19df358771b72aad452', 3501)
>>> [one.hex()[:8] for one in claims.proof("0x" + "cc" * 20)]
['825b7042', 'de5c0eba']
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger import canonical
from ledger.errors import MalformedDocument, NotFound, NotIncluded, OutOfRange
from ledger.identity.address import Address, parse_address
from ledger.identity.keccak import keccak

FORMAT = "standard-v1"
LEAF_ENCODING = ("address", "uint256")
AMOUNT_MAX = 2**256 - 1
# A tree of more accounts than a co-op has members by far; its dump has some 20 MB.
ACCOUNTS_MAX = 100_000
DUMP_BYTES_MAX = 64 * 1024 * 1024
PROOF_HASHES_MAX = 32

_AMOUNT = re.compile(r"0|[1-9][0-9]{0,77}")


@dataclass(frozen=True, slots=True)
class Claim:
    """One leaf: an account in lower case, what it has earned to date, its place in the heap."""

    account: Address
    cumulative: int
    tree_index: int


@dataclass(frozen=True, slots=True)
class Claims:
    """A tree and its leaves, which are ordered by account; built by ``build_claims``."""

    tree: tuple[bytes, ...]
    claims: tuple[Claim, ...]

    @property
    def root(self) -> bytes:
        """What is published."""
        return self.tree[0]

    @property
    def total(self) -> int:
        """The sum of the leaves: the least that must be funded."""
        return sum(claim.cumulative for claim in self.claims)

    def find(self, account: str) -> Claim:
        """The leaf of an account; raises NotFound."""
        wanted = parse_address(account)
        for claim in self.claims:
            if claim.account == wanted:
                return claim
        raise NotFound(f"the tree has no leaf for {account}", account=account)

    def proof(self, account: str) -> tuple[bytes, ...]:
        """The siblings from the leaf of ``account`` to the root; raises NotFound."""
        index = self.find(account).tree_index
        siblings = []
        while index > 0:
            siblings.append(self.tree[index + 1 if index % 2 else index - 1])
            index = (index - 1) // 2
        return tuple(siblings)


def build_claims(totals: Mapping[str, int]) -> Claims:
    """The tree of what each account has earned to date, in base units.

    The same tree whatever the order of ``totals``. Raises OutOfRange for an empty mapping, an
    amount that is not positive or not below 2**256, an account that is none or comes twice in two
    spellings, and more than ACCOUNTS_MAX accounts.
    """
    amounts = _checked(totals)
    hashed = sorted((leaf_hash(account, amount), account) for account, amount in amounts.items())
    size = 2 * len(hashed) - 1
    places = {account: size - 1 - index for index, (_, account) in enumerate(hashed)}
    tree = _heap([leaf for leaf, _ in hashed])
    claims = [Claim(account, amounts[account], places[account]) for account in sorted(amounts)]
    return Claims(tree, tuple(claims))


def leaf_hash(account: str, cumulative: int) -> bytes:
    """The hash of a leaf. Raises OutOfRange for what is no address or no uint256."""
    if not 0 <= cumulative <= AMOUNT_MAX:
        raise OutOfRange(f"{cumulative} is no uint256", cumulative=cumulative)
    address = bytes.fromhex(parse_address(account)[2:])
    return keccak(keccak(address.rjust(32, b"\0") + cumulative.to_bytes(32, "big")))


def verify_claim(root: bytes, account: str, cumulative: int, proof: Sequence[bytes]) -> None:
    """Raises NotIncluded unless the proof leads from this leaf to ``root``."""
    if len(proof) > PROOF_HASHES_MAX or any(len(one) != 32 for one in proof):
        raise NotIncluded(f"a proof has at most {PROOF_HASHES_MAX} hashes of 32 bytes")
    node = leaf_hash(account, cumulative)
    for sibling in proof:
        node = _node_hash(node, sibling)
    if node != root:
        raise NotIncluded(
            f"the proof does not lead from {account} with {cumulative} to root {root.hex()}",
            account=account,
            cumulative=cumulative,
        )


def format_dump(claims: Claims) -> bytes:
    """The tree as OpenZeppelin's dump; the same bytes each time, ending in a line feed."""
    document = {
        "format": FORMAT,
        "leafEncoding": LEAF_ENCODING,
        "tree": ["0x" + node.hex() for node in claims.tree],
        "values": [
            {"value": [claim.account, str(claim.cumulative)], "treeIndex": claim.tree_index}
            for claim in claims.claims
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def parse_dump(data: bytes) -> Claims:
    """Read a dump, and compute every hash of it again.

    Raises MalformedDocument for what is no dump of this leaf encoding, and for one whose tree is
    not that of its values. The leaves may come in any order.
    """
    document = _read_json(data)
    totals: dict[str, int] = {}
    for position, entry in enumerate(document["values"]):
        account, amount = _read_value(entry, position)
        if account in totals:
            raise MalformedDocument(f"values/{position}: {account} has two leaves")
        totals[account] = amount
    try:
        claims = build_claims(totals)
    except OutOfRange as error:
        raise MalformedDocument(f"the dump's values are no claims: {error.message}") from error
    if document["tree"] != ["0x" + node.hex() for node in claims.tree]:
        raise MalformedDocument("the dump's tree is not the tree of its values")
    _check_places(document["values"], claims)
    return claims


def _checked(totals: Mapping[str, int]) -> dict[Address, int]:
    if not 0 < len(totals) <= ACCOUNTS_MAX:
        raise OutOfRange(
            f"a claims tree has 1 to {ACCOUNTS_MAX} accounts, not {len(totals)}: an empty one "
            "has no root"
        )
    amounts: dict[Address, int] = {}
    for account, amount in totals.items():
        address = parse_address(account)
        if address in amounts:
            raise OutOfRange(f"account {address} comes twice", account=address)
        if not 0 < amount <= AMOUNT_MAX:
            raise OutOfRange(
                f"{amount} for {address} is no claim: it is positive and below 2**256",
                account=address,
            )
        amounts[address] = amount
    return amounts


def _heap(leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    size = 2 * len(leaves) - 1
    tree = [b""] * (len(leaves) - 1) + list(reversed(leaves))
    for index in range(size - len(leaves) - 1, -1, -1):
        tree[index] = _node_hash(tree[2 * index + 1], tree[2 * index + 2])
    return tuple(tree)


def _node_hash(one: bytes, other: bytes) -> bytes:
    return keccak(one + other if one < other else other + one)


def _read_json(data: bytes) -> dict[str, Any]:
    if len(data) > DUMP_BYTES_MAX:
        raise MalformedDocument(f"a dump has at most {DUMP_BYTES_MAX} bytes, not {len(data)}")
    document = canonical.parse(data, what="the claims dump")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise MalformedDocument(f"this is no dump of the format {FORMAT}")
    if document.get("leafEncoding") != list(LEAF_ENCODING):
        raise MalformedDocument(f"the dump's leaves are not {' and '.join(LEAF_ENCODING)}")
    if not isinstance(document.get("tree"), list) or not isinstance(document.get("values"), list):
        raise MalformedDocument("the dump lacks its tree or its values")
    return document


def _read_value(entry: Any, position: int) -> tuple[Address, int]:
    where = f"values/{position}"
    try:
        account, amount = entry["value"]
    except (TypeError, KeyError, ValueError) as error:
        raise MalformedDocument(f"{where}: not a value of account and amount") from error
    if not isinstance(account, str) or not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
        raise MalformedDocument(f"{where}: account and amount are text, the amount in digits")
    try:
        return parse_address(account), int(amount)
    except OutOfRange as error:
        raise MalformedDocument(f"{where}: {error.message}") from error


def _check_places(values: Sequence[Any], claims: Claims) -> None:
    places = {claim.account: claim.tree_index for claim in claims.claims}
    for position, entry in enumerate(values):
        if entry.get("treeIndex") != places[parse_address(entry["value"][0])]:
            raise MalformedDocument(f"values/{position}: treeIndex is not the leaf's place")
