"""The shape of a rule set's document, as pydantic models; what it means is checked elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from ledger.rules.models import (
    Count,
    DateText,
    FormatOne,
    MemberName,
    Name,
    Number,
    OutsideName,
    Problem,
    Proportion,
    RoundingModel,
    RuleModel,
)
from ledger.rules.names import Measured
from ledger.rules.profiles.articles import ArticlesModel, LlpModel
from ledger.rules.steps import Step

Agg = Literal["sum", "count", "max", "last"]
_TOTALS = (None, "sum", "count")


class InputModel(RuleModel):
    """A name for figures by member: a metric, aggregated as ``agg`` says, or a kpi's readings.

    ``sum`` is the metric's total and ``count`` the total named ``count.<metric>``; ``max`` and
    ``last`` are no sums, and come as readings named ``max.<metric>`` and ``last.<metric>``.
    ``default`` is the reading of whoever has none; without it a missing reading is an error. A
    total's may only be 0: then nothing metered is 0 also where it would be an error.
    """

    metric: OutsideName | None = None
    agg: Agg | None = None
    kpi: OutsideName | None = None
    default: Number | None = None

    def problems(self) -> Iterator[Problem]:
        """Neither or both of metric and kpi, and fields that do not go with them."""
        if (self.metric is None) == (self.kpi is None):
            yield "", "an input needs either 'metric' or 'kpi'"
        elif self.kpi is not None and self.agg is not None:
            yield "/agg", "a kpi is read, not aggregated"
        elif self.metric is not None and self.agg in _TOTALS and self.default:
            yield "/default", "a total's default is 0: who is not in it has nothing"

    def measured(self) -> Measured:
        """Where the figures stand in the inputs."""
        if self.kpi is not None:
            return Measured("kpis", self.kpi, self.default)
        if self.agg in _TOTALS:
            count = self.agg == "count"
            name = f"{'count.' * count}{self.metric}"
            return Measured("totals", name, self.default, stated=count)
        return Measured("kpis", f"{self.agg}.{self.metric}", self.default)


class PoolModel(RuleModel):
    """Money to divide: revenue ids and charge kinds; ``origin`` takes that origin only.

    A pool with a ``unit`` holds no money but what was metered, such as Wh: its sources are
    ``total.<metric>``. A pool that steps feed has no sources of its own.

    A month in which nobody reported one of its revenues, not even as 0, or metered one of its
    totals, has no settlement: unless ``if_missing: zero`` says that nothing is meant then.
    """

    from_: tuple[
        Annotated[str, Field(pattern=r"^(revenue|charge|total)\.[^\s+/~]{1,128}$")], ...
    ] = Field(alias="from")
    origin: Literal["member", "other", "public"] | None = None
    unit: OutsideName | None = None
    if_missing: Literal["error", "zero"] = "error"


class ApprovalModel(RuleModel):
    """How this rule set's settlements are approved, where the charter leaves it to the rules.

    A dispute ends after ``dispute_days`` at the latest; with ``pay_undisputed`` the settlement
    does not wait for it, and only what is disputed is held back.
    """

    threshold: Proportion
    weights: Literal["equal"] = "equal"
    objection_days: Count = 0
    pay_undisputed: bool = False
    dispute_days: Annotated[int, Field(ge=1, le=90)] = 14


class LateModel(RuleModel):
    """How late usage is corrected, where the charter leaves it to the rules."""

    grace_days: Count = 0
    max_lookback_periods: Count = 12
    materiality_minor: Count = 0
    style: Literal["delta", "ledger"] = "delta"


class RuleSetModel(RuleModel):
    """The whole document, as written."""

    kyojo_rules: FormatOne
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
