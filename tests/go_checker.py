"""Builds ``tests/log/go/checker.go`` with Debian's Go and its copy of golang.org/x/mod, offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parent / "log" / "go" / "checker.go"
GOPATH = Path("/usr/share/gocode")
PACKAGES = GOPATH / "src" / "golang.org" / "x" / "mod" / "sumdb"


class Checker:
    """The Go program, ready to be asked."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def judge(self, cases: list[dict[str, Any]]) -> list[str]:
        """What it says of each case; the empty text means accepted."""
        answers: list[str] = json.loads(self._run("cases", given=json.dumps(cases)))
        assert len(answers) == len(cases)
        return answers

    def read_served(self, prefix: str, vkey: str) -> dict[str, Any]:
        """What it found in a served log, after authenticating all of it."""
        found: dict[str, Any] = json.loads(self._run("tiles", prefix, vkey))
        return found

    def _run(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [self._program, *arguments],
            input=given, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def build_checker(folder: Path) -> Checker:
    """Compile the program in ``folder``; skips loudly where Go or the packages are missing."""
    go = shutil.which("go")
    if go is None or not PACKAGES.is_dir():
        pytest.skip("SKIPPED FOR WANT OF GO: golang-go and golang-golang-x-mod-dev (make tools)")
    program = folder / "checker"
    environment = {
        "PATH": os.environ["PATH"],
        "GO111MODULE": "off",  # the packages are found below GOPATH, and nothing is fetched
        "GOPATH": str(GOPATH),
        "GOPROXY": "off",
        "GOFLAGS": "",
        "GOCACHE": str(folder / "gocache"),
    }
    command = [go, "build", "-o", str(program), str(SOURCE)]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Checker(program)
