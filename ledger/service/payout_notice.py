"""Notice: the document that goes with each payment of an order, self-billed or a plain notice.

The co-op pays members for what they did, so the co-op writes the document: a self-billed invoice
(仕入明細書) where the member may issue qualified invoices on that day, else a payment notice. Its
items are the member's amounts of every settled month that the payment covers whole; whatever else
moved the payment (corrections, debts, holds, money of months that were paid in part) stands below
the total, so that the document always comes to the payment, to the unit.

Who the parties are, and at which rate a kind of step is taxed, is the office's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

from ledger import canonical
from ledger.coop.bodies import faults_of
from ledger.coop.dues import held_of
from ledger.coop.envelope import parse_envelope
from ledger.coop.payouts import order_of
from ledger.coop.settlements import rules_of
from ledger.coop.state import OrderedLine, PayoutOrder, Period, State
from ledger.errors import MalformedDocument, NotFound
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
from ledger.payout.parties import Day, Party, Shape, Words, parse_party
from ledger.period import next_month, parse_instant
from ledger.rules.document import RuleSet
from ledger.rules.inputs.invoice import TaxRounding
from ledger.rules.number import parse_integer_json
from ledger.service.coop import Coop
from ledger.service.payout_export import find_order
from ledger.service.read import find_proposed
from ledger.store.reading import LogReader
from ledger.usage.totals import SALT_BYTES

OTHER: Final = Words(
    ja="訂正・相殺・保留・繰越", en="Corrections, offsets, holds and what is carried"
)
UNTAXED: Final = "none"


class RateOf(Shape):
    """At which rate steps of a kind (``tax`` of a rule set's step) are taxed."""

    rate: Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?%$")]
    is_reduced: bool = False


class NoticeTerms(Shape):
    """What the office says: the co-op as buyer, members as sellers, rates, and how tax is rounded.

    A member that is not among the sellers gets a payment notice under the name that the co-op knows
    it by. ``rates`` are by a step's ``tax``; what is not named there is outside the tax. Amounts
    contain their tax: an order pays no tax on top of them, so a ``net`` notice would state tax that
    nobody paid.
    """

    kyojo_notice_terms: Annotated[int, Field(ge=1, le=1)]
    buyer: dict[str, Any]
    sellers: dict[str, dict[str, Any]] = Field(default_factory=dict)
    rates: dict[str, RateOf] = Field(default_factory=dict)
    basis: Literal["gross"] = "gross"
    rounding: TaxRounding = "floor"
    objection_until: Day | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A member's document for one payment."""

    member: str
    line: str
    document: Mapping[str, Any]


def parse_notice_terms(data: bytes) -> NoticeTerms:
    """Read the office's terms; MalformedDocument with every fault."""
    document = canonical.parse(data, what="the notice terms")
    try:
        return NoticeTerms.model_validate(document)
    except ValidationError as error:
        faults = faults_of(error)
        raise MalformedDocument(
            f"the notice terms: {faults[0].where}: {faults[0].message}", faults=faults
        ) from error


def notices(coop: Coop, order_id: str, terms: NoticeTerms) -> list[Notice]:
    """The documents of an approved order, one for each line that has not come back."""
    buyer = parse_party(terms.buyer)
    with coop.reading() as (state, log):
        id_ = find_order(state, order_id)
        order = order_of(state, id_)
        maker = _Maker(state, log, order, terms, buyer)
        return [
            Notice(line.member, line_id, maker.document(line_id, line))
            for line_id, line in order.lines.items()
            if line.state != "returned"
        ]


@dataclass(frozen=True, slots=True)
class _Maker:
    """What the documents of one order share."""

    state: State
    log: LogReader
    order: PayoutOrder
    terms: NoticeTerms
    buyer: Party

    def document(self, line_id: str, line: OrderedLine) -> dict[str, Any]:
        """The document of one payment."""
        order, day = self.order, self._issued_on()
        seller = self._seller(line.member)
        items = tuple(self._items(line)) or (self._rest(line),)
        currency = order.currency
        payment = PayoutLine(line_id, line.member, currency, line.amount_minor, order.period)
        kind, _ = choose_kind(seller, day, items)
        digits = self.state.terms().digits(currency)
        terms = Terms(
            number=line_id,
            issued_on=day,
            period=order.period,
            currency=currency,
            minor_digits=digits,
            basis=self.terms.basis,
            rounding=self.terms.rounding,
        )
        draft = Draft(kind, seller, self.buyer, items, terms)
        if kind == "self-billed":
            confirmation = Confirmation(objection_until=self.terms.objection_until)
            draft = Draft(kind, seller, self.buyer, items, terms, confirmation=confirmation)
        rest = line.amount_minor - int(build_invoice(draft)["payable_minor"])
        adjustments = (Adjustment(label=OTHER, amount_minor=rest),) if rest else ()
        return build_invoice(
            Draft(kind, seller, self.buyer, items, terms, adjustments, payment, draft.confirmation)
        )

    def _issued_on(self) -> date:
        """The day on which the order was proposed, where the co-op is."""
        at = parse_envelope(self.log.entry(self.order.index)).received_at
        return parse_instant(at).astimezone(ZoneInfo(self.state.terms().time_zone)).date()

    def _seller(self, member: str) -> Party:
        if member in self.terms.sellers:
            return parse_party(self.terms.sellers[member])
        known = self.state.members.get(member)
        if known is None:
            raise NotFound(f"{member} is no member of this co-op and no seller of the terms")
        return parse_party({"id": member, "name": known.name["ja"], "form": "corporation"})

    def _items(self, line: OrderedLine) -> Iterator[Item]:
        """The member's amounts of the months that the payment covers whole, by step."""
        for period in self._covered(line):
            body = find_proposed(self.log, period).body
            result = canonical.parse(self.log.blob(body["lines"]["sha256"])[SALT_BYTES:])
            rules = rules_of(self.state, period, self.log)
            last = date.fromisoformat(f"{next_month(period.id)}-01") - timedelta(days=1)
            for row in result["lines"]:
                amount = 0 if row["part"] else parse_integer_json(row["amount_minor"])
                if row["member"] == line.member and amount:
                    yield self._item(period, rules, str(row["step"]), amount, last)

    def _rest(self, line: OrderedLine) -> Item:
        """The one item of a payment that covers no month whole."""
        last = date.fromisoformat(f"{next_month(self.order.period)}-01") - timedelta(days=1)
        amount = line.amount_minor
        return Item(id="rest", day=last.isoformat(), label=OTHER, rate=None, amount_minor=amount)

    def _item(self, period: Period, rules: RuleSet, step: str, amount: int, day: date) -> Item:
        found = next(one for one in rules.steps if one.id == step)
        words = {"ja": step, "en": step}
        if found.label is not None:
            words |= {name: text for name, text in found.label.model_dump().items() if text}
        rate = self.terms.rates.get(found.tax or UNTAXED)
        return Item(
            id=f"{period.id}/{step}",
            day=day.isoformat(),
            label=Words(**{name: f"{period.id} {text}" for name, text in words.items()}),
            rate=None if rate is None else rate.rate,
            is_reduced=rate is not None and rate.is_reduced,
            amount_minor=amount,
        )

    def _covered(self, line: OrderedLine) -> Iterator[Period]:
        """The settled months whose whole amount lies in this payment, in their order.

        Payments take what is due in the order in which months were settled.
        """
        start = sum(
            other.amount_minor
            for order in self.state.orders.values()
            if order.currency == self.order.currency and order.index < self.order.index
            for other in order.lines.values()
            if other.member == line.member and other.state != "returned"
        )
        reached = 0
        for period in _settled(self.state, self.order):
            before, reached = reached, reached + _became_due(self.state, period, line.member)
            if before < reached and start <= before and reached <= start + line.amount_minor:
                yield period


def _settled(state: State, order: PayoutOrder) -> list[Period]:
    found = [
        period
        for period in state.periods.values()
        if period.status == "settled"
        and period.currency == order.currency
        and period.start <= state.period(order.period).start
    ]
    return sorted(found, key=lambda one: one.start if one.run is None else f"{one.run.order:020d}")


def _became_due(state: State, period: Period, member: str) -> int:
    """What a month made due to a member when it was settled."""
    held = held_of(state, period).get(member, 0)
    for id_, dispute in state.disputes.items():
        if dispute.settlement_id == period.settlement:
            released = (later.posted.get(id_, {}) for later in state.periods.values())
            held += sum(row.get(member, 0) for row in released)
    return period.paid.get(member, 0) - held
