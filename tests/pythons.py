"""Other Pythons of this machine, and for each an environment in which the pure engine runs.

``make tools`` builds the environments under ``var/pythons``, once for each version and set of
pins; ``tests/test_other_pythons.py`` runs the engine in them. A package with compiled parts is made
for one version of Python, so none of these can borrow what ``.venv`` holds. Installed is what the
pure packages import, with all that it needs, by the hashes of ``requirements/runtime.txt``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PINS = REPOSITORY / "requirements" / "runtime.txt"
HOME = REPOSITORY / "var" / "pythons"
OLDEST, NEWEST = 11, 20
# What the pure packages import: of an engine that needs more, the test says what is missing.
ROOTS = (
    "coincurve", "cryptography", "eth-hash", "jinja2", "msgspec", "pycryptodome", "pydantic",
    "pyyaml", "tzdata",
)  # fmt: skip
_TELL = (
    "import sys;print(sys.implementation.name, *sys.version_info[:3], sys.executable, sep='\\n')"
)
_SECONDS_MAX = 300


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter that runs; ``minor`` is the 12 of 3.12."""

    program: str
    minor: int
    micro: int

    @property
    def name(self) -> str:
        return f"3.{self.minor}.{self.micro}"

    @property
    def folder(self) -> Path:
        """Where its environment is: another for other pins."""
        key = sha256(f"{self.program}\n{pinned()}".encode()).hexdigest()[:12]
        return HOME / f"{self.name}-{key}"

    @property
    def own(self) -> Path:
        """The interpreter of its environment."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def is_ready(self) -> bool:
        return (self.folder / ".ready").exists()


def other_pythons() -> list[Python]:
    """The newest of every other CPython from 3.11 on that runs here, oldest version first."""
    found: dict[int, Python] = {}
    for program in _candidates():
        one = _ask(program)
        if one is None or one.minor < OLDEST or one.minor == sys.version_info[1]:
            continue
        known = found.get(one.minor)
        if known is None or known.micro < one.micro:
            found[one.minor] = one
    return [found[minor] for minor in sorted(found)]


def pinned() -> str:
    """Of the pins those of ``ROOTS`` and of all that these need."""
    blocks = re.split(r"\n(?=\S)", PINS.read_text("utf-8").strip())
    by_name = {_name(block): block for block in blocks}
    wanted = _closure(ROOTS)
    return "\n".join(by_name[name] for name in sorted(wanted & by_name.keys())) + "\n"


def build(python: Python) -> str | None:
    """Make an interpreter's environment; answers with what went wrong, if anything did."""
    shutil.rmtree(python.folder, ignore_errors=True)
    python.folder.parent.mkdir(parents=True, exist_ok=True)
    pins = python.folder.parent / f"{python.name}.txt"
    pins.write_text(pinned(), "utf-8")
    install = [
        str(python.own), "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
        "--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", str(pins),
    ]  # fmt: skip
    for command in ([python.program, "-m", "venv", str(python.folder)], install):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode:
            return (done.stderr or done.stdout).strip()[-600:]
    (python.folder / ".ready").touch()
    return None


def main() -> int:
    """Build what is missing, and say of every other Python what became of it."""
    pythons = other_pythons()
    if not pythons:
        print("No other Python from 3.11 on is here: the test that crosses versions will skip.")
    for python in pythons:
        fault = None if python.is_ready else build(python)
        print(f"  {'ready  ' if fault is None else 'missing'}  Python {python.name}")
        if fault is not None:
            print(f"{fault}\nThe test that crosses versions of Python leaves this one out.")
    return 0


def _candidates() -> Iterator[str]:
    """Programs that may be a Python: of the path, and of pyenv under the user's home."""
    for minor in range(OLDEST, NEWEST):
        program = shutil.which(f"python3.{minor}")
        if program is not None:
            yield program
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (str(found) for found in sorted(root.glob("versions/3.*/bin/python3")))


def _ask(program: str) -> Python | None:
    """What a program says that it is; None if it does not run, or is no CPython 3."""
    try:
        done = subprocess.run(
            [program, "-I", "-S", "-c", _TELL],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        kind, major, minor, micro, real = done.stdout.splitlines()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Python(real, int(minor), int(micro)) if (kind, major) == ("cpython", "3") else None


def _closure(names: tuple[str, ...]) -> set[str]:
    """The packages and what they need, on any system and version; extras are left out."""
    found: set[str] = set()
    rest = list(names)
    while rest:
        name = _name(rest.pop())
        if name in found:
            continue
        found.add(name)
        try:
            rest += [one for one in requires(name) or () if "extra ==" not in one]
        except PackageNotFoundError:  # for another system than this
            continue
    return found


def _name(requirement: str) -> str:
    matched = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", matched[0]).lower() if matched else ""


if __name__ == "__main__":
    sys.exit(main())
