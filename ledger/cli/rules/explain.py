"""``kyojo rules explain``: one member's amounts, sentence by sentence, back to the inputs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.cli.output import show
from ledger.cli.rules.files import Case, add_case, in_file, read_case
from ledger.cli.rules.tables import money
from ledger.errors import MalformedRules
from ledger.settlement.explain_run import explain_run

Commands = Any


def add_verb(verbs: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``explain`` to the parser."""
    command = verbs.add_parser(
        "explain",
        parents=[shared],
        help="trace one member's amount back to its inputs, in English or Japanese",
    )
    add_case(command)
    command.add_argument("--member", required=True, help="a member's id, or a fund (fund.NAME)")
    command.add_argument("--step", metavar="ID", help="one step only (default: all)")
    command.add_argument("--lang", "--language", dest="language", choices=("en", "ja"),
                         default="en")  # fmt: skip
    command.set_defaults(run=run_explain)


def run_explain(options: argparse.Namespace) -> int:
    """Explain and print."""
    case = read_case(options)
    try:
        steps = explain_run(case.rules, case.inputs, options.member, options.step)
    except MalformedRules as error:
        raise in_file(error.faults, options.inputs) from error
    document = {
        "kyojo_explanation": 1,
        "member": options.member,
        "rule_hash": case.rules.rule_hash.hex(),
        "currency": case.rules.currency,
        "minor_digits": case.rules.minor_digits,
        "steps": steps,
    }
    text = "\n".join(_lines(case, options, steps))
    show(text, document, as_json=options.json)
    return 0


def _lines(
    case: Case, options: argparse.Namespace, steps: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    digits, currency = case.rules.minor_digits, case.rules.currency
    yield f"inputs: {options.inputs}   rules: {options.rules}"
    for step in steps:
        label = step["label"].get(options.language)
        name = f"{step['step']} ({label})" if label else step["step"]
        yield ""
        yield f"{options.member}, {name}: {money(int(step['amount_minor']), digits)} {currency}"
        yield from (f"  {sentence[options.language]}" for sentence in step["text"])
    if len(steps) > 1:
        total = sum(int(step["amount_minor"]) for step in steps)
        word = "合計" if options.language == "ja" else "in all"
        yield ""
        yield f"{options.member}, {word}: {money(total, digits)} {currency}"
