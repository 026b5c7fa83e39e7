"""Bounds, short rules, roundings to an account and advances in words, in English and Japanese.

Each sentence says how a member's exact amount follows from its weight or claim, with the public
figures that it needs, so that the arithmetic can be done by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from ledger.rules.number import format_fraction
from ledger.settlement.shape import BasisShape, DivisionShape, OwnBasisShape, OwnStepShape

Sentence = dict[str, str]
Money = Callable[[int], str]

_RULES: Mapping[str, tuple[str, str]] = {
    "proportional": (
        "everybody gets the same part {scale} of it",
        "全員が同じ割合{scale}を受け取ります",
    ),
    "cea": (
        "everybody gets what it claims, but at most {scale}",
        "各自は請求額を受け取りますが、{scale}が上限です",
    ),
    "cel": (
        "everybody goes short by {scale}, but by no more than it claims",
        "各自は{scale}だけ不足しますが、請求額を超えて失うことはありません",
    ),
    "talmud": (
        "everybody gets half of what it claims, but at most {scale}",
        "各自は請求額の半分を受け取りますが、{scale}が上限です",
    ),
    "random_arrival": (
        "everybody gets the mean over all orders in which claims could be served",
        "請求を満たす順番のすべてについて平均した額を受け取ります",
    ),
    "minimal_overlap": (
        "units that several claim are shared among them, as few as possible of them",
        "重なる請求が最も少なくなるように分け、重なる部分は等分します",
    ),
    "priority": (
        "claims are served one after the other, in the declared order",
        "請求は宣言された順に満たされます",
    ),
}
_OF_LOSSES = (
    "everybody goes short by half of what it claims, but by at most {scale}",
    "各自は請求額の半分だけ不足しますが、{scale}が上限です",
)


def basis_sentences(
    mine: OwnStepShape, division: DivisionShape, money: Money
) -> Iterator[Sentence]:
    """How the exact amount follows from the weight or claim; nothing where it is in proportion."""
    basis, own = division.basis, mine.basis
    if basis is None or own is None:
        return
    if basis.rule in ("bounds", "caps"):
        yield from _own_bounds(basis, own, money)
        yield _within(basis) if basis.rule == "bounds" else _beyond(basis, money)
    else:
        yield from _short(basis, own, money)
    exact = _text(Fraction(mine.weight_units, division.denominator))
    yield {
        "en": f"That makes {exact} minor units for you.",
        "ja": f"あなたの分は{exact}(最小通貨単位)になります。",
    }


def recoup_sentence(mine: OwnStepShape, money: Money) -> Iterator[Sentence]:
    """What was kept back for an advance of an earlier period."""
    if mine.recouped_minor:
        back = money(mine.recouped_minor)
        yield {
            "en": f"Of this, {back} pays back what you were advanced in earlier periods.",
            "ja": f"このうち{back}は、以前の期に前払いされた分の返済に充てられます。",
        }


def residual_sentence(division: DivisionShape, money: Money) -> Sentence:
    """Half-even rounding, and the account that evens it out."""
    account, residual = division.rounding.half_even_residual_to, money(division.residual or 0)
    return {
        "en": "Every amount is rounded to the nearest unit, halves to the even one; "
        f"the difference of {residual} goes to {account}.",
        "ja": "各金額は最も近い単位に丸め、ちょうど半分は偶数にします。"
        f"差額{residual}は{account}に入ります。",
    }


def _own_bounds(basis: BasisShape, own: OwnBasisShape, money: Money) -> Iterator[Sentence]:
    if own.floor:
        least = money(own.floor)
        yield {
            "en": f"You get at least {least}.",
            "ja": f"あなたの下限は{least}です。",
        }
    elif basis.floor:
        least = money(basis.floor)
        yield {
            "en": f"The floor of {least} does not reach you: it is for members of this period.",
            "ja": f"下限{least}はこの期の組合員のためのもので、あなたには及びません。",
        }
    if own.cap is not None:
        most = money(own.cap)
        yield {"en": f"You get at most {most}.", "ja": f"あなたの上限は{most}です。"}


def _within(basis: BasisShape) -> Sentence:
    scale = _text((basis.scale or Fraction()) * basis.denominator)
    return {
        "en": f"Between floor and cap everybody gets its weight times {scale}, "
        "so that all amounts together are what was divided.",
        "ja": f"下限と上限の間では、全員が重みの{scale}倍を受け取り、合計が配分額に一致します。",
    }


def _beyond(basis: BasisShape, money: Money) -> Sentence:
    rest, total = money(basis.rest), _text(basis.weight_total)
    return {
        "en": f"Everybody reached its cap; the {rest} beyond are shared by weight, of {total}.",
        "ja": f"全員が上限に達し、超えた{rest}は全体{total}のうちの重みに応じて分けられます。",
    }


def _short(basis: BasisShape, own: OwnBasisShape, money: Money) -> Iterator[Sentence]:
    claim = _text(Fraction(own.weight_units, basis.denominator))
    if basis.of_floors:
        claim = money(own.floor or 0)
        yield {
            "en": "There is less than the floors add up to, so each floor counts as a claim.",
            "ja": "下限の合計に足りないため、各下限を請求額とみなします。",
        }
    halved_losses = basis.rule == "talmud" and basis.losses
    en, ja = _OF_LOSSES if halved_losses else _RULES[basis.rule]
    scale = "" if basis.scale is None else _text(basis.scale)
    en, ja = en.format(scale=scale), ja.format(scale=scale)
    yield {
        "en": f"You claim {claim}; there is too little for all claims: {en}.",
        "ja": f"あなたの請求額は{claim}です。全員の請求には足りないため、{ja}。",
    }


def _text(value: Fraction) -> str:
    return format_fraction(value.numerator, value.denominator)
