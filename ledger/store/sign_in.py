"""Sign-in: nonces that were used, and the hashes of bearer tokens, each until it expires."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from ledger.errors import NotPermitted
from ledger.store.database import Database
from ledger.store.tables import nonces, tokens


def use_nonce(database: Database, log_id: int, nonce: str, *, now: str, expires_at: str) -> None:
    """Note that a nonce was used; raises NotPermitted the second time. Forgets what has expired."""
    row = {"log_id": log_id, "nonce": nonce, "expires_at": expires_at}
    try:
        with database.write(log_id) as connection:
            connection.execute(delete(nonces).where(nonces.c.expires_at <= now))
            connection.execute(delete(tokens).where(tokens.c.expires_at <= now))
            connection.execute(nonces.insert().values(row))
    except IntegrityError as error:
        raise NotPermitted("the sign-in nonce was used already; ask for a new one") from error


def keep_token(
    database: Database, log_id: int, token: str, *, address: str, expires_at: str
) -> None:
    """Remember a token's hash and whom it stands for."""
    row = {
        "log_id": log_id,
        "token_hash": sha256(token.encode()).digest(),
        "address": address,
        "expires_at": expires_at,
    }
    with database.write(log_id) as connection:
        connection.execute(tokens.insert().values(row))


def token_address(database: Database, log_id: int, token: str, *, now: str) -> str | None:
    """The address that a valid token stands for, or None."""
    statement = select(tokens.c.address).where(
        tokens.c.log_id == log_id,
        tokens.c.token_hash == sha256(token.encode()).digest(),
        tokens.c.expires_at > now,
    )
    with database.read() as connection:
        found = connection.execute(statement).scalar_one_or_none()
    return None if found is None else str(found)
