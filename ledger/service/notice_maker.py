"""How the document of a payment follows from the log, the order and the office's terms.

Its items are the member's amounts of every month that was settled since the payment before it, and
what corrections posted with these months raised; what they lowered is given back, with the document
on which it stood. A month stands on one document, in full, also where less of it is paid: what the
member is charged of costs is no supply of its own, and stands below the total, by step, as does
whatever else moved the payment (debts, a correction that is posted and not settled, holds, what was
kept back before), so that the document always comes to the payment, to the unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ledger.coop.dues import ORDER
from ledger.coop.envelope import parse_envelope
from ledger.coop.state import OrderedLine, PayoutOrder, Period, State
from ledger.errors import NotFound, OutOfRange
from ledger.payout.invoice import (
    Adjustment,
    Confirmation,
    Draft,
    Item,
    Kind,
    Terms,
    build_invoice,
    choose_kind,
)
from ledger.payout.line import PayoutLine
from ledger.payout.parties import Party, Words, parse_party, standing
from ledger.payout.returns import Original, Return
from ledger.period import next_month, parse_instant
from ledger.service.notice_changes import Changed, Changes, words_of
from ledger.service.notice_stated import REST, Part, Stated, read_document, sealed_documents
from ledger.service.notice_terms import NoticeTerms, RateOf
from ledger.service.read import search_all
from ledger.store.reading import Filter, LogReader

OTHER: Final = Words(
    ja="訂正・相殺・保留・繰越", en="Corrections, offsets, holds and what is carried"
)


SETTLED: Final = "settlement-settled"


@dataclass(frozen=True, slots=True)
class Maker:
    """What the documents of one order share. ``issued_on`` is their day, where the co-op is.

    ``drafts`` are the documents of earlier payments by line, ``sealed`` those that orders carry by
    their entry: each read, or made, once.
    """

    state: State
    log: LogReader
    order: PayoutOrder
    terms: NoticeTerms
    issued_on: date
    changes: Changes
    coverage: Coverage
    drafts: dict[str, Draft | None] = field(default_factory=dict)
    sealed: dict[int, Mapping[str, Mapping[str, Any]] | None] = field(default_factory=dict)

    def document(self, line_id: str, line: OrderedLine) -> dict[str, Any]:
        """The document of one payment."""
        order = self.order
        seller = self._seller(line.member)
        items, lowered, charges = self._supplies(line)
        currency = order.currency
        payment = PayoutLine(line_id, line.member, currency, line.amount_minor, order.period)
        kind, _ = choose_kind(seller, self.issued_on, items)
        returns = self._returns(line.member, kind, items, lowered, seller)
        terms = Terms(
            number=line_id,
            issued_on=self.issued_on,
            period=order.period,
            currency=currency,
            minor_digits=self.state.terms().digits(currency),
            basis=self.terms.basis,
            rounding=self.terms.rounding,
        )
        buyer = parse_party(self.terms.buyer)
        draft = Draft(kind, seller, buyer, items, terms, charges, returns=returns)
        if kind == "self-billed":
            confirmation = Confirmation(objection_until=self.terms.objection_until)
            draft = replace(draft, confirmation=confirmation)
        rest = line.amount_minor - int(build_invoice(draft)["payable_minor"])
        other = (Adjustment(label=OTHER, amount_minor=rest),) if rest else ()
        return build_invoice(replace(draft, adjustments=(*charges, *other), payment=payment))

    def _seller(self, member: str) -> Party:
        if member in self.terms.sellers:
            return parse_party(self.terms.sellers[member])
        known = self.state.members.get(member)
        if known is None:
            raise NotFound(f"{member} is no member of this co-op and no seller of the terms")
        return parse_party({"id": member, "name": known.name["ja"], "form": "corporation"})

    def _supplies(
        self, line: OrderedLine
    ) -> tuple[tuple[Item, ...], list[tuple[Changed, Period]], tuple[Adjustment, ...]]:
        """What the payment is for, what was lowered and posted when, and what is charged."""
        items: list[Item] = []
        lowered: list[tuple[Changed, Period]] = []
        charges: list[Adjustment] = []
        for period in self.coverage.of(self.order, line):
            for one in self._settled(period, line.member):
                if isinstance(one, Item):
                    items.append(one)
                else:
                    charges.append(one)
            for changed in self.changes.of(line.member, period):
                if changed.is_charge:
                    label = _label_of(changed, "訂正（組合員の負担）", "corrected charge")
                    charges.append(Adjustment(label=label, amount_minor=changed.amount_minor))
                elif changed.amount_minor > 0:
                    items.append(_raised(changed))
                else:
                    lowered.append((changed, period))
        return tuple(items) or (self._rest(line),), lowered, tuple(charges)

    def _settled(self, period: Period, member: str) -> Iterator[Item | Adjustment]:
        """The member's amounts of a month, by step; what it is charged is no item."""
        rules = self.changes.rules(period.id)
        day = _last_day(period.id).isoformat()
        for line in self.changes.lines(period.id).get(member, ()):
            if not line.amount_minor:
                continue
            names = words_of(rules, line.step).items()
            words = Words(**{name: f"{period.id} {text}" for name, text in names})
            if line.is_charge:
                yield Adjustment(label=words, amount_minor=line.amount_minor)
                continue
            yield Item(
                id=f"{period.id}/{line.step}",
                day=day,
                label=words,
                amount_minor=line.amount_minor,
                **_at_rate(self.changes.rate_of(rules, line.step)),
            )

    def _returns(
        self,
        member: str,
        kind: Kind,
        items: tuple[Item, ...],
        lowered: list[tuple[Changed, Period]],
        seller: Party,
    ) -> tuple[Return, ...]:
        """What is given back of what documents stated, this one's own items among them.

        What stood on none (a document that could not be made) is part of the rest below the total.
        """
        if not lowered:
            return ()
        stated = self._stated(member)
        stated.add(kind, items)
        return tuple(
            _returned(changed, posted_in, part, at)
            for changed, posted_in in lowered
            for at, part in enumerate(
                stated.take(
                    _last_day(changed.period).isoformat(),
                    _rate_for(changed, seller),
                    -changed.amount_minor,
                )
            )
        )

    def _stated(self, member: str) -> Stated:
        """What the documents of a member's earlier payments stated, the oldest first.

        Those of an order that carries none are as the present terms make them.
        """
        found = Stated()
        for order, id_, line in self.coverage.before(self.order, member):
            day = day_of(self.state, self.log, order.index)
            if id_ not in self.drafts:
                self.drafts[id_] = read_document(self._earlier(order, day, id_, line))
            draft = self.drafts[id_]
            if draft is not None:
                issued_on = draft.terms.issued_on.isoformat()
                original = Original(number=id_, issued_on=issued_on)
                found.add(draft.kind, draft.items, draft.returns, original)
        return found

    def _earlier(
        self, order: PayoutOrder, day: date, id_: str, line: OrderedLine
    ) -> Mapping[str, Any] | None:
        """The document of an earlier payment; None if it could not be made."""
        if order.index not in self.sealed:
            self.sealed[order.index] = sealed_documents(self.log, order.index)
        documents = self.sealed[order.index]
        if documents is not None:
            return documents.get(id_)
        try:
            return replace(self, order=order, issued_on=day).document(id_, line)
        except OutOfRange:
            return None

    def _rest(self, line: OrderedLine) -> Item:
        """The one item of a payment that covers no month."""
        return Item(
            id=REST,
            day=_last_day(self.order.period).isoformat(),
            label=OTHER,
            rate=None,
            amount_minor=line.amount_minor,
        )


@dataclass(slots=True)
class Coverage:
    """Which settled months stand on the document of which payment.

    A payment takes all that is due to a member, less what the member owes and what disputes hold
    back, which stands below its total. So it covers every month that was settled since the payment
    before it.
    """

    state: State
    log: LogReader
    _lines: dict[tuple[str, str], list[tuple[PayoutOrder, str, OrderedLine]]] = field(
        default_factory=dict
    )
    _settled: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for order in sorted(_orders_of(self.state), key=lambda one: one.index):
            for id_, line in order.lines.items():
                if line.state != "returned":
                    key = line.member, order.currency
                    self._lines.setdefault(key, []).append((order, id_, line))
        for row in search_all(self.log, Filter(kind=SETTLED)):
            self._settled[str(row.period)] = row.index

    def of(self, order: PayoutOrder, line: OrderedLine) -> list[Period]:
        """The months that a payment covers, in the order in which they were settled.

        A month that made nothing due (a correction or a debt took it all) is in the payment after
        it.
        """
        earlier = [found.index for found, _, _ in self.before(order, line.member)]
        found = [
            period
            for period in self.state.periods.values()
            if period.status == "settled"
            and period.currency == order.currency
            and max(earlier, default=-1) < self._settled[period.id] < order.index
        ]
        return sorted(found, key=lambda one: self._settled[one.id])

    def before(
        self, order: PayoutOrder, member: str
    ) -> Iterator[tuple[PayoutOrder, str, OrderedLine]]:
        """A member's payments by earlier orders that have not come back, the oldest first.

        Those of orders that wait for decisions too: their documents may be read already.
        """
        for found in self._lines.get((member, order.currency), []):
            if found[0].index < order.index:
                yield found


def _orders_of(state: State) -> Iterator[PayoutOrder]:
    """The orders that were approved, and those that wait."""
    yield from state.orders.values()
    for one in state.proposals.values():
        if one.kind == ORDER:
            lines = {
                row["id"]: OrderedLine(**{name: row[name] for name in row if name != "id"})
                for row in one.body["lines"]
            }
            period, currency, method = (
                str(one.body[name]) for name in ("period", "currency", "method")
            )
            yield PayoutOrder(period, currency, method, one.index, lines)


def day_of(state: State, log: LogReader, index: int) -> date:
    """The day of an entry, where the co-op is."""
    at = parse_envelope(log.entry(index)).received_at
    return parse_instant(at).astimezone(ZoneInfo(state.terms().time_zone)).date()


def _raised(changed: Changed) -> Item:
    """What a correction raised: a supply of the month that it corrects, told now."""
    return Item(
        id=_change_id(changed),
        day=_last_day(changed.period).isoformat(),
        label=_label_of(changed, "訂正による増額", "raised by a correction"),
        amount_minor=changed.amount_minor,
        **_at_rate(changed.rate),
    )


def _returned(changed: Changed, posted_in: Period, part: Part, at: int) -> Return:
    """A part of what a correction lowered, at the rate at which a document stated it."""
    id_ = _change_id(changed)
    return Return(
        id=f"{id_}/{at}" if at else id_,
        day=_last_day(changed.period).isoformat(),
        returned_on=_last_day(posted_in.id).isoformat(),
        label=_label_of(changed, "訂正による減額", "lowered by a correction"),
        amount_minor=part.amount_minor,
        correction=changed.correction,
        original=part.original,
        **_at_rate(None if part.rate is None else changed.rate),
    )


def _rate_for(changed: Changed, seller: Party) -> str | None:
    """The rate at which a change is given back; None if the seller was not registered then."""
    is_taxed = changed.rate is not None and standing(seller, _last_day(changed.period)).may_issue
    return changed.rate.rate if changed.rate is not None and is_taxed else None


def _at_rate(rate: RateOf | None) -> dict[str, Any]:
    return {
        "rate": None if rate is None else rate.rate,
        "is_reduced": rate is not None and rate.is_reduced,
    }


def _change_id(changed: Changed) -> str:
    rate = "none" if changed.rate is None else changed.rate.rate
    return f"{changed.correction}/{changed.period}/{rate}"


def _label_of(changed: Changed, ja: str, en: str) -> Words:
    return Words(
        ja=f"{changed.period} {changed.ja} {ja}", en=f"{changed.period} {changed.en}, {en}"
    )


def _last_day(month: str) -> date:
    return date.fromisoformat(f"{next_month(month)}-01") - timedelta(days=1)
