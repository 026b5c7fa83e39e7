"""A log's key is replaced: announced, side by side, retired; and members learn it on the way."""

from __future__ import annotations

import copy
import io
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ledger.audit.archive import read_archive
from ledger.audit.bundle import MANIFEST, parse_manifest, write_contents
from ledger.audit.report import Report
from ledger.audit.trust import Trust
from ledger.audit.verify import verify_bundle
from ledger.client.logkeys import learn_keys
from ledger.coop.logkeys import in_force, possession_text
from ledger.errors import (
    BadSignature,
    DuplicateId,
    MalformedEntry,
    NotFound,
    NotIncluded,
    NotPermitted,
    Unavailable,
    VerificationError,
)
from ledger.log.checkpoint import (
    Checkpoint,
    format_checkpoint,
    open_checkpoint,
    sign_checkpoint,
)
from ledger.log.cosignature import CosignatureSigner, verifier_of
from ledger.log.key import KeyType, SigningKey, format_signing_key, format_vkey
from ledger.log.note import Ed25519Signer, parse_note, sign_note
from ledger.service import logkeys
from ledger.service.coop import Coop
from ledger.service.export import export_bundle, export_period, trust_of
from ledger.service.submit import submit_usage
from ledger.wiring import Installation
from tests.builder import ORIGIN, log_key
from tests.installation import NEXT, SLUG, Place, carry, line, usage_body

FIRST = log_key()
SECOND = SigningKey(ORIGIN, KeyType.ED25519, b"2" * 32)
THIRD = SigningKey(ORIGIN, KeyType.ED25519, b"3" * 32)
POST_QUANTUM = SigningKey(ORIGIN, KeyType.ML_DSA_44, b"4" * 32)


def vkey(key: SigningKey) -> str:
    return format_vkey(key.verifier_key)


class Office:
    """An installation that is started again with other keys."""

    def __init__(self, root: Path, source: Path) -> None:
        shutil.copytree(source, root)
        self.root = root
        self.installation: Installation | None = None
        self.count = 0

    def start(self, *keys: SigningKey) -> Coop:
        self.close()
        config = self.root / "kyojo.toml"
        lines = [one for one in config.read_text().splitlines() if "log_key" not in one]
        at = next(n for n, one in enumerate(lines) if one.startswith("origin"))
        names = [f"keys/log-{key.verifier_key.key_id.hex()}.key" for key in keys]
        for name, key in zip(names, keys, strict=True):
            (self.root / name).write_text(format_signing_key(key))
        lines[at:at] = [f'log_key = "{names[0]}"', f"more_log_keys = {names[1:]}"]
        config.write_text("\n".join(lines))
        self.installation = Place(self.root).open()
        return self.installation.coop(SLUG)

    def close(self) -> None:
        if self.installation is not None:
            self.installation.close()
            self.installation = None

    def write(self, coop: Coop) -> list[str]:
        """Write an entry; the ids of the keys that signed the checkpoint."""
        self.count += 1
        receipt = submit_usage(coop, usage_body(coop, "bus", line(f"r{self.count}")))
        return [one.key_id.hex() for one in parse_note(receipt.note).signatures]


def ids(*keys: SigningKey) -> list[str]:
    return [key.verifier_key.key_id.hex() for key in keys]


@pytest.fixture
def office(templates: dict[str, Path], tmp_path: Path) -> Iterator[Office]:
    place = Office(tmp_path / "place", templates["open"])
    yield place
    place.close()


def rotated(office: Office) -> Coop:
    """From the first key to the second, and on to the third."""
    coop = office.start(FIRST, SECOND)
    logkeys.announce(coop, SECOND)
    carry(coop)
    logkeys.retire(coop, vkey(FIRST), "five years old")
    carry(coop)
    coop = office.start(SECOND, THIRD)
    logkeys.announce(coop, THIRD)
    carry(coop)
    logkeys.retire(coop, vkey(SECOND), "lost")
    carry(coop)
    return office.start(THIRD)


def rows(coop: Coop) -> list[dict]:
    return [
        {"vkey": row.vkey, "announcement": row.announcement, "retirement": row.retirement}
        for row in logkeys.history(coop)
    ]


def test_old_and_new_sign_side_by_side_until_the_old_one_is_retired(office):
    coop = office.start(FIRST, SECOND)
    assert office.write(coop) == ids(FIRST), "a key that was not announced does not sign"
    logkeys.announce(coop, SECOND)
    assert office.write(coop) == ids(FIRST), "nor one that the members have not approved"
    carry(coop)
    assert office.write(coop) == ids(FIRST, SECOND)
    logkeys.retire(coop, vkey(FIRST), "five years old")
    carry(coop)
    with coop.reading() as (state, log):
        last = parse_note(log.key_changes()[state.size]).signatures
    assert [one.key_id.hex() for one in last] == ids(FIRST, SECOND), "it signs its own end"
    assert office.write(coop) == ids(SECOND)
    assert office.write(office.start(SECOND)) == ids(SECOND)
    assert in_force(coop.state().log_keys) == (vkey(SECOND),)


def test_a_key_that_is_not_here_is_not_put_in_force(office):
    coop = office.start(FIRST)
    logkeys.announce(coop, SECOND)
    with pytest.raises(NotPermitted, match="more_log_keys"):
        carry(coop)
    assert in_force(coop.state().log_keys) == (vkey(FIRST),)
    assert office.write(coop) == ids(FIRST)


def test_a_key_in_force_that_is_missing_stops_the_signing(office):
    coop = office.start(FIRST, SECOND)
    logkeys.announce(coop, SECOND)
    carry(coop)
    with pytest.raises(Unavailable, match=ids(SECOND)[0]):
        office.write(office.start(FIRST))


def test_members_learn_the_keys_on_the_way(office):
    history = rows(rotated(office))
    assert learn_keys([vkey(FIRST)], history, origin=ORIGIN) == [vkey(THIRD)]
    assert learn_keys([vkey(SECOND)], history, origin=ORIGIN) == [vkey(THIRD)]
    assert learn_keys([vkey(THIRD)], history, origin=ORIGIN) == [vkey(THIRD)]


def test_nobody_learns_a_key_from_a_stranger(office):
    history = rows(rotated(office))
    stranger = SigningKey(ORIGIN, KeyType.ED25519, b"9" * 32)
    with pytest.raises(BadSignature):
        learn_keys([vkey(stranger)], history, origin=ORIGIN)


def spoil_hash(row: dict) -> None:
    row["hashes"] = ["00" * 32, *row["hashes"][1:]]


def spoil_signatures(row: dict) -> None:
    text, _, signatures = row["checkpoint"].partition("\n\n")
    row["checkpoint"] = text + "\n\n" + signatures.splitlines()[-1] + "\n"


@pytest.mark.parametrize("spoil", [spoil_hash, spoil_signatures], ids=lambda one: one.__name__)
def test_an_announcement_that_is_not_shown_is_refused(office, spoil):
    coop = office.start(FIRST, SECOND)
    logkeys.announce(coop, SECOND)
    carry(coop)
    history = copy.deepcopy(rows(coop))
    spoil(history[1]["announcement"])
    with pytest.raises(VerificationError):
        learn_keys([vkey(FIRST)], history, origin=ORIGIN)


def test_an_old_key_alone_does_not_end_itself(office):
    coop = office.start(FIRST, SECOND)
    logkeys.announce(coop, SECOND)
    carry(coop)
    logkeys.retire(coop, vkey(FIRST), "five years old")
    carry(coop)
    history = copy.deepcopy(rows(coop))
    lines = history[0]["retirement"]["checkpoint"].splitlines(keepends=True)
    history[0]["retirement"]["checkpoint"] = "".join(lines[:-1])
    with pytest.raises(BadSignature):
        learn_keys([vkey(FIRST), vkey(SECOND)], history, origin=ORIGIN)


def test_an_entry_about_another_key_announces_nothing(office):
    coop = office.start(FIRST, SECOND)
    logkeys.announce(coop, SECOND)
    carry(coop)
    history = rows(coop)
    history[1]["vkey"] = vkey(THIRD)
    with pytest.raises(NotIncluded):
        learn_keys([vkey(FIRST)], history, origin=ORIGIN)


# What the members are not even asked.


def test_a_key_without_possession_is_refused(office):
    coop = office.start(FIRST)
    text = possession_text(SECOND.verifier_key, coop.state().genesis)
    other = possession_text(SECOND.verifier_key, "ab" * 32)
    from ledger.service.office import write

    for note in (
        sign_note(text, [Ed25519Signer(THIRD)]).decode(),
        sign_note(other, [Ed25519Signer(SECOND)]).decode(),
        "nothing",
    ):
        with pytest.raises(MalformedEntry, match="new key has"):
            write(coop, kind="log-key-added", body={"vkey": vkey(SECOND), "possession": note})


def test_keys_that_cannot_be_added_or_retired(office):
    coop = office.start(FIRST)
    with pytest.raises(DuplicateId):
        logkeys.announce(coop, FIRST)
    with pytest.raises(MalformedEntry, match="named after its origin"):
        logkeys.announce(coop, SigningKey("another.example", KeyType.ED25519, b"2" * 32))
    with pytest.raises(NotFound):
        logkeys.retire(coop, vkey(SECOND), "")
    with pytest.raises(NotPermitted, match="no Ed25519 key would be left"):
        logkeys.retire(coop, vkey(FIRST), "")


# A key that can sign nothing but checkpoints.


def test_an_ml_dsa_key_is_announced_and_retired_like_any_other(office, tmp_path):
    coop = office.start(FIRST, POST_QUANTUM)
    logkeys.announce(coop, POST_QUANTUM)
    carry(coop)
    assert office.write(coop) == ids(FIRST, POST_QUANTUM)
    assert learn_keys([vkey(FIRST)], rows(coop), origin=ORIGIN) == [vkey(FIRST), vkey(POST_QUANTUM)]
    assert learn_keys([vkey(POST_QUANTUM)], rows(coop), origin=ORIGIN) == [vkey(POST_QUANTUM)]
    for known in (FIRST, POST_QUANTUM):
        report = report_on(bundle_of(coop, tmp_path), trust_in(coop, known))
        assert report.verdict == "verified", report.findings
        assert len(report.facts.signed_by) == 2
    logkeys.retire(coop, vkey(POST_QUANTUM), "")
    carry(coop)
    assert office.write(office.start(FIRST)) == ids(FIRST)
    report = report_on(bundle_of(office.start(FIRST), tmp_path), trust_in(coop, POST_QUANTUM))
    assert report.verdict == "verified", "it is followed to the one that is left"


def test_an_ml_dsa_key_shows_possession_by_the_first_checkpoint_alone(office):
    coop = office.start(FIRST)
    genesis = coop.state().genesis
    from ledger.service.office import write

    with coop.reading() as (_, log):
        head = log.head()
    assert log_first_root(coop) == bytes.fromhex(genesis), "the root of one entry is its leaf"
    stranger = SigningKey(ORIGIN, KeyType.ML_DSA_44, b"5" * 32)
    for signer, checkpoint in (
        (stranger, Checkpoint(ORIGIN, 1, bytes.fromhex(genesis))),
        (POST_QUANTUM, Checkpoint(ORIGIN, 1, b"\xab" * 32)),
        (POST_QUANTUM, Checkpoint(ORIGIN, 2, bytes.fromhex(genesis))),
        (POST_QUANTUM, Checkpoint(ORIGIN, head.size, head.root)),
        (POST_QUANTUM, Checkpoint("another.example", 1, bytes.fromhex(genesis))),
    ):
        note = sign_note(format_checkpoint(checkpoint), [CosignatureSigner(signer, 1_700_000_000)])
        body = {"vkey": vkey(POST_QUANTUM), "possession": note.decode()}
        with pytest.raises(MalformedEntry, match="new key has"):
            write(coop, kind="log-key-added", body=body)


def log_first_root(coop: Coop) -> bytes:
    with coop.reading() as (_, log):
        return log.root(1)


# The audit follows the keys.


def bundle_of(coop: Coop, folder: Path) -> bytes:
    path = folder / "audit.zip"
    export_bundle(coop, path)
    return path.read_bytes()


def trust_in(coop: Coop, *keys: SigningKey) -> Trust:
    found = trust_of(coop)
    return found.model_copy(update={"log_keys": tuple(map(vkey, keys))})


def report_on(bundle: bytes, trust: Trust | None) -> Report:
    return verify_bundle(io.BytesIO(bundle), trust)


@pytest.mark.parametrize("known", [FIRST, SECOND, THIRD], ids=["first", "second", "third"])
def test_an_auditor_who_knows_any_key_of_the_log_follows_it(office, tmp_path, known):
    coop = rotated(office)
    report = report_on(bundle_of(coop, tmp_path), trust_in(coop, known))
    assert report.verdict == "verified", report.findings
    assert report.facts.signed_by == (f"{ORIGIN}+{ids(THIRD)[0]}",)
    assert report_on(bundle_of(coop, tmp_path), None).verdict == "consistent"


def test_an_auditor_who_knows_another_key_does_not(office, tmp_path):
    coop = rotated(office)
    stranger = SigningKey(ORIGIN, KeyType.ED25519, b"9" * 32)
    report = report_on(bundle_of(coop, tmp_path), trust_in(coop, stranger))
    assert report.verdict == "refused"
    assert [found.where for found in report.findings] == ["checkpoint, signatures"]


def test_a_retired_key_signs_no_head(office, tmp_path):
    coop = rotated(office)
    bundle = bundle_of(coop, tmp_path)
    with coop.reading() as (_, log):
        head = log.head()
    old = sign_checkpoint(Checkpoint(ORIGIN, head.size, head.root), [Ed25519Signer(FIRST)])
    report = report_on(with_file(bundle, "checkpoint", old), trust_in(coop, FIRST))
    assert "checkpoint, signatures" in [found.where for found in report.findings]


def test_every_change_of_a_key_head_is_found(office, tmp_path):
    coop = rotated(office)
    bundle = bundle_of(coop, tmp_path)
    with coop.reading() as (_, log):
        notes = log.key_changes()
    assert len(notes) == 4
    for size, note in notes.items():
        for at in range(0, len(note), 7):
            changed = note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :]
            report = report_on(with_file(bundle, f"keys/{size}", changed), trust_in(coop, FIRST))
            assert f"keys/{size}" in {found.where for found in report.findings}, at
    last = with_file(bundle, f"keys/{max(notes)}", None)
    places = {found.where for found in report_on(last, trust_in(coop, FIRST)).findings}
    assert any(place.endswith(", keys") for place in places)
    extra = with_file(bundle, "keys/3", next(iter(notes.values())))
    found = report_on(extra, trust_in(coop, FIRST))
    assert "keys/3" in {one.where for one in found.findings}


def with_file(bundle: bytes, name: str, data: bytes | None) -> bytes:
    """The bundle with one file replaced, added or (None) taken out, its manifest made to fit."""
    archive = read_archive(io.BytesIO(bundle))
    files = {one: archive.read(one) for one in archive.members if one != MANIFEST}
    manifest = parse_manifest(archive.read(MANIFEST))
    files.pop(name, None)
    if data is not None:
        files[name] = data
    out = io.BytesIO()
    write_contents(out, {one: partial(bytes, got) for one, got in files.items()}, manifest,
                   lambda _done, _all: None)  # fmt: skip
    return out.getvalue()


def test_a_months_bundle_starts_with_a_head_by_a_key_that_was_retired_since(templates, tmp_path):
    place = Office(tmp_path / "place", templates["settled"])
    coop = place.start(FIRST, SECOND)
    logkeys.announce(coop, SECOND)
    carry(coop)
    logkeys.retire(coop, vkey(FIRST), "five years old")
    carry(coop)
    coop = place.start(SECOND)
    path = tmp_path / "next.zip"
    manifest = export_period(coop, NEXT, path)
    start = read_archive(io.BytesIO(path.read_bytes())).read("start/checkpoint")
    head = open_checkpoint(start, origin=ORIGIN, verifiers=[verifier_of(FIRST.verifier_key)])
    assert head.checkpoint.size == manifest.start
    for known in (FIRST, SECOND):
        report = report_on(path.read_bytes(), trust_in(coop, known))
        assert report.verdict == "verified", report.findings
    place.close()
