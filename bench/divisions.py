"""Exact divisions at their largest: a game of 20 players, and bounds of 100,000 members.

No database and no clock in what is measured: worths, weights and bounds come from a fixed seed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import factorial

from bench.figure import Figure, median_seconds, seconds_of
from ledger.rules.bounds import clamp
from ledger.rules.games.table import PLAYERS_MAX, shapley
from ledger.rules.inputs import TableGame, parse_inputs
from ledger.rules.keys.games import worths

MEMBERS = 100_000
NO_DATABASE = "none"
Report = Callable[[str, int, int], None]


def divide_exactly(scale: float, report: Report) -> Iterator[Figure]:
    """Seconds for the Shapley value of a table, and for floors and caps."""
    dice = random.Random(1953)
    yield from _shapley(max(2, (int(2**PLAYERS_MAX * scale)).bit_length() - 1), dice, report)
    yield _bounds(max(int(MEMBERS * scale), 2), dice, report)


def _shapley(players: int, dice: random.Random, report: Report) -> Iterator[Figure]:
    table = [0, *(dice.randrange(10**9) for _ in range(2**players - 1))]
    report(f"Shapley value of {players} players", 0, 3)
    value = median_seconds(lambda: shapley(table))
    report("the definition", 1, 3)
    plain = seconds_of(lambda: _by_definition(table, players))
    yield Figure("shapley_table", value, "s", NO_DATABASE, "the definition, by player", plain)
    report("the inputs", 2, 3)
    text = _inputs(table, players)
    value = median_seconds(lambda: _from_inputs(text))
    reading = seconds_of(lambda: json.loads(text))
    yield Figure("shapley_inputs", value, "s", NO_DATABASE, "json.loads of the inputs", reading)


def _by_definition(table: Sequence[int], players: int) -> list[Fraction]:
    """Σ over the coalitions without a player of |S|!(n−|S|−1)!/n!·(v(S∪i) − v(S))."""
    weights = [factorial(size) * factorial(players - size - 1) for size in range(players)]
    found = []
    for player in range(players):
        bit = 1 << player
        total = sum(
            weights[coalition.bit_count()] * (table[coalition | bit] - table[coalition])
            for coalition in range(len(table))
            if not coalition & bit
        )
        found.append(Fraction(total, factorial(players)))
    return found


def _inputs(table: Sequence[int], players: int) -> bytes:
    members = [f"m{player:02}" for player in range(players)]
    names = [""]
    for member in members:
        names += [f"{name}+{member}" if name else member for name in names]
    values = dict(zip(names[1:], table[1:], strict=True))
    document = {
        "kyojo_inputs": 1,
        "period": {"start": "2026-10-01", "end": "2026-11-01"},
        "members": members,
        "games": {"g": {"form": "table", "values": values}},
    }
    return json.dumps(document).encode()


def _from_inputs(text: bytes) -> None:
    game = parse_inputs(text).games["g"]
    if not isinstance(game, TableGame):
        raise TypeError("the inputs hold a table")
    shapley(worths("g", game, range(game.everybody + 1)))


def _bounds(count: int, dice: random.Random, report: Report) -> Figure:
    report(f"bounds of {count} members", 0, 1)
    weights = [dice.randrange(1, 10**12) for _ in range(count)]
    low = [dice.randrange(1000) for _ in range(count)]
    high = [least + dice.randrange(10**6) for least in low]
    total = (sum(low) + sum(high)) // 2
    value = median_seconds(lambda: clamp(total, weights, low, high))
    rows = list(zip(weights, low, high, strict=True))
    quotients = [Fraction(bound, row[0]) for row in rows for bound in row[1:]]
    plain = median_seconds(lambda: sorted(quotients))
    return Figure("bounds", value, "s", NO_DATABASE, "bounds ÷ weights sorted as fractions", plain)
