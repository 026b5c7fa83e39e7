"""The contracts' NatSpec is whole: what a wallet or an explorer shows of a call."""

import re
from pathlib import Path

import pytest

import contracts
from contracts import CONTRACT_NAMES, load_contract

vyper = pytest.importorskip("vyper", reason="vyper is not installed: NatSpec not checked")


def type_of(argument):
    """The type of an argument as a signature has it; structs are tuples."""
    if not argument["type"].startswith("tuple"):
        return argument["type"]
    inside = ",".join(map(type_of, argument["components"]))
    return f"({inside})" + argument["type"].removeprefix("tuple")


def public_variables(source):
    """The getters that the compiler makes, which take no NatSpec of their own."""
    return set(re.findall(r"^(\w+): public\(", source, re.MULTILINE))


def functions():
    """Each contract's name with each function of its source."""
    for name in CONTRACT_NAMES:
        getters = public_variables(source_of(name))
        for item in load_contract(name).abi:
            if item["type"] == "function" and item["name"] not in getters:
                yield pytest.param(name, item, id=f"{name}.{item['name']}")


def source_of(name):
    return (Path(contracts.__file__).parent / f"{name}.vy").read_text("utf-8")


@pytest.fixture(scope="module")
def documents():
    """The user's and the developer's documentation of each contract."""
    formats = ("userdoc", "devdoc")
    return {
        name: vyper.compile_code(source_of(name), output_formats=formats) for name in CONTRACT_NAMES
    }


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_the_contract_says_what_it_is(documents, name):
    assert documents[name]["userdoc"]["notice"]
    assert documents[name]["devdoc"]["title"].startswith(name)
    assert documents[name]["devdoc"]["license"] == "Apache-2.0"


@pytest.mark.parametrize(("name", "function"), list(functions()))
def test_a_function_says_what_it_does_takes_and_answers(documents, name, function):
    signature = f"{function['name']}({','.join(map(type_of, function['inputs']))})"
    told = documents[name]["devdoc"]["methods"].get(signature, {})
    assert documents[name]["userdoc"]["methods"][signature]["notice"]
    assert told.get("params", {}).keys() == {one["name"] for one in function["inputs"]}
    assert len(told.get("returns", {})) == len(function["outputs"])
