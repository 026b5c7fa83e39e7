"""Sign-in with a wallet: the EIP-4361 text, its strict parser and its checks.

The text is what a person reads in the wallet and signs (ERC-191). The nonce is single-use and
the domain is the server's own; both are checked by ``check_sign_in`` with values that the caller
supplies, because this module knows no clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ledger.errors import BadSignature, InvalidInput, KyojoError, NotPermitted
from ledger.identity.address import Address, parse_address, to_checksum
from ledger.identity.keccak import keccak
from ledger.identity.signature import recover_address
from ledger.period import parse_rfc3339

TEXT_BYTES_MAX = 4096

_FIRST = re.compile(r"(?P<domain>[^\s/]{1,255}) wants you to sign in with your Ethereum account:")
_FIELDS = ("URI", "Version", "Chain ID", "Nonce", "Issued At", "Expiration Time")
_NONCE = re.compile(r"[A-Za-z0-9]{8,64}")


@dataclass(frozen=True, slots=True)
class SignIn:
    """The parts of a sign-in text; times are RFC 3339 texts as they were signed."""

    domain: str
    address: Address
    statement: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: str
    expiration_time: str


def format_sign_in(message: SignIn) -> str:
    """The text to be signed."""
    return (
        f"{message.domain} wants you to sign in with your Ethereum account:\n"
        f"{to_checksum(message.address)}\n\n{message.statement}\n\n"
        f"URI: {message.uri}\nVersion: 1\nChain ID: {message.chain_id}\n"
        f"Nonce: {message.nonce}\nIssued At: {message.issued_at}\n"
        f"Expiration Time: {message.expiration_time}"
    )


def parse_sign_in(text: str) -> SignIn:
    """Read a sign-in text of the form that ``format_sign_in`` writes; raises InvalidInput."""
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput("a sign-in text is UTF-8 without lone surrogates") from error
    if size_bytes > TEXT_BYTES_MAX:
        raise InvalidInput(f"a sign-in text has at most {TEXT_BYTES_MAX} bytes")
    lines = text.split("\n")
    first = _FIRST.fullmatch(lines[0])
    if first is None or len(lines) != 5 + len(_FIELDS) or lines[2] or lines[4] or not lines[3]:
        raise InvalidInput("this is not an EIP-4361 sign-in text with a statement and six fields")
    values = [_field(line, name) for line, name in zip(lines[5:], _FIELDS, strict=True)]
    uri, version, chain_id, nonce, issued_at, expires = values
    if version != "1" or not re.fullmatch(r"[0-9]{1,18}", chain_id) or not _NONCE.fullmatch(nonce):
        raise InvalidInput("Version must be 1, Chain ID digits, Nonce 8 to 64 letters and digits")
    try:
        address = parse_address(lines[1])
        parse_rfc3339(issued_at)
        parse_rfc3339(expires)
    except KyojoError as error:
        raise InvalidInput(f"sign-in text: {error.message}") from error
    return SignIn(first["domain"], address, lines[3], uri, int(chain_id), nonce, issued_at, expires)


def check_sign_in(text: str, signature: bytes, *, domain: str, now: str) -> SignIn:
    """Parse and verify a signed text for this server's ``domain`` at the instant ``now``.

    The caller must still use up the nonce. Raises InvalidInput, NotPermitted or BadSignature.
    """
    message = parse_sign_in(text)
    if message.domain != domain:
        raise NotPermitted(f"the text signs in to {message.domain}, this server is {domain}")
    moment = parse_rfc3339(now)
    issued, expires = parse_rfc3339(message.issued_at), parse_rfc3339(message.expiration_time)
    if not issued <= moment < expires:
        raise NotPermitted(f"the sign-in text is valid from {issued} to {expires}, now is {moment}")
    if recover_address(personal_digest(text), signature) != message.address:
        raise BadSignature("the sign-in text was not signed by the address that it names")
    return message


def personal_digest(text: str) -> bytes:
    """The ERC-191 digest of a text (``personal_sign``)."""
    data = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)


def _field(line: str, name: str) -> str:
    label, separator, value = line.partition(": ")
    if label != name or not separator or not value:
        raise InvalidInput(f"expected the line {name}: …, got {line[:60]!r}")
    return value
