"""The ERC-20s that the vault is tried with, compiled when they are needed."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "tokens"


@cache
def token_code(name):
    """The creation code of tests/contracts/tokens/NAME.vy."""
    import vyper

    source = (FOLDER / f"{name}.vy").read_text("utf-8")
    output = vyper.compile_code(source, contract_path=f"{name}.vy", output_formats=("bytecode",))
    return bytes.fromhex(output["bytecode"].removeprefix("0x"))
