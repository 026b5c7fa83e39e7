"""What keys on games share: finding the game, and turning the players' shares into weights.

Who does not play takes part with weight 0. Leaving out a player would be another game, so a
restriction to ``members`` must hold all of them.

Signs. A step's amounts have one sign, and weights are not negative. Shares that are all ≥ 0 are
weights as they stand. Where all are ≤ 0 (costs written as negative worths) their sizes divide a
total in the same proportions, so ``signed: true`` takes those as weights. Shares of both signs
would have one member pay while others receive in the same step; that is refused in any case, and
has to be settled outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from ledger.errors import GameIncomplete, Infeasible
from ledger.rules.inputs import Game, TableGame
from ledger.rules.keys.base import KeyModel, Source, Weights, input_place, outside_of
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.number import format_fraction
from ledger.rules.scope import Scope
from ledger.rules.shares import Shares

NAMED_MAX = 3


class GameKey(KeyModel):
    """``game`` names one of the inputs' games."""

    game: OutsideName

    def names(self) -> NamesUsed:
        """The game, and the members of the restriction."""
        return super().names() | NamesUsed(games=frozenset({self.game}))


def game_of(key: GameKey, scope: Scope) -> Game:
    """The game that the key names; raises GameIncomplete when the inputs do not have it."""
    game = scope.inputs.games.get(key.game)
    if game is None:
        raise GameIncomplete(f"the inputs hold no game {key.game!r}", game=key.game)
    return game


def worths(name: str, game: TableGame, coalitions: Iterable[int]) -> list[int]:
    """The coalitions' worths over the game's denominator, that of nobody being 0.

    Raises GameIncomplete with the number of those that are missing and the names of some.
    """
    asked = list(coalitions)
    missing = [coalition for coalition in asked if coalition and coalition not in game.values]
    if missing:
        shown = ", ".join(game.spell(coalition) for coalition in missing[:NAMED_MAX])
        more = ", …" if len(missing) > NAMED_MAX else ""
        text = f"the game {name!r} lacks the worth of {len(missing)} coalitions: {shown}{more}"
        raise GameIncomplete(text, game=name, missing=len(missing))
    return [game.values.get(coalition, 0) for coalition in asked]


def worth_sources(name: str, game: TableGame, coalitions: Iterable[int]) -> Iterator[Source]:
    """Where the inputs have the worths of these coalitions; those that they lack are left out."""
    for coalition in coalitions:
        if coalition in game.values:
            where = input_place("games", name, "values", game.spell(coalition))
            yield Source(where, Fraction(game.values[coalition], game.denominator))


def weigh_players(
    key: GameKey, players: Sequence[str], shares: Shares, scope: Scope, *, signed: bool = False
) -> Weights:
    """The shares as weights, those of other members 0.

    Raises Infeasible for shares that cannot be weights, or a restriction that leaves out a player.
    """
    outside = outside_of(key.members, scope)
    left_out = sorted(outside & set(players))
    if left_out:
        text = f"'members' leaves out {', '.join(left_out)}, who play in {key.game!r}"
        raise Infeasible(text, members=left_out)
    reduced = shares.reduced()
    sign = _sign(key, players, reduced, signed=signed)
    by_player = dict(zip(players, reduced.numerators, strict=True))
    numerators = tuple(sign * by_player.get(member, 0) for member in scope.inputs.members)
    return Weights(numerators, reduced.denominator, outside)


def _sign(key: GameKey, players: Sequence[str], shares: Shares, *, signed: bool) -> int:
    """−1 when all shares are to be turned round, else 1."""
    least, most = min(shares.numerators, default=0), max(shares.numerators, default=0)
    if least >= 0:
        return 1
    player = players[shares.numerators.index(least)]
    value = format_fraction(least, shares.denominator)
    text = f"the share of {player!r} in the game {key.game!r} is negative: {value}"
    if most > 0:
        text += ", others' are positive; a step gives amounts of one sign only"
    elif signed:
        return -1
    raise Infeasible(text, member=player, share=value)
