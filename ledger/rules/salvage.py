"""What can be judged of a rule set although parts of it have no right shape.

A writer wants every fault at once, also those of meaning, as far as they do not depend on what is
broken. So the broken parts are left out, and the rest is judged by itself: a step that cannot be
read is dropped; a broken field of another kind is replaced by one that says nothing. Not judged
then are what depends on all steps (legal profiles, limits of a step that was dropped) and, where a
pool is broken, everything else, because steps are about pools.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from ledger import canonical
from ledger.errors import KyojoError
from ledger.rules.ruleset import RuleSetModel

_NEUTRAL: Final[Mapping[str, Any]] = {
    "kyojo_rules": 1,
    "ruleset": "unreadable",
    "version": 1,
    "effective_from": "9999-12-31",
    "timezone": "UTC",
    "currency": "JPY",
    "minor_digits": 0,
}
_ABOUT_ALL: Final = ("steps", "articles", "llp", "profile", "rounding")


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A rule set without its broken parts; ``steps`` are the places of those kept."""

    model: RuleSetModel
    document: dict[str, Any]
    steps: tuple[int, ...]
    broken: frozenset[str]
    dropped: frozenset[str]

    def place(self, pointer: str) -> str | None:
        """A place of this rule set in the text; None where it only stands for what is broken."""
        top, *rest = pointer.removeprefix("/").split("/")
        if top != "steps" or not rest:
            return None if top in self.broken else pointer
        index = self.steps[int(rest[0])]
        if rest[1:] == ["limit"] and self._limit_of(int(rest[0])) in self.dropped:
            return None
        return "/".join(("", top, str(index), *rest[1:]))

    def _limit_of(self, index: int) -> str | None:
        limit = self.model.steps[index].limit
        return None if limit is None or limit.of is None else limit.of.removeprefix("step.")


def salvage(document: Any, faulty: Iterable[str]) -> Salvaged | None:
    """The rest of ``document`` without what stands at the ``faulty`` places; None if there is none.

    Costs a second reading of the shape.
    """
    broken, steps = set[str](), set[int]()
    for pointer in faulty:
        top, *rest = pointer.removeprefix("/").split("/")
        if top == "steps" and rest and rest[0].isdecimal():
            steps.add(int(rest[0]))
        broken.add(top)
    listed = document.get("steps")
    if broken & {"", "pools"} or ("steps" in broken and not steps) or not isinstance(listed, list):
        return None
    rest_of = {name: value for name, value in document.items() if name not in broken}
    rest_of |= {name: _NEUTRAL[name] for name in broken if name in _NEUTRAL}
    kept = tuple(index for index in range(len(listed)) if index not in steps)
    rest_of["steps"] = [listed[index] for index in kept]
    if broken & set(_ABOUT_ALL):
        rest_of["profile"] = "generic"
    gone = (listed[index] for index in steps if index < len(listed))
    dropped = frozenset(str(step.get("id")) for step in gone if isinstance(step, dict))
    try:
        model = RuleSetModel.model_validate_json(canonical.encode(rest_of))
    except (ValidationError, KyojoError):
        return None
    return Salvaged(model, rest_of, kept, frozenset(broken), dropped)
