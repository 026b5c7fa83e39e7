"""When an anchor is made: every so many minutes or entries, and never later than allowed."""

import pytest

from ledger.service.anchor_policy import AnchorPolicy, Unanchored, judge

NOON = "2026-11-29T12:00:00.000Z"
HOURLY = AnchorPolicy(every_minutes=60)
COUNTED = AnchorPolicy(every_entries=10)
AGED = AnchorPolicy(every_entries=10, never_older_minutes=90)


def at(hour, minute=0):
    return f"2026-11-29T{hour:02}:{minute:02}:00.000Z"


CASES = {
    "nothing new": (HOURLY, Unanchored(0, None, at(1)), False, "nothing new", None),
    "no policy": (AnchorPolicy(), Unanchored(1, at(11, 59), at(11, 59)), True, "1 new", None),
    "the first anchor": (HOURLY, Unanchored(1, at(11, 59), None), True, "1 new", None),
    "an hour has passed": (HOURLY, Unanchored(1, at(11, 59), at(11)), True, "60 minutes", None),
    "not an hour yet": (HOURLY, Unanchored(1, at(11, 59), at(11, 1)), False, "wait", at(12, 1)),
    "enough entries": (COUNTED, Unanchored(10, at(11, 59), at(11)), True, "every 10", None),
    "too few entries": (COUNTED, Unanchored(9, at(1), at(1)), False, "10 entries", None),
    "few, but old": (AGED, Unanchored(1, at(10, 30), at(10)), True, "waited since", None),
    "few and young": (AGED, Unanchored(1, at(10, 31), at(10)), False, "until", at(12, 1)),
    "never by time": (
        AnchorPolicy(every_minutes=60, every_entries=10),
        Unanchored(10, at(11, 59), at(11, 59)), True, "every 10", None),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "found", "due", "why", "due_at"), CASES.values(), ids=CASES)
def test_verdict(policy, found, due, why, due_at):
    verdict = judge(policy, found, NOON)
    assert (verdict.is_due, verdict.due_at) == (due, due_at)
    assert why in verdict.en
    assert verdict.ja
    assert not verdict.is_overdue


def test_what_is_asked_for_is_done_if_there_is_anything():
    assert judge(HOURLY, Unanchored(1, at(11, 59), at(11, 59)), NOON, is_forced=True).is_due
    assert not judge(HOURLY, Unanchored(0, None, None), NOON, is_forced=True).is_due


def test_what_has_waited_longer_than_allowed_is_overdue():
    assert judge(AGED, Unanchored(1, at(10, 29), at(10)), NOON).is_overdue
