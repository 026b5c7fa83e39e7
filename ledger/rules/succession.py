"""Several versions of one rule set side by side: which of them is in force when (RULES.md 3).

A version holds from its ``effective_from`` until the next one. Whoever writes a new version sees
here, before anybody signs, where two claim the same days (an overlap) or where a version is missing
in between (a gap).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ledger.rules.document import RuleSet


@dataclass(frozen=True, slots=True)
class Clash:
    """One overlap or gap: ``place`` is the position of the rule set to mend in the sequence."""

    place: int
    pointer: str
    code: str
    message: str
    remedy: str


def succession_problems(rulesets: Sequence[RuleSet]) -> Iterator[Clash]:
    """Overlaps and gaps among the versions of each rule set that is there more than once."""
    names = sorted({ruleset.name for ruleset in rulesets})
    for name in names:
        places = [at for at, ruleset in enumerate(rulesets) if ruleset.name == name]
        places.sort(key=lambda at: rulesets[at].version)
        for earlier, later in pairwise(places):
            yield from _compare(rulesets[earlier], rulesets[later], later)


def _compare(earlier: RuleSet, later: RuleSet, place: int) -> Iterator[Clash]:
    before, after = earlier.version, later.version
    if before == after:
        same = earlier.rule_hash == later.rule_hash
        text = f"version {after} of {later.name!r} is given twice"
        text += "" if same else ", with different contents"
        remedy = f"Give the newer of the two the version {after + 1}, and a later date."
        yield Clash(place, "/version", "overlap", text, remedy)
        return
    if after != before + 1:
        missing = str(before + 1) if after == before + 2 else f"{before + 1} to {after - 1}"
        text = f"version {missing} of {later.name!r} is missing between {before} and {after}"
        remedy = f"Name the missing files too, or make this version {before + 1}."
        yield Clash(place, "/version", "gap", text, remedy)
    if later.effective_from <= earlier.effective_from:
        text = (
            f"version {after} holds from {later.effective_from}, but version {before} only begins "
            f"on {earlier.effective_from}"
        )
        remedy = f"Let version {after} begin after {earlier.effective_from}."
        yield Clash(place, "/effective_from", "overlap", text, remedy)
