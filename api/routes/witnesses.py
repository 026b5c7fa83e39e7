"""How far the log is shown: signed, witnessed and by whom, anchored, final. Open to all."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import CoopHere, InstallationHere
from api.models import ShownModel, WitnessesModel
from api.parameters import EntryQuery
from ledger.service.published import standing, standing_document
from ledger.service.shown import shown, shown_document

router = APIRouter(tags=["log"])


@router.get("/v1/{coop}/witnesses")
def list_witnesses(coop: CoopHere) -> WitnessesModel:
    """How far the log is signed and witnessed, and where each witness stands. Open to all."""
    return WitnessesModel.model_validate(standing_document(standing(coop)))


@router.get("/v1/{coop}/shown")
def read_shown(
    coop: CoopHere, installation: InstallationHere, index: EntryQuery = None
) -> ShownModel:
    """How far the log, and an entry, is signed, witnessed, anchored and final. Open to all."""
    found = shown(coop, installation.chain_settings(coop.log.slug))
    return ShownModel.model_validate(shown_document(found, index))
