"""Sign in with a wallet: a nonce, a signed text, a short-lived bearer token (EIP-4361)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ledger.coop.state import State
from ledger.errors import NotPermitted
from ledger.identity.nonce import RANDOM_BYTES, make_nonce, nonce_expiry
from ledger.identity.signin import check_sign_in
from ledger.period import format_instant, parse_instant
from ledger.service.coop import Coop
from ledger.store.sign_in import keep_token, token_address, use_nonce

NONCE_MINUTES = 10
TOKEN_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a member and its roles; nobody in particular has neither.

    ``former`` is somebody that was a member and has left: it reads what is open to all, and its own
    statements, since a correction can still concern it.
    """

    member: str | None = None
    roles: tuple[str, ...] = ()
    address: str | None = None
    former: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether this is a member, or was one."""
        return self.member is not None or self.former is not None

    def is_same(self, member: str) -> bool:
        """Whether this is that member, now or formerly."""
        return member in (self.member, self.former)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token for one member of one co-op, present or former, and when it ends."""

    token: str
    member: str
    expires_at: str


def new_nonce(coop: Coop) -> str:
    """A nonce that can be used once within the next minutes; nothing is stored for it."""
    expires_at = _later(coop.clock(), NONCE_MINUTES)
    return make_nonce(coop.log.id_key, expires_at=expires_at, random=coop.random(RANDOM_BYTES))


def sign_in(coop: Coop, text: str, signature: bytes, *, domain: str) -> Token:
    """Exchange a signed text for a token; raises what is wrong with the text or the signer."""
    now = coop.clock()
    message = check_sign_in(text, signature, domain=domain, now=now)
    valid_until = nonce_expiry(coop.log.id_key, message.nonce, now=now)
    reader = reader_of(coop.state(), message.address)
    who = reader.member or reader.former
    if who is None:
        raise NotPermitted(f"{message.address} is not a valid key of a member of this co-op")
    use_nonce(coop.database, coop.log.id, message.nonce, now=now, expires_at=valid_until)
    token = coop.random(32).hex()
    expires_at = _later(now, TOKEN_MINUTES)
    keep_token(coop.database, coop.log.id, token, address=message.address, expires_at=expires_at)
    return Token(token, who, expires_at)


def read_token(coop: Coop, token: str) -> Reader:
    """Whom a token stands for now; raises NotPermitted if it is not, or no longer, valid."""
    address = token_address(coop.database, coop.log.id, token, now=coop.clock())
    reader = Reader() if address is None else reader_of(coop.state(), address)
    if not reader.is_known:
        raise NotPermitted("the bearer token is unknown or expired; sign in again")
    return reader


def reader_of(state: State, address: str) -> Reader:
    """Whom an address stands for now; nobody in particular if its key is none or revoked."""
    key = state.keys.get(address)
    if key is None or key.revoked:
        return Reader()
    member = state.members[key.member]
    if member.left is not None:
        return Reader(address=address, former=member.id)
    return Reader(member.id, member.roles, address)


def _later(now: str, minutes: int) -> str:
    return format_instant(parse_instant(now) + timedelta(minutes=minutes))
