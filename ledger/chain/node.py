"""One adapter for the chains that kyojo speaks to: ``embedded:PATH`` and ``http(s)://…``.

A Node offers the few calls that anchoring needs, in kyojo's terms: bytes for hashes and data,
EIP-55 text for addresses, kyojo's errors for every fault (see ``faults``). Reading is retried on
a broken connection; **sending is not**, because web3 would repeat ``eth_sendRawTransaction`` after
a lost answer and report "nonce too low" for a transaction that is in. The outbox repeats sends.

Gas is always explicit, keys stay here: transactions are signed locally (EIP-1559, type 2).

The chain libraries take two seconds to load, most of what a command costs that asks no chain. So
whoever imports this module loads none of them: ``open_node`` and ``sign_transaction`` do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from eth_keys.backends import get_backend
from eth_keys.backends.native.main import NativeECCBackend
from eth_typing import Hash32
from eth_utils.address import to_checksum_address

from ledger.chain.faults import translated
from ledger.errors import (
    AnchorMismatch,
    ChainUnavailable,
    Conflict,
    InvalidInput,
    InvariantViolated,
    NotFound,
)
from ledger.identity.keccak import keccak

if TYPE_CHECKING:
    from web3 import Web3

EMBEDDED_SCHEME = "embedded:"
CALL_GAS = 5_000_000

BlockTag = Literal["pending", "latest", "safe", "finalized"]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block by height and hash (32 bytes); ``timestamp`` is its own, in Unix seconds."""

    number: int
    hash: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction; ``contract`` is the address it created, if it did.

    ``cost_wei`` is gas times the price paid; what a rollup adds for its own chain is not in it.
    """

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    contract: str | None
    cost_wei: int = 0


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559 fees in wei per gas."""

    max_fee_wei: int
    priority_fee_wei: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """An EIP-1559 transaction without value, not yet signed; no ``to`` deploys a contract."""

    chain_id: int
    nonce: int
    to: str | None
    data: bytes
    gas: int
    fees: Fees


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Raw bytes ready to send, and what identifies them; ``sender`` in EIP-55 form."""

    raw: bytes
    hash: bytes
    sender: str
    nonce: int


@dataclass(frozen=True, slots=True)
class FinalityDepths:
    """How many blocks below the head count as safe and final where a node has no tags."""

    safe: int
    final: int


@dataclass(frozen=True, slots=True)
class Finality:
    """The heights up to which the chain is latest, safe and final."""

    latest: int
    safe: int
    final: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An event of a contract, as a node's ``eth_getLogs`` gives it."""

    block_number: int
    transaction_hash: bytes
    topics: tuple[bytes, ...]
    data: bytes


class Node:
    """A connection to one chain; use ``open_node``. Not for use by several threads."""

    def __init__(
        self, web3: Web3, *, fee_cap_wei: int | None = None, is_embedded: bool = False
    ) -> None:
        """Speak through ``web3``; ``is_embedded`` says that it is the embedded chain's."""
        self.web3 = web3
        self.is_embedded = is_embedded
        self.fee_cap_wei = fee_cap_wei
        self.chain_id: int = self._ask("ask for the chain id", lambda: web3.eth.chain_id)

    def code_hash(self, address: str) -> bytes:
        """The keccak256 of the code at ``address``, 32 bytes; that of nothing if there is none."""
        return keccak(
            bytes(self._ask("read the code", lambda: self.web3.eth.get_code(_eip55(address))))
        )

    def check(self, *, chain_id: int, contract: str, code_hash: bytes) -> None:
        """Raises AnchorMismatch unless this is the chain, and that the contract, one expects."""
        if self.chain_id != chain_id:
            raise AnchorMismatch(
                f"expected chain {chain_id}, the node serves {self.chain_id}",
                expected=chain_id,
                found=self.chain_id,
            )
        found = self.code_hash(contract)
        if found != code_hash:
            raise AnchorMismatch(
                f"the code at {contract} has hash {found.hex()}, expected {code_hash.hex()}",
                expected=code_hash.hex(),
                found=found.hex(),
            )

    def check_chain(self) -> None:
        """Raises AnchorMismatch if the node no longer serves the chain that it did at first."""
        found = self._ask("ask for the chain id", lambda: self.web3.eth.chain_id)
        if found != self.chain_id:
            raise AnchorMismatch(
                f"the node served chain {self.chain_id} and now serves {found}",
                expected=self.chain_id,
                found=found,
            )

    def balance_wei(self, address: str) -> int:
        """The balance of ``address`` at the latest block."""
        return self._ask("read a balance", lambda: self.web3.eth.get_balance(_eip55(address)))

    def nonce(self, address: str, *, at: int | BlockTag = "latest") -> int:
        """How many transactions of ``address`` are in the chain at a block: its next nonce."""
        return self._ask(
            "read a nonce", lambda: self.web3.eth.get_transaction_count(_eip55(address), at)
        )

    def base_fee_wei(self) -> int:
        """The base fee of the latest block, in wei per gas; 0 on a chain that has none."""
        block = self._ask("read the base fee", lambda: self.web3.eth.get_block("latest"))
        return int(block.get("baseFeePerGas", 0))

    def fees(self, *, priority_fee_wei: int = 10**9) -> Fees:
        """Twice the present base fee plus the tip, so that it stays good while fees rise.

        Raises ChainUnavailable with kind ``fee-cap`` if that is above the cap per gas.
        """
        max_fee_wei = 2 * self.base_fee_wei() + priority_fee_wei
        cap_wei = self.fee_cap_wei
        if cap_wei is not None and max_fee_wei > cap_wei:
            raise ChainUnavailable(
                f"the fee is {max_fee_wei} wei per gas, above the cap of {cap_wei}", kind="fee-cap"
            )
        return Fees(max_fee_wei, priority_fee_wei)

    def send(self, raw: bytes) -> None:
        """Hand over a signed transaction, once; one that the node has already is no error.

        Any error leaves open whether the transaction is in: look at the chain.
        """
        try:
            self._ask("send a transaction", lambda: self.web3.eth.send_raw_transaction(raw))
        except Conflict as error:
            if error.details.get("kind") != "known":
                raise

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt of a transaction, None while it is not in a block."""
        found = self._find(
            "read a receipt",
            lambda: self.web3.eth.get_transaction_receipt(Hash32(transaction_hash)),
        )
        if found is None or found["blockNumber"] is None:
            return None
        if bytes(found["transactionHash"]) != transaction_hash:
            raise ChainUnavailable("the node answers with another receipt", kind="unknown")
        return Receipt(
            transaction_hash=bytes(found["transactionHash"]),
            block_number=found["blockNumber"],
            block_hash=bytes(found["blockHash"]),
            succeeded=found["status"] == 1,
            gas_used=found["gasUsed"],
            contract=found["contractAddress"],
            cost_wei=found["gasUsed"] * (found.get("effectiveGasPrice") or 0),
        )

    def wait_for_receipt(self, transaction_hash: bytes, *, timeout_seconds: float = 30) -> Receipt:
        """The receipt as soon as there is one; raises ChainUnavailable after the timeout."""
        self._ask(
            "wait for a receipt",
            lambda: self.web3.eth.wait_for_transaction_receipt(
                Hash32(transaction_hash),
                timeout=timeout_seconds,
                poll_latency=0.02,
            ),
        )
        receipt = self.receipt(transaction_hash)
        if receipt is None:
            raise ChainUnavailable("a receipt was there and is gone", kind="unknown")
        return receipt

    def block(self, at: int | BlockTag) -> BlockRef | None:
        """The canonical block at a height or tag; None if there is none (yet)."""
        found = self._find("read a block", lambda: self.web3.eth.get_block(at))
        if found is None:
            return None
        if isinstance(at, int) and found["number"] != at:
            raise ChainUnavailable("the node answers with another block", kind="unknown")
        return BlockRef(found["number"], bytes(found["hash"]), found["timestamp"])

    def finality(self, depths: FinalityDepths | None = None) -> Finality:
        """How far the chain is safe and final: by depth if given, else by the node's tags.

        Raises ChainUnavailable if the node knows no tags and no depths are configured.
        """
        latest = self._height("latest")
        if depths is not None:
            return Finality(latest, max(latest - depths.safe, 0), max(latest - depths.final, 0))
        return Finality(latest, self._height("safe"), self._height("finalized"))

    def call(
        self, to: str, data: bytes, *, at: int | BlockTag = "latest", sender: str | None = None
    ) -> bytes:
        """The result of a read-only call, as if by ``sender``; a revert is a Conflict, with reason.

        None is nobody in particular.
        """
        request: Any = {"to": _eip55(to), "data": "0x" + data.hex(), "gas": CALL_GAS}
        if sender is not None:
            request["from"] = _eip55(sender)
        return bytes(self._ask("call a contract", lambda: self.web3.eth.call(request, at)))

    def logs(
        self, contract: str, topics: Sequence[bytes], *, first_block: int, last_block: int
    ) -> list[LogEntry]:
        """What a contract logged under these topics, in order of blocks.

        Keep the range short: the embedded chain's cost grows faster than the range, and public
        nodes refuse long ones.
        """
        wanted: Any = {
            "address": _eip55(contract),
            "topics": ["0x" + topic.hex() for topic in topics],
            "fromBlock": first_block,
            "toBlock": last_block,
        }
        found = self._ask("read logs", lambda: self.web3.eth.get_logs(wanted))
        return [
            LogEntry(
                block_number=log["blockNumber"],
                transaction_hash=bytes(log["transactionHash"]),
                topics=tuple(bytes(topic) for topic in log["topics"]),
                data=bytes(log["data"]),
            )
            for log in found
        ]

    def log_transactions(
        self, contract: str, topics: Sequence[bytes], *, first_block: int, last_block: int
    ) -> list[bytes]:
        """Hashes of the transactions that logged these topics, in order of their blocks."""
        found = self.logs(contract, topics, first_block=first_block, last_block=last_block)
        return [log.transaction_hash for log in found]

    def _height(self, tag: BlockTag) -> int:
        block = self.block(tag)
        if block is None:
            raise ChainUnavailable(
                f"the node knows no {tag!r} block; set safe_depth and final_depth for this chain",
                kind="unknown",
            )
        return block.number

    def _ask(self, what: str, request: Callable[[], Answer]) -> Answer:
        with translated(what):
            return request()

    def _find(self, what: str, request: Callable[[], Any]) -> Any:
        try:
            return self._ask(what, request)
        except NotFound:
            return None


@contextmanager
def open_node(
    url: str, *, wait_seconds: float = 10.0, fee_cap_wei: int | None = None
) -> Iterator[Node]:
    """A Node for ``embedded:PATH`` or a JSON-RPC URL, closed at the end of the block.

    ``wait_seconds`` bounds the wait for the embedded chain's lock, or each HTTP request;
    ``fee_cap_wei`` is the most that a transaction may offer per gas. Raises
    ChainUnavailable if there is no answer and InvalidInput for another kind of URL.
    """
    require_coincurve()
    if url.startswith(EMBEDDED_SCHEME):
        from ledger.chain.embedded import open_embedded  # noqa: PLC0415

        path = Path(url.removeprefix(EMBEDDED_SCHEME))
        with open_embedded(path, wait_seconds=wait_seconds) as web3:
            yield Node(web3, fee_cap_wei=fee_cap_wei, is_embedded=True)
    elif url.startswith(("http://", "https://")):
        from ledger.chain.rpc import open_http  # noqa: PLC0415

        with open_http(url, timeout_seconds=wait_seconds) as web3:
            yield Node(web3, fee_cap_wei=fee_cap_wei)
    else:
        raise InvalidInput(f"{url!r} is neither embedded:PATH nor an http(s) URL", url=url)


def shown_url(url: str) -> str:
    """An address as it may be shown: of a JSON-RPC URL the host only, for the rest may be secret.

    >>> shown_url("https://node.example/v3/0123456789abcdef")
    'https://node.example/…'
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        return url
    port = f":{parts.port}" if parts.port else ""
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{parts.hostname}{port}{rest}"


def require_coincurve() -> None:
    """Raises InvariantViolated if signatures would run in pure Python, twenty times slower."""
    if isinstance(get_backend(), NativeECCBackend):
        raise InvariantViolated("coincurve is not installed or not used: pip install coincurve")


def sign_transaction(transaction: Transaction, key: bytes) -> SignedTransaction:
    """The transaction signed by the 32-byte ``key``; the same bytes each time."""
    from eth_account import Account  # noqa: PLC0415

    account = Account.from_key(key)
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "to": b"" if transaction.to is None else _eip55(transaction.to),
        "value": 0,
        "data": transaction.data,
        "gas": transaction.gas,
        "maxFeePerGas": transaction.fees.max_fee_wei,
        "maxPriorityFeePerGas": transaction.fees.priority_fee_wei,
    }
    signed = account.sign_transaction(fields)
    return SignedTransaction(
        bytes(signed.raw_transaction), bytes(signed.hash), account.address, transaction.nonce
    )


def _eip55(address: str) -> Any:
    try:
        return to_checksum_address(address)
    except ValueError as error:
        raise InvalidInput(f"{address!r} is not an address", address=address) from error
