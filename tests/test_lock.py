"""The pins in requirements/ are complete, hashed and free of addresses."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
LOCKS = {name: REPOSITORY / "requirements" / f"{name}.txt" for name in ("runtime", "dev")}
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;]+)(?: ; .+?)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    found = (PIN.match(line) for line in LOCKS[lock].read_text("utf-8").splitlines())
    return {normalised(match["name"]): match["version"] for match in found if match}


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return {normalised(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in wanted}


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_every_line_is_a_pin_or_its_hash(lock: str) -> None:
    lines = LOCKS[lock].read_text("utf-8").splitlines()
    assert lines
    assert [line for line in lines if not PIN.match(line) and not HASH.match(line)] == []


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_every_pin_has_a_hash(lock: str) -> None:
    lines = [*LOCKS[lock].read_text("utf-8").splitlines(), ""]
    pairs = pairwise(lines)
    assert [pin for pin, after in pairs if PIN.match(pin) and not HASH.match(after)] == []


@pytest.mark.parametrize(("lock", "extras"), [("runtime", ()), ("dev", ("dev",))])
def test_every_declared_dependency_is_pinned(lock: str, extras: tuple[str, ...]) -> None:
    assert declared(*extras) - set(pins(lock)) == set()


def test_the_product_and_its_tools_pin_the_same_versions() -> None:
    runtime, dev = pins("runtime"), pins("dev")
    assert {name: dev.get(name) for name in runtime} == runtime
