"""How the document of a payment follows from the log, the order and the office's terms.

Its items are the member's amounts of every settled month that the payment covers whole, and what
corrections posted with these months raised; what they lowered is given back, with the document on
which it stood. What the member is charged of costs is no supply of its own: it stands below the
total, by step, as does whatever else moved the payment (debts, holds, money of months that were
paid in part), so that the document always comes to the payment, to the unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ledger.coop.ages import lines_by_member, orders_by_age
from ledger.coop.dues import ORDER, held_of
from ledger.coop.envelope import parse_envelope
from ledger.coop.state import OrderedLine, PayoutOrder, Period, State
from ledger.errors import NotFound
from ledger.payout.invoice import (
    Adjustment,
    Confirmation,
    Draft,
    Item,
    Terms,
    build_invoice,
    choose_kind,
)
from ledger.payout.line import PayoutLine
from ledger.payout.parties import Party, Words, parse_party, standing
from ledger.payout.returns import Original, Return
from ledger.period import next_month, parse_instant
from ledger.service.notice_changes import Changed, Changes, words_of
from ledger.service.notice_terms import NoticeTerms, RateOf
from ledger.store.reading import LogReader

OTHER: Final = Words(
    ja="訂正・相殺・保留・繰越", en="Corrections, offsets, holds and what is carried"
)

REST: Final = "rest"
"""The id of the one item of a payment that covers no month whole."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What the documents of one order share. ``issued_on`` is their day, where the co-op is."""

    state: State
    log: LogReader
    order: PayoutOrder
    terms: NoticeTerms
    issued_on: date
    changes: Changes
    coverage: Coverage

    def document(self, line_id: str, line: OrderedLine) -> dict[str, Any]:
        """The document of one payment."""
        order = self.order
        seller = self._seller(line.member)
        items, returns, charges = self._supplies(line, seller)
        currency = order.currency
        payment = PayoutLine(line_id, line.member, currency, line.amount_minor, order.period)
        kind, _ = choose_kind(seller, self.issued_on, items)
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
        self, line: OrderedLine, seller: Party
    ) -> tuple[tuple[Item, ...], tuple[Return, ...], tuple[Adjustment, ...]]:
        """What the payment is for, what of earlier supplies it gives back, and what is charged."""
        items: list[Item] = []
        returns: list[Return] = []
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
                    returns.append(self._returned(changed, period, line.member, seller))
        return tuple(items) or (self._rest(line),), tuple(returns), tuple(charges)

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

    def _returned(self, changed: Changed, posted_in: Period, member: str, seller: Party) -> Return:
        """What a correction lowered; without tax if no tax was stated on the supply's day."""
        day = _last_day(changed.period)
        rate = changed.rate if standing(seller, day).may_issue else None
        return Return(
            id=_change_id(changed),
            day=day.isoformat(),
            returned_on=_last_day(posted_in.id).isoformat(),
            label=_label_of(changed, "訂正による減額", "lowered by a correction"),
            amount_minor=-changed.amount_minor,
            correction=changed.correction,
            original=self._original(changed.period, member),
            **_at_rate(rate),
        )

    def _original(self, month: str, member: str) -> Original | None:
        """The newest earlier payment that covered a month whole, whose document bore its amounts.

        One that came back has no document that counts.
        """
        for order, id_, line in self.coverage.before(self.order, member):
            if month in {period.id for period in self.coverage.of(order, line)}:
                issued_on = day_of(self.state, self.log, order.index)
                return Original(number=id_, issued_on=issued_on.isoformat())
        return None

    def _rest(self, line: OrderedLine) -> Item:
        """The one item of a payment that covers no month whole."""
        return Item(
            id=REST,
            day=_last_day(self.order.period).isoformat(),
            label=OTHER,
            rate=None,
            amount_minor=line.amount_minor,
        )


@dataclass(slots=True)
class Coverage:
    """Which settled months lie whole in which payments; what members were paid is read once."""

    state: State
    _lines: dict[tuple[str, str], list[tuple[PayoutOrder, str, OrderedLine]]] = field(
        default_factory=dict
    )
    _paid: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    _settled: dict[tuple[str, str], list[Period]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for _, order in orders_by_age(self.state):
            for id_, line in lines_by_member(order):
                if line.state != "returned":
                    key = line.member, order.currency
                    self._lines.setdefault(key, []).append((order, id_, line))
                    self._add(line.member, order.currency, order.index, line.amount_minor)
        for one in self.state.proposals.values():
            for row in one.body["lines"] if one.kind == ORDER else ():
                amount = int(row["amount_minor"])
                self._add(row["member"], one.body["currency"], one.index, amount)

    def of(self, order: PayoutOrder, line: OrderedLine) -> Iterator[Period]:
        """The settled months whose whole amount lies in a payment, in their order.

        Payments take what is due in the order in which months were settled. A month that made
        nothing due (a correction or a debt took it all) is in the payment after it.
        """
        paid = self._paid.get((line.member, order.currency), ())
        start = sum(amount for index, amount in paid if index < order.index)
        end, reached = start + line.amount_minor, 0
        for period in self._settled_before(order):
            before_it, reached = reached, reached + _became_due(self.state, period, line.member)
            if start <= before_it < end and reached <= end:
                yield period

    def before(
        self, order: PayoutOrder, member: str
    ) -> Iterator[tuple[PayoutOrder, str, OrderedLine]]:
        """What a member was paid by earlier orders and has not come back, the newest first."""
        for found in reversed(self._lines.get((member, order.currency), [])):
            if found[0].index < order.index:
                yield found

    def _add(self, member: str, currency: str, index: int, amount_minor: int) -> None:
        self._paid.setdefault((member, currency), []).append((index, amount_minor))

    def _settled_before(self, order: PayoutOrder) -> list[Period]:
        key = order.currency, order.period
        if key not in self._settled:
            last = self.state.period(order.period).start
            found = [
                period
                for period in self.state.periods.values()
                if period.status == "settled"
                and period.currency == order.currency
                and period.start <= last
            ]
            self._settled[key] = sorted(
                found, key=lambda one: one.start if one.run is None else f"{one.run.order:020d}"
            )
        return self._settled[key]


def day_of(state: State, log: LogReader, index: int) -> date:
    """The day of an entry, where the co-op is."""
    at = parse_envelope(log.entry(index)).received_at
    return parse_instant(at).astimezone(ZoneInfo(state.terms().time_zone)).date()


def _became_due(state: State, period: Period, member: str) -> int:
    """What a month made due to a member when it was settled."""
    held = held_of(state, period).get(member, 0)
    for id_, dispute in state.disputes.items():
        if dispute.settlement_id == period.settlement:
            released = (later.posted.get(id_, {}) for later in state.periods.values())
            held += sum(row.get(member, 0) for row in released)
    return period.paid.get(member, 0) - held


def _raised(changed: Changed) -> Item:
    """What a correction raised: a supply of the month that it corrects, told now."""
    return Item(
        id=_change_id(changed),
        day=_last_day(changed.period).isoformat(),
        label=_label_of(changed, "訂正による増額", "raised by a correction"),
        amount_minor=changed.amount_minor,
        **_at_rate(changed.rate),
    )


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
