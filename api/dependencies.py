"""What routes are given: the co-op named in the path, and who is asking."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Message

from api.parameters import Slug
from ledger import canonical
from ledger.errors import NotPermitted, TooLarge
from ledger.service.coop import Coop
from ledger.service.sign_in import Reader, read_token
from ledger.wiring import Installation

COOKIE = "kyojo_token"
SMALL_BYTES_MAX = 4 * 2**20

_bearer = HTTPBearer(auto_error=False, description="A token from POST /v1/{coop}/sign-in")


def installation_of(request: Request) -> Installation:
    """The installation that this application serves."""
    found: Installation = request.app.state.installation
    return found


def coop_of(
    coop: Slug,
    installation: Annotated[Installation, Depends(installation_of)],
) -> Coop:
    """The co-op named in the path."""
    return installation.coop(coop)


def reader_of(
    coop: Annotated[Coop, Depends(coop_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Reader:
    """Who is asking, by bearer token; nobody in particular without one."""
    return Reader() if credentials is None else read_token(coop, credentials.credentials)


def page_reader_of(request: Request, coop: Annotated[Coop, Depends(coop_of)]) -> Reader:
    """Who looks at a page, by the cookie that ``enter`` sets; an expired one is nobody's."""
    token = request.cookies.get(COOKIE)
    try:
        return Reader() if token is None else read_token(coop, token)
    except NotPermitted:
        return Reader()


async def read_body(request: Request, *, bytes_max: int) -> bytes:
    """The request's body; raises TooLarge as soon as it exceeds the limit."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise TooLarge(f"the body has more than {bytes_max} bytes")
        parts.append(part)
    return b"".join(parts)


class BoundedRoute(APIRoute):
    """A route whose JSON body, which the framework decodes, is bounded and strict first.

    The framework's decoder knows no depth: with the recursion limit that the chain's libraries set,
    a body of brackets would end the process.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, given only a body that is small and well formed."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def bounded(request: Request) -> Response:
            body = await read_body(request, bytes_max=SMALL_BYTES_MAX)
            canonical.parse(body, what="the request")
            return await handle(_whole(request, body))

        return bounded


def _whole(request: Request, body: bytes) -> Request:
    """The request again, with its body as one message."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


InstallationHere = Annotated[Installation, Depends(installation_of)]
CoopHere = Annotated[Coop, Depends(coop_of)]
ReaderHere = Annotated[Reader, Depends(reader_of)]
PageReader = Annotated[Reader, Depends(page_reader_of)]
