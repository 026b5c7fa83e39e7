"""What the API answers to a search of the books. Amounts are in minor units."""

from __future__ import annotations

from pydantic import BaseModel, Field

from api.models import EntryShownModel


class BooksEventModel(BaseModel):
    """Something before or after an amount."""

    what: str = Field(
        examples=["corrected-by"],
        description="replaces, replaced-by, supersedes, superseded-by, corrects, corrected-by, "
        "disputed, exported, result, ordered-again; of documents gives-back, given-back-by, wrong",
    )
    index: int | None = Field(description="The entry that says so, where one does.")
    amount_minor: int | None = Field(description="The other amount, or the change.")
    note: str


class BooksHitModel(BaseModel):
    """An amount that was found, and what became of it."""

    index: int = Field(description="Its entry.")
    kind: str = Field(examples=["cost-reported"])
    date: str = Field(
        examples=["2026-11-10"],
        description="Of the transaction: the bank's day for its results, the day of issue for "
        "documents, else the entry's.",
    )
    received_at: str
    period: str | None
    counterparty: str = Field(
        description="A member, fund or project; for revenue the member that reported it."
    )
    subject: str = Field(
        description="The report's id, the step, the payment's id, or a document's number."
    )
    amount_minor: int
    currency: str
    document: str = Field(
        description="SHA-256: of the blob, of the document itself (RFC 8785), or the entry's leaf."
    )
    leaf: str
    status: str
    inclusion: EntryShownModel
    history: list[BooksEventModel]


class BooksNoteModel(BaseModel):
    """For what the search is good under Japan's electronic bookkeeping law, and for what not."""

    en: str
    ja: str


class BooksPageModel(BaseModel):
    """A page of a search."""

    hits: list[BooksHitModel]
    next: str | None = Field(description="Where to go on, as `after`; null at the end.")
    note: BooksNoteModel
