"""What the API answers of the charter in force."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, Field

from ledger.service.charter import InForce


class CharterChangeModel(BaseModel):
    """A change of the charter that took effect."""

    entry: int = Field(description="The vote that carried it; in force for what follows.")
    received_at: str
    subject: str = Field(examples=["Change the charter: grace days 3 → 5"])


class CharterModel(BaseModel):
    """The charter in force."""

    hash: str = Field(description="SHA-256 of the charter, hex: what a change of it names.")
    charter: dict[str, Any]
    changes: list[CharterChangeModel] = Field(description="Oldest first; none: it is entry 0's.")

    @classmethod
    def of(cls, found: InForce) -> Self:
        """From the charter of one moment."""
        return cls(
            hash=found.charter.hash().hex(),
            charter=found.charter.model_dump(mode="json"),
            changes=[
                CharterChangeModel(
                    entry=one.entry, received_at=one.received_at, subject=one.subject
                )
                for one in found.changes
            ],
        )
