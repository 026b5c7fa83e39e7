"""House rules that no linter checks: sizes, banned words, dead modules, strays.

Each rule is a function over one parsed file that yields findings ``path:line: what``; a test
gathers them over every file that git tracks or would track.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LINE_LENGTH_MAX = 100

PRODUCT = ("ledger/", "api/", "contracts/")
PURE = tuple(
    f"ledger/{name}"
    for name in (
        "errors.py",
        "canonical.py",
        "money.py",
        "period.py",
        "log/",
        "usage/",
        "identity/",
        "rules/",
        "settlement/",
        "payout/",
        "coop/",
        "audit/",
    )
)
# Packages in which every quantity is money, a weight or a share: no float at all.
MONEY = tuple(
    f"ledger/{name}" for name in ("money.py", "usage/", "rules/", "settlement/", "payout/", "coop/")
)
SHAPELESS_NAMES = {"utils", "util", "helpers", "helper", "common", "managers", "manager", "misc"}
LOCK_FILES = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "package-lock.json"} | {
    "yarn.lock",
    "pnpm-lock.yaml",
}
# Read by tools by name and never imported.
ENTRY_POINTS = {
    "ledger.cli", "ledger.wiring", "ledger.client", "api.app", "api.witness", "contracts.build",
}  # fmt: skip
# Python that a tool loads by its place: alembic's environment and versions.
LOADED_BY_PLACE = ("ledger/store/migrations/",)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplemented(Error)?\b")
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(work|root|home|Users)/[\w.-]+")
SELF = Path(__file__).resolve().relative_to(REPOSITORY).as_posix()


@dataclass(frozen=True)
class Source:
    """One Python file: its path in the repository, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    def at(self, line: int, what: str) -> str:
        return f"{self.path}:{line}: {what}"


def source(path: str, text: str) -> Source:
    return Source(path, text, ast.parse(text, path))


@cache
def tracked() -> tuple[str, ...]:
    """Files that git tracks or would add; without git, nothing can be said."""
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        pytest.skip("SKIPPED FOR WANT OF GIT: tidy rules look at tracked files")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True).stdout
    names = listing.decode("utf-8").split("\0")
    return tuple(sorted({name for name in names if name and (REPOSITORY / name).is_file()}))


@cache
def sources() -> tuple[Source, ...]:
    return tuple(
        source(name, (REPOSITORY / name).read_text("utf-8"))
        for name in tracked()
        if name.endswith(".py")
    )


def is_in(path: str, places: tuple[str, ...]) -> bool:
    return path.startswith(places)


def dotted(node: ast.expr) -> str:
    """``datetime.datetime.now`` for the expression that says so; otherwise the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, dotted(node.func)


# --- the rules ---------------------------------------------------------------------------------


def long_modules(file: Source) -> Iterator[str]:
    count = len(file.text.splitlines())
    if count > MODULE_LINES_MAX:
        yield file.at(count, f"{count} lines, at most {MODULE_LINES_MAX}")


def long_functions(file: Source) -> Iterator[str]:
    if is_in(file.path, LOADED_BY_PLACE):
        return  # a revision of the tables is one long list
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            count = (node.end_lineno or node.lineno) - node.lineno + 1
            if count > FUNCTION_LINES_MAX:
                yield file.at(node.lineno, f"{node.name} has {count} lines")


def long_lines(file: Source) -> Iterator[str]:
    for number, line in enumerate(file.text.splitlines(), 1):
        if len(line) > LINE_LENGTH_MAX:
            yield file.at(number, f"{len(line)} characters")


def shapeless_names(file: Source) -> Iterator[str]:
    for part in Path(file.path).with_suffix("").parts:
        if part in SHAPELESS_NAMES:
            yield file.at(1, f"{part!r} says nothing about what is inside")


def prints_in_pure_code(file: Source) -> Iterator[str]:
    if is_in(file.path, PURE):
        for line, name in calls(file.tree):
            if name in {"print", "input", "breakpoint"}:
                yield file.at(line, f"{name}() in pure code")


CLOCKS = re.compile(
    r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.\w+|(perf_counter|monotonic)(_ns)?)$"
)


def clocks_in_pure_code(file: Source) -> Iterator[str]:
    if is_in(file.path, PURE):
        for line, name in calls(file.tree):
            if CLOCKS.search(name):
                yield file.at(line, f"{name}() reads the clock")


def floats_near_money(file: Source) -> Iterator[str]:
    if not is_in(file.path, MONEY):
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield file.at(node.lineno, f"the float {node.value!r}")
        if isinstance(node, ast.Call) and dotted(node.func) == "float":
            yield file.at(node.lineno, "float()")


def asserts_in_product(file: Source) -> Iterator[str]:
    if is_in(file.path, PRODUCT):
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Assert):
                yield file.at(node.lineno, "assert; raise InvariantViolated instead")


def unfinished_work(file: Source) -> Iterator[str]:
    for number, line in enumerate(file.text.splitlines(), 1):
        if file.path != SELF and (found := UNFINISHED.search(line)):
            yield file.at(number, found.group())


def silent_handlers(file: Source) -> Iterator[str]:
    """``except: pass`` in the product: a fault that nobody hears of."""
    if is_in(file.path, PRODUCT):
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                yield file.at(node.lineno, "a bare except")


Rule = Callable[[Source], Iterator[str]]
RULES: tuple[Rule, ...] = (
    long_modules,
    long_functions,
    long_lines,
    shapeless_names,
    prints_in_pure_code,
    clocks_in_pure_code,
    floats_near_money,
    asserts_in_product,
    unfinished_work,
    silent_handlers,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_file_breaks(rule: Rule) -> None:
    assert [finding for file in sources() for finding in rule(file)] == []


# Every rule must find its fault: a rule that finds nothing anywhere would pass for ever.
FAULTS = {
    long_modules: "\n" * (MODULE_LINES_MAX + 1),
    long_functions: "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
    long_lines: f"x = '{'a' * LINE_LENGTH_MAX}'\n",
    shapeless_names: "",
    prints_in_pure_code: "print(1)\n",
    clocks_in_pure_code: "from datetime import datetime\nx = datetime.now(UTC)\n",
    floats_near_money: "x = float('1')\n",
    asserts_in_product: "assert x\n",
    unfinished_work: "# TODO: later\n",
    silent_handlers: "try:\n    f()\nexcept:\n    pass\n",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_its_fault(rule: Rule) -> None:
    path = "ledger/usage/utils.py" if rule is shapeless_names else "ledger/usage/made_up.py"
    assert len(list(rule(source(path, FAULTS[rule])))) == 1


@pytest.mark.parametrize(
    "text", ["time.time()", "datetime.datetime.utcnow()", "date.today()", "perf_counter()"]
)
def test_every_clock_is_found(text: str) -> None:
    assert list(clocks_in_pure_code(source("ledger/log/made_up.py", text)))


def test_a_float_constant_is_found_near_money_and_allowed_elsewhere() -> None:
    assert list(floats_near_money(source("ledger/rules/made_up.py", "x = 0.1")))
    assert not list(floats_near_money(source("ledger/service/made_up.py", "x = 0.1")))


# --- dead modules ------------------------------------------------------------------------------


def module_name(path: str) -> str:
    parts = list(Path(path).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Source) -> set[str]:
    """Every dotted name that the file imports; ``from a import b`` counts as ``a`` and ``a.b``."""
    package = module_name(file.path)
    if not file.path.endswith("__init__.py"):
        package = package.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *([node.module or ""][:1])]).strip(".")
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def dead_modules(files: tuple[Source, ...]) -> list[str]:
    """Product modules that nothing but tests imports and that no tool starts by name."""
    used = ENTRY_POINTS.union(
        *(imports(file) for file in files if not file.path.startswith("tests/"))
    )
    products = (
        file
        for file in files
        if is_in(file.path, PRODUCT)
        and not is_in(file.path, LOADED_BY_PLACE)
        and not file.path.endswith(("__init__.py", "__main__.py"))
    )
    return [file.path for file in products if module_name(file.path) not in used]


def test_every_product_module_is_used() -> None:
    assert dead_modules(sources()) == []


def test_a_module_that_only_tests_import_is_dead() -> None:
    lonely = source("ledger/log/lonely.py", "")
    reader = source("tests/test_lonely.py", "from ledger.log import lonely")
    neighbour = source("ledger/log/neighbour.py", "from . import lonely")
    assert dead_modules((lonely, reader)) == ["ledger/log/lonely.py"]
    assert dead_modules((lonely, neighbour)) == ["ledger/log/neighbour.py"]


# --- strays ------------------------------------------------------------------------------------


def machine_paths(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE_PATH.search(line):
            yield f"{name}:{number}: {found.group()}"


def readable(name: str) -> str:
    """The file as text; what is not UTF-8 has no lines to look at."""
    try:
        return (REPOSITORY / name).read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [
        hit for name in tracked() if name != SELF for hit in machine_paths(name, readable(name))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text", ["cd /" + "work/here", 'x = "/' + 'root/.venv"', "see /" + "home/me/x"]
)
def test_a_path_of_one_machine_is_found(text: str) -> None:
    assert list(machine_paths("made-up.md", text))


@pytest.mark.parametrize("text", ["GET /v1/home/page", "docs/home/plan", "~/home/x"])
def test_a_path_of_no_machine_is_not_found(text: str) -> None:
    assert not list(machine_paths("made-up.md", text))


def test_no_lock_file_that_records_hosts_is_tracked() -> None:
    assert [name for name in tracked() if Path(name).name in LOCK_FILES] == []


def test_requirements_name_no_host() -> None:
    named = [
        name
        for name in tracked()
        if name.startswith("requirements/")
        and re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", readable(name))
    ]
    assert named == []
