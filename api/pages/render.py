"""Rendering: each function takes plain data and returns one HTML document that needs nothing else.

Both languages stand in every page; radio buttons choose between them without any script, so a page
that was saved as a file switches too, and ``language`` only says which one is shown first. What
others wrote (names, rule texts) is escaped by the template engine; the style sheet is the only
text that is not, and its hash is in ``CONTENT_SECURITY_POLICY``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.pages.coop_view import coop_view
from api.pages.settlement_view import settlement_view
from api.pages.speech import LANGUAGES, Language, Speech
from api.pages.statement_view import statement_view
from ledger.service.publication import Publication
from ledger.service.read import Overview

_FOLDER = Path(__file__).parent / "templates"
_STYLE = "\n" + (_FOLDER / "style.css").read_text("utf-8")
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

# The one form sends to this server only; every other page has none.
FORM_POLICY = ("form-action 'none'", "form-action 'self'")
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def statement_page(
    statement: Mapping[str, Any], settlement: Mapping[str, Any], language: Language
) -> str:
    """A member's statement. ``statement`` is what ``ledger.service.statements`` returns.

    Raises MalformedDocument if either is not what it should be.
    """
    views = {each: statement_view(statement, settlement, each) for each in LANGUAGES}
    titles = {each: f"{view.month} · {view.member}" for each, view in views.items()}
    return _page("statement.html", views, titles, language)


def settlement_page(settlement: Mapping[str, Any], context: Publication, language: Language) -> str:
    """The published result of a month, with the members' amounts that ``context`` holds."""
    views = {each: settlement_view(settlement, context, each) for each in LANGUAGES}
    titles = {each: f"{view.month} · {view.coop}" for each, view in views.items()}
    return _page("settlement.html", views, titles, language)


def coop_page(
    overview: Overview, language: Language, links: Mapping[str, str] | None = None
) -> str:
    """A co-op's front page; ``links`` maps period ids to where their results are published."""
    views = {each: coop_view(overview, links or {}, each) for each in LANGUAGES}
    titles = {each: view.coop for each, view in views.items()}
    return _page("coop.html", views, titles, language)


def enter_page(name: Mapping[str, str], language: Language) -> str:
    """The form into which a member of the co-op with this name puts a bearer token."""
    titles = {each: name[each] for each in LANGUAGES}
    return _page("enter.html", titles, titles, language)


def _page(
    template: str, views: Mapping[Language, Any], titles: Mapping[Language, str], language: Language
) -> str:
    body = _ENVIRONMENT.get_template(template)
    articles = {
        each: Markup(body.render(v=view, say=Speech(each)))  # noqa: S704 - escaped by its template
        for each, view in views.items()
    }
    return _ENVIRONMENT.get_template("page.html").render(
        language=language,
        title=titles[language],
        style=Markup(_STYLE),  # noqa: S704 - our own file
        articles=articles,
    )
