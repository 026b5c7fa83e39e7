"""A settlement is disputed, answered and amended from the command line, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ledger.service.month import settle_month
from ledger.service.submit import submit_usage
from tests.builder import authority
from tests.cli.conftest import Kyojo, check_error
from tests.cli.test_correct import own
from tests.installation import MONTH, SLUG, Place, carry, lay_out, line, prepare, usage_body
from tests.serving import serving


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The month's settlement is proposed."""
    place = lay_out(tmp_path_factory.mktemp("dispute") / "place")
    prepare(place, authority=authority(later=True))
    installation = place.open()
    coop = installation.coop(SLUG)
    for who, trips in (("bus", 413), ("ev", 291), ("bike", 137)):
        submit_usage(coop, usage_body(coop, who, line(f"{who}-1", measures={"trips": trips})))
    settle_month(coop, MONTH)
    installation.close()
    return place


@pytest.fixture(scope="module")
def url(place: Place) -> Iterator[str]:
    with serving(place) as address:
        yield address


def test_a_dispute_from_its_opening_to_another_settlement(
    kyojo: Kyojo, place: Place, url: str, tmp_path: Path
) -> None:
    def member(who: str, verb: str, *words: object) -> object:
        return kyojo("member", verb, *words, *own(place, url, who))

    evidence = tmp_path / "reader.log"
    evidence.write_text("broken")
    claim = ["--line", "share/bus", "--reason", "a reader was broken"]
    wrong = member("bus", "dispute", MONTH, *claim, "--claim", "trips")
    check_error(wrong, 2, "FIGURE=VALUE")
    none = member("bus", "dispute", "2024-06", *claim, "--claim", "totals/trips/bus=500")
    check_error(none, 8)
    assert member("bus", "disputes").out == "nothing is disputed\n"
    opened = member("bus", "dispute", MONTH, *claim, "--claim", "totals/trips/bus=500",
                    "--evidence", evidence, "--json")  # fmt: skip
    assert opened.code == 0, opened
    (found,) = member("ev", "disputes", "--json").document
    assert (found["state"], found["figures"]) == ("open", ["totals/trips/bus"])
    assert found["id"] in member("ev", "disputes").out
    installation = place.open()
    coop = installation.coop(SLUG)
    before = coop.state().period(MONTH).settlement
    waits = settle_month(coop, MONTH).waits
    assert waits is not None
    assert waits.en.startswith("the disputes by bus, which end at")
    assert "Disputed" in httpx.get(f"{url}/pages/{SLUG}").text
    assert member("ev", "answer", found["id"], "we looked", "--evidence", evidence).code == 0
    check_error(member("ev", "withdraw", found["id"], "--reason", "x"), 5, "only bus")
    for who in ("ev", "bike"):
        assert member(who, "decide", found["id"]).code == 0
    (ended,) = member("ev", "disputes", "--json").document
    assert ended["state"] == "upheld"
    settle_month(coop, MONTH)
    period = coop.state().period(MONTH)
    assert (period.status, period.settlement != before) == ("proposed", True)
    check_error(member("bus", "withdraw", found["id"], "--reason", "x"), 6, "upheld")
    carry(coop)
    assert settle_month(coop, MONTH).status == "settled"
    installation.close()
    for language, words in (("en", ("Disputes", "upheld")), ("ja", ("異議", "認容"))):
        page = httpx.get(f"{url}/pages/{SLUG}/{MONTH}?lang={language}").text
        assert all(word in page for word in words)
