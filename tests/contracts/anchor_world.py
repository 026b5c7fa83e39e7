"""What the contract tests stand on: a naive tree, hand-made signatures, and a fast EVM.

The tree follows the recursive definitions of RFC 6962 section 2.1 to the letter and shares no
code with the product, so that it may serve as an oracle. Typed data is encoded by eth-account.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from eth_abi import decode, encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from contracts import load_contract

CHAIN_ID = 31337
SENDER = "0x" + "5e" * 20
SIZE_MAX = 2**63 - 1
ORIGIN = hashlib.sha256(b"example.com/log/testdata").digest()
ZERO = bytes(32)
SIGNATURES = "(bytes32,bytes32,uint8)[]"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

FIELDS = {
    "Anchor": [
        ("bytes32", "originHash"),
        ("uint64", "previousSize"),
        ("bytes32", "previousRoot"),
        ("uint64", "size"),
        ("bytes32", "root"),
    ],
    "Rotate": [("address[]", "newSigners"), ("uint8", "newK"), ("uint64", "epoch")],
}


def leaves(count):
    return [hashlib.sha256(b"\x00" + str(index).encode()).digest() for index in range(count)]


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(count):
    return 1 << (count - 1).bit_length() - 1


def root_of(hashes):
    if len(hashes) == 1:
        return hashes[0]
    middle = split(len(hashes))
    return node(root_of(hashes[:middle]), root_of(hashes[middle:]))


def consistency(old_size, hashes):
    return subproof(old_size, hashes, True)


def subproof(old_size, hashes, complete):
    if old_size == len(hashes):
        return [] if complete else [root_of(hashes)]
    middle = split(len(hashes))
    if old_size <= middle:
        return [*subproof(old_size, hashes[:middle], complete), root_of(hashes[middle:])]
    return [*subproof(old_size - middle, hashes[middle:], False), root_of(hashes[:middle])]


def synthetic_pair(old_size, size):
    """Roots and proof for huge sizes: any proof nodes will do, roots follow from them."""
    path_length = proof_length(old_size, size)
    proof = [hashlib.sha256(b"sibling %d" % index).digest() for index in range(path_length)]
    return (*fold(old_size, size, proof), proof)


def proof_length(old_size, size):
    """How many hashes PROOF(m, n) has, by the recursion of RFC 6962 over sizes alone."""
    count, complete = 0, True
    while old_size != size:
        middle = split(size)
        if old_size <= middle:
            size = middle
        else:
            old_size, size, complete = old_size - middle, size - middle, False
        count += 1
    return count if complete else count + 1


def fold(old_size, size, proof):
    """Both roots from a proof, by the recursion of RFC 6962 read backwards."""
    return _fold(old_size, size, list(proof), True, hashlib.sha256(b"old root").digest())


def _fold(old_size, size, proof, complete, old_root):
    if old_size == size:
        seed = old_root if complete else proof[0]
        return seed, seed
    middle = split(size)
    *rest, last = proof
    if old_size <= middle:
        old, new = _fold(old_size, middle, rest, complete, old_root)
        return old, node(new, last)
    old, new = _fold(old_size - middle, size - middle, rest, False, old_root)
    return node(last, old), node(last, new)


def accounts(count, salt=b"anchorer"):
    found = [
        Account.from_key(hashlib.sha256(salt + bytes([index])).digest()) for index in range(count)
    ]
    return sorted(found, key=lambda account: bytes.fromhex(account.address[2:]))


def sign(account, kind, message, contract, chain_id=CHAIN_ID):
    domain = {
        "name": "kyojo anchor",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": contract,
    }
    types = {kind: [{"type": type_, "name": name} for type_, name in FIELDS[kind]]}
    signable = encode_typed_data(domain, types, message)
    return bytes(account.sign_message(signable).signature)


def sign_all(signers, kind, message, contract, chain_id=CHAIN_ID):
    return [sign(account, kind, message, contract, chain_id) for account in signers]


def words(signatures):
    """Signatures of 65 bytes as the contract takes them: r, s and v."""
    return [(one[:32], one[32:64], int.from_bytes(one[64:], "big")) for one in signatures]


class Reverted(Exception):
    """The contract refused; the text is its reason, empty if it gave none."""


@dataclass
class Step:
    """The arguments of one call of anchor, and what its signatures are made of."""

    previous_size: int
    previous_root: bytes
    size: int
    root: bytes
    proof: list[bytes] = field(default_factory=list)
    origin: bytes = ORIGIN

    def message(self):
        return {
            "originHash": self.origin,
            "previousSize": self.previous_size,
            "previousRoot": self.previous_root,
            "size": self.size,
            "root": self.root,
        }


def step_between(old_size, size):
    hashes = leaves(size)
    if old_size == 0:
        return Step(0, ZERO, size, root_of(hashes))
    old_root = root_of(hashes[:old_size])
    return Step(old_size, old_root, size, root_of(hashes), consistency(old_size, hashes))


class World:
    """One CheckpointAnchor on a fresh in-process EVM of the Cancun rules."""

    def __init__(self, signers=None, k=1, max_growth=2**32):
        import pyrevm

        self.signers = signers if signers is not None else accounts(1)
        env = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=CHAIN_ID))
        self.evm = pyrevm.EVM(env=env, gas_limit=30_000_000, spec_id="CANCUN")
        self.evm.set_balance(SENDER, 10**18)
        self.contract = self.deploy([account.address for account in self.signers], k, max_growth)

    def deploy(self, addresses, k, max_growth):
        arguments = encode(["address[]", "uint8", "uint64"], [addresses, k, max_growth])
        code = load_contract("CheckpointAnchor").creation + arguments
        try:
            return self.evm.deploy(SENDER, code)
        except RuntimeError as error:
            raise Reverted(self._reason(error)) from None

    def call(self, signature, values, returns=(), *, contract=None, sender=SENDER, value=0):
        arguments = encode(_argument_types(signature), values)
        output = self.send(signature, arguments, contract=contract, sender=sender, value=value)
        return decode(returns, output)

    def send(self, signature, arguments, *, contract=None, sender=SENDER, value=0):
        """Call with arguments that are encoded already; the raw answer."""
        data = keccak(signature.encode())[:4] + arguments
        return self.send_data(data, contract=contract, sender=sender, value=value)

    def send_data(self, data, *, contract=None, sender=SENDER, value=0):
        """A call as it is; the raw answer."""
        try:
            return self.evm.message_call(sender, contract or self.contract, data, value)
        except RuntimeError as error:
            raise Reverted(self._reason(error)) from None

    @staticmethod
    def _reason(error):
        text = str(error)
        marker = "output: 0x"
        raw = (
            bytes.fromhex(text.split(marker, 1)[1].split(" ", 1)[0].strip("})"))
            if marker in text
            else b""
        )
        return decode(["string"], raw[4:])[0] if raw[:4] == bytes.fromhex("08c379a0") else ""

    def anchor(self, step, signatures=None, **options):
        if signatures is None:
            signatures = sign_all(self.signers, "Anchor", step.message(), self.contract)
        values = [step.origin, step.previous_size, step.size, step.root, step.proof]
        signature = f"anchor(bytes32,uint64,uint64,bytes32,bytes32[],{SIGNATURES})"
        self.call(signature, [*values, words(signatures)], **options)

    def rotate(self, new_signers, new_k, epoch, signatures=None, by=None):
        addresses = [getattr(account, "address", account) for account in new_signers]
        if signatures is None:
            message = {"newSigners": addresses, "newK": new_k, "epoch": epoch}
            signatures = sign_all(by or self.signers, "Rotate", message, self.contract)
        values = [addresses, new_k, epoch, words(signatures)]
        self.call(f"rotate(address[],uint8,uint64,{SIGNATURES})", values)

    def includes(self, leaf, index, proof, origin=ORIGIN):
        signature = "verifyInclusion(bytes32,bytes32,uint64,bytes32[])"
        return self.call(signature, [origin, leaf, index, proof], ["bool"])[0]

    def head(self, origin=ORIGIN):
        return self.call("head(bytes32)", [origin], ["uint64", "bytes32"])

    def view(self, name, kind):
        return self.call(f"{name}()", [], [kind])[0]


def _argument_types(signature):
    inside = signature.split("(", 1)[1].removesuffix(")")
    return re.findall(r"(?:[^,(]|\([^)]*\))+", inside)
