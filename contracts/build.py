"""Compile the Vyper sources into the committed artefacts: ``python -m contracts.build [--check]``.

The compiler is pinned exactly (``VYPER_VERSION``), since another one gives other code. With
``--check`` nothing is written; exit status 1 names the artefacts that differ from their source.
The output depends on the source text alone, not on the folder or the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import vyper
from eth_hash.auto import keccak

from contracts import CONTRACT_NAMES
from ledger.errors import InvariantViolated

VYPER_VERSION = "0.4.3"
EVM_VERSION = "cancun"
FOLDER = Path(__file__).parent
_FORMATS = ("abi", "bytecode", "bytecode_runtime")


def compile_contract(name: str) -> str:
    """The artefact of contract ``name`` as JSON text, freshly compiled.

    Raises InvariantViolated if the installed compiler is not the pinned one, and the compiler's
    own exceptions for a source that does not compile.
    """
    if vyper.__version__.split("+")[0] != VYPER_VERSION:
        raise InvariantViolated(f"needs vyper {VYPER_VERSION}, found {vyper.__version__}")
    source = (FOLDER / f"{name}.vy").read_text("utf-8")
    output = vyper.compile_code(source, contract_path=f"{name}.vy", output_formats=_FORMATS)
    runtime = bytes.fromhex(output["bytecode_runtime"].removeprefix("0x"))
    artefact = {
        "contract": name,
        "compiler": f"vyper {VYPER_VERSION}",
        "evm_version": EVM_VERSION,
        "runtime_keccak256": "0x" + keccak(runtime).hex(),
        "abi": output["abi"],
        "creation": output["bytecode"],
        "runtime": output["bytecode_runtime"],
    }
    return json.dumps(artefact, indent=1) + "\n"


def stale_contracts() -> list[str]:
    """The contracts whose committed artefact is not, byte for byte, what their source gives."""
    return [name for name in CONTRACT_NAMES if _committed(name) != compile_contract(name)]


def _committed(name: str) -> str:
    path = FOLDER / f"{name}.json"
    return path.read_text("utf-8") if path.exists() else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Rebuild, or with ``--check`` only compare; 0 is success, 1 a difference."""
    parser = argparse.ArgumentParser(prog="python -m contracts.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    if parser.parse_args(arguments).check:
        stale = stale_contracts()
        for name in stale:
            sys.stderr.write(f"contracts/{name}.json is not what {name}.vy compiles to\n")
        return 1 if stale else 0
    for name in CONTRACT_NAMES:
        (FOLDER / f"{name}.json").write_text(compile_contract(name), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
