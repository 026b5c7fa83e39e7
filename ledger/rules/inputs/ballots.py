"""Citizens' votes in the inputs: ``ballots`` → id → ``{projects, votes}`` (RULES.md section 7).

A project's ``cost`` is optional. A vote is ``{voter, approve: [project, …]}`` or
``{voter, amounts: {project: minor units}}``. A voter approves once, maybe of nothing, but may
contribute any number of times: what one voter gives to one project is summed. Who voted how is of
no use beyond that, so only numbers are kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.rules.inputs.reader import Reader

PROJECTS_MAX = 1_000
VOTES_MAX = 200_000

_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VOTER = re.compile(r"\S{1,128}")


@dataclass(frozen=True, slots=True)
class Ballots:
    """Projects by id, in the order of the ids, and what was voted.

    ``costs`` are whole minor units, None where none is given. ``approvals`` counts the voters by
    the set of projects that they approve, its ids in order. ``contributions`` holds per project
    what each voter gave to it, without zeros and in ascending order.
    """

    costs: Mapping[str, int | None]
    approvals: Mapping[tuple[str, ...], int]
    contributions: Mapping[str, tuple[int, ...]]


def read_ballots(reader: Reader) -> dict[str, Ballots]:
    """All ballots; faults are noted at their places."""
    return reader.tables("ballots", lambda value, pointer: _ballots(reader, value, pointer))


def _ballots(reader: Reader, value: Any, pointer: str) -> Ballots:
    if not isinstance(value, dict) or value.keys() != {"projects", "votes"}:
        reader.refuse(pointer, "shape", "ballots are {projects, votes}")
        return Ballots({}, {}, {})
    costs = _projects(reader, value["projects"], f"{pointer}/projects")
    votes = value["votes"]
    if not isinstance(votes, list) or len(votes) > VOTES_MAX:
        reader.refuse(f"{pointer}/votes", "shape", f"votes are a list of at most {VOTES_MAX}")
        votes = []
    count = _Count(reader, costs)
    for index, vote in enumerate(votes):
        count.add(vote, f"{pointer}/votes/{index}")
    return Ballots(costs, count.approvals, count.contributions())


def _projects(reader: Reader, value: Any, pointer: str) -> dict[str, int | None]:
    found = reader.table(value, pointer, lambda item, place: _cost(reader, item, place))
    if len(found) > PROJECTS_MAX:
        reader.refuse(pointer, "projects", f"{len(found)} projects, at most {PROJECTS_MAX}")
    for name in found:
        if not _PROJECT.fullmatch(name):
            message = f"{name!r:.80} cannot name a project: 1 to 64 of A-Z a-z 0-9 - _"
            reader.refuse(pointer, "project", message)
    return dict(sorted(found.items()))


def _cost(reader: Reader, value: Any, pointer: str) -> int | None:
    if not isinstance(value, dict) or value.keys() - {"cost"}:
        reader.refuse(pointer, "shape", "a project is {cost}, or {}")
        return None
    if "cost" not in value:
        return None
    before = len(reader.faults)
    cost = reader.count(value["cost"], f"{pointer}/cost")
    if cost == 0 and len(reader.faults) == before:
        reader.refuse(f"{pointer}/cost", "cost", "a project with a cost costs at least 1")
    return cost


class _Count:
    """Counts votes one after another."""

    def __init__(self, reader: Reader, projects: Mapping[str, int | None]) -> None:
        self.reader = reader
        self.projects = projects
        self.approvals: Counter[tuple[str, ...]] = Counter()
        self.given: Counter[tuple[str, str]] = Counter()
        self.voters: set[str] = set()

    def add(self, vote: Any, pointer: str) -> None:
        """Count one vote, or note what is wrong with it."""
        fields = vote.keys() if isinstance(vote, dict) else set()
        if fields not in ({"voter", "approve"}, {"voter", "amounts"}):
            message = "a vote is {voter, approve} or {voter, amounts}"
            self.reader.refuse(pointer, "shape", message)
        elif not isinstance(vote["voter"], str) or not _VOTER.fullmatch(vote["voter"]):
            message = f"{vote['voter']!r:.80} is not an id of 1 to 128 characters without spaces"
            self.reader.refuse(f"{pointer}/voter", "voter", message)
        elif "approve" in fields:
            self._approve(vote["voter"], vote["approve"], pointer)
        else:
            self._give(vote["voter"], vote["amounts"], f"{pointer}/amounts")

    def contributions(self) -> dict[str, tuple[int, ...]]:
        """What was given, by project."""
        found: dict[str, list[int]] = {project: [] for project in self.projects}
        for (project, _), amount in self.given.items():
            if amount:
                found[project].append(amount)
        return {project: tuple(sorted(amounts)) for project, amounts in found.items()}

    def _approve(self, voter: str, approved: Any, pointer: str) -> None:
        if voter in self.voters:
            self.reader.refuse(f"{pointer}/voter", "duplicate", f"{voter!r} approves twice")
        self.voters.add(voter)
        if not isinstance(approved, list):
            self.reader.refuse(f"{pointer}/approve", "shape", "a list of projects is expected")
            return
        known: set[str] = set()
        for index, project in enumerate(approved):
            if self._is_known(project, f"{pointer}/approve/{index}"):
                if project in known:
                    message = f"{project!r} stands twice"
                    self.reader.refuse(f"{pointer}/approve/{index}", "duplicate", message)
                known.add(project)
        self.approvals[tuple(sorted(known))] += 1

    def _give(self, voter: str, amounts: Any, pointer: str) -> None:
        for project, amount in self.reader.table(amounts, pointer, self.reader.count).items():
            if self._is_known(project, pointer):
                self.given[project, voter] += amount

    def _is_known(self, project: Any, pointer: str) -> bool:
        if isinstance(project, str) and project in self.projects:
            return True
        self.reader.refuse(pointer, "unknown-project", f"there is no project {project!r:.80}")
        return False
