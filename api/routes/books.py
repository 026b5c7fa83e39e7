"""The search of the books that Japan's electronic bookkeeping law asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.books_models import BooksPageModel
from api.dependencies import CoopHere, InstallationHere, ReaderHere
from api.parameters import Amount, Counterparty, Currency, Cursor, Day, OfKind
from ledger.service.books_search import HITS_MAX, Place, Wanted, page_document, search_books

router = APIRouter(tags=["books"])


@router.get("/v1/{coop}/books")
def read_books(  # noqa: PLR0913, PLR0917 - every condition of the law is a parameter
    coop: CoopHere,
    installation: InstallationHere,
    reader: ReaderHere,
    date_from: Day = None,
    date_to: Day = None,
    amount_from: Amount = None,
    amount_to: Amount = None,
    counterparty: Counterparty = None,
    kind: OfKind = None,
    currency: Currency = None,
    after: Cursor = None,
    limit: Annotated[int, Query(description="Hits in a page.", ge=1, le=HITS_MAX)] = 100,
) -> BooksPageModel:
    """Amounts by date, amount and counterparty, with their corrections. For members.

    A member sees reports, and its own lines of settlements, corrections and payments; all lines
    the charter's readers. All conditions hold together.
    """
    wanted = Wanted(date_from, date_to, amount_from, amount_to, counterparty, kind, currency)
    settings = installation.chain_settings(coop.log.slug)
    page = search_books(coop, reader, wanted, Place(after, limit), settings)
    return BooksPageModel.model_validate(page_document(page))
