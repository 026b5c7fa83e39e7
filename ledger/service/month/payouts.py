"""The payouts of a month: for each method that members' destinations ask for, propose, then pay.

Money is netted over all settled months (``ledger.coop.dues``), so it is the newest settled month
that proposes; an earlier one only brings its own orders to their end. Banks are given one file an
order; what the vault is given is ``claims``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from ledger.coop.ages import orders_by_age, proposals_by_age
from ledger.coop.destinations import destination_in_force
from ledger.coop.disputes import tend
from ledger.coop.dues import ORDER, payable
from ledger.coop.payouts import METHODS, VAULT, is_payable_by, newest_settled
from ledger.coop.state import PayoutOrder, Proposal, State
from ledger.payout.bank_calendar import BankCalendar, bundled_calendar
from ledger.payout.iban_days import next_day
from ledger.period import parse_instant
from ledger.service.coop import Coop
from ledger.service.month.keep import Folder
from ledger.service.month.track import Doing, Standing, Track, Words, decisions
from ledger.service.payout import Documents, draft_orders, propose_payouts
from ledger.service.payout_export import Exported, Wanted, export_order

SUFFIXES: Mapping[str, str] = {
    "zengin": "txt",
    "pain.001.001.03": "xml",
    "pain.001.001.09": "xml",
    "csv": "csv",
}


@dataclass(frozen=True, slots=True)
class Paying:
    """What the payouts of a month are done with.

    ``calendar`` gives the days of banks in Japan; it may read files, and raise.
    """

    month: str
    currency: str
    folder: Folder | None
    pay_on: date | None
    slug: str
    calendar: Callable[[], BankCalendar] = bundled_calendar


def propose_month(
    coop: Coop, month: str, currency: str, doing: Doing, documents: Documents | None = None
) -> None:
    """Propose what is payable, if this is the newest settled month of its currency."""
    state = tend(coop.state(), coop.clock())
    if not state.keeps_payouts() or newest_settled(state, currency).id != month:
        return
    if doing.is_dry:
        orders = draft_orders(coop, currency)
    else:
        orders = [one.order for one in propose_payouts(coop, currency, documents)]
    for order in orders:
        en = f"propose {order.total_minor} {currency} to {len(order.lines)} members"
        ja = f"{len(order.lines)} 名への支払 {order.total_minor} {currency} を提案"
        doing.did(f"{en} by {order.method}", f"{ja}（{order.method}）")


def methods_of(coop: Coop, month: str, currency: str) -> list[str]:
    """The methods by which the month pays or is to pay, in the order of ``METHODS``."""
    now = coop.clock()
    state = tend(coop.state(), now)
    if not state.keeps_payouts():
        return []
    used = {order.method for _, order in _orders(state, month, currency)}
    used |= {str(one.body["method"]) for _, one in _proposals(state, month, currency)}
    if newest_settled(state, currency).id == month:
        used |= {method for method in METHODS if is_payable_by(state, currency, method, now)}
    return [method for method in METHODS if method in used]


def pay_by(coop: Coop, paying: Paying, method: str, doing: Doing) -> Track:
    """Write the files of the approved orders of a method, and say which orders wait."""
    state = coop.state()
    name = f"payout {paying.currency} {method}"
    orders = [
        (id_, order)
        for id_, order in _orders(state, paying.month, paying.currency)
        if order.method == method
    ]
    files: list[dict[str, Any]] = []
    if method != VAULT and orders:
        unset = _missing(paying, method, [order for _, order in orders])
        if unset is not None:
            return Track(name, Standing.UNSET, "approved", unset)
        found = (_file_of(coop, paying, one, doing) for one in orders)
        files = [one for one in found if one is not None]
    waiting = [
        decisions(id_[:12], one)
        for id_, one in _proposals(state, paying.month, paying.currency)
        if one.body["method"] == method
    ]
    details = {"orders": [id_ for id_, _ in orders], "files": files}
    if waiting:
        words = Words("; ".join(one.en for one in waiting), "；".join(one.ja for one in waiting))
        return Track(name, Standing.WAITS, "proposed", words, details=details)
    if not orders or (method != VAULT and len(files) < len(orders)):  # proposing comes first
        return Track(name, Standing.LATER, details=details)
    return Track(name, Standing.DONE, "approved" if method == VAULT else "exported",
                 details=details)  # fmt: skip


def unreached(coop: Coop, currency: str) -> Iterator[Words]:
    """The members to whom something is payable and who have no account in force."""
    now = coop.clock()
    state = tend(coop.state(), now)
    for member, amount in payable(state, currency).items():
        if destination_in_force(state, member, currency, now) is None:
            yield Words(
                f"{member} has no account in force: {amount} {currency} is carried until the "
                "member names one and the office confirms it",
                f"{member} の口座が未登録のため {amount} {currency} を繰り越します",
            )


def _missing(paying: Paying, method: str, orders: list[PayoutOrder]) -> Words | None:
    """Which setting the files of a method lack; None if they lack none.

    Without a folder, what the office has exported by its own command is left to it.
    """
    section = f"[coops.{paying.slug}.payouts]"
    is_new = any(order.file is None for order in orders)
    if paying.folder is None and not is_new:
        return None
    if paying.folder is None:
        return Words(
            f"kyojo.toml has no {section}: say in `folder` where the banks' files are written",
            f"kyojo.toml に {section} がありません。folder に銀行ファイルの出力先を指定します",
        )
    if is_new and paying.folder.formats[method] != "csv" and method not in paying.folder.payers:
        return Words(
            f"{section} has no `{method}_payer`: name the file that says who pays",
            f"{section} に {method}_payer（依頼人の口座ファイル）がありません",
        )
    return None


def _file_of(
    coop: Coop, paying: Paying, named: tuple[str, PayoutOrder], doing: Doing
) -> dict[str, Any] | None:
    """The file of an order, in the folder; None where a dry run cannot have it yet."""
    id_, order = named
    folder = paying.folder
    if folder is None:
        file = order.file
        return None if file is None else {"order": id_, "file": None, "format": file.format,
                                          "pay_on": file.pay_on}  # fmt: skip
    made = _export(coop, paying, folder, named, doing)
    if made is None:
        return None
    form = folder.formats[order.method] if order.file is None else order.file.format
    name = f"{order.period}-{order.currency}-{order.method}-{id_[:12]}.{SUFFIXES[form]}"
    control = dict(made.report["control_totals"])
    is_new = not folder.has(name, made.data) if doing.is_dry else folder.keep(name, made.data)
    if is_new:
        doing.did(f"write {name}", f"{name} を書き出し")
    return {
        "order": id_,
        "file": str(folder.path / name),
        "sha256": sha256(made.data).hexdigest(),
        "format": form,
        "pay_on": made.report["pay_on"],
        "control_totals": control,
        "losses": list(made.report.get("losses", ())),
    }


def _export(
    coop: Coop, paying: Paying, folder: Folder, named: tuple[str, PayoutOrder], doing: Doing
) -> Exported | None:
    id_, order = named
    if order.file is not None:  # whatever was asked for then, it is the only file
        return export_order(coop, id_, Wanted(order.file.format, None, None))
    method = order.method
    day = paying.pay_on or _next_day(coop, paying, method)
    en, ja = f"export {id_[:12]} to be paid on {day}", f"{id_[:12]} の振込ファイルを作成（{day}）"
    if doing.is_dry:
        doing.did(en, ja)
        return None
    wanted = Wanted(folder.formats[method], day, folder.payer(method), paying.calendar())
    made = export_order(coop, id_, wanted)
    doing.did(en, ja)
    return made


def _next_day(coop: Coop, paying: Paying, method: str) -> date:
    """The next day of payment after today: of Japan's banks, else of the currency."""
    zone = ZoneInfo(coop.state().terms().time_zone)
    day = parse_instant(coop.clock()).astimezone(zone).date() + timedelta(days=1)
    if method == "bank":
        return paying.calendar().next_open(day)
    return next_day(paying.currency, day)


def _orders(state: State, month: str, currency: str) -> Iterator[tuple[str, PayoutOrder]]:
    for id_, order in orders_by_age(state):
        if (order.period, order.currency) == (month, currency):
            yield id_, order


def _proposals(state: State, month: str, currency: str) -> Iterator[tuple[str, Proposal]]:
    for id_, one in proposals_by_age(state):
        if one.kind == ORDER and (one.body["period"], one.body["currency"]) == (month, currency):
            yield id_, one
