"""The monthly script where things are missing, wrong or late: each track told for what it is."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger import canonical
from ledger.errors import Conflict, InvalidInput, StoreBusy
from ledger.payout.bank_calendar import bundled_calendar
from ledger.payout.zengin import parse_zengin
from ledger.service.month import Folder, Patience, Report, Standing, Track, Words, stay
from ledger.service.payout_export import Wanted, export_order
from tests.accounts import bank_account, confirm_accounts, name_bank_account, name_evm_account
from tests.installation import MONTH, SLUG, Place, carry

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "monthly_settlement.py"
PAYOUTS = '\n[coops.kaga.payouts]\nfolder = "bank"\nbank_payer = "payer.json"\n'


class Script:
    """The script as cron runs it on a place, without a process of its own."""

    def __init__(
        self,
        place: Place,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.place, self.capsys, self.monkeypatch = place, capsys, monkeypatch
        spec = importlib.util.spec_from_file_location("monthly_settlement", SCRIPT)
        assert spec is not None
        assert spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    def __call__(self, *options: str, code: int, month: str = MONTH) -> Any:
        self.capsys.readouterr()
        words = [month, "--config", str(self.place.config), "--coop", SLUG, *options]
        self.monkeypatch.setattr(sys, "argv", ["monthly_settlement.py", *words])
        assert self.module.main() == code, self.capsys.readouterr()
        out, self.told = self.capsys.readouterr()
        return json.loads(out) if "--json" in options else out

    def track(self, name: str, *options: str, code: int) -> Any:
        found = self("--json", *options, code=code)["tracks"]
        (track,) = [one for one in found if one["name"] == name]
        return track

    def configure(self, more: str) -> None:
        self.place.config.write_text(self.place.config.read_text() + more)
        payer = {"code": "9900000001", "account": bank_account("bus", 7)}
        (self.place.root / "payer.json").write_bytes(canonical.encode(payer))

    def vote(self) -> None:
        with closing(self.place.open()) as installation:
            carry(installation.coop(SLUG))


@pytest.fixture
def script(
    templates: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Script:
    """A settled month; bus is paid by bank, ev through a vault, bike nowhere yet."""
    place = Place(shutil.copytree(templates["settled"], tmp_path / "place"))
    with closing(place.open()) as installation:
        coop = installation.coop(SLUG)
        name_bank_account(coop, "bus", 1001)
        name_evm_account(coop, "ev", "0x" + "7" * 40)
        confirm_accounts(coop)
    return Script(place, capsys, monkeypatch)


def test_what_is_not_configured_is_named_and_holds_up_nothing_else(script: Script) -> None:
    text = script(code=75)
    assert "decisions on 'Payout" in text
    assert "not yet: bike, bus, ev" in text
    assert "bike has no account in force" in text
    assert "口座が未登録" in text
    script.vote()
    found = script("--json", code=78)
    standing = {one["name"].split("/")[0]: one["standing"] for one in found["tracks"]}
    assert standing == {
        "settlement": "done", "payout JPY bank": "unset", "payout JPY vault": "done",
        "claims JPY": "unset", "anchor 131277322940537": "done",
    }  # fmt: skip
    plain = script.place.config.read_text()
    script.configure('\n[coops.kaga.payouts]\nfolder = "bank"\n')
    bank = script.track("payout JPY bank", code=78)
    assert "bank_payer" in bank["waits_for"]["en"]
    assert not (script.place.root / "bank").exists()
    # What the office exports by its own command is left to it.
    script.place.config.write_text(plain)
    with closing(script.place.open()) as installation:
        coop = installation.coop(SLUG)
        (id_,) = [id_ for id_, one in coop.state().orders.items() if one.method == "bank"]
        today = date.fromisoformat(coop.clock()[:10])
        pay_on = bundled_calendar().next_open(today + timedelta(days=1))
        export_order(coop, id_, Wanted("csv", pay_on, None))
    (file,) = script.track("payout JPY bank", "--no-anchor", code=0)["details"]["files"]
    assert (file["order"], file["file"], file["format"]) == (id_, None, "csv")


def test_a_file_is_made_once_and_never_overwritten(script: Script) -> None:
    script.configure(PAYOUTS)
    planned = script("--json", "--dry-run", code=0)
    assert any("would: propose" in step for step in planned["done"])
    script("--no-anchor", code=75)
    script.vote()
    planned = script("--json", "--dry-run", "--pay-on", "2099-01-05", code=78)
    assert any(step.endswith("to be paid on 2099-01-05") for step in planned["done"])
    assert not (script.place.root / "bank").exists()
    assert script.track("payout JPY bank", "--pay-on", "2024-05-03", code=2)["error"]

    track = script.track("payout JPY bank", "--no-anchor", code=0)
    (made,) = track["details"]["files"]
    file = Path(made["file"])
    data = file.read_bytes()
    assert parse_zengin(data).total_minor == made["control_totals"]["amount_minor"]
    assert file.stat().st_mode & 0o077 == 0

    (file.parent / f".{file.name}.0a").write_bytes(data[:10])  # left by a run that was killed
    file.unlink()
    script("--no-anchor", code=0)
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == data
    file.write_bytes(data + b"x")
    assert (
        "was changed" in script.track("payout JPY bank", "--no-anchor", code=6)["error"]["detail"]
    )
    assert file.read_bytes() == data + b"x"


def test_a_node_that_is_down_is_waited_for_and_holds_up_nothing_else(script: Script) -> None:
    script.configure(PAYOUTS)
    script("--no-anchor", code=75)
    script.vote()
    config = script.place.config
    down = 'url = "http://127.0.0.1:1"\nsender_key = "keys/anchorer.key"'
    config.write_text(config.read_text().replace('url = "embedded:chain.db"', down))
    found = script("--json", code=75)
    assert [one["error"]["code"] for one in found["tracks"] if one["error"]] == [
        "chain-unavailable"
    ]
    assert any(step.startswith("write ") for step in found["done"])


def test_a_month_that_is_not_open_is_nobodys_to_wait_for(script: Script) -> None:
    script(code=8, month="2031-01")
    assert "kyojo open 2031-01" in script.told


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidInput, match="cannot write"):
        Folder(tmp_path / "file", {}).keep("a.txt", b"a")
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(InvalidInput, match="cannot read"):
        Folder(tmp_path, {}).keep("b.txt", b"b")
    folder = Folder(tmp_path / "new", {})
    assert folder.keep("a.txt", b"a")
    assert not folder.keep("a.txt", b"a")
    with pytest.raises(Conflict, match="was changed"):
        folder.keep("a.txt", b"b")


def test_whoever_stays_looks_until_nothing_is_waited_for_or_the_time_is_over() -> None:
    waits = Track("a", Standing.WAITS, waits=Words("a vote", "投票"))
    busy = Track("a", Standing.FAILED, error=StoreBusy("busy"))
    done = Track("a", Standing.DONE)
    for tracks, looks in (([waits, busy, done], 3), ([waits] * 9, 4)):
        now = [0.0]
        reports = [Report("2024-05", (), (track,)) for track in tracks]
        told: list[Report] = []

        def sleep(seconds: float, now: list[float] = now) -> None:
            now[0] += seconds

        patience = Patience(25, 10, lambda now=now: now[0], sleep)  # type: ignore[misc]
        left = iter(reports)
        last = stay(lambda left=left: next(left), patience, told.append)  # type: ignore[misc]
        assert last is reports[looks - 1]
        assert told == reports[: looks - 1]
        assert now[0] <= 25
