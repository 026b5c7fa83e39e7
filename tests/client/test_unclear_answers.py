"""An answer that says nothing clear: the signed request stays, and comes again byte for byte."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.client import MemberClient, Patience, open_journal
from ledger.errors import (
    Conflict,
    DuplicateId,
    InvalidInput,
    KyojoError,
    MalformedBatch,
    NotPermitted,
    StoreBusy,
    Unavailable,
    WrongSigner,
)
from tests.builder import record, signing_key
from tests.client.stand_in import (
    Fault,
    StandIn,
    after_taking,
    answers,
    half,
    refuses,
    reset,
    silence,
    standing_in,
)
from tests.client.test_recovery import SLUG, Server, serving

KEY = signing_key("bus")
HASTY = Patience(timeout_seconds=0.3, tries=2, first_pause_seconds=0)
ONCE = Patience(timeout_seconds=2, tries=1)
HTML = "<html><h1>Bad Gateway</h1></html>"
numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("unclear") / "kyojo.db") as running:
        yield running


@pytest.fixture
def between(server: Server) -> Iterator[StandIn]:
    with standing_in(server.url) as stand_in:
        yield stand_in


@contextmanager
def member(url: str, folder: Path, patience: Patience = HASTY) -> Iterator[MemberClient]:
    with open_journal(folder, KEY.address) as journal:
        client = MemberClient(url, SLUG, KEY, journal, patience)
        try:
            yield client
        finally:
            client.close()


def fresh_lines() -> list[bytes]:
    return [record(f"r{next(numbers)}") for _ in range(3)]


def pending(folder: Path) -> bytes | None:
    path = folder / KEY.address / "pending.bin"
    return path.read_bytes() if path.exists() else None


UNCLEAR: dict[str, Fault] = {
    "500 without words": answers(500),
    "500 with our own shape": refuses(500, "invariant-violated"),
    "502 with a page": answers(502, HTML, Content_Type="text/html"),
    "503 with a page": answers(503, HTML, Content_Type="text/html", Retry_After="0"),
    "503 with our own shape": refuses(503, "store-busy"),
    "504": answers(504),
    "200 with a page": answers(200, HTML, Content_Type="text/html"),
    "200 with half a document": answers(200, '{"index": 3,', Content_Type="application/json"),
    "200 with another document": answers(200, '{"ok": true}', Content_Type="application/json"),
    "200 with a list": answers(200, "[]", Content_Type="application/json"),
    "200 with null": answers(200, "null", Content_Type="application/json"),
    "200 with brackets": answers(200, b"[" * 1_000_000, Content_Type="application/json"),
    "200 said to be gzip": answers(200, "{}", Content_Encoding="gzip"),
    "201 without a word": answers(201),
    "204": answers(204),
    "a redirect": answers(307, Location="https://elsewhere.example/v1/kaga/usage"),
    "a moved server": answers(301, HTML, Location="/login", Content_Type="text/html"),
    "401 of a proxy": answers(401, HTML, Content_Type="text/html"),
    "403 of a firewall": answers(403, HTML, Content_Type="text/html"),
    "404 of another server": answers(404, "Not Found", Content_Type="text/plain"),
    "413 of a proxy": answers(413, HTML, Content_Type="text/html"),
    "429": answers(429, "slow down", Content_Type="text/plain"),
    "a refusal in JSON only": answers(
        400, json.dumps({"code": "malformed-batch", "detail": "x", "errors": []}),
        Content_Type="application/json",
    ),
    "a refusal with a code unknown": refuses(400, "teapot"),
    "a refusal without faults": refuses(400, "malformed-batch", errors=None),
    "a refusal with success": refuses(200, "malformed-batch"),
    "no answer": reset,
    "silence": silence,
}  # fmt: skip


@pytest.mark.parametrize("is_taken", [False, True], ids=["not taken", "taken"])
@pytest.mark.parametrize("name", UNCLEAR)
def test_an_unclear_answer_keeps_the_request(
    server: Server, between: StandIn, tmp_path: Path, name: str, is_taken: bool
) -> None:
    fault = UNCLEAR[name]
    lines, before = fresh_lines(), server.records()
    with member(between.url, tmp_path) as client:
        between.faults = [after_taking(fault) if is_taken else fault] * 2
        with pytest.raises(Unavailable):
            client.submit_records(lines)
        kept = pending(tmp_path)
        assert kept is not None
        with pytest.raises(Conflict, match="resume"):
            client.submit_entry("usage-confirmed", {})
        assert pending(tmp_path) == kept
    between.faults = []
    with member(between.url, tmp_path) as client:  # opening resumes
        assert pending(tmp_path) is None
        assert client.submit_records(lines).skipped == 3
    assert server.records() == before + 3
    assert len(set(between.sent())) == 1
    assert 2 <= len(between.sent()) <= 3


def test_half_an_answer_is_none(server: Server, between: StandIn, tmp_path: Path) -> None:
    lines, before = fresh_lines(), server.records()
    with member(between.url, tmp_path) as client:
        between.faults = [half]
        assert client.submit_records(lines).sent == 3  # the second try got the first receipt
    assert server.records() == before + 3
    assert len(set(between.sent())) == 1


def test_a_redirect_is_named_and_never_followed(between: StandIn, tmp_path: Path) -> None:
    with member(between.url, tmp_path) as client:
        between.faults = [answers(308, Location="https://elsewhere.example/")]
        with pytest.raises(Unavailable, match=r"elsewhere\.example"):
            client.submit_records(fresh_lines())
    assert len(between.sent()) == 1


def test_a_busy_server_is_asked_again(between: StandIn, tmp_path: Path) -> None:
    patience = Patience(timeout_seconds=2, tries=4, first_pause_seconds=0.01)
    with member(between.url, tmp_path, patience) as client:
        between.faults = [refuses(503, "store-busy"), answers(502), reset]
        assert client.submit_records(fresh_lines()).sent == 3
        assert len(between.sent()) == 4
        between.faults = [refuses(503, "store-busy")] * 4
        with pytest.raises(StoreBusy):
            client.submit_records(fresh_lines())


@pytest.mark.parametrize(("status", "kind"), [
    (400, MalformedBatch), (403, NotPermitted), (403, WrongSigner), (409, Conflict),
])  # fmt: skip
def test_a_clear_refusal_frees_the_number(
    between: StandIn, tmp_path: Path, status: int, kind: type[KyojoError]
) -> None:
    lines = fresh_lines()
    with member(between.url, tmp_path) as client:
        between.faults = [refuses(status, kind.code)]
        with pytest.raises(kind, match="stand-in"):
            client.submit_records(lines)
        assert pending(tmp_path) is None
        assert client.submit_records(lines).sent == 3
    first, second = between.sent()
    assert first != second


# Refused, and taken all the same.


@pytest.mark.parametrize("code", ["wrong-signer", "period-closed", "duplicate-id"])
def test_a_refused_request_that_the_log_has_gets_its_first_receipt(
    server: Server, between: StandIn, tmp_path: Path, code: str
) -> None:
    """The answer was lost, and by now the ledger would not take the same request any more."""
    lines, before = fresh_lines(), server.records()
    with member(between.url, tmp_path, ONCE) as client:
        between.faults = [after_taking(reset)]
        with pytest.raises(Unavailable):
            client.submit_records(lines)
    between.faults = [refuses(409, code)]
    with member(between.url, tmp_path, ONCE) as client:
        assert pending(tmp_path) is None
        assert client.submit_records(lines).skipped == 3
    receipts = (tmp_path / KEY.address / "receipts.jsonl").read_text().splitlines()
    counter = (tmp_path / KEY.address / "counter").read_text()
    assert json.loads(receipts[-1])["sequence"] == int(counter) - 1
    assert server.records() == before + 3


def test_a_decision_that_was_taken_resolves_too(
    server: Server, between: StandIn, tmp_path: Path
) -> None:
    body = {"id": "hub-2", "name": {"ja": "拠点二", "en": "Hub 2"}, "owner": None}
    with member(between.url, tmp_path, ONCE) as client:
        before = server.coop.state().size
        between.faults = [after_taking(refuses(403, "not-permitted"))]
        reason = {"member": "bike", "reason": "moved away"}
        receipt = client.submit_entry("member-left", reason)
        assert receipt["index"] == before
        assert receipt["is_new"] is False
        between.faults = []
        [subject_hash] = server.coop.state().proposals
        between.faults = [after_taking(refuses(404, "not-found"))]
        assert client.decide(subject_hash)["index"] == before + 1
        with pytest.raises(NotPermitted):
            client.submit_entry("facility-registered", body)


def test_a_request_that_may_not_be_looked_for_stays(
    server: Server, between: StandIn, tmp_path: Path
) -> None:
    lines = fresh_lines()
    with member(between.url, tmp_path, ONCE) as client:
        between.faults = [after_taking(refuses(403, "wrong-signer"))]
        between.always[("GET", "/v1/kaga/entries")] = refuses(403, "not-permitted")
        with pytest.raises(Conflict, match="used"):
            client.submit_records(lines)
        assert pending(tmp_path) is not None
    between.always.clear()
    with member(between.url, tmp_path, ONCE) as client:
        assert client.submit_records(lines).skipped == 3


def test_a_number_that_another_machine_used_is_not_ours(
    server: Server, between: StandIn, tmp_path: Path
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    with member(between.url, here, ONCE) as client:
        client.submit_records(fresh_lines())
        between.faults = [reset]
        with pytest.raises(Unavailable):
            client.submit_records(fresh_lines())
    with member(server.url, elsewhere) as other:
        other.submit_records(fresh_lines())
    with pytest.raises(DuplicateId), member(between.url, here):
        pass
    with pytest.raises(Conflict, match="used elsewhere"), member(between.url, here):
        pass


# What is only read.

NONSENSE = {
    "a page": answers(200, HTML, Content_Type="text/html"),
    "nothing": answers(200),
    "an empty object": answers(200, "{}", Content_Type="application/json"),
    "an empty list": answers(200, "[]", Content_Type="application/json"),
    "null": answers(200, "null", Content_Type="application/json"),
    "a number": answers(200, "7", Content_Type="application/json"),
    "brackets": answers(200, b"[" * 1_000_000, Content_Type="application/json"),
    "bytes": answers(200, bytes(range(256))),
    "a list of nothing": answers(200, "[null]", Content_Type="application/json"),
}
READ = ("", "/periods", f"/keys/{KEY.address}", "/log-keys")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (path, name)
        for path in READ
        for name in NONSENSE
        if path in {"", READ[2]} or name != "an empty list"  # which is an answer of the others
    ],
)
def test_nonsense_for_what_is_read_is_unavailable(
    between: StandIn, tmp_path: Path, path: str, name: str
) -> None:
    between.always[("GET", f"/v1/{SLUG}{path}")] = NONSENSE[name]
    with pytest.raises(Unavailable), member(between.url, tmp_path, ONCE) as client:
        client.submit_records(fresh_lines())
    assert between.sent() == []


@pytest.mark.parametrize("path", ["sign-in/nonce", "sign-in", "usage/known"])
@pytest.mark.parametrize("name", ["a page", "an empty object", "null", "a number"])
def test_nonsense_for_what_is_asked_before_sending(
    between: StandIn, tmp_path: Path, path: str, name: str
) -> None:
    between.always[("POST", f"/v1/{SLUG}/{path}")] = NONSENSE[name]
    with pytest.raises(Unavailable), member(between.url, tmp_path, ONCE) as client:
        client.submit_records(fresh_lines())
    assert between.sent() == []


@pytest.mark.parametrize("url", ["", "ledger", "ftp://x", "http://", "file:///etc", "http://x:y"])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput), member(url, tmp_path):
        pass


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"),
        member("http://127.0.0.1:9", tmp_path),
    ):
        pass
