"""The log as files over HTTP (C2SP tlog-tiles): checkpoint, hash tiles, entry bundles.

The prefix of a log is ``/log/{coop}``. Checkpoints and hash tiles are open to all. Who reads
entry bundles is the co-op's own setting, ``readers.entries`` of its charter: ``everyone``, or
``members`` with a bearer token. What is open may be read from any web page.

Tiles and bundles never change, so they are cached for a year and carry no ETag: there is nothing
to revalidate. A partial tile of any earlier size is cut from the wider one, and stays to be had.
What is not there is 404 and must not be cached, as it may be there later; a path in another
spelling than the specification's is 400.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute

from api.dependencies import CoopHere, ReaderHere
from api.errors import problem_response
from api.models import LogKeyModel
from ledger.errors import KyojoError
from ledger.log.tile import parse_bundle_path, parse_tile_path
from ledger.service import logkeys
from ledger.service.published import published_note
from ledger.service.read import entry_bundle

FROM_ANY_PAGE = {"Access-Control-Allow-Origin": "*"}
SECONDS_5 = {"Cache-Control": "public, max-age=5"}
IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
PRIVATE = {"Cache-Control": "private, max-age=31536000, immutable"}
NOT_KEPT = {"Cache-Control": "no-store"}
BYTES = "application/octet-stream"


class OpenRoute(APIRoute):
    """A route whose answers, refusals included, may be read from any web page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, with the headers added; a refusal is not to be cached."""
        handle = super().get_route_handler()

        async def opened(request: Request) -> Response:
            try:
                response = await handle(request)
            except KyojoError as error:
                response = problem_response(error)
                response.headers.update(NOT_KEPT)
            if response.headers.get("Cache-Control") != PRIVATE["Cache-Control"]:
                response.headers.update(FROM_ANY_PAGE)
            return response

        return opened


router = APIRouter(tags=["log"], route_class=OpenRoute)


@router.head("/log/{coop}/checkpoint", include_in_schema=False)
@router.get("/log/{coop}/checkpoint", response_class=Response)
def read_checkpoint(coop: CoopHere) -> Response:
    """The newest checkpoint: signed, or cosigned by the quorum where witnesses are named."""
    note = published_note(coop)
    return Response(note, media_type="text/plain; charset=utf-8", headers=SECONDS_5)


@router.head("/log/{coop}/tile/entries/{path:path}", include_in_schema=False)
@router.get("/log/{coop}/tile/entries/{path:path}", response_class=Response)
def read_bundle(coop: CoopHere, reader: ReaderHere, request: Request, path: str) -> Response:
    """An entry bundle, for those whom the charter's ``readers.entries`` names."""
    bundle = parse_bundle_path(f"tile/entries/{path}")
    data, is_open = entry_bundle(coop, reader, bundle)
    headers = {**(IMMUTABLE if is_open else PRIVATE), "Vary": "Accept-Encoding"}
    if not is_open:
        headers["Vary"] += ", Authorization"
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        data = gzip.compress(data, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(data, media_type=BYTES, headers=headers)


@router.head("/log/{coop}/tile/{path:path}", include_in_schema=False)
@router.get("/log/{coop}/tile/{path:path}", response_class=Response)
def read_tile(coop: CoopHere, path: str) -> Response:
    """A tile of hashes. Open to all."""
    tile = parse_tile_path(f"tile/{path}")
    with coop.reading() as (_, log):
        data = log.tile(tile)
    return Response(data, media_type=BYTES, headers=IMMUTABLE)


@router.get("/v1/{coop}/log-keys")
def list_log_keys(coop: CoopHere) -> list[LogKeyModel]:
    """The log's keys, past ones included, and how one leads to the next. Open to all."""
    rows = logkeys.history(coop)
    return [LogKeyModel.model_validate(row, from_attributes=True) for row in rows]


@router.get("/v1/{coop}/consistency")
def prove_consistency(
    coop: CoopHere, old: Annotated[int, Query(ge=1)], new: Annotated[int, Query(ge=1)]
) -> list[str]:
    """The consistency proof between two sizes of the log, hex. Open to all."""
    with coop.reading() as (_, log):
        return [step.hex() for step in log.consistency(old, new)]


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header (RFC 9110 §12.5.3) takes gzip; without one, it does not.

    Total: what cannot be read as a weight counts as a refusal, and the answer is then unpacked.
    """
    weights: dict[str, bool] = {}
    for item in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        weights[coding] = all(map(_is_above_zero, parameters))
    return weights.get("gzip", weights.get("*", False))


def _is_above_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    digits = value.strip().replace(".", "", 1)
    return name.strip() == "q" and digits.isascii() and digits.isdigit() and bool(digits.strip("0"))
