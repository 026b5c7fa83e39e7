"""``kyojo rules test``: run specs, name every case, and show what came out differently."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.cli.output import show
from ledger.cli.rules.files import INPUTS_BYTES_MAX, read_file
from ledger.cli.rules.places import Placed, place_faults
from ledger.errors import InvalidInput, MalformedRules
from ledger.settlement.spec import CaseOutcome, parse_spec, run_spec

Commands = Any

PATTERN = "*.spec.yaml"


def add_verb(verbs: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``test`` to the parser."""
    command = verbs.add_parser(
        "test",
        parents=[shared],
        help=f"run specs ({PATTERN}): figures in, expected amounts out",
        epilog="exit status: 0 all as expected, 1 a case came out differently, 2 a spec is "
        "malformed",
    )
    command.add_argument(
        "paths",
        type=Path,
        nargs="*",
        metavar="PATH",
        help="spec files, or folders with specs at any depth (default: this folder)",
    )
    command.set_defaults(run=run_test)


@dataclass(frozen=True, slots=True)
class _Ran:
    """One spec file: how its cases went, or why it cannot be read."""

    file: str
    cases: tuple[CaseOutcome, ...] = ()
    faults: tuple[Placed, ...] = ()


def run_test(options: argparse.Namespace) -> int:
    """Run the specs and print how each case went."""
    ran = [_run(path) for path in _spec_files(options.paths or [Path()])]
    cases = [case for one in ran for case in one.cases]
    failed = sum(1 for case in cases if case.differences)
    unreadable = sum(1 for one in ran if one.faults)
    document = {
        "files": [_document(one) for one in ran],
        "cases": len(cases),
        "failed": failed,
        "malformed": unreadable,
    }
    text = f"{len(cases)} case{'' if len(cases) == 1 else 's'}, {failed} failed"
    text += f", {unreadable} malformed spec{'' if unreadable == 1 else 's'}" if unreadable else ""
    show("\n".join([*_lines(ran), text]), document, as_json=options.json)
    return 2 if unreadable else int(failed > 0)


def _spec_files(paths: Sequence[Path]) -> list[Path]:
    """The files, and those in folders in the order of their names; raises where there is none."""
    found: dict[Path, None] = {}
    for path in paths:
        listed = sorted(path.rglob(PATTERN)) if path.is_dir() else [path]
        if not listed:
            raise InvalidInput(f"no {PATTERN} in {path}; a run without a case shows nothing")
        found |= dict.fromkeys(listed)
    return list(found)


def _run(path: Path) -> _Ran:
    data, file = read_file(path), str(path)
    try:
        spec = parse_spec(data)
    except MalformedRules as error:
        return _Ran(file, faults=tuple(place_faults(error.faults, file)))

    def load(name: str) -> bytes:
        return read_file(path.parent / name, INPUTS_BYTES_MAX)

    return _Ran(file, tuple(run_spec(spec, load)))


def _document(one: _Ran) -> dict[str, Any]:
    return {
        "file": one.file,
        "cases": [
            {
                "name": case.name,
                "source": case.source,
                "ok": not case.differences,
                "differences": [
                    {"at": row.at, "expected": row.expected, "found": row.found}
                    for row in case.differences
                ],
            }
            for case in one.cases
        ],
        "faults": [fault.as_dict() for fault in one.faults],
    }


def _lines(ran: Sequence[_Ran]) -> Iterator[str]:
    for one in ran:
        yield one.file
        for fault in one.faults:
            yield from (f"  {line}" for line in fault.lines())
        for case in one.cases:
            source = f"  ({case.source})" if case.source else ""
            yield f"  {'FAIL' if case.differences else 'ok  '}  {case.name}{source}"
            for row in case.differences:
                yield f"          {row.at}"
                yield f"            expected  {row.expected}"
                yield f"            found     {row.found}"
