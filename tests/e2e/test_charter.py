"""A co-op founded before there were payouts names them by a vote of all, and pays a month."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.trust import parse_trust
from ledger.coop.authority import default_authority
from ledger.coop.submission import Submission
from ledger.service.export import export_bundle, export_trust
from ledger.service.submit import submit
from tests.audit.world import verify
from tests.builder import authority
from tests.e2e.test_erasing import Typed
from tests.e2e.test_payouts import bank_says, confirm, export, name_accounts, own, propose
from tests.installation import MEMBERS, SLUG, Place, ballot, prepare, settle
from tests.serving import serving

NAMED = ("charter-changed", "payout-ordered", "payout-exported", "payout-resulted")
WORDS = (
    "charter-changed by nobody → operator, member with 2/3 of member",
    "payout-exported by nobody → operator at once",
    "payout-ordered by nobody → operator with 2/3 of member",
    "payout-resulted by nobody → operator with 1 of operator, auditor, member",
)


def written(folder: Path, name: str, document: Any) -> str:
    (folder / name).write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return str(folder / name)


def everybody_approves(place: Place) -> None:
    installation = place.open()
    coop = installation.coop(SLUG)
    (waiting,) = coop.state().proposals
    for who in MEMBERS:
        assert waiting in coop.state().proposals, "somebody's vote is missing"
        submit(coop, Submission(ballot(coop, who, waiting)))
    installation.close()


def audited(place: Place, folder: Path) -> None:
    """The trust file is that of entry 0, whatever the charter says now."""
    installation = place.open()
    coop = installation.coop(SLUG)
    export_bundle(coop, folder / "audit.zip")
    report = verify(
        (folder / "audit.zip").read_bytes(), parse_trust((folder / "trust.toml").read_bytes())
    )
    assert (report.verdict, report.findings) == ("verified", ())
    installation.close()


@pytest.fixture
def founded(templates: dict[str, Path], tmp_path: Path) -> Place:
    place = Place(shutil.copytree(templates["empty"], tmp_path / "place"))
    prepare(place, authority=authority(later=False))
    installation = place.open()
    export_trust(installation.coop(SLUG), tmp_path / "trust.toml")
    installation.close()
    return place


@pytest.mark.long
def test_a_co_op_founded_without_payouts_names_them_and_pays_a_month(
    founded: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = Typed(founded, capsys)
    rights = {kind: default_authority()[kind].model_dump() for kind in NAMED}
    change = written(tmp_path, "change.json", {"authority": rights})
    before = typed.office("charter", "show")
    drafted = typed.office("charter", "propose", change, "--dry-run")
    assert tuple(drafted["words"]) == WORDS
    typed.office("charter", "propose", change, "--reason", "we pay by bank now")
    everybody_approves(founded)
    (done,) = typed.office("charter", "show")["changes"]
    assert done["subject"] == f"Change the charter: {'; '.join(WORDS)}"
    assert typed.office("charter", "propose", change, code=2)["code"] == "invalid-input"

    settle(founded)
    with serving(founded) as typed.url:
        shorter = written(tmp_path, "shorter.json", {"payouts": {"destination_days": 0}})
        assert typed.member("bus", "propose-charter", shorter, "--dry-run")["words"] == [
            "destination days as objections → 0"
        ]
        typed.member("bus", "propose-charter", shorter)
        for who in ("bus", "ev"):
            confirm(typed, who)
        shown = typed.office("charter", "show")
        assert len({before["hash"], shown["hash"]}) == len(shown["changes"]) == 2
        assert shown["charter"]["payouts"] == {"destination_days": 0}

        name_accounts(typed, tmp_path)
        due = {one["member"]: one["due"] for one in typed.office("payout", "show")["members"]}
        order = propose(typed, due, tmp_path)
        export(typed, order["id"], due, tmp_path)
        lines = {line["member"]: line for line in order["lines"]}
        typed.office("payout", "result", str(bank_says(lines, "ev", tmp_path)))
        confirm(typed, "audit")
        assert own(typed, "bus")["paid"] == due["bus"] > 0
    stands = typed.office("status")["state_hash"]
    assert typed.office("rebuild")["state_hash"] == stands
    assert typed.office("fsck")["findings"] == []
    audited(founded, tmp_path)
