"""``jp-worker-coop``: a worker co-operative (労働者協同組合法, articles 76 and 77).

Losses first; reserve at least 1/10 of the surplus until the articles' ceiling; a fund for creating
work of at least 1/20; education at least 1/20; the rest only by the work that members did. Capital
earns nothing. Of a surplus of 1,000,000 at most 800,000 can be divided.
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

RESERVE_LAW: Final = "労働者協同組合法 第76条"
WORK_LAW: Final = "労働者協同組合法 第77条"


def checks(rules: Rules) -> Iterator[Check]:
    """All checks, in the order of the steps."""
    articles = rules.articles
    if articles is None:
        yield without_articles(RESERVE_LAW)
        return
    yield from ceiling_check(rules, RESERVE_LAW)
    yield from _named(articles)
    for found in distributions(rules.pools, rules.steps, articles.reserve):
        if not found.is_of_costs:
            yield losses_check(found, WORK_LAW)
            yield from (duty_check(found, duty) for duty in _duties(articles))
        yield origin_check(rules, found, WORK_LAW)
        yield from ratio_checks(found, WORK_LAW)
        yield from _key_checks(found, articles)


def _named(articles: ArticlesModel) -> Iterator[Check]:
    for name, law_ja in (("employment", "就労創出等積立金"), ("education", "教育繰越金")):
        yield Check(
            f"/articles/{name}", getattr(articles, name) is not None,
            f"the articles of a worker co-op name the fund {name!r} ({law_ja})",
            f"労働者協同組合の定款には{law_ja}（{name}）が必要です",
            RESERVE_LAW,
        )  # fmt: skip


def _duties(articles: ArticlesModel) -> Iterator[Duty]:
    yield Duty(articles.reserve, Fraction(1, 10), "statutory reserve", "準備金", RESERVE_LAW)
    if articles.employment is not None:
        en, ja = "fund for creating work", "就労創出等積立金"
        yield Duty(articles.employment, Fraction(1, 20), en, ja, RESERVE_LAW)
    if articles.education is not None:
        en, ja = "education carry-over", "教育繰越金"
        yield Duty(articles.education, Fraction(1, 20), en, ja, RESERVE_LAW)


def _key_checks(found: Distribution, articles: ArticlesModel) -> Iterator[Check]:
    step = found.step
    for at, key in keys_of(step):
        yield from all_members_check(f"/steps/{found.index}{at}", step.id, key, WORK_LAW)
        by_work = key.kind in ("proportional", "patronage", "tiered")
        holds = by_work and key.input in articles.work
        yield Check(
            f"/steps/{found.index}{at}", holds,
            f"{step.id!r} divides by {key.kind!r}: members share by the work that they did, "
            f"measured in one of the articles' work metrics ({', '.join(articles.work) or 'none'})",
            f"手順「{step.id}」は「{key.kind}」で配分します。分配は従事した程度"
            f"（articles の work: {'、'.join(articles.work) or 'なし'}）に応じてのみ行えます",
            WORK_LAW,
        )  # fmt: skip
