"""Sign-in rows, rows that belong to no log, and tables that could not be read.

Nonces and token hashes are random and stand nowhere else, so of them only the form can be
checked; a token's address must be a key of the co-op.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Table

from ledger.coop.state import State
from ledger.errors import KyojoError
from ledger.period import parse_instant
from ledger.service.fsck.head import LogHead
from ledger.service.fsck.report import Findings
from ledger.store.raw import RawRows, key_of, shown
from ledger.store.schema import newest_revision
from ledger.store.tables import entries, logs, metadata, nonces, tokens

_NONCE = re.compile(r"[0-9a-f]{24}")
TOKEN_HASH_BYTES = 32


def check_sessions(raw: RawRows, log_id: int, state: State | None, findings: Findings) -> None:
    """Check the form of nonces and tokens; without a state not whose key an address is."""

    def is_known(value: Any) -> bool:
        return isinstance(value, str) and (state is None or value in state.keys)

    def is_hash(value: Any) -> bool:
        return type(value) is bytes and len(value) == TOKEN_HASH_BYTES

    _check(raw, nonces, log_id, {"nonce": is_nonce, "expires_at": is_instant}, findings)
    columns: dict[str, Callable[[Any], bool]] = {
        "token_hash": is_hash, "address": is_known, "expires_at": is_instant,
    }  # fmt: skip
    _check(raw, tokens, log_id, columns, findings)


def check_tables(raw: RawRows, findings: Findings) -> None:
    """Note tables that could not be read to their end, and rows that belong to no log."""
    for table in metadata.sorted_tables:
        if table is not logs:
            for row in raw.strays(table):
                findings.add(
                    "stray-row", (table.name, key_of(table, row), "log_id"),
                    f"its log_id {shown(row['log_id'])} is no log of this database",
                    f"log_id {shown(row['log_id'])} の記録はこのデータベースにありません",
                )  # fmt: skip
    found, wanted = raw.revision(), newest_revision()
    if found != wanted:
        findings.add(
            "wrong-schema", ("alembic_version", "", "version_num"),
            f"the tables say that they are at revision {found}, this kyojo has {wanted}",
            f"表の版は {found}、このソフトウェアの版は {wanted} です",
        )  # fmt: skip
    for name, why in raw.unreadable.items():
        findings.add("unreadable-table", (name, "", ""), why, f"この表を読めません: {why}")


def check_log_id(raw: RawRows, head: LogHead, slug: str, findings: Findings) -> None:
    """Note if it is the log's own number that was changed: all its entries are then strays."""
    if head.size and raw.largest_index(entries, head.log_id) is None:
        strays = {row["log_id"] for row in raw.strays(entries)}
        if strays:
            findings.add(
                "head-changed", ("logs", slug, "id"),
                f"this log has no rows, but there are rows of a log {shown(min(strays, key=str))}",
                "この記録の行はなく、別の番号の行があります",
            )  # fmt: skip


def is_nonce(value: Any) -> bool:
    """Whether a value has the form of a sign-in nonce."""
    return isinstance(value, str) and _NONCE.fullmatch(value) is not None


def is_instant(value: Any) -> bool:
    """Whether a value is an instant as kyojo writes it."""
    try:
        parse_instant(value if isinstance(value, str) else "")
    except KyojoError:
        return False
    return True


def _check(
    raw: RawRows,
    table: Table,
    log_id: int,
    columns: dict[str, Callable[[Any], bool]],
    findings: Findings,
) -> None:
    for row in raw.scan(table, log_id):
        for name, is_right in columns.items():
            if not is_right(row[name]):
                findings.add(
                    "malformed-row", (table.name, key_of(table, row), name),
                    f"{shown(row[name])!r} cannot stand here",
                    f"値 {shown(row[name])!r} は不正です",
                )  # fmt: skip
