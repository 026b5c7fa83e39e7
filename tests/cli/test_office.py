"""The office's commands: text and JSON, and an exit code for every kind of failure."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.identity.signature import SigningKey
from ledger.service.submit import submit_usage
from tests.builder import ORIGIN, charter
from tests.cli.conftest import Kyojo, check_error
from tests.installation import MEMBERS, MONTH, NEXT, Place, carry, charter_of, line, usage_body

PlaceOf = Callable[[str], Place]


def approve(place: Place) -> None:
    installation = place.open()
    carry(installation.coop("kaga"))
    installation.close()


def submit_usages(place: Place) -> None:
    installation = place.open()
    coop = installation.coop("kaga")
    for who, trips in (("bus", 413), ("ev", 291), ("bike", 137)):
        submit_usage(coop, usage_body(coop, who, line(f"{who}-1", measures={"trips": trips})))
    installation.close()


def test_a_month_without_usage_has_no_answer(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place_of("open")
    kyojo("closing", MONTH)
    check_error(kyojo("close", MONTH), 3, "[no-weights]")


def test_a_month_from_its_opening_to_its_settlement(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place = place_of("open")
    check_error(kyojo("close", MONTH), 6, "begin its closing first")
    check_error(kyojo("draft", MONTH), 6, "[period-closed]")
    submit_usages(place)
    assert kyojo("closing", MONTH).out.startswith("entry ")
    assert kyojo("closing", MONTH).out == "done already; nothing was written\n"
    assert kyojo("close", MONTH, "--json").document.keys() == {"index", "size", "is_new"}
    assert kyojo("close", MONTH, "--json").document is None
    draft = kyojo("draft", MONTH)
    assert draft.out.startswith(f"{MONTH}, JPY")
    document = kyojo("draft", MONTH, "--json").document
    assert document["kyojo_settlement"] == 1
    check_error(kyojo("settle", MONTH), 6, MONTH)
    assert kyojo("propose", MONTH).code == 0
    assert "waits for decisions: Settlement" in kyojo("status").out
    check_error(kyojo("settle", MONTH), 5, "[quorum-missing]")
    approve(place)
    assert kyojo("settle", MONTH).code == 0
    assert kyojo("settle", MONTH).out == "done already; nothing was written\n"
    assert kyojo("status", "--json").document["periods"] == {MONTH: "settled"}


def test_status_is_for_people_and_for_programs(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place_of("settled")
    document = kyojo("status", "--json").document
    assert document["periods"] == {MONTH: "settled", NEXT: "open"}
    (target,) = document["anchors"]
    assert (target["newest"], target["final_size"], target["due"]) == (None, 0, True)
    text = kyojo("status").out
    for part in (f"{ORIGIN}, {document['size']} entries", f"{MONTH}: settled", f"{NEXT}: open",
                 "not anchored yet", document["state_hash"]):  # fmt: skip
        assert part in text
    assert not set("{}[]'") & set(text)


def test_anchoring_shows_in_the_status(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place_of("settled")
    anchored = kyojo("anchor", "--json").document
    size = anchored["size"]
    assert f"size {size} is final; final up to {size}" in kyojo("status").out


def test_rebuilding_arrives_at_the_same_state(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place_of("settled")
    before = kyojo("status", "--json").document
    rebuilt = kyojo("rebuild", "--json").document
    assert (rebuilt["size"], rebuilt["state_hash"]) == (before["size"], before["state_hash"])
    assert "as before" in kyojo("rebuild").out
    assert kyojo("status", "--json").document == before


def test_founding(kyojo: Kyojo, place_of: PlaceOf, tmp_path: Path) -> None:
    place = place_of("empty")
    terms = tmp_path / "charter.json"
    terms.write_text(charter_of(place).model_dump_json())
    keys = [part for who in MEMBERS for part in ("--key", place.key_file(who))]
    assert "0 entries" in kyojo("status").out
    check_error(kyojo("found", tmp_path / "none.json", *keys), 8, "none.json")
    check_error(kyojo("found", place.config, *keys), 2, "not JSON")
    assert kyojo("found", terms, *keys[:2]).code in {2, 3, 5}
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({**charter().model_dump(mode="json"), "time_zone": 7, "more": 1}))
    check_error(kyojo("found", bad, *keys), 2, "/time_zone", "/more")
    assert kyojo("found", terms, *keys, "--json").document["index"] == 0
    assert kyojo("status").code == 0


def test_keys_are_new_files_for_their_owner_only(kyojo: Kyojo, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "mine.key"
    public = kyojo("key", path, "--json").document["public"]
    assert SigningKey.from_hex(path.read_text()).address == public
    assert path.stat().st_mode & 0o077 == 0
    check_error(kyojo("key", path), 2, "never overwritten")
    log = kyojo("key", tmp_path / "log.key", "--log", ORIGIN).out.strip()
    assert log.startswith(ORIGIN + "+")
    check_error(kyojo("key", "/dev/null/x.key"), 2, "/dev/null")
    assert path.read_text().strip() not in kyojo("key", tmp_path / "other.key").out


def test_the_authority_table(kyojo: Kyojo) -> None:
    rows = kyojo("authority", "--json").document
    text = kyojo("authority").out
    assert all(row["kind"] in text for row in rows)
    assert {"charter", "decision", "usage-batch"} <= {row["kind"] for row in rows} | {"charter"}


@pytest.mark.parametrize("month", ["99", "2024-13", "May", "2024-05-01", ""])
def test_months_that_are_none(kyojo: Kyojo, place_of: PlaceOf, month: str) -> None:
    place_of("open")
    check_error(kyojo("open", month), 2, "is not a month like 2026-10")


def test_months_and_co_ops_that_are_not_there(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place_of("open")
    for verb in ("closing", "close", "propose", "settle", "draft"):
        check_error(kyojo(verb, "2031-01"), 8, "2031-01")
    check_error(kyojo("status", "--coop", "noto"), 8, "kaga")


# The configuration.


def test_a_configuration_that_is_not_there(kyojo: Kyojo, tmp_path: Path) -> None:
    for arguments in (("status",), ("serve",), ("anchor",), ("audit", "export", "--out", "x")):
        ran = kyojo(*arguments, "--config", tmp_path / "none.toml")
        check_error(ran, 8, "none.toml", "KYOJO_CONFIG")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nprot = 8000\n", ("/server/prot",)),
        ('[server]\nport = "8000"\n', ("/server/port",)),
        ("[server]\nport = 70000\n", ("/server/port",)),
        ("[serverr]\n", ("/serverr",)),
        ('[coops.Kaga]\norigin = "x"\nlog_key = "x"\n', ("Kaga",)),
        ("[coops.kaga]\n", ("/coops/kaga/origin", "/coops/kaga/log_key")),
        ("[server\n", ("not TOML",)),
        ('[database]\nurl = "nonsense"\n', ("sqlite:///FILE",)),
        ('[database]\nurl = "oracle://x/y"\n', ("sqlite:///FILE",)),
        ("", ("--coop",)),
    ],
)
def test_a_configuration_that_is_wrong(
    kyojo: Kyojo, tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "kyojo.toml"
    path.write_text(text)
    ran = kyojo("status", "--config", path)
    check_error(ran, 8 if text == "" else 2, *words)


def test_a_key_file_that_is_missing_or_something_else(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place = place_of("open")
    good = place.key_file("log").read_text()
    for data, code in (("nonsense\n", 2), ("", 2), (good + good, 2)):
        place.key_file("log").write_text(data)
        check_error(kyojo("status"), code)
    place.key_file("log").unlink()
    check_error(kyojo("status"), 8, "log.key")


def test_a_database_that_cannot_be_used(
    kyojo: Kyojo, place_of: PlaceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of("open")
    (place.root / "noise.db").write_bytes(b"noise " * 1000)
    for url, words in (
        (f"sqlite:///{place.root}/noise.db", "not a database"),
        ("sqlite:////nonexistent/x.db", "unable to open"),
        ("postgresql+psycopg://127.0.0.1:9/x", "refused"),
    ):
        monkeypatch.setenv("KYOJO_DATABASE_URL", url)
        check_error(kyojo("status"), 7, words)


def test_errors_for_programs_hold_the_remedy_too(kyojo: Kyojo, place_of: PlaceOf) -> None:
    place_of("open")
    ran = kyojo("draft", MONTH, "--json")
    assert (ran.code, ran.out) == (6, "")
    assert ran.error["code"] == "period-closed"
    assert ran.error["remedy"].keys() == {"en", "ja"}
    assert ran.error.keys() == {"code", "detail", "remedy", "errors"}


def test_a_log_that_contradicts_itself_has_an_exit_code_of_its_own(
    kyojo: Kyojo, place_of: PlaceOf
) -> None:
    place = place_of("settled")
    with closing(sqlite3.connect(place.root / "kyojo.db")) as database, database:
        database.execute('DELETE FROM entries WHERE "index" = 3')
    check_error(kyojo("rebuild"), 70, "[invariant-violated]")
