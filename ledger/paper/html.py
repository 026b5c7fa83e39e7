"""Pages: each function takes plain data and returns one HTML document that needs nothing else.

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

from ledger.paper.speech import LANGUAGES, Language, Speech
from ledger.paper.statement_view import statement_view

TEMPLATES = Path(__file__).parent / "templates"
_STYLE = "\n" + (TEMPLATES / "style.css").read_text("utf-8")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def environment(*folders: Path) -> Environment:
    """A strict template environment over ``folders``, then the templates that all pages share."""
    return Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_ENVIRONMENT = environment()


def statement_page(
    statement: Mapping[str, Any],
    settlement: Mapping[str, Any],
    language: Language,
    files: Mapping[str, str] | None = None,
) -> str:
    """A member's statement. ``statement`` is what ``ledger.coop.grounds`` describes.

    ``files`` says where it can be had in other formats: format → address. Raises MalformedDocument
    if either document is not what it should be.
    """
    views = {each: statement_view(statement, settlement, each, files) for each in LANGUAGES}
    titles = {each: f"{view.month} · {view.member}" for each, view in views.items()}
    return page(_ENVIRONMENT, "statement.html", views, titles, language)


def page(
    environment: Environment,
    template: str,
    views: Mapping[Language, Any],
    titles: Mapping[Language, str],
    language: Language,
) -> str:
    """``template`` rendered in both languages, inside the page that switches between them."""
    body = environment.get_template(template)
    articles = {
        each: Markup(body.render(v=view, say=Speech(each)))  # noqa: S704 - escaped by its template
        for each, view in views.items()
    }
    return environment.get_template("page.html").render(
        language=language,
        title=titles[language],
        style=Markup(_STYLE),  # noqa: S704 - our own file
        articles=articles,
    )
