"""A member's client against a real server: breaks at every point, and servers that lie."""

from __future__ import annotations

import base64
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from api.app import create_app
from ledger.client import MemberClient, Submitted, open_journal
from ledger.config import Config, ServerSection
from ledger.coop.signing import sign_charter
from ledger.coop.submission import Submission
from ledger.errors import (
    BadSignature,
    Conflict,
    KyojoError,
    MalformedBatch,
    NotConsistent,
    NotIncluded,
    StaleCheckpoint,
    Unavailable,
)
from ledger.log.note import Ed25519Signer
from ledger.service import office
from ledger.service.coop import Coop, Office
from ledger.store.database import Database
from ledger.store.logs import create_log, find_log
from ledger.store.schema import upgrade
from ledger.store.sequencer import Sequencer
from ledger.wiring import Installation, system_clock
from tests.builder import ORIGIN, charter, log_key, record, signing_key

SLUG = "kaga"
Fault = Callable[..., Any]


@dataclass
class Server:
    """A co-op behind a real HTTP server on a port of its own."""

    coop: Coop
    url: str

    def records(self) -> int:
        period = self.coop.state().periods["2026-10"]
        return sum(usage.records for usage in period.usage.values())


def open_coop(path: Path) -> Coop:
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    if not path.stat().st_size or SLUG not in _slugs(database):
        create_log(database, slug=SLUG, origin=ORIGIN, id_key=bytes(32))
    log = find_log(database, SLUG)
    sequencer = Sequencer(
        database,
        log_id=log.id,
        origin=ORIGIN,
        id_key=log.id_key,
        signers=[Ed25519Signer(log_key())],
        clock=system_clock,
    )
    keys = Office(signing_key("office"), bytes(32))
    return Coop(log, database, sequencer, system_clock, secrets.token_bytes, keys)


def _slugs(database: Database) -> list[str]:
    from ledger.store.logs import list_logs

    return list(list_logs(database))


def found(coop: Coop) -> None:
    terms = charter()
    keys = [signing_key(founder.id) for founder in terms.members]
    coop.sequencer.submit(Submission(sign_charter(terms, keys)))
    facility = {"id": "hub-1", "name": {"ja": "拠点一", "en": "Hub 1"}, "owner": None}
    office.write(coop, kind="facility-registered", body=facility)
    opened = {
        "period": "2026-10",
        "start": "2026-09-30T15:00:00.000Z",
        "end": "2026-10-31T15:00:00.000Z",
    }
    office.write(coop, kind="period-opened", body=opened)


@contextmanager
def serving(path: Path) -> Iterator[Server]:
    coop = open_coop(path)
    if coop.state().size == 0:
        found(coop)
    config = Config(server=ServerSection(domain="127.0.0.1"))
    app = create_app(Installation(config, coop.database, {SLUG: coop}))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Server(coop, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def member(server: Server, folder: Path, who: str = "bus") -> Iterator[MemberClient]:
    key = signing_key(who)
    with open_journal(folder, key.address) as journal:
        client = MemberClient(server.url, SLUG, key, journal)
        try:
            yield client
        finally:
            client.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "kyojo.db") as running:
        yield running


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "journals"


LINES = [record(f"r{number}") for number in range(5)]


def break_before_sending(client: MemberClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise Unavailable("the line is cut")

    monkeypatch.setattr(client._http, "post", fail)


def lose_the_answer(client: MemberClient, monkeypatch: pytest.MonkeyPatch) -> None:
    post = client._http.post

    def send_and_fail(*arguments: Any, **named: Any) -> Any:
        post(*arguments, **named)
        raise Unavailable("the answer was lost")

    monkeypatch.setattr(client._http, "post", send_and_fail)


def die_before_noting_the_receipt(client: MemberClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise Unavailable("the process died here")

    monkeypatch.setattr(client._journal, "accept", fail)


BREAKS = [break_before_sending, lose_the_answer, die_before_noting_the_receipt]


@pytest.mark.parametrize("fault", BREAKS, ids=lambda fault: fault.__name__)
def test_a_break_at_any_point_counts_every_record_once(
    server: Server, journals: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with member(server, journals) as client:
        fault(client, monkeypatch)
        with pytest.raises(Unavailable):
            client.submit_records(LINES)
        with pytest.raises(Conflict, match="resume"):
            client.submit_entry("usage-confirmed", {})
    monkeypatch.undo()
    with member(server, journals) as client:  # opening resumes what was on its way
        done = client.submit_records(LINES)
    assert done == Submitted(sent=0, skipped=5, batches=0, late=())
    assert server.records() == 5
    assert server.coop.state().keys[signing_key("bus").address].sequence == 1


def test_a_server_that_was_down_gets_the_same_bytes_later(tmp_path: Path, journals: Path) -> None:
    with serving(tmp_path / "kyojo.db") as first, member(first, journals) as client:
        client.submit_records(LINES[:2])
        known = client.sync().size
    with serving(tmp_path / "kyojo.db") as second, member(second, journals) as client:
        done = client.submit_records(LINES)
        assert client.sync().size > known
        assert second.records() == 5
    assert done == Submitted(sent=3, skipped=2, batches=1, late=())


def test_a_refused_batch_frees_its_number(server: Server, journals: Path) -> None:
    good, bad = record("good"), record("bad", facility="nowhere")
    with member(server, journals) as client:
        with pytest.raises(MalformedBatch) as refusal:
            client.submit_records([good, bad])
        assert [fault.where for fault in refusal.value.faults] == ["record 2, facility"]
        with pytest.raises(KyojoError):
            client.submit_entry("period-opened", {"period": "2026-11"})
        assert client.submit_records([good]).sent == 1


def test_one_process_a_journal(server: Server, journals: Path) -> None:
    address = signing_key("bus").address
    with (
        open_journal(journals, address),
        pytest.raises(Conflict, match="another process"),
        open_journal(journals, address),
    ):
        pass
    with member(server, journals) as client:
        assert client.submit_records(LINES[:1]).sent == 1


def test_a_journal_made_anew_takes_over_the_counter(server: Server, journals: Path) -> None:
    with member(server, journals) as client:
        client.submit_records(LINES[:2])
    shutil.rmtree(journals)
    with member(server, journals) as client:
        assert client.submit_records(LINES).sent == 3
    assert server.records() == 5


def test_a_key_that_is_used_elsewhere_is_noticed(server: Server, journals: Path) -> None:
    with member(server, journals) as client:
        client.submit_records(LINES[:1])
    with member(server, journals.with_name("elsewhere")) as client:
        client.submit_records(LINES[1:2])
    with pytest.raises(Conflict, match="used elsewhere"), member(server, journals):
        pass


def test_a_server_put_back_to_an_old_copy_is_noticed(tmp_path: Path, journals: Path) -> None:
    path, copy = tmp_path / "kyojo.db", tmp_path / "copy.db"
    with serving(path) as first:
        with member(first, journals) as client:
            client.submit_records(LINES[:1])
        first.coop.database.close()
    shutil.copy(path, copy)
    with serving(path) as second, member(second, journals) as client:
        client.submit_records(LINES)
        client.sync()
    with serving(copy) as old, pytest.raises(StaleCheckpoint), member(old, journals):
        pass


def test_a_server_with_another_history_is_refused(tmp_path: Path, journals: Path) -> None:
    path, copy = tmp_path / "kyojo.db", tmp_path / "copy.db"
    with serving(path) as first:
        first.coop.database.close()
    shutil.copy(path, copy)
    with serving(path) as true, member(true, journals) as client:
        client.submit_records(LINES[:1])
        client.sync()
    with serving(copy) as forked:
        with member(forked, tmp_path / "of-ev", "ev") as other:
            other.submit_records([record("of-ev")])
            other.submit_records([record("of-ev-2")])
        with pytest.raises(NotConsistent), member(forked, journals):
            pass


def forge_entry(receipt: dict[str, Any]) -> None:
    data = base64.b64decode(receipt["entry"])
    receipt["entry"] = base64.b64encode(data.replace(b'"count":5', b'"count":6')).decode()


def forge_proof(receipt: dict[str, Any]) -> None:
    receipt["proof"] = ["00" * 32, *receipt["proof"][1:]]


def forge_checkpoint(receipt: dict[str, Any]) -> None:
    lines = receipt["checkpoint"].split("\n")
    lines[1] = str(int(lines[1]) + 1)
    receipt["checkpoint"] = "\n".join(lines)


FORGERIES = [
    (forge_entry, NotIncluded),
    (forge_proof, NotIncluded),
    (forge_checkpoint, BadSignature),
]


@pytest.mark.parametrize(("forge", "refusal"), FORGERIES, ids=lambda one: one.__name__)
def test_a_forged_receipt_is_refused_and_the_request_kept(
    server: Server,
    journals: Path,
    forge: Callable[[dict[str, Any]], None],
    refusal: type[KyojoError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with member(server, journals) as client:
        post = client._http.post

        def lie(*arguments: Any, **named: Any) -> Any:
            receipt = post(*arguments, **named)
            forge(receipt)
            return receipt

        monkeypatch.setattr(client._http, "post", lie)
        with pytest.raises(refusal):
            client.submit_records(LINES)
    monkeypatch.undo()
    with member(server, journals) as client:
        assert client.submit_records(LINES).skipped == 5
    assert server.records() == 5
