"""The anchors of a month: on every target, a final head that covers what the month brought.

Covered are the entry by which the settlement takes effect, the last vote on each payout order and
each exported file; final is what the log records so. When that is so, the month leaves the targets
alone: what is new for other reasons is for `scripts/anchor_checkpoint.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ledger.coop.charter import AnchorTarget
from ledger.coop.envelope import parse_envelope
from ledger.coop.successors import current_targets, place_of
from ledger.service.anchor import TargetReport, anchor_all, report_document
from ledger.service.anchor_access import ChainAccess, is_meant
from ledger.service.anchor_status import TargetStatus, anchor_document, statuses
from ledger.service.coop import Coop
from ledger.service.month.track import PASSING, Doing, Standing, Track, Words
from ledger.store.reading import PAGE, Filter, LogReader

SETTLED, EXPORTED, DECISION = "settlement-settled", "payout-exported", "decision"


def anchor_month(
    coop: Coop, month: str, reach: Callable[[], Sequence[ChainAccess]] | None, doing: Doing
) -> list[Track]:
    """Work on each target of the co-op until it covers the month; a track for each."""
    needed = _needed(coop, month)
    found = statuses(coop, ())
    missing = [one for one in found if _recorded(coop, one) < needed]
    accesses = [] if reach is None or not missing else list(reach())
    tracks = []
    for status in found:
        name = f"anchor {status.chain_id}/{status.contract}"
        if _recorded(coop, status) >= needed:
            tracks.append(Track(name, Standing.DONE, "final", details=_details(status, needed)))
            continue
        access = _access_for(coop, status, accesses)
        if access is None:
            tracks.append(Track(name, Standing.UNSET, "signed", Words(
                f"kyojo.toml has no [coops.{coop.log.slug}.chain] for this contract",
                f"kyojo.toml にこの契約の [coops.{coop.log.slug}.chain] がありません",
            )))  # fmt: skip
        elif doing.is_dry:
            doing.did(f"anchor size {needed}", f"件数 {needed} をアンカー")
            tracks.append(Track(name, Standing.LATER, "signed"))
        else:
            tracks.append(_work(coop, access, needed, name, doing))
    return tracks


def _work(coop: Coop, access: ChainAccess, needed: int, name: str, doing: Doing) -> Track:
    before = _stands(coop)
    (report,) = anchor_all(coop, [access])
    newest = report.newest
    if newest is not None and (newest.transaction, newest.state) not in before:
        doing.did(
            f"anchor size {newest.size}: {newest.state}",
            f"アンカー（件数 {newest.size}、{newest.state}）",
        )
    if report.error is not None:
        if report.error.details.get("kind") not in PASSING:
            return Track(name, Standing.FAILED, error=report.error)
        return Track(name, Standing.WAITS, waits=Words(report.error.message, "待機中"))
    place = (report.chain_id, report.contract)
    known = statuses(coop, (access.settings,))
    status = next(one for one in known if (one.chain_id, one.contract) == place)
    details = {**_details(status, needed), "report": report_document(report)}
    if _recorded(coop, status) >= needed:
        return Track(name, Standing.DONE, "final", details=details)
    return Track(name, Standing.WAITS, "signed" if newest is None else newest.state,
                 _waits(report, status, needed), details=details)  # fmt: skip


def _waits(report: TargetReport, status: TargetStatus, needed: int) -> Words:
    newest = status.newest
    if report.waits_for:
        return Words(report.waits_for, "手数料の上限により待機中")
    if newest is not None and newest.size >= needed:
        note = f" ({newest.note})" if newest.note else ""
        return Words(
            f"finality of the anchor of size {newest.size}, which is {newest.state}{note}",
            f"アンカー（件数 {newest.size}、{newest.state}）の確定待ち",
        )
    if newest is not None and newest.unwitnessed:
        return Words(
            f"the quorum of witnesses for {newest.unwitnessed} entries", "証人の定足数待ち"
        )
    if newest is not None and newest.size > status.final_size:
        return Words(
            f"the anchor of size {newest.size} before it, which is {newest.state}",
            f"先のアンカー（件数 {newest.size}、{newest.state}）の確定待ち",
        )
    why = status.verdict if report.verdict is None else report.verdict
    return Words(f"the anchoring policy: {why.en}", f"アンカー方針: {why.ja}")


def _recorded(coop: Coop, status: TargetStatus) -> int:
    """The size that the log records as final there: a row in the outbox is not enough."""
    known = coop.state().anchors.get(place_of(status.chain_id, status.contract))
    return 0 if known is None else known.size


def _needed(coop: Coop, month: str) -> int:
    """The size that a head must have to cover the month."""
    with coop.reading() as (state, log):
        last = [row.index for kind in (SETTLED, EXPORTED)
                for row in log.search(Filter(kind=kind, period=month))]  # fmt: skip
        orders = {id_: one.index for id_, one in state.orders.items() if one.period == month}
        if orders:
            last += _votes(log, set(orders), min(orders.values()))
    return max(last) + 1


def _votes(log: LogReader, orders: set[str], start: int) -> Iterator[int]:
    """The entries by which orders were decided on."""
    while page := log.search(Filter(kind=DECISION), start=start, limit=PAGE):
        for row in page:
            if parse_envelope(log.entry(row.index)).draft.body["subject_hash"] in orders:
                yield row.index
        start = page[-1].index + 1


def _access_for(
    coop: Coop, status: TargetStatus, accesses: Sequence[ChainAccess]
) -> ChainAccess | None:
    state = coop.state()
    target = next(one for one in current_targets(state) if _is_of(status, one))
    return next((one for one in accesses if is_meant(state, one.settings, target)), None)


def _is_of(status: TargetStatus, target: AnchorTarget) -> bool:
    return (status.chain_id, status.contract) == (target.chain_id, target.contract)


def _stands(coop: Coop) -> set[tuple[bytes, str]]:
    found = [one.newest for one in statuses(coop, ())]
    return {(one.transaction, one.state) for one in found if one is not None}


def _details(status: TargetStatus, needed: int) -> dict[str, object]:
    newest = status.newest
    return {
        "needed_size": needed,
        "final_size": status.final_size,
        "newest": None if newest is None else anchor_document(newest),
    }
