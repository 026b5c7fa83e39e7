"""The steps of a settlement in words: what each is for, what it took, how the pool ran down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ledger.paper.speech import Speech, per_mille
from ledger.settlement.shape import SettlementShape, StepShape

_KINDS = {
    "recover_cost": ("費用の回収", "Costs paid back"),
    "reserve": ("積立", "Put aside"),
    "allocate": ("組合員への配分", "Shared among the members"),
}


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One step in the waterfall: the bar from ``left_at`` to ``left_at + width``, of 1,000."""

    title: str
    purpose: str
    taken: str
    left: str
    to: str
    left_at: int
    width: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """A pool: what it opened with, what each step took, what is left."""

    pool: str
    sources: str
    opening: str
    rows: tuple[FlowRow, ...]
    left: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule set's document, for labels and reasons; an unknown step has neither."""

    document: Mapping[str, Any]

    def step(self, step_id: str) -> Mapping[str, Any]:
        """A step as written; empty if the rule set has none of that name."""
        steps = self.document.get("steps", ())
        return next((step for step in steps if step.get("id") == step_id), {})

    def part(self, step_id: str, part_id: str) -> Mapping[str, Any]:
        """A part of a step as written."""
        parts = self.step(step_id).get("parts", ())
        return next((part for part in parts if part.get("id") == part_id), {})

    def metric(self, name: str) -> str:
        """The metric behind an input's name."""
        return str(self.document.get("inputs", {}).get(name, {}).get("metric", name))

    def pool_sources(self, pool: str) -> list[str]:
        """Where a pool's money comes from, as written."""
        return [str(name) for name in self.document.get("pools", {}).get(pool, {}).get("from", ())]


def step_title(say: Speech, rules: Rules, step_id: str, kind: str) -> str:
    """The step's label, or what its kind does."""
    words = _KINDS.get(kind, (kind, kind))
    return say.name(rules.step(step_id).get("label"), say(*words))


def step_purpose(say: Speech, rules: Rules, step: StepShape) -> str:
    """Why the step took what it took, from the rule set's own numbers."""
    written = rules.step(step.step)
    if step.kind == "recover_cost":
        return _cost_purpose(say, written)
    if step.kind == "reserve":
        rate = _ceiling(say, written.get("rate", written.get("amount", "")))
        return say(f"{rate}を積み立てます。", f"Sets aside {rate}.")
    if "limit" in written:
        limit = _ceiling(say, written["limit"])
        return say(f"{limit}までを配分します。", f"Divides up to {limit}.")
    return say("残りをすべて配分します。", "Divides everything that is left.")


def flows(
    say: Speech, rules: Rules, public: SettlementShape, words: Mapping[str, Any]
) -> list[Flow]:
    """The waterfall of every pool."""
    return [_flow(say, rules, public, words, pool) for pool in public.pools]


def source_name(say: Speech, words: Mapping[str, Any], source: str) -> str:
    """A source of a pool in words: a kind of charge, or revenue by its id."""
    kind, _, name = source.partition(".")
    if kind == "charge":
        charge = say.name(words.get(source), name)
        return say(f"計測された料金「{charge}」", f"metered charges “{charge}”")
    return say(f"収入「{name}」", f"revenue “{name}”")


def _flow(
    say: Speech, rules: Rules, public: SettlementShape, words: Mapping[str, Any], pool: str
) -> Flow:
    opening = public.pools[pool]
    rows = [
        FlowRow(
            title=step_title(say, rules, step.step, step.kind),
            purpose=step_purpose(say, rules, step),
            taken=say.money(step.taken),
            left=say.money(step.left),
            to=_receiver(say, step),
            left_at=per_mille(step.left, opening),
            width=per_mille(step.available, opening) - per_mille(step.left, opening),
            notes=step.notes,
        )
        for step in public.steps
        if step.source == pool
    ]
    sources = say.joined([source_name(say, words, name) for name in rules.pool_sources(pool)])
    left = say.money(public.totals.pools_left[pool])
    return Flow(pool, sources, say.money(opening), tuple(rows), left)


def _receiver(say: Speech, step: StepShape) -> str:
    if step.fund is not None:
        fund = step.fund.removeprefix("fund.")
        return say(f"積立金「{fund}」", f"fund “{fund}”")
    return say("組合員", "members")


def _cost_purpose(say: Speech, written: Mapping[str, Any]) -> str:
    costs = say.joined([f"“{cost}”" for cost in written.get("costs", ())])
    ja = f"費用{costs}を負担した組合員に返します。".replace("“", "「").replace("”", "」")
    en = f"Pays the cost {costs} back to those who bore it."
    if "limit" in written:
        limit = _ceiling(say, written["limit"])
        ja, en = f"{ja}上限は{limit}です。", f"{en} At most {limit}."
    return say(ja, en)


def _ceiling(say: Speech, value: Any) -> str:
    """A limit or rate as the rule set writes it."""
    if isinstance(value, Mapping):
        part = value.get("percent", "")
        return say(f"原資の当初額の{part}", f"{part} of what the pool opened with")
    if isinstance(value, int):
        return say.money(value)
    return say(f"その時点の原資の{value}", f"{value} of what the pool then holds")


def share_of(units: int, whole: int) -> Fraction:
    """Own weight over all weights; nothing of nothing is nothing."""
    return Fraction(units, whole) if whole else Fraction()
