"""A vault on a node, over a plain token, with everything sent as transactions of one payer."""

from __future__ import annotations

import hashlib
from functools import cached_property

from eth_abi import encode

from ledger.chain.node import Transaction, sign_transaction
from ledger.chain.quorum import call_data, key_address, order_signatures, sign_digest
from ledger.chain.vault import (
    Publication,
    PublishMessage,
    claim_call,
    deploy_vault_contract,
    fund_call,
    publish_call,
    publish_digest,
    read_publication,
)
from ledger.payout.claims import build_claims
from tests.contracts.token_code import token_code

ORIGIN = "ledger.example.jp/kaga-mobility"
DECIMALS = 18
UNIT = 10**DECIMALS
WINDOW = 365 * 86_400
GAS = 6_000_000


def keys_of(count):
    return [hashlib.sha256(b"settlement approver %d" % index).digest() for index in range(count)]


def account(number):
    return "0x" + hashlib.sha256(b"member's account %d" % number).hexdigest()[:40]


def plain_token(node, payer):
    """The address of a new plain token of 18 decimals."""
    code = token_code("Plain") + encode(["uint8"], [DECIMALS])
    nonce = node.nonce(key_address(payer))
    unsigned = Transaction(node.chain_id, nonce, None, code, GAS, node.fees())
    signed = sign_transaction(unsigned, payer)
    node.send(signed.raw)
    return node.wait_for_receipt(signed.hash).contract


class OnChain:
    """A token and a vault of ``count`` approvers, all of whom must sign."""

    def __init__(self, node, payer, count=1, *, k=None):
        self.node, self.payer = node, payer
        self.keys = keys_of(count)
        self.k = count if k is None else k
        self.token = plain_token(node, payer)
        self.deployment = deploy_vault_contract(
            node,
            payer,
            token=self.token,
            decimals=DECIMALS,
            signers=[key_address(key) for key in self.keys],
            k=self.k,
            claim_window_seconds=WINDOW,
        )
        self.contract = self.deployment.contract

    @cached_property
    def sender(self):
        return key_address(self.payer)

    def send(self, to, data):
        """Send, wait, and give the receipt, whatever became of it."""
        nonce = self.node.nonce(self.sender)
        unsigned = Transaction(self.node.chain_id, nonce, to, data, GAS, self.node.fees())
        signed = sign_transaction(unsigned, self.payer)
        self.node.send(signed.raw)
        return self.node.wait_for_receipt(signed.hash)

    def call(self, data):
        """A call of the vault that must succeed; gives its gas."""
        receipt = self.send(self.contract, data)
        assert receipt.succeeded
        return receipt.gas_used

    def place(self):
        return {"chain_id": self.node.chain_id, "contract": self.contract}

    def sign(self, digest):
        return order_signatures(digest, [sign_digest(digest, key) for key in self.keys[: self.k]])

    def mint(self, receiver, amount):
        self.send(self.token, call_data("mint(address,uint256)", [receiver, amount]))

    def fund(self, amount, origin=ORIGIN):
        self.mint(self.sender, amount)
        self.send(self.token, call_data("approve(address,uint256)", [self.contract, amount]))
        return self.call(fund_call(origin, amount))

    def message(self, claims, period, origin=ORIGIN):
        standing = read_publication(self.node, self.contract, origin)
        following = Publication(period, claims.root, claims.total)
        return PublishMessage(origin, standing.root, following)

    def publish(self, claims, period, origin=ORIGIN):
        message = self.message(claims, period, origin)
        signatures = self.sign(publish_digest(message, **self.place()))
        return self.call(publish_call(message, signatures))

    def claim(self, claims, one, origin=ORIGIN):
        found = claims.find(one)
        return self.call(claim_call(origin, one, found.cumulative, claims.proof(one)))


def claims_of(count, *, unit=UNIT, more=0):
    """A tree of ``count`` accounts with amounts of their own."""
    return build_claims({account(n): (1000 + n + more) * unit for n in range(count)})
