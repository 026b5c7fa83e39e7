"""A statement as a CSV table (RFC 4180), one row a line, for spreadsheets and bookkeeping.

Every row says by which rule set it was made and in which settlement, so that a row that is copied
out of the file can still be traced. Fractions are exact texts; ``amount_minor`` is in minor units
and ``amount`` the same in the currency's own form. The parts of a step have no amount of their own:
they are added before rounding. The row ``total`` is the net of the lines. Where more than that is
settled with the month, the rows after it say what, from ``payable/net`` to ``payable``, with the
correction or dispute among their sources. A row ``corrected`` says what a later correction changed
of the month, its id and the month with which it is posted; it is no part of this month's sum.

The file begins with a byte order mark, without which spreadsheet programs misread Japanese. Texts
that such a program would take for a formula (names of others may begin with ``=``) get an
apostrophe before them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from ledger.money import format_minor
from ledger.paper.payable_view import payable_view
from ledger.paper.speech import Language, Speech
from ledger.paper.statement_view import followed
from ledger.rules.number import format_digits, format_fraction
from ledger.settlement.shape import (
    LineShape,
    OwnStepShape,
    SettlementShape,
    SourceShape,
    StatementShape,
    parse_settlement,
    parse_statement,
)

BOM: Final = "\ufeff"
COLUMNS: Final = (
    *("origin", "period", "member", "step", "label", "part", "sources", "weight", "weight_total"),
    *("share", "exact_minor", "quotient", "remainder", "odd_unit", "amount_minor", "amount"),
    *("currency", "ruleset", "version", "rule_hash", "settlement_id"),
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def statement_csv(
    statement: Mapping[str, Any], settlement: Mapping[str, Any], language: Language
) -> str:
    """The table of a member statement (``ledger.coop.grounds``); ``language`` is of the labels.

    Raises MalformedDocument if either is not what it should be.
    """
    own, public = parse_statement(statement["statement"]), parse_settlement(settlement)
    out = io.StringIO()
    out.write(BOM)
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    common = _common(statement, own, public)
    for row in _rows(own, public, Speech(language)):
        writer.writerow(common | row)
    writer.writerow(common | {"step": "total"} | _amount(own.net_minor, public))
    for row in _payable_rows(statement, public, Speech(language, public.currency)):
        writer.writerow(common | row)
    for later in followed(Speech(language, public.currency), statement, public.period):
        words = {"step": "corrected", "label": f"{later.posted_in}: {later.id}"}
        writer.writerow(common | words | _amount(later.amount_minor, public))
    return out.getvalue()


def _common(
    statement: Mapping[str, Any], own: StatementShape, public: SettlementShape
) -> dict[str, str]:
    return {
        "origin": plain_text(str(statement["origin"])),
        "period": public.period,
        "member": plain_text(own.member),
        "currency": public.currency,
        "ruleset": plain_text(public.ruleset),
        "version": str(public.version),
        "rule_hash": public.rule_hash.hex(),
        "settlement_id": own.settlement_id.hex(),
    }


def _rows(own: StatementShape, public: SettlementShape, say: Speech) -> Iterator[dict[str, str]]:
    totals = _weight_totals(public)
    steps = {step.step: step for step in own.steps}
    for line in own.lines:
        mine = steps[line.step]
        row = {
            "step": line.step,
            "label": plain_text(say.name(_label(mine, line.part), line.part or line.step)),
            "part": line.part or "",
            "sources": plain_text(_sources(mine, line.part)),
            "weight": _fraction(line.weight),
            "weight_total": totals.get((line.step, line.part), ""),
            "share": _fraction(line.share),
            "exact_minor": _fraction(line.exact),
        }
        yield row | (_rounding(mine, line, public) if line.part is None else {})


def _payable_rows(
    statement: Mapping[str, Any], public: SettlementShape, say: Speech
) -> Iterator[dict[str, str]]:
    part = payable_view(say, statement.get("payable"))
    if part is None:
        return
    for row in part.rows:
        words = {
            "step": f"payable/{row.kind}",
            "label": row.label,
            "sources": plain_text(row.source),
        }
        yield words | _amount(row.amount_minor, public)
    source = f"state {part.state_hash} at {part.size} entries"
    words = {"step": "payable", "label": part.label, "sources": source}
    yield words | _amount(part.total_minor, public)


def _rounding(mine: OwnStepShape, line: LineShape, public: SettlementShape) -> dict[str, str]:
    rounding = {
        "quotient": str(mine.quotient),
        "remainder": format_digits(mine.remainder),
        "odd_unit": str(mine.extra),
    }
    amount = line.amount_minor or 0
    unit = next(step.unit for step in public.steps if step.step == line.step)
    if unit is not None:
        return rounding | {"amount_minor": str(amount), "amount": f"{amount} {unit}"}
    return rounding | _amount(amount, public)


def _amount(amount_minor: int, public: SettlementShape) -> dict[str, str]:
    amount = format_minor(amount_minor, digits=public.minor_digits)
    return {"amount_minor": str(amount_minor), "amount": amount}


def _weight_totals(public: SettlementShape) -> dict[tuple[str, str | None], str]:
    """The sum of all weights, per step and part; a step with parts has none of its own."""
    found: dict[tuple[str, str | None], str] = {}
    for step in public.steps:
        if step.division is None:
            continue
        for part in step.division.parts:
            found[step.step, part.part] = _fraction(part.weight_total)
        if not step.division.parts:
            basis = step.division.basis
            whole = step.division.weight_total if basis is None else basis.weight_total
            found[step.step, None] = _fraction(whole)
    return found


def _label(mine: OwnStepShape, part: str | None) -> Mapping[str, str]:
    parts = {one.part: one.label for one in mine.parts}
    return mine.label if part is None else parts.get(part, {})


def _sources(mine: OwnStepShape, part: str | None) -> str:
    sources: tuple[SourceShape, ...] = mine.sources
    if part is not None:
        sources = next((one.sources for one in mine.parts if one.part == part), ())
    return "; ".join(f"{source.where} = {_fraction(source.value)}" for source in sources)


def _fraction(value: Fraction) -> str:
    return format_fraction(value.numerator, value.denominator)


def plain_text(text: str) -> str:
    """A text that no spreadsheet program takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
