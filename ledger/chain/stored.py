"""What the raw bytes of a stored transaction say, read without a node.

A transaction's bytes are signed by whoever paid for it. Those of an anchor name the log, the size
and the root that they bring to the contract, so they are evidence that no later edit of a database
reaches. A fee bump is made from the stored bytes: the same call, dearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from rlp.exceptions import RLPException

from ledger.chain.node import Fees
from ledger.errors import AnchorMismatch
from ledger.identity.keccak import keccak

_DYNAMIC_FEE = 2  # EIP-1559, the only kind that is sent here
_FIELDS = 12
_HEAD = b"anchor(bytes32,uint64,uint64,bytes32,bytes32[],"
# The contract as it is, and as it was when signatures were byte strings: the words that are read
# here stand at the same place in both.
_ANCHOR = {keccak(_HEAD + kind)[:4] for kind in (b"(bytes32,bytes32,uint8)[])", b"bytes[])")}


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A signed call: who sends it where, what it calls, and what it may cost."""

    hash: bytes
    sender: str
    chain_id: int
    nonce: int
    contract: str
    data: bytes
    gas: int
    fees: Fees

    @property
    def cost_max_wei(self) -> int:
        """The most that it can cost: all its gas at its highest fee."""
        return self.gas * self.fees.max_fee_wei


@dataclass(frozen=True, slots=True)
class StoredAnchor:
    """What a call of ``anchor`` brings: which head of which log."""

    origin_hash: bytes
    size: int
    root: bytes


def read_stored_transaction(raw: bytes) -> StoredTransaction:
    """Read a raw transaction; raises AnchorMismatch if it is no signed call of our kind."""
    from eth_account import Account  # noqa: PLC0415 - see ``node``: it takes long to load

    try:
        fields: Any = rlp.decode(raw[1:])
        sender = Account.recover_transaction(raw)
    except RLPException as error:
        raise AnchorMismatch(f"the transaction is not RLP: {error}") from error
    except Exception as error:
        # The libraries raise bare and foreign errors alike for what is no transaction.
        raise AnchorMismatch(f"the transaction cannot be read: {error}") from error
    if raw[0] != _DYNAMIC_FEE or len(fields) != _FIELDS:
        raise AnchorMismatch("the transaction is not of the kind that is sent here")
    return StoredTransaction(
        hash=keccak(raw),
        sender=sender,
        chain_id=int.from_bytes(fields[0], "big"),
        nonce=int.from_bytes(fields[1], "big"),
        contract="0x" + fields[5].hex(),
        data=bytes(fields[7]),
        gas=int.from_bytes(fields[4], "big"),
        fees=Fees(int.from_bytes(fields[3], "big"), int.from_bytes(fields[2], "big")),
    )


def read_stored_anchor(raw: bytes) -> StoredAnchor:
    """What a raw call of ``anchor`` brings; raises AnchorMismatch if it is none."""
    data = read_stored_transaction(raw).data
    if data[:4] not in _ANCHOR or len(data) < 4 + 4 * 32:
        raise AnchorMismatch("the transaction does not call anchor")
    words = [data[4 + at : 36 + at] for at in range(0, 4 * 32, 32)]
    return StoredAnchor(
        origin_hash=words[0],
        size=int.from_bytes(words[2], "big"),
        root=words[3],
    )
