"""Notice: the document that goes with each payment of an order, self-billed or a plain notice.

The co-op pays members for what they did, so the co-op writes the document: a self-billed invoice
(仕入明細書) where the member may issue qualified invoices on that day, else a payment notice
(``notice_maker``). Who the parties are, and at which rate a kind of step is taxed, is the office's
to say, and no log says it. So an order carries its documents: they are made when it is proposed,
and its entry names the blob that holds them, with the terms (decision 0034). What members approve
is then what they are told as well; the bytes are kept, found (``kyojo books search``), and can be
made again from the log as it was.

An order that was proposed without terms has no documents in the log: they are made of terms that
are given, and no search finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

from ledger import canonical
from ledger.coop.bodies import faults_of
from ledger.coop.dues import ORDER
from ledger.coop.envelope import parse_envelope
from ledger.coop.payouts import Order, order_of
from ledger.coop.state import OrderedLine, PayoutOrder, State
from ledger.errors import (
    Conflict,
    InvalidInput,
    KyojoError,
    MalformedDocument,
    NotFound,
    NotPermitted,
    OutOfRange,
)
from ledger.payout.invoice import parse_invoice
from ledger.payout.parties import Day, Shape
from ledger.period import parse_instant
from ledger.service.coop import Coop
from ledger.service.notice_changes import Changes, state_before
from ledger.service.notice_maker import Coverage, Maker, day_of
from ledger.service.notice_stated import FIELD, sealed_documents
from ledger.service.notice_terms import NoticeTerms, notice_terms
from ledger.service.payout_export import find_order
from ledger.service.read import may_read, require_member
from ledger.service.sign_in import Reader
from ledger.store.reading import LogReader
from ledger.usage.totals import SALT_BYTES


class SealedNotices(Shape):
    """The documents of an order by its lines, as its blob has them after 32 bytes of salt.

    ``left_out`` says of a line why it has none.
    """

    kyojo_notices: Annotated[int, Field(ge=1, le=1)]
    issued_on: Day
    terms: dict[str, Any]
    documents: dict[str, dict[str, Any]]
    left_out: dict[str, str] = Field(default_factory=dict)

    def content(self) -> bytes:
        """The bytes after the salt (RFC 8785)."""
        return canonical.encode(self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Notice:
    """A member's document for one payment.

    ``is_sealed``: the order's entry names these bytes. ``is_again``: they were made again of the
    log as it was before the order, to the byte; None where nobody asked.
    """

    member: str
    line: str
    document: Mapping[str, Any]
    is_sealed: bool
    is_again: bool | None = None

    @property
    def sha256(self) -> str:
        """The digest of its RFC 8785 form, by which the document is known."""
        return digest_of(self.document)


@dataclass(frozen=True, slots=True)
class Notices:
    """The documents of an order, and of which lines there is none, and why."""

    found: tuple[Notice, ...]
    left_out: Mapping[str, str]


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document's RFC 8785 form."""
    return canonical.digest(dict(document)).hex()


def notices(
    coop: Coop,
    order_id: str,
    terms: NoticeTerms | None = None,
    *,
    fallback: NoticeTerms | None = None,
    again: bool = False,
) -> Notices:
    """The documents of an approved order, one for each line that has not come back.

    Those that the order carries, or, where it carries none, made of ``terms``, else of ``fallback``
    (what the office says now). With ``again`` they are made once more of the log as it was before
    the order, which costs about one signature an entry. Raises Conflict for terms other than the
    order's, InvalidInput where there are none.
    """
    with coop.reading() as (state, log):
        order = order_of(state, find_order(state, order_id))
        sealed = open_notices(log, order.index)
        terms = fallback if terms is None and sealed is None else terms
        if sealed is not None:
            if terms is not None and terms.model_dump(mode="json") != sealed.terms:
                raise Conflict(
                    "the order carries its documents, which were made of other terms when it was "
                    "proposed; leave --terms out"
                )
            made, out = sealed.documents, sealed.left_out
            terms, day = notice_terms(sealed.terms), date.fromisoformat(sealed.issued_on)
        elif terms is None:
            raise InvalidInput(
                "the order was proposed without terms, so it carries no documents; give --terms"
            )
        else:
            day = day_of(state, log, order.index)
            made, out = _make(state, log, order, terms, day)
        past: Mapping[str, Mapping[str, Any]] = {}
        if again:
            past, _ = _make(state_before(log, order.index), log, order, terms, day)
    found = tuple(
        Notice(
            member=order.lines[id_].member,
            line=id_,
            document=document,
            is_sealed=sealed is not None,
            is_again=past.get(id_) == document if again else None,
        )
        for id_, document in made.items()
        if order.lines[id_].state != "returned"
    )
    return Notices(found, out)


def document_of(coop: Coop, reader: Reader, number: str) -> Mapping[str, Any]:
    """The document of a payment that is ordered or proposed, by the payment's id.

    For the member that is paid and the roles that the charter names for settlements. Raises
    NotPermitted for others, NotFound where no order carries one.
    """
    who = require_member(reader)
    with coop.reading() as (state, log):
        reads_all = may_read(state, reader, "settlements")
        for index, payee in _places(state, number):
            if not reads_all and payee != who:
                raise NotPermitted("you may read your own documents; others are for the charter's")
            found = documents_of(log, index).get(number)
            if found is not None:
                return found
    raise NotFound(
        f"no order carries a document of the payment {number[:40]}; the office makes one by "
        "`kyojo payout notice --terms`"
    )


def _places(state: State, number: str) -> Iterator[tuple[int, str]]:
    """The entry that ordered, or proposed, a payment, and who is paid."""
    for order in state.orders.values():
        if number in order.lines:
            yield order.index, order.lines[number].member
    for proposal in state.proposals.values():
        if proposal.kind == ORDER:
            for row in proposal.body["lines"]:
                if row["id"] == number:
                    yield proposal.index, str(row["member"])


def seal_notices(coop: Coop, order: Order, terms: NoticeTerms) -> bytes:
    """The blob with the documents of an order that is to be proposed, salted."""
    with coop.reading() as (state, log):
        zone = ZoneInfo(state.terms().time_zone)
        day = parse_instant(coop.clock()).astimezone(zone).date()
        lines = {
            one.id: OrderedLine(
                one.member, one.amount_minor, one.destination, one.account, one.attempt
            )
            for one in order.lines
        }
        to_be = PayoutOrder(order.period, order.currency, order.method, state.size, lines)
        documents, left_out = _make(state, log, to_be, terms, day)
    sealed = SealedNotices(
        kyojo_notices=1,
        issued_on=day.isoformat(),
        terms=terms.model_dump(mode="json"),
        documents=documents,
        left_out=left_out,
    )
    return coop.random(SALT_BYTES) + sealed.content()


def open_notices(log: LogReader, index: int) -> SealedNotices | None:
    """The documents that an order's entry carries; None if it carries none.

    ``apply`` saw that they are of its lines and amounts; the rest is checked by ``parse_invoice``
    when a document is shown. Raises MalformedDocument for a blob out of form.
    """
    named = parse_envelope(log.entry(index)).draft.body.get(FIELD)
    if named is None:
        return None
    document = canonical.parse(log.blob(named["sha256"])[SALT_BYTES:], what="the notices")
    try:
        return SealedNotices.model_validate(document)
    except ValidationError as error:
        faults = faults_of(error)
        raise MalformedDocument(
            f"the notices of entry {index}: {faults[0].where}: {faults[0].message}", faults=faults
        ) from error


def documents_of(log: LogReader, index: int) -> Mapping[str, Mapping[str, Any]]:
    """The documents that an order's entry carries, by line, however the rest of their blob is."""
    return sealed_documents(log, index) or {}


def fault_of(document: Mapping[str, Any]) -> str:
    """What is wrong with a document, computed again; nothing if it is empty."""
    try:
        parse_invoice(dict(document))
    except KyojoError as error:
        return error.message
    return ""


def _make(
    state: State, log: LogReader, order: PayoutOrder, terms: NoticeTerms, day: date
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The documents of an order's lines, and why a line has none (a total below zero at a rate)."""
    changes, coverage = Changes(state, log, terms), Coverage(state, log)
    maker = Maker(state, log, order, terms, day, changes, coverage)
    documents: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    for id_, line in order.lines.items():
        try:
            documents[id_] = maker.document(id_, line)
        except OutOfRange as error:
            left_out[id_] = error.message
    return documents, left_out
