"""FOCUS: settled months as a table of costs, for the office.

Every settlement is run again from the inputs that its entry names, and the rows must come to what
the settlement and the corrections give each member; otherwise nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger import canonical
from ledger.coop.postings import currency_of
from ledger.coop.state import Period, State
from ledger.errors import NotFound
from ledger.payout.books.focus import (
    Charge,
    Invoice,
    Issuer,
    charges_of,
    check_sums,
    focus_table,
)
from ledger.payout.books.focus import Span as Month
from ledger.rules.inputs import SUSPENSE
from ledger.rules.number import parse_integer_json
from ledger.service.books import Exported, Span
from ledger.service.coop import Coop
from ledger.service.correct import Corrected, find_corrections
from ledger.service.read import find_proposed
from ledger.service.statements import recompute
from ledger.store.reading import LogReader
from ledger.usage.totals import SALT_BYTES

FOCUS: Final = "focus"
REPAID: Final = "repaid"


def export_focus(coop: Coop, span: Span) -> Exported:
    """The settlements of a month, of all months through one, or of all; raises NotFound if none."""
    with coop.reading() as (state, log):
        corrections = list(find_corrections(state, log))
        periods = [one for one in _settled(state) if _is_in(one.id, span)]
        if not periods:
            raise NotFound("no settled month is in what was asked for; `kyojo status` lists them")
        invoices = [
            invoice for period in periods for invoice in _invoices(state, log, period, corrections)
        ]
        terms = state.terms()
        names = {one.id: one.name["en"] for one in state.members.values()}
        issuer = Issuer(terms.origin, terms.name.en, names)
    rows = sum(len(invoice.charges) for invoice in invoices)
    return Exported(focus_table(issuer, invoices), rows, len(periods))


def _settled(state: State) -> list[Period]:
    found = [one for one in state.periods.values() if one.status == "settled"]
    return sorted(found, key=lambda one: one.start)


def _is_in(month: str, span: Span) -> bool:
    if span.period is not None:
        return month == span.period
    return span.through is None or month <= span.through


def _invoices(
    state: State, log: LogReader, period: Period, corrections: list[Corrected]
) -> Iterator[Invoice]:
    """A month with what is posted with it; a correction in another currency stands by itself."""
    computed, _ = recompute(state, log, find_proposed(log, period))
    result = computed.settlement.result
    lines = list(charges_of(result, _month(period)))
    check_sums(lines, result.nets, f"the settlement of {period.id}")
    others: list[Invoice] = []
    for one in corrections:
        if one.id not in period.posted:
            continue
        rows = list(_checked(state, log, period, one))
        currency = currency_of(state, period, one.id)
        if currency == result.currency:
            lines += rows
            continue
        others.append(
            Invoice(
                id=one.id,
                ruleset=str(one.document["periods"][-1]["ruleset"]),
                currency=currency,
                digits=state.terms().digits(currency),
                billed_in=_month(period),
                charges=tuple(rows),
            )
        )
    yield Invoice(
        id=str(period.settlement),
        ruleset=result.ruleset,
        currency=result.currency,
        digits=result.minor_digits,
        billed_in=_month(period),
        charges=tuple(lines),
    )
    yield from others


def _checked(state: State, log: LogReader, period: Period, one: Corrected) -> Iterator[Charge]:
    """The rows of a correction, which come to what it posted."""
    rows = list(_corrected(state, log, period, one))
    nobody = {row.member for row in rows if row.member == SUSPENSE}
    check_sums(
        [row for row in rows if row.member not in nobody],
        period.posted[one.id],
        f"what the correction {one.id} posted",
    )
    yield from rows


def _corrected(state: State, log: LogReader, period: Period, one: Corrected) -> Iterator[Charge]:
    """The rows of a correction, and the differences of what charged costs repay, which it has not.

    Those are of all its months together, and stand with the newest.
    """
    content = canonical.parse(log.blob(one.body["rows"]["sha256"])[SALT_BYTES:])
    rest = dict(period.posted[one.id])
    of = _month(period)
    for row in content["rows"]:
        member, amount = row["member"], parse_integer_json(row["amount_minor"])
        of = _month(state.period(row["period"]))
        rest[member] = rest.get(member, 0) - amount
        text = f"{of.month} correction ({row['role']}) of {member}, posted in {period.id}"
        yield Charge(member, row["role"], "Adjustment", amount, of, text, row["correction_of"])
    for member, amount in sorted(rest.items()):
        if amount and member != SUSPENSE:
            text = f"{of.month} correction of what {member} is repaid, posted in {period.id}"
            yield Charge(member, REPAID, "Adjustment", amount, of, text, one.id)


def _month(period: Period) -> Month:
    return Month(period.id, period.start, period.end)
