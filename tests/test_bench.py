"""The benchmarks run, at a tiny scale, and write down what docs/benchmarks.md says they do."""

from __future__ import annotations

import json

import pytest

from bench.__main__ import FIGURES, main, parse_arguments, table
from bench.bare import BareRows, append_to_pymerkle, hash_twice
from bench.figure import Figure, percentile, significant
from bench.month import AUDIT_SECONDS_MAX
from bench.page import HAS_BROWSER, SKIPPED
from bench.process import run_kyojo
from bench.records import MONTH, batch_sizes, make_records, parts
from ledger.client.records import encode_record
from ledger.log.merkle import leaf_hash, root_hash
from ledger.usage.record import parse_line

FIELDS = {
    "figure": str,
    "value": float,
    "unit": str,
    "database": str,
    "yardstick": str,
    "yardstick_value": float,
    "ratio": float,
    "limit": type(None),  # what is asked holds for the full size alone
}


def run(tmp_path, *arguments):
    out = tmp_path / "results.json"
    assert main([*arguments, "--json", "--out", str(out)]) == 0
    return json.loads(out.read_bytes())


def assert_rows(rows):
    for row in rows:
        assert {name: type(value) for name, value in row.items()} == FIELDS
        assert row["figure"] in FIGURES
        assert row["value"] > 0
        assert row["ratio"] == pytest.approx(row["value"] / row["yardstick_value"], rel=1e-3)


def test_ratio_is_value_divided_by_yardstick_in_five_digits():
    row = Figure("ingest_batch", 12345.678, "records/s", "sqlite", "bare rows", 3.0).row()
    assert row["value"] == 12346.0
    assert row["ratio"] == 4115.2
    with pytest.raises(ValueError, match="yardstick"):
        Figure("close_month", 1.0, "s", "sqlite", "bare rows", 0.0).row()


def test_percentile_is_a_measured_value():
    assert percentile(range(1, 101), 99) == 99
    assert percentile([5.0], 99) == 5.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert significant(0.00123456) == 0.0012346


def test_records_are_the_same_in_every_run_and_valid():
    records = list(make_records("m0001", 0, 50))
    assert records == list(make_records("m0001", 0, 50))
    for record in records:
        parsed = parse_line(encode_record(record))
        assert parsed.id == record["id"]
        assert parsed.ended_at.strftime("%Y-%m") == MONTH
    assert len({record["id"] for record in records}) == 50


def test_batches_cover_every_record_once():
    assert batch_sizes(10, 3) == [4, 3, 3]
    assert list(parts(2500)) == [(0, 1000), (1000, 1000), (2000, 500)]


def test_yardsticks_do_the_work_that_they_stand_for(tmp_path):
    records = list(make_records("bare", 0, 20))
    lines = [encode_record(record) for record in records]
    assert append_to_pymerkle(lines) == root_hash([leaf_hash(line) for line in lines])
    assert hash_twice([(bytes(32), lines), (bytes(32), lines[:5])]) == 25
    bare = BareRows(f"sqlite:///{tmp_path}/bare.db")
    bare.insert("m1", records[:15])
    bare.insert_singly("m2", records[15:])
    rows = bare.sums(f"{MONTH}-01", f"{MONTH}-32")
    bare.close()
    assert sum(row[2] for row in rows) == 20
    assert sum(row[5] for row in rows) == sum(record["charges"]["fare"] for record in records)


def test_the_whole_month_has_a_limit_and_the_table_shows_it():
    whole = Figure("audit_offline", 4.0, "s", "sqlite", "hashing", 1.0, AUDIT_SECONDS_MAX)
    assert whole.row()["limit"] == 5.0
    column = next(column for column in table([whole], 1.0).columns if column.header == "limit")
    assert list(column.cells) == ["5"]


def test_a_command_is_measured_from_its_start_to_its_end():
    """Python's own start is in it, and the processor time of all that ran."""
    run = run_kyojo("--version")
    assert run.processor_seconds > 0
    assert run.seconds > 0.01
    with pytest.raises(RuntimeError, match="ended with 2"):
        run_kyojo("audit", "verify", "no such file")


def test_a_scale_is_a_fraction(capsys):
    for wrong in ("0", "1.5", "-1"):
        with pytest.raises(SystemExit):
            parse_arguments(["--scale", wrong])
    assert "at most 1" in capsys.readouterr().err


def test_a_month_is_closed_told_and_audited(tmp_path):
    rows = run(tmp_path, "--only", "audit_offline", "--scale", "0.0005")
    assert [row["figure"] for row in rows] == [
        "audit_offline",
        "audit_processor",
        "audit_memory",
    ]
    assert_rows(rows)


@pytest.mark.slow
@pytest.mark.skipif(not HAS_BROWSER, reason=SKIPPED)
def test_a_month_is_verified_by_the_page(tmp_path):
    rows = run(tmp_path, "--only", "audit_in_browser", "--scale", "0.002")
    assert [row["figure"] for row in rows] == ["audit_in_browser"]
    assert "the same 200 records" in rows[0]["yardstick"]
    assert_rows(rows)


def test_proofs_from_a_log_of_tiles(tmp_path):
    rows = run(tmp_path, "--only", "proofs_per_second", "--scale", "0.001")
    assert [row["figure"] for row in rows] == ["proofs_per_second"] * 2
    assert "1,000 entries" in rows[0]["yardstick"]
    assert_rows(rows)


def test_single_writes_over_http(tmp_path):
    rows = run(tmp_path, "--only", "write_single", "--scale", "0.02", "--database", "sqlite")
    assert [row["figure"] for row in rows] == ["write_single", "write_single_p99"]
    assert {row["database"] for row in rows} == {"sqlite"}
    assert_rows(rows)


def test_divisions_are_measured(tmp_path):
    rows = run(tmp_path, "--only", "bounds", "--scale", "0.001")
    assert [row["figure"] for row in rows] == ["shapley_table", "shapley_inputs", "bounds"]
    assert_rows(rows)


def test_anchoring_costs_gas_and_gwei_for_each_record(tmp_path):
    gas, cost = run(tmp_path, "--only", "anchor_gas", "--scale", "0.0001")
    assert_rows([gas, cost])
    assert (gas["unit"], gas["yardstick_value"]) == ("gas/record", 21_000)
    assert 48 < gas["value"] < 75
    assert cost["value"] == pytest.approx(10 * gas["value"], rel=1e-3)


def test_a_database_is_checked(tmp_path):
    rows = run(tmp_path, "--only", "fsck", "--scale", "0.002")
    assert [row["figure"] for row in rows] == ["fsck", "fsck_memory"]
    assert_rows(rows)
