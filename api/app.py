"""The application: routes over an installation.

``create`` is the factory that a server process is started with; it reads ``kyojo.toml`` as the
command line does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from api import errors, openapi
from api.headers import CarefulHeaders
from api.routes import (
    books,
    coops,
    entries,
    log,
    pages,
    payouts,
    periods,
    sign_in,
    verify,
    witnesses,
)
from ledger.service.publish import publishing
from ledger.wiring import Installation, config_path, open_installation

DESCRIPTION = """\
A profit-sharing co-op ledger (共助). Members sign and submit usage, vote, and read what is theirs;
anybody reads checkpoints, tiles and published settlements. Writing needs no token: the signature
inside an entry is the authority. Errors are problem documents (RFC 9457) with stable codes.
"""


def create() -> FastAPI:
    """The application for the installation that KYOJO_CONFIG names."""
    return create_app(open_installation(config_path()))


def create_app(installation: Installation) -> FastAPI:
    """The application for an installation."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with publishing(installation.coops.values()):
            yield
        installation.close()

    app = FastAPI(
        title="kyojo",
        version=version("kyojo"),
        description=DESCRIPTION,
        lifespan=lifespan,
        responses=openapi.problem_responses(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.installation = installation
    errors.install(app)
    app.add_middleware(CarefulHeaders)
    for routes in (coops, sign_in, entries, periods, payouts, books, log, witnesses):
        app.include_router(routes.router)
    for shown in (pages, verify):
        app.include_router(shown.router, include_in_schema=False)
    openapi.install(app)
    return app
