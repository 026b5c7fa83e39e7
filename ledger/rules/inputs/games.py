"""Games in the inputs: ``games`` → id → ``{form, …}`` (RULES.md section 7).

- ``table``: ``values`` by coalition, ids joined by ``+`` in any order; that of nobody is 0.
- ``tree``: ``edges`` ``{node, parent, cost}``, the cost of the edge above the node; ``at`` tells
  each player's node.
- ``scrb``: ``alone`` and ``separable`` costs by player, and the ``total``.

The players of a game are the ids that occur in it. A table may lack coalitions; the key that needs
one that is missing says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.rules.games.table import PLAYERS_MAX
from ledger.rules.inputs.reader import Quantity, Reader
from ledger.rules.number import over_common_denominator
from ledger.rules.yamltext import child

EDGES_MAX = 100_000

_NODE = re.compile(r"\S{1,64}")


@dataclass(frozen=True, slots=True)
class TableGame:
    """Worths by coalition, over ``denominator``; bit i of a coalition is ``players[i]``.

    ``spelled`` tells how the inputs write the coalitions of one, of all, and of all but one.
    """

    players: tuple[str, ...]
    values: Mapping[int, int]
    denominator: int
    spelled: Mapping[int, str]

    @property
    def everybody(self) -> int:
        """The coalition of all players."""
        return (1 << len(self.players)) - 1

    def spell(self, coalition: int) -> str:
        """The coalition as the inputs write it, or its ids in order where that is not kept."""
        ids = [player for i, player in enumerate(self.players) if coalition >> i & 1]
        return self.spelled.get(coalition, "+".join(ids))


@dataclass(frozen=True, slots=True)
class TreeGame:
    """A forest, parents before children; ``costs`` over ``denominator``.

    ``places`` tells where in the list of edges each node stands, ``at`` each player's node.
    """

    nodes: tuple[str, ...]
    parents: tuple[int | None, ...]
    costs: tuple[int, ...]
    denominator: int
    places: tuple[int, ...]
    at: Mapping[str, int]

    @property
    def players(self) -> tuple[str, ...]:
        """Who is at some node."""
        return tuple(self.at)


@dataclass(frozen=True, slots=True)
class ScrbGame:
    """Alone and separable costs of the same players, and the cost of all together."""

    alone: Mapping[str, Quantity]
    separable: Mapping[str, Quantity]
    total: Quantity

    @property
    def players(self) -> tuple[str, ...]:
        """Who has costs."""
        return tuple(self.alone)


Game = TableGame | TreeGame | ScrbGame


def read_games(reader: Reader) -> dict[str, Game]:
    """All games that are well formed; the faults of the others are noted."""
    found = reader.tables("games", lambda value, pointer: _game(reader, value, pointer))
    return {name: game for name, game in found.items() if game is not None}


def _game(reader: Reader, value: Any, pointer: str) -> Game | None:
    form = value.get("form") if isinstance(value, dict) else None
    if not isinstance(form, str) or form not in _FORMS:
        reader.refuse(pointer, "shape", "a game is {form: table | tree | scrb, …}")
        return None
    fields, read = _FORMS[form]
    if value.keys() != {"form", *fields}:
        reader.refuse(pointer, "shape", f"a game of form {form} has form, {', '.join(fields)}")
        return None
    before = len(reader.faults)
    game = read(reader, value, pointer)
    return game if len(reader.faults) == before else None


def _table(reader: Reader, value: dict[str, Any], pointer: str) -> Game | None:
    pointer = f"{pointer}/values"
    table = reader.table(value["values"], pointer, reader.quantity)
    players = sorted({player for coalition in table for player in coalition.split("+")})
    if len(players) > PLAYERS_MAX:
        message = f"a table has at most {PLAYERS_MAX} players, this one {len(players)}"
        reader.refuse(pointer, "players", message)
        return None
    bits = {player: 1 << i for i, player in enumerate(players) if player in reader.members}
    coalitions: dict[int, str] = {}
    for name in table:
        coalition, fault = _coalition(name, bits)
        if fault is None and coalition in coalitions:
            fault = ("duplicate", f"the coalition stands there as {coalitions[coalition]!r} too")
        if fault is not None:
            reader.refuse(child(pointer, name), *fault)
        coalitions.setdefault(coalition, name)
    if len(coalitions) != len(table):
        return None
    numerators, denominator = over_common_denominator(table.values())
    values = dict(zip(coalitions, numerators, strict=True))
    sizes = {1, len(players) - 1, len(players)}
    spelled = {c: name for c, name in coalitions.items() if c.bit_count() in sizes}
    return TableGame(tuple(players), values, denominator, spelled)


def _coalition(name: str, bits: Mapping[str, int]) -> tuple[int, tuple[str, str] | None]:
    """The coalition's number, and what is wrong with its name.

    A sum of powers of two has as many bits as it has terms only if they all differ.
    """
    players = name.split("+")
    try:
        coalition = sum(map(bits.__getitem__, players))
    except KeyError as error:
        return 0, ("unknown-member", f"{error.args[0]!r:.80} is not one of the members")
    if coalition.bit_count() == len(players):
        return coalition, None
    twice = next(player for player in players if players.count(player) > 1)
    return 0, ("duplicate", f"{twice!r} stands twice in the coalition")


def _scrb(reader: Reader, value: dict[str, Any], pointer: str) -> Game:
    alone = reader.quantities(value["alone"], f"{pointer}/alone")
    separable = reader.quantities(value["separable"], f"{pointer}/separable")
    for player in sorted(alone.keys() ^ separable.keys()):
        missing = "separable" if player in alone else "alone"
        message = f"{player!r} has no {missing} cost; write 0 if that is meant"
        reader.refuse(f"{pointer}/{missing}", "missing", message)
    return ScrbGame(alone, separable, reader.quantity(value["total"], f"{pointer}/total"))


def _tree(reader: Reader, value: dict[str, Any], pointer: str) -> Game | None:
    edges = list(_edges(reader, value["edges"], f"{pointer}/edges"))
    known = {edge.node: edge for edge in edges}
    lost = [edge for edge in edges if edge.parent is not None and edge.parent not in known]
    for edge in lost:
        message = f"there is no node {edge.parent!r:.80}"
        reader.refuse(f"{pointer}/edges/{edge.place}/parent", "unknown-node", message)
    at = reader.per_member(
        value["at"], f"{pointer}/at", lambda node, place: _node_of(reader, node, place, known)
    )
    ordered = _parents_first(edges)
    numbers = {node: number for number, node in enumerate(ordered)}
    if lost or not _reach_a_root(reader, edges, numbers, f"{pointer}/edges"):
        return None
    costs, denominator = over_common_denominator(known[node].cost for node in ordered)
    return TreeGame(
        nodes=tuple(ordered),
        parents=tuple(_number(known[node].parent, numbers) for node in ordered),
        costs=costs,
        denominator=denominator,
        places=tuple(known[node].place for node in ordered),
        at={player: numbers[node] for player, node in at.items() if node in numbers},
    )


@dataclass(frozen=True, slots=True)
class _Edge:
    """An edge as written; ``place`` is its index in the list."""

    place: int
    node: str
    parent: str | None
    cost: Quantity


def _edges(reader: Reader, listed: Any, pointer: str) -> Iterator[_Edge]:
    if not isinstance(listed, list) or len(listed) > EDGES_MAX:
        reader.refuse(pointer, "shape", f"edges are a list of at most {EDGES_MAX}")
        return
    seen: set[str] = set()
    for place, value in enumerate(listed):
        where = f"{pointer}/{place}"
        if not isinstance(value, dict) or value.keys() != {"node", "parent", "cost"}:
            reader.refuse(where, "shape", "an edge is {node, parent, cost}")
            continue
        node, parent = value["node"], value["parent"]
        if not isinstance(node, str) or not _NODE.fullmatch(node):
            message = f"{node!r:.80} is not a name of 1 to 64 characters without spaces"
            reader.refuse(f"{where}/node", "node", message)
        elif node in seen:
            reader.refuse(f"{where}/node", "duplicate", f"the node {node!r} stands twice")
        elif parent is not None and not isinstance(parent, str):
            reader.refuse(f"{where}/parent", "node", "a parent is the name of a node, or null")
        else:
            seen.add(node)
            yield _Edge(place, node, parent, _cost(reader, value["cost"], f"{where}/cost"))


def _cost(reader: Reader, value: Any, pointer: str) -> Quantity:
    cost = reader.quantity(value, pointer)
    if cost >= 0:
        return cost
    reader.refuse(pointer, "negative", f"{value} is negative")
    return 0


def _node_of(reader: Reader, node: Any, pointer: str, known: Collection[str]) -> str:
    if isinstance(node, str) and node in known:
        return node
    reader.refuse(pointer, "unknown-node", f"there is no node {node!r:.80}")
    return ""


def _parents_first(edges: list[_Edge]) -> list[str]:
    """The nodes that lead to a root, each after its parent; in a cycle nobody does."""
    below: dict[str | None, list[str]] = {}
    for edge in edges:
        below.setdefault(edge.parent, []).append(edge.node)
    ordered = list(below.get(None, []))
    for node in ordered:
        ordered += below.get(node, [])
    return ordered


def _reach_a_root(
    reader: Reader, edges: list[_Edge], numbers: Mapping[str, int], pointer: str
) -> bool:
    """Whether every way ends at an edge without a parent; those that do not are noted."""
    circling = [edge for edge in edges if edge.node not in numbers]
    for edge in circling:
        message = f"the way from {edge.node!r} never comes to an edge without a parent"
        reader.refuse(f"{pointer}/{edge.place}", "cycle", message)
    return not circling


def _number(node: str | None, numbers: Mapping[str, int]) -> int | None:
    return None if node is None else numbers[node]


_FORMS: Mapping[
    str, tuple[tuple[str, ...], Callable[[Reader, dict[str, Any], str], Game | None]]
] = {
    "table": (("values",), _table),
    "tree": (("edges", "at"), _tree),
    "scrb": (("alone", "separable", "total"), _scrb),
}
