"""A command as a process of its own: how long it takes, and how much memory it had at most.

The time is that of the whole command, from its start until its process and those that it started
are gone: starting Python, loading the program and printing the report are in it.

The peak is that of the largest process among the command and those that it started. It is asked
for by a small process in between: a child is charged with the memory of whoever starts it, until
it runs its own program, and a process that has just filled a month is larger than what is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.server import REPOSITORY

MIB = 2**20
_BETWEEN = """\
import json, resource, subprocess, sys, time
started = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
processor = used.ru_utime + used.ru_stime
print(json.dumps([done.returncode, seconds, processor, used.ru_maxrss]))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds that a command took, and the most memory that one of its processes had.

    ``processor_seconds`` are those of all its processes together, in user code and in the system.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int


def run_kyojo(*arguments: str) -> Run:
    """Run ``kyojo`` with these arguments; raises RuntimeError unless it ends with 0."""
    command = [sys.executable, "-m", "ledger.cli", *arguments]
    code, seconds, processor_seconds, peak_kib = _run(command)
    if code != 0:
        raise RuntimeError(f"kyojo {' '.join(arguments)} ended with {code}")
    return Run(seconds, processor_seconds, int(peak_kib) * 1024)


def _run(command: Sequence[str]) -> tuple[int, float, float, int]:
    between = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _BETWEEN, *command],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    code, seconds, processor_seconds, peak_kib = json.loads(between.stdout)
    return code, seconds, processor_seconds, peak_kib
