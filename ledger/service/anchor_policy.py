"""When to anchor: every so many minutes or entries, and never later than a stated age.

Pure: what is new and when the last anchor was made go in, a verdict with its reason comes out. With
nothing set, whatever is new is anchored at once. Anchors cost money, and one covers all entries
before it, so a busy log names minutes, a quiet one entries or an age.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.period import format_instant, parse_instant


@dataclass(frozen=True, slots=True)
class AnchorPolicy:
    """The co-op's settings for one target; None is "not asked for".

    ``every_minutes`` since the last anchor, or ``every_entries`` new ones, whichever is first.
    ``never_older_minutes`` is the longest that an entry may wait; what keeps it waiting longer
    (a cap, a node that is down) is shown as overdue.
    """

    every_minutes: int | None = None
    every_entries: int | None = None
    never_older_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Unanchored:
    """What lies behind the last anchor: how many entries, and since when.

    ``oldest_at`` is when the first of them was received, ``last_at`` when the last anchor was
    signed (None for a log that never was anchored there).
    """

    entries: int
    oldest_at: str | None
    last_at: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an anchor is due, why or why not, and when it will be if nothing else comes."""

    is_due: bool
    is_overdue: bool
    en: str
    ja: str
    due_at: str | None = None


def judge(policy: AnchorPolicy, found: Unanchored, now: str, *, is_forced: bool = False) -> Verdict:
    """Whether what is new should be anchored at ``now``; ``is_forced`` overrides the policy."""
    if found.entries == 0 or found.oldest_at is None:
        return Verdict(False, False, "nothing new to anchor", "新しいエントリーはありません")
    moment = parse_instant(now)
    oldest = parse_instant(found.oldest_at)
    deadline = _after(oldest, policy.never_older_minutes)
    is_overdue = deadline is not None and moment > deadline
    count = f"{found.entries} new entries"
    if is_forced:
        return Verdict(True, is_overdue, f"{count}; asked for", "指示によりアンカーします")
    due, en, ja = _due(policy, found, deadline)
    if due is not None and moment < due:
        return _waiting(found, policy, due)
    return Verdict(True, is_overdue, en, ja) if en else _waiting(found, policy, due)


def _due(
    policy: AnchorPolicy, found: Unanchored, deadline: datetime | None
) -> tuple[datetime | None, str, str]:
    """When an anchor is due by time alone (None: not by time), and why it is due now, if it is."""
    count = f"{found.entries} new entries"
    if policy == AnchorPolicy() or found.last_at is None:
        return None, count, f"新しいエントリー {found.entries} 件"
    if policy.every_entries is not None and found.entries >= policy.every_entries:
        en = f"{count}, an anchor is made every {policy.every_entries}"
        return None, en, f"{policy.every_entries} 件ごとにアンカーします"
    last = _after(parse_instant(found.last_at), policy.every_minutes)
    due = min(filter(None, (deadline, last)), default=None)
    if due is not None and due == deadline:
        en = f"an entry has waited since {found.oldest_at}, as long as allowed"
        return due, en, "待ち時間の上限に達しました"
    en = f"{count}, and {policy.every_minutes} minutes since the last anchor" if due else ""
    return due, en, f"前回から {policy.every_minutes} 分経過しました"


def _waiting(found: Unanchored, policy: AnchorPolicy, due: datetime | None) -> Verdict:
    due_at = None if due is None else format_instant(due)
    wants = [] if policy.every_entries is None else [f"{policy.every_entries} entries"]
    wants += [] if due_at is None else [f"until {due_at}"]
    en = f"{found.entries} new entries wait for {' or '.join(wants) or 'nothing that can come'}"
    ja = f"新しいエントリー {found.entries} 件は条件を待っています"
    return Verdict(False, False, en, ja, due_at)


def _after(moment: datetime, minutes: int | None) -> datetime | None:
    return None if minutes is None else moment + timedelta(minutes=minutes)
