"""HTTP to a kyojo server: JSON in and out, problem documents back into kyojo's errors.

Only a problem document with a 4xx status and a code of ours is a refusal. Whatever else goes wrong
(no answer, a proxy's page, a redirect, an answer that is not what was asked for) is Unavailable:
it says nothing about what became of the request.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any

import httpx

from ledger import canonical, errors

PROBLEM_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, and how often to ask again; each pause doubles."""

    timeout_seconds: float = 60.0
    tries: int = 6
    first_pause_seconds: float = 0.25

    def pauses(self) -> Iterator[float]:
        """The pause after each try; none after the last."""
        for attempt in range(self.tries):
            yield self.first_pause_seconds * 2**attempt if attempt < self.tries - 1 else 0.0


@cache
def _authorities() -> SSLContext:
    """The authorities whose certificates count, read once: reading them takes 30 ms."""
    return httpx.create_ssl_context()


class Transport:
    """A connection to one server; tries again what is safe to try again."""

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        """Talk to the server at ``url``; raises InvalidInput if that is no address of one."""
        self._patience = patience or Patience()
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError) as error:
            raise errors.InvalidInput(f"{url!r} is not an address: {error}") from error
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise errors.InvalidInput(f"{url!r} is not an address like https://ledger.example.jp")
        self._http = httpx.Client(
            base_url=parsed, timeout=self._patience.timeout_seconds, verify=_authorities()
        )
        self.token: str | None = None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """A JSON answer."""
        return self._json("GET", path, params=params)

    def get_text(self, path: str) -> str:
        """A text answer."""
        return self._send("GET", path).text

    def post_json(self, path: str, document: Any) -> Any:
        """The JSON answer to a JSON document."""
        return self._json("POST", path, json=document)

    def post(self, path: str, body: bytes, *, headers: dict[str, str]) -> Any:
        """The JSON answer to raw bytes."""
        return self._json("POST", path, content=body, headers=headers)

    def _json(self, method: str, path: str, **parts: Any) -> Any:
        response = self._send(method, path, **parts)
        try:
            return canonical.parse(response.content, what=f"the answer to {method} {path}")
        except errors.MalformedDocument as error:
            raise errors.Unavailable(f"{self._where(response)}: {error.message}") from error

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        headers = dict(parts.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        failure = errors.Unavailable("the server was never asked")
        for pause in self._patience.pauses():
            try:
                response = self._http.request(method, path, headers=headers, **parts)
            except httpx.RequestError as error:
                failure = errors.Unavailable(
                    f"{self._http.base_url} does not answer ({type(error).__name__}: {error})"
                )
            else:
                if response.is_success:
                    return response
                failure = self._failure(response)
                if response.status_code < 500 and response.status_code != 429:
                    break
            time.sleep(pause)
        raise failure

    def _failure(self, response: httpx.Response) -> errors.Unavailable:
        """What an answer that is no success says of the request; raises what refuses it."""
        refusal = error_of(response)
        if isinstance(refusal, errors.Unavailable):
            return refusal
        if refusal is not None and 400 <= response.status_code < 500:
            raise refusal
        if refusal is not None:
            return errors.Unavailable(f"{self._where(response)}: {refusal.message}")
        if response.is_redirect:
            where = response.headers.get("location", "nowhere")
            return errors.Unavailable(
                f"{self._where(response)} and points to {where!r:.200}; a signed request is not "
                "sent on to another place: use that address yourself if you trust it"
            )
        kind = response.headers.get("content-type", "of no stated type")
        return errors.Unavailable(
            f"{self._where(response)} with a document {kind!r:.100}, which is not how a kyojo "
            "server refuses: something between you and it may have answered"
        )

    def _where(self, response: httpx.Response) -> str:
        return f"{self._http.base_url} answered {response.status_code}"


def error_of(response: httpx.Response) -> errors.KyojoError | None:
    """The error that a problem document stands for, with its faults; None if it is not one."""
    if response.headers.get("content-type", "").partition(";")[0].strip() != PROBLEM_TYPE:
        return None
    try:
        problem = canonical.parse(response.content, what="the problem document")
        code, detail = str(problem["code"]), str(problem["detail"])
        faults = tuple(errors.Fault(**fault) for fault in problem["errors"])
        kind = _by_code().get(code)
    except (errors.MalformedDocument, KeyError, TypeError):
        return None
    if kind is None:
        return None
    return kind(detail, faults=faults, expected=problem.get("expected"), remote=True)


def rows_of(found: Any) -> list[Any]:
    """An answer that is a list; anything else is a TypeError, within ``as_documented``."""
    if not isinstance(found, list):
        raise TypeError("not a list")
    return found


@contextmanager
def as_documented(what: str) -> Iterator[None]:
    """While an answer is read: raises Unavailable where it is not what the API promises."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise errors.Unavailable(
            f"the server's answer on {what} is not as documented ({type(error).__name__}: {error})"
        ) from error


def _by_code() -> dict[str, type[errors.KyojoError]]:
    found: dict[str, type[errors.KyojoError]] = {}
    waiting: list[type[errors.KyojoError]] = [errors.KyojoError]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = kind
        waiting.extend(kind.__subclasses__())
    return found
