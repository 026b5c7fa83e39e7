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
    "guarantee": ("最低額の保証", "Guaranteed sums"),
    "allocate": ("組合員への配分", "Shared among the members"),
    "citizens_fund": ("市民の投票による事業", "Projects that citizens chose"),
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
    if step.kind == "guarantee":
        return _guarantee_purpose(say, written)
    if step.kind == "citizens_fund":
        return say(
            "市民の投票で選ばれた事業に支払います。", "Pays for the projects that citizens chose."
        )
    return _allocation_purpose(say, written, step)


def _guarantee_purpose(say: Speech, written: Mapping[str, Any]) -> str:
    text = say(
        "規則で保証した額を、ほかの配分より先に支払います。",
        "Pays what the rules guarantee before anything else is shared.",
    )
    if written.get("recoup", "none") == "none":
        return text
    return text + say(
        "前払いであり、後の期の配分から差し引かれます。",
        " It is an advance, to be kept back from later periods' shares.",
    )


def _allocation_purpose(say: Speech, written: Mapping[str, Any], step: StepShape) -> str:
    ja, en = "残りをすべて配分します。", "Divides everything that is left."
    if "limit" in written:
        limit = _ceiling(say, written["limit"])
        ja, en = f"{limit}までを配分します。", f"Divides up to {limit}."
    if step.as_ == "charge":
        cost = step.source.removeprefix("cost.")
        ja, en = f"費用「{cost}」を組合員が負担します。", f"Members pay for the cost “{cost}”."
    if "split" in written:
        ja, en = (
            "定めた割合で積立金と原資に分けます。",
            "Split into funds and pools at fixed rates.",
        )
    return say(ja, en) + _bounds_purpose(say, written)


def _bounds_purpose(say: Speech, written: Mapping[str, Any]) -> str:
    """The caps and floors as the rule set writes them."""
    texts = []
    for name, ja, en in (("floor", "下限", "At least"), ("cap", "上限", "At most")):
        given = written.get("bounds", {}).get(name)
        if isinstance(given, Mapping):
            texts.append(say(f"{ja}は組合員ごとの定めによります。", f" {en} what is set by name."))
        elif given is not None:
            value = say.money(given) if isinstance(given, int) else str(given)
            texts.append(say(f"一組合員の{ja}は{value}です。", f" {en} {value} for each member."))
    return "".join(texts)


def flows(
    say: Speech, rules: Rules, public: SettlementShape, words: Mapping[str, Any]
) -> list[Flow]:
    """The waterfall of every pool, and of every cost that members are charged for."""
    return [_flow(say, rules, public, words, pool) for pool in (*public.pools, *public.costs)]


def source_name(say: Speech, words: Mapping[str, Any], source: str) -> str:
    """A source of a pool in words: a kind of charge, or revenue by its id."""
    kind, _, name = source.partition(".")
    if kind == "charge":
        charge = say.name(words.get(source), name)
        return say(f"計測された料金「{charge}」", f"metered charges “{charge}”")
    if kind == "total":
        metered = say.name(words.get(name), name)
        return say(f"計測された「{metered}」", f"metered “{metered}”")
    return say(f"収入「{name}」", f"revenue “{name}”")


def _flow(
    say: Speech, rules: Rules, public: SettlementShape, words: Mapping[str, Any], pool: str
) -> Flow:
    opening = {**public.pools, **public.costs}[pool]
    fed = sum((step.payees or {}).get(f"pool.{pool}", 0) for step in public.steps)
    unit, whole = public.unit_of(pool), opening + fed

    def amount(value: int) -> str:
        return say.money(value) if unit is None else say.quantity(Fraction(value), unit)

    steps = [step for step in public.steps if step.source == pool]
    rows = [
        FlowRow(
            title=step_title(say, rules, step.step, step.kind),
            purpose=step_purpose(say, rules, step),
            taken=amount(step.taken),
            left=amount(step.left),
            to=_receiver(say, step),
            left_at=per_mille(step.left, whole),
            width=per_mille(step.available, whole) - per_mille(step.left, whole),
            notes=step.notes,
        )
        for step in steps
    ]
    named = [source_name(say, words, name) for name in rules.pool_sources(pool)]
    named += [
        say(f"手順「{step.step}」", f"step “{step.step}”")
        for step in public.steps
        if f"pool.{pool}" in (step.payees or {})
    ]
    if pool in public.costs:
        cost = pool.removeprefix("cost.")
        named, left = (
            [say(f"費用「{cost}」", f"cost “{cost}”")],
            opening - public.totals.costs[pool],
        )
    else:
        left = public.totals.pools_left[pool]
    return Flow(pool, say.joined(named), amount(whole), tuple(rows), amount(left))


def account_name(say: Speech, account: str) -> str:
    """A fund, pool or project in words."""
    kind, _, name = account.partition(".")
    words = {
        "fund": (f"積立金「{name}」", f"fund “{name}”"),
        "pool": (f"原資「{name}」", f"pool “{name}”"),
        "project": (f"事業「{name}」", f"project “{name}”"),
    }
    return say(*words.get(kind, (account, account)))


def _receiver(say: Speech, step: StepShape) -> str:
    if step.as_ == "charge":
        return say("組合員の負担", "paid by members")
    names = [] if step.division is None else [say("組合員", "members")]
    return say.joined(names + [account_name(say, account) for account in step.accounts])


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
    if isinstance(value, Mapping) and "percent" not in value:
        of, times = value.get("of", ""), value.get("times", 1)
        return say(f"「{of}」の{times}倍", f"{times} × “{of}”")
    if isinstance(value, Mapping):
        part = value.get("percent", "")
        return say(f"原資の当初額の{part}", f"{part} of what the pool opened with")
    if isinstance(value, int):
        return say.money(value)
    return say(f"その時点の原資の{value}", f"{value} of what the pool then holds")


def share_of(units: int, whole: int) -> Fraction:
    """Own weight over all weights; nothing of nothing is nothing."""
    return Fraction(units, whole) if whole else Fraction()
