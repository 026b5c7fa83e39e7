"""What an auditor reads with a node's URL and a contract's address alone."""

import json

import pytest

from ledger.chain.anchor import Head
from ledger.chain.history import read_contract
from ledger.chain.node import LogEntry, open_node
from ledger.cli.main import main
from ledger.errors import ChainUnavailable, NotFound
from tests.chain.chain_world import ORIGIN, anchor_now, deploy, head_of


@pytest.fixture
def anchored(chain):
    """A contract with three anchors; its address and code hash."""
    with open_node(chain.url) as node:
        made = deploy(node, chain.payer)
        for old_size, size in [(0, 3), (3, 7), (7, 9)]:
            anchor_now(node, chain.payer, made.contract, old_size, size)
    return made


def show(capsys, chain, made, *options, code=0, origin=ORIGIN):
    words = ["anchor", "show", "--rpc", chain.url, "--contract", made.contract]
    assert main([*words, "--origin", origin, *options]) == code
    return capsys.readouterr().out


def test_all_of_a_contract_is_shown_without_an_installation(
    capsys, tmp_path, monkeypatch, chain, anchored
):
    monkeypatch.chdir(tmp_path)
    found = json.loads(show(capsys, chain, anchored, "--json"))
    assert [(one["previous_size"], one["size"]) for one in found["anchors"]] == [
        (0, 3), (3, 7), (7, 9)]  # fmt: skip
    assert found["head"] == {"size": 9, "root": head_of(9).root.hex()}
    assert found["signers"]["k"] == 2
    assert len(found["signers"]["addresses"]) == 3
    assert found["code_is"] == "the contract that this version of kyojo builds"
    assert found["problems"] == []
    text = show(capsys, chain, anchored)
    assert "not checked 未確認: whether this node tells the truth" in text
    assert "--code-hash" in text


def test_what_is_expected_is_compared(capsys, chain, anchored):
    right = ("--code-hash", anchored.code_hash.hex(), "--chain-id", str(anchored.chain_id))
    text = show(capsys, chain, anchored, *right)
    assert "problems" not in text
    assert "--code-hash" not in text
    wrong = ("--code-hash", "ab" * 32, "--chain-id", "5")
    text = show(capsys, chain, anchored, *wrong, code=3)
    assert f"the node serves chain {anchored.chain_id}, not 5" in text
    assert "the code's hash is" in text


def test_a_log_that_was_never_anchored_there(capsys, chain, anchored):
    found = json.loads(show(capsys, chain, anchored, "--json", origin="example.jp/other"))
    assert (found["head"]["size"], found["anchors"], found["problems"]) == (0, [], [])


def test_a_short_look_says_what_it_left_out(capsys, chain, anchored):
    found = json.loads(show(capsys, chain, anchored, "--json", "--blocks", "1"))
    assert [one["size"] for one in found["anchors"]] == [9]
    assert f"anchors below block {found['first_block']} (--blocks)" in found["not_checked"]


def test_an_address_without_a_contract_is_an_error(capsys, chain):
    words = ["anchor", "show", "--rpc", chain.url, "--contract", "0x" + "11" * 20]
    assert main([*words, "--origin", ORIGIN]) == 8
    assert "is not a CheckpointAnchor" in capsys.readouterr().err


def test_a_node_that_leaves_an_event_out_is_found_out(embedded_url):
    with open_node(embedded_url) as node:
        payer = (1).to_bytes(32, "big")
        made = deploy(node, payer)
        for old_size, size in [(0, 3), (3, 7)]:
            anchor_now(node, payer, made.contract, old_size, size)
        logs = node.logs
        node.logs = lambda *where, **blocks: logs(*where, **blocks)[1:]
        view = read_contract(node, made.contract, ORIGIN, blocks_max=100)
        assert not view.is_history_whole
        assert view.first_block == 0
        node.logs = lambda *_where, **_blocks: [LogEntry(1, b"", (b"",), b"")]
        with pytest.raises(ChainUnavailable, match="another form"):
            read_contract(node, made.contract, ORIGIN, blocks_max=100)
        with pytest.raises(NotFound):
            read_contract(node, "0x" + "11" * 20, ORIGIN, blocks_max=1)
        assert view.head == Head(7, head_of(7).root)
