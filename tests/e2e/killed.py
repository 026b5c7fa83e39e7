"""Runs the monthly script in forks of one warm process, and kills a fork at its n-th effect.

An effect is what outlives the process: a commit that changed the database, bytes handed to the
node, a file that gets its name. The fork ends itself with SIGKILL right before or right after it,
so nothing of the product takes part in its own killing. Talks by a line of JSON each way.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

from ledger.chain.node import Node

REPOSITORY = Path(__file__).resolve().parents[2]
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, or None if it was killed, and the effects that it had."""

    code: int | None
    effects: tuple[str, ...]
    told: str


class Runner:
    """The warm process, as the tests hold it."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._out = process, folder / "out.txt"

    def run(self, argv: list[str], *, at: int = 0, when: str = BEFORE) -> Ended:
        """Run the script; ``at`` is the effect, from 1, at which it is killed (0: never)."""
        wanted = {"argv": argv, "at": at, "when": when, "out": str(self._out)}
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        pipe_in.write(json.dumps(wanted) + "\n")
        pipe_in.flush()
        answer = json.loads(pipe_out.readline())
        code = None if answer["signal"] == signal.SIGKILL else answer["code"]
        effects = self._out.with_suffix(".effects").read_text().split("\n")[:-1]
        return Ended(code, tuple(effects), self._out.read_text("utf-8"))


@contextmanager
def running(folder: Path) -> Iterator[Runner]:
    """The warm process, ended with the block."""
    command = [sys.executable, "-m", "tests.e2e.killed"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          cwd=REPOSITORY) as process:  # fmt: skip
        try:
            yield Runner(process, folder)
        finally:
            assert process.stdin is not None
            process.stdin.close()


class _Fate:
    """Counts the effects and ends the process at the one that was asked for."""

    def __init__(self, at: int, when: str, log: Path) -> None:
        self._at, self._when, self._count = at, when, 0
        self._log = log.open("w", buffering=1)

    def around(self, name: str, work: Callable[[], Any]) -> Any:
        self._count += 1
        is_end = self._count == self._at
        if is_end and self._when == BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        found = work()
        self._log.write(name + "\n")
        if is_end:
            os.kill(os.getpid(), signal.SIGKILL)
        return found


def _watch(fate: _Fate) -> None:
    """Put ``fate`` between the product and what outlives it."""
    commit, send, rename = DefaultDialect.do_commit, Node.send, Path.replace
    changed: dict[int, int] = {}

    def do_commit(self: Any, connection: Any) -> None:
        total = connection.total_changes
        is_new = total != changed.get(id(connection), 0)
        changed[id(connection)] = total
        if is_new:
            fate.around("commit", lambda: commit(self, connection))
        else:
            commit(self, connection)

    def handed_over(self: Node, raw: bytes) -> None:
        fate.around("send", lambda: send(self, raw))

    def named(self: Path, target: Path) -> Any:
        return fate.around("file", lambda: rename(self, target))

    places: list[tuple[Any, str, Any]] = [
        (DefaultDialect, "do_commit", do_commit), (Node, "send", handed_over),
        (Path, "replace", named),
    ]  # fmt: skip
    for place, name, watched in places:
        setattr(place, name, watched)


def _in_fork(main: Callable[[], int], wanted: dict[str, Any]) -> None:
    out = Path(wanted["out"])
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    _watch(_Fate(wanted["at"], wanted["when"], out.with_suffix(".effects")))
    sys.argv = ["monthly_settlement.py", *wanted["argv"]]
    code = 1
    try:
        code = main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _serve() -> None:
    path = REPOSITORY / "scripts" / "monthly_settlement.py"
    spec = importlib.util.spec_from_file_location("monthly_settlement", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for text in sys.stdin:
        child = os.fork()
        if child == 0:
            _in_fork(script.main, json.loads(text))
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"code": code, "signal": max(-code, 0)}), flush=True)


if __name__ == "__main__":
    _serve()
