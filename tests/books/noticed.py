"""A co-op whose orders carry their documents: a world that writes, and a database that follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ledger.coop.corrections import Computed, compute_correction
from ledger.coop.envelope import parse_envelope
from ledger.coop.payouts import derive_order
from ledger.coop.state import State
from ledger.service.coop import Coop, Office
from ledger.service.notice_terms import NoticeTerms, notice_terms
from ledger.service.payout_notice import seal_notices
from ledger.settlement.result import all_lines
from ledger.store.database import Database
from ledger.store.schema import upgrade
from tests.builder import RULES, authority, blob_ref, charter, signing_key
from tests.coop.months import LEANING, Row, correct, open_month, revenue, settle, submit
from tests.coop.payments import report
from tests.coop.payout_bodies import order_body, set_destination
from tests.coop.stages import SEED
from tests.store.ledgers import Ledger, Recording, open_ledger, sequencer_of

FIRMS = ("bus", "ev", "bike")
# What members bore is repaid at one rate, what they share is taxed at another.
TAXED = LEANING.replace("kind: allocate\n", "kind: allocate\n    tax: taxable_sale\n")
# The ev is charged the cost that others bore; what all share is taxed.
CHARGED = (
    RULES[: RULES.index("steps:")]
    + """steps:
  - {id: use, kind: allocate, source: cost.platform, as: charge,
     key: {kind: fixed, weights: {ev: 1}}}
  - {id: share, kind: allocate, source: gross, tax: taxable_sale,
     key: {kind: proportional, input: trips}}
"""
)
BUS = {
    "id": "bus",
    "name": "丸の内交通株式会社",
    "form": "corporation",
    "registration": {"number": "T5020001072478", "since": "2023-10-01", "until": None},
}
EV = {
    "id": "ev",
    "name": "加賀充電株式会社",
    "form": "corporation",
    "registration": {"number": "T7000012050002", "since": "2026-11-01", "until": None},
}
TERMS = {
    "kyojo_notice_terms": 1,
    "buyer": {"id": "kaga", "name": "加賀モビリティ共助", "form": "corporation"},
    "sellers": {"bus": BUS, "ev": EV},
    "rates": {"taxable_sale": {"rate": "10%"}, "none": {"rate": "8%", "is_reduced": True}},
}  # fmt: skip


@dataclass
class Noticed:
    """The world, the database behind it, and what each correction changed step by step.

    ``waiting`` is the state in which the newest order waits for its votes.
    """

    world: Recording
    ledger: Ledger
    coop: Coop
    orders: list[str] = field(default_factory=list)
    computed: list[Computed] = field(default_factory=list)
    waiting: State | None = None

    def order(self, terms: NoticeTerms | None) -> str:
        """Order what is due, with its documents; answers with the order's hash."""
        world = self.world
        self.ledger.follow()
        body, blobs = order_body(world)
        if terms is not None:
            sealed = seal_notices(self.coop, derive_order(world.state, "JPY", "bank", world.now),
                                  terms)  # fmt: skip
            body, blobs = {**body, "notices": blob_ref(sealed)}, (*blobs, sealed)
        world.write("office", "payout-ordered", body, *blobs)
        self.waiting = world.state
        world.carry("bus", "ev")
        self.ledger.follow()
        self.orders.append(next(reversed(world.state.orders)))
        return self.orders[-1]

    def correct(self) -> str:
        """Correct what is late, keeping what the live state says of it."""
        self.computed.append(compute_correction(self.world.state, "JPY", self.world, SEED))
        return correct(self.world)

    def changed(self, at: int, member: str, month: str) -> dict[str, int]:
        """By how much a correction changed each step of a member's month."""
        rerun = next(one for one in self.computed[at].reruns if one.period == month)
        found: Counter[str] = Counter()
        for sign, result in ((-1, rerun.before), (1, rerun.after)):
            for line in all_lines(result):
                if line.member == member and line.part is None:
                    found[line.step] += sign * (line.amount_minor or 0)
        return {step: amount for step, amount in found.items() if amount}


def open_noticed(database: Database, rules: str = TAXED) -> Noticed:
    """October settled, nothing ordered."""
    upgrade(database)
    world = Recording(charter=charter(authority=authority(later=True)), rules=rules)
    world.prepare()
    settle(world, "2026-10")
    for firm in FIRMS:
        set_destination(world, firm)
    ledger = open_ledger(database, world)

    def clock() -> str:
        return parse_envelope(world.entries[ledger.size()]).received_at

    ledger.sequencer = sequencer_of(database, ledger.log, clock=clock)
    office = Office(signing_key("office"), bytes(32))
    coop = Coop(ledger.log, database, ledger.sequencer, lambda: world.now, bytes, office)
    return Noticed(world, ledger, coop)


def fill_charged(noticed: Noticed) -> None:
    """A correction of October, and November settled; nothing is ordered."""
    world = noticed.world
    open_month(world, "2026-11")
    revenue(world, "2026-11", 400_000)
    for firm in FIRMS:
        submit(world, Row("2026-11", firm, f"{firm}-nov", 50))
    submit(world, Row("2026-10", "ev", "ev-late", 100))
    noticed.correct()
    settle(world, "2026-11")


def fill_kept_back(noticed: Noticed) -> None:
    """October is corrected before it is paid, and once more after, both in November."""
    world, said = noticed.world, notice_terms(TERMS)
    open_month(world, "2026-11")
    revenue(world, "2026-11", 400_000)
    for number, (firm, trips) in enumerate((("bus", 50), ("ev", 80), ("bike", 20))):
        submit(world, Row("2026-11", firm, f"{firm}-{number}", trips))
    submit(world, Row("2026-10", "ev", "ev-late", 100, fare=9_000))
    noticed.correct()
    noticed.order(said)
    submit(world, Row("2026-10", "bike", "bike-late", 200, fare=40_000))
    noticed.correct()
    settle(world, "2026-11")
    noticed.order(said)


def fill_noticed(noticed: Noticed, terms: dict[str, Any] | None = None) -> None:
    """Three months, two corrections of October, an order after each month; one line comes back.

    The last order was proposed without terms.
    """
    world, said = noticed.world, notice_terms(terms or TERMS)
    first = noticed.order(said)
    lines = {one.member: id_ for id_, one in world.state.orders[first].lines.items()}
    report(world, {lines["bus"]: "paid", lines["ev"]: "paid", lines["bike"]: "returned"})
    open_month(world, "2026-11")
    revenue(world, "2026-11", 400_000)
    for number, (firm, trips) in enumerate((("bus", 50), ("ev", 80), ("bike", 20))):
        submit(world, Row("2026-11", firm, f"{firm}-{number}", trips))
    submit(world, Row("2026-10", "ev", "ev-late", 100, fare=9_000))
    noticed.correct()
    settle(world, "2026-11")
    noticed.order(said)
    open_month(world, "2026-12")
    revenue(world, "2026-12", 300_000)
    submit(world, Row("2026-12", "bus", "bus-dec", 30))
    submit(world, Row("2026-12", "ev", "ev-dec", 30))
    submit(world, Row("2026-10", "bike", "bike-late", 200, fare=40_000))
    noticed.correct()
    settle(world, "2026-12")
    noticed.order(None)
