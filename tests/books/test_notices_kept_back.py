"""A correction that is posted before its month is paid gives back what was stated, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from ledger.coop.state import PayoutOrder
from ledger.payout.invoice import Item, Kind
from ledger.payout.parties import Words
from ledger.payout.returns import Original, Return
from ledger.service.notice_maker import Coverage
from ledger.service.notice_stated import REST, Part, Stated
from ledger.service.payout_notice import notices
from ledger.settlement.result import all_lines
from ledger.store.database import Database
from tests.books.noticed import FIRMS, Noticed, fill_kept_back, open_noticed

OCTOBER = "2026-10-31"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Noticed]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'kyojo.db'}")
    found = open_noticed(database)
    fill_kept_back(found)
    yield found
    database.close()


def documents(kept: Noticed, member: str) -> list[dict[str, Any]]:
    found = [notices(kept.coop, order).found for order in kept.orders]
    return [dict(one.document) for some in found for one in some if one.member == member]


def of_october(document: dict[str, Any], rate: str) -> int:
    """What a document states of October at a rate, less what it gives back."""
    total = 0
    for sign, rows in ((1, document["items"]), (-1, document.get("returns", []))):
        for row in rows:
            if (row["day"], row["rate"]) == (OCTOBER, rate):
                total += sign * row["amount_minor"]
    return total


def corrected(kept: Noticed, member: str) -> dict[str, int]:
    """October as the last correction's run has it, by step."""
    rerun = next(one for one in kept.computed[-1].reruns if one.period == "2026-10")
    found: dict[str, int] = {}
    for line in all_lines(rerun.after):
        if line.member == member and line.part is None and line.amount_minor:
            found[line.step] = found.get(line.step, 0) + line.amount_minor
    return found


def test_what_a_posted_correction_keeps_back_stands_below_the_full_supplies(kept: Noticed):
    """To the yen: 439,640 at 10 % contain 39,967; of that 30,010 with 2,728 are kept back."""
    first, second = documents(kept, "bus")
    assert {row["rate"]: (row["taxable_minor"], row["tax_minor"]) for row in first["rates"]} == {
        "10%": (439_640, 39_967), "8%": (22_500, 1_666),
    }  # fmt: skip
    assert "returns" not in first
    assert [row["amount_minor"] for row in first["adjustments"]] == [-29_807]
    assert first["payable_minor"] == 462_140 - 29_807
    # Kept back then, given back now: taken off once.
    assert [row["amount_minor"] for row in second["adjustments"]] == [29_807]
    row = next(one for one in second["returns"]
               if one["correction"] == kept.computed[0].id.hex())  # fmt: skip
    assert (row["rate"], row["amount_minor"]) == ("10%", 30_010)
    assert row["original"] == {"number": first["number"], "issued_on": first["issued_on"]}
    assert 439_640 * 10 // 110 - 30_010 * 10 // 110 == (439_640 - 30_010) * 10 // 110


def test_all_documents_together_state_the_corrected_supply_and_its_tax(kept: Noticed):
    """One correction posted before the payment, one after; each has another member that gains."""
    bus = documents(kept, "bus")
    steps = corrected(kept, "bus")
    for rate, step, part in (("10%", "share", (10, 110)), ("8%", "opex", (8, 108))):
        assert sum(of_october(one, rate) for one in bus) == steps[step]
        stated = sum(row["tax_minor"] for one in bus for row in one["rates"]
                     if row["rate"] == rate)  # fmt: skip
        back = sum(row["tax_minor"] for row in bus[1]["return_rates"] if row["rate"] == rate)
        amounts = [sum(item["amount_minor"] for item in one["items"] if item["rate"] == rate)
                   for one in bus]  # fmt: skip
        returned = sum(one["amount_minor"] for one in bus[1]["returns"] if one["rate"] == rate)
        expected = sum(each * part[0] // part[1] for each in amounts)
        assert stated - back == expected - returned * part[0] // part[1]
        # Each of three roundings leaves less than a yen.
        assert abs((sum(amounts) - returned) * part[0] - (stated - back) * part[1]) < 3 * part[1]
    assert len({one["correction"] for one in bus[1]["returns"]}) == 2


@pytest.mark.parametrize("member", FIRMS)
def test_nobody_is_paid_less_or_more_than_the_corrected_supplies(kept: Noticed, member: str):
    found = documents(kept, member)
    assert [one["payable_minor"] for one in found] == [
        line.amount_minor
        for order in kept.orders
        for line in kept.world.state.orders[order].lines.values()
        if line.member == member
    ]
    assert sum(row["amount_minor"] for one in found for row in one["adjustments"]) == 0
    october = sum(
        row["amount_minor"] for one in found for row in one["items"] if row["day"] == OCTOBER
    ) - sum(row["amount_minor"] for row in found[1].get("returns", []))
    assert october == sum(corrected(kept, member).values())
    for row in found[1].get("returns", []):
        assert row["original"]["number"] == found[0]["number"]


def test_the_documents_of_an_order_that_waits_count_too(kept: Noticed):
    """They may be read already, so no other document states the same months."""
    assert kept.waiting is not None
    approved = kept.world.state
    later = PayoutOrder("2026-12", "JPY", "bank", approved.size, {})
    with kept.coop.reading() as (_, log):
        waiting, after = (
            [(order.index, *rest) for order, *rest in Coverage(state, log).before(later, "bus")]
            for state in (kept.waiting, approved)
        )
    assert waiting == after
    assert [index for index, *_ in waiting] == [approved.orders[id_].index for id_ in kept.orders]


# --- what stands on documents -----------------------------------------------------------------

WORDS = Words(ja="分配", en="share")
FIRST = Original(number="1", issued_on="2026-11-01")
SECOND = Original(number="2", issued_on="2026-12-01")


def item(id_: str, rate: str | None, amount_minor: int) -> Item:
    return Item(id=id_, day=OCTOBER, label=WORDS, rate=rate, amount_minor=amount_minor)


def back(rate: str | None, amount_minor: int) -> Return:
    return Return(id="c/2026-10/10%", day=OCTOBER, returned_on="2026-11-30", label=WORDS,
                  rate=rate, amount_minor=amount_minor)  # fmt: skip


def test_no_more_is_given_back_than_stands_on_documents():
    stated = Stated()
    stated.add("self-billed", [item("2026-10/share", "10%", 1_000)], (), FIRST)
    stated.add("self-billed", [item(REST, None, 9_000)], [back("10%", 300)], SECOND)
    assert list(stated.take(OCTOBER, "10%", 500)) == [Part("10%", 500, FIRST)]
    assert list(stated.take(OCTOBER, "10%", 500)) == [Part("10%", 200, FIRST)]
    assert list(stated.take(OCTOBER, "10%", 500)) == []


@pytest.mark.parametrize(("kind", "rate"), [("payment-notice", None), ("self-billed", "10%")])
def test_tax_is_given_back_only_as_far_as_a_document_stated_it(kind: Kind, rate: str | None):
    """A notice stated none, whatever the rate of its items."""
    stated = Stated()
    stated.add(kind, [item("2026-10/share", "10%", 700)], (), FIRST)
    stated.add("self-billed", [item("c/2026-10/10%", "10%", 200)], (), SECOND)
    parts = list(stated.take(OCTOBER, "10%", 900))
    assert parts == (
        [Part("10%", 900, FIRST)] if rate else [Part("10%", 200, SECOND), Part(None, 700, FIRST)]
    )


def test_what_stands_on_the_same_document_names_no_other():
    stated = Stated()
    stated.add("self-billed", [item("2026-10/share", "10%", 700)])
    assert list(stated.take(OCTOBER, "10%", 700)) == [Part("10%", 700, None)]
    assert list(stated.take(date(2026, 11, 30).isoformat(), "10%", 1)) == []
