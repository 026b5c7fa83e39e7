"""Keys on needs and games: published divisions, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import GameIncomplete, Infeasible, UnknownField
from ledger.rules.document import names_used, parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.rules.keys import weigh
from ledger.rules.scope import Scope
from ledger.settlement.run import run
from tests.settlement.cases import inputs, one_step

BIRMINGHAM = {
    "fokker_27": (42, 65899, "4.86"),
    "viscount_800": (9555, 76725, "5.66"),
    "trident": (288, 95200, "10.30"),
    "britannia_100": (303, 97200, "10.85"),
    "caravelle": (151, 97436, "10.92"),
    "bac_111": (1315, 98142, "11.13"),
    "vanguard": (505, 102496, "13.40"),
    "comet_4b": (1128, 104849, "15.07"),
    "britannia_300": (151, 113322, "44.80"),
    "coronado": (112, 115440, "60.61"),
    "boeing_707": (22, 117676, "162.24"),
}
TVA = {
    "navigation": 163520,
    "flood": 140826,
    "power": 250096,
    "navigation+flood": 301607,
    "navigation+power": 378821,
    "flood+power": 367370,
    "navigation+flood+power": 412584,
}


def key_of(text):
    return parse_rules(one_step(f"kind: allocate, key: {text}")).steps[0].key


def scope_of(**fields):
    document = parse_inputs(inputs(**fields))
    return Scope(document, {}, tuple(range(len(document.members))))


def weights_of(text, **fields):
    scope = scope_of(**fields)
    found = weigh(key_of(text), scope)
    return {
        member: Fraction(numerator, found.denominator)
        for member, numerator in zip(scope.inputs.members, found.numerators, strict=True)
        if member not in found.outside
    }


def sources_of(text, member, **fields):
    found = key_of(text).sources(scope_of(**fields), member)
    return [(source.where, source.value) for source in found]


def table(values):
    return {"g": {"form": "table", "values": values}}


def tree(costs, at):
    """A line of nodes a, b, c, …, each behind the one before."""
    nodes = "abcdefgh"[: len(costs)]
    edges = [
        {"node": node, "parent": nodes[i - 1] if i else None, "cost": cost}
        for i, (node, cost) in enumerate(zip(nodes, costs, strict=True))
    ]
    return {"g": {"form": "tree", "edges": edges, "at": at}}


def scrb(alone, separable, total):
    return {"g": {"form": "scrb", "alone": alone, "separable": separable, "total": total}}


AIRPORT = "{kind: airport, input: need}"
SHAPLEY = "{kind: shapley, game: g}"
SCRB = "{kind: scrb, game: g}"


# --- airport -----------------------------------------------------------------------------------


def test_the_airport_of_example_b():
    """RULES.md section 6B: needs of 9,000, 16,000 and 30,000."""
    needs = {"need": {"bike": 9000, "ev": 16000, "bus": 30000}}
    assert weights_of(AIRPORT, totals=needs) == {"bus": 20500, "ev": 6500, "bike": 3000}
    assert sources_of(AIRPORT, "ev", totals=needs) == [("inputs:/totals/need/ev", 16000)]


def test_a_runway_for_four_aircraft():
    """Littlechild and Owen (1973): needs 8, 11, 13, 18 pay 2, 3, 4, 9."""
    members = ["a", "b", "c", "d"]
    needs = {"need": dict(zip(members, (8, 11, 13, 18), strict=True))}
    assert list(weights_of(AIRPORT, members=members, totals=needs).values()) == [2, 3, 4, 9]


def test_birmingham_airport():
    """Littlechild and Thompson (1977): 13,572 movements in 1968–69, fees in pounds a movement."""
    members = [f"{kind}.{i}" for kind, (count, _, _) in BIRMINGHAM.items() for i in range(count)]
    assert len(members) == 13572
    costs = {member: BIRMINGHAM[member.partition(".")[0]][1] for member in members}
    found = weights_of(AIRPORT, members=members, totals={"need": costs})
    assert sum(found.values()) == 117676
    fees = {kind: round(found[f"{kind}.0"], 2) for kind in BIRMINGHAM}
    assert fees == {kind: Fraction(fee) for kind, (_, _, fee) in BIRMINGHAM.items()}


def test_needs_may_be_fractions_and_a_restriction_leaves_others_out():
    needs = {"need": {"bus": "2.5", "ev": "1/2", "bike": 9}}
    text = "{kind: airport, input: need, members: [bus, ev]}"
    assert weights_of(text, totals=needs) == {"bus": Fraction(9, 4), "ev": Fraction(1, 4)}


def test_a_need_may_be_a_reading():
    rules = parse_rules(
        one_step(f"kind: allocate, key: {AIRPORT}", more="inputs: {need: {kpi: depth_m}}\n")
    )
    depths = {"bus": {"value": 8}, "ev": {"value": 2}, "bike": {"value": 2}}
    document = inputs(kpis={"depth_m": depths}, revenue={"fares": 24})
    assert run(rules, parse_inputs(document)).member_totals == {"bus": 20, "ev": 2, "bike": 2}


def test_a_negative_need_is_refused():
    with pytest.raises(Infeasible, match="'ev' is negative"):
        weights_of(AIRPORT, totals={"need": {"ev": -1}})


# --- shapley -----------------------------------------------------------------------------------


def test_the_glove_game():
    """Two right gloves, one left; the owner of the left one (bus) has 2/3 of the pair's worth."""
    pair = {"bus": 0, "ev": 0, "bike": 0, "ev+bike": 0}
    pair |= {"bus+ev": 1, "bike+bus": 1, "bus+ev+bike": 1}
    sixth = Fraction(1, 6)
    assert weights_of(SHAPLEY, games=table(pair)) == {"bus": 4 * sixth, "ev": sixth, "bike": sixth}
    assert sources_of(SHAPLEY, "bike", games=table(pair)) == [
        ("inputs:/games/g/values/bike", 0),
        ("inputs:/games/g/values/bus+ev+bike", 1),
    ]


def test_the_tennessee_valley_by_shapley():
    """Straffin and Heaney (1981), thousand dollars: 117,829, 100,756.5 and 193,998.5."""
    members = ["navigation", "flood", "power"]
    found = weights_of(SHAPLEY, members=members, games=table(TVA))
    assert list(found.values()) == [117829, Fraction(201513, 2), Fraction(387997, 2)]


def test_who_does_not_play_takes_part_with_nothing():
    assert weights_of(SHAPLEY, games=table({"bus": "2.5"})) == {
        "bus": Fraction(5, 2),
        "ev": 0,
        "bike": 0,
    }
    assert sources_of(SHAPLEY, "ev", games=table({"bus": 1})) == []


def test_a_tree_shares_every_edge_among_those_who_need_it():
    """RULES.md section 6B again, as a road on which bike, ev and bus live one behind the other."""
    games = tree((9000, 7000, 14000), {"bike": "a", "ev": "b", "bus": "c"})
    assert weights_of(SHAPLEY, games=games) == {"bus": 20500, "ev": 6500, "bike": 3000}
    assert sources_of(SHAPLEY, "ev", games=games) == [
        ("inputs:/games/g/edges/1/cost", 7000),
        ("inputs:/games/g/edges/0/cost", 9000),
    ]


def test_an_edge_that_nobody_needs_costs_nobody():
    games = tree(("0.5", 4, 100), {"bike": "a", "ev": "b"})
    assert weights_of(SHAPLEY, games=games) == {
        "bus": 0,
        "ev": Fraction(17, 4),
        "bike": Fraction(1, 4),
    }


@st.composite
def forests(draw):
    """Edges with costs, each behind an earlier one or none, and where each member is."""
    count = draw(st.integers(1, 6))
    parents = [draw(st.none() | st.integers(0, i - 1)) if i else None for i in range(count)]
    costs = draw(st.lists(st.integers(0, 30), min_size=count, max_size=count))
    places = draw(st.lists(st.integers(0, count - 1), min_size=3, max_size=3))
    return parents, costs, dict(zip(("bus", "ev", "bike"), places, strict=True))


@settings(max_examples=40)
@given(forests(), st.randoms(use_true_random=False))
def test_10_a_tree_is_the_shapley_value_of_its_table(forest, random):
    parents, costs, places = forest
    edges = [
        {"node": f"n{i}", "parent": None if p is None else f"n{p}", "cost": cost}
        for i, (p, cost) in enumerate(zip(parents, costs, strict=True))
    ]
    random.shuffle(edges)

    def needed(players):
        found, nodes = set(), [places[player] for player in players]
        for node in nodes:
            found.add(node)
            nodes += [] if parents[node] is None else [parents[node]]
        return sum(costs[node] for node in found)

    values = {
        "+".join(players): needed(players)
        for size in (1, 2, 3)
        for players in combinations(places, size)
    }
    at = {player: f"n{node}" for player, node in places.items()}
    as_tree = {"g": {"form": "tree", "edges": edges, "at": at}}
    assert weights_of(SHAPLEY, games=as_tree) == weights_of(SHAPLEY, games=table(values))


def test_a_missing_coalition_is_named():
    with pytest.raises(GameIncomplete, match=r"lacks the worth of 1 coalitions: bus\+ev$"):
        weights_of(SHAPLEY, games=table({"bus": 1, "ev": 1}))
    few = table({"bus": 1, "bus+ev+bike": 1})
    with pytest.raises(GameIncomplete, match=r"of 5 coalitions: bike, bike\+bus, ev, …"):
        weights_of(SHAPLEY, games=few)
    assert sources_of(SHAPLEY, "ev", games=few) == [("inputs:/games/g/values/bus+ev+bike", 1)]


def test_a_missing_game_is_named():
    for text in (SHAPLEY, SCRB):
        with pytest.raises(GameIncomplete, match="no game 'g'"):
            weights_of(text)


def test_a_game_of_the_wrong_form_is_refused():
    with pytest.raises(Infeasible, match="has the form scrb"):
        weights_of(SHAPLEY, games=scrb({}, {}, 0))
    with pytest.raises(Infeasible, match="has the form tree"):
        weights_of(SCRB, games=tree((1,), {"bus": "a"}))
    assert sources_of(SHAPLEY, "bus", games=scrb({"bus": 1}, {"bus": 1}, 1)) == []
    assert sources_of(SCRB, "bus", games=tree((1,), {"bus": "a"})) == []


def test_a_restriction_must_hold_all_players():
    games = table({"bus": 1, "ev": 2, "bus+ev": 3})
    text = "{kind: shapley, game: g, members: [%s]}"
    assert weights_of(text % "bus, ev", games=games) == {"bus": 1, "ev": 2}
    with pytest.raises(Infeasible, match="leaves out ev, who play in 'g'"):
        weights_of(text % "bus, bike", games=games)
    with pytest.raises(UnknownField):
        weights_of(text % "bus, tram", games=games)


# --- signs -------------------------------------------------------------------------------------

SIGNED = "{kind: shapley, game: g, signed: true}"
OWED = {"bus": -1, "ev": -2, "bus+ev": -5}


def test_costs_written_as_negative_worths_need_signed():
    with pytest.raises(Infeasible, match=r"'ev' in the game 'g' is negative: -3$"):
        weights_of(SHAPLEY, games=table(OWED))
    assert weights_of(SIGNED, games=table(OWED)) == {"bus": 2, "ev": 3, "bike": 0}


def test_a_positive_game_may_be_called_signed():
    games = table({"bus": 1, "ev": 2, "bus+ev": 3})
    assert weights_of(SIGNED, games=games) == weights_of(SHAPLEY, games=games)


@pytest.mark.parametrize("text", [SHAPLEY, SIGNED])
def test_shares_of_both_signs_cannot_be_settled_in_one_step(text):
    games = table({"bus": 5, "ev": -1, "bus+ev": 4})
    with pytest.raises(Infeasible, match="amounts of one sign only"):
        weights_of(text, games=games)


@pytest.mark.parametrize("total", [10, -10])
def test_signed_weights_divide_a_pool_of_either_sign(total):
    rules = parse_rules(one_step(f"kind: allocate, key: {SIGNED}"))
    result = run(rules, parse_inputs(inputs(games=table(OWED), revenue={"fares": total})))
    sign = total // 10
    assert result.member_totals == {"bus": 4 * sign, "ev": 6 * sign, "bike": 0}


# --- scrb --------------------------------------------------------------------------------------


def test_the_tennessee_valley_by_separable_costs():
    """Straffin and Heaney (1981): 117,476, 99,157 and 195,951 thousand dollars."""
    members = ["navigation", "flood", "power"]
    found = weights_of(SCRB, members=members, games=table(TVA))
    assert [round(share) for share in found.values()] == [117476, 99157, 195951]
    assert sum(found.values()) == 412584
    assert sources_of(SCRB, "flood", members=members, games=table(TVA)) == [
        ("inputs:/games/g/values/flood", 140826),
        ("inputs:/games/g/values/navigation+power", 378821),
        ("inputs:/games/g/values/navigation+flood+power", 412584),
    ]


def test_the_same_costs_in_their_own_form():
    alone = {name: TVA[name] for name in ("navigation", "flood", "power")}
    separable = {"navigation": 45214, "flood": 33763, "power": 110977}
    games, members = scrb(alone, separable, 412584), list(alone)
    found = weights_of(SCRB, members=members, games=games)
    assert found == weights_of(SCRB, members=members, games=table(TVA))
    assert sources_of(SCRB, "power", members=members, games=games) == [
        ("inputs:/games/g/alone/power", 250096),
        ("inputs:/games/g/separable/power", 110977),
        ("inputs:/games/g/total", 412584),
    ]
    assert sources_of(SCRB, "x", members=[*members, "x"], games=games) == []


def test_without_savings_the_rest_is_split_equally():
    games = scrb({"bus": 4, "ev": "1.5"}, {"bus": 4, "ev": "1.5"}, "6.5")
    assert weights_of(SCRB, games=games) == {"bus": Fraction(9, 2), "ev": 2, "bike": 0}


def test_joining_may_cost_more_than_staying_alone():
    """Savings of −1 and −3: the rest of −2 is still divided in proportion to them."""
    games = scrb({"bus": 3, "ev": 1}, {"bus": 4, "ev": 4}, 6)
    assert weights_of(SCRB, games=games) == {"bus": Fraction(7, 2), "ev": Fraction(5, 2), "bike": 0}


def test_a_table_for_scrb_lacks_only_what_is_not_needed():
    few = {name: TVA[name] for name in TVA if name != "flood+power"}
    members = ["navigation", "flood", "power"]
    with pytest.raises(GameIncomplete, match=r"of 1 coalitions: flood\+power"):
        weights_of(SCRB, members=members, games=table(few))
    assert weights_of(SCRB, games=table({"bus": 7})) == {"bus": 7, "ev": 0, "bike": 0}


def test_a_negative_share_is_refused():
    with pytest.raises(Infeasible, match="'ev' in the game 'g' is negative: -1, others"):
        weights_of(SCRB, games=scrb({"bus": 9, "ev": 0}, {"bus": 3, "ev": -2}, 5))


def test_a_game_of_nobody_weighs_nothing():
    assert set(weights_of(SCRB, games=scrb({}, {}, 0)).values()) == {0}
    assert set(weights_of(SHAPLEY, games=table({})).values()) == {0}
    assert set(weights_of(SHAPLEY, games=tree((1,), {})).values()) == {0}


# --- all of them -------------------------------------------------------------------------------


def test_names_are_told():
    text = one_step(
        f"kind: allocate, parts: [{{id: a, weight: 1, key: {AIRPORT}}},"
        f"{{id: b, weight: 1, key: {{kind: shapley, game: g, members: [bus]}}}},"
        "{id: c, weight: 1, key: {kind: scrb, game: dam}}]"
    )
    used = names_used(parse_rules(text))
    assert (used.games, used.metrics, used.members) == ({"g", "dam"}, {"need"}, {"bus"})


def test_3_order_of_members_and_spelling_of_coalitions_are_irrelevant():
    turned = {"+".join(reversed(name.split("+"))): worth for name, worth in TVA.items()}
    members = ["navigation", "flood", "power"]
    for text in (SHAPLEY, SCRB):
        before = weights_of(text, members=members, games=table(TVA))
        after = weights_of(text, members=members[::-1], games=table(dict(reversed(turned.items()))))
        assert before == after


def test_4_the_unit_of_a_game_does_not_change_what_is_paid():
    rules = parse_rules(one_step(f"kind: allocate, key: {SHAPLEY}"))
    members = ["navigation", "flood", "power"]
    totals = [
        run(
            rules,
            parse_inputs(inputs(members=members, games=table(values), revenue={"fares": 1000})),
        ).member_totals
        for values in (TVA, {name: f"{worth}/7" for name, worth in TVA.items()})
    ]
    assert totals[0] == totals[1] == {"navigation": 286, "flood": 244, "power": 470}


# --- what is paid: the invariants of RULES.md section 12 -----------------------------------------

NEEDS = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any)
DIVIDED = {
    AIRPORT: lambda needs: {"totals": {"need": dict(zip(MEMBERS, needs, strict=True))}},
    SHAPLEY: lambda needs: {"games": tree(needs, dict(zip(MEMBERS, "abc", strict=True)))},
    SCRB: lambda needs: {
        "games": scrb(
            {m: need + 10 for m, need in zip(MEMBERS, needs, strict=True)},
            dict(zip(MEMBERS, needs, strict=True)),
            sum(needs) + 15,
        )
    },
}
MEMBERS = ("bus", "ev", "bike")


@st.composite
def divisions(draw):
    """A key with its figures, and money to divide by it."""
    text = draw(st.sampled_from(sorted(DIVIDED)))
    return text, DIVIDED[text](draw(NEEDS)), draw(st.integers(1, 500))


def amounts_paid(text, fields, total, **more):
    rules = parse_rules(one_step(f"kind: allocate, key: {text}"))
    document = inputs(**fields, revenue={"fares": total}, **more)
    return run(rules, parse_inputs(document)).member_totals


@given(divisions())
def test_1_and_2_amounts_add_up_and_keep_to_the_quota(case):
    text, fields, total = case
    weights, paid = weights_of(text, **fields), amounts_paid(text, fields, total)
    assert sum(paid.values()) == total
    for member, weight in weights.items():
        exact = total * weight / sum(weights.values())
        assert exact.__floor__() <= paid[member] <= exact.__ceil__()


@given(divisions(), st.permutations(MEMBERS))
def test_3_order_of_members_is_irrelevant_to_what_is_paid(case, members):
    assert amounts_paid(*case) == amounts_paid(*case, members=members)


@given(divisions())
def test_5_and_7_no_weight_no_money_and_equal_weights_differ_by_one(case):
    text, fields, total = case
    weights, paid = weights_of(text, **fields), amounts_paid(text, fields, total)
    for member, weight in weights.items():
        assert weight or not paid[member]
        assert all(abs(paid[member] - paid[m]) <= 1 for m, w in weights.items() if w == weight)


@given(divisions())
def test_6_a_negative_total_is_the_mirror_image(case):
    text, fields, total = case
    mirrored = {m: -amount for m, amount in amounts_paid(text, fields, -total).items()}
    assert amounts_paid(text, fields, total) == mirrored
