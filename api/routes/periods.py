"""Periods, their totals, settlements and statements."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.dependencies import CoopHere, ReaderHere
from api.documents import (
    CorrectionStatementDocument,
    ResultDocument,
    SettlementDocument,
    StatementDocument,
)
from api.models import (
    AnchorModel,
    CorrectionModel,
    DisputeModel,
    OwnUsageModel,
    PeriodModel,
    TotalModel,
)
from api.openapi import OPTIONAL_TOKEN, documented
from api.parameters import CorrectionId, MemberId, Month
from ledger.errors import NotFound
from ledger.service import anchor, correct, dispute, read, statements

router = APIRouter(tags=["periods"])


@router.get("/v1/{coop}/periods", openapi_extra=OPTIONAL_TOKEN)
def list_periods(coop: CoopHere, reader: ReaderHere) -> list[PeriodModel]:
    """All periods, oldest first. Open to all."""
    found = coop.state().periods.values()
    is_member = reader.member is not None
    ordered = sorted(found, key=lambda one: one.start)
    return [PeriodModel.of(period, for_member=is_member) for period in ordered]


@router.get("/v1/{coop}/periods/{month}", openapi_extra=OPTIONAL_TOKEN)
def read_period(coop: CoopHere, reader: ReaderHere, month: Month) -> PeriodModel:
    """A period and where it stands. Open to all."""
    return PeriodModel.of(coop.state().period(month), for_member=reader.member is not None)


@router.get("/v1/{coop}/periods/{month}/totals")
def read_totals(coop: CoopHere, reader: ReaderHere, month: Month) -> list[TotalModel]:
    """A period's totals: a member's own, or all for the roles that the charter names."""
    rows = read.totals(coop, reader, month)
    return [TotalModel.model_validate(row, from_attributes=True) for row in rows]


@router.get("/v1/{coop}/periods/{month}/usage")
def read_own_usage(coop: CoopHere, reader: ReaderHere, month: Month) -> OwnUsageModel:
    """What the asking member has submitted for a period, to compare with its own records."""
    found = read.own_usage(coop, reader, month)
    return OwnUsageModel.model_validate(found, from_attributes=True)


@router.get(
    "/v1/{coop}/periods/{month}/settlement",
    **documented(SettlementDocument),
    openapi_extra=OPTIONAL_TOKEN,
)
def read_settlement(coop: CoopHere, reader: ReaderHere, month: Month) -> dict[str, Any]:
    """The settlement document: for members once proposed, for all once settled."""
    return dict(read.settlement(coop, reader, month))


@router.get("/v1/{coop}/periods/{month}/lines", **documented(ResultDocument))
def read_lines(coop: CoopHere, reader: ReaderHere, month: Month) -> dict[str, Any]:
    """All lines of a settlement, for the roles that the charter names."""
    return dict(read.settlement_lines(coop, reader, month))


@router.get("/v1/{coop}/periods/{month}/statements/{member}", **documented(StatementDocument))
def read_statement(
    coop: CoopHere, reader: ReaderHere, month: Month, member: MemberId
) -> dict[str, Any]:
    """A member's statement, for the member itself and the roles that the charter names."""
    return dict(statements.statement(coop, reader, month, member))


@router.get("/v1/{coop}/corrections", openapi_extra=OPTIONAL_TOKEN)
def list_corrections(coop: CoopHere, reader: ReaderHere) -> list[CorrectionModel]:
    """Corrections of settled months, oldest first: posted ones open to all, others for members."""
    found = correct.corrections(coop, reader)
    return [CorrectionModel.model_validate(one, from_attributes=True) for one in found]


@router.get(
    "/v1/{coop}/corrections/{correction_id}/statements/{member}",
    **documented(CorrectionStatementDocument),
)
def read_correction(
    coop: CoopHere, reader: ReaderHere, correction_id: CorrectionId, member: MemberId
) -> dict[str, Any]:
    """A member's part of a correction, for the member itself and the roles the charter names."""
    return correct.correction_of_member(coop, reader, correction_id, member)


@router.get("/v1/{coop}/disputes")
def list_disputes(coop: CoopHere, reader: ReaderHere) -> list[DisputeModel]:
    """The disputes of settlements, oldest first, and what they hold back. For members."""
    found = dispute.disputes(coop, reader)
    return [DisputeModel.model_validate(one, from_attributes=True) for one in found]


@router.get("/v1/{coop}/anchor")
def read_anchor(coop: CoopHere) -> AnchorModel:
    """The newest anchor and how far it is shown. Open to all."""
    found = anchor.newest(coop)
    if found is None:
        raise NotFound("no checkpoint of this log has been anchored yet")
    return AnchorModel(
        size=found.size,
        root=found.root.hex(),
        state=found.state,
        chain_id=found.chain_id,
        contract=found.contract,
        transaction="0x" + found.transaction.hex(),
        block_number=found.block_number,
        block_hash=None if found.block_hash is None else "0x" + found.block_hash.hex(),
        recorded_at=found.recorded_at,
    )
