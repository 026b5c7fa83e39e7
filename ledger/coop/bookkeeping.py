"""Bookkeeping: the log, folded once more, as a journal of double entry (仕訳帳).

Every entry is applied by ``apply`` itself, and what it changed in the co-op becomes transactions:
the books are a reading of the fold, and hold nothing that the log does not. What a settlement gave
to whom comes from running its rules again on the inputs that its entry names.

At the end of every day on which a month was settled, of every month, and of the log, the balances
are taken from the *state*, by another way than the postings: funds, pools, suspense, receivables,
dues. ``check_journal`` raises where the two differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from ledger.coop.apply import apply
from ledger.coop.bookkeeping_moves import (
    Move,
    memoranda,
    moves_of_correction,
    moves_of_facts,
    moves_of_order,
    moves_of_release,
    moves_of_settlement,
    tied_balances,
)
from ledger.coop.corrections import CORRECTION
from ledger.coop.envelope import Envelope, parse_envelope
from ledger.coop.payout_results import read_results
from ledger.coop.rulesets import read_rules
from ledger.coop.settlements import cut_off_of
from ledger.coop.state import Period, State
from ledger.coop.step import Evidence
from ledger.errors import InvariantViolated
from ledger.payout.chart import CLEARING, IN_TRANSIT, PAYABLE, Account
from ledger.payout.journal import (
    Checkpoint,
    Journal,
    Transaction,
    Words,
    check_balanced,
    check_journal,
    collect,
)
from ledger.period import parse_instant
from ledger.rules.inputs import parse_inputs
from ledger.settlement.result import Result
from ledger.settlement.run import run
from ledger.usage.totals import SALT_BYTES

Progress = Callable[[int], None]
SETTLEMENT = "settlement-proposed"
RESULTS = "payout-resulted"
DECISION = "decision"
# What has expired left the vault as what is paid did, for a reserve.
_WHERE = {"ordered": IN_TRANSIT, "paid": CLEARING, "returned": PAYABLE, "expired": CLEARING}


@dataclass(frozen=True, slots=True)
class _Event:
    """An entry, and the state before and after it."""

    before: State
    after: State
    envelope: Envelope
    index: int
    date: str


@dataclass(slots=True)
class Books:
    """What is kept while a log is read: transactions, checkpoints, and what entries proposed.

    ``units`` are the pools, by currency, that hold something else than money.
    """

    evidence: Evidence
    transactions: list[Transaction] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    corrections: dict[str, dict[str, object]] = field(default_factory=dict)
    units: dict[str, set[str]] = field(default_factory=dict)

    def checkpoint(self, date: str, state: State) -> None:
        """Note what the state says of the balances at the end of a day."""
        balances = tied_balances(state, self.units)
        self.checkpoints.append(Checkpoint(date, state.size, balances))

    def result_of(self, state: State, period: Period) -> Result:
        """The run of a period's settlement, on the inputs that its entry names."""
        wanted = cut_off_of(period).rule_hash
        adopted = next(one for one in state.rule_sets if one.rule_hash == wanted)
        rules = read_rules(self.evidence, adopted.text_sha256)
        blob = self.evidence.blob(self.inputs[str(period.settlement)])
        return run(rules, parse_inputs(blob[SALT_BYTES:]))


def keep_books(
    entries: Iterable[bytes], evidence: Evidence, progress: Progress = lambda _done: None
) -> Journal:
    """The journal of a log, from entry 0 on; raises InvariantViolated if it does not add up.

    Costs what folding the log again costs (``kyojo rebuild``), without the records.
    """
    books, state = Books(evidence), State()
    day, is_due = "", False
    for index, data in enumerate(entries):
        envelope = parse_envelope(data)
        before, state = state, apply(state, envelope, evidence).state
        date = _local_date(state, envelope.received_at)
        if day != date and day and (is_due or day[:7] != date[:7]):
            books.checkpoint(day, before)
            is_due = False
        day = date
        event = _Event(before, state, envelope, index, date)
        is_due |= post(books, event)
        progress(index + 1)
    if day:
        books.checkpoint(day, state)
    journal = Journal(
        origin=state.terms().origin,
        genesis=state.genesis,
        size=state.size,
        digits={one.code: one.digits for one in state.terms().currencies},
        names={one.id: Words(one.name["ja"], one.name["en"]) for one in state.members.values()},
        transactions=tuple(books.transactions),
        checkpoints=tuple(books.checkpoints),
    )
    check_journal(journal)
    return journal


def post(books: Books, event: _Event) -> bool:
    """Post what an entry did; answers whether it settled a month."""
    _remember(books, event)
    if event.before.charter is None:
        return False
    found = [*_released(event), *_facts(event), *_settlements(books, event)]
    found += [*_corrections(books, event), *_orders(event), *_results(books, event)]
    for words, moves, notes in found:
        transaction = Transaction(
            date=event.date,
            index=event.index,
            leaf=event.envelope.leaf.hex(),
            words=words,
            postings=collect(moves),
            notes={**_proposed_at(event), **notes},
        )
        check_balanced(transaction)
        if transaction.postings:
            books.transactions.append(transaction)
    return any(True for _ in _settled(event))


_Found = Iterator[tuple[Words, list[Move], dict[str, str]]]


def _remember(books: Books, event: _Event) -> None:
    """What later entries refer to: inputs of settlements, documents of corrections."""
    draft = event.envelope.draft
    new = [
        (id_, one)
        for id_, one in event.after.proposals.items()
        if event.after.proposals is not event.before.proposals and one.index == event.index
    ]
    for id_, proposal in new:
        if proposal.kind == SETTLEMENT:
            books.inputs[id_] = draft.body["inputs"]["sha256"]
        elif proposal.kind == CORRECTION:
            books.corrections[id_] = draft.body["correction"]


def _proposed_at(event: _Event) -> dict[str, str]:
    """The entry that had proposed what a decision put into effect."""
    draft = event.envelope.draft
    if draft.kind != DECISION:
        return {}
    proposal = event.before.proposals.get(str(draft.body["subject_hash"]))
    return {} if proposal is None else {"proposed": str(proposal.index)}


def _released(event: _Event) -> _Found:
    if event.after.disputes is event.before.disputes:
        return
    for id_, dispute in event.before.disputes.items():
        if dispute.held and not event.after.disputes[id_].held:
            currency = str(event.after.period(dispute.period).currency)
            words = Words(
                f"異議終了による保留の解除（{dispute.period}）",
                f"Released: what a dispute of {dispute.period} held back",
            )
            yield words, moves_of_release(dispute, currency), {"dispute": id_}


def _facts(event: _Event) -> _Found:
    for words, moves in moves_of_facts(event.before, event.after):
        yield words, moves, {}


def _settled(event: _Event) -> Iterator[tuple[Period, Period]]:
    if event.after.periods is event.before.periods:
        return
    for id_, period in event.after.periods.items():
        before = event.before.periods.get(id_)
        if before is not None and before.status != "settled" == period.status:
            yield before, period


def _settlements(books: Books, event: _Event) -> _Found:
    for _, period in _settled(event):
        result = books.result_of(event.after, period)
        books.units.setdefault(result.currency, set()).update(result.units)
        moves = moves_of_settlement(event.before, event.after, period, result)
        words = Words(f"精算 {period.id}", f"Settlement of {period.id}")
        yield words, moves, {"settlement": str(period.settlement)}


def _corrections(books: Books, event: _Event) -> _Found:
    if event.after.periods is event.before.periods:
        return
    for period in event.after.periods.values():
        earlier = event.before.periods.get(period.id)
        known = {} if earlier is None else earlier.posted
        for id_ in period.posted.keys() - known.keys():
            document = books.corrections.get(id_)
            if document is None:  # the end of a dispute, posted by ``_released``
                continue
            months = ", ".join(str(row["period"]) for row in _rows(document))
            words = Words(
                f"訂正 {months}（{period.id} に計上）",
                f"Correction of {months}, posted in {period.id}",
            )
            moves = moves_of_correction(document, period.posted[id_])
            moves += memoranda(event.before, event.after, str(document["currency"]))
            yield words, moves, {"correction": id_}


def _rows(document: dict[str, object]) -> list[dict[str, object]]:
    rows = document["periods"]
    if not isinstance(rows, list):
        raise InvariantViolated("a correction names no periods")
    return rows


def _orders(event: _Event) -> _Found:
    if event.after.orders is event.before.orders:
        return
    for id_ in event.after.orders.keys() - event.before.orders.keys():
        order = event.after.orders[id_]
        words = Words(
            f"支払指図 {order.period}（{order.method}）",
            f"Payout of {order.period} ordered, by {order.method}",
        )
        yield words, moves_of_order(order), {"order": id_}


def _results(books: Books, event: _Event) -> _Found:
    """What became of payments, one transaction for each day that the bank names."""
    draft = event.envelope.draft
    if event.after.orders is event.before.orders or draft.kind != DECISION:
        return
    proposal = event.before.proposals.get(str(draft.body["subject_hash"]))
    if proposal is None or proposal.kind != RESULTS:
        return
    id_ = str(proposal.body["order"])
    was = event.before.orders[id_]
    days: dict[str, list[Move]] = {}
    states = {line_id: line.state for line_id, line in was.lines.items()}
    for row in read_results(books.evidence.blob(str(proposal.body["blob"])), id_):
        # A line may be paid and come back in one report: each is a step from the one before.
        old, before = was.lines[row.id], states[row.id]
        states[row.id] = row.outcome
        moves = days.setdefault(row.date, [])
        for state, amount in ((before, old.amount_minor), (row.outcome, -old.amount_minor)):
            heading = _WHERE[state]
            parts = () if heading == CLEARING else (old.member,)
            moves.append((Account(heading, parts), was.currency, amount))
    for day, moves in sorted(days.items()):
        words = Words(
            f"支払結果 {was.period}（銀行日付 {day}）",
            f"Payout of {was.period}: the bank's results of {day}",
        )
        yield words, moves, {"order": id_, "bank-date": day}


def _local_date(state: State, received_at: str) -> str:
    zone = ZoneInfo(state.terms().time_zone)
    return parse_instant(received_at).astimezone(zone).date().isoformat()
