"""The same entries give the same bytes on SQLite and on PostgreSQL: RULES.md section 12, no. 12.

Two whole months with a dispute, a correction and payments, submitted to a store of each kind: the
signed head, the state, the settlement's lines, every statement, the corrections, the books and the
audit bundle.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from ledgers import Recording, coop_of

from ledger import canonical
from ledger.coop.state import state_document
from ledger.service.books import Span, export_books
from ledger.service.books_focus import export_focus
from ledger.service.coop import Coop
from ledger.service.correct import correction_of_member, find_corrections
from ledger.service.export import export_bundle
from ledger.service.statements import statements
from ledger.store.database import Database
from tests.builder import FIRMS, authority, charter
from tests.coop.bookkept import PAYING, fill
from tests.pages.month import AUDITOR


def bytes_of(coop: Coop, folder: Path) -> dict[str, bytes]:
    """Everything that a co-op gives out of its months, by name."""
    found: dict[str, bytes] = {}
    with coop.reading() as (state, log):
        found["state"] = canonical.encode(state_document(state))
        found["head"] = log.head().note
        posted = [one.id for one in find_corrections(state, log)]
    for month in ("2026-10", "2026-11"):
        for member, document in statements(coop, AUDITOR, month).items():
            found[f"{month}/{member}"] = canonical.encode(document)
    for id_ in posted:
        for firm in FIRMS:
            part = correction_of_member(coop, AUDITOR, id_, firm)
            found[f"correction/{id_}/{firm}"] = canonical.encode(part)
    for form in ("hledger", "beancount"):
        found[form] = export_books(coop, form, Span()).data
    found["focus"] = export_focus(coop, Span()).data
    export_bundle(coop, folder / "bundle.zip")
    found["bundle"] = (folder / "bundle.zip").read_bytes()
    return found


@pytest.mark.postgresql
def test_12_the_same_months_give_the_same_bytes_on_both_databases(
    postgresql: Callable[[bool], str], sqlite_template: Path, tmp_path: Path
) -> None:
    world = Recording(charter=charter(authority=authority(later=True)), rules=PAYING)
    fill(world)
    shutil.copy(sqlite_template, tmp_path / "kyojo.sqlite")
    digests: list[dict[str, str]] = []
    for url in (f"sqlite:///{tmp_path / 'kyojo.sqlite'}", postgresql(True)):
        database = Database(url)
        made = bytes_of(coop_of(database, world), tmp_path)
        database.close()
        # And on both those of the fold in memory.
        assert made["state"] == canonical.encode(state_document(world.state))
        digests.append({name: sha256(data).hexdigest() for name, data in made.items()})
    assert digests[0] == digests[1]
    assert len(digests[0]) >= 15
