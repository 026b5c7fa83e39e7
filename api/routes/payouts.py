"""What members are due, how they were paid, and where."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import CoopHere, ReaderHere
from api.payout_models import PayoutsModel
from ledger.service import payout

router = APIRouter(tags=["payouts"])


@router.get("/v1/{coop}/payouts")
def read_payouts(coop: CoopHere, reader: ReaderHere) -> PayoutsModel:
    """A member's own dues, payments and destinations; all for the charter's readers."""
    found = payout.payouts(coop, reader)
    return PayoutsModel.model_validate(found, from_attributes=True)
