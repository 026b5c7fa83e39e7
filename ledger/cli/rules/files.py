"""Reading what the author of rules names on the command line; faults say which file they are in."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from ledger.cli.rules.places import place_faults
from ledger.errors import Fault, InvalidInput, MalformedRules, NotFound, TooLarge
from ledger.rules.document import RuleSet, parse_rules
from ledger.rules.inputs import Inputs, parse_inputs
from ledger.rules.yamltext import TEXT_BYTES_MAX

INPUTS_BYTES_MAX = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Case:
    """A rule set and the figures of a period, both read without a fault."""

    rules: RuleSet
    inputs: Inputs


def read_file(path: Path, bytes_max: int = TEXT_BYTES_MAX) -> bytes:
    """The bytes of a file; raises NotFound, InvalidInput or TooLarge."""
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    if len(data) > bytes_max:
        raise TooLarge(f"{path} has more than {bytes_max} bytes")
    return data


def write_text(path: Path, text: str) -> None:
    """Write a file; raises InvalidInput where that is not possible."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from error


def read_rules(path: Path) -> RuleSet:
    """The rule set in a file; raises MalformedRules whose faults name the file."""
    try:
        return parse_rules(read_file(path))
    except MalformedRules as error:
        raise in_file(error.faults, path) from error


def read_inputs(path: Path) -> Inputs:
    """The inputs in a file; raises MalformedRules whose faults name the file."""
    try:
        return parse_inputs(read_file(path, INPUTS_BYTES_MAX))
    except MalformedRules as error:
        raise in_file(error.faults, path) from error


def read_case(options: argparse.Namespace) -> Case:
    """What ``--rules`` and ``--inputs`` name; every fault of both files is reported at once."""
    faults: list[Fault] = []
    rules = inputs = None
    try:
        rules = read_rules(options.rules)
    except MalformedRules as error:
        faults += error.faults
    try:
        inputs = read_inputs(options.inputs)
    except MalformedRules as error:
        faults += error.faults
    if rules is None or inputs is None:
        raise refusal(faults)
    return Case(rules, inputs)


def refusal(faults: list[Fault] | tuple[Fault, ...]) -> MalformedRules:
    """One error for all faults of the files that were read."""
    count = len(faults)
    return MalformedRules(f"{count} fault{'s' if count != 1 else ''} found", faults=tuple(faults))


def add_case(parser: argparse.ArgumentParser) -> None:
    """The options that ``read_case`` reads."""
    parser.add_argument("--rules", type=Path, required=True, metavar="FILE", help="a rule set")
    parser.add_argument(
        "--inputs", type=Path, required=True, metavar="FILE", help="a period's figures (JSON)"
    )


def in_file(faults: tuple[Fault, ...], path: Path) -> MalformedRules:
    """One error for the faults of a file, which they name."""
    return refusal([one.as_fault() for one in place_faults(faults, str(path))])
