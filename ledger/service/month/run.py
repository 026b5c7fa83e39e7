"""Run the tracks of a month one after another, and, where asked to, stay until they are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from ledger.payout.bank_calendar import BankCalendar, bundled_calendar
from ledger.service.anchor_access import ChainAccess
from ledger.service.claims import VaultAccess
from ledger.service.coop import Coop
from ledger.service.month.anchoring import anchor_month
from ledger.service.month.claims import is_paid_by_vault, publish_month
from ledger.service.month.keep import Folder
from ledger.service.month.payouts import Paying, methods_of, pay_by, propose_month, unreached
from ledger.service.month.settlement import NAME, settle_month
from ledger.service.month.track import Doing, Report, Standing, Track, guarded
from ledger.service.notice_terms import NoticeTerms
from ledger.service.payout_notice import seal_notices


def no_terms() -> NoticeTerms | None:
    """Orders carry no documents."""
    return None


@dataclass(frozen=True, slots=True)
class Means:
    """What an installation has for the month's work; None where nothing is set.

    ``chains`` and ``vault`` read key files when they are called, so that a missing one ends its
    own track only; so does ``calendar``, the days of banks in Japan, with files of holidays.
    ``pay_on`` is the day of payment of files that are not made yet. With ``leaves_chain`` neither
    anchors nor claims are touched. With ``notice_terms`` orders carry their documents.
    """

    chains: Callable[[], Sequence[ChainAccess]] | None = None
    vault: Callable[[], VaultAccess] | None = None
    folder: Folder | None = None
    pay_on: date | None = None
    leaves_chain: bool = False
    calendar: Callable[[], BankCalendar] = bundled_calendar
    notice_terms: Callable[[], NoticeTerms | None] = no_terms


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to stay, and how often to look, in seconds; the clock and the sleep are given."""

    seconds: float
    pause: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]


def run_month(coop: Coop, month: str, means: Means, doing: Doing | None = None) -> Report:
    """Take every step of a month that can be taken now.

    What ends a track is told in it, and ends no other; anchors come last, to cover what the
    others wrote.
    """
    doing = Doing() if doing is None else doing
    settlement = guarded(NAME, partial(settle_month, coop, month, doing))
    tracks, notes = [settlement], []
    if settlement.standing is Standing.DONE:
        tracks += _pay(coop, month, means, doing)
        currency = coop.state().period(month).currency
        notes = [] if currency is None else list(unreached(coop, currency))
        if not means.leaves_chain:
            tracks += _anchor(coop, month, means, doing)
    return Report(month, tuple(doing.done), tuple(tracks), tuple(notes))


def stay(step: Callable[[], Report], patience: Patience, tell: Callable[[Report], None]) -> Report:
    """Run again and again until nothing is waited for or the time is over; the last report.

    ``tell`` is given each report that has something to wait for.
    """
    end = patience.clock() + patience.seconds
    while True:
        report = step()
        left = end - patience.clock()
        if not report.waiting or left <= 0:
            return report
        tell(report)
        patience.sleep(min(patience.pause, left))


def _pay(coop: Coop, month: str, means: Means, doing: Doing) -> list[Track]:
    currency = coop.state().period(month).currency
    if currency is None or not coop.state().keeps_payouts():
        return []
    paying = Paying(month, currency, means.folder, means.pay_on, coop.log.slug, means.calendar)

    def propose() -> Track:
        terms = means.notice_terms()
        documents = None if terms is None else partial(seal_notices, coop, terms=terms)
        propose_month(coop, month, currency, doing, documents)
        return Track("payout", Standing.DONE)

    proposed = guarded("payout", propose)
    tracks = [] if proposed.standing is Standing.DONE else [proposed]
    for method in methods_of(coop, month, currency):
        work = partial(pay_by, coop, paying, method, doing)
        tracks.append(guarded(f"payout {currency} {method}", work))
    if not means.leaves_chain and is_paid_by_vault(coop, month, currency):
        publish = partial(publish_month, coop, paying, means.vault, doing)
        tracks.append(guarded(f"claims {currency}", publish))
    return tracks


def _anchor(coop: Coop, month: str, means: Means, doing: Doing) -> list[Track]:
    found: list[Track] = []

    def work() -> Track:
        found.extend(anchor_month(coop, month, means.chains, doing))
        return Track("anchor", Standing.DONE)

    whole = guarded("anchor", work)
    return found if whole.standing is Standing.DONE else [whole]


def document_of(report: Report) -> dict[str, Any]:
    """A report for programs."""
    return {
        "period": report.period,
        "status": report.status,
        "done": [words.en for words in report.done],
        "waits_for": "; ".join(words.en for words in report.reasons()),
        "tracks": [_track_document(track) for track in report.tracks],
        "notes": [{"en": note.en, "ja": note.ja} for note in report.notes],
    }


def text_of(report: Report) -> str:
    """A report for people: what was done, how each track stands, what else to know."""
    lines = [f"✓ {words}" for words in report.done]
    for track in report.tracks:
        status = f" ({track.status})" if track.status else ""
        lines.append(f"{report.period} {track.name}: {LABELS[track.standing]}{status}")
        if track.waits is not None:
            lines += [f"  … {track.waits.en}", f"    {track.waits.ja}"]
        if track.error is not None:
            lines.append(f"  ! {track.error.message} [{track.error.code}]")
    lines += [f"  * {note}" for note in report.notes]
    if all(track.standing is Standing.DONE for track in report.tracks):
        lines.append(f"{report.period}: nothing is left to do  残っている作業はありません")
    return "\n".join(lines)


LABELS = {
    Standing.DONE: "done 完了",
    Standing.LATER: "next 次の作業",
    Standing.WAITS: "waits 待機",
    Standing.UNSET: "not configured 未設定",
    Standing.FAILED: "failed 失敗",
}


def _track_document(track: Track) -> dict[str, Any]:
    waits, error = track.waits, track.error
    return {
        "name": track.name,
        "standing": str(track.standing),
        "status": track.status,
        "waits_for": None if waits is None else {"en": waits.en, "ja": waits.ja},
        "error": None if error is None else {"code": error.code, "detail": error.message},
        **({} if not track.details else {"details": dict(track.details)}),
    }
