"""Checks that co-operatives share: statutory funds first, and whose money may be divided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ledger.rules.profiles.check import Check, Rules
from ledger.rules.profiles.waterfall import Distribution


@dataclass(frozen=True, slots=True)
class Duty:
    """A fund that must get at least ``least`` of the surplus before anybody is paid."""

    fund: str
    least: Fraction
    en: str
    ja: str
    law: str


def ceiling_check(rules: Rules, law: str) -> Iterator[Check]:
    """The articles' ceiling is at least half the paid capital, and no step stops below it."""
    articles = rules.articles
    if articles is None:
        return
    enough = 2 * articles.reserve_ceiling >= articles.paid_capital
    yield Check(
        "/articles/reserve_ceiling", enough,
        f"the ceiling of the statutory reserve, {articles.reserve_ceiling}, must be at least half "
        f"the paid capital of {articles.paid_capital}",
        f"準備金の上限 {articles.reserve_ceiling} は、出資総額 {articles.paid_capital} の"
        "2分の1以上でなければなりません",
        law,
    )  # fmt: skip
    for index, step in enumerate(rules.steps):
        if step.kind == "reserve" and step.to == articles.reserve:
            until = step.until_balance
            yield Check(
                f"/steps/{index}", until is None or until >= articles.reserve_ceiling,
                f"the step {step.id!r} must not stop before the articles' ceiling of "
                f"{articles.reserve_ceiling}",
                f"手順「{step.id}」は、定款の上限 {articles.reserve_ceiling} に達する前に"
                "止まってはなりません",
                law,
            )  # fmt: skip


def duty_check(found: Distribution, duty: Duty) -> Check:
    """Whether a fund surely had its part before this step pays anybody."""
    part = found.standing.put_aside.get(duty.fund, Fraction())
    step = found.step.id
    return Check(
        f"/steps/{found.index}", part >= duty.least,
        f"before {step!r} pays members, {duty.least} of the surplus must go to {duty.fund} "
        f"({duty.en}); the steps before it surely put {part} there",
        f"手順「{step}」が組合員に配分する前に、剰余の{duty.least}以上を{duty.fund}に"
        f"（{duty.ja}）。それまでの手順で確実に積み立てられるのは{part}です",
        duty.law,
    )  # fmt: skip


def losses_check(found: Distribution, law: str) -> Check:
    """Costs come before funds: what is put aside is a part of the surplus, not of the revenue."""
    late = found.standing.costs_after_reserve
    return Check(
        f"/steps/{found.index}", late is None,
        "costs and losses are covered before anything is put aside or divided"
        + (f"; the step {late!r} comes too late" if late else ""),
        "費用と損失は、積立てや配分の前に補填します"
        + (f"。手順「{late}」は後になっています" if late else ""),
        law,
    )  # fmt: skip


def origin_check(rules: Rules, found: Distribution, law: str) -> Check:
    """Only what members' own dealings brought is divided; subsidies never are."""
    origin = found.standing.origin
    said = "of any origin" if origin is None else f"of origin {origin!r}"
    said_ja = "出所を問わない原資" if origin is None else f"出所「{origin}」の原資"
    return Check(
        f"/pools/{found.step.source}" if found.step.source in rules.pools else "/pools",
        origin == "member",
        f"{found.step.id!r} divides a pool {said}; only a pool with 'origin: member' may be "
        "divided, and public money (公助) never enters a dividend",
        f"手順「{found.step.id}」は{said_ja}を配分します。配分できるのは「origin: member」の"
        "原資だけで、公的な資金（公助）は配当の原資になりません",
        law,
    )  # fmt: skip


def ratio_checks(found: Distribution, law: str) -> Iterator[Check]:
    """What pays members otherwise than a key measures them: fixed sums, bounds by name, heads."""
    step, where = found.step, f"/steps/{found.index}"
    bounds = getattr(step, "bounds", None)
    refused = {
        "": (step.kind == "guarantee", "a fixed sum (guarantee)", "定額の保証（guarantee）"),
        "/bounds/floor": (
            bounds is not None and bounds.floor is not None,
            "at least a floor (bounds: floor)",
            "下限額（bounds: floor）",
        ),
        "/bounds/cap": (
            bounds is not None and isinstance(bounds.cap, dict),
            "at most a cap of their own (bounds: cap by member)",
            "組合員ごとの上限額（bounds: cap）",
        ),
        "/if_no_weight": (
            getattr(step, "if_no_weight", None) == "equal",
            "by heads where nobody has a weight (if_no_weight: equal)",
            "頭割り（if_no_weight: equal）",
        ),
    }
    for at, (present, en, ja) in refused.items():
        if present:
            yield Check(
                where + at, False,
                f"{step.id!r} pays members {en}, whatever the law's measure gives them",
                f"手順「{step.id}」は法の定める基準によらず、{ja}で支払います",
                law,
            )  # fmt: skip


def keys_of(step: Any) -> Iterator[tuple[str, Any]]:
    """The keys by which a step pays members: JSON pointer within the step, and key."""
    key = getattr(step, "key", None)
    if key is not None:
        yield "/key", key
    for index, part in enumerate(getattr(step, "parts", None) or ()):
        yield f"/parts/{index}/key", part.key


def all_members_check(where: str, step: str, key: Any, law: str) -> Iterator[Check]:
    """A dividend goes to every member that dealt, worked or paid in, not to those named.

    Said only where a key names some: without ``members`` there is nothing to look at.
    """
    if key.members is not None:
        yield Check(
            where + "/members", False,
            f"{step!r} divides among some members only: every member has a part by its own "
            "dealings, work or capital, so leave 'members' out",
            f"手順「{step}」は一部の組合員にのみ配分します。どの組合員も自らの利用、労働または"
            "出資に応じて配分を受けるため、members を外してください",
            law,
        )  # fmt: skip


def without_articles(law: str) -> Check:
    """The check that fails when a rule set does not say what the articles fix."""
    return Check(
        "/articles", False,
        "the rule set must say which fund is the statutory reserve, its ceiling and the paid "
        "capital: articles: {reserve: fund.x, reserve_ceiling: …, paid_capital: …}",
        "定款で定める準備金、その上限、出資総額を articles に記してください",
        law,
    )  # fmt: skip
