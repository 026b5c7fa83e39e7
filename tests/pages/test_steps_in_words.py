"""Every kind of step on the pages: what it is for, who received, and how the amount follows."""

from __future__ import annotations

import pytest

from ledger.paper.reasons import Reason, Teller
from ledger.paper.speech import Language, Speech
from ledger.paper.steps import Flow, Rules, flows
from ledger.paper.table import _rows
from ledger.rules.document import parse_rules
from ledger.settlement.shape import parse_settlement, parse_statement
from tests.settlement.cases import EVERYTHING
from tests.settlement.test_every_step import made


def told(language: Language) -> tuple[dict[str, Flow], dict[tuple[str, str], Reason]]:
    built, statements = made()
    public = parse_settlement(built.document)
    say = Speech(language, "JPY", 0, "Asia/Tokyo")
    rules = Rules(parse_rules(EVERYTHING).document)
    words = {"need": {"unit": "Wh", "en": "Demand", "ja": "需要"}}
    reasons = {}
    for member, statement in statements.items():
        own = parse_statement(statement)
        teller = Teller(say=say, rules=rules, own=own, words=words, traces={}, reports={})
        for mine, step in zip(own.steps, [s for s in public.steps if s.division], strict=True):
            assert step.division is not None
            reasons[member, mine.step] = teller.reason(mine, step, step.division)
    return {flow.pool: flow for flow in flows(say, rules, public, words)}, reasons


def test_the_waterfall_of_every_pool_and_cost() -> None:
    found, _ = told("en")
    assert set(found) == {"pot", "fees", "rest", "sun", "grid", "cost.runway"}
    cut = found["pot"].rows[3]
    assert cut.to == "fund “x”, pool “fees”, pool “rest”"
    assert cut.purpose == "Split into funds and pools at fixed rates."
    assert (found["fees"].opening, found["fees"].sources) == ("187 JPY", "step “cut”")
    assert found["rest"].rows[0].to == "project “bench”, project “lamp”"
    assert found["sun"].opening == "1,000 Wh"
    assert found["sun"].rows[0].to == "members, pool “grid”"
    charge = found["cost.runway"]
    assert (charge.sources, charge.left) == ("cost “runway”", "0 JPY")
    assert charge.rows[0].to == "paid by members"
    assert "by name" in charge.rows[0].purpose


def test_each_reason_says_how_the_amount_follows() -> None:
    _, found = told("en")
    floor = found["ev", "floor"]
    assert "an advance" in floor.purpose
    assert floor.bases[0].weight == "90"
    assert any("half of what it claims" in note for note in floor.notes)
    share = found["bus", "share"]
    assert "At least 100 JPY" in share.purpose
    assert "At most 40% for each member." in share.purpose
    assert any("pays back what you were advanced" in note for note in share.notes)
    assert found["ev", "runway"].pool.startswith("The cost “runway” came to 40 JPY; members pay")
    assert "goes to fund.x" in found["ev", "fees"].rounding
    assert found["ev", "fees"].purpose == "Divides up to 5% × “step.cut”."
    assert (
        found["ev", "energy"].pool
        == "The pool “sun” held 1,000 Wh; this step divided 700 Wh of it."
    )


@pytest.mark.parametrize("language", ["ja", "en"])
def test_nothing_is_left_unsaid_in_either_language(language: Language) -> None:
    flows_told, reasons = told(language)
    assert all(row.purpose and row.to for flow in flows_told.values() for row in flow.rows)
    assert all(reason.purpose and reason.pool and reason.rounding for reason in reasons.values())


def test_a_number_that_nobody_would_read_is_cut() -> None:
    assert Speech("en").number(-(10**5000)) == "−100000000000… (5001 digits)"
    assert Speech("ja").number(10**60) == "100000000000…(61桁)"


def test_the_table_names_claims_and_units() -> None:
    built, statements = made()
    own, public = parse_statement(statements["ev"]), parse_settlement(built.document)
    rows = {row["step"]: row for row in _rows(own, public, Speech("en", "JPY")) if not row["part"]}
    assert (rows["floor"]["weight"], rows["floor"]["weight_total"]) == ("90", "150")
    assert (rows["energy"]["amount"], rows["energy"]["amount_minor"]) == ("300 Wh", "300")
