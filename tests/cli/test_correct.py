"""Late usage from the command line to the member's verified part, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ledger.service.periods import open_period
from ledger.service.submit import submit_usage
from tests.builder import authority
from tests.cli.conftest import Kyojo, check_error
from tests.installation import (
    MONTH,
    NEXT,
    SLUG,
    Place,
    carry,
    lay_out,
    line,
    prepare,
    settle,
    usage_body,
)
from tests.serving import serving


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = lay_out(tmp_path_factory.mktemp("correct") / "place")
    prepare(place, authority=authority(later=True))
    settle(place)
    return place


@pytest.fixture(scope="module")
def url(place: Place) -> Iterator[str]:
    with serving(place) as address:
        yield address


def own(place: Place, url: str, who: str) -> list[object]:
    return ["--url", url, "--coop", SLUG, "--key", place.key_file(who),
            "--journal", place.root / "journals"]  # fmt: skip


def test_late_usage_is_corrected_and_every_member_verifies_its_part(
    kyojo: Kyojo, place: Place, url: str
) -> None:
    office = ["--config", place.config]
    check_error(kyojo("correct", *office), 6, "nothing is to be corrected")
    installation = place.open()
    coop = installation.coop(SLUG)
    submit_usage(coop, usage_body(coop, "ev", line("ev-late", measures={"trips": 59})))
    draft = kyojo("correct", "--dry-run", *office)
    assert draft.out.startswith(f"{MONTH}, posted in {NEXT}, JPY")
    assert kyojo("correct", *office).out.startswith("entry ")
    assert kyojo("correct", *office).out == "done already; nothing was written\n"
    api = f"{url}/v1/{SLUG}"
    assert httpx.get(f"{api}/corrections").json() == []  # strangers see what is posted
    carry(coop)
    (found,) = httpx.get(f"{api}/corrections").json()
    assert (found["status"], found["document"]["posted_in"]) == ("posted", NEXT)
    months = {one["id"]: one for one in httpx.get(f"{api}/periods").json()}
    assert months[MONTH]["corrected_by"] == found["id"]
    assert months[NEXT]["posted"] == [found["id"]]
    part = kyojo("member", "correction", found["id"], "ev", *own(place, url, "ev"))
    assert part.out.startswith("May 2024 Difference: ")
    assert part.out.endswith("verified against the correction\n")
    check_error(kyojo("member", "correction", found["id"], "ev", *own(place, url, "bus")), 5)
    missing = kyojo("member", "correction", "00" * 32, "ev", *own(place, url, "ev"))
    check_error(missing, 8, "no correction")
    for language, word in (("en", "Correction of"), ("ja", "分の訂正")):
        page = httpx.get(f"{url}/pages/{SLUG}/{MONTH}?lang={language}").text
        assert word in page
        assert found["id"] in page
    assert "corrected since" in httpx.get(f"{url}/pages/{SLUG}").text
    open_period(coop, "2024-07")
    installation.close()


def test_a_currency_that_the_coop_does_not_have(kyojo: Kyojo, place: Place) -> None:
    check_error(kyojo("correct", "--currency", "CHF", "--config", place.config), 6, "JPY")


def test_a_place_without_configuration(kyojo: Kyojo, tmp_path: Path) -> None:
    check_error(kyojo("correct", "--config", tmp_path / "none.toml"), 8)
