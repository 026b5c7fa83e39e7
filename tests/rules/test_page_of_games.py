"""The figures in docs/games-and-ballots.md are inputs that are read as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ledger.rules.inputs import ScrbGame, TableGame, TreeGame, parse_inputs
from tests.settlement.cases import inputs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "games-and-ballots.md"


def test_the_examples_of_the_page_are_read():
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    games, ballots = (parse_inputs(inputs(**json.loads(block))) for block in blocks)
    kinds = {name: type(game) for name, game in games.games.items()}
    assert kinds == {"dams": TableGame, "road": TreeGame, "quay": ScrbGame}
    assert ballots.ballots["town"].contributions == {"bench": (400,), "lamp": ()}
