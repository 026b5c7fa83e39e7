"""What the vault's tests stand on: a vault and its token on a fast EVM, signatures by eth-account.

Typed data is encoded by eth-account and trees are built by a naive tree of this file, so that
neither shares code with the product.
"""

from __future__ import annotations

import hashlib

from eth_abi import decode, encode
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from contracts import load_contract
from tests.contracts.anchor_world import CHAIN_ID, SENDER, Reverted, World, accounts
from tests.contracts.token_code import token_code

DECIMALS = 18
NOW = 1_800_000_000
DAY = 86_400
WINDOW = 365 * DAY
ORIGIN = hashlib.sha256(b"ledger.example.jp/kaga").digest()
OTHER = hashlib.sha256(b"ledger.example.jp/hakui").digest()
ZERO = bytes(32)
RESERVE = "0x" + "7e" * 20
PERIOD = 202611
SIGNATURES = "(bytes32,bytes32,uint8)[]"

FIELDS = {
    "Publish": "bytes32 originHash,bytes32 previousRoot,uint32 period,bytes32 root,uint256 total",
    "Hold": "bytes32 originHash,uint32 period,uint64 until,uint64 count",
    "Release": "bytes32 originHash,uint64 count",
    "Expire": "bytes32 originHash,bytes32 root,address account,uint256 cumulative,address reserve",
    "Withdraw": "bytes32 originHash,uint256 previousWithdrawn,uint256 amount,address recipient",
    "Rotate": "address[] newSigners,uint8 newK,uint64 epoch",
}


def typed_data(kind, message, contract, chain_id=CHAIN_ID):
    """Typed data as eth-account has it; ``message`` has the fields in order."""
    fields = [field.split(" ") for field in FIELDS[kind].split(",")]
    domain = {
        "name": "kyojo vault",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": contract,
    }
    types = {kind: [{"type": type_, "name": name} for type_, name in fields]}
    names = [name for _, name in fields]
    return encode_typed_data(domain, types, dict(zip(names, message, strict=True)))


def sign(account, kind, message, contract, chain_id=CHAIN_ID):
    return bytes(account.sign_message(typed_data(kind, message, contract, chain_id)).signature)


def words(signatures):
    return [(one[:32], one[32:64], one[64]) for one in signatures]


def address(number):
    """An account that is nobody's."""
    return "0x" + hashlib.sha256(b"account %d" % number).hexdigest()[:40]


class Tree:
    """The standard-v1 tree by its definition: sort, pair up in a heap, read siblings off."""

    def __init__(self, leaves):
        """``leaves`` maps account to amount; amounts need not make sense."""
        self.amounts = dict(leaves)
        self.hashes = {one: self.leaf(one, amount) for one, amount in leaves.items()}
        ordered = sorted(self.hashes.values())
        count = len(ordered)
        self.heap = [None] * (count - 1) + ordered[::-1]
        for index in reversed(range(count - 1)):
            pair = sorted(self.heap[2 * index + 1 : 2 * index + 3])
            self.heap[index] = keccak(b"".join(pair))
        self.root = self.heap[0]
        self.total = sum(leaves.values())

    @staticmethod
    def leaf(account, amount):
        return keccak(keccak(encode(["address", "uint256"], [account, amount])))

    def proof(self, account):
        index = self.heap.index(self.hashes[account])
        path = []
        while index:
            path.append(self.heap[index + 1] if index % 2 else self.heap[index - 1])
            index = (index - 1) // 2
        return path


class Vault:
    """One RevenueVault and one token on a fresh in-process EVM of the Cancun rules."""

    def __init__(self, signers=None, k=1, *, token="Plain", arguments=None, window=WINDOW):
        import pyrevm

        self.signers = signers if signers is not None else accounts(1, b"approver")
        self.k = k
        env = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=CHAIN_ID))
        self.evm = pyrevm.EVM(env=env, gas_limit=30_000_000, spec_id="CANCUN")
        self.evm.set_balance(SENDER, 10**18)
        self.now = NOW
        self.at(NOW)
        if arguments is None:
            arguments = encode(["uint8"], [DECIMALS]) if token == "Plain" else b""
        self.token = self.evm.deploy(SENDER, token_code(token) + arguments)
        addresses = [account.address for account in self.signers]
        self.contract = self.deploy(addresses, k, window=window)

    def deploy(self, addresses, k, *, token=None, decimals=DECIMALS, window=WINDOW):
        kinds = ["address", "uint8", "address[]", "uint8", "uint64"]
        values = [token or self.token, decimals, addresses, k, window]
        code = load_contract("RevenueVault").creation + encode(kinds, values)
        try:
            return self.evm.deploy(SENDER, code)
        except RuntimeError as error:
            raise Reverted(World._reason(error)) from None

    def at(self, moment):
        """Let the next blocks have this time, in seconds."""
        import pyrevm

        self.now = moment
        self.evm.set_block_env(pyrevm.BlockEnv(timestamp=moment))

    def call(self, to, signature, values, returns=(), *, sender=SENDER):
        data = call_data(signature, values)
        try:
            output = self.evm.message_call(sender, to, data)
        except RuntimeError as error:
            raise Reverted(World._reason(error)) from None
        finally:
            # One call here is one transaction there: the lock must not outlive it.
            self.evm.reset_transient_storage()
        found = decode(returns, output)
        return found[0] if len(returns) == 1 else found

    # The token --------------------------------------------------------------------------------

    def mint(self, receiver, amount):
        self.call(self.token, "mint(address,uint256)", [receiver, amount])

    def balance(self, account):
        return self.call(self.token, "balanceOf(address)", [account], ["uint256"])

    # What is signed ---------------------------------------------------------------------------

    def signed(self, kind, message, by=None):
        chosen = self.signers[: self.k] if by is None else by
        return words([sign(one, kind, message, self.contract) for one in chosen])

    # The vault --------------------------------------------------------------------------------

    def fund(self, amount, origin=ORIGIN, *, sender=SENDER):
        self.mint(sender, amount)
        if self.token_has_allowances():
            approve = "approve(address,uint256)"
            self.call(self.token, approve, [self.contract, amount], sender=sender)
        return self.call(
            self.contract, "fund(bytes32,uint256)", [origin, amount], ["uint256"], sender=sender
        )

    def token_has_allowances(self):
        return keccak(b"approve(address,uint256)")[:4] in bytes(self.evm.get_code(self.token))

    def publish(self, tree, period=PERIOD, *, previous=None, total=None, origin=ORIGIN, by=None):
        root = getattr(tree, "root", tree)
        total = tree.total if total is None else total
        previous = self.published(origin)[0] if previous is None else previous
        message = [origin, previous, period, root, total]
        self.publish_signed(message, self.signed("Publish", message, by))

    def publish_signed(self, message, signatures):
        kinds = "publish(bytes32,bytes32,uint32,bytes32,uint256," + SIGNATURES + ")"
        self.call(self.contract, kinds, [*message, signatures])

    def claim(self, tree, account, *, amount=None, proof=None, origin=ORIGIN, sender=SENDER):
        amount = tree.amounts[account] if amount is None else amount
        proof = tree.proof(account) if proof is None else proof
        return self.call(
            self.contract,
            "claim(bytes32,address,uint256,bytes32[])",
            [origin, account, amount, proof],
            ["uint256"],
            sender=sender,
        )

    def claimable(self, tree, account, origin=ORIGIN):
        return self.call(
            self.contract,
            "claimable(bytes32,address,uint256,bytes32[])",
            [origin, account, tree.amounts[account], tree.proof(account)],
            ["uint256"],
        )

    def expire(self, tree, account, *, reserve=RESERVE, origin=ORIGIN, proof=None, by=None):
        message = [origin, tree.root, account, tree.amounts[account], reserve]
        proof = tree.proof(account) if proof is None else proof
        return self.call(
            self.contract,
            "expire(bytes32,bytes32,address,uint256,address,bytes32[]," + SIGNATURES + ")",
            [*message, proof, self.signed("Expire", message, by)],
            ["uint256"],
        )

    def withdraw(self, amount, *, previous=None, to=RESERVE, origin=ORIGIN, by=None):
        previous = self.sum("withdrawn", origin) if previous is None else previous
        message = [origin, previous, amount, to]
        self.withdraw_signed(message, self.signed("Withdraw", message, by))

    def withdraw_signed(self, message, signatures):
        kinds = "withdraw(bytes32,uint256,uint256,address," + SIGNATURES + ")"
        self.call(self.contract, kinds, [*message, signatures])

    def hold(self, period, until, *, count=None, origin=ORIGIN, by=None):
        count = self.held(origin)[2] if count is None else count
        message = [origin, period, until, count]
        kinds = "hold(bytes32,uint32,uint64," + SIGNATURES + ")"
        self.call(self.contract, kinds, [*message[:3], self.signed("Hold", message, by)])

    def release(self, count=None, *, origin=ORIGIN, by=None):
        count = self.held(origin)[2] if count is None else count
        message = [origin, count]
        kinds = "release(bytes32,uint64," + SIGNATURES + ")"
        self.call(self.contract, kinds, [*message, self.signed("Release", message, by)])

    def rotate(self, new_signers, new_k, epoch, *, by=None):
        addresses = [getattr(one, "address", one) for one in new_signers]
        message = [addresses, new_k, epoch]
        kinds = "rotate(address[],uint8,uint64," + SIGNATURES + ")"
        self.call(self.contract, kinds, [*message, self.signed("Rotate", message, by)])

    def published(self, origin=ORIGIN):
        """Root, total and period."""
        returns = ["uint32", "bytes32", "uint256"]
        period, root, total = self.call(self.contract, "published(bytes32)", [origin], returns)
        return root, total, period

    def held(self, origin=ORIGIN):
        return self.call(self.contract, "held(bytes32)", [origin], ["uint32", "uint64", "uint64"])

    def sum(self, name, origin=ORIGIN):
        return self.call(self.contract, f"{name}(bytes32)", [origin], ["uint256"])

    def paid(self, account, origin=ORIGIN):
        return self.call(self.contract, "paid(bytes32,address)", [origin, account], ["uint256"])

    def view(self, name, kind):
        return self.call(self.contract, f"{name}()", [], [kind])


def call_data(signature, values):
    """The call data of a function; tuples among its arguments are those of SIGNATURES alone."""
    inside = signature.split("(", 1)[1][:-1].replace(SIGNATURES, "SIGNATURES")
    kinds = [SIGNATURES if one == "SIGNATURES" else one for one in inside.split(",") if one]
    return keccak(signature.encode())[:4] + encode(kinds, values)
