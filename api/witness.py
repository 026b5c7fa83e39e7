"""The witness endpoint (C2SP tlog-witness): a small application of its own.

It shares no database with a co-op's server. Errors are plain text, as the specification has it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from api.dependencies import read_body
from ledger.errors import KyojoError, NotFound, TooLarge, Unavailable
from ledger.log.witness import REQUEST_BYTES_MAX
from ledger.service.witness import PLAIN, Answer, Witness
from ledger.wiring import config_path, open_witness, witness_section

NEWEST = {"Cache-Control": "public, max-age=60"}


def create() -> FastAPI:
    """The application for the witness of the file that KYOJO_CONFIG names."""
    path = config_path()
    return create_witness_app(open_witness(path), prefix=witness_section(path).prefix)


def create_witness_app(witness: Witness, *, prefix: str = "") -> FastAPI:
    """The application for a witness, below a path."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        witness.close()

    router = APIRouter(prefix=prefix)

    @router.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        body = await read_body(request, bytes_max=REQUEST_BYTES_MAX)
        return _respond(await run_in_threadpool(witness.add_checkpoint, body))

    @router.get("/{origin_hash}/checkpoint")
    def read_checkpoint(origin_hash: str) -> Response:
        return Response(witness.checkpoint(origin_hash), media_type=PLAIN, headers=NEWEST)

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(KyojoError, _on_error)
    app.include_router(router)
    return app


def _respond(answer: Answer) -> Response:
    # As a header: the framework would add a charset, which the type of a 409 does not have.
    return Response(answer.body, answer.status, headers={"Content-Type": answer.media_type})


def _on_error(_request: Request, error: Exception) -> Response:
    table = {NotFound: 404, TooLarge: 413, Unavailable: 503}
    status = next((table[kind] for kind in type(error).__mro__ if kind in table), 500)
    return Response(f"{error}\n".encode("utf-8", "replace"), status, media_type=PLAIN)
