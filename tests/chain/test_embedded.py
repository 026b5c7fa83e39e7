"""The embedded chain keeps what it acknowledged, has one user at a time, and is eth-tester's."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from eth_tester.backends.pyevm.main import setup_tester_chain
from web3 import EthereumTesterProvider, Web3

from ledger.chain.anchor import read_head
from ledger.chain.embedded import (
    EMBEDDED_CHAIN_ID,
    EmbeddedChain,
    KeyValueStore,
    StoredAtomicDB,
    open_embedded,
)
from ledger.chain.node import open_node
from ledger.chain.quorum import key_address
from ledger.errors import ChainUnavailable, InvariantViolated
from tests.chain.chain_world import (
    EMBEDDED_PAYER,
    ORIGIN,
    anchor_now,
    anchor_transaction,
    deploy,
    head_of,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "chain.sqlite"


@pytest.fixture
def store():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID")
    yield KeyValueStore(connection)
    connection.close()


def test_a_reopened_chain_stands_where_it_was(embedded_url):
    with open_node(embedded_url) as node:
        contract = deploy(node, EMBEDDED_PAYER).contract
        anchor_now(node, EMBEDDED_PAYER, contract, 0, 3)
        transaction, receipt = anchor_now(node, EMBEDDED_PAYER, contract, 3, 7)
        block = node.block("latest")
    for _ in range(3):
        with open_node(embedded_url) as node:
            assert node.block("latest") == block
            assert node.receipt(transaction.hash) == receipt
            assert read_head(node, contract, ORIGIN) == head_of(7)
    with open_node(embedded_url) as node:
        anchor_now(node, EMBEDDED_PAYER, contract, 7, 9)
        assert read_head(node, contract, ORIGIN) == head_of(9)
        assert node.block("latest").number == block.number + 1


WRITER = """
import sys
from pathlib import Path
from ledger.chain.embedded import open_embedded
from ledger.chain.node import Fees, Node, Transaction, sign_transaction
key = (1).to_bytes(32, "big")
with open_embedded(Path(sys.argv[1])) as web3:
    node = Node(web3)
    for nonce in range(10_000):
        unsigned = Transaction(node.chain_id, nonce, "0x" + "11" * 20, b"", 30_000, node.fees())
        transaction = sign_transaction(unsigned, key)
        node.send(transaction.raw)
        print(transaction.hash.hex(), flush=True)
"""


def test_a_killed_process_loses_nothing_it_acknowledged(path):
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        acknowledged = [bytes.fromhex(child.stdout.readline()) for _ in range(12)]
        child.kill()
        rest = child.stdout.read().splitlines()
    acknowledged += [bytes.fromhex(line) for line in rest if len(line) == 64]
    with open_node(f"embedded:{path}") as node:
        receipts = [node.receipt(one) for one in acknowledged]
        assert [receipt.block_number for receipt in receipts] == [*range(1, len(receipts) + 1)]
        payer = key_address(EMBEDDED_PAYER)
        assert node.nonce(payer) == node.block("latest").number >= len(receipts)
        contract = deploy(node, EMBEDDED_PAYER).contract
        anchor_now(node, EMBEDDED_PAYER, contract, 0, 3)
        assert read_head(node, contract, ORIGIN) == head_of(3)


def test_a_second_opener_waits_and_then_hears_why(path):
    with (
        open_embedded(path),
        pytest.raises(ChainUnavailable, match="in use"),
        open_embedded(path, wait_seconds=0.1),
    ):
        pass
    with open_embedded(path, wait_seconds=0) as web3:
        assert web3.eth.block_number == 0


HOLDER = """
import sys
from pathlib import Path
from ledger.chain.embedded import open_embedded
with open_embedded(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_another_process_is_kept_out_until_the_first_is_done(path):
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as child:
        assert child.stdout.readline() == "open\n"
        with (
            pytest.raises(ChainUnavailable, match="in use"),
            open_embedded(path, wait_seconds=0.1),
        ):
            pass
        child.stdin.write("\n")
        child.stdin.flush()
        with open_embedded(path, wait_seconds=10) as web3:
            assert web3.eth.block_number == 0
        child.communicate()


def test_the_lock_is_free_after_an_error(path):
    with pytest.raises(ZeroDivisionError), open_embedded(path):
        raise ZeroDivisionError
    with open_embedded(path, wait_seconds=0):
        pass


def test_a_file_that_is_no_chain_is_named(path):
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(ChainUnavailable, match=r"chain\.sqlite"), open_embedded(path):
        pass
    with pytest.raises(ChainUnavailable), open_embedded(path / "below" / "a-file"):
        pass


def test_another_thread_is_refused_with_a_clear_error(embedded_url):
    caught = []
    with open_node(embedded_url) as node:

        def elsewhere():
            try:
                node.block("latest")
            except InvariantViolated as error:
                caught.append(error.message)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert len(caught) == 1
    assert "one thread" in caught[0]


def test_a_stored_chain_is_never_reset_or_reverted(path):
    with open_embedded(path) as web3:
        backend = web3.provider.ethereum_tester.backend
        with pytest.raises(InvariantViolated):
            backend.reset_to_genesis()
        with pytest.raises(InvariantViolated):
            backend.revert_to_snapshot(backend.take_snapshot())


def test_it_is_the_chain_that_eth_tester_builds():
    """The seam: were eth-tester to change its chain, ours would quietly differ."""
    _, theirs = setup_tester_chain()
    assert theirs.chain_id == EmbeddedChain.chain_id == EMBEDDED_CHAIN_ID
    assert theirs.vm_configuration == EmbeddedChain.vm_configuration
    assert type(theirs).__mro__[1] is EmbeddedChain.__mro__[1]
    own = {name for name in vars(type(theirs)) if not name.startswith("_")}
    assert own == {name for name in vars(EmbeddedChain) if not name.startswith("_")}
    assert Web3(EthereumTesterProvider()).eth.chain_id == EMBEDDED_CHAIN_ID


def test_receipts_found_by_index_are_those_found_by_scan(path):
    with open_node(f"embedded:{path}") as node:
        contract = deploy(node, EMBEDDED_PAYER).contract
        sent = [
            anchor_transaction(node, EMBEDDED_PAYER, contract, 0, 3),
        ]
        node.send(sent[0].raw)
        backend = node.web3.provider.ethereum_tester.backend
        parent = type(backend).__mro__[1]
        digest = sent[0].hash
        assert backend.get_transaction_receipt(digest) == parent.get_transaction_receipt(
            backend, digest
        )
        assert backend.get_transaction_by_hash(digest) == parent.get_transaction_by_hash(
            backend, digest
        )


def test_the_store_behaves_like_a_dictionary(store):
    store[b"key"] = b"value"
    store[b"key"] = b"other"
    assert (store[b"key"], b"key" in store, b"none" in store) == (b"other", True, False)
    del store[b"key"]
    for refused in (lambda: store[b"key"], lambda: store.__delitem__(b"key")):
        with pytest.raises(KeyError):
            refused()


def test_a_batch_is_kept_whole_or_not_at_all(store):
    database = StoredAtomicDB(store)
    with database.atomic_batch() as batch:
        batch[b"a"] = b"1"
        batch[b"b"] = b"2"
        assert batch[b"a"] == b"1"
        assert b"a" not in database
    assert (database[b"a"], database[b"b"]) == (b"1", b"2")
    with pytest.raises(ZeroDivisionError):
        write_and_fail(database)
    assert database[b"a"] == b"1"


def write_and_fail(database):
    with database.atomic_batch() as batch:
        batch[b"a"] = b"changed"
        raise ZeroDivisionError


def write_two(database):
    with database.atomic_batch() as batch:
        batch[b"a"] = b"1"
        batch[b"b"] = b"2"


class FailsInTheMiddle(KeyValueStore):
    """The disk gives up at the second write of a batch."""

    writes = 0

    def __setitem__(self, key, value):
        self.writes += 1
        if self.writes == 2:
            raise sqlite3.OperationalError("disk full")
        super().__setitem__(key, value)


def test_a_batch_that_fails_while_it_is_written_leaves_nothing(store):
    failing = FailsInTheMiddle(store._connection)
    with pytest.raises(sqlite3.OperationalError):
        write_two(StoredAtomicDB(failing))
    assert b"a" not in store
    assert b"b" not in store
