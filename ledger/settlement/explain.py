"""A statement in words: each amount as plain steps down to its inputs, in English and Japanese.

Data for a page, no markup. Amounts are written in the currency's decimal form, weights as they
stand in the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ledger.money import format_minor
from ledger.rules.number import format_fraction
from ledger.settlement.shape import (
    DivisionShape,
    LineShape,
    OwnStepShape,
    PartShape,
    SettlementShape,
    SourceShape,
    StatementShape,
    StepShape,
    parse_settlement,
    parse_statement,
)
from ledger.settlement.wording import (
    Sentence,
    basis_sentences,
    recoup_sentence,
    residual_sentence,
)


def explain_lines(statement: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each of the member's amounts ``{step, label, amount_minor, text: [{en, ja}, …]}``.

    Says what the statement says: verify it first. Raises MalformedDocument for what is none.
    """
    own = parse_statement(statement)
    public = parse_settlement(own.settlement)
    steps = {step.step: step for step in public.steps}
    explained = []
    for mine in own.steps:
        step = steps.get(mine.step)
        if step is not None and step.division is not None and mine.takes_part:
            telling = _Telling(own, mine, step, step.division, public)
            explained.append(
                {
                    "step": mine.step,
                    "label": mine.label,
                    "amount_minor": mine.amount_minor,
                    "text": list(telling.sentences()),
                }
            )
    return explained


@dataclass(frozen=True, slots=True)
class _Telling:
    own: StatementShape
    mine: OwnStepShape
    step: StepShape
    division: DivisionShape
    public: SettlementShape

    def sentences(self) -> Iterator[Sentence]:
        yield self._pool()
        for note in self.step.notes:
            yield {"en": f"Note: {note}.", "ja": f"注記: {note}"}
        if self.division.parts:
            for line, part in self._part_lines():
                yield from self._part(line, part)
            yield self._combined()
        else:
            yield from map(_source, self.mine.sources)
            yield self._weight()
        yield from basis_sentences(self.mine, self.division, self.money)
        yield self._exact()
        yield self._rounded()
        yield from recoup_sentence(self.mine, self.money)

    def money(self, amount: int) -> str:
        if self.step.unit is not None:
            return f"{amount} {self.step.unit}"
        digits = self.public.minor_digits
        return f"{format_minor(amount, digits=digits, grouped=True)} {self.public.currency}"

    def _part_lines(self) -> list[tuple[LineShape, PartShape]]:
        lines = [line for line in self.own.lines if line.step == self.step.step]
        parts = self.division.parts
        return [(line, part) for line in lines for part in parts if line.part == part.part]

    def _pool(self) -> Sentence:
        step = self.step
        taken, held = self.money(step.taken), self.money(step.available)
        if step.as_ == "charge":
            cost = step.source.removeprefix("cost.")
            return {
                "en": f"Step “{step.step}” charges members {taken} "
                f"for the cost “{cost}” of {held}.",
                "ja": f"手順「{step.step}」は、費用「{cost}」({held})のうち"
                f"{taken}を組合員の負担とします。",
            }
        return {
            "en": f"Step “{step.step}” took {taken} from “{step.source}”, which held {held}.",
            "ja": f"手順「{step.step}」は、{held}を持つ原資「{step.source}」から"
            f"{taken}を取りました。",
        }

    def _weight(self) -> Sentence:
        weight = Fraction(self.mine.weight_units, self.division.denominator)
        total = self.division.weight_total
        if self.division.basis is not None and self.mine.basis is not None:
            basis = self.division.basis
            weight = Fraction(self.mine.basis.weight_units, basis.denominator)
            total = basis.weight_total
        return {
            "en": f"Your weight is {_text(weight)} of {_text(total)} in all.",
            "ja": f"あなたの重みは、全体{_text(total)}のうち{_text(weight)}です。",
        }

    def _part(self, line: LineShape, part: PartShape) -> Iterator[Sentence]:
        for mine in self.mine.parts:
            if mine.part == line.part:
                yield from map(_source, mine.sources)
        weight, total = _text(line.weight), _text(part.weight_total)
        fraction, share = _text(part.fraction), _text(line.share)
        yield {
            "en": f"Part “{part.part}” is {fraction} of the step; your weight in it is {weight} "
            f"of {total}, which makes {share} of the whole.",
            "ja": f"部分「{part.part}」は全体の{fraction}で、あなたの重みは{total}のうち{weight}、"
            f"全体に対して{share}です。",
        }

    def _combined(self) -> Sentence:
        units, whole = self.mine.weight_units, self.division.weight_sum
        if self.division.basis is not None and self.mine.basis is not None:
            units, whole = self.mine.basis.weight_units, self.division.basis.weight_sum
        share = _text(Fraction(units, int(whole) or 1))
        return {
            "en": f"Together your parts make {share} of the step.",
            "ja": f"各部分を合わせると、全体の{share}です。",
        }

    def _exact(self) -> Sentence:
        share = Fraction(self.mine.weight_units, int(self.division.weight_sum) or 1)
        taken = self.step.divided
        exact = _text(taken * share)
        return {
            "en": f"{taken} × {_text(share)} = {exact} minor units, before rounding.",
            "ja": f"{taken} × {_text(share)} = {exact}(最小通貨単位、端数処理前)。",
        }

    def _rounded(self) -> Sentence:
        amount, whole = self.money(self.mine.amount_minor), self.mine.quotient
        if self.division.residual is not None:
            told = residual_sentence(self.division, self.money)
            return {
                "en": f"{told['en']} Your amount is {amount}.",
                "ja": f"{told['ja']}あなたの金額は{amount}です。",
            }
        if self.division.extra_units == 0:
            en, ja = "it comes out even for everybody", "全員について端数はありません"
        elif self.mine.extra:
            en = f"{self.division.extra_units} odd units were left; you got one"
            ja = f"端数{self.division.extra_units}単位のうち1単位を受け取りました"
        else:
            en = f"{self.division.extra_units} odd units were left; none fell to you"
            ja = f"端数{self.division.extra_units}単位はあなたには付きませんでした"
        return {
            "en": f"Whole units: {whole}; {en}. Your amount is {amount}.",
            "ja": f"整数部分は{whole}、{ja}。あなたの金額は{amount}です。",
        }


def _source(source: SourceShape) -> Sentence:
    value = _text(source.value)
    return {
        "en": f"From {source.where}: {value}.",
        "ja": f"{source.where} の値: {value}",
    }


def _text(value: Fraction) -> str:
    return format_fraction(value.numerator, value.denominator)
