"""Payout orders: derived from the state, approved by the quorum, never the same money twice.

Like a settlement, an order in the log is right by construction: ``apply`` derives its lines from
what is due and refuses any other. Payments are netted once per member and currency, over all
periods that are settled; who owes more than it is due is paid nothing, and the rest is carried.
Who has no destination in force is left out until it has one. While an order waits for decisions
its money is spoken for. When the quorum is reached, every line is checked once more: it fails if
a destination has changed or a debt has come up since, and is to be proposed again.

What goes through the vault is ordered from the vault in force, and the order says from which. If
another one is in force when the quorum is reached, the order fails too.

A line's id is made of the settlement, the member, the currency and the attempt
(``ledger.payout.netting.payout_id``), so the same order has the same ids on any machine, and a bank
that keeps ids pays once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ledger import canonical
from ledger.coop import bodies, payout_bodies, subjects
from ledger.coop.ages import lines_by_member, orders_by_age
from ledger.coop.destinations import EVM, destination_hash, destination_in_force
from ledger.coop.dues import payable, waiting_orders, waiting_results
from ledger.coop.proposals import propose
from ledger.coop.state import ExportedFile, OrderedLine, PayoutOrder, Period, Proposal, State
from ledger.coop.step import Change, Step
from ledger.coop.vaults import METHOD, place_in_force
from ledger.errors import (
    AlreadyExported,
    Conflict,
    MalformedEntry,
    NotFound,
    OutOfRange,
    SumMismatch,
)
from ledger.money import AMOUNT_MAX
from ledger.payout.netting import payout_id
from ledger.usage.totals import SALT_BYTES

VAULT: Final = METHOD
# Which type of destination a method pays to, and in which files.
METHODS: Final[Mapping[str, str]] = {"bank": "bank", "iban": "iban", VAULT: EVM}
FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "bank": ("zengin", "pain.001.001.03", "csv"),
    "iban": ("pain.001.001.09", "csv"),
    VAULT: (),
}
NOTICE_KINDS: Final = ("self-billed", "payment-notice")


@dataclass(frozen=True, slots=True)
class Line:
    """A payment as an order names it; see ``OrderedLine`` for its fields."""

    id: str
    member: str
    amount_minor: int
    destination: str
    account: str | None
    attempt: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid now by one method in one currency; ``vault`` as in ``PayoutOrder``."""

    period: str
    currency: str
    method: str
    lines: tuple[Line, ...]
    vault: str | None = None

    @property
    def total_minor(self) -> int:
        """What all lines come to."""
        return sum(line.amount_minor for line in self.lines)

    def content(self) -> bytes:
        """The lines as the order's blob has them after its 32 bytes of salt (RFC 8785)."""
        return canonical.encode(
            {
                "kyojo_payout": 1,
                "period": self.period,
                "currency": self.currency,
                "method": self.method,
                "lines": [asdict(line) for line in self.lines],
                **_named(self.vault),
            }
        )


def is_payable_by(state: State, currency: str, method: str, now: str) -> bool:
    """Whether an order by a method would have a line."""
    found = (destination_in_force(state, m, currency, now) for m in payable(state, currency))
    return any(one is not None and one["type"] == METHODS[method] for one in found)


def derive_order(state: State, currency: str, method: str, now: str) -> Order:
    """What is to be paid now; raises Conflict if there is nothing, or nowhere to pay it to."""
    state.terms().digits(currency)
    period = newest_settled(state, currency)
    settlement = bytes.fromhex(str(period.settlement))
    amounts = payable(state, currency)
    lines = []
    for member, amount in amounts.items():
        destination = destination_in_force(state, member, currency, now)
        if destination is None or destination["type"] != METHODS[method]:
            continue
        attempt = _attempt(state, period.id, currency, member)
        lines.append(
            Line(
                id=payout_id(settlement, member, currency, period=period.id, attempt=attempt),
                member=member,
                amount_minor=amount,
                destination=destination_hash(destination),
                account=destination["address"] if method == VAULT else None,
                attempt=attempt,
            )
        )
    if not lines:
        raise Conflict(
            f"nothing is to be paid in {currency} by {method}: of {len(amounts)} members with an "
            f"amount payable none has such a destination in force"
        )
    vault = place_in_force(state, currency) if method == VAULT else None
    order = Order(period.id, currency, method, tuple(lines), vault)
    if order.total_minor > AMOUNT_MAX:
        raise OutOfRange("an order pays at most 2**53 − 1 minor units", total=order.total_minor)
    return order


def newest_settled(state: State, currency: str) -> Period:
    """The newest month that is settled in a currency; raises Conflict if none is."""
    found = [
        period
        for period in state.periods.values()
        if period.status == "settled" and period.currency == currency
    ]
    if not found:
        raise Conflict(f"no month is settled in {currency}; settle one before it is paid")
    return max(found, key=lambda period: period.start)


def propose_order(step: Step, body: payout_bodies.PayoutOrdered) -> Change:
    """Derive the order again and put it before the electorate."""
    state = step.state
    if step.right.approve is None:
        raise MalformedEntry("a payout needs a quorum; the charter names none")
    order = derive_order(state, body.currency, body.method, step.now)
    stated = (body.period, body.count, body.total_minor)
    derived = (order.period, len(order.lines), order.total_minor)
    if stated != derived:
        raise SumMismatch(
            f"what is payable is {derived[2]} of {derived[0]} in {derived[1]} lines, the order "
            f"says {stated[2]} of {stated[0]} in {stated[1]}",
            stated=stated,
            computed=derived,
        )
    if step.blob(body.lines, "the lines")[SALT_BYTES:] != order.content():
        raise SumMismatch("the lines blob is not what is payable now")
    if body.notices != bodies.NO_BLOB:
        check_notices(step.blob(body.notices, "the notices")[SALT_BYTES:], order)
    state = propose(
        step,
        state,
        step.right.approve,
        subject=subjects.of_payout(body, state.terms(), order.vault),
        subject_hash=step.envelope.leaf,
        body={
            "period": order.period,
            "currency": order.currency,
            "method": order.method,
            "blob": body.lines.sha256,
            "lines": [asdict(line) for line in order.lines],
            **_named(order.vault),
        },
    )
    return Change(
        state, period=order.period, amount_minor=order.total_minor, currency=order.currency
    )


def check_notices(content: bytes, order: Order) -> None:
    """Raise unless the documents that go with an order are of its own lines and amounts.

    Who stands on them, and how they are taxed, the log does not know: that they add up is checked
    by whoever shows them (``ledger.payout.invoice.parse_invoice``).
    """
    found = canonical.parse_canonical(content, what="the notices")
    documents = found.get("documents") if isinstance(found, dict) else None
    if not isinstance(documents, dict):
        raise MalformedEntry("the notices are not a JSON object with documents")
    lines = {line.id: line for line in order.lines}
    for id_, document in documents.items():
        line = lines.get(id_)
        if line is None or not isinstance(document, dict):
            raise SumMismatch(f"the notices have a document of {id_[:40]}, the order no such line")
        wanted = {"number": id_, "currency": order.currency, "payable_minor": line.amount_minor}
        is_kind = document.get("kind") in NOTICE_KINDS
        if not is_kind or any(
            type(document.get(name)) is not type(value) or document[name] != value
            for name, value in wanted.items()
        ):
            raise SumMismatch(
                f"the document of {id_} is not one of {order.currency} {line.amount_minor}"
            )


def enact_order(step: Step, state: State, proposal: Proposal) -> State:
    """The electorate approved: the lines are ordered, and no later order pays them again."""
    body = proposal.body
    currency = str(body["currency"])
    lines = [Line(**row) for row in body["lines"]]
    _check_still(step, state, currency, lines)
    vault = _vault_still(state, body)
    rows = dict(state.dues.get(currency, {}))
    for line in lines:
        before = rows[line.member]
        rows[line.member] = replace(before, ordered=before.ordered + line.amount_minor)
    order = PayoutOrder(
        period=str(body["period"]),
        currency=currency,
        method=str(body["method"]),
        index=proposal.index,
        lines={
            line.id: OrderedLine(
                line.member, line.amount_minor, line.destination, line.account, line.attempt
            )
            for line in lines
        },
        vault=vault,
    )
    # What is enacted is what the vote names: the hash under which the proposal stood.
    id_ = str(step.envelope.draft.body["subject_hash"])
    return replace(
        state,
        dues={**state.dues, currency: rows},
        orders={**state.orders, id_: order},
    )


def export_order(step: Step, body: payout_bodies.PayoutExported) -> Change:
    """The bank's file is made, once: whoever needs it again reads its blob."""
    order = order_of(step.state, body.order)
    if order.file is not None:
        raise AlreadyExported(
            f"the order was exported as {order.file.format} to be paid on {order.file.pay_on}; "
            "what the bank refuses is reported as returned and ordered again"
        )
    if body.format not in FORMATS[order.method]:
        taken = ", ".join(FORMATS[order.method]) or "no file: its claims are in the vault"
        raise MalformedEntry(f"an order by {order.method} takes {taken}, not {body.format}")
    _check_on_its_way(step.state, body.order, order)
    step.blob(body.file, "the bank's file")
    exported = replace(order, file=ExportedFile(body.format, body.pay_on, body.file.sha256))
    state = replace(step.state, orders={**step.state.orders, body.order: exported})
    return Change(state, period=order.period, currency=order.currency)


def _check_on_its_way(state: State, order_id: str, order: PayoutOrder) -> None:
    """Raise Conflict if a file would pay what has come back, or what a report may bring back.

    Money that came back is payable in another order: a file of this one would pay it twice.
    """
    back = [id_ for id_, line in lines_by_member(order) if line.state != "ordered"]
    if back:
        raise Conflict(
            f"{len(back)} lines of the order are {order.lines[back[0]].state}, {back[0]} first; "
            "what is payable again is paid by another order"
        )
    if any(waiting_results(state, order_id)):
        raise Conflict(
            "a report on this order waits to be confirmed; withdraw it, or let it be decided, "
            "before the bank gets a file"
        )


def order_of(state: State, order_id: str) -> PayoutOrder:
    """An approved order; raises NotFound."""
    order = state.orders.get(order_id)
    if order is None:
        raise NotFound(f"no approved payout order has the hash {order_id}")
    return order


def vault_totals(
    state: State, currency: str, *, through: str, vault: str | None = None
) -> dict[str, int]:
    """What each EVM account has been ordered from a vault, in minor units, up to and with a month.

    The leaves of that vault's claims tree: cumulative, by account (0x and lower-case hex). None
    ever falls, and an account that its member has given up keeps what it reached. ``vault`` is
    ``<chain id>/<contract>``, or None for the orders that name none.
    """
    found: dict[str, int] = {}
    for order in vault_orders(state, currency, vault).values():
        if order.period > through:
            continue
        for line in order.lines.values():
            account = str(line.account)
            found[account] = found.get(account, 0) + line.amount_minor
    return dict(sorted(found.items()))


def vault_orders(state: State, currency: str, vault: str | None) -> dict[str, PayoutOrder]:
    """The orders from a vault by id, as they were proposed; with None those that name no vault."""
    wanted = (currency, VAULT, vault)
    return {
        id_: order
        for id_, order in orders_by_age(state)
        if (order.currency, order.method, order.vault) == wanted
    }


@dataclass(frozen=True, slots=True)
class Expired:
    """A part of an account's claims that went to a reserve: from one cumulative sum to another."""

    start: int
    end: int
    reserve: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A line that the vault is done with: ``reserve`` got it if it is expired, else the account."""

    order: str
    line: str
    reserve: str | None = None


def settled_lines(
    orders: Mapping[str, PayoutOrder],
    settled: Mapping[str, int],
    expired: Mapping[str, Sequence[Expired]],
) -> Iterator[Settled]:
    """The lines of a vault's orders that it is done with, and that the state has otherwise.

    ``settled`` is what each account has claimed or let expire in all, in minor units, ``expired``
    which parts of that went to a reserve. The oldest lines of an account are paid first; one counts
    when it is settled whole, and as expired if any of it is. ``orders`` are gone through as they
    are given: in the order in which they were approved, for so they came into the tree.
    """
    reached: dict[str, int] = {}
    for order_id, order in orders.items():
        for id_, line in lines_by_member(order):
            account = str(line.account)
            start = reached.get(account, 0)
            reached[account] = end = start + line.amount_minor
            if end > settled.get(account, 0):
                continue
            gone = (one for one in expired.get(account, ()) if one.start < end and one.end > start)
            reserve = next((one.reserve for one in gone), None)
            if line.state != ("paid" if reserve is None else "expired"):
                yield Settled(order_id, id_, reserve)


def _attempt(state: State, period: str, currency: str, member: str) -> int:
    """How often this payment was tried: ordered, or waiting for approval."""
    tried = [
        line.attempt
        for order in state.orders.values()
        if (order.period, order.currency) == (period, currency)
        for line in order.lines.values()
        if line.member == member
    ]
    tried += [
        int(row["attempt"])
        for waiting in waiting_orders(state, currency)
        if waiting["period"] == period
        for row in waiting["lines"]
        if row["member"] == member
    ]
    return max(tried, default=-1) + 1


def _check_still(step: Step, state: State, currency: str, lines: Sequence[Line]) -> None:
    """Raise Conflict unless every line may be paid as it was proposed."""
    amounts: Mapping[str, int] = payable(state, currency)
    for line in lines:
        destination = destination_in_force(state, line.member, currency, step.now)
        if destination is None or destination_hash(destination) != line.destination:
            raise Conflict(
                f"{line.member} is paid elsewhere since this order was proposed; "
                "withdraw the order and propose it again"
            )
        if line.amount_minor > amounts.get(line.member, 0):
            raise Conflict(
                f"{line.member} may be paid {amounts.get(line.member, 0)} now, the order says "
                f"{line.amount_minor}; withdraw the order and propose it again"
            )


def _vault_still(state: State, body: Mapping[str, Any]) -> str | None:
    """The vault that the order names; raises Conflict unless it is the one in force still."""
    named: str | None = body.get("vault")
    current = place_in_force(state, str(body["currency"]))
    if body["method"] == VAULT and named != current:
        raise Conflict(
            f"the vault in force is {current or 'not named'}, the order is from "
            f"{named or 'one that is not named'}; withdraw the order and propose it again"
        )
    return named


def _named(vault: str | None) -> dict[str, str]:
    """Where orders say which vault pays them; nothing in a log that names none."""
    return {} if vault is None else {"vault": vault}
