"""Sign-in: nonces that can be used once, and the hashes of bearer tokens."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import delete, select

from ledger.errors import NotPermitted
from ledger.store.database import Database
from ledger.store.tables import nonces, tokens

NONCES_MAX = 10_000


def keep_nonce(database: Database, log_id: int, nonce: str, *, now: str, expires_at: str) -> None:
    """Remember a nonce until it expires; expired ones are forgotten on the way."""
    with database.write(log_id) as connection:
        connection.execute(delete(nonces).where(nonces.c.expires_at <= now))
        connection.execute(delete(tokens).where(tokens.c.expires_at <= now))
        waiting = select(nonces.c.nonce).where(nonces.c.log_id == log_id).limit(NONCES_MAX)
        if len(connection.execute(waiting).all()) == NONCES_MAX:
            raise NotPermitted("too many sign-ins are waiting; try again in a few minutes")
        row = {"log_id": log_id, "nonce": nonce, "expires_at": expires_at}
        connection.execute(nonces.insert().values(row))


def use_nonce(database: Database, log_id: int, nonce: str, *, now: str) -> None:
    """Use up a nonce; raises NotPermitted if it is unknown, used or expired."""
    with database.write(log_id) as connection:
        used = connection.execute(
            delete(nonces)
            .where(nonces.c.log_id == log_id, nonces.c.nonce == nonce)
            .where(nonces.c.expires_at > now)
        )
    if used.rowcount != 1:
        raise NotPermitted("the sign-in nonce is unknown, used or expired; ask for a new one")


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
