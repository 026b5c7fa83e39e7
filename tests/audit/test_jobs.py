"""One process or several, at once or much later: the same report."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import threading
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.audit.batch import judge_batch
from ledger.audit.bundle import lines_name
from ledger.audit.report import Finding, Findings, report_document
from ledger.audit.verify import verify_bundle
from ledger.errors import InvariantViolated, OutOfRange
from ledger.service import audit_file, audit_worker
from ledger.service.audit import verify_file
from tests.audit.test_forgery import lie, open_month
from tests.audit.world import bundle_of, flipped, rebuild, trust_in, verify
from tests.builder import record

__all__ = ["open_month"]


class Late:
    """A judge that answers some tasks late, or all of them at the end."""

    def __init__(self, bundle: bytes, delays: list[int]) -> None:
        self.source, self.delays, self.tasks = io.BytesIO(bundle), delays, deque()

    def prepare(self, tasks):
        del tasks

    def submit(self, task):
        self.tasks.append(task)
        keep = self.delays[task.index % len(self.delays)]
        while len(self.tasks) > keep:
            yield judge_batch(self.source, self.tasks.popleft())

    def finish(self):
        while self.tasks:
            yield judge_batch(self.source, self.tasks.popleft())


def broken(month, files) -> dict[str, bytes]:
    """Good and bad bundles: bad files, bad lines, bad ids."""
    lines = [name for name in sorted(files) if name.endswith(".ndjson")]
    swapped = {**files, lines[0]: files[lines[1]], lines[1]: files[lines[0]]}
    without = {name: data for name, data in files.items() if name != lines[2]}
    return {
        "good": month.bundle,
        "in place": flipped(month.bundle, month.bundle.find(files[lines[1]]) + 20),
        "swapped": rebuild(swapped, fit=True),
        "missing": rebuild(without, fit=False),
    }


@pytest.mark.parametrize("which", ["good", "in place", "swapped", "missing"])
def test_processes_of_their_own_change_nothing(month, files, tmp_path, which):
    path = tmp_path / "bundle.zip"
    path.write_bytes(broken(month, files)[which])
    alone = verify_file(path, month.trust, jobs=1)
    assert verify_file(path, month.trust, jobs=2, small_bytes=0) == alone
    assert verify_file(path, month.trust) == alone
    assert (alone.verdict == "verified") == (which == "good")


@settings(max_examples=25, deadline=None)
@given(
    delays=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    position=st.integers(0, 2**40),
    which=st.sampled_from(["good", "in place", "swapped", "missing"]),
)
def test_late_outcomes_change_nothing(month, files, delays, position, which):
    bundle = broken(month, files)[which]
    bundle = flipped(bundle, position % len(bundle))
    late = verify_bundle(io.BytesIO(bundle), month.trust, judge=Late(bundle, delays))
    assert late == verify(bundle, month.trust)


def test_ids_and_reversals_over_several_batches_are_found_late_too(open_month):
    forged = lie(open_month, "bus", record("x", reverses="bus-1", measures={"trips": -1}),
                 record("bus-1"), record("bus-2"))  # fmt: skip
    bundle = bundle_of(forged)
    report = verify(bundle, trust_in(open_month))
    assert len(report.findings) == 3
    assert report == verify_bundle(
        io.BytesIO(bundle), trust_in(open_month), judge=Late(bundle, [50])
    )


def test_the_same_id_in_two_months_of_one_batch_is_reversed_in_its_own(open_month):
    """A reversal is compared with the record of its own period, though ids repeat elsewhere."""
    open_month.write("office", "period-opened", {
        "period": "2026-11", "start": "2026-10-31T15:00:00.000Z",
        "end": "2026-11-30T15:00:00.000Z",
    })  # fmt: skip
    later = {"started_at": "2026-11-05T08:00:00+09:00", "ended_at": "2026-11-05T08:30:00+09:00"}
    honest = lie(open_month, "ev", record("two"), record("two", **later, measures={"trips": 9}))
    index = len(honest.entries) - 1
    taken = lie(honest, "ev", record("back", measures={"trips": -1}, reverses="two"))
    assert verify(bundle_of(taken), trust_in(open_month)).verdict == "verified"
    twice = lie(taken, "ev", record("again", measures={"trips": -1}, reverses="two"),
                record("two", **later))  # fmt: skip
    report = verify(bundle_of(twice), trust_in(open_month))
    assert [(finding.where, finding.code) for finding in report.findings] == [
        (f"entry {index + 2}, record 2, id", "duplicate-id"),
        (f"entry {index + 2}, record 1, reverses", "duplicate-id"),
    ]
    assert f"stands in entry {index} already" in report.findings[0].en


def test_findings_come_in_order_of_place_and_in_bounded_memory():
    found = Findings()
    for number in range(5000, 0, -1):
        found.place = (number,)
        found.add("code", f"entry {number}", "x" * 5000, "y")
    assert found.count == 5000
    kept = list(found)
    assert [finding.where for finding in kept] == [f"entry {n}" for n in range(1, 1001)]
    assert all(len(finding.en) < 1100 for finding in kept)
    other = Findings()
    other.merge((7,), found)
    assert other.count == 5000
    assert list(other) == kept
    assert isinstance(kept[0], Finding)


def test_a_finding_is_said_once():
    found = Findings()
    for _ in range(3):
        found.add("code", "entry 1", "en", "ja")
    assert found.count == 1


def test_the_search_for_garbage_is_as_it_was_after_an_audit(month, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(month.bundle)
    before, during = gc.get_threshold(), []
    verify_file(path, month.trust, progress=lambda *_: during.append(gc.get_threshold()))
    assert gc.get_threshold() == before
    assert {found[0] for found in during} == {audit_file.COLLECT_AFTER}


@pytest.mark.parametrize("jobs", [0, -1, 257])
def test_a_number_of_processes_out_of_range_is_refused(tmp_path, jobs):
    with pytest.raises(OutOfRange):
        verify_file(tmp_path / "none.zip", None, jobs=jobs)


def test_a_process_that_dies_is_said_and_not_taken_for_an_answer(month, files, tmp_path):
    """The file is gone when a worker opens it: its start fails, and so does the audit."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(month.bundle)
    with path.open("rb") as source:
        path.unlink()
        with (
            pytest.raises(InvariantViolated),
            audit_file._judge(path, source, 2, may_fork=False) as judge,
        ):
            verify_bundle(source, month.trust, judge=judge)


@pytest.mark.parametrize("which", ["good", "in place"])
def test_processes_that_are_forked_change_nothing(month, files, tmp_path, which):
    """They are at work before the fold is loaded: on Linux, where no other thread runs."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(broken(month, files)[which])
    code = """if True:
        import sys
        from pathlib import Path
        from ledger.service.audit_file import opened_file, start_method
        with opened_file(Path(sys.argv[1]), jobs=2, small_bytes=0, may_fork=True) as opened:
            loaded = {"pydantic", "ledger.coop.apply"} & set(sys.modules)
            started = len(opened.judge.pool._processes)
            from ledger.service.audit import verify_here
            report = verify_here(opened, None)
            methods = {type(one).__name__ for one in opened.judge.pool._processes.values()}
        from ledger.audit.report import report_document
        print([sorted(loaded), started, *methods, report_document(report)])
    """
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    alone = report_document(verify_file(path, None, jobs=1))
    method = "ForkProcess" if sys.platform == "linux" else "SpawnProcess"
    assert done.stdout == f"{[[], 2, method, alone]}\n"


def test_a_process_with_threads_is_never_forked():
    wait = threading.Event()
    thread = threading.Thread(target=wait.wait)
    thread.start()
    try:
        assert audit_file.start_method(may_fork=True) == "spawn"
    finally:
        wait.set()
        thread.join()
    assert audit_file.start_method(may_fork=False) == "spawn"


def test_the_worker_judges_what_the_bundle_s_file_holds(month, files, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(month.bundle)
    tasks = []

    class Keep(Late):
        def submit(self, task):
            tasks.append(task)
            return super().submit(task)

    verify_bundle(io.BytesIO(month.bundle), None, judge=Keep(month.bundle, [0]))
    audit_worker.start(str(path))
    outcomes = audit_worker.judge(tasks)
    audit_worker._opened.pop().close()
    assert [found.records for found in outcomes] == [
        files[lines_name(task.index)].count(b"\n") for task in tasks
    ]


def test_the_worker_starts_without_what_it_does_not_need():
    """A process that loads the whole program takes longer than it saves."""
    code = "import sys, ledger.service.audit_worker; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert not {"pydantic", "sqlalchemy", "web3", "fastapi"} & set(done.stdout.split())


def test_the_command_starts_without_database_and_chain(month, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(month.bundle)
    code = (
        "import sys; from ledger.cli import main; main(['audit', 'verify', sys.argv[1], '--json']);"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert not {"sqlalchemy", "web3", "fastapi"} & set(done.stderr.split())
