"""Tracks: the parts of a month's work that do not hold up each other, and how each stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ledger.chain.fees import COST_CAP, FEE_CAP
from ledger.coop.state import Proposal
from ledger.errors import KyojoError, Unavailable

# Refusals that end by themselves, or by somebody else's doing: the month waits for it.
PASSING = frozenset({FEE_CAP, COST_CAP, "unfunded", "held"})


@dataclass(frozen=True, slots=True)
class Words:
    """The same said in English and in Japanese."""

    en: str
    ja: str

    def __str__(self) -> str:
        """Both, as people see them."""
        return f"{self.en}  {self.ja}"


class Standing(StrEnum):
    """How a track stands."""

    DONE = "done"
    LATER = "later"
    WAITS = "waits"
    UNSET = "unset"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Track:
    """One part of the month's work.

    ``standing``: ``done``; ``later``, another track comes first; ``waits`` for what ``waits`` says;
    ``unset``, a setting is missing, which ``waits`` names; ``failed`` with ``error``. ``status`` is
    the word of the log or the chain; ``details`` are for programs.
    """

    name: str
    standing: Standing
    status: str = ""
    waits: Words | None = None
    error: KyojoError | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def may_change(self) -> bool:
        """Whether running again later may bring it further, without anybody mending anything."""
        return self.standing is Standing.WAITS or isinstance(self.error, Unavailable)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, how every track stands, and what is left to be known (``notes``)."""

    period: str
    done: tuple[Words, ...]
    tracks: tuple[Track, ...]
    notes: tuple[Words, ...] = ()

    @property
    def status(self) -> str:
        """The period's own status; empty if the settlement failed."""
        return self.tracks[0].status

    @property
    def waiting(self) -> list[Track]:
        """The tracks that may come further by themselves."""
        return [track for track in self.tracks if track.may_change]

    def reasons(self) -> Iterator[Words]:
        """What each of them waits for."""
        for track in self.waiting:
            if track.waits is not None:
                yield track.waits
            elif track.error is not None:
                yield Words(track.error.message, track.error.remedy_ja)

    @property
    def failed(self) -> list[Track]:
        """The tracks that somebody has to look at."""
        return [
            track
            for track in self.tracks
            if track.standing is Standing.FAILED and not track.may_change
        ]


@dataclass(slots=True)
class Doing:
    """The steps of a run: taken and noted, or, in a dry run, only noted."""

    is_dry: bool = False
    tell: Callable[[Words], None] = lambda _words: None
    done: list[Words] = field(default_factory=list)

    def did(self, en: str, ja: str) -> None:
        """Note a step that was taken, or would be."""
        words = Words(f"would: {en}", f"予定: {ja}") if self.is_dry else Words(en, ja)
        self.done.append(words)
        self.tell(words)


def guarded(name: str, work: Callable[[], Track]) -> Track:
    """A track's work; what ends it is told in the track and ends no other."""
    try:
        return work()
    except KyojoError as error:
        if error.details.get("kind") in PASSING:
            waits = Words(error.message, error.remedy_ja)
            return Track(name, Standing.WAITS, str(error.details.get("kind", "")), waits)
        return Track(name, Standing.FAILED, error=error)


def decisions(id_: str, proposal: Proposal) -> Words:
    """What is said of a proposal that waits: how many have approved, who has not voted."""
    voted = {*proposal.approvals, *proposal.rejections, *proposal.abstentions}
    missing = ", ".join(member for member in proposal.electorate if member not in voted)
    count = f"{len(proposal.approvals)} of {proposal.needed}"
    ja_count = f"承認 {len(proposal.approvals)}／{proposal.needed}"
    return Words(
        f"decisions on {proposal.subject!r} ({id_}): {count}; not yet: {missing}",
        f"議案の決定待ち: {ja_count}、未投票: {missing}",
    )
