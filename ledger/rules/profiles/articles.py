"""What a rule set says of the articles (定款) and of the partners' writing: facts, as models.

Nobody can compute these from usage: they are stated in the rule set, signed with it, and compared
with the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ledger.rules.models import (
    Count,
    DateText,
    MemberName,
    OutsideName,
    Problem,
    Proportion,
    RuleModel,
)

FundName = Annotated[str, Field(pattern=r"^fund\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Writing = Annotated[str, Field(min_length=1, max_length=2000)]


class ArticlesModel(RuleModel):
    """``articles``: the funds that the law asks for, the ceiling of the first, the paid capital.

    Amounts are minor units of the rule set's currency. ``work`` names the metrics that measure the
    work that members did; only a worker co-op has it.
    """

    reserve: FundName
    reserve_ceiling: Count
    paid_capital: Count
    education: FundName | None = None
    employment: FundName | None = None
    work: tuple[OutsideName, ...] = ()


class LlpModel(RuleModel):
    """``llp``: the writing by which partners depart from the capital ratio."""

    capital_ratio: dict[MemberName, Proportion] = Field(min_length=1)
    split: Writing
    reason: Writing
    from_: DateText = Field(alias="from")

    def problems(self) -> Iterator[Problem]:
        """Ratios that are not of one whole."""
        total = sum(self.capital_ratio.values())
        if total != 1:
            yield "/capital_ratio", f"the capital ratios add up to {total}, not to 1"
