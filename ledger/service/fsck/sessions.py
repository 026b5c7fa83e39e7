"""Sign-in rows, rows that belong to no log, and tables that could not be read.

A nonce carries its own proof and the instant at which it ends. A token's hash is random and stands
nowhere else, so of it only the form can be checked; its address must be a key of the co-op.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table

from ledger.coop.state import State
from ledger.errors import KyojoError
from ledger.identity.nonce import nonce_expiry
from ledger.period import parse_instant
from ledger.service.fsck.head import LogHead
from ledger.service.fsck.report import Findings
from ledger.store.raw import RawRows, Row, key_of, shown
from ledger.store.schema import newest_revision
from ledger.store.tables import entries, logs, metadata, nonces, tokens

TOKEN_HASH_BYTES = 32


def check_sessions(raw: RawRows, head: LogHead, state: State | None, findings: Findings) -> None:
    """Check nonces and tokens; without a state not whose key an address is."""
    for row in raw.scan(nonces, head.log_id):
        expiry = _expiry(head.id_key, row["nonce"])
        _note(findings, nonces, row, [] if expiry else ["nonce"])
        if expiry is not None:
            _note(findings, nonces, row, [] if row["expires_at"] == expiry else ["expires_at"])
    for row in raw.scan(tokens, head.log_id):
        digest, address = row["token_hash"], row["address"]
        rights = {
            "token_hash": type(digest) is bytes and len(digest) == TOKEN_HASH_BYTES,
            "address": isinstance(address, str) and (state is None or address in state.keys),
            "expires_at": is_instant(row["expires_at"]),
        }
        _note(findings, tokens, row, [name for name, is_right in rights.items() if not is_right])


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


def is_instant(value: Any) -> bool:
    """Whether a value is an instant as kyojo writes it."""
    try:
        parse_instant(value if isinstance(value, str) else "")
    except KyojoError:
        return False
    return True


def _expiry(key: bytes, nonce: Any) -> str | None:
    try:
        return nonce_expiry(key, nonce if isinstance(nonce, str) else "", now="")
    except (KyojoError, OverflowError, ValueError, OSError):
        return None


def _note(findings: Findings, table: Table, row: Row, columns: list[str]) -> None:
    for name in columns:
        findings.add(
            "malformed-row", (table.name, key_of(table, row), name),
            f"{shown(row[name])!r} cannot stand here", f"値 {shown(row[name])!r} は不正です",
        )  # fmt: skip
