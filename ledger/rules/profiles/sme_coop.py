"""``jp-sme-coop``: a business co-operative (中小企業等協同組合法, articles 58 and 59).

Reserve at least 1/10 of the surplus until the articles' ceiling, which is at least half the paid
capital; a carry-over of 1/20 for education where such business is run; a dividend on capital of at
most 10 % a year; the rest by patronage, from members' own dealings only.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from ledger.rules.profiles.articles import ArticlesModel
from ledger.rules.profiles.check import Check, Rules
from ledger.rules.profiles.funds import (
    Duty,
    all_members_check,
    ceiling_check,
    duty_check,
    keys_of,
    losses_check,
    origin_check,
    ratio_checks,
    without_articles,
)
from ledger.rules.profiles.waterfall import Distribution, distributions

RESERVE_LAW: Final = "中小企業等協同組合法 第58条"
DIVIDEND_LAW: Final = "中小企業等協同組合法 第59条"
CAPITAL_RATE_A_YEAR: Final = Fraction(1, 10)
PATRONAGE_KEYS: Final = ("patronage", "proportional", "tiered", "pro_rata", "user_centric")
MONTHS: Final = 12


def checks(rules: Rules) -> Iterator[Check]:
    """All checks, in the order of the steps."""
    if rules.articles is None:
        yield without_articles(RESERVE_LAW)
        return
    yield from ceiling_check(rules, RESERVE_LAW)
    capital = 0
    for found in distributions(rules.pools, rules.steps, rules.articles.reserve):
        if not found.is_of_costs:
            yield losses_check(found, DIVIDEND_LAW)
            yield from (duty_check(found, duty) for duty in _duties(rules.articles))
        yield origin_check(rules, found, DIVIDEND_LAW)
        yield from ratio_checks(found, DIVIDEND_LAW)
        if _is_on_capital(found):
            capital += _limit_of(found)
        yield from _key_checks(found, rules.articles, capital)


def _is_on_capital(found: Distribution) -> bool:
    return any(key.kind == "capital" for _, key in keys_of(found.step))


def _limit_of(found: Distribution) -> int:
    """A step's own ceiling in money; 0 if it has none, for which it is refused by itself."""
    limit = found.step.limit
    return 0 if limit is None else limit.amount_minor or 0


def _duties(articles: ArticlesModel) -> Iterator[Duty]:
    yield Duty(articles.reserve, Fraction(1, 10), "statutory reserve", "準備金", RESERVE_LAW)
    if articles.education is not None:
        yield Duty(
            articles.education, Fraction(1, 20), "education carry-over", "教育情報費用繰越金",
            RESERVE_LAW,
        )  # fmt: skip


def _key_checks(found: Distribution, articles: ArticlesModel, capital: int) -> Iterator[Check]:
    step = found.step
    for at, key in keys_of(step):
        where = f"/steps/{found.index}{at}"
        yield from all_members_check(where, step.id, key, DIVIDEND_LAW)
        if key.kind == "capital":
            yield _capital_check(where, found, articles, capital)
        else:
            yield Check(
                where, key.kind in PATRONAGE_KEYS,
                f"{step.id!r} divides by {key.kind!r}: what is left after reserves and the capital "
                f"dividend goes by patronage ({', '.join(PATRONAGE_KEYS)})",
                f"手順「{step.id}」は「{key.kind}」で配分します。準備金と出資配当の残りは"
                f"利用分量（{'、'.join(PATRONAGE_KEYS)}）で配分します",
                DIVIDEND_LAW,
            )  # fmt: skip


def _capital_check(where: str, found: Distribution, articles: ArticlesModel, so_far: int) -> Check:
    """A month's dividend on capital has a limit: a twelfth of 10 % of what is paid in.

    ``so_far`` adds up the limits of all steps on capital up to this one: they share one limit.
    """
    most = articles.paid_capital * CAPITAL_RATE_A_YEAR / MONTHS
    limit = found.step.limit
    alone = where.endswith(f"/steps/{found.index}/key")
    stated = limit is not None and limit.amount_minor is not None
    total = f"; with the steps before it {so_far}" if so_far > _limit_of(found) else ""
    total_ja = f"（それまでの手順との合計は{so_far}）" if total else ""
    return Check(
        where, alone and stated and so_far <= most,
        f"a dividend on capital is at most 10 % a year of what is paid in, all steps together: "
        f"give it a step of its own, the limits adding up to at most "
        f"{most.numerator // most.denominator} a month{total}",
        "出資配当は払込済出資額の年1割以内です。独立した手順とし、全手順を合わせた月額の上限を"
        f"{most.numerator // most.denominator}以下にしてください{total_ja}",
        DIVIDEND_LAW,
    )  # fmt: skip
