"""Show: what a contract holds of a log, for somebody who has a node and nothing else of ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contracts import load_contract
from ledger.chain.history import ContractView, read_contract
from ledger.chain.node import open_node


@dataclass(frozen=True, slots=True)
class Asked:
    """Which contract, which log, and what the asker expects (None: no expectation)."""

    contract: str
    origin: str
    chain_id: int | None = None
    code_hash: str | None = None


def show_contract(url: str, asked: Asked, *, blocks_max: int) -> dict[str, Any]:
    """What a node tells of a contract, as JSON, with problems and what was not checked.

    Raises NotFound if no CheckpointAnchor stands there, ChainUnavailable if nobody answers.
    """
    with open_node(url) as node:
        view = read_contract(node, asked.contract, asked.origin, blocks_max=blocks_max)
    finality, final = view.finality, view.final_head
    return {
        "chain_id": view.chain_id,
        "contract": asked.contract,
        "origin": asked.origin,
        "latest": {"number": view.latest.number, "hash": _hex(view.latest.hash)},
        "code_hash": view.code_hash.hex(),
        "code_is": _code_is(view, asked),
        "head": {"size": view.head.size, "root": view.head.root.hex()},
        "final_head": None if final is None or finality is None else {
            "block": finality.final, "size": final.size, "root": final.root.hex()},
        "signers": {
            "addresses": list(view.signers.signers),
            "k": view.signers.k,
            "epoch": view.signers.epoch,
            "max_growth": view.signers.max_growth,
        },
        "anchors": [
            {
                "previous_size": event.previous.size,
                "size": event.head.size,
                "root": event.head.root.hex(),
                "block_number": event.block_number,
                "transaction": _hex(event.transaction_hash),
            }
            for event in view.events
        ],
        "first_block": view.first_block,
        "problems": list(_problems(view, asked)),
        "not_checked": list(_not_checked(view, asked)),
    }  # fmt: skip


def _code_is(view: ContractView, asked: Asked) -> str:
    if asked.code_hash is not None:
        return "as expected" if _is_expected(view, asked) else "not as expected"
    known = view.code_hash == load_contract("CheckpointAnchor").runtime_hash
    return "the contract that this version of kyojo builds" if known else "unknown to this version"


def _is_expected(view: ContractView, asked: Asked) -> bool:
    wanted = (asked.code_hash or "").lower().removeprefix("0x")
    return view.code_hash.hex() == wanted


def _problems(view: ContractView, asked: Asked) -> Iterator[str]:
    if asked.chain_id is not None and view.chain_id != asked.chain_id:
        yield f"the node serves chain {view.chain_id}, not {asked.chain_id}"
    if _code_is(view, asked) == "not as expected":
        yield f"the code's hash is {view.code_hash.hex()}, not {asked.code_hash}"
    if not view.is_history_whole and view.first_block == 0:
        yield (
            "the events from the first block on do not lead to the head: the node leaves some "
            "out, or invents some"
        )
    elif view.events and view.events[-1].head != view.head:
        yield "the last event is not the head's: the node contradicts itself"
    if view.final_head is not None and view.final_head.size > view.head.size:
        yield "the final head is larger than the latest one: the node contradicts itself"


def _not_checked(view: ContractView, asked: Asked) -> Iterator[str]:
    yield "whether this node tells the truth: ask a second one, run by somebody else"
    yield (
        "whether these heads are the log's: compare one with a checkpoint that you hold, or run "
        "`kyojo audit verify --rpc` on a bundle"
    )
    if asked.chain_id is None:
        yield "whether this is the chain that the co-op's charter names (--chain-id)"
    if asked.code_hash is None:
        yield "whether the code is what the co-op's charter names (--code-hash)"
    if view.finality is None:
        yield "what is final: this node has no tags for it"
    if view.first_block > 0 and not view.is_history_whole:
        yield f"anchors below block {view.first_block} (--blocks)"


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
