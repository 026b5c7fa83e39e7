"""``kyojo payout result`` over time: files again, withdrawn reports, returns that were none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.service.coop import Coop
from ledger.service.office import write
from ledger.service.payout_result import Imported, import_results
from tests.cli.conftest import Kyojo
from tests.cli.test_payout import DEBTOR, in_two_weeks, opened, ordered, vote
from tests.installation import FIRMS, Place
from tests.payout.statements import Detail, Entry, statement


class Bank:
    """Writes statements of one payment: ``paid`` or ``returned``, each under a reference."""

    def __init__(self, coop: Coop, line: str, amount: int) -> None:
        self.coop, self.line, self.amount = coop, line, amount

    def says(self, **rows: str) -> Imported:
        """Import a statement with these bookings, by their references."""
        entries = [self._entry(reference, what) for reference, what in rows.items()]
        return import_results(self.coop, statement("camt.053.001.08", entries))

    def _entry(self, reference: str, what: str) -> Entry:
        given: dict[str, Any] = {"bank_reference": reference}
        if what == "paid":
            return Entry(str(self.amount), (Detail(self.line),), **given)
        back = Detail(self.line, reason="AC04")
        return Entry(str(self.amount), (back,), side="CRDT", **given)


def codes(found: Imported) -> list[str]:
    return [one["code"] for one in found.report["findings"]]


def exported(place: Place, kyojo: Kyojo, folder: Path) -> str:
    id_ = ordered(place, kyojo, {"bus": {**DEBTOR, "holder": "bus"}})
    words = ("--format", "csv", "--out", folder / "order.csv", "--pay-on", in_two_weeks(2))
    assert kyojo("payout", "export", id_, *words).code == 0
    return id_


def test_files_again_withdrawn_reports_and_returns_that_were_none(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("settled")
    id_ = exported(place, kyojo, tmp_path)
    with opened(place) as coop:
        ((line, one),) = coop.state().orders[id_].lines.items()
        bank = Bank(coop, line, one.amount_minor)

        def state() -> str:
            return coop.state().orders[id_].lines[line].state

        # A report that is withdrawn hides nothing.
        both = {"B1": "paid", "R1": "returned"}
        assert len(bank.says(**both).receipts) == 1
        assert bank.says(**both).receipts == ()
        (waiting,) = coop.state().proposals
        later = bank.says(B2="paid")
        assert (codes(later), later.receipts) == (["paid-after-return", "report-waits"], ())
        write(coop, kind="proposal-withdrawn", body={"subject_hash": waiting, "reason": "x"})
        assert len(bank.says(**both).receipts) == 1
        vote(coop, "audit")
        assert state() == "returned"
        # The same file again is known whole: its payment is no payment after the return.
        again = bank.says(**both)
        assert (codes(again), again.receipts, len(again.report["duplicates"])) == ([], (), 2)
        # What was paid all the same, or never came back, is set right while it is not ordered.
        paid = bank.says(B2="paid")
        assert (codes(paid), len(paid.receipts)) == (["paid-after-return"], 1)
        vote(coop, "audit")
        assert state() == "paid"
        assert bank.says(B2="paid").receipts == ()
        back = bank.says(R2="returned")
        assert (codes(back), len(back.receipts)) == (["return-after-paid"], 1)
        vote(coop, "audit")
    assert kyojo("payout", "propose").code == 0
    with opened(place) as coop:
        vote(coop, *FIRMS)
        late = Bank(coop, line, one.amount_minor).says(B3="paid")
        assert (codes(late), late.receipts) == (["paid-after-return", "ordered-again"], ())
        assert late.report["changes"] == []


def test_a_bank_that_pays_what_it_was_not_given_is_told(
    kyojo: Kyojo, place_of: Callable[[str], Place]
) -> None:
    place = place_of("settled")
    id_ = ordered(place, kyojo, {"bus": {**DEBTOR, "holder": "bus"}})
    with opened(place) as coop:
        ((line, one),) = coop.state().orders[id_].lines.items()
        found = Bank(coop, line, one.amount_minor).says(B1="paid")
        assert (codes(found), found.receipts) == (["no-file"], ())
