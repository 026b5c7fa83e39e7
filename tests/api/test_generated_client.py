"""A client generator reads the OpenAPI document, and what it makes reads from a real server."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.api.conftest import World
from tests.in_thread import serving
from tests.installation import MONTH, SLUG, next_line, usage_body

REPOSITORY = Path(__file__).resolve().parent.parent.parent
Call = Callable[..., Any]
PACKAGE = "kyojo_generated"
GENERATOR = "from openapi_python_client.cli import app; app()"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The client as made from the committed document, importable."""
    folder = tmp_path_factory.mktemp("generated")
    settings = {"package_name_override": PACKAGE, "post_hooks": []}
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [
        sys.executable, "-W", "error::UserWarning", "-c", GENERATOR, "generate",
        "--path", str(REPOSITORY / "docs" / "openapi.json"), "--meta", "none",
        "--config", str(folder / "settings.json"), "--output-path", str(folder / PACKAGE),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # It knows NDJSON by no name of its own, and takes the same bytes as application/octet-stream.
    assert (done.stdout + done.stderr).count("WARNING") == 1, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield folder / PACKAGE
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def url(settled: World) -> Iterator[str]:
    with serving(settled.http.app) as address:
        yield address


def part(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}")


def test_every_operation_has_a_function(generated: Path, settled: World) -> None:
    paths = settled.http.get("/openapi.json").json()["paths"]
    wanted = {o["operationId"] for item in paths.values() for o in item.values()}
    made = {file.stem for file in (generated / "api").glob("*/*.py")} - {"__init__"}
    assert made == wanted
    for file in generated.rglob("*.py"):
        compile(file.read_text("utf-8"), file.name, "exec")


@contextmanager
def client(url: str, token: str = "") -> Iterator[Call]:
    """What calls an operation through the generated code; it closes its connection."""
    made = part("client")
    who = made.AuthenticatedClient(url, token) if token else made.Client(url)

    def call(operation: str, **arguments: Any) -> Any:
        module = part(f"api.{operation}")
        return module.sync_detailed(client=who, **arguments)

    with who:
        yield call


def test_it_reads_what_is_open(generated: Path, url: str, settled: World) -> None:
    with client(url) as call:
        found = call("co_ops.describe_coop", coop=SLUG).parsed
        months = call("periods.list_periods", coop=SLUG).parsed
        note = call("log.read_checkpoint", coop=SLUG).content
    assert found.origin == settled.coop.log.origin
    assert found.size == settled.coop.state().size
    assert next(month.id for month in months) == MONTH
    assert note.startswith(settled.coop.log.origin.encode())


def test_it_reads_a_members_own_with_a_token(generated: Path, url: str, settled: World) -> None:
    lines = settled.get(f"/periods/{MONTH}/lines", "audit").json()
    with client(url, settled.token("bus")) as call:
        own = call("periods.read_statement", coop=SLUG, month=MONTH, member="bus").parsed
        rows = call("entries.search_entries", coop=SLUG, kind="usage-batch", member="bus").parsed
    assert own.member == "bus"
    assert own.statement.net_minor == lines["totals"]["members"]["bus"]
    assert [row.kind for row in rows] == ["usage-batch"]


def test_it_sends_a_batch(generated: Path, url: str, settled: World) -> None:
    batch = usage_body(settled.coop, "ev", next_line("by-a-generated-client"))
    with client(url) as call:
        body = part("types").File(payload=BytesIO(batch))
        receipt = call("entries.submit_usage", coop=SLUG, body=body).parsed
    assert receipt.is_new
    assert receipt.status == "signed"


def test_it_understands_a_refusal(generated: Path, url: str, settled: World) -> None:
    with client(url, settled.token("bus")) as call:
        answer = call("periods.read_statement", coop=SLUG, month=MONTH, member="ev")
    assert answer.status_code == 403
    assert answer.parsed.code == "not-permitted"
    assert answer.parsed.remedy.ja
