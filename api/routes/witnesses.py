"""Witnesses: how far the log is witnessed, and which witness is behind. Open to all."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import CoopHere
from api.models import WitnessesModel
from ledger.service.published import standing, standing_document

router = APIRouter(tags=["log"])


@router.get("/v1/{coop}/witnesses")
def list_witnesses(coop: CoopHere) -> WitnessesModel:
    """How far the log is signed and witnessed, and where each witness stands. Open to all."""
    return WitnessesModel.model_validate(standing_document(standing(coop)))
