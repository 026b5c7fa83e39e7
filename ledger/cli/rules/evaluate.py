"""``kyojo rules eval``: a rule set on the figures of a period (RULES.md section 7).

Pure: two files in, one result out. Exit code 0, 2 for malformed input, 3 where the rules have no
answer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from ledger.cli.output import show
from ledger.cli.rules.files import (
    INPUTS_BYTES_MAX,
    Case,
    add_case,
    in_file,
    read_case,
    read_file,
)
from ledger.cli.rules.places import place_faults
from ledger.cli.rules.tables import amounts, columns, money
from ledger.errors import InvalidInput, MalformedDocument, MalformedRules
from ledger.period import next_month
from ledger.rules.inputs import Inputs
from ledger.settlement.correction import (
    Correction,
    Origin,
    Style,
    account_totals,
    correct,
    parse_previous,
    require_own_rules,
)
from ledger.settlement.result import result_document
from ledger.settlement.run import run

Commands = Any


def add_verb(verbs: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``eval`` to the parser."""
    command = verbs.add_parser(
        "eval",
        parents=[shared],
        help="divide a period's money by a rule set, from two files",
        epilog="exit status: 0 done, 2 malformed input, 3 the rules have no answer",
    )
    add_case(command)
    command.add_argument(
        "--previous",
        type=Path,
        metavar="RESULT",
        help="an earlier result (JSON) of the same rules: adds the corrections that lead from it",
    )
    command.add_argument(
        "--style",
        choices=get_args(Style),
        help="how corrections are written: the difference (default), or negated and restated",
    )
    command.set_defaults(run=run_eval)


def run_eval(options: argparse.Namespace) -> int:
    """Evaluate and print the result."""
    if options.style is not None and options.previous is None:
        raise InvalidInput("--style is for corrections; name the earlier result by --previous")
    case = read_case(options)
    document = evaluate(case, options.inputs)
    rows = () if options.previous is None else _corrections(case, document, options)
    if options.previous is not None:
        document["corrections"] = [row.as_dict() for row in rows]
    text = "\n".join(_lines(case, document, rows if options.previous is not None else None))
    show(text, document, as_json=options.json)
    return 0


def evaluate(case: Case, inputs_path: Path) -> dict[str, Any]:
    """The result document; faults that only a run can find name the inputs' file."""
    try:
        return result_document(run(case.rules, case.inputs))
    except MalformedRules as error:
        raise in_file(error.faults, inputs_path) from error


def period_name(inputs: Inputs) -> str:
    """``2026-10`` for a calendar month, otherwise the interval ``start/end``."""
    month = inputs.start[:7]
    is_month = (inputs.start, inputs.end) == (f"{month}-01", f"{next_month(month)}-01")
    return month if is_month else f"{inputs.start}/{inputs.end}"


def _corrections(
    case: Case, document: Mapping[str, Any], options: argparse.Namespace
) -> tuple[Correction, ...]:
    data = read_file(options.previous, INPUTS_BYTES_MAX)
    try:
        previous = parse_previous(data)
    except MalformedDocument as error:
        faults = place_faults(error.faults, str(options.previous))
        text = f"{options.previous}: {error.message}"
        raise MalformedDocument(text, faults=tuple(one.as_fault() for one in faults)) from error
    require_own_rules(previous, case.rules)
    origin = Origin(period_name(case.inputs), previous.id.hex())
    new = account_totals(document["totals"])
    return correct(previous.accounts, new, origin, options.style or "delta")


def _lines(
    case: Case, document: Mapping[str, Any], corrections: tuple[Correction, ...] | None
) -> Iterator[str]:
    digits = case.rules.minor_digits
    yield (
        f"{document['ruleset']} version {document['version']}, {period_name(case.inputs)}, "
        f"amounts in {document['currency']}"
    )
    for step in document["steps"]:
        yield ""
        taken, held = money(int(step["taken"]), digits), money(int(step["available"]), digits)
        left = money(int(step["left"]), digits)
        yield (
            f"{step['step']} ({step['kind']}): took {taken} of {held} in {step['source']}, "
            f"left {left}"
        )
        own = [line for line in document["lines"] if line["step"] == step["step"]]
        yield from amounts(
            ((row["member"], int(row["amount_minor"])) for row in own if row["part"] is None),
            digits,
        )
        yield from (f"  note: {note}" for note in step["notes"])
    yield ""
    yield from _totals(document["totals"], digits)
    if corrections is not None:
        yield ""
        yield from _corrected(corrections, digits)


def _totals(totals: Mapping[str, Any], digits: int) -> Iterator[str]:
    yield "in all"
    rows = list(account_totals(totals).items())
    rows += [(f"left in {name}", int(amount)) for name, amount in totals["pools_left"].items()]
    rows += [(f"carried by {name}", int(amount)) for name, amount in totals["carry"].items()]
    yield from amounts(rows, digits)
    came, went = money(int(totals["in"]), digits), money(int(totals["out"]), digits)
    yield f"in {came} = out {went}"


def _corrected(corrections: tuple[Correction, ...], digits: int) -> Iterator[str]:
    if not corrections:
        yield "no corrections: every total is as before"
        return
    yield f"corrections of {corrections[0].origin.correction_of}"
    rows = [(row.member, row.role, money(row.amount_minor, digits, signed=True))
            for row in corrections]  # fmt: skip
    yield from columns(rows, "<<>", "  ")
