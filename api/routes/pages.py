"""Pages for people: a co-op's front page, published results, a member's own statements.

``?lang=ja`` and ``?lang=en`` choose which language stands first. A member enters with a bearer
token (``kyojo member token``), which a cookie then carries: HttpOnly, same site, for an hour.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.dependencies import COOKIE, CoopHere, InstallationHere, PageReader, read_body
from api.pages.render import FORM_POLICY, coop_page, enter_page, settlement_page
from api.parameters import MemberId, Month
from ledger.errors import NotFound
from ledger.paper.files import MEDIA_TYPES, Format, statement_file
from ledger.paper.html import CONTENT_SECURITY_POLICY, statement_page
from ledger.paper.speech import Language
from ledger.service import read
from ledger.service.coop import Coop
from ledger.service.publication import publication
from ledger.service.shown import shown
from ledger.service.sign_in import TOKEN_MINUTES, read_token
from ledger.service.statements import statement

router = APIRouter(default_response_class=HTMLResponse)

Lang = Annotated[Language, Query(alias="lang")]
FORM_BYTES_MAX = 1000
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


@router.get("/")
@router.get("/pages")
def start(installation: InstallationHere) -> RedirectResponse:
    """To the first co-op's front page."""
    for slug in installation.coops:
        return RedirectResponse(f"/pages/{slug}")
    raise NotFound("no co-op lives here yet; kyojo.toml names none")


@router.get("/pages/{coop}")
def front(coop: CoopHere, installation: InstallationHere, lang: Lang = "en") -> HTMLResponse:
    """The co-op's front page. Open to all."""
    found = shown(coop, installation.chain_settings(coop.log.slug))
    return _page(coop_page(read.overview(coop), lang, _links(coop), found))


@router.get("/pages/{coop}/enter")
def ask_token(coop: CoopHere, lang: Lang = "en") -> HTMLResponse:
    """The form into which a member puts a token."""
    policy = CONTENT_SECURITY_POLICY.replace(*FORM_POLICY)
    return _page(enter_page(coop.state().terms().name.model_dump(), lang), policy)


@router.post("/pages/{coop}/enter")
async def enter(coop: CoopHere, request: Request) -> RedirectResponse:
    """Keep a valid token in a cookie."""
    form = parse_qs((await read_body(request, bytes_max=FORM_BYTES_MAX)).decode("ascii", "replace"))
    token = form.get("token", [""])[0].strip()
    await run_in_threadpool(read_token, coop, token)
    slug = coop.log.slug
    answer = RedirectResponse(f"/pages/{slug}", status_code=303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=TOKEN_MINUTES * 60,
        path=f"/pages/{slug}",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.get("/pages/{coop}/{month}")
def result(
    coop: CoopHere,
    installation: InstallationHere,
    reader: PageReader,
    month: Month,
    lang: Lang = "en",
) -> HTMLResponse:
    """A month's result: for members once proposed, for all once settled."""
    document = read.settlement(coop, reader, month)
    found = shown(coop, installation.chain_settings(coop.log.slug))
    return _page(settlement_page(document, publication(coop, reader, month), lang, found))


@router.get("/pages/{coop}/{month}/{member}")
def own_statement(
    coop: CoopHere, reader: PageReader, month: Month, member: MemberId, lang: Lang = "en"
) -> Response:
    """A member's statement, for the member and the roles that the charter names."""
    if not reader.is_known:
        return RedirectResponse(f"/pages/{coop.log.slug}/enter?lang={lang}")
    found = statement(coop, reader, month, member)
    settlement = read.settlement(coop, reader, month)
    base = f"/pages/{coop.log.slug}/{month}/{quote(member, safe='')}/statement."
    files = {form: base + form for form in ("pdf", "csv", "json")}
    return _page(statement_page(found, settlement, lang, files))


@router.get("/pages/{coop}/{month}/{member}/statement.{form}")
def own_statement_file(  # noqa: PLR0913, PLR0917 - a path with three names, and a language
    coop: CoopHere,
    reader: PageReader,
    month: Month,
    member: MemberId,
    form: Format,
    lang: Lang = "en",
) -> Response:
    """The same as a file: JSON, which proves, or CSV, HTML or PDF to read."""
    if not reader.is_known:
        return RedirectResponse(f"/pages/{coop.log.slug}/enter?lang={lang}")
    data = statement_file(statement(coop, reader, month, member), form, lang)
    name = quote(f"{month}-{member}.{form}")
    headers = {**HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(data, media_type=MEDIA_TYPES[form], headers=headers)


def _links(coop: Coop) -> dict[str, str]:
    periods = coop.state().periods.values()
    slug = coop.log.slug
    return {one.id: f"/pages/{slug}/{one.id}" for one in periods if one.status == "settled"}


def _page(html: str, policy: str = CONTENT_SECURITY_POLICY) -> HTMLResponse:
    return HTMLResponse(html, headers={**HEADERS, "Content-Security-Policy": policy})
