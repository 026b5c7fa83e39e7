"""The figures of a period: ``document`` reads them, a module a section where one is large."""

from __future__ import annotations

from ledger.rules.inputs.ballots import Ballots
from ledger.rules.inputs.document import Inputs, inputs_bytes, inputs_hash, parse_inputs
from ledger.rules.inputs.funding import Funding
from ledger.rules.inputs.games import Game, ScrbGame, TableGame, TreeGame
from ledger.rules.inputs.ids import SUSPENSE, is_date, is_member_id
from ledger.rules.inputs.kpis import TOWN
from ledger.rules.inputs.money import Revenue
from ledger.rules.inputs.reader import Quantity

__all__ = [
    "SUSPENSE",
    "TOWN",
    "Ballots",
    "Funding",
    "Game",
    "Inputs",
    "Quantity",
    "Revenue",
    "ScrbGame",
    "TableGame",
    "TreeGame",
    "inputs_bytes",
    "inputs_hash",
    "is_date",
    "is_member_id",
    "parse_inputs",
]
