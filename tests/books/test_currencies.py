"""FOCUS of a month in francs with which a correction in yen is posted: two invoices."""

from __future__ import annotations

import csv
import io
from collections import Counter
from decimal import Decimal
from pathlib import Path

from ledger.service.books import Span
from ledger.service.books_focus import export_focus
from ledger.store.database import Database
from ledger.store.schema import upgrade
from tests.coop.currencies import CHF, JPY, LATER, earn, settle_month, two_currencies
from tests.coop.months import Row, correct, submit
from tests.coop.stages import MONTH
from tests.store.ledgers import Recording, coop_of


def test_a_correction_in_another_currency_is_an_invoice_by_itself(tmp_path: Path) -> None:
    world = two_currencies([CHF, JPY], make=Recording)
    assert isinstance(world, Recording)
    submit(world, Row(MONTH, "ev", "ev-late", 200))
    id_ = correct(world)
    earn(world, LATER, 400_00, "CHF")
    settle_month(world, LATER)
    database = Database(f"sqlite:///{tmp_path / 'kyojo.db'}")
    upgrade(database)
    coop = coop_of(database, world)
    table = export_focus(coop, Span(period=LATER)).data
    database.close()

    sums: Counter[tuple[str, str, str]] = Counter()
    for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig"))):
        key = row["BillingCurrency"], row["InvoiceId"], row["SubAccountId"]
        sums[key] -= int(100 * Decimal(row["BilledCost"]))
    settlement = str(world.state.period(LATER).settlement)
    net = world.state.period(LATER).posted[id_]
    assert sums == {
        **{("JPY", id_, firm): 100 * amount for firm, amount in net.items()},
        ("CHF", settlement, "bus"): 200_00,
        ("CHF", settlement, "ev"): 120_00,
        ("CHF", settlement, "bike"): 80_00,
    }
