"""Key ``scrb``: separable costs, remaining benefits; the formula is in ``games.scrb``.

Reads a game of form ``scrb``, or a ``table``, where c_i = v({i}), m_i = v(N) − v(N∖i) and
C(N) = v(N); a table need not have other coalitions.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from ledger.errors import Infeasible
from ledger.rules.games.scrb import scrb
from ledger.rules.inputs import ScrbGame, TableGame
from ledger.rules.keys.base import Source, Weights, input_place
from ledger.rules.keys.games import GameKey, game_of, weigh_players, worth_sources, worths
from ledger.rules.number import over_common_denominator
from ledger.rules.scope import Scope
from ledger.rules.shares import Shares


class ScrbKey(GameKey):
    """Shares of the cost of all together."""

    kind: Literal["scrb"]

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The member's alone and separable costs and the total, or the worths they follow from."""
        game = game_of(self, scope)
        if member not in game.players:
            return ()
        if isinstance(game, TableGame):
            alone = 1 << game.players.index(member)
            wanted = dict.fromkeys((alone, game.everybody & ~alone, game.everybody))
            return tuple(worth_sources(self.game, game, wanted))
        if not isinstance(game, ScrbGame):
            return ()
        place = ("games", self.game)
        return (
            Source(input_place(*place, "alone", member), Fraction(game.alone[member])),
            Source(input_place(*place, "separable", member), Fraction(game.separable[member])),
            Source(input_place(*place, "total"), Fraction(game.total)),
        )


def weigh(key: ScrbKey, scope: Scope) -> Weights:
    """The players' shares.

    Raises GameIncomplete for a table without the coalitions named above, Infeasible for a game of
    form ``tree`` and for shares that cannot be weights.
    """
    game = game_of(key, scope)
    if isinstance(game, TableGame):
        found, denominator = _of_table(key.game, game), game.denominator
    elif isinstance(game, ScrbGame):
        found, denominator = _of_costs(game)
    else:
        text = f"the game {key.game!r} has the form tree, which the key 'shapley' reads"
        raise Infeasible(f"{text}; scrb needs the form scrb or a table", game=key.game)
    shares = Shares(found.numerators, found.denominator * denominator)
    return weigh_players(key, game.players, shares, scope)


def _of_table(name: str, game: TableGame) -> Shares:
    """Both costs of every player, from the worths of one, of all but one, and of all."""
    alone = [1 << index for index in range(len(game.players))]
    wanted = [*alone, *(game.everybody & ~one for one in alone), game.everybody]
    found = worths(name, game, wanted)
    count, total = len(alone), found[-1]
    return scrb(found[:count], [total - others for others in found[count:-1]], total)


def _of_costs(game: ScrbGame) -> tuple[Shares, int]:
    """The costs as integers over one denominator."""
    costs = (*game.alone.values(), *(game.separable[p] for p in game.players), game.total)
    whole, denominator = over_common_denominator(costs)
    count = len(game.players)
    return scrb(whole[:count], whole[count:-1], whole[-1]), denominator
