"""Why this amount: one dividing step of a statement, told down to the entries of the log.

amount → step → weight, quotient, remainder → the member's figures → facilities → batch entries.
Every figure comes from the statement; the page only puts them into sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ledger.paper.speech import Speech, per_mille
from ledger.paper.steps import Rules, share_of, step_purpose, step_title
from ledger.settlement.shape import (
    CutOffShape,
    DivisionShape,
    OwnStepShape,
    SourceShape,
    StatementShape,
    StepShape,
)
from ledger.settlement.wording import basis_sentences, recoup_sentence, residual_sentence

_KEYS = {
    "proportional": ("利用に応じて", "By usage"),
    "capital": ("拠出に応じて", "By money put in"),
    "equal": ("均等に", "Equally"),
    "fixed": ("定めた比率で", "By fixed shares"),
    "patronage": ("組合員としての利用分量に応じて", "By members' own usage"),
    "tiered": ("段階別に数えた利用に応じて", "By usage, counted in tiers"),
    "kpi_weighted": ("指標の評価に応じて", "By results"),
    "energy": ("電力の需要に応じて", "By demand for energy"),
    "pro_rata": ("全体の利用回数に応じて", "By all uses alike"),
    "user_centric": ("支払者ごとの利用先に応じて", "By whom each payer used"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure was metered: a facility, how much, and the batch entries that say so."""

    facility: str
    value: str
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the member: what it is, how much, and where it comes from."""

    name: str
    value: str
    places: tuple[Place, ...]
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """The member's weight in a step or in one part of it; ``width`` is a bar of 1,000."""

    title: str
    fraction: str
    figures: tuple[Figure, ...]
    weight: str
    weight_total: str
    share: str
    width: int
    gives: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One amount with everything that explains it."""

    step: str
    title: str
    amount: str
    purpose: str
    pool: str
    bases: tuple[Basis, ...]
    is_parted: bool
    share: str
    share_exact: str
    width: int
    arithmetic: str
    before: str
    rounding: str
    extra: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Portion:
    """A step or one part of it: the member's weight there, all weights, and its figures."""

    title: str
    fraction: Fraction
    sources: Sequence[SourceShape]
    weight: Fraction
    weight_total: Fraction
    key: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Teller:
    """What the telling of all steps of one statement shares; ``traces`` see ``trace_usage``."""

    say: Speech
    rules: Rules
    own: StatementShape
    words: Mapping[str, Any]
    traces: Mapping[str, Sequence[Place]]
    reports: Mapping[str, tuple[int, ...]]

    def reason(self, mine: OwnStepShape, step: StepShape, division: DivisionShape) -> Reason:
        """The step's amount explained."""
        say, whole = self.say, int(division.weight_sum)
        share = share_of(mine.weight_units, whole)
        told = [*basis_sentences(mine, division, say.money), *recoup_sentence(mine, say.money)]
        return Reason(
            step=step.step,
            title=step_title(say, self.rules, step.step, step.kind),
            amount=say.money(mine.amount_minor),
            purpose=step_purpose(say, self.rules, step),
            pool=self._pool(step),
            bases=tuple(self._bases(mine, step, division)),
            is_parted=bool(division.parts),
            share=say.percent(share),
            share_exact=say.fraction(share),
            width=per_mille(share, 1),
            arithmetic=self._arithmetic(mine, step, whole),
            before=say.money_about(step.divided * share),
            rounding=rounding_sentence(say, mine, division),
            extra=mine.extra,
            notes=(*step.notes, *(say(one["ja"], one["en"]) for one in told)),
        )

    def _pool(self, step: StepShape) -> str:
        say, divided = self.say, step.divided if step.as_ is None else -step.divided
        if step.unit is None:
            held, taken = say.money(step.available), say.money(divided)
        else:
            held = say.quantity(Fraction(step.available), step.unit)
            taken = say.quantity(Fraction(divided), step.unit)
        if step.as_ == "charge":
            cost = step.source.removeprefix("cost.")
            return say(
                f"費用「{cost}」{held}のうち、この段階で{taken}を組合員が負担します。",
                f"The cost “{cost}” came to {held}; members pay {taken} of it in this step.",
            )
        return say(
            f"原資「{step.source}」の残高{held}のうち、この段階で{taken}を分けました。",
            f"The pool “{step.source}” held {held}; this step divided {taken} of it.",
        )

    def _bases(
        self, mine: OwnStepShape, step: StepShape, division: DivisionShape
    ) -> Iterator[Basis]:
        if not division.parts:
            weight = Fraction(mine.weight_units, division.denominator)
            total = division.weight_total
            if division.basis is not None and mine.basis is not None:
                weight = Fraction(mine.basis.weight_units, division.basis.denominator)
                total = division.basis.weight_total
            key = self.rules.step(step.step).get("key", {})
            yield self._basis(step, _Portion("", Fraction(1), mine.sources, weight, total, key))
        sources = {part.part: part.sources for part in mine.parts}
        weights = {line.part: line.weight for line in self.own.lines if line.step == step.step}
        for part in division.parts:
            written = self.rules.part(step.step, part.part)
            portion = _Portion(
                title=self.say.name(written.get("label"), self._key_title(written, part.part)),
                fraction=part.fraction,
                sources=sources.get(part.part, ()),
                weight=weights.get(part.part, Fraction(0)),
                weight_total=part.weight_total,
                key=written.get("key", {}),
            )
            yield self._basis(step, portion)

    def _key_title(self, written: Mapping[str, Any], part: str) -> str:
        words = _KEYS.get(written.get("key", {}).get("kind", ""), (part, part))
        return self.say(*words)

    def _basis(self, step: StepShape, portion: _Portion) -> Basis:
        say, weight, total = self.say, portion.weight, portion.weight_total
        share = weight / total if total else Fraction()
        units = {self._unit(source.where) for source in portion.sources}
        unit = units.pop() if len(units) == 1 and _is_weighed_as_it_is(portion.key) else ""
        figures = tuple(self._figure(source, portion.key) for source in portion.sources)
        return Basis(
            title=portion.title,
            fraction=say.percent(portion.fraction),
            figures=figures or (self._head(portion.key, weight),),
            weight=say.quantity(weight, unit),
            weight_total=say.quantity(total, unit),
            share=say.equals(share),
            width=per_mille(share, 1),
            gives=say.money_about(step.divided * portion.fraction * share),
        )

    def _head(self, key: Mapping[str, Any], weight: Fraction) -> Figure:
        say = self.say
        if key.get("kind") == "equal" and weight:
            name = say("対象となる組合員は、各一口", "One share for each member that takes part")
        else:
            name = say("対象外", "You take no part in this")
        return Figure(name, say.fraction(weight), (), ())

    def _figure(self, source: SourceShape, key: Mapping[str, Any]) -> Figure:
        table, name = _place(source.where)
        if table == "funding" and key.get("time_weighted"):
            words = (f"「{name}」への拠出額×日数", f"Money you put into “{name}”, times days held")
            return Figure(self.say(*words), self.say.quantity(source.value, ""), (), ())
        value = self.say.quantity(source.value, self._unit(source.where))
        places = tuple(self.traces.get(name, ())) if table == "totals" else ()
        return Figure(self._name(table, name), value, places, self.reports.get(source.where, ()))

    def _name(self, table: str, name: str) -> str:
        say = self.say
        if table == "totals":
            return say.name(self.words.get(name), name)
        texts = {
            "costs": (f"負担した費用「{name}」", f"Cost “{name}” that you bore"),
            "owed": ("前期までの未回収分", "Still owed to you from earlier months"),
            "funding": (f"「{name}」への拠出", f"Money you put into “{name}”"),
            "origins": (f"「{name}」のうち組合員以外との分", f"“{name}” not dealt with members"),
            "kpis": (f"「{name}」の値", f"Reading of “{name}”"),
            "matrices": (f"「{name}」での利用回数", f"Uses of you in “{name}”"),
            "inputs": (f"「{name}」の値がないときの値", f"Set where “{name}” has no reading"),
        }
        return say(*texts.get(table, ("規則で定めた重み", "Weight set in the rules")))

    def _unit(self, where: str) -> str:
        table, name = _place(where)
        if table in ("costs", "owed", "funding") or name.startswith("charge."):
            return "money"
        metered = table in ("totals", "origins")
        return str(self.words.get(name, {}).get("unit", "")) if metered else ""

    def _arithmetic(self, mine: OwnStepShape, step: StepShape, whole: int) -> str:
        say = self.say
        sum_text = (
            f"{say.number(abs(step.divided))} × {say.number(mine.weight_units)} ÷ "
            f"{say.number(whole)} = {say.number(mine.quotient)}"
        )
        if self.say.digits:
            sum_text = say(
                f"{say.unit()}単位で：{sum_text}", f"in units of {say.unit()}: {sum_text}"
            )
        if not mine.remainder:
            return sum_text
        rest = f"{say.number(mine.remainder)} ⁄ {say.number(whole)}"
        return say(f"{sum_text}、余り {rest}", f"{sum_text}, remainder {rest}")


def trace_usage(
    say: Speech, document: Mapping[str, Any], names: Mapping[str, Any], month: str
) -> dict[str, list[Place]]:
    """Per metric or charge: each facility's sum and the entries of the batches it comes from."""
    words, facilities = names["words"], names["facilities"]
    found: dict[str, list[Place]] = {}
    for facility, name, currency, amount in document["usage"]["totals"]:
        if currency and currency != say.currency:
            continue
        entries = tuple(
            batch["index"]
            for batch in document["usage"]["batches"]
            if any(row[:4] == [month, facility, name, currency] for row in batch["totals"])
        )
        unit = "money" if currency else str(words.get(name, {}).get("unit", ""))
        title = say.name(facilities.get(facility), facility)
        place = Place(title, say.quantity(Fraction(amount), unit), entries)
        found.setdefault(name, []).append(place)
    return found


def rounding_sentence(say: Speech, mine: OwnStepShape, division: DivisionShape) -> str:
    """Whether an odd unit came to the member, and why."""
    if division.residual is not None:
        told = residual_sentence(division, say.money)
        return say(told["ja"], told["en"])
    unit, units = say.unit(), say.number(division.extra_units)
    if division.extra_units == 0:
        return say(
            "全員の金額が割り切れたため、端数処理はありません。",
            "The amounts came out even for everybody; nothing was rounded.",
        )
    left = say(
        f"全員の端数を切り捨てると{unit}が{units}個残り、",
        f"With everybody's fractions cut off, {units} unit(s) of {unit} were left. They went ",
    )
    if division.rounding.method == "sequential" or division.cut_off is None:
        return left + _sequential(say, mine, within=division.basis is not None)
    own = share_of(mine.remainder, int(division.weight_sum))
    return left + _largest(say, mine, own, division.cut_off)


def _sequential(say: Speech, mine: OwnStepShape, *, within: bool) -> str:
    if within and mine.remainder == 0:
        return say(
            "定められた順に、割り切れなかった金額に1個ずつ配られました。"
            "あなたの金額は割り切れたため、対象外です。",
            "one each, in the declared order, to amounts that did not come out even. "
            "Yours did, so none was due.",
        )
    got = (
        say("あなたはそのうち1個を受け取りました。", "you got one.")
        if mine.extra
        else say("あなたには届きませんでした。", "none reached you.")
    )
    return say("定められた順に1個ずつ配られました。", "one each, in the declared order; ") + got


def _largest(say: Speech, mine: OwnStepShape, own: Fraction, cut_off: CutOffShape) -> str:
    how = say(
        "余りの大きい順に1個ずつ配られました。",
        "one each, to the largest remainders. ",
    )
    if own == 0:
        return how + say(
            "あなたの金額は割り切れたため、対象外です。", "Yours came out even, so none was due."
        )
    shown, bound = say.decimal(own), say.decimal(cut_off.served_above)
    if cut_off.unserved_below < own < cut_off.served_above and mine.extra:
        return how + say(
            f"あなたの余り {shown} は最後の1個と同順位で、規則の順序により1個加わりました。",
            f"Yours, {shown}, tied for the last one; by the rules' order for ties you got it.",
        )
    if cut_off.unserved_below < own < cut_off.served_above:
        return how + say(
            f"あなたの余り {shown} は最後の1個と同順位で、"
            "規則の順序により他の組合員に配られました。",
            f"Your remainder, {shown}, tied for the last one; "
            "by the rules' order for ties it went to another member.",
        )
    if mine.extra:
        return how + say(
            f"あなたの余りは {shown}、{bound} を超える余りに配られたので、1個加わりました。",
            f"Yours is {shown}; those above {bound} received one. So you received one.",
        )
    low = say.decimal(cut_off.unserved_below)
    return how + say(
        f"あなたの余り {shown} は {low} に届かないため、加わりません。",
        f"Yours is {shown}, and those below {low} received none. So you received none.",
    )


def _is_weighed_as_it_is(key: Mapping[str, Any]) -> bool:
    """Whether a weight has the unit of the figures it is made of; so do costs, without a key."""
    as_it_is = key.get("kind") in (None, "proportional", "patronage", "capital", "energy")
    return as_it_is and not key.get("time_weighted")


def _place(where: str) -> tuple[str, str]:
    """The table and the name in a source's JSON pointer: ``inputs:/totals/trips/bus``.

    A matrix is named without the payers that stand in it.
    """
    parts = where.partition("/")[2].split("/")
    names = [part.replace("~1", "/").replace("~0", "~") for part in parts]
    has_name = len(names) > 2 or names[0] == "matrices"
    return (names[0], names[1]) if has_name else (names[0], "")
