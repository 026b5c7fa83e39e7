"""What every command says of itself, and of arguments that it cannot use."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ledger.cli.main import COMMANDS, build_parser
from tests.cli.conftest import Kyojo, check_error


def commands(parser: argparse.ArgumentParser, *names: str) -> Iterator[tuple[str, ...]]:
    yield names
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from commands(inner, *names, name)


ALL = list(commands(build_parser()))
LEAVES = [one for one in ALL if not any(other[:-1] == one for other in ALL if other)]


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_help_is_of_use(kyojo: Kyojo, command: tuple[str, ...]) -> None:
    ran = kyojo(*command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(" ".join(["usage: kyojo", *command]))
    if command in LEAVES:
        assert "--json" in ran.out
    else:
        verbs = [one[-1] for one in ALL if one[:-1] == command and one]
        assert verbs
        for verb in verbs:
            assert any(line.split()[:1] == [verb] for line in ran.out.splitlines()), verb


@pytest.mark.parametrize("command", sorted({one[0] for one in ALL if one}))
def test_a_command_is_found_with_its_own_module_alone(command: str) -> None:
    alone = list(commands(build_parser(command)))
    assert [one for one in ALL if one[:1] == (command,)] == [
        one for one in alone if one[:1] == (command,)
    ]
    assert sum(command in names for names in COMMANDS.values()) == 1


def test_commands_that_ask_no_chain_load_none_of_its_libraries() -> None:
    program = (
        "import sys\nfrom ledger.cli.main import build_parser\nbuild_parser()\n"
        "print([name for name in ('web3', 'eth_account', 'eth', 'uvicorn') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert ran.stdout == "[]\n"


def test_the_exit_codes_stand_in_the_help(kyojo: Kyojo) -> None:
    text = kyojo("--help").out
    for code in ("0 done", "2 unusable", "3 infeasible", "4 consistent", "5 not permitted",
                 "6 conflict", "7 unavailable", "8 not found", "70 a bug"):  # fmt: skip
        assert code in text.replace("\n", " ")
    assert kyojo("--version").out.startswith("kyojo ")


@pytest.mark.parametrize("command", [one for one in ALL if one], ids=" ".join)
def test_an_option_that_is_none(kyojo: Kyojo, command: tuple[str, ...]) -> None:
    check_error(kyojo(*command, "--nonsense"), 2, "--help")


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("nonsense",), ("open",), ("found",), ("member",), ("member", "nonsense"),
        ("member", "submit"), ("member", "decide", "--coop", "x"), ("audit",), ("audit", "verify"),
        ("audit", "export"), ("key",), ("member", "decide", "00", "--coop", "x", "--key", "x",
        "--action", "perhaps"), ("audit", "verify", "x", "--language", "fr"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_arguments_that_are_missing_or_unknown(kyojo: Kyojo, arguments: tuple[str, ...]) -> None:
    check_error(kyojo(*arguments), 2, "usage: kyojo")
