"""What the chain libraries raise leaves as kyojo's errors, and a send goes over the wire once."""

import http.server
import json
import sqlite3
import threading

import pytest
import requests
from eth_tester.exceptions import TransactionFailed
from eth_utils.exceptions import ValidationError
from web3.exceptions import (
    BlockNotFound,
    ContractCustomError,
    ContractLogicError,
    TimeExhausted,
    TransactionNotFound,
    Web3RPCError,
)

from ledger.chain.faults import translated
from ledger.chain.node import open_node, shown_url
from ledger.chain.rpc import READ_ATTEMPTS
from ledger.errors import ChainUnavailable, Conflict, InvariantViolated, NotFound

CASES = [
    (TransactionFailed("execution reverted: proof: empty"), Conflict, "reverted"),
    (ContractLogicError("execution reverted: proof: empty"), Conflict, "reverted"),
    (ContractCustomError("0x12345678"), Conflict, "reverted"),
    (ValidationError("Invalid transaction nonce: Expected 3, but got 2"), Conflict, "nonce"),
    (Web3RPCError("nonce too low"), Conflict, "nonce"),
    (Web3RPCError("transaction already imported"), Conflict, "known"),
    (Web3RPCError("already known"), Conflict, "known"),
    (Web3RPCError("replacement transaction underpriced"), ChainUnavailable, "underpriced"),
    (Web3RPCError("max fee per gas less than block base fee"), ChainUnavailable, "underpriced"),
    (Web3RPCError("Insufficient funds for gas * price + value"), ChainUnavailable, "funds"),
    (Web3RPCError("something new"), ChainUnavailable, "unknown"),
    (requests.ConnectionError("refused"), ChainUnavailable, "unreachable"),
    (requests.Timeout("slow"), ChainUnavailable, "unreachable"),
    (TimeExhausted("no receipt"), ChainUnavailable, "unreachable"),
    (ConnectionResetError("gone"), ChainUnavailable, "unreachable"),
    (sqlite3.OperationalError("disk full"), ChainUnavailable, "unreachable"),
    (json.JSONDecodeError("not JSON", "<html>", 0), ChainUnavailable, "unknown"),
    (KeyError("blockNumber"), ChainUnavailable, "unknown"),
    (TypeError("'NoneType' object is not subscriptable"), ChainUnavailable, "unknown"),
    (TransactionNotFound("none"), NotFound, None),
    (BlockNotFound("none"), NotFound, None),
    (sqlite3.ProgrammingError("created in another thread"), InvariantViolated, None),
]


@pytest.mark.parametrize(("raised", "expected", "kind"), CASES, ids=lambda case: repr(case)[:60])
def test_translation(raised, expected, kind):
    with pytest.raises(expected) as caught, translated("try it"):
        raise raised
    assert type(caught.value) is expected
    assert caught.value.details.get("kind") == kind
    assert caught.value.message.startswith("try it: ")
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("execution reverted: proof: empty", "proof: empty"),
        ("VM Exception: execution reverted: proof: empty", "proof: empty"),
        ("execution reverted", "no reason given"),
        ("b''", "no reason given"),
    ],
)
def test_the_reason_is_the_contracts_own_words(text, reason):
    with pytest.raises(Conflict) as caught, translated("try it"):
        raise ContractLogicError(text)
    assert caught.value.details["reason"] == reason


SECRET = "https://127.0.0.1:9/v3/0123456789abcdef?key=secret"


def test_a_nodes_address_is_not_told_for_it_may_be_a_password():
    with pytest.raises(ChainUnavailable) as caught, open_node(SECRET, wait_seconds=0.2):
        pass
    assert "does not answer: NewConnectionError" in caught.value.message
    assert "0123456789abcdef" not in caught.value.message
    refused = requests.Response()
    refused.status_code, refused.url = 401, SECRET
    with pytest.raises(ChainUnavailable) as caught, translated("try it"):
        refused.raise_for_status()
    assert caught.value.message == "try it: the chain does not answer: HTTP status 401"
    assert shown_url(SECRET) == "https://127.0.0.1:9/…"
    assert shown_url("embedded:chain.db") == "embedded:chain.db"


def test_an_error_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError), translated("try it"):
        raise ZeroDivisionError


class BrokenNode(http.server.BaseHTTPRequestHandler):
    """Answers the chain id; any other request gets its connection closed without an answer."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(request["method"])
        if request["method"] != "eth_chainId":
            self.close_connection = True
            return
        body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": "0x1"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def broken():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), BrokenNode)
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_send_is_never_repeated_behind_our_back(broken):
    with (
        open_node(broken.url, wait_seconds=2) as node,
        pytest.raises(ChainUnavailable) as caught,
    ):
        node.send(b"\x02raw")
    assert caught.value.details["kind"] == "unreachable"
    assert broken.seen.count("eth_sendRawTransaction") == 1


def test_a_read_is_repeated(broken):
    with open_node(broken.url, wait_seconds=2) as node, pytest.raises(ChainUnavailable):
        node.block("latest")
    assert broken.seen.count("eth_getBlockByNumber") == READ_ATTEMPTS
