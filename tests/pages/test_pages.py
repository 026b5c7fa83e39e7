"""The pages: well-formed, self-contained, in both languages, and true to the statement."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from api.pages.render import coop_page, settlement_page
from ledger.coop.charter import Charter
from ledger.errors import MalformedDocument, NotFound, NotPermitted
from ledger.paper.html import CONTENT_SECURITY_POLICY, statement_page
from ledger.paper.reasons import rounding_sentence
from ledger.paper.speech import LANGUAGES, Language, Speech, per_mille
from ledger.service.coop import Coop
from ledger.service.publication import publication
from ledger.service.read import overview
from ledger.service.settle import propose_settlement
from ledger.service.shown import Shown, shown
from ledger.service.sign_in import Reader
from ledger.service.statements import statement, statements
from ledger.settlement.shape import parse_settlement, parse_statement
from tests.builder import charter
from tests.pages.html_check import Walk
from tests.pages.month import AUDITOR, MONTH, Recording, reader, settled_month, vote

HOSTILE = "<script>alert('1')</script>\"&{{ 7 * 7 }}"


def page_of(coop: Coop, member: str, language: Language = "en") -> str:
    document = statement(coop, AUDITOR, MONTH, member)
    return statement_page(document, document["statement"]["settlement"], language)


def result_of(coop: Coop, who: Reader, language: Language = "en") -> str:
    found = publication(coop, who, MONTH)
    return settlement_page(found.settlement, found, language)


def every_page(coop: Coop, language: Language) -> dict[str, str]:
    pages = {member: page_of(coop, member, language) for member in ("bus", "suspense")}
    pages["result"] = result_of(coop, AUDITOR, language)
    pages["coop"] = coop_page(overview(coop), language, {MONTH: "periods/2026-10"})
    return pages


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_well_formed_and_need_nothing_from_outside(
    settled: Coop, language: Language
) -> None:
    for page in every_page(settled, language).values():
        walk = Walk(page)
        assert walk.languages == ["ja", "en"]
        assert not {"script", "link", "img", "iframe", "form", "object"} & set(walk.tags)
        assert len(set(walk.ids)) == len(walk.ids)
        assert not re.search(r"url\(|@import|https?://", page)
        page.encode("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_asked_for_is_shown_first_and_the_other_is_there(
    settled: Coop, language: Language
) -> None:
    for page in every_page(settled, language).values():
        assert f'<html lang="{language}">' in page
        (checked,) = re.findall(r'id="lang-(ja|en)"[^>]* checked', page)
        assert checked == language
        walk = Walk(page)
        assert re.search(r"[ぁ-ん]", walk.text("ja"))
        english = walk.text("en").replace("日本語", "")
        assert not re.search(r"[ぁ-んァ-ン一-龥]", english)


def test_the_policy_allows_exactly_the_style_of_the_pages(settled: Coop) -> None:
    from base64 import b64encode
    from hashlib import sha256

    for page in every_page(settled, "ja").values():
        (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in CONTENT_SECURITY_POLICY


def test_every_amount_of_a_statement_stands_on_its_page_with_its_inputs(settled: Coop) -> None:
    say = Speech("en", "JPY")
    for member, document in statements(settled, AUDITOR, MONTH).items():
        text = Walk(page_of(settled, member)).text("en")
        own = document["statement"]
        assert f"Your amount {say.money(own['net_minor'])}" in text
        for step in own["steps"]:
            if not step["takes_part"]:
                continue
            assert say.money(step["amount_minor"]) in text
            assert f"= {say.number(step['quotient'])}" in text
            for source in (*step["sources"], *(s for p in step["parts"] for s in p["sources"])):
                assert say.number(int(source["value"])) in text, source
        for batch in document["usage"]["batches"]:
            assert f"#{batch['index']}" in text
            assert batch["root"] in text
        for report in document["reports"]:
            assert all(f"#{index}" in text for index in report["entries"])
        assert f"entry #{document['proof']['index']}" in text


def test_the_members_usage_is_told_per_facility_with_its_entries(settled: Coop) -> None:
    document = statement(settled, AUDITOR, MONTH, "bus")
    first, second = (batch["index"] for batch in document["usage"]["batches"])
    text = Walk(page_of(settled, "bus")).text("en")
    assert f"trips: 413 Hub 1: 410 ledger entries #{first} , #{second}" in text.replace(
        f"#{first},", f"#{first} ,"
    )
    assert f"Hub 2: 3 ledger entry #{first}" in text


def test_the_limits_of_the_proof_are_printed_on_the_statement(settled: Coop) -> None:
    document = statement(settled, AUDITOR, MONTH, "bus")
    walk = Walk(page_of(settled, "bus"))
    for limit in document["statement"]["limits"]:
        assert limit["en"] in walk.text("en")
        assert limit["ja"] in walk.text("ja")


def test_dates_are_those_of_the_coop(settled: Coop) -> None:
    walk = Walk(page_of(settled, "bus"))
    assert "from 1 October 2026, 00:00 JST up to 1 November 2026, 00:00 JST" in walk.text("en")
    assert "2026年11月1日 09:00 JST" in walk.text("ja")


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        (Reader(), set()),
        (reader("bus"), {"463,663"}),
        (reader("town", "municipality"), set()),
        (AUDITOR, {"463,663", "307,257", "182,819"}),
    ],
    ids=["public", "member", "municipality", "auditor"],
)
def test_members_amounts_stand_only_where_the_reader_may_see_them(
    settled: Coop, who: Reader, seen: set[str]
) -> None:
    walk = Walk(result_of(settled, who))
    everything = {"463,663", "307,257", "182,819"}
    for language in LANGUAGES:
        assert {amount for amount in everything if amount in walk.text(language)} == seen
    for text in ("953,739 JPY", "Held in suspense (usage that names nobody)", "3,769 JPY"):
        assert text in walk.text("en")
    hidden = "Each member’s amount is open to itself" in walk.text("en")
    assert hidden == (seen != everything)


def test_the_result_shows_pool_rules_approvals_and_checkpoint(settled: Coop) -> None:
    found = publication(settled, Reader(), MONTH)
    text = Walk(result_of(settled, Reader())).text("en")
    assert [vote.member for vote in found.votes] == ["bus", "ev"]
    for expected in (
        "1,005,797 JPY",
        "revenue “fares”",
        "metered charges “fare”",
        "kaga-mobility 1",
        "kind: proportional, input: trips",
        "2/3 of: member",
        "Bus approves 1 November 2026, 09:00 JST",
        found.settlement_id,
        f"entries {found.head.size}",
        "None has been recorded yet",
    ):
        assert expected in text


def test_before_it_is_settled_the_result_is_for_members(closed: Coop) -> None:
    with pytest.raises(NotFound):
        publication(closed, AUDITOR, MONTH)
    propose_settlement(closed, MONTH)
    with pytest.raises(NotPermitted):
        publication(closed, Reader(), MONTH)
    assert "Proposed, not yet approved" in Walk(result_of(closed, reader("bus"))).text("en")
    vote(closed, "bus", "ev")
    text = Walk(result_of(closed, reader("bus"))).text("en")
    assert "Approved, not yet in effect" in text
    assert "No decision has been made" not in text


def hostile_charter() -> Charter:
    document = charter().model_dump()
    name = {"ja": HOSTILE, "en": HOSTILE}
    document["name"] = name
    for member in document["members"]:
        member["name"] = name
    for term in (*document["vocabulary"]["metrics"], *document["vocabulary"]["charges"]):
        term["name"] = name
    return Charter.model_validate(document)


def test_hostile_names_are_text_and_nothing_else(tmp_path: Any) -> None:
    coop = settled_month(tmp_path, Recording(charter=hostile_charter()))
    for page in every_page(coop, "ja").values():
        assert "<script" not in page
        walk = Walk(page)
        assert "script" not in walk.tags
        for language in LANGUAGES:
            assert HOSTILE in walk.text(language)


def test_a_hostile_rule_text_is_text(settled: Coop) -> None:
    found = publication(settled, Reader(), MONTH)
    page = settlement_page(found.settlement, replace(found, rule_text="</pre>" + HOSTILE), "ja")
    assert "<script" not in page
    assert "</pre>" + HOSTILE in Walk(page).text("ja")


def test_an_anchor_that_covers_the_settlement_is_shown(settled: Coop) -> None:
    row = {"chain_id": 31337, "contract": "0x" + "11" * 20, "size": 36, "root": "ab" * 32,
           "transaction": "cd" * 32, "block_number": 7, "block_hash": "ef" * 32}  # fmt: skip
    document = statement(settled, AUDITOR, MONTH, "bus") | {"anchors": [row]}
    page = statement_page(document, document["statement"]["settlement"], "en")
    text = Walk(page).text("en")
    assert "Final on chain 31337 , block 7" in text.replace("31337,", "31337 ,")
    assert "cd" * 32 in text


def test_a_broken_statement_is_refused_not_rendered(settled: Coop) -> None:
    document = statement(settled, AUDITOR, MONTH, "bus")
    with pytest.raises(MalformedDocument):
        statement_page(document | {"statement": {}}, document["statement"]["settlement"], "ja")


def test_the_front_page_says_how_far_the_log_is_shown(settled: Coop) -> None:
    page = coop_page(overview(settled), "en", None, shown(settled))
    size = settled.state().size
    for line in (f"Signed by the log&#39;s key: {size} entries", "no quorum of witnesses",
                 "Final on chain 31337: 0 entries"):  # fmt: skip
        assert line in page
    assert "署名済み" in coop_page(overview(settled), "ja", None, shown(settled))


@pytest.mark.parametrize(
    ("is_witnessed", "is_final", "ja", "en"),
    [
        (None, False, "証人：まだ定足数の連署なし チェーン31337：未アンカー",
         "Not witnessed by a quorum yet On chain 31337: not anchored yet"),
        (False, False, "証人：まだ定足数の連署なし チェーン31337：未アンカー",
         "Not witnessed by a quorum yet On chain 31337: not anchored yet"),
        (True, True, "証人の定足数が連署済み チェーン31337：確定",
         "Witnessed by the quorum On chain 31337: final"),
    ],
)  # fmt: skip
def test_a_result_says_how_far_its_own_entry_is_shown(
    settled: Coop, is_witnessed: bool | None, is_final: bool, ja: str, en: str
) -> None:
    context = publication(settled, AUDITOR, MONTH)
    index, (target,) = context.proposed_index, shown(settled).targets
    found = Shown(
        index + 3,
        None if is_witnessed is None else index + is_witnessed,
        (replace(target, newest=None, final_size=index + is_final),),
    )
    walk = Walk(settlement_page(context.settlement, context, "ja", found))
    for language, said in (("ja", ja), ("en", en)):
        assert said in " ".join(walk.text(language).split())


def test_the_front_page_links_to_results(settled: Coop) -> None:
    walk = Walk(coop_page(overview(settled), "en", {MONTH: "periods/2026-10"}))
    assert walk.links == ["periods/2026-10"] * 2
    assert Walk(coop_page(overview(settled), "en")).links == []
    for expected in (
        "Kaga Mobility",
        "Asia/Tokyo",
        "Hub 2",
        "48,289 JPY",
        "Settled",
        "municipality",
    ):
        assert expected in walk.text("en")


# --- words for the odd unit ----------------------------------------------------------------------


def odd_unit(settled: Coop, division: dict[str, Any], mine: dict[str, Any]) -> str:
    """The sentence for a changed division; the share step of bus is the one that is changed."""
    own = json.loads(json.dumps(statement(settled, AUDITOR, MONTH, "bus")["statement"]))
    step = own["settlement"]["steps"][2]
    step["division"] |= division
    own["steps"][1] |= mine
    shape = parse_settlement(own["settlement"]).steps[2].division
    assert shape is not None
    return rounding_sentence(Speech("en", "JPY"), parse_statement(own).steps[1], shape)


TIED = {"unserved_below": "1/100", "served_above": "99/100"}
SEQUENTIAL = {"method": "sequential", "tie_break": ["declared"]}


@pytest.mark.parametrize(
    ("division", "mine", "expected"),
    [
        ({"extra_units": 0, "cut_off": None}, {"extra": 0}, "nothing was rounded"),
        ({}, {}, "received one. So you received one."),
        ({}, {"remainder": 0, "extra": 0}, "Yours came out even"),
        ({}, {"remainder": 42599}, "those above"),
        ({}, {"remainder": 1, "extra": 0}, "received none. So you received none."),
        ({"cut_off": TIED}, {"extra": 0}, "tied for the last one"),
        ({"cut_off": TIED}, {"extra": 1}, "by the rules' order for ties you got it"),
        ({"rounding": SEQUENTIAL, "cut_off": None}, {}, "in the declared order; you got one"),
        ({"rounding": SEQUENTIAL, "cut_off": None}, {"extra": 0}, "none reached you"),
    ],
)
def test_the_rounding_says_why(
    settled: Coop, division: dict[str, Any], mine: dict[str, Any], expected: str
) -> None:
    assert expected in odd_unit(settled, division, mine)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Speech("en", "CHF", 2).money(-120_500), "−1,205.00 CHF"),
        (Speech("ja", "CHF", 2).unit(), "0.01 CHF"),
        (Speech("en", "JPY").percent(Fraction(1, 3)), "≈ 33.33 %"),
        (Speech("en", "JPY").percent(Fraction(1, 4)), "25.00 %"),
        (Speech("en", "CHF", 2).money_about(Fraction(1, 3)), "≈ 0.003333 CHF"),
        (Speech("en").fraction(Fraction(-4027, 8520)), "−4,027 ⁄ 8,520"),
        (Speech("en").quantity(Fraction(1500), "Wh"), "1,500 Wh"),
        (Speech("en", "JPY").quantity(Fraction(1, 2), "money"), "1 ⁄ 2"),
        (Speech("ja").month("2026-10"), "2026年10月"),
        (Speech("en", time_zone="Europe/Zurich").instant("2017-06-30T22:30:00.000Z"),
         "1 July 2017, 00:30 CEST"),
        (Speech("en").name({"ja": "町"}, "town"), "町"),
        (Speech("en").name(None, "town"), "town"),
    ],
)  # fmt: skip
def test_figures_are_said_exactly_or_marked(said: str, expected: str) -> None:
    assert said == expected


def test_bars_stay_within_their_frame() -> None:
    assert [per_mille(part, 3) for part in (-1, 0, 1, 3, 4)] == [0, 0, 333, 1000, 1000]
    assert per_mille(1, 0) == 0


def test_a_long_list_of_entries_is_cut_and_says_so(settled: Coop) -> None:
    document = statement(settled, AUDITOR, MONTH, "bus")
    (first, *_) = document["usage"]["batches"]
    many = [{**first, "index": index} for index in range(1000, 1031)]
    document["usage"] = {**document["usage"], "batches": many}
    walk = Walk(statement_page(document, document["statement"]["settlement"], "en"))
    assert "#1019 and 11 more" in walk.text("en")
    assert "#1019 ほか11件" in walk.text("ja")
    assert "The batches (31)" in walk.text("en")
