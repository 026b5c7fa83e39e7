"""An old backup was put back: a bundle brings the missing entries, and the co-op goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.trust import format_trust
from ledger.errors import NotConsistent, ReadOnly, StoreBusy
from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import parse_note, sign_text
from ledger.service.coop import Coop
from ledger.service.export import export_bundle, export_period, trust_of
from ledger.service.published import cosigned_of, witness_id
from ledger.service.recover import recover, verify_for
from ledger.service.submit import submit_usage
from ledger.store.database import Database
from tests.builder import log_key
from tests.installation import (
    NEXT,
    SLUG,
    Place,
    next_line,
    send,
    usage_body,
)

REPOSITORY = Path(__file__).resolve().parents[2]
PAYER = "resident-4711"
MARK = f"{SLUG}.high-water"


class Office:
    """An installation whose database is put back to a backup; commands run as processes."""

    def __init__(self, root: Path) -> None:
        self.place = Place(root)
        self.bundle, self.trust = root / "bundle.zip", root / "trust.toml"
        self.backup = root / "backup"
        self.count = 0

    def use(self, work: Any) -> Any:
        """Do something with the co-op in an installation of its own."""
        installation = self.place.open()
        try:
            return work(installation.coop(SLUG))
        finally:
            installation.close()

    def submit(self, who: str = "bus", **changes: Any) -> int:
        self.count += 1
        line = next_line(f"r-{self.count}", **changes)
        return self.use(lambda coop: submit_usage(coop, usage_body(coop, who, line)).index)

    def export(self) -> bytes:
        self.use(lambda coop: export_bundle(coop, self.bundle))
        self.use(lambda coop: self.trust.write_bytes(format_trust(trust_of(coop))))
        return self.bundle.read_bytes()

    def keep(self) -> None:
        self.backup.mkdir()
        for path in self.place.root.glob("kyojo.db*"):
            shutil.copy(path, self.backup)

    def put_back(self) -> None:
        for path in self.place.root.glob("kyojo.db*"):
            path.unlink()
        for path in self.backup.iterdir():
            shutil.copy(path, self.place.root)

    def size(self) -> int:
        return int(self.use(lambda coop: coop.state().size))

    def kyojo(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ledger.cli", *words, "--config", str(self.place.config)],
            cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip

    def recover(self, *options: str) -> subprocess.CompletedProcess[str]:
        where = ("--bundle", str(self.bundle), "--trust", str(self.trust))
        return self.kyojo("recover", *where, *options)

    def recover_here(self) -> Any:
        """The same in this process."""
        from ledger.cli.trust import read_trust

        def work(coop: Coop) -> Any:
            return recover(coop, verify_for(coop, self.bundle, read_trust(self.trust), jobs=1))

        return self.use(work)


@pytest.fixture
def office(templates, tmp_path) -> Office:
    shutil.copytree(templates["settled"], tmp_path / "kaga")
    return Office(tmp_path / "kaga")


def erase(office: Office, batch: int) -> None:
    body = {"batch": batch, "records": [0], "reason": "on request"}
    office.use(lambda coop: send(coop, "bus", "records-erased", body))


def test_what_the_backup_lacks_comes_back_and_the_coop_goes_on(office):
    early = office.submit(payer=PAYER)
    office.keep()
    late = office.submit(payer=PAYER)
    office.submit("ev")
    erase(office, early)
    erase(office, late)
    data = office.export()
    size = office.size()
    office.put_back()
    with pytest.raises(ReadOnly):
        office.submit()

    done = office.recover("--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["start"], found["size"], found["recovered"]) == (early + 1, size, 4)
    assert (found["batches"], found["records"], found["lost_ids"]) == (2, 1, 1)
    for path in office.place.root.glob("kyojo.db*"):
        assert PAYER.encode() not in path.read_bytes(), "what came back erased again is gone"

    checked = office.kyojo("fsck", "--json", "--trust", str(office.trust))
    assert checked.returncode == 0, checked.stdout
    assert {one["code"] for one in json.loads(checked.stdout)["findings"]} == {"id-lost"}
    assert office.export() == data
    office.count += 10
    assert office.submit("bus") == size
    assert office.submit("ev") == size + 1
    assert office.recover("--json").returncode == 6, "the bundle is behind now"


def test_it_says_what_came_back_in_both_languages(office):
    office.keep()
    office.submit()
    office.export()
    office.put_back()
    done = office.recover()
    assert done.returncode == 0, done.stderr
    assert "1 entries came back" in done.stdout
    assert "no seeds" in done.stdout
    assert "復旧しました" in done.stdout
    assert "nothing is missing" in office.recover().stdout


def test_a_fork_is_refused_and_named(office):
    office.keep()
    index = office.submit()
    office.submit()
    office.export()
    (office.place.root / MARK).rename(office.place.root / "mark")
    office.put_back()
    assert office.submit("ev") == index, "another history, since nobody outside was asked"
    before = office.size()
    done = office.recover("--json")
    assert done.returncode == 3, done.stdout
    assert f"they differ from entry {index} on" in json.loads(done.stderr)["detail"]
    assert office.size() == before


def test_a_bundle_of_another_history_than_is_known_outside_is_refused(office):
    office.keep()
    office.submit()
    mark = (office.place.root / MARK).read_bytes()
    (office.place.root / MARK).unlink()
    office.put_back()
    office.submit("ev")
    office.export()
    office.put_back()
    (office.place.root / MARK).write_bytes(mark)
    size = office.size()
    with pytest.raises(NotConsistent, match=r"high-water file .* another root"):
        office.recover_here()
    assert office.size() == size


def test_a_bundle_that_does_not_reach_what_is_known_outside_is_taken_and_told(office):
    office.keep()
    office.submit()
    office.export()
    newest = office.submit()
    office.put_back()
    done = office.recover("--json")
    assert done.returncode == 7
    found = json.loads(done.stdout)
    assert found["recovered"] == 1
    assert f"holds size {newest + 1}" in found["behind"]
    assert office.size() == newest
    office.put_back()
    assert "still read-only" in office.recover().stdout


def test_a_bundle_that_is_not_verified_brings_nothing(office):
    office.keep()
    office.submit()
    data = bytearray(office.export())
    data[data.index(b"2024-06-05")] ^= 1
    office.bundle.write_bytes(data)
    office.put_back()
    size = office.size()
    done = office.recover("--json")
    assert done.returncode == 3
    assert json.loads(done.stderr)["errors"], "what the verifier found is told"
    assert office.size() == size


def test_another_coops_bundle_is_refused(office, tmp_path_factory, templates):
    office.export()
    config = office.place.config
    other = Office(tmp_path_factory.mktemp("other") / "place")
    shutil.copytree(templates["empty"], other.place.root)
    other.place.config.write_text(config.read_text().replace(log_key().name, "example.jp/other"))
    other.bundle, other.trust = office.bundle, office.trust
    done = other.recover("--json")
    assert done.returncode == 2
    assert "is a bundle of" in json.loads(done.stderr)["detail"]


def test_not_while_a_server_has_the_database_open(office):
    office.keep()
    office.submit()
    office.export()
    office.put_back()
    running = office.place.open()
    running.coop(SLUG).state()
    done = office.recover("--json")
    assert done.returncode == 7
    assert "stop the server" in json.loads(done.stderr)["detail"]
    running.close()
    assert office.recover("--json").returncode == 0


@pytest.mark.postgresql
def test_other_sessions_of_postgresql_are_seen(postgresql):
    url = postgresql(True)
    mine, others = Database(url), Database(url)
    mine.require_alone()
    with others.read():
        pass
    with pytest.raises(StoreBusy, match="stop the server"):
        mine.require_alone()
    others.close()
    mine.require_alone()
    mine.close()


def test_all_of_it_comes_or_nothing(office):
    office.keep()
    for _ in range(3):
        office.submit()
    office.export()
    office.put_back()
    size = office.size()

    def stop(done: int, _all: int) -> None:
        raise KeyboardInterrupt

    def work(coop: Coop) -> None:
        from ledger.cli.trust import read_trust

        verified = verify_for(coop, office.bundle, read_trust(office.trust))
        recover(coop, verified, stop)

    with pytest.raises(KeyboardInterrupt):
        office.use(work)
    assert office.size() == size
    assert office.recover_here().size == size + 3


def test_a_bundle_of_one_month_brings_its_tail(office):
    office.keep()
    size = office.size()
    office.submit()
    office.export()
    office.use(lambda coop: export_period(coop, NEXT, office.bundle))
    office.put_back()
    found = office.recover_here()
    assert (found.start, found.size) == (size, size + 1)
    assert office.kyojo("fsck", "--trust", str(office.trust)).returncode == 0


def test_cosignatures_stay_with_the_checkpoint(office):
    key = SigningKey("w.example", KeyType.ED25519_COSIGNATURE, b"w" * 32)
    vkey = format_vkey(key.verifier_key)
    text = f"log {format_vkey(log_key().verifier_key)}\nwitness w {vkey}\nquorum w\n"
    policy_file = office.place.root / "policy"
    policy_file.write_text(text)
    config = office.place.config.read_text()
    office.place.config.write_text(
        config.replace('log_key = "', 'witness_policy = "policy"\nlog_key = "', 1)
    )
    office.keep()
    office.submit()

    def cosign(coop: Coop) -> None:
        with coop.reading() as (_, log):
            head = log.head()
        candidate = cosigned_of(coop).choose(head, held_since="9999")
        line = sign_text(parse_note(head.note).text, CosignatureSigner(key, 1_700_000_000))
        cosigned_of(coop).keep(candidate, {witness_id(key.verifier_key): line.value}, bool)

    office.use(cosign)
    data = office.export()
    office.put_back()
    found = office.recover_here()
    assert (found.cosignatures, found.unknown_signers) == (1, ())
    assert office.export() == data
    assert office.kyojo("fsck", "--trust", str(office.trust)).returncode == 0

    office.put_back()
    office.place.config.write_text(config)
    found = office.recover_here()
    assert (found.cosignatures, len(found.unknown_signers)) == (0, 1)
    assert found.unknown_signers[0].startswith("w.example+")
