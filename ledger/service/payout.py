"""Pay: propose what is payable, and show where payments stand.

The office proposes; the members approve (``kyojo member decide``). Proposing again proposes only
what no order pays yet, so it may run from cron. Where the office's terms are given, an order
carries the documents that go with its payments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ledger.coop.ages import lines_by_member, orders_by_age, proposals_by_age
from ledger.coop.destinations import NEXT, SINCE, destination_in_force
from ledger.coop.disputes import tend
from ledger.coop.dues import ORDER, held_of, owed_by, payable
from ledger.coop.payouts import METHODS, Order, derive_order, is_payable_by
from ledger.coop.state import Dues, State
from ledger.errors import Conflict
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, write
from ledger.service.read import may_read, require_member
from ledger.service.sign_in import Reader
from ledger.store.sequencer import Receipt
from ledger.usage.totals import SALT_BYTES

DESTINATION = "payout-destination-set"
Documents = Callable[[Order], bytes]
"""The salted blob with an order's documents."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """An order that was put before the members, and the entry that did it."""

    order: Order
    receipt: Receipt


def draft_orders(coop: Coop, currency: str | None = None) -> list[Order]:
    """What would be ordered now, by currency and method; writes nothing."""
    now = coop.clock()
    state = tend(coop.state(), now)
    codes = [terms.code for terms in state.terms().currencies if currency in (None, terms.code)]
    if not codes:
        raise Conflict(f"the charter does not know the currency {currency}")
    return [
        derive_order(state, code, method, now)
        for code in codes
        for method in METHODS
        if is_payable_by(state, code, method, now)
    ]


def propose_payouts(
    coop: Coop, currency: str | None = None, documents: Documents | None = None
) -> list[Proposed]:
    """Propose all that is payable, an order for each currency and method; maybe none.

    With ``documents`` each carries those (``payout_notice.seal_notices``).
    """
    found = []
    for order in draft_orders(coop, currency):
        blob = coop.random(SALT_BYTES) + order.content()
        body = {
            "period": order.period,
            "currency": order.currency,
            "method": order.method,
            "count": len(order.lines),
            "total_minor": order.total_minor,
            "lines": blob_reference(blob),
        }
        named = {sha256(blob).hexdigest(): blob}
        if documents is not None:
            notices = documents(order)
            body["notices"] = blob_reference(notices)
            named[sha256(notices).hexdigest()] = notices
        found.append(Proposed(order, write(coop, kind=ORDER, body=body, blobs=named)))
    return found


@dataclass(frozen=True, slots=True)
class MemberDues:
    """What a member is due in a currency, in minor units, and what became of it.

    ``expired`` was not claimed from the vault in time and went to a reserve. ``held`` waits for the
    end of a dispute, ``owed`` is what the member owes, ``payable`` what may be ordered now.
    """

    member: str
    currency: str
    due: int
    ordered: int
    paid: int
    returned: int
    expired: int
    held: int
    owed: int
    payable: int


@dataclass(frozen=True, slots=True)
class LineView:
    """A payment: to whom, and whether it is proposed, ordered, paid, returned or expired."""

    id: str
    member: str
    amount_minor: int
    attempt: int
    state: str


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as a reader may see it; ``status`` is proposed, approved or exported.

    ``vault`` is the vault that pays it, ``<chain id>/<contract>``, where the log names it.
    ``count`` and ``total_minor`` are of all its lines, ``lines`` those open to the reader.
    """

    id: str
    period: str
    currency: str
    method: str
    status: str
    count: int
    total_minor: int
    format: str | None
    pay_on: str | None
    vault: str | None
    lines: tuple[LineView, ...]


@dataclass(frozen=True, slots=True)
class DestinationView:
    """Where a member is paid; ``status`` is proposed, coming or in force.

    ``since`` is when it comes, or came, into force; None while somebody has to confirm it.
    """

    member: str
    currency: str
    type: str
    hint: str
    details: str | None
    status: str
    since: str | None
    subject_hash: str | None


@dataclass(frozen=True, slots=True)
class VaultView:
    """A vault as the log names it, and the entry that does; the current one pays new orders."""

    currency: str
    chain_id: int
    contract: str
    code_hash: str
    token: str
    decimals: int
    entry: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class PayoutsView:
    """What a reader may see of payouts."""

    members: tuple[MemberDues, ...]
    orders: tuple[OrderView, ...]
    destinations: tuple[DestinationView, ...]
    vaults: tuple[VaultView, ...]


def payouts(coop: Coop, reader: Reader) -> PayoutsView:
    """A member's own dues, payments and destinations; all for whom the charter lets read lines.

    Destinations of others are for the office only, which confirms them.
    """
    member = require_member(reader)
    now = coop.clock()
    state = tend(coop.state(), now)
    reads_all = may_read(state, reader, "settlements")
    whose = None if reads_all else member
    return PayoutsView(
        tuple(dues_in(state, whose)),
        tuple(orders_in(state, whose)),
        tuple(destinations_in(state, now, None if "operator" in reader.roles else member)),
        tuple(vaults_in(state)),
    )


def office_view(coop: Coop) -> PayoutsView:
    """All of it, for the office's own commands."""
    now = coop.clock()
    state = tend(coop.state(), now)
    parts = (dues_in(state), orders_in(state), destinations_in(state, now))
    return PayoutsView(tuple(parts[0]), tuple(parts[1]), tuple(parts[2]), tuple(vaults_in(state)))


def vaults_in(state: State) -> Iterator[VaultView]:
    """The vaults that the log names, oldest first, currency by currency."""
    for currency, named in sorted(state.vaults.items()):
        for one in named:
            yield VaultView(
                currency=currency,
                chain_id=one.chain_id,
                contract=one.contract,
                code_hash=one.code_hash,
                token=one.token,
                decimals=one.decimals,
                entry=one.index,
                is_current=one == named[-1],
            )


def dues_in(state: State, member: str | None = None) -> Iterator[MemberDues]:
    """Dues by currency and member, or of one member only."""
    for terms in state.terms().currencies:
        currency = terms.code
        rows = state.dues.get(currency, {})
        held, owed, free = (
            _held(state, currency),
            owed_by(state, currency),
            payable(state, currency),
        )
        for name in sorted(rows.keys() | held.keys() | owed.keys()):
            if member in (None, name):
                dues = rows.get(name, Dues())
                yield MemberDues(
                    member=name,
                    currency=currency,
                    due=dues.due,
                    ordered=dues.ordered,
                    paid=dues.paid,
                    returned=dues.returned,
                    expired=dues.expired,
                    held=held.get(name, 0),
                    owed=owed.get(name, 0),
                    payable=free.get(name, 0),
                )


def orders_in(state: State, member: str | None = None) -> Iterator[OrderView]:
    """Orders, approved ones first, then those that wait; lines of one member only if one is named.

    An order that has no line of the member is left out.
    """
    for id_, order in orders_by_age(state):
        lines = tuple(
            LineView(line_id, line.member, line.amount_minor, line.attempt, line.state)
            for line_id, line in lines_by_member(order)
        )
        file = order.file
        view = _order_view(
            (id_, "approved" if file is None else "exported"),
            {
                "period": order.period,
                "currency": order.currency,
                "method": order.method,
                "vault": order.vault,
            },
            lines,
            member,
        )
        if view is not None:
            if file is not None:
                view = replace(view, format=file.format, pay_on=file.pay_on)
            yield view
    for id_, proposal in proposals_by_age(state):
        if proposal.kind == ORDER:
            lines = tuple(
                LineView(
                    row["id"], row["member"], int(row["amount_minor"]), row["attempt"], "proposed"
                )
                for row in proposal.body["lines"]
            )
            view = _order_view((id_, "proposed"), proposal.body, lines, member)
            if view is not None:
                yield view


def destinations_in(state: State, now: str, member: str | None = None) -> Iterator[DestinationView]:
    """Destinations in force, coming ones, and those that somebody has to confirm."""
    for place, row in sorted(state.destinations.items()):
        whose, currency = place.rsplit("/", 1)
        if member not in (None, whose):
            continue
        now_at = destination_in_force(state, whose, currency, now)
        if now_at is not None:
            yield _destination(whose, currency, now_at, "in force")
        for coming in (row, row.get(NEXT)):
            if coming is not None and coming[SINCE] > now:
                yield _destination(whose, currency, coming, "coming")
    for id_, proposal in proposals_by_age(state):
        if proposal.kind == DESTINATION and member in (None, proposal.body["member"]):
            body = proposal.body
            found = _destination(body["member"], body["currency"], body["destination"], "proposed")
            yield replace(found, subject_hash=id_)


def _held(state: State, currency: str) -> dict[str, int]:
    """What open disputes of settled months hold, and what has not been posted since."""
    found: dict[str, int] = {}
    for period in state.periods.values():
        if period.currency == currency and period.status == "settled":
            for name, amount in held_of(state, period).items():
                found[name] = found.get(name, 0) + amount
    return found


def _order_view(
    named: tuple[str, str],
    about: Mapping[str, Any],
    lines: tuple[LineView, ...],
    member: str | None,
) -> OrderView | None:
    own = tuple(line for line in lines if member in (None, line.member))
    if not own:
        return None
    return OrderView(
        id=named[0],
        period=str(about["period"]),
        currency=str(about["currency"]),
        method=str(about["method"]),
        status=named[1],
        count=len(lines),
        total_minor=sum(line.amount_minor for line in lines),
        format=None,
        pay_on=None,
        vault=about.get("vault"),
        lines=own,
    )


def _destination(
    member: str, currency: str, row: Mapping[str, Any], status: str
) -> DestinationView:
    is_evm = row["type"] == "evm"
    return DestinationView(
        member=member,
        currency=currency,
        type=str(row["type"]),
        hint=str(row["address"] if is_evm else row["hint"]),
        details=None if is_evm else str(row["details"]["sha256"]),
        status=status,
        since=row.get(SINCE),
        subject_hash=None,
    )
