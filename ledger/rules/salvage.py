"""What can be judged of a rule set although parts of it have no right shape.

A writer wants every fault at once, also those of meaning, as far as they do not depend on what is
broken. So the broken parts are left out, and the rest is judged by itself: a step that cannot be
read is dropped; a broken field of another kind is replaced by one that says nothing. A pool keeps
the sources that can be read; where it cannot be told whether it holds money, it goes, and with it
the steps about it, because what they may do depends on that. Not judged then is what depends on all
steps (legal profiles, limits of a step or a pool that was dropped).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from ledger import canonical
from ledger.errors import KyojoError
from ledger.rules.ruleset import RuleSetModel
from ledger.rules.yamltext import child

_NEUTRAL: Final[Mapping[str, Any]] = {
    "kyojo_rules": 1,
    "ruleset": "unreadable",
    "version": 1,
    "effective_from": "9999-12-31",
    "timezone": "UTC",
    "currency": "JPY",
    "minor_digits": 0,
}
_OF_POOLS: Final = frozenset(("from", "origin", "unit", "if_missing"))
_ANY: Final = "\0any pool"
_ABOUT_ALL: Final = ("steps", "pools", "articles", "llp", "profile", "rounding")


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A rule set without its broken parts; ``steps`` are the places of those kept.

    ``dropped`` are the steps and pools that were not, as limits name them; ``pools`` those of which
    a part is broken.
    """

    model: RuleSetModel
    document: dict[str, Any]
    steps: tuple[int, ...]
    broken: frozenset[str]
    dropped: frozenset[str]
    pools: frozenset[str]

    def place(self, pointer: str) -> str | None:
        """A place of this rule set in the text; None where it only stands for what is broken."""
        top, *rest = pointer.removeprefix("/").split("/")
        if top == "pools" and rest:
            return None if f"/pools/{rest[0]}" in self.pools else pointer
        if top != "steps" or not rest:
            return None if top in self.broken else pointer
        index = self.steps[int(rest[0])]
        if rest[1:] == ["limit"] and self._limit_of(int(rest[0])) in self.dropped:
            return None
        return "/".join(("", top, str(index), *rest[1:]))

    def _limit_of(self, index: int) -> str | None:
        limit = self.model.steps[index].limit
        return None if limit is None else limit.of


def salvage(document: Any, faulty: Iterable[str]) -> Salvaged | None:
    """The rest of ``document`` without what stands at the ``faulty`` places; None if there is none.

    Costs a second reading of the shape.
    """
    places = tuple(faulty)
    broken, steps = set[str](), set[int]()
    for pointer in places:
        top, *rest = pointer.removeprefix("/").split("/")
        if top == "steps" and rest and rest[0].isdecimal():
            steps.add(int(rest[0]))
        broken.add(top)
    if "" in broken:
        return None
    pools, gone = _pools(document.get("pools"), places)
    listed = document.get("steps")
    listed = listed if isinstance(listed, list) else []
    steps |= {index for index, step in enumerate(listed) if _is_about(step, gone)}
    rest_of = {name: value for name, value in document.items() if name not in broken}
    rest_of |= {name: _NEUTRAL[name] for name in broken if name in _NEUTRAL}
    kept = tuple(index for index in range(len(listed)) if index not in steps)
    rest_of |= {"steps": [listed[index] for index in kept], "pools": pools}
    if broken & set(_ABOUT_ALL):
        rest_of["profile"] = "generic"
    lost = (listed[index] for index in sorted(steps) if index < len(listed))
    names = {f"step.{step.get('id')}" for step in lost if isinstance(step, dict)}
    try:
        model = RuleSetModel.model_validate_json(canonical.encode(rest_of))
    except (ValidationError, KyojoError):
        return None
    return Salvaged(
        model,
        rest_of,
        kept,
        frozenset(broken),
        frozenset(names | {f"pool.{name}" for name in gone}),
        frozenset(child("/pools", name) for name in _broken(document.get("pools"), places)),
    )


def _broken(pools: Any, faulty: Iterable[str]) -> set[str]:
    """The pools in which something is at fault."""
    places = tuple(faulty)
    return {
        name
        for name in (pools if isinstance(pools, dict) else ())
        if any(f"{pointer}/".startswith(f"{child('/pools', name)}/") for pointer in places)
    }


def _pools(pools: Any, faulty: tuple[str, ...]) -> tuple[dict[str, Any], set[str]]:
    """The pools as far as they can be read, and the names of those that must go."""
    if not isinstance(pools, dict):
        return {}, {_ANY}
    kept: dict[str, Any] = {}
    for name, pool in pools.items():
        if name not in _broken(pools, faulty):
            kept[name] = pool
        elif (found := _readable(pool, child("/pools", name), faulty)) is not None:
            kept[name] = found
    return kept, pools.keys() - kept.keys()


def _readable(pool: Any, at: str, faulty: tuple[str, ...]) -> dict[str, Any] | None:
    """A pool without what is at fault in it; None where it may hold something else than money.

    A field of another name may be a misspelt ``unit``, unless it has no text.
    """
    if not isinstance(pool, dict) or at in faulty or child(at, "unit") in faulty:
        return None
    wrong = {name for name in pool if child(at, name) in faulty}
    if "unit" not in pool and any(isinstance(pool[name], str) for name in wrong - _OF_POOLS):
        return None
    sources = pool.get("from")
    if not isinstance(sources, list):
        sources = []
    readable = [
        source for at_, source in enumerate(sources) if f"{child(at, 'from')}/{at_}" not in faulty
    ]
    return {name: value for name, value in pool.items() if name not in wrong} | {"from": readable}


def _is_about(step: Any, pools: set[str]) -> bool:
    """Whether a step takes from, or pays into, a pool that is not there to be judged by."""
    if not isinstance(step, dict):
        return False
    if _ANY in pools:
        return True
    overflow, split = step.get("overflow"), step.get("split")
    targets = [overflow.get("to")] if isinstance(overflow, dict) else []
    targets += list(split) if isinstance(split, dict) else []
    targets += [step.get("to")]
    named = {one.removeprefix("pool.") for one in targets if isinstance(one, str)}
    return step.get("source") in pools or not named.isdisjoint(pools)
