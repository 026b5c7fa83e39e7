"""What became of ordered payments: paid, or returned by the bank. Handler of this kind.

Reported by the office from the bank's file or the contract's state, and confirmed by somebody
else, as money facts are. A line that comes back is payable again and is ordered under a new id.
A bank may return what it first said it paid; a return that was reported in error may be taken
back as long as the money has not been ordered again. What was ordered through the vault cannot
come back: its claim stands on the chain and never falls. If it is not claimed in time, the quorum
of approvers may let it expire to a reserve, and the member is not paid: the line is ``expired``.

A report keeps what each line was when it was made. If that has changed when it is confirmed, it
fails: of two reports on a line the later one would else be undone by the earlier. An order of which
no bank has a file has no results; it is cancelled, by a report that all of it came back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final, Literal

from pydantic import Field

from ledger import canonical
from ledger.coop import bodies, payout_bodies, subjects
from ledger.coop.payouts import VAULT, order_of
from ledger.coop.proposals import propose
from ledger.coop.state import Dues, PayoutOrder, Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import Conflict, DuplicateId, MalformedEntry, NotFound, SumMismatch
from ledger.rules.models import FormatOne
from ledger.usage.totals import SALT_BYTES

PAID: Final = "paid"
RETURNED: Final = "returned"
EXPIRED: Final = "expired"
RESULTS_MAX: Final = 10_000


class LineResult(bodies.Body):
    """One line's outcome: when, the bank's reference, and why if it came back."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,35}$")]
    outcome: Literal["paid", "returned", "expired"]
    date: bodies.Date
    reference: bodies.ShortText
    reason: bodies.ShortText


class ResultsDocument(bodies.Body):
    """The rows of a report, as its blob has them after 32 bytes of salt (RFC 8785)."""

    kyojo_payout_results: FormatOne
    order: bodies.Hash
    results: Annotated[list[LineResult], Field(min_length=1, max_length=RESULTS_MAX)]

    def content(self) -> bytes:
        """The bytes after the salt."""
        return canonical.encode(self.model_dump(mode="json"))


def report_results(step: Step, body: payout_bodies.PayoutResulted) -> Change:
    """Report what became of lines of one order.

    A line may stand in it several times, each time with the other outcome: paid, then returned. The
    last one counts, and all are kept, so that the same bank file again is known whole.
    """
    state = step.state
    if step.right.approve is None:
        raise MalformedEntry("payout results need a second person; the charter names none")
    order = order_of(state, body.order)
    rows = read_results(step.blob(body.results, "the results"), body.order)
    outcomes: dict[str, str] = {}
    for row in rows:
        if outcomes.get(row.id) == row.outcome:
            raise DuplicateId(f"the line {row.id} stands twice in the report as {row.outcome}")
        outcomes[row.id] = row.outcome
    move(state, body.order, outcomes)  # raises if it could not be enacted now
    _check_the_bank_knows(order, outcomes)
    sums = dict.fromkeys((PAID, RETURNED, EXPIRED), 0)
    for id_, outcome in outcomes.items():
        sums[outcome] += order.lines[id_].amount_minor
    stated = (body.paid_minor, body.returned_minor, body.expired_minor)
    if stated != tuple(sums.values()):
        raise SumMismatch(
            f"the rows come to {sums[PAID]} paid, {sums[RETURNED]} returned and {sums[EXPIRED]} "
            f"expired, the entry says {stated[0]}, {stated[1]} and {stated[2]}"
        )
    words = subjects.money_of(state.terms(), order.currency)
    state = propose(
        step,
        state,
        step.right.approve,
        subject=subjects.of_payout_results(
            order.period,
            words(sums[PAID]),
            words(sums[RETURNED]),
            words(sums[EXPIRED]) if sums[EXPIRED] else None,
            len(outcomes),
        ),
        subject_hash=step.envelope.leaf,
        body={
            "order": body.order,
            "period": order.period,
            "outcomes": outcomes,
            "was": {id_: order.lines[id_].state for id_ in outcomes},
            "blob": body.results.sha256,
            "evidence_hash": body.evidence_hash,
        },
    )
    return Change(state, period=order.period, amount_minor=body.paid_minor, currency=order.currency)


def enact_results(step: Step, state: State, proposal: Proposal) -> State:
    """Somebody else confirmed: the lines are paid, or payable again.

    Raises Conflict if a line is no longer what it was when the report was made.
    """
    del step
    order_id = str(proposal.body["order"])
    lines = order_of(state, order_id).lines
    for id_, was in proposal.body["was"].items():
        if lines[id_].state != was:
            raise Conflict(
                f"the line {id_} was {was} when this was reported and is {lines[id_].state} now; "
                "withdraw the report and read the bank's file again"
            )
    return move(state, order_id, proposal.body["outcomes"])


def move(state: State, order_id: str, outcomes: Mapping[str, str]) -> State:
    """The state in which lines of an order are paid, returned or expired.

    Raises NotFound for a line that the order does not have, DuplicateId for one that is so
    already, Conflict for one that cannot become so.
    """
    order = order_of(state, order_id)
    lines = dict(order.lines)
    dues = dict(state.dues[order.currency])
    for id_, outcome in outcomes.items():
        line = lines.get(id_)
        if line is None:
            raise NotFound(f"the order {order_id} has no line {id_}")
        if line.state == outcome:
            raise DuplicateId(f"the line {id_} is {outcome} already")
        if outcome == RETURNED and order.method == VAULT:
            raise Conflict(f"the line {id_} is a claim in the vault; claims do not come back")
        if outcome == EXPIRED and order.method != VAULT:
            raise Conflict(f"the line {id_} is paid by {order.method}; only claims expire")
        dues[line.member] = _moved(dues[line.member], line.state, outcome, line.amount_minor, id_)
        lines[id_] = replace(line, state=outcome)
    return replace(
        state,
        dues={**state.dues, order.currency: dues},
        orders={**state.orders, order_id: replace(order, lines=lines)},
    )


def read_results(blob: bytes, order_id: str) -> list[LineResult]:
    """The rows of a report's blob; raises MalformedEntry unless it is the canonical form."""
    content = blob[SALT_BYTES:]
    document = canonical.parse_canonical(content, what="the results")
    if not isinstance(document, dict):
        raise MalformedEntry("the results are not a JSON object")
    found = bodies.parse_body(ResultsDocument, document)
    if found.order != order_id:
        raise MalformedEntry(f"the results are of the order {found.order}")
    return found.results


def _check_the_bank_knows(order: PayoutOrder, outcomes: Mapping[str, str]) -> None:
    """Raise Conflict for results of an order without a file, unless they cancel it whole.

    While the report waits no file can be made, so no bank pays what it brings back.
    """
    if order.method == VAULT or order.file is not None:
        return
    if PAID in outcomes.values() or len(outcomes) < len(order.lines):
        raise Conflict(
            "no bank has a file of this order: it has no results, and is only cancelled whole, "
            "every line returned"
        )


def _moved(before: Dues, was: str, becomes: str, amount_minor: int, id_: str) -> Dues:
    if (was, becomes) == (RETURNED, PAID) and before.rest < amount_minor:
        raise Conflict(f"the line {id_} was returned and has been ordered again since")
    changed = {was: getattr(before, was) - amount_minor}
    changed[becomes] = getattr(before, becomes) + amount_minor
    return replace(before, **changed)
