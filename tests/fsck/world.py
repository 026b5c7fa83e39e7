"""An installation to be damaged: real files, a real chain, two anchors, a tail behind them.

Damage is done inside a transaction in which the check is run too, and which is then rolled back,
so that a thousand edits cost no copy of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, Table, create_engine, select, text

from ledger.audit.trust import Trust
from ledger.identity.nonce import make_nonce
from ledger.log.key import KeyType, SigningKey, format_signing_key
from ledger.service import logkeys
from ledger.service.anchor import anchor
from ledger.service.chain_view import open_chain_view
from ledger.service.coop import Coop
from ledger.service.export import trust_of
from ledger.service.fsck.head import Wanted
from ledger.service.fsck.remarks import COMPARED
from ledger.service.fsck.report import Report
from ledger.service.fsck.walk import Beside, fsck_through
from ledger.service.read import search_all
from ledger.service.submit import submit_usage
from ledger.store.database import Database
from ledger.store.reading import Filter
from ledger.store.rebuild import rebuild
from ledger.store.sequencer import write_snapshot
from ledger.store.sign_in import keep_token, use_nonce
from ledger.store.tables import metadata
from tests.builder import ORIGIN, signing_key
from tests.installation import (
    SLUG,
    Place,
    carry,
    lay_out,
    line,
    next_line,
    prepare,
    send,
    settle,
    usage_body,
)

ENTRIES_MIN = 300  # more than one tile of leaves
SECOND_KEY = SigningKey(ORIGIN, KeyType.ED25519, b"2" * 32)
LATER = "2031-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Checked:
    """A place, its log's number, and what its auditor knows."""

    place: Place
    url: str
    log_id: int
    size: int
    anchored: tuple[int, ...]
    trust: Trust
    erased: int  # the batch of which record 1 was erased

    @property
    def chain_url(self) -> str:
        return f"embedded:{self.place.root / 'chain.db'}"

    @property
    def wanted(self) -> Wanted:
        return Wanted(SLUG, ORIGIN, trust=self.trust)

    @contextmanager
    def editing(self) -> Iterator[Connection]:
        """A transaction that takes any edit, also of keys, and is rolled back at the end."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if engine.dialect.name == "sqlite":
                driver.isolation_level = None
                connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execute(text("SET session_replication_role = replica"))
            try:
                yield connection
            finally:
                if engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("ROLLBACK")
                connection.rollback()
        engine.dispose()

    def check(self, connection: Connection, *, chain: bool = False, **changes: Any) -> Report:
        wanted = changes.pop("wanted", self.wanted)
        if not chain:
            return fsck_through(connection, wanted, Beside(**changes))
        with open_chain_view(self.chain_url) as view:
            return fsck_through(connection, wanted, Beside(view, **changes))


def make(folder: Path, url: str | None) -> Checked:
    """Lay out, prepare and settle; then entries, usage, late usage, snapshots, a second anchor."""
    place = lay_out(folder)
    if url is not None:
        config = place.config.read_text()
        place.config.write_text(config.replace("sqlite:///kyojo.db", url))
    _add_key_file(place)
    prepare(place)
    settle(place)
    installation = place.open()
    coop = installation.coop(SLUG)
    logkeys.announce(coop, SECOND_KEY)
    anchored = [_anchor(installation, coop)]
    carry(coop)
    _submit_usage(coop)
    erased = _erase(coop)
    rebuild(coop.database, coop.log)
    for number in range(ENTRIES_MIN - coop.state().size):
        send(coop, "office", "facility-registered", facility(number))
        if number % 60 == 0:
            _write_snapshot(coop)
    anchored.append(_anchor(installation, coop))
    for number in range(1000, 1010):
        send(coop, "office", "facility-registered", facility(number))
    _sign_in(coop)
    trust = trust_of(coop)
    size = coop.state().size
    installation.close()
    found = url or f"sqlite:///{folder / 'kyojo.db'}"
    return Checked(place, found, coop.log.id, size, tuple(anchored), trust, erased)


def _add_key_file(place: Place) -> None:
    place.key_file("log-2").write_text(format_signing_key(SECOND_KEY))
    config = place.config.read_text()
    more = 'more_log_keys = ["keys/log-2.key"]\noffice_key'
    place.config.write_text(config.replace("office_key", more, 1))


def facility(number: int) -> dict[str, Any]:
    name = {"ja": f"設備{number}", "en": f"Facility {number}"}
    return {"id": f"f-{number}", "name": name, "owner": None}


def _erase(coop: Coop) -> int:
    """The second of three records of a batch is erased by its member; answers with the batch."""
    with coop.reading() as (_, log):
        rows = list(search_all(log, Filter(kind="usage-batch", member="bike")))
    batch = rows[-3].index
    body = {"batch": batch, "records": [1], "reason": "on request"}
    send(coop, "bike", "records-erased", body)
    return batch


def _write_snapshot(coop: Coop) -> None:
    with coop.database.write(coop.log.id) as connection:
        write_snapshot(connection, coop.log.id, coop.sequencer.state_at(connection))


def _submit_usage(coop: Coop) -> None:
    """A batch of the next month with charges and a reversal, and a late one of the month before."""
    fare = {"charges": {"fare": 250}, "currency": "JPY"}
    back = {"charges": {"fare": -250}, "currency": "JPY"}
    bodies = (
        ("bus", [next_line("n1", **fare), next_line("n2", measures={"energy_wh": 900, "trips": 2}),
                 next_line("n3", attributes={"line": "赤", "seats": 4}),
                 next_line("n4", measures={"trips": -1}, reverses="n1", **back)]),
        ("ev", [next_line(f"e{number}", measures={"trips": number}) for number in range(1, 9)]),
        ("bike", [line("late-1", measures={"trips": 3})]),
        *(("bike", [next_line(f"b{n}-{i}", measures={"trips": 1, "energy_wh": n + 1})
                    for i in range(3)]) for n in range(12)),
    )  # fmt: skip
    for who, lines in bodies:
        submit_usage(coop, usage_body(coop, who, *lines))


def _anchor(installation, coop: Coop) -> int:
    found = anchor(coop, installation.chain(SLUG))
    assert found is not None
    assert found.state == "final"
    return found.size


def _sign_in(coop: Coop) -> None:
    now = coop.clock()
    for number in range(12):
        nonce = make_nonce(coop.log.id_key, expires_at=LATER, random=bytes([number]) * 11)
        use_nonce(coop.database, coop.log.id, nonce, now=now, expires_at=LATER)
        address = signing_key(("bus", "ev", "audit")[number % 3]).address
        token = f"token {number}"
        keep_token(coop.database, coop.log.id, token, address=address, expires_at=LATER)


def rows_of(checked: Checked, table: Table) -> list[Mapping[str, Any]]:
    """All rows of a table."""
    database = Database(checked.url)
    with database.read() as connection:
        statement = select(table).order_by(*table.primary_key.columns)
        found = [dict(row) for row in connection.execute(statement).mappings()]
    database.close()
    return found


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def places(report: Report) -> list[str]:
    return [finding.where for finding in report.findings]


# Witnesses are tried apart, in test_cosigned.py.
OF_WITNESSES = {"cosignatures", "cosigned_heads", "witnesses"}
TABLES = tuple(
    table
    for table in metadata.sorted_tables
    if table.name in COMPARED and table.name not in OF_WITNESSES
)
