"""Every bad request gets one clear problem document; nothing of it is kept, nothing else lost."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from ledger.usage.batch import BATCH_BYTES_MAX, BATCH_RECORDS_MAX
from ledger.usage.totals import TotalKey, encode_totals
from tests.api.conftest import World, check_problem, other_seen
from tests.builder import SALT, blob_ref, signing_key
from tests.installation import (
    MONTH,
    SLUG,
    draft,
    entry_body,
    line,
    packed,
    usage_body,
    usage_head,
)

Make = Callable[[World], bytes]


def with_first_line(**changes: Any) -> Make:
    """A batch that is right but for its first line."""

    def make(world: World) -> bytes:
        return packed({**usage_head(world.coop, "bus", line("a")), **changes}, line("a"))

    return make


def with_entry(**changes: Any) -> Make:
    """A batch whose entry was changed after it was signed."""

    def make(world: World) -> bytes:
        head = usage_head(world.coop, "bus", line("a"))
        return packed({**head, "entry": {**head["entry"], **changes}}, line("a"))

    return make


def with_lines(*lines: bytes) -> Make:
    """A batch whose lines are not those that were sealed; the count is right."""

    def make(world: World) -> bytes:
        good = [line(str(number)) for number in range(len(lines))]
        return packed(usage_head(world.coop, "bus", *good), *lines)

    return make


def with_totals(*rows: tuple[str, str, str, str, int]) -> Make:
    """A batch that signs other totals than its records'."""

    def make(world: World) -> bytes:
        blob = encode_totals(SALT, {TotalKey(*row[:4]): row[4] for row in rows})
        head = usage_head(world.coop, "bus", line("a"), body={"totals": blob_ref(blob)})
        return packed({**head, "totals": base64.b64encode(blob).decode()}, line("a"))

    return make


def signed(lines: tuple[bytes, ...] = (line("a"),), **changes: Any) -> Make:
    """A batch that is wrong in what it signs."""
    return lambda world: usage_body(world.coop, "bus", *lines, **changes)


def raw(body: bytes) -> Make:
    return lambda _world: body


def edited(edit: Callable[[bytes], bytes]) -> Make:
    return lambda world: edit(usage_body(world.coop, "bus", line("a")))


def cross_seen(world: World) -> bytes:
    other = other_seen(world.coop, genesis=bytes(32))
    return usage_body(world.coop, "bus", line("a"), seen=other)


def unknown_history(world: World) -> bytes:
    return usage_body(world.coop, "bus", line("a"), seen=other_seen(world.coop, root=bytes(32)))


def future_history(world: World) -> bytes:
    return usage_body(world.coop, "bus", line("a"), seen=other_seen(world.coop, size=10_000))


def other_origin(world: World) -> bytes:
    seen = other_seen(world.coop, origin="ledger.example.jp/noto")
    return usage_body(world.coop, "bus", line("a"), seen=seen)


def other_actor(world: World) -> bytes:
    head = usage_head(world.coop, "bus", line("a"))
    head["entry"]["actor"] = signing_key("ev").address
    head["entry"]["sequence"] = world.coop.state().keys[signing_key("ev").address].sequence
    return packed(head, line("a"))


SIGNED_AS = {"sequence": 0}
BATCHES: dict[str, tuple[Make, int, str]] = {
    # Who signs.
    "signature of zeros": (with_entry(signature="0x" + "00" * 65), 403, "wrong-signer"),
    "signature too short": (with_entry(signature="0x00"), 400, "malformed-entry"),
    "signature with blanks": (with_entry(signature="0x" + " 0" * 65), 400, "malformed-entry"),
    "signature not a text": (with_entry(signature=7), 400, "malformed-entry"),
    "body changed after signing": (with_entry(body={}), 403, "wrong-signer"),
    "another's name": (other_actor, 403, "wrong-signer"),
    "a stranger's key": (signed(key="stranger", sequence=0), 403, "wrong-signer"),
    "another co-op's genesis": (cross_seen, 403, "wrong-signer"),
    "another co-op's origin": (other_origin, 403, "wrong-signer"),
    "no right to submit": (
        lambda world: usage_body(world.coop, "town", line("a")), 403, "not-permitted",
    ),
    # Counter and history.
    "sequence ahead": (signed(sequence=99), 409, "sequence-gap"),
    "sequence used": (signed(**SIGNED_AS), 409, "duplicate-id"),
    "sequence negative": (with_entry(sequence=-1), 400, "malformed-entry"),
    "sequence a text": (with_entry(sequence="3"), 400, "malformed-entry"),
    "sequence true": (with_entry(sequence=True), 400, "malformed-entry"),
    "a root that never was": (unknown_history, 409, "stale-checkpoint"),
    "a size not reached yet": (future_history, 409, "stale-checkpoint"),
    "seen without root": (with_entry(seen={"size": 1}), 400, "malformed-entry"),
    "seen root with blanks": (
        with_entry(seen={"size": 1, "root": " 0" * 32}), 400, "malformed-entry",
    ),
    # What is signed.
    "count": (signed(body={"count": 2}), 400, "malformed-batch"),
    "count zero": (signed(body={"count": 0}), 400, "malformed-entry"),
    "root": (signed(body={"root": "00" * 32}), 400, "malformed-batch"),
    "root not hex": (signed(body={"root": "x" * 64}), 400, "malformed-entry"),
    "total": (with_totals((MONTH, "hub-1", "trips", "", 2)), 400, "sum-mismatch"),
    "total of another month": (
        with_totals((MONTH, "hub-1", "trips", "", 1), ("2024-04", "hub-1", "trips", "", 1)),
        400, "sum-mismatch",
    ),
    "totals not those signed": (
        with_first_line(totals=base64.b64encode(b"x" * 40).decode()), 400, "malformed-entry",
    ),
    "totals not base64": (with_first_line(totals="?"), 400, "malformed-entry"),
    "totals missing a salt": (with_first_line(totals=""), 400, "malformed-entry"),
    "an account of its own": (signed(body={"account": "ev"}), 400, "malformed-entry"),
    "unknown field in the body": (signed(body={"note": "x"}), 400, "malformed-entry"),
    # The first line.
    "unknown field in the first line": (with_first_line(more=1), 400, "malformed-entry"),
    "unknown field in the entry": (with_entry(more=1), 400, "malformed-entry"),
    "seed too short": (with_first_line(salt_seed="00"), 400, "malformed-batch"),
    "seed with blanks": (with_first_line(salt_seed=" 0" * 32), 400, "malformed-batch"),
    "seed a number": (with_first_line(salt_seed=1), 400, "malformed-batch"),
    "entry not an object": (with_first_line(entry=[]), 400, "malformed-entry"),
    "another version": (with_entry(v=2), 400, "malformed-entry"),
    "another kind": (with_entry(kind="cost-reported"), 403, "wrong-signer"),
    "a fraction": (
        edited(lambda body: body.replace(b'"size":', b'"size":0.5,"x":', 1)),
        400, "malformed-entry",
    ),
    "a name twice": (
        edited(lambda body: body.replace(b'"v":1', b'"v":1,"v":1', 1)), 400, "malformed-entry",
    ),
    "a lone surrogate": (
        edited(lambda body: body.replace(b'"custody"', b'"\\ud800"', 1)), 400, "malformed-entry",
    ),
    "nested beyond reason": (
        raw(b"[" * 60_000 + b"\n" + line("a")), 400, "malformed-entry",
    ),
    "countless parts": (raw(b"[" * 100_000 + b"\n" + line("a")), 413, "too-large"),
    # The whole.
    "empty": (raw(b""), 400, "malformed-batch"),
    "no records": (raw(b"{}\n"), 400, "malformed-batch"),
    "not JSON": (raw(b"{\n" + line("a")), 400, "malformed-entry"),
    "not UTF-8": (edited(lambda body: body.replace(b"hub-1", b"hub-\xff")), 400, "malformed-batch"),
    "UTF-16": (edited(lambda body: body.decode().encode("utf-16")), 400, "malformed-batch"),
    "byte order mark": (edited(lambda body: b"\xef\xbb\xbf" + body), 400, "malformed-batch"),
    "an empty line": (edited(lambda body: body + b"\n"), 400, "malformed-batch"),
    "Windows line ends": (
        edited(lambda body: body.replace(b"\n", b"\r\n")), 400, "malformed-batch",
    ),
    "oversized body": (raw(b"x" * (BATCH_BYTES_MAX + 1)), 413, "too-large"),
    "too many records": (
        edited(lambda body: body.split(b"\n")[0] + b"\n{}" * (BATCH_RECORDS_MAX + 1)),
        413, "too-large",
    ),
}  # fmt: skip


def record_of(**changes: Any) -> bytes:
    """A record line with fields changed; ``None`` takes a field away."""
    document = {**json.loads(line("0")), **changes}
    return json.dumps(
        {name: value for name, value in document.items() if value is not None}
    ).encode()


RECORDS: dict[str, tuple[bytes, str]] = {
    "metric": (record_of(measures={"smiles": 1}), "out-of-range"),
    "charge": (record_of(charges={"tip": 1}, currency="JPY"), "out-of-range"),
    "facility": (record_of(facility="hub-9"), "out-of-range"),
    "a month that is not open": (
        record_of(started_at="2024-07-01T00:00:00Z", ended_at="2024-07-01T01:00:00Z"),
        "out-of-range",
    ),
    "end before start": (record_of(ended_at="2024-05-01T00:00:00Z"), "malformed-record"),
    "a time without zone": (record_of(ended_at="2024-05-05T08:30:00"), "malformed-record"),
    "a time that never is": (record_of(ended_at="2024-05-32T08:30:00Z"), "malformed-record"),
    "a fraction": (line("0").replace(b":1}", b":1.5}"), "malformed-record"),
    "a huge number": (record_of(measures={"trips": 2**63}), "malformed-record"),
    "a negative number": (record_of(measures={"trips": -1}), "malformed-record"),
    "a number as text": (record_of(measures={"trips": "1"}), "malformed-record"),
    "no measure": (record_of(measures={}), "malformed-record"),
    "no id": (record_of(id=None), "malformed-record"),
    "an id with a blank": (record_of(id="a b"), "malformed-record"),
    "an unknown field": (record_of(price=1), "malformed-record"),
    "charges without currency": (record_of(charges={"fare": 1}), "malformed-record"),
    "a name twice": (line("0")[:-1] + b',"id":"1"}', "malformed-record"),
    "an oversized line": (record_of(attributes={"x": "y" * 9000}), "malformed-record"),
    "not JSON": (b"{", "malformed-record"),
    "not an object": (b"[]", "malformed-record"),
    "empty": (b"", "malformed-record"),
    "a byte order mark inside": (b"\xef\xbb\xbf" + line("0"), "malformed-record"),
}


def check_nothing_kept(world: World, before: dict[str, int]) -> None:
    """Nothing of the bad request is there, and another member's batch still goes in."""
    assert world.counts() == before
    receipt = world.usage(usage_body(world.coop, "ev", line("good")))
    assert receipt.status_code == 201, receipt.text


@pytest.mark.parametrize("name", BATCHES)
def test_a_bad_batch_is_refused_whole(world: World, name: str) -> None:
    make, status, code = BATCHES[name]
    body = make(world)
    before = world.counts()
    check_problem(world.usage(body), status, code)
    check_nothing_kept(world, before)


@pytest.mark.parametrize("name", RECORDS)
def test_a_bad_record_is_named(world: World, name: str) -> None:
    bad, code = RECORDS[name]
    body = with_lines(line("first"), bad, line("third"))(world)
    before = world.counts()
    problem = check_problem(world.usage(body), 400, "malformed-batch")
    [fault] = problem["errors"]
    assert fault["where"].startswith("record 2")
    assert fault["code"] == code
    check_nothing_kept(world, before)


def test_all_bad_records_are_named_at_once(world: World) -> None:
    bad = [bad for bad, _ in RECORDS.values()]
    lines = [part for index, one in enumerate(bad) for part in (line(f"good-{index}"), one)]
    problem = check_problem(world.usage(with_lines(*lines)(world)), 400, "malformed-batch")
    named = [fault["where"].partition(",")[0] for fault in problem["errors"]]
    assert named == [f"record {2 * (index + 1)}" for index in range(len(bad))]
    assert problem["detail"].startswith(f"{len(bad)} records are wrong")


def test_an_id_twice_in_a_batch(world: World) -> None:
    problem = check_problem(
        world.usage(with_lines(line("a"), line("b"), line("a"))(world)), 400, "malformed-batch"
    )
    assert [fault["where"] for fault in problem["errors"]] == ["record 3, id"]


def test_an_id_used_before_is_refused_and_named(world: World) -> None:
    assert world.usage(usage_body(world.coop, "bus", line("a"))).status_code == 201
    body = usage_body(world.coop, "bus", line("b"), line("a"))
    before = world.counts()
    problem = check_problem(world.usage(body), 409, "duplicate-id")
    assert [fault["where"] for fault in problem["errors"]] == ["record 2, id"]
    check_nothing_kept(world, before)


def test_another_member_may_use_the_same_id(world: World) -> None:
    for who in ("bus", "ev"):
        assert world.usage(usage_body(world.coop, who, line("a"))).status_code == 201


def reversal_of(record_id: str, **changes: Any) -> bytes:
    document = json.loads(line(record_id))
    measures = {name: -amount for name, amount in document["measures"].items()}
    document |= {"id": "back", "reverses": record_id, "measures": measures, **changes}
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (reversal_of("nothing"), 400),
        (reversal_of("a", measures={"trips": -2}), 400),
        (reversal_of("a", ended_at="2024-05-06T00:00:00Z"), 400),
        (reversal_of("done"), 409),
    ],
    ids=["of nothing", "of another amount", "of another time", "a second time"],
)
def test_a_reversal_that_is_not_the_exact_negative(world: World, bad: bytes, status: int) -> None:
    good = usage_body(world.coop, "bus", line("a"), line("done"))
    assert world.usage(good).status_code == 201
    assert world.usage(usage_body(world.coop, "bus", reversal_of("done", id="x"))).is_success
    body = usage_body(world.coop, "bus", bad)
    before = world.counts()
    answer = world.usage(body)
    assert answer.status_code in {400, 409}, answer.text
    problem = check_problem(answer, answer.status_code, answer.json()["code"])
    assert problem["errors"][0]["where"].startswith("record 1")
    check_nothing_kept(world, before)


# Packing.


def bomb() -> bytes:
    return gzip.compress(b"x" * (BATCH_BYTES_MAX + 1), 9)


PACKED: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "bomb": (lambda _: bomb(), 413, "too-large"),
    "bomb of bombs": (lambda _: gzip.compress(bomb(), 9), 400, "malformed-batch"),
    "truncated": (lambda body: gzip.compress(body)[:-9], 400, "malformed-batch"),
    "wrong check sum": (
        lambda body: gzip.compress(body)[:-8] + bytes(8), 400, "malformed-batch",
    ),
    "trailing bytes": (lambda body: gzip.compress(body) + b"x", 400, "malformed-batch"),
    "two members": (
        lambda body: gzip.compress(body) + gzip.compress(body), 400, "malformed-batch",
    ),
    "not gzip": (lambda body: body, 400, "malformed-batch"),
    "empty": (lambda _: b"", 400, "malformed-batch"),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKED)
def test_a_badly_packed_batch(world: World, name: str) -> None:
    pack, status, code = PACKED[name]
    body = pack(usage_body(world.coop, "bus", line("a")))
    before = world.counts()
    check_problem(world.usage(body, **{"Content-Encoding": "gzip"}), status, code)
    check_nothing_kept(world, before)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "zstd"])
def test_an_unknown_packing(world: World, encoding: str) -> None:
    body = usage_body(world.coop, "bus", line("a"))
    check_problem(world.usage(body, **{"Content-Encoding": encoding}), 400, "invalid-input")


def test_gzip_is_understood_in_any_case_of_its_name(world: World) -> None:
    body = gzip.compress(usage_body(world.coop, "bus", line("a")))
    assert world.usage(body, **{"Content-Encoding": "GZIP"}).status_code == 201


# Other entries.

COST = {"period": MONTH, "id": "platform", "member": "bus", "amount_minor": 1, "currency": "JPY"}
ENTRIES: dict[str, tuple[Make, int, str]] = {
    "empty": (raw(b""), 400, "malformed-entry"),
    "a list": (raw(b"[]"), 400, "malformed-entry"),
    "no blobs": (raw(b'{"entry":{}}'), 400, "malformed-entry"),
    "blobs a list": (
        lambda world: json.dumps(
            {"entry": draft(world.coop, "office", "cost-reported", COST).document(), "blobs": []}
        ).encode(), 400, "malformed-entry",
    ),
    "a blob that nobody names": (
        lambda world: entry_body(world.coop, "office", "cost-reported", COST, b"x"),
        400, "malformed-entry",
    ),
    "a blob with a surrogate for a name": (
        lambda world: json.dumps(
            {"entry": draft(world.coop, "office", "cost-reported", COST).document(),
             "blobs": {"\ud800": "AAAA"}}
        ).encode(), 400, "malformed-entry",
    ),
    "a kind unknown": (
        lambda world: entry_body(world.coop, "office", "gift", {}), 400, "malformed-entry",
    ),
    "a second charter": (
        lambda world: entry_body(world.coop, "office", "charter", {}), 400, "malformed-entry",
    ),
    "an amount of zero": (
        lambda world: entry_body(
            world.coop, "office", "cost-reported", {**COST, "amount_minor": 0}
        ), 400, "malformed-entry",
    ),
    "a currency unknown": (
        lambda world: entry_body(
            world.coop, "office", "cost-reported", {**COST, "currency": "EUR"}
        ), 400, "malformed-entry",
    ),
    "a period unknown": (
        lambda world: entry_body(
            world.coop, "office", "cost-reported", {**COST, "period": "2020-01"}
        ), 404, "not-found",
    ),
    "a role without the right": (
        lambda world: entry_body(world.coop, "bus", "period-closing", {"period": MONTH}),
        403, "not-permitted",
    ),
    "usage by the wrong door": (
        lambda world: json.dumps(
            {"entry": usage_head(world.coop, "bus", line("a"))["entry"], "blobs": {}}
        ).encode(), 400, "malformed-entry",
    ),
    "a decision on nothing": (
        lambda world: entry_body(
            world.coop, "bus", "decision",
            {"action": "approve", "subject": "x", "subject_hash": "00" * 32, "comment": ""},
        ), 404, "not-found",
    ),
    "a decision without words": (
        lambda world: json.dumps(
            {"entry": {
                **draft(world.coop, "bus", "cost-reported", {}).document(), "kind": "decision",
            }, "blobs": {}}
        ).encode(), 400, "malformed-entry",
    ),
    "an entry too large": (
        lambda world: entry_body(
            world.coop, "office", "cost-reported", {**COST, "note": "x" * 70_000}
        ), 413, "too-large",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_a_bad_entry_is_refused(world: World, name: str) -> None:
    make, status, code = ENTRIES[name]
    body = make(world)
    before = world.counts()
    check_problem(world.entries(body), status, code)
    check_nothing_kept(world, before)


def test_a_body_names_every_fault_of_an_entry_with_a_pointer(world: World) -> None:
    body = entry_body(world.coop, "office", "cost-reported", {"period": "May", "id": 7})
    problem = check_problem(world.entries(body), 400, "malformed-entry")
    named = {fault["where"] for fault in problem["errors"]}
    assert named == {"/period", "/id", "/member", "/amount_minor", "/currency"}


def test_what_was_sent_is_not_echoed_at_length(world: World) -> None:
    blobs = {"y" * 100_000: "AAAA"}
    entry = draft(world.coop, "office", "cost-reported", COST).document()
    answer = world.entries(json.dumps({"entry": entry, "blobs": blobs}).encode())
    check_problem(answer, 400, "malformed-entry")
    assert len(answer.content) < 5_000


def test_a_blob_of_somebody_else_cannot_be_named_as_ones_own(world: World) -> None:
    """Knowing a blob's hash, which stands in the log, is not knowing the blob."""
    head = usage_head(world.coop, "bus", line("a"))
    assert world.usage(packed(head, line("a"))).status_code == 201
    totals = base64.b64decode(head["totals"])
    digest = sha256(totals).hexdigest()
    bank = {"type": "bank", "details": blob_ref(totals), "hint": "x"}
    body = {"member": "ev", "currency": "JPY", "destination": bank}
    problem = check_problem(
        world.entries(entry_body(world.coop, "ev", "payout-destination-set", body)),
        400, "malformed-entry",
    )  # fmt: skip
    assert "send it with the entry" in problem["detail"]
    check_problem(world.get(f"/blobs/{digest}", "ev"), 403, "not-permitted")
    assert world.get(f"/blobs/{digest}", "bus").content == totals


# Sizes that the server must not take on trust.


@pytest.mark.parametrize("path", ["sign-in", "usage/known"])
def test_small_requests_have_a_limit_too(world: World, path: str) -> None:
    body = b'{"message": "' + b"x" * 5 * 2**20 + b'"}'
    answer = world.http.post(
        f"/v1/{SLUG}/{path}", content=body, headers={"Content-Type": "application/json"}
    )
    check_problem(answer, 413, "too-large")
