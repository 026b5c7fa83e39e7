"""Figures that nobody meters: matrices, payments, games and votes. Handler of this kind.

Reported by one and confirmed by others, like revenue; what nobody confirmed does not enter a
settlement. They are large, and lie beside the log as a blob: 32 bytes of salt (votes and matrices
could be guessed), then the RFC 8785 form of what stands under their name in the inputs of a run
(RULES.md section 7). They are read before anybody may vote on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ledger import canonical
from ledger.coop import bodies, subjects
from ledger.coop.facts import check_uncut, refuse_pending
from ledger.coop.proposals import put_to_vote
from ledger.coop.replaced import check_free, check_report, drop_outdated
from ledger.coop.state import SUSPENSE, Period, Proposal, State
from ledger.coop.step import Change, Evidence, Step
from ledger.errors import MalformedEntry, OutOfRange
from ledger.period import next_month
from ledger.rules.inputs import parse_inputs
from ledger.rules.number import parse_integer_json
from ledger.usage.totals import CHARGE, SALT_BYTES

TOTALS: Final = "totals"
PAYMENTS: Final = "payments"
"""The one section that has no names in it: a payer's figure each."""


def report_figures(step: Step, body: bodies.FiguresReported) -> Change:
    """Report figures of a period that has not been cut off; they must be readable."""
    row = _check(step.state, body).figures.get(_place(body))
    check_report(step, body, None if row is None else {"figures": row}, _the_figures(body))
    content = step.blob(body.figures, "the figures")[SALT_BYTES:]
    _check_content(step.state, body, content)
    refuse_pending(step, body)
    return Change(put_to_vote(step, subjects.of_figures(body), body), period=body.period)


def enact_figures(step: Step, state: State, proposal: Proposal) -> State:
    """The figures enter the period's settlement, perhaps in the place of others."""
    del step
    body = bodies.parse_body(bodies.FiguresReported, dict(proposal.body))
    period, place = _check(state, body), _place(body)
    check_free(body, _the_figures(body), confirmed=place in period.figures)
    state = drop_outdated(state, proposal)
    row = body.figures.model_dump()
    return state.with_period(replace(period, figures={**period.figures, place: row}))


def reported_sections(facts: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """The sections of a run's inputs that a period's cut-off holds confirmed figures for.

    ``facts`` are those of the cut-off. Counts come back under ``totals``, to be put beside what was
    metered. Raises NotFound for a blob that is not there.
    """
    found: dict[str, Any] = {}
    for place, reference in sorted(facts.get("figures", {}).items()):
        section, _, name = place.partition("/")
        content = canonical.parse(evidence.blob(reference["sha256"])[SALT_BYTES:])
        if section == PAYMENTS:
            found[PAYMENTS] = content
        else:
            found.setdefault(section, {})[name] = content
    return found


def _check(state: State, body: bodies.FiguresReported) -> Period:
    period = check_uncut(state, body.period)
    # A charge is money; figures are voted on by their hash, and nobody would see the amount.
    is_metered = body.id in state.scope().metrics or body.id.startswith(CHARGE)
    if body.section == TOTALS and is_metered:
        raise MalformedEntry(f"{body.id!r} is metered; what is metered is never also reported")
    return period


def _the_figures(body: bodies.FiguresReported) -> str:
    return f"the figure {_place(body)} of {body.period}"


def _place(body: bodies.FiguresReported) -> str:
    return PAYMENTS if body.section == PAYMENTS else f"{body.section}/{body.id}"


def _check_content(state: State, body: bodies.FiguresReported, content: bytes) -> None:
    """Refuse what no run could read, at the place in the figures that is wrong."""
    value = canonical.parse(content, what="the figures")
    if canonical.encode(value) != content:
        raise MalformedEntry("the figures are not in their RFC 8785 form")
    document = {
        "kyojo_inputs": 1,
        "period": {"start": f"{body.period}-01", "end": f"{next_month(body.period)}-01"},
        "members": [*sorted(state.members), SUSPENSE],
        body.section: value if body.section == PAYMENTS else {body.id: value},
    }
    parse_inputs(document)
    for account, count in value.items() if body.section == TOTALS else ():
        try:
            parse_integer_json(count)
        except OutOfRange as error:
            text = f"{body.id} of {account} is {count}: a total is a whole number, as 5 and not '5'"
            raise MalformedEntry(text) from error
