"""``kyojo rules diff``: closed months under two rule sets, and who gains and who loses."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from ledger.cli.output import show
from ledger.cli.rules.files import read_inputs, read_rules, refusal, write_text
from ledger.cli.rules.picture import Heading, svg, text_bar
from ledger.cli.rules.tables import columns, money
from ledger.errors import Fault, InvalidInput, MalformedRules
from ledger.period import MONTH, next_month
from ledger.rules.document import RuleSet
from ledger.rules.inputs import Inputs
from ledger.rules.number import format_fraction
from ledger.settlement.comparison import (
    MONTHS_MAX,
    Change,
    Comparison,
    compare_rules,
    comparison_document,
)

Commands = Any

_OVER = re.compile(rf"({MONTH.pattern})(?:\.\.({MONTH.pattern}))?")


def add_verb(verbs: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``diff`` to the parser."""
    command = verbs.add_parser(
        "diff",
        parents=[shared],
        help="run closed months under two rule sets and compare; posts nothing",
        epilog="exit status: 0 done, 2 malformed input, 3 one of the rule sets has no answer",
    )
    command.add_argument("old", type=Path, metavar="OLD", help="the rule set in force")
    command.add_argument("new", type=Path, metavar="NEW", help="the one to compare with it")
    command.add_argument(
        "--over",
        type=_months,
        required=True,
        metavar="YYYY-MM..YYYY-MM",
        help="the months, both included; one alone may be named too",
    )
    command.add_argument(
        "--inputs",
        type=Path,
        metavar="FOLDER",
        help="inputs as files YYYY-MM.json; without it, the closed months of a local co-op",
    )
    command.add_argument("--coop", help="the co-op's short name; its months beside the files")
    command.add_argument("--config", help="the configuration file of the local co-op")
    command.add_argument("--picture", type=Path, metavar="FILE.svg", help="also draw it")
    command.set_defaults(run=run_diff)


def run_diff(options: argparse.Namespace) -> int:
    """Compare and print; draw a picture if asked."""
    old, new = read_rules(options.old), read_rules(options.new)
    found = compare_rules(old, new, _inputs(options))
    left_out = [month for month in options.over if month not in found.months]
    document = {**comparison_document(found), "left_out": left_out}
    if options.picture is not None:
        write_text(options.picture, svg(found.members, _heading(found)))
    show("\n".join(_lines(found, left_out)), document, as_json=options.json)
    return 0


def _months(text: str) -> list[str]:
    match = _OVER.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError("write months such as 2026-01..2026-10")
    month, last = match[1], match[3] or match[1]
    if last < month:
        raise argparse.ArgumentTypeError(f"{last} lies before {month}")
    found = [month]
    while found[-1] < last:
        found.append(next_month(found[-1]))
        if len(found) > MONTHS_MAX:
            raise argparse.ArgumentTypeError(f"more than {MONTHS_MAX} months")
    return found


def _inputs(options: argparse.Namespace) -> dict[str, Inputs]:
    """The months' inputs: the co-op's, and the files, which go before them."""
    found: dict[str, Inputs] = {}
    if options.inputs is None or options.coop is not None or options.config is not None:
        from ledger.cli.office import chosen  # noqa: PLC0415 - loads database and chain
        from ledger.service.rule_periods import closed_inputs  # noqa: PLC0415

        with chosen(options) as (_, coop):
            found |= closed_inputs(coop, options.over)
    if options.inputs is not None:
        found |= _files(options.inputs, options.over)
    if not found:
        where = options.inputs or "this co-op"
        span = f"{options.over[0]} to {options.over[-1]}"
        raise InvalidInput(f"{where} has no closed month from {span}; files are named YYYY-MM.json")
    return {month: found[month] for month in options.over if month in found}


def _files(folder: Path, months: Sequence[str]) -> dict[str, Inputs]:
    found: dict[str, Inputs] = {}
    faults: list[Fault] = []
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder with files such as 2026-10.json")
    for month in months:
        path = folder / f"{month}.json"
        if not path.exists():
            continue
        try:
            found[month] = read_inputs(path)
        except MalformedRules as error:
            faults += error.faults
            continue
        start = found[month].start
        if not start.startswith(month):
            text = f"the file is named {month}, but its period starts on {start}"
            faults.append(Fault(f"{path} /period/start", "period", text))
    if faults:
        raise refusal(faults)
    return found


def _heading(found: Comparison) -> Heading:
    old, new = found.old, found.new
    below = f"{_name(old)} → {_name(new)}, {_span(found.months)}"
    return Heading("What each member gains or loses", below, old.currency, old.minor_digits)


def _name(rules: RuleSet) -> str:
    return f"{rules.name} version {rules.version}"


def _span(months: Sequence[str]) -> str:
    return months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"


def _lines(found: Comparison, left_out: Sequence[str]) -> Iterator[str]:
    digits = found.old.minor_digits
    count = len(found.months)
    yield f"old  {_name(found.old)}  {found.old.rule_hash.hex()}"
    yield f"new  {_name(found.new)}  {found.new.rule_hash.hex()}"
    yield (
        f"over {_span(found.months)}: {count} month{'' if count == 1 else 's'}, "
        f"amounts in {found.old.currency}; nothing is posted"
    )
    if left_out:
        yield f"left out, because not closed or without a file: {', '.join(left_out)}"
    yield ""
    yield from _table("in all", found.members, digits)
    others = [
        *(one for table in ("funds", "projects") for one in found.accounts[table]),
        *(Change(f"left in {one.name}", one.old, one.new) for one in found.left),
        *(Change(f"carried by {one.name}", one.old, one.new) for one in found.carry),
    ]
    if others:
        yield ""
        yield from _table("besides", others, digits)
    for step, changes in found.steps.items():
        moved = [one for one in changes if one.old or one.new]
        yield ""
        yield from _table(f"step {step}", moved, digits)
    yield ""
    yield from _evenness(found)


def _table(title: str, changes: Sequence[Change], digits: int) -> Iterator[str]:
    largest = max((abs(one.delta) for one in changes), default=0)
    rows = [(title, "old", "new", "delta", "")]
    rows += [
        (
            one.name,
            money(one.old, digits),
            money(one.new, digits),
            money(one.delta, digits, signed=True),
            text_bar(one.delta, largest),
        )
        for one in changes
    ]
    yield from columns(rows, "<>>><")


def _evenness(found: Comparison) -> Iterator[str]:
    old, new = found.evenness
    yield f"among the {found.counted} members who get something under either"
    rows = [("", "old", "new")]
    rows += [
        ("min share", _shown(old.min_share), _shown(new.min_share)),
        ("Gini", _shown(old.gini), _shown(new.gini)),
    ]
    yield from columns(rows, "<<<", "  ")


def _shown(value: Fraction | None) -> str:
    """The exact fraction, and for the eye its size in tenths of a percent, rounded down."""
    if value is None:
        return "not defined"
    thousandths = abs(value) * 1000 // 1
    sign = "-" if value < 0 else ""
    about = f"{sign}{thousandths // 10}.{thousandths % 10} %"
    return f"{format_fraction(value.numerator, value.denominator)} ({about})"
