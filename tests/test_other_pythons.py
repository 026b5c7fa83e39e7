"""The same month gives the same bytes under other versions of Python and other hash seeds.

RULES.md section 12, invariant 12. ``make tools`` makes the environments (``tests/pythons.py``).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ledger.service.statements import statements
from tests.coop.bookkept import full_months
from tests.engine_bytes import case_of, digests
from tests.pages.month import AUDITOR, MONTH, settled_month
from tests.pythons import REPOSITORY, Python, other_pythons

SEEDS = ("1", "4242")


def start(python: Python, seed: str, case: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(python.own), "-X", "utf8", "-m", "tests.engine_bytes", str(case)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_12_same_bytes_under_every_python_of_this_machine(tmp_path: Path) -> None:
    found = other_pythons()
    if not found:
        pytest.skip("SKIPPED FOR WANT OF ANOTHER PYTHON: CPython 3.11 or newer, beside this one")
    ready = [python for python in found if python.is_ready]
    case = case_of(full_months(), statements(settled_month(tmp_path), AUDITOR, MONTH))
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case), "utf-8")
    # All are compared with this process, which has a hash seed of its own.
    runs = [start(python, SEEDS[at % len(SEEDS)], file) for at, python in enumerate(ready)]
    wanted = digests(json.loads(file.read_text("utf-8")))
    for python, run in zip(ready, runs, strict=True):
        out, said = run.communicate(timeout=300)
        assert run.returncode == 0, f"Python {python.name}: {said}"
        answer = json.loads(out)
        assert answer["python"] == [3, python.minor]
        assert answer["digests"] == wanted
    assert len(wanted) > 90
    missing = [python.name for python in found if not python.is_ready]
    if missing:
        names = " and ".join(missing)
        pytest.skip(f"SKIPPED FOR WANT OF AN ENVIRONMENT for Python {names}: run `make tools`")
