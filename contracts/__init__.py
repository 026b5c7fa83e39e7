"""The contracts that kyojo deploys: Vyper sources, committed artefacts, and their loader.

An artefact is what ``contracts.build`` made of a source: ABI, creation code, runtime code and the
keccak256 of the runtime code. CheckpointAnchor has no immutables, so that last hash is the same
for every deployment, and an auditor may compare it with what ``eth_getCode`` answers. RevenueVault
has one, its token, whose address stands in 32 bytes behind the runtime code. Loading needs the
standard library only; a compiler is needed to rebuild, never to run.

>>> load_contract("CheckpointAnchor").compiler
'vyper 0.4.3'
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ledger.errors import NotFound

CONTRACT_NAMES = ("CheckpointAnchor", "RevenueVault")


@dataclass(frozen=True, slots=True)
class Contract:
    """A compiled contract; ``runtime_hash`` is the keccak256 of ``runtime``, 32 bytes."""

    name: str
    compiler: str
    evm_version: str
    abi: tuple[Mapping[str, Any], ...]
    creation: bytes
    runtime: bytes
    runtime_hash: bytes


@cache
def load_contract(name: str) -> Contract:
    """The committed artefact of the contract ``name``; raises NotFound for another name."""
    if name not in CONTRACT_NAMES:
        raise NotFound(f"no contract {name!r}; there are {', '.join(CONTRACT_NAMES)}", name=name)
    artefact = json.loads(files(__name__).joinpath(f"{name}.json").read_text("utf-8"))
    return Contract(
        name=name,
        compiler=artefact["compiler"],
        evm_version=artefact["evm_version"],
        abi=tuple(artefact["abi"]),
        creation=_unhex(artefact["creation"]),
        runtime=_unhex(artefact["runtime"]),
        runtime_hash=_unhex(artefact["runtime_keccak256"]),
    )


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
