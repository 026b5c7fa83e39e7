"""One exchange with a witness over HTTP, whatever it answers.

A witness is not trusted. Its answer has a limit in bytes and in time, redirects are not followed,
every cosignature is verified before it is taken, and whatever goes wrong is one ``Trouble``, which
is told in English and Japanese. A witness that is at another size says so (409), once: the proof is
then made from its size; a second 409 is its trouble.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import httpx

from ledger.errors import InvalidInput, KyojoError, VerificationError
from ledger.log.key import VerifierKey
from ledger.log.note import Signature
from ledger.log.witness import (
    ANSWER_BYTES_MAX,
    AddCheckpoint,
    Status,
    format_add_checkpoint,
    open_answer,
    parse_size,
)

Prove = Callable[[int], Sequence[bytes]]
"""The consistency proof from a size to that of the checkpoint."""


class Trouble(StrEnum):
    """Why a witness has not cosigned."""

    NO_ADDRESS = "no-address"
    UNREACHABLE = "unreachable"
    SLOW = "slow"
    UNKNOWN_LOG = "unknown-log"
    AHEAD = "ahead"
    OTHER_SIZE = "other-size"
    INCONSISTENT = "inconsistent"
    BAD_SIGNATURE = "bad-signature"
    UNREADABLE = "unreadable"


TROUBLES: Mapping[Trouble, tuple[str, str]] = {
    Trouble.NO_ADDRESS: (
        "the policy names no address of this witness",
        "方針に証人の宛先がありません",
    ),
    Trouble.UNREACHABLE: ("it is down or cannot be reached", "停止中か、接続できません"),
    Trouble.SLOW: ("it did not answer in time", "時間内に応答がありません"),
    Trouble.UNKNOWN_LOG: (
        "it does not know this log or its key; send its operator the log's vkey",
        "この台帳または鍵を登録していません。証人の運営者に台帳の公開鍵を渡してください",
    ),
    Trouble.AHEAD: (
        "it has cosigned more entries than this log has: is the database an old copy?",
        "この台帳より多い件数に連署しています。古い複製から復元していないか確認してください",
    ),
    Trouble.OTHER_SIZE: (
        "it says again that it is at another size",
        "件数の不一致を繰り返し応答しています",
    ),
    Trouble.INCONSISTENT: (
        "it says that this checkpoint does not continue what it has cosigned: a rewritten history",
        "以前の連署と続いていない、すなわち履歴が書き換えられたと応答しています",
    ),
    Trouble.BAD_SIGNATURE: (
        "it answered without a valid cosignature by its key",
        "その鍵による正しい連署がありません",
    ),
    Trouble.UNREADABLE: ("it answered outside of the protocol", "規約外の応答です"),
}


class WitnessFailure(Exception):
    """A witness did not cosign; ``size`` is what it said of its own size, if it did."""

    def __init__(self, trouble: Trouble, detail: str, *, size: int | None = None) -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = detail
        self.size = size


@dataclass(frozen=True, slots=True)
class Question:
    """A checkpoint put before a witness; ``old_size`` is what it is thought to have cosigned."""

    size: int
    note: bytes
    old_size: int
    keys: tuple[VerifierKey, ...]


async def ask(
    client: httpx.AsyncClient, url: str, question: Question, prove: Prove, *, seconds_max: float
) -> tuple[Signature, ...]:
    """The witness's cosignatures, verified; raises WitnessFailure, whatever the witness does.

    ``url`` is the witness's prefix. At most two requests are sent, in ``seconds_max`` together.
    """
    try:
        async with asyncio.timeout(seconds_max):
            return await _ask(client, url, question, prove)
    except TimeoutError as error:
        raise WitnessFailure(Trouble.SLOW, f"no answer in {seconds_max:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError) as error:
        detail = _shown(f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
        raise WitnessFailure(Trouble.UNREACHABLE, detail) from error


async def _ask(
    client: httpx.AsyncClient, url: str, question: Question, prove: Prove
) -> tuple[Signature, ...]:
    status, body = await _post(client, url, await _request(question, question.old_size, prove))
    if status == Status.OTHER_SIZE:
        size = _size_of(body)
        if size > question.size:
            raise WitnessFailure(Trouble.AHEAD, f"it is at size {size}", size=size)
        status, body = await _post(client, url, await _request(question, size, prove))
    if status == Status.COSIGNED:
        return _cosignatures(body, question)
    raise WitnessFailure(_trouble_of(status), f"status {status}: {_shown(body)}")


async def _request(question: Question, old_size: int, prove: Prove) -> bytes:
    has_proof = 0 < old_size < question.size
    proof = tuple(await asyncio.to_thread(prove, old_size)) if has_proof else ()
    return format_add_checkpoint(AddCheckpoint(old_size, proof, question.note))


async def _post(client: httpx.AsyncClient, url: str, content: bytes) -> tuple[int, bytes]:
    # Bytes as they come: nothing is unpacked, so that the limit is one on memory too.
    headers = {"Accept-Encoding": "identity", "Content-Type": "text/plain; charset=utf-8"}
    place = url.rstrip("/") + "/add-checkpoint"
    body = b""
    async with client.stream("POST", place, content=content, headers=headers) as response:
        async for part in response.aiter_raw():
            body += part
            if len(body) > ANSWER_BYTES_MAX:
                raise WitnessFailure(Trouble.UNREADABLE, f"more than {ANSWER_BYTES_MAX} bytes")
        return response.status_code, body


def _size_of(body: bytes) -> int:
    try:
        return parse_size(body)
    except InvalidInput as error:
        raise WitnessFailure(Trouble.OTHER_SIZE, f"409 without a size: {_shown(body)}") from error


def _cosignatures(body: bytes, question: Question) -> tuple[Signature, ...]:
    try:
        return open_answer(body, question.note, question.keys)
    except VerificationError as error:
        raise WitnessFailure(Trouble.BAD_SIGNATURE, error.message) from error
    except KyojoError as error:
        raise WitnessFailure(Trouble.UNREADABLE, error.message) from error


def _trouble_of(status: int) -> Trouble:
    # Witnesses differ in which of the two they say of a log that they do not know.
    known = {
        Status.UNTRUSTED: Trouble.UNKNOWN_LOG,
        Status.UNKNOWN_LOG: Trouble.UNKNOWN_LOG,
        Status.OTHER_SIZE: Trouble.OTHER_SIZE,
        Status.INCONSISTENT: Trouble.INCONSISTENT,
    }
    if status >= 500:
        return Trouble.UNREACHABLE
    return next((trouble for one, trouble in known.items() if one == status), Trouble.UNREADABLE)


def _shown(body: bytes) -> str:
    text = body[:200].decode("utf-8", "replace")
    return "".join(one if one.isprintable() else " " for one in text).strip()
