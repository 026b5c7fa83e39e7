"""``kyojo rules check``: every fault of rule sets, each at its place, before anybody signs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ledger import canonical
from ledger.cli.output import show
from ledger.cli.rules.files import INPUTS_BYTES_MAX, read_file
from ledger.cli.rules.places import Placed, in_order, place_fault, place_faults
from ledger.errors import Fault, InvalidInput, KyojoError, MalformedRules
from ledger.rules.document import Examined, RuleSet, examine, legal_checks, names_used
from ledger.rules.headcount import headcount_problems
from ledger.rules.idle import pool_warnings
from ledger.rules.profiles import DISCLAIMER, spoken
from ledger.rules.registers import OWN_REGISTERS, Registers, names_by_register, unknown_names
from ledger.rules.succession import succession_problems
from ledger.rules.yamltext import Reading, read_yaml, refuse_all
from ledger.service.rule_registers import read_registers, registers_of

Commands = Any


def add_verb(verbs: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``check`` to the parser."""
    command = verbs.add_parser(
        "check",
        parents=[shared],
        help="name every fault of rule sets, with line, column and remedy",
        epilog="exit status: 0 without faults (there may be warnings), 2 with faults",
    )
    command.add_argument("files", type=Path, nargs="+", metavar="FILE")
    against = command.add_mutually_exclusive_group()
    against.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="compare names with a charter (JSON), a co-op's description or a period's inputs",
    )
    against.add_argument("--coop", help="compare names with what this local co-op has registered")
    command.add_argument("--config", help="the configuration file, with --coop")
    command.set_defaults(run=run_check)


@dataclass(slots=True)
class _Checked:
    """One file: its rule set, if it is sound, what else could be read, and the faults found."""

    file: str
    found: Examined
    rules: RuleSet | None
    faults: list[Placed]
    warnings: list[Placed] = field(default_factory=list)

    def warn(self, pointer: str, code: str, message: str) -> None:
        """Note what is allowed, but seldom meant, at a place of the file."""
        fault = Fault(self.found.reading.where(pointer), code, message)
        self.warnings.append(place_fault(fault, self.file))

    def refuse(self, pointer: str, code: str, message: str, remedy: str = "") -> None:
        """Note a fault at a place of the rules, unless that place is at fault already."""
        place = self.found.place(pointer)
        if place is None:
            return
        fault = place_fault(
            Fault(self.found.reading.where(place), code, message, remedy), self.file
        )
        known = {(one.line, one.column, one.pointer) for one in self.faults}
        if self.rules is not None or (fault.line, fault.column, fault.pointer) not in known:
            self.faults.append(fault)


def run_check(options: argparse.Namespace) -> int:
    """Check the files, alone, one against the other, and against registers if asked."""
    known = _registers(options)
    checked = [_check(path) for path in options.files]
    good = [(one, one.rules) for one in checked if one.rules is not None]
    readable = [(one, one.found.rules) for one in checked if one.found.rules is not None]
    for clash in succession_problems([rules for _, rules in good]):
        good[clash.place][0].refuse(clash.pointer, clash.code, clash.message, clash.remedy)
    for one, rules in good:
        for code, (pointer, text) in pool_warnings(rules):
            one.warn(pointer, code, text)
    for one, rules in readable:
        for unknown in () if known is None else unknown_names(rules, known):
            one.refuse(unknown.pointer, "unknown-name", unknown.message)
        sharing = frozenset() if known is None else known.sharing
        for pointer, text in headcount_problems(rules, sharing or rules.members or ()):
            one.refuse(pointer, "meaning", text)
    count = sum(len(one.faults) for one in checked)
    document = {
        "files": [_document(one, known) for one in checked],
        "faults": count,
        "warnings": sum(len(one.warnings) for one in checked),
    }
    show("\n".join(_lines(checked, known, count)), document, as_json=options.json)
    return 2 if count else 0


def _check(path: Path) -> _Checked:
    data, file = read_file(path), str(path)
    try:
        found = examine(data)
    except MalformedRules as error:
        return _Checked(file, Examined(Reading()), None, place_faults(error.faults, file))
    faults = place_faults(found.reading.faults, file, _legal_japanese(found.rules))
    return _Checked(file, found, None if faults else found.rules, faults)


def _legal_japanese(rules: RuleSet | None) -> dict[str, str]:
    """The Japanese of the legal checks that fail, by what the fault says in English."""
    failing = () if rules is None else (one for one in legal_checks(rules) if not one.holds)
    return {
        spoken(one, rules.profile, one.en): spoken(one, rules.profile, one.ja)
        for one in failing
        if rules is not None
    }


def _registers(options: argparse.Namespace) -> Registers | None:
    if options.coop is not None:
        from ledger.cli.office import chosen  # noqa: PLC0415 - loads database and chain

        with chosen(options) as (_, coop):
            return registers_of(coop.state())
    if options.against is None:
        return None
    data = read_file(options.against, INPUTS_BYTES_MAX)
    try:
        return read_registers(_parsed(data))
    except KyojoError as error:
        raise InvalidInput(f"{options.against}: {error.message}", faults=error.faults) from error


def _parsed(data: bytes) -> Any:
    """A JSON document, which may be as large as inputs are, or a YAML one."""
    if data.lstrip().startswith(b"{"):
        return canonical.parse(data)
    reading = read_yaml(data)
    if reading.faults:
        refuse_all(reading, "registers")
    return reading.document


def _names(rules: RuleSet) -> dict[str, list[str]]:
    return names_by_register(names_used(rules))


def _document(one: _Checked, known: Registers | None) -> dict[str, Any]:
    faults = [fault.as_dict() for fault in sorted(one.faults, key=in_order)]
    if one.rules is None:
        return {"file": one.file, "faults": faults}
    return {
        "file": one.file,
        "ruleset": one.rules.name,
        "version": one.rules.version,
        "effective_from": one.rules.effective_from,
        "rule_hash": one.rules.rule_hash.hex(),
        "names": _names(one.rules),
        **_legal(one.rules),
        "compared": _compared(one.rules, known),
        "faults": faults,
        "warnings": [warning.as_dict() for warning in one.warnings],
    }


def _legal(rules: RuleSet) -> dict[str, Any]:
    """The legal profile and what was checked for it; nothing for ``generic``."""
    if rules.profile == "generic":
        return {}
    checks = [asdict(check) for check in legal_checks(rules)]
    return {"profile": {"name": rules.profile, "checks": checks, "note": DISCLAIMER[0]}}


def _compared(rules: RuleSet, known: Registers | None) -> list[str]:
    """The registers that were compared."""
    return [] if known is None else [name for name in _names(rules) if name in known.names]


def _lines(checked: Sequence[_Checked], known: Registers | None, count: int) -> Iterator[str]:
    for one in checked:
        if one.rules is not None:
            yield from _told(one.file, one.rules, known)
        for fault in sorted(one.faults, key=in_order):
            yield from fault.lines()
        for warning in one.warnings:
            yield from warning.lines("warning: ")
    files, warned = _counted(len(checked), "file"), sum(len(one.warnings) for one in checked)
    more = f", {_counted(warned, 'warning')}" if warned else ""
    yield f"{files}, {_counted(count, 'fault') if count else 'no faults'}{more}"


def _told(file: str, rules: RuleSet, known: Registers | None) -> Iterable[str]:
    yield f"{file}: {rules.name} version {rules.version}, in force from {rules.effective_from}"
    yield f"  rule_hash {rules.rule_hash.hex()}"
    compared = _compared(rules, known)
    for register, names in _names(rules).items():
        left_out = known is not None and register not in {*compared, *OWN_REGISTERS}
        state = "  (not compared)" if left_out else ""
        yield f"  {register + ':':<10}{', '.join(names)}{state}"
    yield from _told_legal(rules)


def _told_legal(rules: RuleSet) -> Iterator[str]:
    if rules.profile == "generic":
        return
    checks = legal_checks(rules)
    said = "these hold:" if checks else "no step of these rules calls for a check"
    yield f"  profile {rules.profile}; {said}"
    for check in checks:
        yield f"    {check.where}: {check.en} ({check.law})"
        yield f"      {check.ja}"
    if rules.needs_everybody:
        yield "    every member must approve it, whatever quorum the charter names"
    yield from (f"  {sentence}" for sentence in DISCLAIMER)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
