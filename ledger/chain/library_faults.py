"""What the exceptions of web3, eth-tester, requests and sqlite3 mean, in kyojo's own errors."""

from __future__ import annotations

import sqlite3

import requests
from eth_tester.exceptions import TransactionFailed
from eth_tester.exceptions import ValidationError as TesterValidationError
from eth_utils.exceptions import ValidationError
from web3.exceptions import (
    BlockNotFound,
    ContractLogicError,
    TimeExhausted,
    TransactionNotFound,
    Web3Exception,
)

from ledger.errors import (
    ChainUnavailable,
    Conflict,
    InvariantViolated,
    KyojoError,
    NotFound,
)

# Nodes tell these apart by text only. The first match counts.
_TEXTS = (
    ("known", ("already known", "already imported", "known transaction")),
    ("underpriced", ("underpriced", "less than block base fee", "max fee per gas")),
    ("nonce", ("nonce",)),
    ("funds", ("insufficient funds", "insufficient balance", "account balance")),
)
_UNREACHABLE = (requests.RequestException, TimeExhausted, OSError, sqlite3.Error)
_LIBRARY = (
    Web3Exception,
    TransactionFailed,
    TesterValidationError,
    ValidationError,
    ValueError,
    *_UNREACHABLE,
)
# web3 trusts the form of answers; what breaks it while it is read comes from outside.
_MALFORMED = (AttributeError, KeyError, TypeError)
_REVERT_PREFIX = "execution reverted: "


def translate(error: Exception, what: str) -> KyojoError | None:
    """The kyojo error for an exception of these libraries, None for one that is not theirs.

    ``details["kind"]`` is as the table in ``faults`` says.
    """
    if isinstance(error, _LIBRARY):
        return _of_library(error, what)
    if isinstance(error, _MALFORMED):
        text = f"{what}: the answer has not the form of one: {error!r}"
        return ChainUnavailable(text, kind="unknown")
    return None


def _of_library(error: Exception, what: str) -> KyojoError:
    if isinstance(error, sqlite3.ProgrammingError):
        return InvariantViolated(f"{what}: the embedded chain belongs to one thread: {error}")
    if isinstance(error, TransactionNotFound | BlockNotFound):
        return NotFound(f"{what}: {error}")
    if isinstance(error, _UNREACHABLE):
        text = _network_text(error) if isinstance(error, requests.RequestException) else error
        return ChainUnavailable(f"{what}: the chain does not answer: {text}", kind="unreachable")
    if isinstance(error, ContractLogicError | TransactionFailed):
        reason = _revert_reason(error)
        return Conflict(f"{what}: the contract refused: {reason}", kind="reverted", reason=reason)
    return _by_text(error, what)


def _by_text(error: Exception, what: str) -> KyojoError:
    text = str(error)
    lowered = text.lower()
    kinds = (kind for kind, marks in _TEXTS if any(mark in lowered for mark in marks))
    kind = next(kinds, "unknown")
    if kind in {"known", "nonce"}:
        return Conflict(f"{what}: {text}", kind=kind)
    return ChainUnavailable(f"{what}: {text}", kind=kind)


def _network_text(error: requests.RequestException) -> str:
    """What went wrong, without the address: the path of a paid node's is its password."""
    found = error.response
    if found is not None:
        return f"HTTP status {found.status_code}"
    cause = error.args[0] if error.args else None
    inner = getattr(cause, "reason", cause)  # urllib3 wraps what happened in a MaxRetryError
    return type(inner).__name__ if isinstance(inner, Exception) else type(error).__name__


def _revert_reason(error: Exception) -> str:
    text = str(error.args[0]) if error.args else ""
    _, mark, reason = text.partition(_REVERT_PREFIX)
    found = (reason if mark else text).strip()
    return "no reason given" if found in {"", "b''", "0x", "execution reverted"} else found
