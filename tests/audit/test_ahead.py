"""Batches judged before the fold reaches them: the same outcome, or none."""

from __future__ import annotations

import io
from concurrent.futures import Future
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.audit.ahead import judge_ahead
from ledger.audit.batch import judge_batch
from ledger.audit.fold import Fold
from ledger.audit.judge import JudgeHere
from ledger.audit.verify import verify_bundle
from ledger.service import audit_pool, audit_worker
from ledger.service.audit_pool import PoolJudge
from ledger.usage.alike import AlikeReader
from tests.audit.test_jobs import broken
from tests.audit.world import flipped, verify


class Listens(JudgeHere):
    """Judges here, and keeps what it was told before and what came then."""

    def prepare(self, tasks):
        self.early.extend(tasks)

    def submit(self, task):
        self.late.append(task)
        return super().submit(task)


def tasks_of(bundle, trust):
    judge = Listens(io.BytesIO(bundle))
    Listens.early, Listens.late = [], []
    verify_bundle(io.BytesIO(bundle), trust, judge=judge)
    return Listens.early, Listens.late


def test_every_batch_is_known_before_it_comes(month):
    early, late = tasks_of(month.bundle, month.trust)
    assert early
    assert early == [replace(task, scope=None) for task in late]


def test_what_is_judged_ahead_is_the_outcome_where_the_scope_allows_it(month):
    _, late = tasks_of(month.bundle, month.trust)
    source = io.BytesIO(month.bundle)
    for task in late:
        found = judge_ahead(source, replace(task, scope=None), AlikeReader())
        assert found is not None
        assert found.assumed.holds(task.scope)
        assert found.outcome == judge_batch(source, task)


@pytest.mark.parametrize("what", ["facilities", "metrics", "charges"])
def test_a_scope_that_lacks_what_a_batch_names_is_told_apart(month, what):
    _, late = tasks_of(month.bundle, month.trust)
    source = io.BytesIO(month.bundle)
    told = 0
    for task in late:
        found = judge_ahead(source, replace(task, scope=None), AlikeReader())
        for name in getattr(found.assumed, what):
            less = replace(task.scope, **{what: getattr(task.scope, what) - {name}})
            assert not found.assumed.holds(less)
            assert judge_batch(source, replace(task, scope=less)).findings.count
            told += 1
    assert told or what == "charges"


def test_a_scope_with_other_periods_is_told_apart(month):
    _, late = tasks_of(month.bundle, month.trust)
    task = late[0]
    found = judge_ahead(io.BytesIO(month.bundle), replace(task, scope=None), AlikeReader())
    calendar = task.scope.calendar
    assert not found.assumed.holds(replace(task.scope, calendar=replace(calendar, names=("x",))))
    none = replace(calendar, names=(), starts=(), ends=())
    assert not found.assumed.holds(replace(task.scope, calendar=none))
    (start, last) = found.assumed.starts
    for bounds in ({"starts": (last,)}, {"ends": (start,)}):
        if start < last or "ends" in bounds:
            cut = replace(calendar, **bounds)
            assert not found.assumed.holds(replace(task.scope, calendar=cut))


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 2**40))
def test_a_changed_byte_leaves_no_outcome_ahead_that_is_another(month, position):
    _, late = tasks_of(month.bundle, month.trust)
    task = late[position % len(late)]
    spans = [task.lines, task.leaves, task.totals]
    span = spans[position % 3]
    source = io.BytesIO(flipped(month.bundle, span.start + position % span.size_bytes))
    assert judge_ahead(source, replace(task, scope=None), AlikeReader()) is None
    outcome = judge_batch(source, task)
    assert outcome.findings.count or outcome.files.count


class Pool:
    """Does the work of a pool when it is asked for, in this process."""

    def __init__(self, bundle, monkeypatch, *, late):
        self.work, self.late = [], late
        monkeypatch.setattr(audit_worker, "_opened", [io.BytesIO(bundle)])

    def submit(self, work, tasks):
        self.work.append((work.__name__, len(tasks)))
        answer = Late(work, tasks) if self.late else Future()
        if not self.late:
            answer.set_result(work(tasks))
        return answer


class Late(Future):
    """An answer that is there when somebody waits for it, and not before."""

    def __init__(self, work, tasks):
        super().__init__()
        self.work, self.tasks = work, tasks

    def result(self, timeout=None):
        if not self.done():
            self.set_result(self.work(self.tasks))
        return super().result(timeout)


def by_pool(bundle, trust, monkeypatch, *, late, together=3):
    pool = Pool(bundle, monkeypatch, late=late)
    monkeypatch.setattr(audit_pool, "TOGETHER_MAX", together)
    judge = PoolJudge(pool, io.BytesIO(bundle), 1)
    return verify_bundle(io.BytesIO(bundle), trust, judge=judge), pool.work


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("which", ["good", "in place", "swapped", "missing"])
def test_a_report_does_not_depend_on_what_was_judged_ahead(month, files, which, late, monkeypatch):
    bundle = broken(month, files)[which]
    report, work = by_pool(bundle, month.trust, monkeypatch, late=late)
    assert report == verify(bundle, month.trust)
    assert work[0][0] == "judge_ahead"
    if which == "good":
        assert {name for name, _ in work} == {"judge_ahead"}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("what", ["facilities", "metrics"])
def test_what_the_fold_does_not_allow_is_found(month, what, late, monkeypatch):
    """Nothing but the scope tells that these batches are wrong."""
    real = Fold._scope_of
    monkeypatch.setattr(
        Fold, "_scope_of", lambda self, state: replace(real(self, state), **{what: frozenset()})
    )
    report, _ = by_pool(month.bundle, month.trust, monkeypatch, late=late)
    assert report == verify(month.bundle, month.trust)
    assert {finding.code for finding in report.findings} == {"out-of-range"}


def test_nothing_more_is_judged_ahead_after_many_misses(month, monkeypatch):
    monkeypatch.setattr(audit_pool, "MISSES_MAX", 1)
    monkeypatch.setattr("ledger.audit.ahead.Assumed.holds", lambda _self, _scope: False)
    monkeypatch.setattr(audit_pool, "WAITING_MAX", 2)
    report, work = by_pool(month.bundle, month.trust, monkeypatch, late=False, together=1)
    assert report == verify(month.bundle, month.trust)
    ahead = sum(count for name, count in work if name == "judge_ahead")
    assert ahead == 1
    assert sum(count for name, count in work if name == "judge") > 1
