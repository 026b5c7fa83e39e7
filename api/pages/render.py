"""The pages that the server shows beside a statement (``ledger.paper.html`` has the frame)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.pages.coop_view import coop_view
from api.pages.settlement_view import settlement_view
from ledger.paper.html import environment, page
from ledger.paper.speech import LANGUAGES, Language
from ledger.service.publication import Publication
from ledger.service.read import Overview
from ledger.service.shown import Shown

_ENVIRONMENT = environment(Path(__file__).parent / "templates")

# The one form sends to this server only; every other page has none.
FORM_POLICY = ("form-action 'none'", "form-action 'self'")


def settlement_page(
    settlement: Mapping[str, Any],
    context: Publication,
    language: Language,
    found: Shown | None = None,
) -> str:
    """The published result of a month, with the members' amounts that ``context`` holds.

    ``found`` is how far the log is signed, witnessed and anchored.
    """
    views = {each: settlement_view(settlement, context, each, found) for each in LANGUAGES}
    titles = {each: f"{view.month} · {view.coop}" for each, view in views.items()}
    return page(_ENVIRONMENT, "settlement.html", views, titles, language)


def coop_page(
    overview: Overview,
    language: Language,
    links: Mapping[str, str] | None = None,
    found: Shown | None = None,
) -> str:
    """A co-op's front page; ``links`` maps period ids to where their results are published.

    ``found`` is how far the log is signed, witnessed and anchored.
    """
    views = {each: coop_view(overview, links or {}, each, found) for each in LANGUAGES}
    titles = {each: view.coop for each, view in views.items()}
    return page(_ENVIRONMENT, "coop.html", views, titles, language)


def enter_page(name: Mapping[str, str], language: Language) -> str:
    """The form into which a member of the co-op with this name puts a bearer token."""
    titles = {each: name[each] for each in LANGUAGES}
    return page(_ENVIRONMENT, "enter.html", titles, titles, language)
