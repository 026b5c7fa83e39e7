"""An EVM chain in one SQLite file, for trial, tests and the demo.

eth-tester keeps its chain in memory; here the same chain (py-evm, Prague rules) stands on a
key-value table. One batch of the chain is one SQL transaction with ``synchronous=FULL``, so that
what was acknowledged survives a killed process, and the chain reopens at its head.

It says nothing about trust beyond the log itself: whoever holds the file can delete it. Its funded
accounts have publicly known keys; use them for gas only, never as anchorers or approvers.

Rules that callers keep:

- Open per use and close after: ``with open_embedded(path) as web3``. A lock on ``PATH.lock`` keeps
  every other process, and every other opener in this one, out until then.
- One thread: the SQLite connection refuses the others.
- Always name ``gas``; estimation costs five times the transaction. Never ask for logs over a wide
  range: that cost is worse than linear.
- ``safe`` and ``finalized`` are ``latest``: this chain has no reorganisations.

The lock is on a neighbour of the database, since closing any descriptor of the database file
itself would drop SQLite's own POSIX locks.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB
from eth.db.schema import SchemaV1
from eth.exceptions import TransactionNotFound as EvmTransactionNotFound
from eth.vm.forks.prague import PragueVM
from eth_tester import EthereumTester
from eth_tester.backends.pyevm import PyEVMBackend
from eth_tester.backends.pyevm.main import (
    generate_genesis_state_for_keys,
    get_default_account_keys,
    get_default_genesis_params,
)
from eth_tester.backends.pyevm.serializers import (
    serialize_transaction,
    serialize_transaction_receipt,
)
from eth_tester.exceptions import TransactionNotFound
from eth_typing import BlockNumber
from web3 import EthereumTesterProvider, Web3

from ledger.errors import ChainUnavailable, InvariantViolated

# eth-tester answers eth_chainId with this number whatever the chain says, so the chain has it too.
EMBEDDED_CHAIN_ID = 131277322940537

# How often a second opener looks whether the lock is free.
_LOCK_POLL_SECONDS = 0.02


@contextmanager
def open_embedded(path: Path, *, wait_seconds: float = 10.0) -> Iterator[Web3]:
    """The embedded chain at ``path`` as a web3 object, created if there is none yet.

    Waits up to ``wait_seconds`` for another opener to finish. Opening costs about 20 ms. Raises
    ChainUnavailable if the chain stays in use or the file is not a chain.
    """
    with _exclusive(path.with_name(path.name + ".lock"), wait_seconds), _open_store(path) as store:
        backend = PersistentBackend(store)
        yield Web3(EthereumTesterProvider(EthereumTester(backend)))


class KeyValueStore(BaseDB):
    """Bytes by bytes in the table ``kv``; each write is committed unless inside ``transaction``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getitem__(self, key: bytes) -> bytes:
        row = self._connection.execute("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO kv VALUES (?, ?)", (key, value))

    def __delitem__(self, key: bytes) -> None:
        if self._connection.execute("DELETE FROM kv WHERE k = ?", (key,)).rowcount == 0:
            raise KeyError(key)

    def _exists(self, key: bytes) -> bool:
        found = self._connection.execute("SELECT 1 FROM kv WHERE k = ?", (key,))
        return found.fetchone() is not None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are kept together, or none of them."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


class StoredAtomicDB(AtomicDB):
    """py-evm's atomic database over a KeyValueStore: one batch is one SQL transaction."""

    def __init__(self, store: KeyValueStore) -> None:
        super().__init__(store)
        self._store = store

    @contextmanager
    def atomic_batch(self) -> Iterator[Any]:
        """A batch that its parent class buffers and writes when the block ends without error."""
        with self._store.transaction(), super().atomic_batch() as batch:
            yield batch


class EmbeddedChain(MiningChain):
    """The chain that eth-tester would build in memory: same id, same rules, constant gas limit."""

    chain_id = EMBEDDED_CHAIN_ID
    vm_configuration = ((BlockNumber(0), PragueVM),)

    def create_header_from_parent(self, parent_header: Any, **header_params: Any) -> Any:
        """The next header; unlike on a real chain the gas limit never drifts."""
        header_params["gas_limit"] = parent_header.gas_limit
        return super().create_header_from_parent(parent_header, **header_params)

    def get_transaction_builder(self) -> Any:
        """The transaction types of the chain's rules."""
        return self.get_vm().get_transaction_builder()


class PersistentBackend(PyEVMBackend):  # type: ignore[misc]
    """eth-tester's back end on a stored chain, reopened at its head if there is one."""

    def __init__(self, store: KeyValueStore) -> None:
        database = StoredAtomicDB(store)
        self.chain: Any
        self.account_keys = get_default_account_keys()
        if SchemaV1.make_canonical_head_hash_lookup_key() in database:
            self.chain = EmbeddedChain(database)
        else:
            state = generate_genesis_state_for_keys(self.account_keys)
            parameters = get_default_genesis_params()
            self.chain = EmbeddedChain.from_genesis(database, parameters, state)

    def reset_to_genesis(self, *_args: Any, **_options: Any) -> None:
        """Refused: it would forget what was anchored."""
        raise InvariantViolated("a stored chain is never reset")

    def revert_to_snapshot(self, _snapshot: Any) -> None:
        """Refused: it would forget what was anchored."""
        raise InvariantViolated("a stored chain is never reverted")

    def get_transaction_by_hash(self, transaction_hash: bytes) -> Any:
        """A mined transaction, found by index where the parent class scans all blocks."""
        block, transaction, index = self._locate(transaction_hash)
        return serialize_transaction(block, transaction, index, is_pending=False)

    def get_transaction_receipt(self, transaction_hash: bytes) -> Any:
        """The receipt of a mined transaction, found by index as well."""
        block, transaction, index = self._locate(transaction_hash)
        receipts = block.get_receipts(self.chain.chaindb)
        machine = self.chain.get_vm()
        return serialize_transaction_receipt(
            block, receipts, transaction, index, is_pending=False, vm=machine
        )

    def _locate(self, transaction_hash: bytes) -> tuple[Any, Any, int]:
        try:
            number, index = self.chain.get_canonical_transaction_index(transaction_hash)
        except EvmTransactionNotFound as error:
            raise TransactionNotFound(f"no transaction 0x{transaction_hash.hex()}") from error
        block = self.chain.get_canonical_block_by_number(number)
        return block, block.transactions[index], index


@contextmanager
def _open_store(path: Path) -> Iterator[KeyValueStore]:
    try:
        connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise ChainUnavailable(f"cannot open the embedded chain {path}: {error}") from error
    with closing(connection):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            raise ChainUnavailable(f"{path} is not an embedded chain: {error}") from error
        yield KeyValueStore(connection)


@contextmanager
def _exclusive(lock_path: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the lock file; the system frees it when the process ends, however it ends."""
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ChainUnavailable(f"cannot open {lock_path}: {error.strerror}") from error
    try:
        _wait_for_lock(descriptor, lock_path, wait_seconds)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, lock_path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise ChainUnavailable(
                    f"the embedded chain is in use: waited {wait_seconds:g} s for {lock_path}"
                ) from None
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return
