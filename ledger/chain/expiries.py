"""What expired in a vault, read from its events: from whom, how much, and which reserve got it.

The contract counts what expired as paid, so its state does not tell the two apart; only the event
``Expired`` does. Nothing expires before the claim window of a first publication is over, so the
search begins at the first block after that, which is found by the times of blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi.abi import decode
from eth_hash.auto import keccak

from ledger.chain.anchor import origin_hash
from ledger.chain.node import Node
from ledger.errors import ChainUnavailable, OutOfRange

SEARCHES_MAX = 20_000
# The embedded chain's cost of a search grows faster than the range; public nodes cap the range.
WINDOW, WINDOW_EMBEDDED = 2_000, 20

_EXPIRED = keccak(b"Expired(bytes32,address,address,uint256,uint256)")


@dataclass(frozen=True, slots=True)
class Expiry:
    """An entitlement that went to ``reserve``: ``amount``, up to ``cumulative``, in base units.

    Accounts are 0x and lower-case hex.
    """

    account: str
    reserve: str
    amount: int
    cumulative: int
    block_number: int
    transaction: bytes


def first_block_at(node: Node, moment: int, *, last_block: int) -> int:
    """The first block up to ``last_block`` of this time (seconds) or later; else the next one.

    Asks for some 25 blocks on a long chain. Raises ChainUnavailable if the node lacks one.
    """
    low, high = 0, last_block + 1
    while low < high:
        middle = (low + high) // 2
        block = node.block(middle)
        if block is None:
            raise ChainUnavailable(f"the node does not have block {middle}", kind="unknown")
        if block.timestamp >= moment:
            high = middle
        else:
            low = middle + 1
    return low


def find_expiries(
    node: Node, contract: str, origin: str, *, first_block: int, last_block: int
) -> list[Expiry]:
    """What expired of a co-op in these blocks, oldest first.

    Asks for WINDOW blocks at a time; raises OutOfRange for more than SEARCHES_MAX of them.
    """
    window = WINDOW_EMBEDDED if node.is_embedded else WINDOW
    if last_block - first_block >= window * SEARCHES_MAX:
        raise OutOfRange(
            f"blocks {first_block} to {last_block} are too many to search for what expired; find "
            "the vault's first Expired event in a block explorer and say its block: "
            "kyojo payout report-claims --from-block "
            "(検索するブロックが多すぎます。--from-block で開始ブロックを指定してください)",
            first_block=first_block,
            blocks_max=window * SEARCHES_MAX,
        )
    found: list[Expiry] = []
    topics = [_EXPIRED, origin_hash(origin)]
    for start in range(first_block, last_block + 1, window):
        end = min(start + window - 1, last_block)
        for entry in node.logs(contract, topics, first_block=start, last_block=end):
            amount, cumulative = decode(["uint256", "uint256"], entry.data)
            found.append(
                Expiry(
                    account="0x" + entry.topics[2][-20:].hex(),
                    reserve="0x" + entry.topics[3][-20:].hex(),
                    amount=amount,
                    cumulative=cumulative,
                    block_number=entry.block_number,
                    transaction=entry.transaction_hash,
                )
            )
    return found
