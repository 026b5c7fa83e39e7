"""Result: what a bank or a contract says of ordered payments, as an entry that another confirms.

The same file again changes nothing: what is paid or returned already, or waits in a report, is
known; what was withdrawn or rejected is not. Rows that a person should look at are told
(``ledger.payout.results``), and what the ledger would not take now is told and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from ledger.coop.ages import lines_by_member
from ledger.coop.dues import RESULT
from ledger.coop.envelope import parse_envelope
from ledger.coop.payout_results import (
    EXPIRED,
    PAID,
    RETURNED,
    LineResult,
    ResultsDocument,
    move,
    read_results,
)
from ledger.coop.payouts import VAULT, Expired, order_of, settled_lines
from ledger.coop.state import PayoutOrder, State
from ledger.errors import Conflict
from ledger.payout.bank_csv import ColumnMap, parse_bank_csv
from ledger.payout.camt053 import parse_camt053
from ledger.payout.results import (
    BankFile,
    Booking,
    Change,
    Finding,
    Known,
    Reconciliation,
    reconcile,
)
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, write
from ledger.service.payout_export import find_order
from ledger.service.read import search_all
from ledger.store.reading import Filter, LogReader
from ledger.store.sequencer import Receipt
from ledger.usage.totals import SALT_BYTES

DECISION = "decision"
WITHDRAWN = "proposal-withdrawn"
REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class Imported:
    """What a bank's file came to: the report on its rows, and the entries that say so."""

    report: Mapping[str, Any]
    receipts: tuple[Receipt, ...]


def parse_bank_file(data: bytes, digits: Mapping[str, int], columns: ColumnMap | None) -> BankFile:
    """A camt.053 statement, or a CSV table where a map of its columns is given."""
    return parse_camt053(data, digits) if columns is None else parse_bank_csv(data, columns)


def import_results(coop: Coop, data: bytes, columns: ColumnMap | None = None) -> Imported:
    """Read a bank's file and report what it says, an entry for each order; maybe none."""
    with coop.reading() as (state, log):
        digits = {terms.code: terms.digits for terms in state.terms().currencies}
        file = parse_bank_file(data, digits, columns)
        known = list(_known(state, log))
    found = reconcile(file.rows, known)
    outcomes = _take_what_may_be_reported(state, found)
    receipts = tuple(
        _report(coop, order_id, rows, sha256(data).hexdigest())
        for order_id, rows in outcomes.items()
    )
    return Imported(found.report(file), receipts)


def report_rejected(
    coop: Coop, order_id: str, *, day: date, reason: str, evidence: bytes
) -> Receipt:
    """Report that a bank did not take an order: all that is still on its way came back."""
    state = coop.state()
    id_ = find_order(state, order_id)
    order = order_of(state, id_)
    if order.method == VAULT:
        raise Conflict("claims in the vault do not come back")
    known = waiting_outcomes(state)
    rows = [
        LineResult(id=line, outcome=RETURNED, date=day.isoformat(), reference="", reason=reason)
        for line, one in lines_by_member(order)
        if one.state == "ordered" and line not in known
    ]
    if not rows:
        raise Conflict(f"nothing of the order {id_} is on its way")
    return _report(coop, id_, rows, sha256(evidence).hexdigest())


def report_claims(  # noqa: PLR0913 - orders, the contract's two answers, and what shows them
    coop: Coop,
    orders: Mapping[str, PayoutOrder],
    claimed: Mapping[str, int],
    expired: Mapping[str, Sequence[Expired]],
    *,
    references: Mapping[str, str] | None = None,
    day: date,
    evidence: bytes,
) -> tuple[Receipt, ...]:
    """Report what a vault has paid out, or let expire, by account, cumulative, in minor units.

    ``references`` has what a row refers to, by line, and leaves out lines that are not in it; with
    None every row says no more than ``vault``.
    ``orders`` are those of the vault; ``claimed`` holds what expired too. ``evidence`` shows the
    contract's state at a final block. Oldest lines first; a line counts when it is settled whole.
    """
    with coop.reading() as (state, log):
        known = waiting_outcomes(state)
        # Each came into the tree when it was approved, perhaps after one that was proposed later.
        approved = by_approval(log, orders)
    found: dict[str, list[LineResult]] = {}
    for one in settled_lines(approved, claimed, expired):
        if one.line in known:
            continue
        row = LineResult(
            id=one.line,
            outcome=PAID if one.reserve is None else EXPIRED,
            date=day.isoformat(),
            reference="vault" if references is None else references.get(one.line, ""),
            reason="" if one.reserve is None else f"not claimed in time; paid to {one.reserve}",
        )
        if references is None or one.line in references:
            found.setdefault(one.order, []).append(row)
    proof = sha256(evidence).hexdigest()
    return tuple(_report(coop, order_id, rows, proof) for order_id, rows in found.items())


def waiting_outcomes(state: State) -> dict[str, str]:
    """What reports that nobody has confirmed yet say, by line."""
    return {
        line: outcome
        for proposal in state.proposals.values()
        if proposal.kind == RESULT
        for line, outcome in proposal.body["outcomes"].items()
    }


def by_approval(log: LogReader, orders: Mapping[str, PayoutOrder]) -> dict[str, PayoutOrder]:
    """Approved orders in the order of their last votes: so they came into a vault's tree."""
    votes = _last_votes(log)
    return dict(sorted(orders.items(), key=lambda one: votes[one[0]].index))


def _known(state: State, log: LogReader) -> Iterator[Known]:
    """The payments ordered from banks, with what is known of them or waits to be confirmed."""
    reported = reported_rows(state, log)
    for order in state.orders.values():
        if order.method == VAULT:
            continue
        for id_, line in order.lines.items():
            bookings = tuple(
                Booking(row.outcome, date.fromisoformat(row.date), row.reference)
                for row in reported.get(id_, [])
                if row.outcome != EXPIRED
            )
            yield Known(id_, order.currency, line.amount_minor, bookings)


def reported_rows(state: State, log: LogReader) -> dict[str, list[LineResult]]:
    """The rows of reports that took effect or still wait, by line."""
    found: dict[str, list[LineResult]] = {}
    approved = _approved(log)
    for row in search_all(log, Filter(kind=RESULT)):
        envelope = parse_envelope(log.entry(row.index))
        id_ = envelope.leaf.hex()
        if id_ not in approved and id_ not in state.proposals:
            continue
        body = envelope.draft.body
        for one in read_results(log.blob(body["results"]["sha256"]), body["order"]):
            found.setdefault(one.id, []).append(one)
    return found


@dataclass(frozen=True, slots=True)
class _Vote:
    index: int
    action: str


def _last_votes(log: LogReader) -> dict[str, _Vote]:
    """The last vote on whatever was voted on, by its hash; an approved thing took effect then."""
    last: dict[str, _Vote] = {}
    for row in search_all(log, Filter(kind=DECISION)):
        body = parse_envelope(log.entry(row.index)).draft.body
        last[body["subject_hash"]] = _Vote(row.index, body["action"])
    return last


def _approved(log: LogReader) -> set[str]:
    """What was decided on and whose last vote is an approval: withdrawn later it is not.

    The last vote of a rejected proposal is none. (One that several have to approve, of whom one
    has left before the last vote, is taken for approved.)
    """
    last = {id_: vote.action for id_, vote in _last_votes(log).items()}
    for row in search_all(log, Filter(kind=WITHDRAWN)):
        last.pop(parse_envelope(log.entry(row.index)).draft.body["subject_hash"], None)
    return {id_ for id_, action in last.items() if action == "approve"}


def _take_what_may_be_reported(state: State, found: Reconciliation) -> dict[str, list[LineResult]]:
    """The changes that the ledger takes now, by order; the others are told and left out.

    A line whose report waits is looked at after that: which outcome it starts from is not known.
    """
    orders = {line: id_ for id_, order in state.orders.items() for line in order.lines}
    waiting = waiting_outcomes(state)
    by_line: dict[str, list[Change]] = {}
    for change in found.changes:
        by_line.setdefault(change.line, []).append(change)
    rows: dict[str, list[LineResult]] = {}
    found.changes.clear()
    for line, changes in by_line.items():
        order, last = state.orders[orders[line]], changes[-1]
        code = ""
        if order.file is None:
            code = "no-file"
        elif line in waiting:
            code = "report-waits"
        elif order.lines[line].state != last.booking.status:
            try:
                state = move(state, orders[line], {line: last.booking.status})
            except Conflict:
                code = "ordered-again"
            else:
                found.changes += changes
                rows.setdefault(orders[line], []).extend(map(_row, changes))
        if code:
            found.findings.append(Finding(last.place, code, line, last.booking.status))
    return rows


def _row(change: Change) -> LineResult:
    booking = change.booking
    return LineResult(
        id=change.line,
        outcome=booking.status,
        date=booking.day.isoformat(),
        reference=_short(booking.bank_reference),
        reason=_short(change.reason),
    )


def _short(text: str) -> str:
    """A bank's text as an entry takes it: one line of what people can read."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:REASON_MAX]


def _report(coop: Coop, order_id: str, rows: Sequence[LineResult], evidence: str) -> Receipt:
    lines = order_of(coop.state(), order_id).lines
    outcomes = {row.id: row.outcome for row in rows}
    document = ResultsDocument(kyojo_payout_results=1, order=order_id, results=list(rows))
    blob = coop.random(SALT_BYTES) + document.content()
    sums = dict.fromkeys((PAID, RETURNED, EXPIRED), 0)
    for id_, outcome in outcomes.items():
        sums[outcome] += lines[id_].amount_minor
    body = {
        "order": order_id,
        "paid_minor": sums[PAID],
        "returned_minor": sums[RETURNED],
        "results": blob_reference(blob),
        "evidence_hash": evidence,
    }
    if sums[EXPIRED]:  # left out else, so that reports without any stay as they were
        body["expired_minor"] = sums[EXPIRED]
    return write(coop, kind=RESULT, body=body, blobs={sha256(blob).hexdigest(): blob})
