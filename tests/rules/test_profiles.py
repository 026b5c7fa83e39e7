"""Legal-form profiles: what each form of association refuses, and what it lets pass."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ledger.errors import MalformedRules
from ledger.rules.document import legal_checks, parse_rules
from ledger.rules.profiles import DISCLAIMER, PROFILES, profile_checks
from ledger.rules.ruleset import RuleSetModel
from ledger.rules.yamltext import read_yaml

HEAD = """\
kyojo_rules: 1
ruleset: r
version: 1
effective_from: 2026-10-01
timezone: Asia/Tokyo
currency: JPY
minor_digits: 0
"""
POOL = "pools: {p: {from: [revenue.fares], origin: member}}\n"
ARTICLES = (
    "articles: {reserve: fund.law, reserve_ceiling: 5000, paid_capital: 10000,"
    " education: fund.edu, employment: fund.jobs, work: [hours]}\n"
)
COST = "  - {id: cost, kind: recover_cost, source: p, costs: [c]}\n"
LAW = "  - {id: law, kind: reserve, source: p, to: fund.law, rate: 10%}\n"
EDU = "  - {id: edu, kind: reserve, source: p, to: fund.edu, rate: 6%}\n"
JOBS = "  - {id: jobs, kind: reserve, source: p, to: fund.jobs, rate: 6%}\n"
USE = "  - {id: use, kind: allocate, source: p, key: {kind: proportional, input: trips}}\n"
WORK = "  - {id: use, kind: allocate, source: p, key: {kind: proportional, input: hours}}\n"
CAPITAL = "  - {id: cap, kind: allocate, source: p, limit: 83, key: {kind: capital}}\n"
WRITING = (
    "llp: {capital_ratio: {bus: 1/2, ev: 1/2}, split: by trips, reason: bus drives more,"
    " from: 2026-09-01}\n"
)


def rules(profile: str, *steps: str, pool: str = POOL, extra: str = ARTICLES) -> str:
    body = "".join(steps)
    return (
        HEAD
        + f"profile: {profile}\n"
        + pool
        + extra
        + ("steps:\n" + body if body else "steps: []\n")
    )


def faults(text: str) -> list[tuple[str, str]]:
    """Pointer and message of every fault of meaning."""
    with pytest.raises(MalformedRules) as caught:
        parse_rules(text)
    return [(fault.where, fault.message) for fault in caught.value.faults]


def test_every_profile_has_a_function_and_generic_asks_nothing() -> None:
    assert set(PROFILES) == {"generic", "jp-sme-coop", "jp-worker-coop", "jp-llp"}
    open_pool = "pools: {p: {from: [revenue.fares]}}\n"
    assert parse_rules(rules("generic", USE, pool=open_pool, extra="")).profile == "generic"
    assert all(DISCLAIMER)


def test_a_business_cooperative_in_order_passes() -> None:
    parsed = parse_rules(rules("jp-sme-coop", COST, LAW, EDU, CAPITAL, USE))
    assert (parsed.profile, parsed.needs_everybody) == ("jp-sme-coop", False)


def test_checks_that_hold_are_told_too_with_their_law() -> None:
    text = rules("jp-sme-coop", COST, LAW, EDU, USE)
    model = RuleSetModel.model_validate(read_yaml(text).document, strict=False)
    checks = profile_checks(model)
    assert all(check.holds for check in checks)
    assert {check.law.split(" ")[0] for check in checks} == {"中小企業等協同組合法"}
    assert any("1/10 of the surplus must go to fund.law" in check.en for check in checks)
    assert all(check.ja and check.where.startswith("/") for check in checks)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((COST, USE), "1/10 of the surplus must go to fund.law"),
        ((COST, LAW.replace("10%", "9.99%"), EDU, USE), "surely put 999/10000 there"),
        ((COST, LAW, EDU.replace("6%", "5%"), USE), "surely put 9/200 there"),
        ((COST, USE, LAW, EDU), "1/10 of the surplus must go to fund.law"),
        ((LAW, COST, EDU, USE), "the step 'cost' comes too late"),
        ((COST, LAW.replace("rate: 10%", "amount: 999999"), EDU, USE), "surely put 0 there"),
        ((COST, LAW.replace("10%", "10%, limit: 5"), EDU, USE), "surely put 0 there"),
        ((COST, LAW.replace("10%", "10%, until_balance: 4999"), EDU, USE), "must not stop before"),
        ((COST, LAW, EDU, USE.replace("proportional, input: trips", "equal")), "by 'equal'"),
        ((COST, LAW, EDU, CAPITAL.replace("83", "84")), "at most 83 a month"),
        ((COST, LAW, EDU, CAPITAL.replace("limit: 83, ", "")), "at most 83 a month"),
        ((COST, LAW, EDU, CAPITAL.replace("limit: 83", "limit: 1%")), "at most 83 a month"),
    ],
)
def test_a_business_cooperative_is_refused(steps: tuple[str, ...], said: str) -> None:
    found = faults(rules("jp-sme-coop", *steps))
    assert [text for _, text in found if said in text], found
    assert all("中小企業等協同組合法" in text for _, text in found)


AGAIN = CAPITAL.replace("id: cap", "id: more")


def test_all_dividends_on_capital_share_one_limit() -> None:
    halves = [step.replace("83", "41") for step in (CAPITAL, AGAIN)]
    assert parse_rules(rules("jp-sme-coop", COST, LAW, EDU, *halves, USE)).version == 1
    [(at, text)] = faults(rules("jp-sme-coop", COST, LAW, EDU, CAPITAL, AGAIN, USE))
    assert at.endswith("(/steps/4/key)")
    assert "at most 83 a month; with the steps before it 166" in text


GUARANTEE = "  - {id: g, kind: guarantee, source: p, claims: {bus: 5}}\n"


@pytest.mark.parametrize(
    ("more", "where"),
    [
        (", bounds: {floor: 1}, short_rule: cea", "/bounds/floor"),
        (", bounds: {cap: {ev: 0}}, overflow: redistribute", "/bounds/cap"),
        (", if_no_weight: equal", "/if_no_weight"),
    ],
)
@pytest.mark.parametrize(("profile", "step"), [("jp-sme-coop", USE), ("jp-worker-coop", WORK)])
def test_floors_own_caps_and_heads_are_no_patronage(
    profile: str, step: str, more: str, where: str
) -> None:
    bent = step.replace("}}\n", "}" + more + "}\n")
    [(at, text)] = faults(rules(profile, COST, LAW, JOBS, EDU, bent))
    assert at.endswith(f"(/steps/4{where})")
    assert "whatever the law's measure gives them" in text
    even = step.replace("}}\n", "}, bounds: {cap: 40%}, overflow: carry}\n")
    assert parse_rules(rules(profile, COST, LAW, JOBS, EDU, even)).profile == profile


@pytest.mark.parametrize("profile", ["jp-sme-coop", "jp-worker-coop"])
def test_a_fixed_sum_is_no_patronage(profile: str) -> None:
    [(at, text)] = faults(rules(profile, COST, LAW, JOBS, EDU, GUARANTEE))
    assert at.endswith("(/steps/4)")
    assert "pays members a fixed sum (guarantee)" in text


@pytest.mark.parametrize("step", [JOBS, EDU])
def test_only_the_statutory_reserve_may_stop_at_a_balance(step: str) -> None:
    steps = [COST, LAW.replace("10%", "10%, until_balance: 5000"), JOBS, EDU, WORK]
    assert parse_rules(rules("jp-worker-coop", *steps)).version == 1
    steps[steps.index(step)] = step.replace("6%", "6%, until_balance: 1")
    [(_, text)] = faults(rules("jp-worker-coop", *steps))
    assert "surely put 0 there" in text


AID = "pools: {p: {from: [revenue.fares], origin: member}, aid: {from: [revenue.aid]%s}, r: %s}\n"


@pytest.mark.parametrize("origin", ["", ", origin: public", ", origin: other"])
@pytest.mark.parametrize(
    ("profile", "key"),
    [("jp-sme-coop", "{kind: proportional, input: trips}"),
     ("jp-worker-coop", "{kind: proportional, input: hours}")],
)  # fmt: skip
def test_costs_by_a_key_come_from_members_money_only(profile: str, key: str, origin: str) -> None:
    pool = AID % (origin, "{from: []}")
    cost = COST.replace("source: p", "source: aid")
    assert parse_rules(rules(profile, cost, pool=pool)).profile == profile
    keyed = cost.replace("[c]", f"[c], key: {key}")
    [(_, text)] = faults(rules(profile, keyed, pool=pool))
    assert "public money (公助) never enters a dividend" in text
    assert parse_rules(rules(profile, keyed.replace("aid", "p"), pool=pool)).profile == profile


@pytest.mark.parametrize("profile", ["jp-sme-coop", "jp-worker-coop"])
@pytest.mark.parametrize("kind", ["capital", "equal"])
def test_costs_by_a_key_are_paid_by_the_laws_measure_too(profile: str, kind: str) -> None:
    [(at, _)] = faults(rules(profile, COST.replace("[c]", f"[c], key: {{kind: {kind}}}")))
    assert at.endswith("(/steps/0/key)")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_pool_fed_by_two_has_what_is_sure_of_both(order: tuple[int, int]) -> None:
    pool = AID % (", origin: public", "{from: [], origin: member}")
    feeders = (
        "  - {id: a, kind: allocate, source: aid, split: {pool.r: 1}}\n",
        LAW + EDU + "  - {id: b, kind: allocate, source: p, split: {pool.r: 1}}\n",
    )
    steps = [feeders[at] for at in order]
    found = faults(rules("jp-sme-coop", *steps, USE.replace("source: p", "source: r"), pool=pool))
    said = " ".join(text for _, text in found)
    assert "divides a pool of any origin" in said
    assert said.count("surely put 0 there") == 2


def test_a_dividend_on_capital_inside_parts_is_refused() -> None:
    parts = (
        "  - {id: s, kind: allocate, source: p, parts: ["
        "{id: u, weight: 9, key: {kind: proportional, input: trips}},"
        " {id: k, weight: 1, key: {kind: capital}}]}\n"
    )
    [(_, text)] = faults(rules("jp-sme-coop", COST, LAW, EDU, parts))
    assert "give it a step of its own" in text


def test_reserves_of_the_opening_amount_count_in_full() -> None:
    opening = EDU.replace("rate: 6%", "rate: {percent: 5%, of: opening}")
    assert parse_rules(rules("jp-sme-coop", COST, LAW, opening, USE)).version == 1
    everywhere = EDU.replace("rate: 6%", "rate: 5%, of: opening")
    assert parse_rules(rules("jp-sme-coop", COST, LAW, everywhere, USE)).version == 1


@pytest.mark.parametrize("origin", ["", ", origin: other", ", origin: public"])
@pytest.mark.parametrize("profile", ["jp-sme-coop", "jp-worker-coop"])
def test_public_and_strangers_money_is_never_divided(profile: str, origin: str) -> None:
    pool = f"pools: {{p: {{from: [revenue.fares]{origin}}}}}\n"
    found = faults(rules(profile, COST, LAW, JOBS, EDU, WORK, pool=pool))
    [text] = [text for _, text in found if "origin" in text]
    assert "public money (公助) never enters a dividend" in text


@pytest.mark.parametrize("profile", ["jp-sme-coop", "jp-worker-coop"])
def test_what_the_articles_fix_must_be_stated(profile: str) -> None:
    [(_, text)] = faults(rules(profile, COST, LAW, USE, extra=""))
    assert "articles: {reserve: fund.x" in text


@pytest.mark.parametrize("profile", ["jp-sme-coop", "jp-worker-coop"])
def test_a_ceiling_below_half_the_capital_is_refused(profile: str) -> None:
    low = ARTICLES.replace("reserve_ceiling: 5000", "reserve_ceiling: 4999")
    [(_, text)] = faults(rules(profile, COST, LAW, JOBS, EDU, WORK, extra=low))
    assert "at least half the paid capital of 10000" in text


def test_a_worker_cooperative_in_order_passes_and_divides_four_fifths_at_most() -> None:
    steps = (COST, LAW, JOBS.replace("6%", "1/18"), EDU.replace("6%", "1/17"), WORK)
    assert parse_rules(rules("jp-worker-coop", *steps)).profile == "jp-worker-coop"
    left = (1 - Fraction(1, 10)) * (1 - Fraction(1, 18)) * (1 - Fraction(1, 17))
    assert 1_000_000 * left == 800_000
    found = faults(rules("jp-worker-coop", COST, LAW, JOBS, EDU.replace("6%", "5%"), WORK))
    assert any("1/20 of the surplus must go to fund.edu" in text for _, text in found)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (CAPITAL.replace("limit: 83, ", ""), "divides by 'capital'"),
        (USE, "divides by 'proportional': members share by the work"),
        (USE.replace("proportional, input: trips", "equal"), "divides by 'equal'"),
    ],
)
def test_a_worker_cooperative_divides_by_work_only(step: str, said: str) -> None:
    [(_, text)] = faults(rules("jp-worker-coop", COST, LAW, JOBS, EDU, step))
    assert said in text


def test_a_worker_cooperative_names_both_funds() -> None:
    bare = "articles: {reserve: fund.law, reserve_ceiling: 5000, paid_capital: 1, work: [hours]}\n"
    found = faults(rules("jp-worker-coop", COST, LAW, WORK, extra=bare))
    assert {text.split("'")[1] for _, text in found} == {"employment", "education"}


def test_partners_share_by_capital_without_a_writing() -> None:
    step = "  - {id: s, kind: allocate, source: p, key: {kind: capital}}\n"
    assert not parse_rules(rules("jp-llp", step, extra="")).needs_everybody


def test_another_split_needs_a_writing_and_everybody() -> None:
    [(_, text)] = faults(rules("jp-llp", USE, extra=""))
    assert "llp: {capital_ratio, split, reason, from}" in text
    assert parse_rules(rules("jp-llp", USE, extra=WRITING)).needs_everybody


@pytest.mark.parametrize("more", ["asset: bus", "time_weighted: true"])
def test_one_asset_or_days_held_are_not_the_capital_ratio(more: str) -> None:
    step = f"  - {{id: s, kind: allocate, source: p, key: {{kind: capital, {more}}}}}\n"
    assert parse_rules(rules("jp-llp", step, extra=WRITING)).needs_everybody


BY_CAPITAL = "  - {id: s, kind: allocate, source: p, key: {kind: capital}%s}\n"
CHARGE = "  - {id: loss, kind: allocate, source: cost.c, as: charge, key: {kind: %s}}\n"


@pytest.mark.parametrize(
    ("step", "where"),
    [
        (BY_CAPITAL.replace("capital}", "capital, members: [bus]}") % "", "/steps/0/key"),
        (BY_CAPITAL % ", bounds: {cap: {ev: 0}}, overflow: error", "/steps/0/bounds"),
        (BY_CAPITAL % ", bounds: {floor: 1}, short_rule: cea", "/steps/0/bounds"),
        (BY_CAPITAL % ", if_no_weight: equal", "/steps/0/if_no_weight"),
        (CHARGE % "equal", "/steps/0/key"),
        (COST.replace("[c]", "[c], key: {kind: capital}"), "/steps/0/key"),
        ("  - {id: g, kind: guarantee, source: p, claims: {bus: 5}}\n", "/steps/0"),
    ],
)
def test_every_departure_from_the_capital_ratio_needs_the_writing(step: str, where: str) -> None:
    [(at, text)] = faults(rules("jp-llp", step, extra=""))
    assert at.endswith(f"({where})")
    assert "profit and loss by the ratio" in text
    assert parse_rules(rules("jp-llp", step, extra=WRITING)).needs_everybody


@pytest.mark.parametrize(
    "step",
    [
        COST,
        CHARGE % "capital",
        "  - {id: s, kind: allocate, source: p, split: {fund.x: 1}}\n",
        BY_CAPITAL % ", limit: 50%, if_no_weight: carry",
    ],
)
def test_costs_to_their_payers_losses_by_capital_and_splits_depart_from_nothing(step: str) -> None:
    parsed = parse_rules(rules("jp-llp", step, extra=""))
    assert not parsed.needs_everybody
    assert all(check.holds for check in legal_checks(parsed))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("from: 2026-09-01", "from: 2026-10-02", "in force from 2026-10-02"),
        ("ev: 1/2", "ev: 1/3", "add up to 5/6, not to 1"),
    ],
)
def test_a_writing_that_does_not_fit_is_refused(old: str, new: str, said: str) -> None:
    [(_, text)] = faults(rules("jp-llp", USE, extra=WRITING.replace(old, new)))
    assert said in text


@pytest.mark.parametrize("profile", ["jp-sme-coop", "jp-worker-coop"])
def test_a_dividend_is_for_all_members(profile: str) -> None:
    use = (WORK if profile == "jp-worker-coop" else USE).replace("}}", ", members: [bus]}}")
    [(at, text)] = faults(rules(profile, COST, LAW, EDU, JOBS, use))
    assert "(/steps/4/key/members)" in at
    assert "'use' divides among some members only" in text


def test_a_business_cooperatives_dividend_on_capital_is_for_all_who_paid_in() -> None:
    capital = CAPITAL.replace("kind: capital", "kind: capital, members: [bus]")
    [(at, _)] = faults(rules("jp-sme-coop", COST, LAW, EDU, capital, USE))
    assert "(/steps/3/key/members)" in at


@pytest.mark.parametrize("place", ["", "/steps/0"])
@pytest.mark.parametrize(("account", "departs"), [("bus", True), ("fund.x", False)])
def test_a_partner_that_takes_what_rounding_leaves_departs_from_capital(
    place: str, account: str, *, departs: bool
) -> None:
    rounding = f"rounding: {{half_even_residual_to: {account}}}"
    step = "  - {id: use, kind: allocate, source: p, key: {kind: capital}}\n"
    step = step.replace("}}", "}, " + rounding + "}") if place else step
    extra = "" if place else rounding + "\n"
    if not departs:
        assert not parse_rules(rules("jp-llp", step, extra=extra)).needs_everybody
        return
    [(at, _)] = faults(rules("jp-llp", step, extra=extra))
    assert f"({place}/rounding)" in at
    assert parse_rules(rules("jp-llp", step, extra=extra + WRITING)).needs_everybody
