"""Forgers with keys: the log's, the office's, a member's; and logs made from nothing."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest

from ledger import canonical
from ledger.audit.bundle import MANIFEST, lines_name, tiles_of
from ledger.coop.apply import apply
from ledger.coop.envelope import Envelope
from ledger.coop.settlements import compute
from ledger.coop.submission import Submission
from ledger.errors import KyojoError, MalformedEntry
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.key import SigningKey, format_vkey
from ledger.log.merkle import leaf_hash
from ledger.log.note import Ed25519Signer
from ledger.log.tile import format_bundle, format_tile_path
from ledger.usage.totals import TotalKey, encode_totals
from tests.audit.world import (
    SEED,
    archive_of,
    bundle_of,
    bundle_of_entries,
    files_of,
    flipped,
    new_world,
    note_of,
    places,
    propose,
    rebuild,
    settled_world,
    trust_in,
    use_facilities,
    verify,
)
from tests.builder import (
    ORIGIN,
    SALT,
    World,
    blob_ref,
    log_key,
    record,
    usage_submission,
)


class Lenient(World):
    """A ledger whose sequencer takes what it must not, as one in a forger's hands would."""

    def accept(self, submission: Submission):
        try:
            return super().accept(submission)
        except KyojoError:
            self.blobs.update(submission.blobs)
            envelope = Envelope(submission.draft, self.now)
            if submission.batch is not None:
                self.batches[len(self.entries)] = submission.batch
            self.entries.append(envelope.data)
            return None


def lenient(world: World) -> Lenient:
    found = Lenient(**{name: getattr(world, name) for name in World.__dataclass_fields__})
    found.entries, found.blobs = list(world.entries), dict(world.blobs)
    found.batches = dict(world.batches)
    return found


@pytest.fixture(scope="module")
def closed():
    world = new_world()
    world.prepare(with_usage=False)
    use_facilities(world)
    world.close()
    return world


def refused_at(world: World, trust, index: int):
    report = verify(bundle_of(world), trust)
    assert report.verdict == "refused"
    assert any(place.split(",")[0] == f"entry {index}" for place in places(report)), places(report)
    return report


def test_a_settlement_with_one_unit_moved_is_recomputed(closed):
    totals = dict(compute(closed.state, "2026-10", closed, SEED).settlement.document["totals"])
    totals["paid_to_members"] = str(int(totals["paid_to_members"]) + 1)
    forged = lenient(closed)
    propose(forged, totals=totals)
    report = refused_at(forged, trust_in(closed), len(closed.entries))
    found = next(finding for finding in report.findings if finding.code == "sum-mismatch")
    assert found.where == f"entry {len(closed.entries)}, totals"


def test_lines_that_move_one_unit_are_recomputed(closed):
    computed = compute(closed.state, "2026-10", closed, SEED).settlement
    digit = re.search(rb":\"?[0-9]*([0-9])\"?[,}]", computed.lines_blob[32:])
    moved = flipped(computed.lines_blob, 32 + digit.start(1))
    assert canonical.parse(moved[32:]) != canonical.parse(computed.lines_blob[32:])
    forged = lenient(closed)
    propose(forged, lines=moved)
    refused_at(forged, trust_in(closed), len(closed.entries))


def test_a_forged_vote_is_refused(closed):
    forged = lenient(closed)
    propose(forged)
    wanted = next(iter(forged.state.proposals))
    ballot = forged.ballot("bus", wanted)
    stolen = forged.ballot("ev", wanted)
    index = len(forged.entries)
    forged.accept(Submission(ballot.__class__(**{**vars(ballot), "signature": stolen.signature})))
    report = refused_at(forged, trust_in(closed), index)
    assert "wrong-signer" in {finding.code for finding in report.findings}


def test_a_vote_twice_is_refused(closed):
    forged = lenient(closed)
    propose(forged)
    wanted = next(iter(forged.state.proposals))
    forged.vote("bus", wanted)
    index = len(forged.entries)
    forged.vote("bus", wanted)
    refused_at(forged, trust_in(closed), index)


def test_every_entry_that_is_dropped_is_missed_unless_it_is_the_last(closed):
    """The forger holds the log's key and signs what is left."""
    trust = trust_in(closed)
    size = len(closed.entries)
    for index in range(size):
        entries = closed.entries[:index] + closed.entries[index + 1 :]
        report = verify(bundle_of_entries(closed, entries), trust)
        if index == size - 1:
            assert report.verdict == "verified"
            assert any("after its end" in remark.en for remark in report.not_checked)
        else:
            assert report.verdict == "refused"
            assert any(place.startswith(f"entry {index}") for place in places(report))


def test_two_entries_that_changed_places_are_refused(closed):
    entries = list(closed.entries)
    entries[4], entries[5] = entries[5], entries[4]
    report = verify(bundle_of_entries(closed, entries), trust_in(closed))
    assert report.verdict == "refused"
    assert any(place.startswith("entry 4") for place in places(report))


def test_a_log_signed_by_another_key_is_refused(closed):
    stranger = SigningKey(ORIGIN, log_key(ORIGIN).key_type, b"x" * 32)
    report = verify(bundle_of(closed, stranger), trust_in(closed))
    assert places(report) == ["checkpoint, signatures"]
    assert verify(bundle_of(closed, stranger)).verdict == "refused"


def test_an_invented_log_is_only_consistent_and_never_verified_for_others(closed):
    """Same origin, same names, other keys and nonce: another genesis."""
    stranger = SigningKey(ORIGIN, log_key(ORIGIN).key_type, b"x" * 32)
    vkey = format_vkey(stranger.verifier_key)
    invented = settled_world(nonce="cd" * 32, log_keys=[vkey])
    bundle = bundle_of(invented, stranger)
    assert verify(bundle).verdict == "consistent"
    report = verify(bundle, trust_in(closed))
    assert report.verdict == "refused"
    assert {"entry 0", "checkpoint, signatures"} <= set(places(report))
    with_log_key = settled_world(nonce="cd" * 32)
    report = verify(bundle_of(with_log_key), trust_in(closed))
    assert places(report) == ["entry 0"]
    assert report.findings[0].code == "wrong-log"


def test_another_coops_trust_refuses(closed):
    other = "ledger.example.jp/noto-energy"
    trust = trust_in(closed, origin=other, log_keys=(format_vkey(log_key(other).verifier_key),))
    report = verify(bundle_of(closed), trust)
    assert report.verdict == "refused"
    assert "entry 0, origin" in places(report)


def test_a_signature_line_by_somebody_unknown_is_refused(closed):
    files = files_of(bundle_of(closed))
    stranger = SigningKey(ORIGIN, log_key(ORIGIN).key_type, b"x" * 32)
    line = files_of(bundle_of(closed, stranger))["checkpoint"].split(b"\n\n")[1]
    for extra in (line, files["checkpoint"].split(b"\n\n")[1]):
        changed = {**files, "checkpoint": files["checkpoint"] + extra}
        report = verify(rebuild(changed, fit=True), trust_in(closed))
        assert places(report) == ["checkpoint, signatures"]


# Records: a member, or the ledger, that lies about them.


def lie(world: World, who: str, *lines: bytes, **body: object) -> Lenient:
    """A batch that the ledger's door would refuse; ``body`` replaces what the member signs."""
    forged = lenient(world)
    submission = usage_submission(world, who, lines, n=9)
    document = {**submission.draft.body, **body}
    draft = world.draft(who, "usage-batch", document)
    apply_only(forged, Submission(draft, submission.blobs, submission.batch))
    return forged


def apply_only(world: World, submission: Submission) -> None:
    """Take an entry that applies, without looking at its records."""
    world.blobs.update(submission.blobs)
    envelope = Envelope(submission.draft, world.now)
    change = apply(world.state, envelope, world)
    world.batches[len(world.entries)] = submission.batch
    world.entries.append(envelope.data)
    world.rows.extend(change.totals)
    world.state = change.state


@pytest.fixture(scope="module")
def open_month():
    world = new_world()
    world.prepare(with_usage=False)
    use_facilities(world)
    return world


@pytest.mark.parametrize(
    ("lines", "place", "code"),
    [
        ([record("bus-1")], "record 1, id", "duplicate-id"),
        ([record("x", reverses="nobody", measures={"trips": -1})], "record 1, reverses", None),
        ([record("x", reverses="x", measures={"trips": -5})], "record 1, reverses", None),
        ([record("x", reverses="bus-1", measures={"trips": -1})], "record 1, reverses", None),
        ([record("x", reverses="bus-2", measures={"trips": -7})], "record 1, reverses", None),
        (
            [record("x", reverses="y", measures={"trips": -5}), record("y")],
            "record 1, reverses",
            None,
        ),
    ],
)
def test_ids_and_reversals_are_checked_across_batches(open_month, lines, place, code):
    index = len(open_month.entries)
    forged = lie(open_month, "bus", *lines)
    report = verify(bundle_of(forged), trust_in(open_month))
    assert f"entry {index}, {place}" in places(report)
    assert code is None or report.findings[0].code == code


def test_a_reversal_that_counts_for_another_account_is_named(open_month):
    index = len(open_month.entries)
    reversal = record("x", reverses="bus-1", measures={"trips": -413}, charges={"fare": -900},
                      currency="JPY")  # fmt: skip
    forged = lie(open_month, "bus", reversal, account="suspense")
    report = verify(bundle_of(forged), trust_in(open_month))
    assert f"entry {index}, record 1, reverses" in places(report)
    honest = lie(open_month, "bus", reversal)
    assert verify(bundle_of(honest), trust_in(open_month)).verdict == "verified"


def test_the_same_id_of_another_member_is_another_record(open_month):
    forged = lie(open_month, "bike", record("bus-1"))
    assert verify(bundle_of(forged), trust_in(open_month)).verdict == "verified"


def test_a_total_that_the_records_do_not_add_up_to_is_named(open_month):
    index = len(open_month.entries)
    blob = encode_totals(SALT, {TotalKey("2026-10", "hub-1", "trips", ""): 2})
    forged = lenient(open_month)
    honest = usage_submission(open_month, "bus", (record("z"),), n=9)
    body = {**honest.draft.body, "totals": blob_ref(blob)}
    draft = open_month.draft("bus", "usage-batch", body)
    blobs = {sha256(blob).hexdigest(): blob}
    apply_only(forged, Submission(draft, blobs, honest.batch))
    report = verify(bundle_of(forged), trust_in(open_month))
    assert places(report) == [f"entry {index}, totals, 2026-10/hub-1/trips/"]
    assert "signed 2, the records give 1" in report.findings[0].en


def test_a_count_or_root_that_is_not_that_of_the_lines_is_named(open_month):
    index = len(open_month.entries)
    report = verify(bundle_of(lie(open_month, "bus", record("z"), count=2)), None)
    assert places(report) == [f"entry {index}, count"]
    report = verify(bundle_of(lie(open_month, "bus", record("z"), root="00" * 32)), None)
    assert f"entry {index}, root" in places(report)


def test_lines_that_are_no_records_are_named(month, files):
    name = next(name for name in files if name.endswith(".ndjson"))
    index = int(name[8:-7])
    for data in (b"", b"\n", b"\xff\n", b"{}", files[name][:-1], files[name] + b"\n"):
        report = verify(rebuild({**files, lines_name(index): data}, fit=True), month.trust)
        assert report.verdict == "refused"
        assert any(f"entry {index}" in place or name in place for place in places(report))


def test_entries_that_are_nothing_are_named_and_the_rest_is_read(month, files):
    for data in (b"", b"{}", b"\xff", b"[" * 60_000):
        entries = [*month.world.entries]
        entries[7] = data
        name = next(name for name in files if name.startswith("tile/entries/"))
        changed = rebuild({**files, name: format_bundle(entries)}, fit=True)
        report = verify(changed, month.trust)
        assert {"entry 7", "checkpoint"} <= set(places(report))
        assert report.facts.records == 7


def test_a_log_without_a_charter_is_refused_once_and_read_to_its_end(month):
    world = month.world
    forged = World(**{name: getattr(world, name) for name in World.__dataclass_fields__})
    forged.entries = [b"{}", *world.entries[1:]]
    report = verify(bundle_of_bytes(forged, month), None)
    assert report.verdict == "refused"
    found = [place for place in places(report) if place.startswith("entry ")]
    assert found == ["entry 0", f"entry {len(world.entries) - 1}, anchor"]
    assert report.facts.records == 7


def bundle_of_bytes(world: World, month) -> bytes:
    """The month's bundle with other entries, its tiles and checkpoint made to fit."""
    files = files_of(month.bundle)
    leaves = [leaf_hash(data) for data in world.entries]
    for tile, data in tiles_of(leaves).items():
        files[format_tile_path(tile)] = data
    name = next(name for name in files if name.startswith("tile/entries/"))
    files[name] = format_bundle(world.entries)
    files["checkpoint"] = note_of(world.entries, world.root(len(world.entries)))
    return rebuild(files, fit=True)


def test_names_far_beyond_the_log_cost_nothing(files):
    far = {**files, "tile/entries/x999/x999/x999/x999/999": b"", "tile/9/000.p/1": b""}
    report = verify(rebuild(far, fit=True))
    assert sum(finding.code == "unexpected-file" for finding in report.findings) == 2


def test_a_checkpoint_of_a_vast_log_costs_nothing(files):
    vast = Checkpoint(ORIGIN, 2**62, bytes(32))
    note = sign_checkpoint(vast, [Ed25519Signer(log_key(ORIGIN))])
    report = verify(rebuild({**files, "checkpoint": note}, fit=True))
    assert "checkpoint, size" in places(report)


def test_a_bundle_without_manifest_or_checkpoint_is_no_bundle(files):
    for name in (MANIFEST, "checkpoint"):
        rest = {other: data for other, data in files.items() if other != name}
        report = verify(archive_of(rest))
        assert report.facts is None
        assert report.verdict == "refused"


@pytest.mark.parametrize("digest", ["０" * 64, "\u202e" + "0" * 63, "0" * 300])
def test_a_blob_that_no_file_can_hold_is_named_when_the_bundle_is_written(closed, digest: str):
    forged = lenient(closed)
    body = {"evidence": {"sha256": digest, "bytes": 5}}
    forged.accept(Submission(forged.draft("office", "anchor-recorded", body)))
    with pytest.raises(MalformedEntry, match=f"entry {len(forged.entries) - 1} names a blob"):
        bundle_of(forged)
