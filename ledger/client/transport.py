"""HTTP to a kyojo server: JSON in and out, problem documents back into kyojo's errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx

from ledger import errors

TRIES = 6
FIRST_PAUSE_SECONDS = 0.25


class Transport:
    """A connection to one server; tries again what is safe to try again."""

    def __init__(self, url: str, *, timeout_seconds: float = 60.0) -> None:
        """Talk to the server at ``url``."""
        self._http = httpx.Client(base_url=url, timeout=timeout_seconds)
        self.token: str | None = None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """A JSON answer."""
        return self._send("GET", path, params=params).json()

    def get_text(self, path: str) -> str:
        """A text answer."""
        return self._send("GET", path).text

    def get_bytes(self, path: str) -> bytes:
        """An answer's bytes."""
        return self._send("GET", path).content

    def post_json(self, path: str, document: Any) -> Any:
        """The JSON answer to a JSON document."""
        return self._send("POST", path, json=document).json()

    def post(self, path: str, body: bytes, *, headers: dict[str, str]) -> Any:
        """The JSON answer to raw bytes."""
        return self._send("POST", path, content=body, headers=headers).json()

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        headers = dict(parts.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        failure = errors.Unavailable("the server was never asked")
        for pause in _pauses():
            try:
                response = self._http.request(method, path, headers=headers, **parts)
            except httpx.TransportError as error:
                failure = errors.Unavailable(
                    f"{self._http.base_url} does not answer ({type(error).__name__}: {error})"
                )
            else:
                if response.is_success:
                    return response
                problem = error_of(response)
                if not isinstance(problem, errors.Unavailable):
                    raise problem
                failure = problem
            time.sleep(pause)
        raise failure


def error_of(response: httpx.Response) -> errors.KyojoError:
    """The error that a problem document stands for, with its faults."""
    try:
        problem = response.json()
        code, detail = str(problem["code"]), str(problem["detail"])
        faults = tuple(errors.Fault(**fault) for fault in problem["errors"])
    except (ValueError, KeyError, TypeError):
        code, detail, faults = "", f"the server answered {response.status_code}", ()
        problem = {}
    kind = _by_code().get(code)
    if kind is None:
        kind = errors.Unavailable if response.status_code >= 500 else errors.InvalidInput
    return kind(detail, faults=faults, expected=problem.get("expected"), remote=True)


def _by_code() -> dict[str, type[errors.KyojoError]]:
    found: dict[str, type[errors.KyojoError]] = {}
    waiting: list[type[errors.KyojoError]] = [errors.KyojoError]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = kind
        waiting.extend(kind.__subclasses__())
    return found


def _pauses() -> Iterator[float]:
    for attempt in range(TRIES):
        yield FIRST_PAUSE_SECONDS * 2**attempt if attempt < TRIES - 1 else 0.0
