"""Writing: usage batches and all other signed entries. Reading: entries, proofs, blobs."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse

from api.dependencies import BoundedRoute, CoopHere, ReaderHere, read_body
from api.models import (
    EntryModel,
    EntryRow,
    KnownModel,
    KnownRequest,
    PlaceModel,
    PlacesModel,
    PlacesRequest,
    ProofModel,
    ReceiptModel,
)
from api.routes.log import FROM_ANY_PAGE, NOT_KEPT
from ledger import canonical
from ledger.coop.recordproof import format_record_proof
from ledger.errors import InvalidInput
from ledger.log.merkle import leaf_hash
from ledger.log.proof import format_proof
from ledger.service import erase, known, prove, read, submit
from ledger.service.prove import RecordPlace
from ledger.store.reading import Filter
from ledger.usage.batch import BATCH_BYTES_MAX

router = APIRouter(tags=["entries"], route_class=BoundedRoute)

_USAGE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": (
            'NDJSON. First line: {"entry": signed entry, "salt_seed": 64 hex digits, "totals": '
            "base64 of the totals blob}; every further line is one usage record, byte for byte as "
            "it was sealed. Content-Encoding: gzip is understood."
        ),
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}
_ENTRY_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A signed entry, and the blobs that its body names.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["entry", "blobs"],
                    "additionalProperties": False,
                    "properties": {
                        "entry": {"type": "object"},
                        "blobs": {
                            "type": "object",
                            "additionalProperties": {"type": "string", "format": "byte"},
                        },
                    },
                }
            }
        },
    }
}


@router.post("/v1/{coop}/usage", status_code=201, openapi_extra=_USAGE_BODY)
async def submit_usage(coop: CoopHere, request: Request) -> ReceiptModel:
    """Take a usage batch, whole or not at all; every bad line is named.

    The signature in the entry is the sender's authority; no token is needed. The same batch again
    gets the first receipt again.
    """
    body = await read_body(request, bytes_max=BATCH_BYTES_MAX)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    return await run_in_threadpool(_take_usage, coop, body, encoding)


@router.post("/v1/{coop}/entries", status_code=201, openapi_extra=_ENTRY_BODY)
async def submit_entry(coop: CoopHere, request: Request) -> ReceiptModel:
    """Take any other signed entry: decisions, proposals, reports, registrations."""
    body = await read_body(request, bytes_max=submit.ENTRY_REQUEST_BYTES_MAX)
    receipt = await run_in_threadpool(submit.submit_entry, coop, body)
    return ReceiptModel.of(receipt)


@router.post("/v1/{coop}/usage/known")
def known_records(coop: CoopHere, reader: ReaderHere, body: KnownRequest) -> KnownModel:
    """Which of these record ids the asking member has used already."""
    return KnownModel(known=known.known_ids(coop, reader, body.ids))


@router.post("/v1/{coop}/usage/places")
def find_places(coop: CoopHere, reader: ReaderHere, body: PlacesRequest) -> PlacesModel:
    """Where the asking member's own records of a payer stand, page by page: what to erase."""
    page = erase.find_own(coop, reader, body.payer, start=body.start)
    found = [PlaceModel(batch=one.batch, records=list(one.records)) for one in page.found]
    return PlacesModel(found=found, next=page.following, size=page.size)


@router.get("/v1/{coop}/entries")
def search_entries(  # noqa: PLR0913, PLR0917 - one parameter a filter
    coop: CoopHere,
    reader: ReaderHere,
    kind: str | None = None,
    member: str | None = None,
    period: str | None = None,
    amount_from: int | None = None,
    amount_to: int | None = None,
    received_from: str | None = None,
    received_to: str | None = None,
    start: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=read.PAGE_MAX)] = 100,
) -> list[EntryRow]:
    """Search entries by kind, member, period, amount and time. For members, or all by charter."""
    wanted = Filter(kind, member, period, amount_from, amount_to, received_from, received_to)
    rows = read.entries(coop, reader, wanted, start=start, limit=limit)
    return [EntryRow.model_validate(row, from_attributes=True) for row in rows]


@router.get("/v1/{coop}/entries/{index}")
def read_entry(coop: CoopHere, reader: ReaderHere, index: int) -> EntryModel:
    """An entry, as JSON and as the bytes that were hashed. For members, or all by charter."""
    data = read.entry(coop, reader, index)
    return EntryModel(
        index=index,
        leaf=leaf_hash(data).hex(),
        entry=base64.b64encode(data).decode(),
        document=canonical.parse(data),
    )


@router.get("/v1/{coop}/entries/{index}/proof")
def prove_entry(coop: CoopHere, index: int) -> ProofModel:
    """The inclusion proof of an entry under the newest checkpoint. Open to all."""
    with coop.reading() as (_, log):
        head = log.head()
        proof = log.inclusion(index, head.size)
    return ProofModel(
        index=index,
        size=head.size,
        checkpoint=head.note.decode(),
        proof=[step.hex() for step in proof],
    )


@router.get("/v1/{coop}/entries/{index}/tlog-proof", response_class=PlainTextResponse)
def prove_entry_as_file(coop: CoopHere, index: int) -> PlainTextResponse:
    """The same proof as a C2SP tlog-proof file, for other tools. Open to all."""
    return PlainTextResponse(format_proof(prove.prove_entry(coop, index)), headers=FROM_ANY_PAGE)


@router.get(
    "/v1/{coop}/entries/{index}/records/{number}/proof",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def prove_record(coop: CoopHere, reader: ReaderHere, index: int, number: int) -> Response:
    """A record (numbered from 0) with salt and proof, for its sender and the charter's readers."""
    proof = prove.prove_record_to(coop, reader, RecordPlace(index, number))
    return Response(format_record_proof(proof), media_type="application/json", headers=NOT_KEPT)


@router.get("/v1/{coop}/blobs/{sha256}", response_class=Response)
def read_blob(coop: CoopHere, reader: ReaderHere, sha256: str) -> Response:
    """A blob's bytes, for those who may read what it holds."""
    if len(sha256) != 64 or not all(digit in "0123456789abcdef" for digit in sha256):
        raise InvalidInput("a blob is named by 64 lower-case hex digits")
    return Response(read.blob(coop, reader, sha256), media_type="application/octet-stream")


def _take_usage(coop: CoopHere, body: bytes, encoding: str) -> ReceiptModel:
    if encoding == "gzip":
        body = submit.gunzip(body)
    elif encoding != "identity":
        raise InvalidInput(f"Content-Encoding {encoding!r} is not understood; use gzip or none")
    return ReceiptModel.of(submit.submit_usage(coop, body))
