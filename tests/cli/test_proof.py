"""``kyojo prove`` and ``kyojo verify-proof``, and every way not to be convinced."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.cli import main
from ledger.coop.recordproof import parse_record_proof
from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import add_signatures, sign_text
from ledger.log.proof import TlogProof, format_proof, parse_proof
from ledger.service.submit import submit_usage
from ledger.store.reading import Filter
from tests.builder import ORIGIN, log_key
from tests.installation import MONTH, NEXT, SLUG, Place, next_line, usage_body

Answer = tuple[int, Any, str]
REPOSITORY = Path(__file__).resolve().parents[2]
IDS = ("n-1", "n-2", "n-3", "n-4", "n-5")


class Desk:
    """A folder with an installation, its trust file, and somebody who types commands."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys
        self.place = Place(root / "installation")
        self.trust = root / "trust.toml"

    def run(self, *arguments: object, as_json: bool = True) -> Answer:
        """Exit code, what was printed (as a document), what was complained about."""
        self.capsys.readouterr()
        code = main([*map(str, arguments), *(["--json"] if as_json else [])])
        printed = self.capsys.readouterr()
        out = json.loads(printed.out) if as_json and printed.out else printed.out
        return code, out, printed.err

    def prove(self, *arguments: object, out: str = "proof") -> Path:
        config = ("--config", self.place.config, "--out", self.root / out)
        code, _, complaint = self.run("prove", *arguments, *config)
        assert code == 0, complaint
        return self.root / out

    def verify(self, file: Path, *arguments: object, trusted: bool = True) -> tuple[int, Any]:
        trust = ("--trust", self.trust) if trusted else ()
        code, report, complaint = self.run("verify-proof", file, *trust, *arguments)
        return code, report or complaint

    def batch(self, who: str, month: str) -> int:
        installation = self.place.open()
        wanted = Filter(kind="usage-batch", member=who, period=month)
        with installation.coop(SLUG).reading() as (_, log):
            index = log.search(wanted)[0].index
        installation.close()
        return index

    def write(self, name: str, data: bytes) -> Path:
        path = self.root / name
        path.write_bytes(data)
        return path


@pytest.fixture
def desk(templates: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    shutil.copytree(templates["settled"], tmp_path / "installation")
    desk = Desk(tmp_path, capsys)
    installation = desk.place.open()
    coop = installation.coop(SLUG)
    submit_usage(coop, usage_body(coop, "ev", *map(next_line, IDS)))
    installation.close()
    assert desk.run("audit", "trust", "--config", desk.place.config, "--out", desk.trust)[0] == 0
    return desk


def findings(report: Any) -> list[tuple[str, str]]:
    return [(one["code"], one["where"]) for one in report["findings"]]


def test_an_entry_is_proved_and_verified_offline(desk: Desk) -> None:
    proof = desk.prove("entry", 3, "--entry-out", desk.root / "entry.json")
    entry = desk.root / "entry.json"
    assert format_proof(parse_proof(proof.read_bytes())) == proof.read_bytes()
    code, report = desk.verify(proof, "--entry", entry)
    assert (code, report["verdict"], report["kind"]) == (0, "verified", "entry")
    assert report["origin"] == ORIGIN
    assert report["entries"][0]["index"] == 3
    assert len(report["checked"]) == 3
    code, report = desk.verify(proof, "--entry", entry, trusted=False)
    assert (code, report["verdict"]) == (4, "consistent")
    assert "without a trust file" in report["not_checked"][0]["en"]
    other = desk.write("other", entry.read_bytes().replace(b"{", b"[", 1))
    code, report = desk.verify(proof, "--entry", other)
    assert (code, findings(report)) == (3, [("not-included", "index 3")])
    assert len(report["checked"]) == 2  # the leaf and the log's signature


def test_it_needs_nothing_but_the_files(desk: Desk, tmp_path: Path) -> None:
    proof = desk.prove("record", "--entry", desk.batch("bus", MONTH), "--number", 0)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("KYOJO")
    }
    done = subprocess.run(
        [sys.executable, "-m", "ledger.cli", "verify-proof", proof, "--trust", desk.trust],
        cwd=empty, env={**environment, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERIFIED" in done.stdout
    assert '"trips":413' in done.stdout
    assert list(empty.iterdir()) == []


def test_records_are_disclosed_by_place_or_by_id(desk: Desk) -> None:
    batch = desk.batch("ev", NEXT)
    by_place = desk.prove("record", "--entry", batch, "--number", 3, "--number", 1, out="a")
    by_id = desk.prove(
        "record", "--member", "ev", "--period", NEXT, "--record-id", "n-2", "--record-id", "n-4",
        out="b",
    )  # fmt: skip
    assert by_place.read_bytes() == by_id.read_bytes()
    code, report = desk.verify(by_place)
    assert (code, report["verdict"], report["kind"]) == (0, "verified", "records")
    entry = report["entries"][0]
    assert (entry["index"], entry["records_count"]) == (batch, len(IDS))
    assert [record["number"] for record in entry["records"]] == [1, 3]
    assert [json.loads(record["line"])["id"] for record in entry["records"]] == ["n-2", "n-4"]
    assert any("member's" in remark["en"] for remark in report["not_checked"])
    assert len(report["checked"]) == 6


def test_records_of_several_batches_fit_in_one_file(desk: Desk) -> None:
    installation = desk.place.open()
    coop = installation.coop(SLUG)
    submit_usage(coop, usage_body(coop, "ev", next_line("n-6"), next_line("n-7")))
    installation.close()
    ids = [part for name in ("n-7", "n-1", "n-5") for part in ("--record-id", name)]
    proof = desk.prove("record", "--member", "ev", "--period", NEXT, *ids)
    code, report = desk.verify(proof)
    assert code == 0
    shown = [[one["number"] for one in entry["records"]] for entry in report["entries"]]
    assert shown == [[0, 4], [1]]


def test_a_disclosure_gives_salts_and_neither_the_seed_nor_other_records(desk: Desk) -> None:
    batch = desk.batch("ev", NEXT)
    proof = desk.prove("record", "--entry", batch, "--number", 2)
    installation = desk.place.open()
    with installation.coop(SLUG).reading() as (_, log):
        held = log.batch(batch)
    installation.close()
    data = proof.read_bytes()
    assert held.seed is not None
    assert held.seed.hex().encode() not in data
    shown = parse_record_proof(data).batches[0].records
    assert [record.line for record in shown] == [held.lines[2]]
    for name in ("n-1", "n-2", "n-4", "n-5"):
        assert name.encode() not in data


def test_the_text_says_what_was_and_was_not_checked(desk: Desk) -> None:
    proof = desk.prove("record", "--entry", desk.batch("bus", MONTH), "--number", 0)
    _, english, _ = desk.run("verify-proof", proof, "--trust", desk.trust, as_json=False)
    assert english.startswith("VERIFIED")
    assert "Checked:" in english
    assert "Not checked:" in english
    _, japanese, _ = desk.run(
        "verify-proof", proof, "--trust", desk.trust, "--language", "ja", as_json=False
    )
    assert japanese.startswith("検証済み")
    assert "確認していないこと" in japanese


def changed(proof: Path, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(proof.read_bytes())
    change(document)
    return json.dumps(document, ensure_ascii=False).encode()


def first(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["batches"][0]["records"][0]
    return found


def test_what_is_wrong_is_named(desk: Desk) -> None:
    batch = desk.batch("ev", NEXT)
    proof = desk.prove("record", "--entry", batch, "--number", 0, "--number", 4)
    other = desk.prove("record", "--entry", desk.batch("bus", MONTH), "--number", 0, out="other")
    other_batch = json.loads(other.read_bytes())["batches"][0]
    cases: dict[str, tuple[Callable[[dict[str, Any]], object], list[tuple[str, str]]]] = {
        "a salt": (
            lambda document: first(document).update(salt="00" * 32),
            [("not-included", "/batches/0/records/0, record 0")],
        ),
        "a line": (
            lambda document: document["batches"][0]["records"][1].update(line="{}"),
            [("not-included", "/batches/0/records/1, record 4")],
        ),
        "a number": (
            lambda document: first(document).update(number=1),
            [("not-included", "/batches/0/records/0, record 1")],
        ),
        "a number beyond the batch": (
            lambda document: document["batches"][0]["records"][1].update(number=5),
            [("not-included", "/batches/0/records/1, record 5")],
        ),
        "no path": (
            lambda document: first(document).update(path=[]),
            [("not-included", "/batches/0/records/0, record 0")],
        ),
        "the genesis": (
            lambda document: document.update(genesis="00" * 32),
            [("wrong-log", "/genesis"), ("bad-signature", "/batches/0/entry, signature")],
        ),
        "the origin": (
            lambda document: document.update(origin="elsewhere"),
            [("wrong-log", "/batches/0/tlog_proof, origin"),
             ("verification-failed", "/batches/0/entry")],
        ),
        "the proof of another entry": (
            lambda document: document["batches"][0].update(tlog_proof=other_batch["tlog_proof"]),
            [("not-included", f"/batches/0/tlog_proof, index {desk.batch('bus', MONTH)}")],
        ),
        "another batch's entry": (
            lambda document: document["batches"][0].update(entry=other_batch["entry"]),
            [("not-included", f"/batches/0/tlog_proof, index {batch}"),
             ("not-included", "/batches/0/records/0, record 0"),
             ("not-included", "/batches/0/records/1, record 4")],
        ),
    }  # fmt: skip
    for name, (change, expected) in cases.items():
        code, report = desk.verify(desk.write("wrong", changed(proof, change)))
        assert (code, findings(report)) == (3, expected), name


def test_another_entrys_signature_does_not_pass_for_a_batchs(desk: Desk) -> None:
    entry = desk.root / "entry.json"
    tlog_proof = desk.prove("entry", 3, "--entry-out", entry, out="entry.tlog-proof")
    proof = desk.prove("record", "--entry", desk.batch("ev", NEXT), "--number", 0)

    def swap(document: dict[str, Any]) -> None:
        document["batches"][0]["entry"] = entry.read_text("utf-8")
        document["batches"][0]["tlog_proof"] = tlog_proof.read_text("utf-8")

    code, report = desk.verify(desk.write("wrong", changed(proof, swap)))
    assert (code, findings(report)) == (3, [("verification-failed", "/batches/0/entry")])


def test_another_co_op_or_another_log_key_is_refused(desk: Desk) -> None:
    proof = desk.prove("record", "--entry", desk.batch("bus", MONTH), "--number", 0)
    trust = desk.trust.read_text("utf-8")
    stranger = SigningKey(ORIGIN, KeyType.ED25519, b"x" * 32).verifier_key
    own = format_vkey(log_key().verifier_key)
    desk.trust.write_text(trust.replace(own, format_vkey(stranger)), "utf-8")
    code, report = desk.verify(proof)
    assert findings(report) == [("bad-signature", "/batches/0/tlog_proof, checkpoint, signatures")]
    foreign = log_key("ledger.example.jp/noto").verifier_key
    elsewhere = trust.replace(own, format_vkey(foreign)).replace(ORIGIN, "ledger.example.jp/noto")
    desk.trust.write_text(elsewhere, "utf-8")
    code, report = desk.verify(proof)
    assert code == 3
    assert findings(report) == [("wrong-log", "/batches/0/tlog_proof, checkpoint, origin")]


def test_the_quorum_of_the_trust_files_policy_must_be_there(desk: Desk) -> None:
    entry = desk.root / "entry.json"
    proof = desk.prove("entry", 5, "--entry-out", entry)
    witness = SigningKey("witness.example.org", KeyType.ED25519_COSIGNATURE, b"w" * 32)
    policy = (
        f"log {format_vkey(log_key().verifier_key)}\n"
        f"witness w {format_vkey(witness.verifier_key)}\nquorum w\n"
    )
    lines = [line for line in desk.trust.read_text("utf-8").splitlines() if "log_keys" not in line]
    at = next(place for place, line in enumerate(lines) if line.startswith("genesis"))
    lines.insert(at, f"policy = {json.dumps(policy)}")
    desk.trust.write_text("\n".join(lines) + "\n", "utf-8")
    code, report = desk.verify(proof, "--entry", entry)
    assert (code, findings(report)) == (3, [("bad-signature", "checkpoint, signatures")])
    found = parse_proof(proof.read_bytes())
    text = found.checkpoint.rpartition(b"\n\n")[0] + b"\n"
    signature = sign_text(text, CosignatureSigner(witness, 1_767_139_200))
    cosigned = TlogProof(
        found.index, found.hashes, add_signatures(found.checkpoint, [signature]), b"extra"
    )
    witnessed = desk.write("witnessed", format_proof(cosigned))
    code, report = desk.verify(witnessed, "--entry", entry)
    assert code == 0
    assert any("witnesses" in remark["en"] for remark in report["checked"])
    assert any("extra" in remark["en"] for remark in report["not_checked"])
    assert not any("No quorum" in remark["en"] for remark in report["not_checked"])


def test_unusable_input_is_exit_2(desk: Desk) -> None:
    proof = desk.prove("entry", 3, "--entry-out", desk.root / "entry.json")
    for data in (b"", b"{}", b"c2sp.org/tlog-proof@v1\n", b"[" * 100_000, b"\xff", b"null"):
        code, complaint = desk.verify(desk.write("no-proof", data), "--entry", desk.root / "proof")
        assert code == 2
        assert "malformed-proof" in complaint
    code, complaint = desk.verify(proof)
    assert code == 2
    assert "entry" in complaint
    assert desk.verify(desk.root / "nothing")[0] == 2
    assert desk.verify(proof, "--entry", desk.root / "nothing")[0] == 2
    huge = desk.root / "huge"
    with huge.open("wb") as file:
        file.truncate(10**9)
    code, complaint = desk.verify(huge)
    assert code == 2
    assert "too-large" in complaint
    bad_trust = desk.write("bad.toml", b"format = 1")
    assert desk.run("verify-proof", proof, "--trust", bad_trust)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("entry", 10_000), 8),
        (("entry", -1), 8),
        (("record", "--entry", 3, "--number", 0), 8),  # not a batch
        (("record", "--entry", 10**30, "--number", 0), 8),
        (("record", "--member", "ev", "--period", MONTH, "--record-id", "none"), 8),
        (("record", "--member", "nobody", "--period", MONTH, "--record-id", "ev-1"), 8),
        (("record", "--entry", 3), 2),
        (("record", "--member", "ev", "--record-id", "ev-1"), 2),
        (("record", "--entry", 3, "--number", 0, "--record-id", "ev-1"), 2),
        (("record",), 2),
    ],
)
def test_what_cannot_be_proved(desk: Desk, arguments: tuple[Any, ...], code: int) -> None:
    config = ("--config", desk.place.config, "--out", desk.root / "proof")
    assert desk.run("prove", *arguments, *config)[0] == code
    assert not (desk.root / "proof").exists()


def test_a_record_that_is_not_in_the_batch(desk: Desk) -> None:
    config = ("--config", desk.place.config, "--out", desk.root / "proof")
    batch = desk.batch("ev", NEXT)
    for number in (-1, len(IDS), 10**30):
        code, _, complaint = desk.run(
            "prove", "record", "--entry", batch, "--number", number, *config
        )
        assert code == 8
        assert "records 0 to 4" in complaint
    nowhere = ("--config", desk.place.config, "--out", desk.root / "no" / "such" / "folder")
    assert desk.run("prove", "entry", 3, *nowhere)[0] == 2


def test_the_published_proof_of_another_log_is_read_too(desk: Desk) -> None:
    """A tlog-proof is nobody's format: a proof by other software, with that log's trust file."""
    from ledger.log.key import parse_signing_key
    from tests.log.vectors import LOG_ORIGIN, LOG_PROOF, LOG_SIGNING_KEY

    vkey = format_vkey(parse_signing_key(LOG_SIGNING_KEY).verifier_key)
    text = f'format = "kyojo-trust/1"\norigin = "{LOG_ORIGIN}"\ngenesis = "{"00" * 32}"\n'
    desk.trust.write_text(f'{text}log_keys = ["{vkey}"]\n', "utf-8")
    proof, entry = desk.write("published", LOG_PROOF), desk.write("five", b"five")
    assert desk.verify(proof, "--entry", entry)[0] == 0
    assert desk.verify(proof, "--entry", desk.write("Five", b"Five"))[0] == 3
