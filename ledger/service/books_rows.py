"""The amounts that an entry bears, one row each: what a search of the books goes through.

A report of revenue, cost or funding bears one amount; a settlement, a correction, an order and the
bank's results bear one for each line of their blob, which is read here. An order also bears the
documents that go with its payments, where it was proposed with any; each is a row of its own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from ledger import canonical
from ledger.coop.envelope import Envelope, parse_envelope
from ledger.coop.payout_results import read_results
from ledger.coop.payouts import NOTICE_KINDS, order_of
from ledger.coop.state import State
from ledger.period import parse_instant
from ledger.rules.number import parse_integer_json
from ledger.service.notice_maker import REST
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
    """The documents of an order; one whose figures are not those of its items has a ``fault``.

    ``apply`` saw to it that each is of a line; what else it says counts only without a fault.
    """
    lines = {row["id"]: row for row in source.blob("lines")["lines"]}
    for id_, document in documents_of(source.log, source.row.index).items():
        line, fault = lines[id_], fault_of(document)
        known: dict[str, Any] = {"months": (), "returns": ()}
        amount = parse_integer_json(line["amount_minor"])
        if not fault:
            known = _known(document)
            amount = int(document["total_minor"])
        yield source.line(
            line["member"],
            id_,
            amount,
            kind=str(document["kind"]),
            digest=digest_of(document),
            attempt=line["attempt"],
            fault=fault,
            **known,
        )


def _known(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a document that adds up is found by, and the months and returns on it."""
    registration = document["registration"]
    number = () if registration is None else (str(registration["number"]),)
    months = {item["day"][:7] for item in document["items"] if item["id"] != REST}
    return {
        "date": document["issued_on"],
        "names": (str(document["seller"]["name"]), *number),
        "months": tuple(sorted(months)),
        "returns": tuple(document.get("returns", ())),
    }


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
