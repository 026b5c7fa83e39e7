"""Key ``shapley``: the mean, over all orders of coming, of what a member adds.

On a ``table`` every coalition's worth is needed; on a ``tree`` every edge is shared equally by
those who need it. No sampling: the value is exact, or the key refuses. ``keys.games`` tells what
``signed`` allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from ledger.errors import Infeasible
from ledger.rules.games.table import shapley
from ledger.rules.games.tree import tree
from ledger.rules.inputs import TableGame, TreeGame
from ledger.rules.keys.base import Source, Weights, input_place
from ledger.rules.keys.games import GameKey, game_of, weigh_players, worth_sources, worths
from ledger.rules.scope import Scope
from ledger.rules.shares import Shares


class ShapleyKey(GameKey):
    """``signed`` also takes a game in which everybody's value is negative."""

    kind: Literal["shapley"]
    signed: bool = False

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """What the member is worth alone, and everybody together; or the edges that it needs."""
        game = game_of(self, scope)
        if member not in game.players:
            return ()
        if isinstance(game, TableGame):
            alone = 1 << game.players.index(member)
            return tuple(worth_sources(self.game, game, {alone: 0, game.everybody: 0}))
        return tuple(_edge_sources(self.game, game, member)) if isinstance(game, TreeGame) else ()


def weigh(key: ShapleyKey, scope: Scope) -> Weights:
    """The players' values.

    Raises GameIncomplete for a table that lacks a coalition, Infeasible for a game of form
    ``scrb`` and for values that cannot be weights.
    """
    game = game_of(key, scope)
    if isinstance(game, TableGame):
        found = shapley(worths(key.game, game, range(game.everybody + 1)))
    elif isinstance(game, TreeGame):
        found = tree(game.costs, game.parents, tuple(game.at.values()))
    else:
        text = f"the game {key.game!r} has the form scrb, which the key 'scrb' reads"
        raise Infeasible(f"{text}; a Shapley value needs a table or a tree", game=key.game)
    value = Shares(found.numerators, found.denominator * game.denominator)
    return weigh_players(key, game.players, value, scope, signed=key.signed)


def _edge_sources(name: str, game: TreeGame, member: str) -> Iterator[Source]:
    """The costs of the edges from the member's node up to the source."""
    node: int | None = game.at[member]
    while node is not None:
        where = input_place("games", name, "edges", str(game.places[node]), "cost")
        yield Source(where, Fraction(game.costs[node], game.denominator))
        node = game.parents[node]
