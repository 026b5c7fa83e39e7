"""CheckpointAnchor's NatSpec is whole: what a wallet or an explorer shows of a call."""

import pytest

from contracts import load_contract

vyper = pytest.importorskip("vyper", reason="vyper is not installed: NatSpec not checked")

NAME = "CheckpointAnchor"


def type_of(argument):
    """The type of an argument as a signature has it; structs are tuples."""
    if not argument["type"].startswith("tuple"):
        return argument["type"]
    inside = ",".join(map(type_of, argument["components"]))
    return f"({inside})" + argument["type"].removeprefix("tuple")


@pytest.fixture(scope="module")
def documents():
    from contracts import build

    source = (build.FOLDER / f"{NAME}.vy").read_text("utf-8")
    return vyper.compile_code(source, output_formats=("userdoc", "devdoc"))


def test_the_contract_says_what_it_is(documents):
    assert documents["userdoc"]["notice"]
    assert documents["devdoc"]["title"].startswith(NAME)
    assert documents["devdoc"]["license"] == "Apache-2.0"


@pytest.mark.parametrize(
    "function", [item for item in load_contract(NAME).abi if item["type"] == "function"],
    ids=lambda item: item["name"],
)  # fmt: skip
def test_a_function_says_what_it_does_takes_and_answers(documents, function):
    signature = f"{function['name']}({','.join(map(type_of, function['inputs']))})"
    told = documents["devdoc"]["methods"].get(signature, {})
    assert documents["userdoc"]["methods"][signature]["notice"]
    assert told.get("params", {}).keys() == {one["name"] for one in function["inputs"]}
    assert len(told.get("returns", {})) == len(function["outputs"])
