"""What became of an amount in the books: replaced, disputed, corrected, exported, paid, returned.

Nothing is edited in the log; whoever looks at an amount must see what came before and after it.
Everything here is read from the state and by the index of kinds and periods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ledger import canonical
from ledger.coop.ages import disputes_by_age
from ledger.coop.envelope import parse_envelope
from ledger.coop.replaced import identity_of
from ledger.coop.state import PayoutOrder, State
from ledger.rules.number import parse_integer_json
from ledger.service.books_rows import (
    CORRECTION,
    DOCUMENTS,
    FACTS,
    ORDER,
    RESULT,
    SETTLEMENT,
    MoneyRow,
    computed_again,
    rows_of_entry,
)
from ledger.service.correct import Corrected, find_corrections
from ledger.service.read import search_all
from ledger.store.reading import Filter, IndexRow, LogReader
from ledger.usage.totals import SALT_BYTES

# What an order's payment may be when its document does not count.
NOT_ISSUED: Final = ("waiting", "not-confirmed", "returned")


@dataclass(frozen=True, slots=True)
class Event:
    """Something before or after an amount, and the entry that says so, where one does.

    ``what`` is one of replaces, replaced-by, supersedes, superseded-by, corrects, corrected-by,
    disputed, exported, result, ordered-again; of documents also gives-back, given-back-by, wrong.
    ``amount_minor`` is the other amount, or by how much a correction changed this one.
    """

    what: str
    index: int | None = None
    amount_minor: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """Where an amount stands now, and what happened to it, oldest first."""

    status: str
    events: tuple[Event, ...]


@dataclass(slots=True)
class Histories:
    """Histories of the amounts of one page; what they share is read once."""

    state: State
    log: LogReader
    _bodies: dict[tuple[str, str | None], dict[int, tuple[str, Mapping[str, Any]]]] = field(
        default_factory=dict
    )
    _reported: dict[str, list[MoneyRow]] = field(default_factory=dict)
    _corrections: list[tuple[Corrected, dict[tuple[str, str], int]]] | None = None
    _returns: dict[str, list[Event]] | None = None

    def of(self, row: MoneyRow) -> History:
        """The history of an amount."""
        if row.kind in FACTS:
            return self._of_fact(row)
        if row.kind == SETTLEMENT:
            return self._of_settlement(row)
        if row.kind == CORRECTION:
            return self._of_correction(row)
        if row.kind == ORDER:
            return self._of_order(row)
        if row.kind in DOCUMENTS:
            return self._of_document(row)
        return self._of_result(row)

    def _entries(self, kind: str, period: str | None) -> dict[int, tuple[str, Mapping[str, Any]]]:
        """Leaf hash and body of every entry of a kind and period, by index."""
        key = kind, period
        if key not in self._bodies:
            found: dict[int, tuple[str, Mapping[str, Any]]] = {}
            for row in search_all(self.log, Filter(kind=kind, period=period)):
                envelope = parse_envelope(self.log.entry(row.index))
                found[row.index] = envelope.leaf.hex(), envelope.draft.body
            self._bodies[key] = found
        return self._bodies[key]

    def _of_fact(self, row: MoneyRow) -> History:
        entries = self._entries(row.kind, row.period)
        _, body = entries[row.index]
        same = {
            index: (leaf, other)
            for index, (leaf, other) in entries.items()
            if identity_of(other) == identity_of(body)
        }
        chain = self._chain(row.kind, body, same)
        before = body.get("replaces")
        after = [index for index, (_, other) in same.items() if other.get("replaces") == row.index]
        events = [] if before is None else [_other("replaces", before, same)]
        events += [_other("replaced-by", index, same) for index in after if index in chain]
        if row.kind != "funding-reported":
            events += self._amendments(row)
        if row.leaf in self.state.proposals:
            status = "waiting"
        elif row.index not in chain:
            status = "not-confirmed"
        else:
            status = "confirmed" if row.index == chain[0] else "replaced"
        return History(status, tuple(events))

    def _chain(
        self,
        kind: str,
        body: Mapping[str, Any],
        same: Mapping[int, tuple[str, Mapping[str, Any]]],
    ) -> list[int]:
        """The entry that counts now, and those that it replaced, newest first."""
        now = _counting(self.state, kind, body)
        known = [
            index
            for index, (leaf, other) in same.items()
            if other["amount_minor"] == now and leaf not in self.state.proposals
        ]
        found: list[int] = []
        at = max(known, default=None)
        while at is not None and at in same and at not in found:
            found.append(at)
            at = same[at][1].get("replaces")
        return found

    def _amendments(self, row: MoneyRow) -> Iterator[Event]:
        """Upheld disputes that changed this figure after the cut-off."""
        table = "revenue" if row.kind == "revenue-reported" else "costs"
        place = f"{table}/{row.subject}"
        place = place if table == "revenue" else f"{place}/{row.counterparty}"
        for _, dispute in disputes_by_age(self.state):
            if dispute.period == row.period and dispute.state == "upheld":
                change = dispute.claims.get(place)
                if change is not None:
                    yield Event("disputed", None, change, "upheld")

    def _of_settlement(self, row: MoneyRow) -> History:
        id_, period = str(row.about["id"]), self.state.period(str(row.period))
        proposals = {
            index: canonical.digest(dict(body["settlement"])).hex()
            for index, (_, body) in self._entries(SETTLEMENT, row.period).items()
        }
        is_current = period.settlement == id_ and row.index == max(
            index for index, other in proposals.items() if other == id_
        )
        events = [Event("supersedes", index) for index in proposals if index < row.index]
        if not is_current:
            events += [Event("superseded-by", index) for index in proposals if index > row.index]
            return History("superseded", tuple(events))
        for dispute_id, dispute in disputes_by_age(self.state):
            if dispute.settlement_id == id_:
                note = f"{dispute_id}: {dispute.state}"
                events.append(Event("disputed", None, None, note))
        events += self._corrected(row, after=row.index)
        status = "corrected" if events and events[-1].what == "corrected-by" else period.status
        return History(status, tuple(events))

    def _of_correction(self, row: MoneyRow) -> History:
        known = next(one for one, _ in self._all_corrections() if one.id == row.about["id"])
        events = [Event("corrects", self._index_of(row), None, str(row.about["correction_of"]))]
        events += self._corrected(row, after=row.index)
        status = known.status if known.index == row.index else "superseded"
        return History(status, tuple(events))

    def _index_of(self, row: MoneyRow) -> int | None:
        """The entry that has the figures which a correction corrects."""
        wanted = row.about["correction_of"]
        for one, _ in self._all_corrections():
            if one.id == wanted:
                return one.index
        for index, (_, body) in self._entries(SETTLEMENT, row.period).items():
            if canonical.digest(dict(body["settlement"])).hex() == wanted:
                return index
        return None

    def _corrected(self, row: MoneyRow, *, after: int) -> Iterator[Event]:
        """Posted corrections of this account's total of the month, later than an entry."""
        for one, changes in self._all_corrections():
            change = changes.get((row.counterparty, str(row.period)), 0)
            if one.index > after and one.status == "posted" and change:
                yield Event("corrected-by", one.index, change, one.id)

    def _all_corrections(self) -> list[tuple[Corrected, dict[tuple[str, str], int]]]:
        if self._corrections is None:
            found = find_corrections(self.state, self.log)
            self._corrections = [(one, self._changes(one)) for one in found]
        return self._corrections

    def _changes(self, one: Corrected) -> dict[tuple[str, str], int]:
        content = self.log.blob(one.body["rows"]["sha256"])[SALT_BYTES:]
        found: dict[tuple[str, str], int] = {}
        for row in canonical.parse(content)["rows"]:
            key = row["member"], row["period"]
            found[key] = found.get(key, 0) + parse_integer_json(row["amount_minor"])
        return found

    def _of_order(self, row: MoneyRow) -> History:
        order = next((one for one in self.state.orders.values() if row.subject in one.lines), None)
        if order is None or order.index != row.index:
            is_waiting = row.leaf in self.state.proposals
            return History("waiting" if is_waiting else "not-confirmed", ())
        events = list(self._of_line(order, row))
        return History(order.lines[row.subject].state, tuple(events))

    def _of_document(self, row: MoneyRow) -> History:
        """What became of a document's payment, and of the supplies that stand on it.

        Its status is issued, or returned with its payment; not-confirmed if its order was not
        approved, wrong if computed again its figures differ.
        """
        events = [
            Event("gives-back", None, -int(one["amount_minor"]), str(one["original"]["number"]))
            for one in row.about["returns"]
            if one["original"] is not None
        ]
        if row.about["fault"]:
            return History("wrong", (*events, Event("wrong", None, None, row.about["fault"])))
        payment = self._of_order(row)
        for month in row.about["months"]:
            events += self._corrected(replace(row, period=month), after=row.index)
        events += self._given_back(row)
        status = payment.status if payment.status in NOT_ISSUED else "issued"
        return History(status, (*events, *payment.events))

    def _given_back(self, row: MoneyRow) -> Iterator[Event]:
        """Later documents that give back what stood on this one."""
        if self._returns is None:
            self._returns = {}
            approved = {order.index for order in self.state.orders.values()}
            for entry in search_all(self.log, Filter(kind=ORDER)):
                if entry.index in approved:
                    self._note_all(entry)
        yield from self._returns.get(row.subject, ())

    def _note_all(self, entry: IndexRow) -> None:
        for other in rows_of_entry(self.state, self.log, entry):
            if other.kind in DOCUMENTS and other.about["of"].get("returns"):
                self._note(computed_again(other))

    def _note(self, other: MoneyRow) -> None:
        """Remember what a document gives back, by the number of the original."""
        known = {} if self._returns is None else self._returns
        for one in other.about["returns"]:
            if one["original"] is not None:
                amount = -int(one["amount_minor"])
                event = Event("given-back-by", other.index, amount, other.subject)
                known.setdefault(str(one["original"]["number"]), []).append(event)

    def _of_line(self, order: PayoutOrder, row: MoneyRow) -> Iterator[Event]:
        if order.file is not None:
            note = f"{order.file.format}, {order.file.pay_on}, {order.file.sha256}"
            yield Event("exported", None, None, note)
        yield from self._results(row.subject, order.period)
        for other in self.state.orders.values():
            for id_, line in other.lines.items():
                is_same = (line.member, other.period) == (row.counterparty, order.period)
                if is_same and line.attempt == row.about["attempt"] + 1:
                    yield Event("ordered-again", other.index, line.amount_minor, id_)

    def _of_result(self, row: MoneyRow) -> History:
        outcome = str(row.about["outcome"])
        events = [
            event
            for event in self._results(row.subject, str(row.period))
            if event.index != row.index
        ]
        return History("waiting" if row.leaf in self.state.proposals else outcome, tuple(events))

    def _results(self, line: str, period: str) -> Iterator[Event]:
        if period not in self._reported:
            entries = search_all(self.log, Filter(kind=RESULT, period=period))
            rows = (rows_of_entry(self.state, self.log, entry) for entry in entries)
            self._reported[period] = [row for some in rows for row in some]
        for row in self._reported[period]:
            if row.subject == line:
                note = f"{row.about['outcome']} {row.date}"
                yield Event("result", row.index, row.amount_minor, note)


def _other(what: str, index: int, same: Mapping[int, tuple[str, Mapping[str, Any]]]) -> Event:
    return Event(what, index, int(same[index][1]["amount_minor"]) if index in same else None)


def _counting(state: State, kind: str, body: Mapping[str, Any]) -> int | None:
    """The figure that counts now for what a report is about; None if none was confirmed."""
    if kind == "funding-reported":
        asset = state.funding.get(body["asset"])
        is_known = asset is not None and f"{body['member']}/{body['id']}" in asset["reports"]
        return int(body["amount_minor"]) if is_known else None
    period = state.period(body["period"])
    if kind == "revenue-reported":
        row = period.revenue.get(body["id"])
        return None if row is None else int(row["amount_minor"])
    cost = period.costs.get(body["id"])
    borne = None if cost is None else cost["borne"].get(body["member"])
    return None if borne is None else int(borne)
