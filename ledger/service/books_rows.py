"""The amounts that an entry bears, one row each: what a search of the books goes through.

A report of revenue, cost or funding bears one amount; a settlement, a correction, an order and the
bank's results bear one for each line of their blob, which is read here. An order also bears the
documents that go with its payments, where it was proposed with any; each is a row of its own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from ledger import canonical
from ledger.coop.envelope import Envelope, parse_envelope
from ledger.coop.payout_results import read_results
from ledger.coop.payouts import NOTICE_KINDS, order_of
from ledger.coop.state import State
from ledger.period import parse_instant
from ledger.rules.number import parse_integer_json
from ledger.service.notice_stated import REST
from ledger.service.payout_notice import digest_of, documents_of, fault_of
from ledger.store.reading import IndexRow, LogReader
from ledger.usage.totals import SALT_BYTES

FACTS: Final = ("revenue-reported", "cost-reported", "funding-reported")
SETTLEMENT: Final = "settlement-proposed"
CORRECTION: Final = "correction-proposed"
ORDER: Final = "payout-ordered"
RESULT: Final = "payout-resulted"
DOCUMENTS: Final = NOTICE_KINDS
KINDS: Final = (*FACTS, SETTLEMENT, CORRECTION, ORDER, RESULT)
SEARCHED: Final = (*KINDS, *DOCUMENTS)
"""Kinds of rows: those of entries, and those of documents, which entries of ``ORDER`` bear."""


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """An amount of an entry, in minor units.

    ``date`` is the day of the transaction (YYYY-MM-DD): the bank's own for its results, the day of
    issue for documents, else that of the entry in the co-op's time zone. ``counterparty`` is the
    member, fund or project; for revenue the member that reported it, since the log does not know
    who paid. ``subject`` is the report's id, the step, the payment's id, or a document's number.
    ``document`` is the SHA-256 of the blob that holds the line, of a document's own bytes (RFC
    8785), or the entry's leaf hash. ``names`` are what else the counterparty is found by: a
    seller's name and its T number.
    """

    index: int
    kind: str
    received_at: str
    date: str
    period: str | None
    counterparty: str
    subject: str
    amount_minor: int
    currency: str
    document: str
    leaf: str
    about: Mapping[str, Any]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """An entry that bears amounts, with what its index row says."""

    state: State
    log: LogReader
    row: IndexRow
    envelope: Envelope

    @property
    def body(self) -> Mapping[str, Any]:
        body: Mapping[str, Any] = self.envelope.draft.body
        return body

    def blob(self, name: str) -> Any:
        """A blob that the body names, as JSON without its salt."""
        return canonical.parse(self.log.blob(self.body[name]["sha256"])[SALT_BYTES:])

    def line(self, counterparty: str, subject: str, amount_minor: int, **more: Any) -> MoneyRow:
        leaf = self.envelope.leaf.hex()
        blob = more.pop("blob", None)
        return MoneyRow(
            index=self.row.index,
            kind=more.pop("kind", self.row.kind),
            received_at=self.row.received_at,
            date=more.pop("date", None) or local_date(self.state, self.row.received_at),
            period=more.pop("period", self.row.period),
            counterparty=counterparty,
            subject=subject,
            amount_minor=amount_minor,
            currency=str(self.row.currency),
            document=more.pop("digest", leaf if blob is None else str(self.body[blob]["sha256"])),
            leaf=leaf,
            names=more.pop("names", ()),
            about=more,
        )


def local_date(state: State, instant: str) -> str:
    """The day of an instant in the co-op's time zone."""
    zone = ZoneInfo(state.terms().time_zone)
    return parse_instant(instant).astimezone(zone).date().isoformat()


def rows_of_entry(state: State, log: LogReader, row: IndexRow) -> Iterator[MoneyRow]:
    """The amounts of an entry of one of ``KINDS``, in the order of its lines; none of 0."""
    source = _Source(state, log, row, parse_envelope(log.entry(row.index)))
    return _READERS[row.kind](source)


def _fact(source: _Source) -> Iterator[MoneyRow]:
    body = source.body
    who = str(body.get("member", source.row.member))
    subject = f"{body['asset']}/{body['id']}" if "asset" in body else str(body["id"])
    yield source.line(who, subject, int(body["amount_minor"]))


def _settlement(source: _Source) -> Iterator[MoneyRow]:
    """Lines in money; parts of a step have no amount of their own."""
    document = source.blob("lines")
    other = {step["step"] for step in document["steps"] if "unit" in step}
    id_ = canonical.digest(dict(source.body["settlement"])).hex()
    for line in document["lines"]:
        if line["amount_minor"] is None or line["step"] in other:
            continue
        amount = parse_integer_json(line["amount_minor"])
        if amount:
            yield source.line(line["member"], line["step"], amount, blob="lines", id=id_)


def _correction(source: _Source) -> Iterator[MoneyRow]:
    id_ = canonical.digest(dict(source.body["correction"])).hex()
    for line in source.blob("rows")["rows"]:
        amount = parse_integer_json(line["amount_minor"])
        if amount:
            yield source.line(
                line["member"],
                line["role"],
                amount,
                blob="rows",
                period=line["period"],
                id=id_,
                correction_of=line["correction_of"],
            )


def _order(source: _Source) -> Iterator[MoneyRow]:
    for line in source.blob("lines")["lines"]:
        amount = parse_integer_json(line["amount_minor"])
        attempt = line["attempt"]
        yield source.line(line["member"], line["id"], amount, blob="lines", attempt=attempt)
    yield from _documents(source)


def _documents(source: _Source) -> Iterator[MoneyRow]:
    """The documents of an order as they are; ``computed_again`` says which do not add up.

    ``apply`` saw to it that each is of a line, its amount and its currency, and of no more.
    """
    documents = documents_of(source.log, source.row.index)
    lines = {row["id"]: row for row in source.blob("lines")["lines"]} if documents else {}
    for id_, document in documents.items():
        line, total = lines[id_], document.get("total_minor")
        amount = total if type(total) is int else parse_integer_json(line["amount_minor"])
        issued_on = document.get("issued_on")
        yield source.line(
            line["member"],
            id_,
            amount,
            kind=str(document["kind"]),
            date=issued_on if isinstance(issued_on, str) else None,
            names=tuple(_names(document)),
            attempt=line["attempt"],
            of=document,
        )


def _names(document: Mapping[str, Any]) -> Iterator[str]:
    """The seller's name and T number, where the document says them."""
    for side, name in (("seller", "name"), ("registration", "number")):
        found = document.get(side)
        if isinstance(found, Mapping) and isinstance(found.get(name), str):
            yield found[name]


def computed_again(row: MoneyRow) -> MoneyRow:
    """A document's row with its digest, and what is wrong with it; costs some computing."""
    document = row.about["of"]
    fault = fault_of(document)
    items = () if fault else document["items"]
    months = {item["day"][:7] for item in items if item["id"] != REST}
    about = {
        **row.about,
        "fault": fault,
        "months": tuple(sorted(months)),
        "returns": () if fault else tuple(document.get("returns", ())),
    }
    return replace(row, document=digest_of(document), about=about)


def _result(source: _Source) -> Iterator[MoneyRow]:
    id_ = str(source.body["order"])
    order = order_of(source.state, id_)
    blob = source.log.blob(source.body["results"]["sha256"])
    for row in read_results(blob, id_):
        line = order.lines[row.id]
        yield source.line(
            line.member,
            row.id,
            line.amount_minor,
            blob="results",
            date=row.date,
            outcome=row.outcome,
            order=id_,
        )


_READERS: Final[dict[str, Callable[[_Source], Iterator[MoneyRow]]]] = {
    **dict.fromkeys(FACTS, _fact),
    SETTLEMENT: _settlement,
    CORRECTION: _correction,
    ORDER: _order,
    RESULT: _result,
}
