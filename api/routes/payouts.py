"""What members are due, how they were paid, where, and the documents that go with it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.dependencies import CoopHere, ReaderHere
from api.openapi import documented
from api.parameters import PaymentId
from api.payout_models import PayoutsModel
from ledger.payout.invoice import InvoiceShape
from ledger.service import payout, payout_notice

router = APIRouter(tags=["payouts"])


@router.get("/v1/{coop}/payouts")
def read_payouts(coop: CoopHere, reader: ReaderHere) -> PayoutsModel:
    """A member's own dues, payments and destinations; all for the charter's readers."""
    found = payout.payouts(coop, reader)
    return PayoutsModel.model_validate(found, from_attributes=True)


@router.get("/v1/{coop}/payouts/{number}/document", **documented(InvoiceShape))
def read_document(coop: CoopHere, reader: ReaderHere, number: PaymentId) -> dict[str, Any]:
    """The invoice or payment notice of a payment, for its member and the charter's readers.

    From the order's proposal on, so that members see what they decide on.
    """
    return dict(payout_notice.document_of(coop, reader, number))
