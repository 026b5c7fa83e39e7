"""A thousand single-byte edits over every table and column: each is found, at its row."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.fsck.edits import FORM_ONLY, edits_of, groups
from tests.fsck.world import TABLES, places

EDITS = {"sqlite": 1100, "postgresql": 100}


def test_every_single_byte_edit_is_found_at_its_row(checked):
    is_sqlite = checked.url.startswith("sqlite")
    wanted = EDITS["sqlite" if is_sqlite else "postgresql"]
    seen: Counter[tuple[str, str]] = Counter()
    for group in groups(edits_of(checked, Random(20261124)), wanted * 11 // 10):
        with checked.editing() as connection:
            made = [edit for edit in group if edit.apply(connection)]
            report = checked.check(connection)
        assert made == [] or report.exit_code == 3
        for edit in made:
            assert edit.is_located(report), (str(edit), edit.value, places(report)[:20])
        seen.update(edit.place for edit in made)
    assert seen.total() >= wanted
    every = {(table.name, column.name) for table in TABLES for column in table.columns}
    assert every - seen.keys() <= FORM_ONLY


def test_the_database_itself_is_clean(checked):
    with checked.editing() as connection:
        report = checked.check(connection, chain=True)
    assert (report.exit_code, report.findings) == (0, ())
    assert report.size == checked.size
    assert report.vouched_size == checked.anchored[-1]
