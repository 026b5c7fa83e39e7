"""One check of a profile, and what all profiles look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.rules.profiles.articles import ArticlesModel, LlpModel


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at: ``where`` in the rule set (JSON pointer), whether it holds, and why.

    ``law`` names the provision that asks for it.
    """

    where: str
    holds: bool
    en: str
    ja: str
    law: str


class Rules(Protocol):
    """What a profile needs of a rule set's model."""

    @property
    def profile(self) -> str:
        """The profile's name."""

    @property
    def effective_from(self) -> str:
        """The day from which the rules hold."""

    @property
    def pools(self) -> Mapping[str, Any]:
        """The pools, with the origin to which each is limited."""

    @property
    def steps(self) -> Sequence[Any]:
        """The steps, in order."""

    @property
    def rounding(self) -> Any:
        """How amounts are rounded where a step does not say."""

    @property
    def articles(self) -> ArticlesModel | None:
        """What the articles of association fix."""

    @property
    def llp(self) -> LlpModel | None:
        """The partners' writing on a split that departs from the capital ratio."""
