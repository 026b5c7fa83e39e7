"""The step ``citizens_fund`` and the key ``quadratic``: what goes to projects, and what stays."""

from __future__ import annotations

from collections import Counter

import pytest

from ledger.errors import Infeasible, MalformedRules
from ledger.rules.document import names_used, parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.rules.keys import weigh
from ledger.rules.rounding import Rounding
from ledger.rules.scope import Scope
from ledger.rules.steps import StepView, run_step
from ledger.settlement.result import result_document
from ledger.settlement.run import run
from tests.settlement.cases import inputs, one_step

PROJECTS = {"lamp": {"cost": 60}, "bench": {"cost": 30}, "tree": {"cost": 25}, "moon": {}}
VOTES = [
    {"voter": "c1", "approve": ["lamp", "bench"]},
    {"voter": "c2", "approve": ["lamp"]},
    {"voter": "c3", "approve": ["lamp", "tree"]},
    {"voter": "c4", "approve": ["tree"]},
    {"voter": "c5", "amounts": {"bench": 9, "moon": 25, "tree": 4}},
    {"voter": "c6", "amounts": {"bench": 9, "moon": 4}},
    {"voter": "c7", "amounts": {"bench": 4}},
    {"voter": "c7", "amounts": {"bench": 5}},
]
TOWN = {"town": {"projects": PROJECTS, "votes": VOTES}}


def ran(step, available, ballots=TOWN):
    rules = parse_rules(one_step(step))
    scope = Scope(parse_inputs(inputs(ballots=ballots)), {}, (0, 1, 2))
    view = StepView(scope, available, available, Rounding(), Counter())
    return run_step(rules.steps[0], view)


def paid(step, available, ballots=TOWN):
    """What each project gets, in the order of the ids, without those that get nothing."""
    outcome = ran(step, available, ballots)
    assert outcome.taken == sum(outcome.payees.values())
    return {account: amount for account, amount in outcome.payees.items() if amount}


FUND = "kind: citizens_fund, ballots: town"
MATCH = "kind: allocate, key: {kind: quadratic, ballots: town%s}"


def test_greedy_pays_the_most_approved_that_fit():
    step = f"{FUND}, method: greedy"
    assert paid(step, 100) == {"project.lamp": 60, "project.tree": 25}
    assert paid(step, 59) == {"project.tree": 25, "project.bench": 30}
    assert paid(f"{step}, limit: 50%", 100) == {"project.tree": 25}
    assert paid(step, -100) == {}


def test_every_project_has_its_line():
    """Also one that nobody approves, although it has no cost."""
    outcome = ran(f"{FUND}, method: greedy", 100)
    assert outcome.payees == {
        "project.bench": 0,
        "project.lamp": 60,
        "project.moon": 0,
        "project.tree": 25,
    }


def test_equal_shares_leaves_what_no_supporters_have_together():
    """Purses of 25; lamp takes 20 of three; tree's two supporters have 5 + 25 and pay 25."""
    step = f"{FUND}, method: equal_shares"
    assert paid(step, 100) == {"project.lamp": 60, "project.tree": 25}
    assert paid(f"{step}, utility: cost", 100) == paid(step, 100)
    assert paid(f"{step}, utility: cardinality", 100) == {"project.lamp": 60, "project.tree": 25}
    assert ran(step, 115).taken == 85


def test_completion_is_greedy_with_what_is_left():
    step = f"{FUND}, method: equal_shares, completion: greedy"
    assert paid(step, 115) == {"project.lamp": 60, "project.tree": 25, "project.bench": 30}
    assert paid(step, 114) == {"project.lamp": 60, "project.tree": 25}


def test_quadratic_matches_contributions():
    """M: bench 3·2·9 = 54 but costs 30, moon 2·√100 = 20, tree 0, lamp 0."""
    step = f"{FUND}, method: quadratic"
    outcome = ran(step, 100)
    assert outcome.taken == 50
    assert outcome.notes == ("the matches come to 50; 50 stays",)
    assert outcome.payees == {
        "project.bench": 30,
        "project.lamp": 0,
        "project.moon": 20,
        "project.tree": 0,
    }
    assert outcome.payee_weights["project.bench"] == 30


def test_a_short_pool_is_matched_in_proportion_and_rounded_once():
    """37 of 54 + 20: bench 27, moon 10 exactly; of 36 they have 972/37 and 360/37."""
    step = f"{FUND}, method: quadratic"
    assert paid(step, 37) == {"project.bench": 27, "project.moon": 10}
    assert paid(step, 36) == {"project.bench": 26, "project.moon": 10}
    short = ran(step, 36)
    assert short.notes == ()
    assert short.payee_weights["project.bench"] == 54
    assert short.payee_weights["project.moon"] == 20


def test_scale_up_divides_everything_that_caps_allow():
    assert paid(f"{FUND}, method: quadratic, scale_up: true", 100) == {
        "project.bench": 30,
        "project.moon": 70,
    }


def test_the_part_of_a_unit_that_roots_leave_is_not_taken():
    """M = 2·√2 ≈ 2.83 of a pool of 5: 2 are taken."""
    votes = [{"voter": "a", "amounts": {"lamp": 1}}, {"voter": "b", "amounts": {"lamp": 2}}]
    ballots = {"town": {"projects": {"lamp": {}}, "votes": votes}}
    assert paid(f"{FUND}, method: quadratic", 5, ballots) == {"project.lamp": 2}


def test_a_quadratic_key_is_the_same_function():
    for available in (100, 37, 36, 1, 0):
        assert ran(MATCH % "", available) == ran(f"{FUND}, method: quadratic", available)
    scaled = ran(MATCH % ", scale_up: true", 100)
    assert scaled == ran(f"{FUND}, method: quadratic, scale_up: true", 100)


def test_a_pool_below_zero_charges_no_project():
    assert ran(MATCH % "", -50).taken == 0


def test_nothing_given_matches_nothing():
    ballots = {"town": {"projects": PROJECTS, "votes": VOTES[:4]}}
    outcome = ran(MATCH % "", 100, ballots)
    assert (outcome.taken, set(outcome.payees.values())) == (0, {0})
    assert outcome.notes == ("the matches come to 0; 100 stays",)


def test_the_keys_weights_say_who_receives_and_how_much_is_allocated():
    key = parse_rules(one_step(MATCH % "")).steps[0].key
    scope = Scope(parse_inputs(inputs(ballots=TOWN)), {}, (0, 1, 2))
    weights = weigh(key, scope.dividing(100))
    assert weights.recipients == ("project.bench", "project.lamp", "project.moon", "project.tree")
    assert (weights.numerators, weights.denominator, weights.allocated) == ((30, 0, 20, 0), 1, 50)
    assert weights.outside == {"bus", "ev", "bike"}
    assert key.partial()
    assert key.sources(scope, "bus") == ()


@pytest.mark.parametrize("step", [f"{FUND}, method: greedy", MATCH % ""])
def test_missing_ballots_are_named(step):
    with pytest.raises(Infeasible, match="no ballots 'town'"):
        ran(step, 100, {})


def test_an_approved_project_without_a_cost_cannot_be_funded():
    votes = [{"voter": "c1", "approve": ["moon"]}]
    ballots = {"town": {"projects": PROJECTS, "votes": votes}}
    with pytest.raises(Infeasible, match="'moon' of the ballots 'town' has no cost"):
        ran(f"{FUND}, method: equal_shares", 100, ballots)


def test_names_are_told():
    text = one_step(f"{FUND}, method: greedy")
    assert names_used(parse_rules(text)).ballots == {"town"}
    assert names_used(parse_rules(one_step(MATCH % ""))).ballots == {"town"}


QUADRATIC = "{kind: quadratic, ballots: town}"


@pytest.mark.parametrize(
    ("step", "where", "message"),
    [
        (
            f"{FUND}, method: greedy, utility: cost",
            "/utility",
            "belongs to the method equal_shares",
        ),
        (f"{FUND}, method: greedy, completion: greedy", "/completion", "equal_shares, not greedy"),
        (f"{FUND}, method: equal_shares, scale_up: true", "/scale_up", "the method quadratic"),
        (f"{FUND}, method: voodoo", "/method", "but must be"),
        (MATCH % ", members: [bus]", "/key/members", "pays projects, not members"),
        (
            f"kind: allocate, parts: [{{id: a, weight: 1, key: {QUADRATIC}}}]",
            "/parts/0/key",
            "the only key",
        ),
        (f"kind: recover_cost, costs: [c], key: {QUADRATIC}", "/key", "the only key"),
    ],
)
def test_what_makes_no_sense_is_refused(step, where, message):
    with pytest.raises(MalformedRules) as caught:
        parse_rules(one_step(step))
    fault = caught.value.faults[0]
    assert f"(/steps/0{where})" in fault.where
    assert message in fault.message


# --- the whole run -----------------------------------------------------------------------------


def settled(step, available, **fields):
    rules = parse_rules(one_step(step))
    read = parse_inputs(inputs(ballots=TOWN, revenue={"fares": available}, **fields))
    return result_document(run(rules, read))


def test_projects_are_among_the_totals_and_what_stays_is_in_the_pool():
    found = settled(f"{FUND}, method: greedy", 100)
    assert found["totals"]["projects"] == {
        "project.bench": 0,
        "project.lamp": 60,
        "project.moon": 0,
        "project.tree": 25,
    }
    assert (found["totals"]["pools_left"], found["totals"]["out"]) == ({"pot": 15}, 100)
    lamp = next(line for line in found["lines"] if line["member"] == "project.lamp")
    assert (lamp["exact"], lamp["share"], lamp["amount_minor"]) == ("60", "12/17", 60)


def test_a_line_shows_the_ideal_match_as_its_weight():
    """Of 36 the bench, whose ideal match is 54 of 74, has 972/37."""
    found = settled(f"{FUND}, method: quadratic", 36)
    bench = next(line for line in found["lines"] if line["member"] == "project.bench")
    assert bench == {
        "step": "s",
        "part": None,
        "member": "project.bench",
        "weight": "54",
        "share": "27/37",
        "exact": "972/37",
        "amount_minor": 26,
    }


def test_a_matching_cap_stands_in_the_bounds():
    capped = settled(MATCH % "" + ", bounds: {cap: 15}", 100)
    assert capped["totals"]["projects"]["project.bench"] == 15
    assert capped["totals"]["projects"]["project.moon"] == 15
    shared = settled(MATCH % ", scale_up: true" + ", bounds: {cap: 60%}", 100)
    assert shared["totals"]["projects"]["project.moon"] == 60
    assert shared["totals"]["pools_left"] == {"pot": 10}


def test_what_is_not_matched_goes_where_the_step_says():
    step = MATCH % ""
    to_fund = settled(f"{step}, overflow: {{to: fund.town}}", 100)
    assert to_fund["totals"]["funds"] == {"fund.town": 50}
    assert to_fund["totals"]["projects"]["project.bench"] == 30
    carried = settled(f"{step}, overflow: carry", 100)
    assert carried["totals"]["pools_left"]["pot"] + carried["totals"]["carry"]["s"] == 100
    with pytest.raises(Infeasible, match="the matches leave 50 of 100 over"):
        settled(f"{step}, overflow: error", 100)
