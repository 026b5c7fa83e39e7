"""Claim from a vault for an account, with nothing but a node, the vault's address and the file.

Anybody may: the vault pays the account of the leaf, whoever sends. What was paid before is not
paid again, so every step may be repeated; the vault's own count says how it ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.chain.node import Node, Transaction, sign_transaction
from ledger.chain.quorum import key_address
from ledger.chain.vault import CLAIM_GAS, claim_call, read_paid, read_publication, require_vault
from ledger.errors import AnchorMismatch, ChainUnavailable, Conflict
from ledger.payout.claims import Claims, verify_claim


@dataclass(frozen=True, slots=True)
class Due:
    """What an account has earned, was paid, and would be paid now, in base units."""

    account: str
    cumulative: int
    paid: int

    @property
    def due(self) -> int:
        """What a claim pays now; zero if the account stands at its leaf or above."""
        return max(self.cumulative - self.paid, 0)


@dataclass(frozen=True, slots=True)
class Paid:
    """A claim that was made: what it paid, by which transaction; None where nothing was due."""

    due: Due
    amount: int
    transaction: bytes | None


@dataclass(frozen=True, slots=True)
class Vault:
    """A vault on an open node, one co-op's part of it, and the file of its claims.

    ``wait_seconds`` is how long a claim is waited for.
    """

    node: Node
    contract: str
    origin: str
    claims: Claims
    wait_seconds: float = 30.0

    def check(self) -> None:
        """Raise AnchorMismatch unless the file is what the vault has published for the co-op."""
        require_vault(self.node, self.contract)
        standing = read_publication(self.node, self.contract, self.origin)
        if standing.root != self.claims.root:
            raise AnchorMismatch(
                f"the file's root is {self.claims.root.hex()}, the vault has published "
                f"{standing.root.hex()} for {self.origin}: get the newest file"
            )

    def due(self, account: str) -> Due:
        """What an account would be paid; raises NotFound if it has no leaf."""
        leaf = self.claims.find(account)
        verify_claim(self.claims.root, account, leaf.cumulative, self.claims.proof(account))
        paid = read_paid(self.node, self.contract, self.origin, leaf.account)
        return Due(leaf.account, leaf.cumulative, paid)

    def claim(self, account: str, key: bytes) -> Paid:
        """Claim for ``account``; ``key`` pays the gas. Does nothing where nothing is due.

        Raises Conflict with the contract's own reason if it refuses, ChainUnavailable if it is
        unknown what became of it: then try again, it is not paid twice.
        """
        found = self.due(account)
        if not found.due:
            return Paid(found, 0, None)
        proof = self.claims.proof(account)
        data = claim_call(self.origin, found.account, found.cumulative, proof)
        self.node.call(self.contract, data)  # tried without sending: a refusal costs nothing
        sender = key_address(key)
        nonce = self.node.nonce(sender)
        unsigned = Transaction(
            self.node.chain_id, nonce, self.contract, data, CLAIM_GAS, self.node.fees()
        )
        signed = sign_transaction(unsigned, key)
        self.node.send(signed.raw)
        receipt = self.node.wait_for_receipt(signed.hash, timeout_seconds=self.wait_seconds)
        after = self.due(account)
        if after.due:
            if receipt.succeeded:
                raise ChainUnavailable("the claim succeeded and is not seen yet", kind="unknown")
            raise Conflict(f"the vault refused the claim of {found.account}", kind="reverted")
        # Somebody else's claim may have been first; then ours was refused, and all is paid.
        return Paid(after, found.due if receipt.succeeded else 0, signed.hash)
