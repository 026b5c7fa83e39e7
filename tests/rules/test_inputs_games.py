"""Games in the inputs: what is read, and every fault at its JSON pointer."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ledger.errors import MalformedRules
from ledger.rules.inputs import ScrbGame, TreeGame, parse_inputs
from ledger.rules.inputs.games import EDGES_MAX
from tests.settlement.cases import inputs

EDGES = [
    {"node": "quay", "parent": "road", "cost": "2.5"},
    {"node": "road", "parent": None, "cost": 9000},
]


def read(game):
    return parse_inputs(inputs(games={"g": game})).games["g"]


def faults_of(game):
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(inputs(games={"g": game}))
    return [(fault.where, fault.code) for fault in caught.value.faults]


def table(**values):
    return {"form": "table", "values": {name.replace("_", "+"): v for name, v in values.items()}}


def tree(edges, **at):
    return {"form": "tree", "edges": edges, "at": at}


def scrb(alone, separable, total=12):
    return {"form": "scrb", "alone": alone, "separable": separable, "total": total}


def test_a_table_numbers_its_coalitions_by_sorted_players():
    game = read(table(ev=3, bus="1/2", bus_ev=10))
    assert game.players == ("bus", "ev")
    assert (game.values, game.denominator) == ({1: 1, 2: 6, 3: 20}, 2)
    assert game.spelled == {1: "bus", 2: "ev", 3: "bus+ev"}


def test_coalitions_are_joined_in_any_order():
    game = read(table(ev_bus=10, bus=0, ev_bike=4, bike_ev_bus=7))
    assert game.players == ("bike", "bus", "ev")
    assert game.values == {0b110: 10, 0b010: 0, 0b101: 4, 0b111: 7}
    assert game.spell(0b111) == "bike+ev+bus"
    assert game.spell(0b011) == "bike+bus"


def test_a_tree_puts_parents_first_and_keeps_the_places():
    game = read(tree(EDGES, bus="quay", ev="road"))
    assert game == TreeGame(
        nodes=("road", "quay"),
        parents=(None, 0),
        costs=(18000, 5),
        denominator=2,
        places=(1, 0),
        at={"bus": 1, "ev": 0},
    )
    assert game.players == ("bus", "ev")


def test_alone_and_separable_costs():
    game = read(scrb({"bus": "9.5"}, {"bus": 4}, "12"))
    assert game == ScrbGame({"bus": Fraction(19, 2)}, {"bus": 4}, 12)


def test_the_inputs_without_games():
    assert parse_inputs(inputs()).games == {}


@pytest.mark.parametrize(
    ("game", "fault"),
    [
        (5, ("/games/g", "shape")),
        ({"values": {}}, ("/games/g", "shape")),
        ({"form": "core", "values": {}}, ("/games/g", "shape")),
        ({"form": ["table"], "values": {}}, ("/games/g", "shape")),
        ({"form": "table"}, ("/games/g", "shape")),
        ({"form": "table", "values": {}, "more": 1}, ("/games/g", "shape")),
        ({"form": "table", "values": []}, ("/games/g/values", "shape")),
        (table(bus=1.5), ("/games/g/values/bus", "number")),
        (table(bus=1, bus_tram=2), ("/games/g/values/bus+tram", "unknown-member")),
        (table(bus_bus=2), ("/games/g/values/bus+bus", "duplicate")),
        (table(bus_ev=2, ev_bus=2), ("/games/g/values/ev+bus", "duplicate")),
        ({"form": "table", "values": {"": 0}}, ("/games/g/values/", "unknown-member")),
        (tree("road"), ("/games/g/edges", "shape")),
        (tree([0] * (EDGES_MAX + 1)), ("/games/g/edges", "shape")),
        (tree([{"node": "a"}]), ("/games/g/edges/0", "shape")),
        (tree([{"node": "a b", "parent": None, "cost": 1}]), ("/games/g/edges/0/node", "node")),
        (tree([{"node": "a", "parent": 5, "cost": 1}]), ("/games/g/edges/0/parent", "node")),
        (tree([EDGES[1], EDGES[1]]), ("/games/g/edges/1/node", "duplicate")),
        (tree([EDGES[0]]), ("/games/g/edges/0/parent", "unknown-node")),
        (tree([{**EDGES[1], "cost": -1}]), ("/games/g/edges/0/cost", "negative")),
        (tree([{**EDGES[1], "parent": "road"}]), ("/games/g/edges/0", "cycle")),
        (tree(EDGES, tram="road"), ("/games/g/at/tram", "unknown-member")),
        (tree(EDGES, bus="sea"), ("/games/g/at/bus", "unknown-node")),
        (tree(EDGES, bus=5), ("/games/g/at/bus", "unknown-node")),
        (scrb({"bus": 1}, {}), ("/games/g/separable", "missing")),
        (scrb({}, {"ev": 1}), ("/games/g/alone", "missing")),
        (scrb({"tram": 1}, {"tram": 1}), ("/games/g/alone/tram", "unknown-member")),
        (scrb({}, {}, total=None), ("/games/g/total", "number")),
    ],
)
def test_each_fault_has_its_place(game, fault):
    assert faults_of(game)[0] == fault


def test_only_what_is_wrong_is_named():
    edges = [EDGES[1], {"node": "x", "parent": "y", "cost": 1}, {**EDGES[0], "node": "y"}]
    assert faults_of(tree([*edges, {"node": "r", "parent": "r", "cost": 1}], bus="road")) == [
        ("/games/g/edges/3", "cycle")
    ]


def test_a_table_has_at_most_twenty_players():
    members = [f"m{i}" for i in range(21)]
    document = inputs(members=members, games={"g": table(**dict.fromkeys(members, 1))})
    with pytest.raises(MalformedRules, match="at most 20 players, this one 21"):
        parse_inputs(document)
