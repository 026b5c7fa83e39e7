"""``kyojo rules schema``: printed, or written where an editor finds it."""

from __future__ import annotations

import json
from pathlib import Path

from ledger.rules.schema import rules_schema
from tests.cli.conftest import Kyojo, check_error

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "rules.schema.json"


def test_it_is_printed_as_it_is_committed(kyojo: Kyojo, tmp_path: Path) -> None:
    ran = kyojo("rules", "schema")
    assert ran.code == 0
    assert ran.out == COMMITTED.read_text("utf-8")
    assert kyojo("rules", "schema", "--json").document == rules_schema()
    path = tmp_path / "schema.json"
    assert kyojo("rules", "schema", "--out", path, "--json").document == {"file": str(path)}
    assert json.loads(path.read_text("utf-8")) == rules_schema()
    check_error(kyojo("rules", "schema", "--out", tmp_path), 2, "cannot write")
