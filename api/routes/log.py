"""The log as files (C2SP tlog-tiles): checkpoint, hash tiles, entry bundles.

Hash tiles and checkpoints are open to all. Entry bundles hold the entries themselves and are for
members; a co-op that wants them open says so in its front proxy.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import CoopHere, ReaderHere
from api.models import LogKeyModel
from ledger.errors import NotFound
from ledger.log.tile import TILE_WIDTH, format_bundle, parse_bundle_path, parse_tile_path
from ledger.service import logkeys
from ledger.service.read import require_member

router = APIRouter(tags=["log"])

IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
PRIVATE = {"Cache-Control": "private, max-age=31536000, immutable"}
BYTES = "application/octet-stream"


@router.get("/log/{coop}/checkpoint", response_class=Response)
def read_checkpoint(coop: CoopHere) -> Response:
    """The newest signed checkpoint."""
    with coop.reading() as (_, log):
        head = log.head()
    if not head.note:
        raise NotFound("this log is empty")
    headers = {"Cache-Control": "public, max-age=5"}
    return Response(head.note, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/log/{coop}/tile/entries/{path:path}", response_class=Response)
def read_bundle(coop: CoopHere, reader: ReaderHere, path: str) -> Response:
    """An entry bundle. For members."""
    require_member(reader)
    bundle = parse_bundle_path(f"tile/entries/{path}")
    start = bundle.index * TILE_WIDTH
    with coop.reading() as (_, log):
        if start + bundle.width > log.head().size:
            raise NotFound(f"the log has no entry bundle {path}")
        data = format_bundle(list(log.entry_data(start, start + bundle.width)))
    return Response(data, media_type=BYTES, headers=PRIVATE)


@router.get("/log/{coop}/tile/{path:path}", response_class=Response)
def read_tile(coop: CoopHere, path: str) -> Response:
    """A tile of hashes."""
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
