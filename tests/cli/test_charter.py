"""The charter at the command line: what would change is said before anything is signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.coop.charter_draft import draft_change, parse_charter
from ledger.errors import DuplicateId, InvalidInput
from ledger.service.charter import charter_at
from ledger.service.publication import publication
from ledger.service.sign_in import Reader
from tests.builder import charter
from tests.cli.conftest import Kyojo, check_error
from tests.installation import MONTH, Place, carry

PlaceOf = Callable[[str], Place]
DAYS = {"period": {"grace_days": 3}}


def written(place: Place, document: Any) -> Path:
    path = place.root / "change.json"
    path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return path


def test_a_change_is_shown_proposed_decided_and_in_force(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place = place_of("open")
    change = written(place, DAYS)
    before = kyojo("charter", "show")
    shown = before.out.splitlines()
    assert shown[0] == f"charter {kyojo('charter', 'show', '--json').document['hash']}"
    for line in ("a record counts in the month of its end; grace days 0,",
                 "founded by ", "entries are read by ", "vocabulary 1: metrics ",
                 "  settlement-proposed by operator, member with 2/3 of member",
                 "  usage-batch by member at once"):  # fmt: skip
        assert any(one.startswith(line) for one in shown), line
    assert kyojo("charter", "propose", change, "--dry-run").out == "grace days 0 → 3\n"
    assert kyojo("status", "--json").document["proposals"] == []
    said = kyojo("charter", "propose", change, "--reason", "holidays").out.splitlines()
    assert said[0] == "grace days 0 → 3"
    assert said[1].startswith("entry ")
    assert "waits for decisions: Change the charter: grace days 0 → 3" in kyojo("status").out
    installation = place.open()
    carry(installation.coop("kaga"))
    installation.close()
    shown = kyojo("charter", "show").out
    assert "Change the charter: grace days 0 → 3\nin all: grace days 0 → 3\n" in shown
    document = kyojo("charter", "show", "--json").document
    assert document["charter"]["period"]["grace_days"] == 3
    assert [one["subject"] for one in document["changes"]] == [
        "Change the charter: grace days 0 → 3"
    ]
    check_error(kyojo("charter", "propose", change), 2, "says just this already")
    again = kyojo("charter", "propose", written(place, {"period": {"grace_days": 4}}), "--json")
    assert again.document["is_new"]


@pytest.mark.parametrize(
    "document",
    [{}, [], {"origin": "x"}, {"period": None}, {"vocabulary": {"metrics": "x"}}, {"period": {}}],
)
def test_what_cannot_be_changed_is_said_before_anything_is_signed(document: Any) -> None:
    with pytest.raises(InvalidInput):
        draft_change(charter(), json.dumps(document).encode(), reason="")


def test_a_reason_that_nobody_could_read_is_none() -> None:
    with pytest.raises(InvalidInput, match="/reason"):
        draft_change(charter(), json.dumps(DAYS).encode(), reason="a\u202eb")


@pytest.mark.parametrize("word", ["ＴＲＩＰＳ", " Fare", "ENERGY"])
def test_a_word_that_reads_like_another_is_refused(word: str) -> None:
    term = {"id": "docks", "unit": "count", "name": {"ja": "台", "en": "docks"}, "aliases": [word]}
    change = {"vocabulary": {"metrics": [term]}}
    with pytest.raises(DuplicateId, match="reads like a word for"):
        draft_change(charter(), json.dumps(change).encode(), reason="")
    term["aliases"] = ["DOCKS"]
    drafted = draft_change(charter(), json.dumps(change).encode(), reason="")
    assert drafted.words == ("new metric docks in count (台, docks, DOCKS)",)


def test_a_charter_that_a_server_sends_is_the_one_with_its_hash() -> None:
    terms = charter()
    document, digest = terms.model_dump(mode="json"), terms.hash().hex()
    assert parse_charter(document, digest=digest) == terms
    for other in ({**document, "nonce": "cd" * 32}, {**document, "nonce": 5}, {}):
        with pytest.raises(InvalidInput):
            parse_charter(other, digest=digest)


def test_a_settled_month_shows_the_quorum_by_which_it_was_approved(
    kyojo: Kyojo, place_of: PlaceOf
) -> None:
    place = place_of("settled")
    every = {"roles": ["member"], "threshold": "1/1"}
    right = {"write": ["operator"], "approve": every}
    change = written(place, {"authority": {"settlement-proposed": right}})
    assert kyojo("charter", "propose", change).code == 0
    installation = place.open()
    coop = installation.coop("kaga")
    carry(coop)
    with coop.reading() as (state, log):
        (vote,) = state.charter_changes
        assert charter_at(state, log, vote) == state.charter
        assert charter_at(state, log, vote + 1) == state.terms() != state.charter
    assert publication(coop, Reader(None), MONTH).quorum == ("2/3", ("member",))
    installation.close()
