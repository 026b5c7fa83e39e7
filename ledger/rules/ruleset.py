"""The shape of a rule set's document, as pydantic models; what it means is checked elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ledger.rules.models import (
    Count,
    DateText,
    MemberName,
    Name,
    OutsideName,
    Proportion,
    RoundingModel,
    RuleModel,
)
from ledger.rules.profiles.articles import ArticlesModel, LlpModel
from ledger.rules.steps import Step


class InputModel(RuleModel):
    """A name for a metric's total."""

    metric: OutsideName
    agg: Literal["sum"] = "sum"


class PoolModel(RuleModel):
    """Money to divide: revenue ids and charge kinds; ``origin`` takes that origin only."""

    from_: tuple[Annotated[str, Field(pattern=r"^(revenue|charge)\.[^\s+/~]{1,128}$")], ...] = (
        Field(alias="from")
    )
    origin: Literal["member", "other", "public"] | None = None


class ApprovalModel(RuleModel):
    """How this rule set's settlements are approved, where the charter leaves it to the rules."""

    threshold: Proportion
    weights: Literal["equal"] = "equal"
    objection_days: Count = 0


class LateModel(RuleModel):
    """How late usage is corrected, where the charter leaves it to the rules."""

    grace_days: Count = 0
    max_lookback_periods: Count = 12
    materiality_minor: Count = 0
    style: Literal["delta", "ledger"] = "delta"


class RuleSetModel(RuleModel):
    """The whole document, as written."""

    kyojo_rules: Literal[1]
    ruleset: Name
    version: int = Field(ge=1)
    effective_from: DateText
    timezone: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    minor_digits: int = Field(ge=0, le=9)
    profile: Literal["generic", "jp-sme-coop", "jp-worker-coop", "jp-llp"] = "generic"
    articles: ArticlesModel | None = None
    llp: LlpModel | None = None
    rounding: RoundingModel = RoundingModel()
    members: tuple[MemberName, ...] | None = Field(default=None, min_length=1)
    inputs: dict[Name, InputModel] = Field(default_factory=dict)
    pools: dict[Name, PoolModel]
    steps: tuple[Step, ...]
    approval: ApprovalModel | None = None
    late: LateModel | None = None
