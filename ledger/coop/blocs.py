"""Whose agreement a proposal needs beside that of its electorate."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bloc:
    """Members so many of whom must agree, however many others do.

    ``electorate`` holds their ids, frozen when the proposal was made; ``needed`` is at least 1.
    """

    electorate: tuple[str, ...]
    needed: int

    def can_agree(self, members: Collection[str]) -> bool:
        """Whether the approval of just these members is enough for this bloc."""
        return len(set(self.electorate).intersection(members)) >= self.needed

    def follows_from(self, electorate: Collection[str], needed: int) -> bool:
        """Whether so many approvals of an electorate, whosever they are, hold enough of this."""
        outside = len(set(electorate).difference(self.electorate))
        return self.needed <= needed - outside
