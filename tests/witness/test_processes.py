"""Three members' witnesses and a log's server, as processes: what an outsider would believe."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.audit.remarks import NO_WITNESSES
from ledger.audit.trust import parse_trust
from ledger.audit.verify import verify_bundle
from ledger.cli import main
from ledger.client import MemberClient, open_journal
from ledger.errors import BadSignature, ReadOnly
from ledger.log.checkpoint import parse_checkpoint
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import parse_note
from ledger.log.policy import Policy, open_cosigned, parse_policy
from ledger.log.proof import parse_proof, verify_proof
from ledger.log.witness import AddCheckpoint, format_add_checkpoint
from ledger.service.coop import Coop
from ledger.service.submit import submit_usage
from ledger.store.sequencer import Receipt
from tests.builder import ORIGIN, signing_key
from tests.installation import SLUG, Place, free_port, line, usage_body
from tests.witness.processes import (
    LOG_VKEY,
    Process,
    WitnessProcess,
    two_of_three,
    use_policy,
)

WAIT_SECONDS_MAX = 60


@dataclass
class Network:
    """A log's server and the witnesses of its policy."""

    place: Place
    url: str
    server: Process
    dying: Process
    witnesses: list[WitnessProcess]

    @property
    def policy(self) -> Policy:
        return parse_policy((self.place.root / "witnesses.policy").read_bytes())

    def append(self, record_id: str, place: Place | None = None) -> Receipt:
        """One more usage batch, written by another process than the server."""
        return with_coop(
            place or self.place,
            lambda coop: submit_usage(coop, usage_body(coop, "bus", line(record_id))),
        )

    def published(self) -> bytes:
        return httpx.get(f"{self.url}/log/{SLUG}/checkpoint").content

    def standing(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/v1/{SLUG}/witnesses").json()
        return found

    def await_size(self, size: int, *, signers: int = 3) -> bytes:
        """The published checkpoint once it is of this size and has so many signatures."""

        def there() -> bytes | None:
            note = self.published()
            if size_of(note) < size or len(parse_note(note).signatures) < signers:
                return None
            return note

        return wait_for(there)


def size_of(note: bytes) -> int:
    try:
        return parse_checkpoint(parse_note(note).text).size
    except Exception:  # noqa: BLE001 - a problem document: nothing is published yet
        return -1


def wait_for(ask: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        if (found := ask()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def with_coop(place: Place, do: Callable[[Coop], Any]) -> Any:
    installation = place.open()
    try:
        return do(installation.coop(SLUG))
    finally:
        installation.close()


def kyojo(*arguments: str) -> tuple[int, str]:
    """Exit code and standard output of a command."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = main(arguments)
    return code, out.getvalue()


@pytest.fixture(scope="module")
def network(
    templates: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Network]:
    root = tmp_path_factory.mktemp("network")
    shutil.copytree(templates["open"], root / "log")
    place, port = Place(root / "log"), free_port()
    witnesses = [WitnessProcess(root / name, name) for name in ("bike", "bus", "ev")]
    use_policy(place, two_of_three(witnesses), port=port)
    url = f"http://127.0.0.1:{port}"
    command = ["ledger.cli", "serve", "--config", str(place.config)]
    server = Process(command, root / "server.txt", f"{url}/v1")
    dying = witnesses[0].dying()
    processes = [server, dying, *(witness.process for witness in witnesses[1:])]
    try:
        for process in processes:
            process.launch()
        for process in processes:
            process.wait_until_up()
        yield Network(place, url, server, dying, witnesses)
    finally:
        for process in (*processes, witnesses[0].process):
            process.kill()


def test_the_log_publishes_what_its_quorum_has_signed(network, tmp_path):
    receipt = network.append("first")
    note = network.await_size(receipt.size, signers=4)  # the log and, after the quorum, all three
    opened = open_cosigned(note, origin=ORIGIN, policy=network.policy)
    assert len(opened.note.signatures) == 4
    standing = network.standing()
    assert standing["witnessed_size"] == standing["size"] == receipt.size
    rows = [(one["name"], one["size"], one["behind"]) for one in standing["witnesses"]]
    assert rows == [(name, receipt.size, 0) for name in ("bike", "bus", "ev")]
    # A receipt says "signed": it bears the log's signature alone.
    assert len(parse_note(receipt.note).signatures) == 1
    # The proof file of the entry carries the cosignatures, so that it stands for itself.
    url = f"{network.url}/v1/{SLUG}/entries/{receipt.index}/tlog-proof"
    proof = parse_proof(httpx.get(url).content)
    verify_proof(proof, entry=receipt.entry, origin=ORIGIN, policy=network.policy)
    # A member's client takes the note, with a policy and without.
    for policy in (None, network.policy):
        with open_journal(tmp_path / str(policy is None), "0x00") as journal:
            key = signing_key("bus")
            client = MemberClient(network.url, SLUG, key, journal, policy=policy)
            assert client.sync().size == receipt.size
            client.close()
    # With a policy whose quorum is not there it refuses the checkpoint.
    stranger = SigningKey("stranger", KeyType.ED25519_COSIGNATURE, bytes(32)).verifier_key
    text = f"log {LOG_VKEY}\nwitness s {format_vkey(stranger)}\nquorum s\n"
    with open_journal(tmp_path / "strict", "0x00") as journal, pytest.raises(BadSignature):
        MemberClient(network.url, SLUG, key, journal, policy=parse_policy(text.encode()))


def test_a_bundle_with_the_quorum_is_verified_without_a_remark_on_witnesses(network, tmp_path):
    receipt = network.append("bundled")
    network.await_size(receipt.size, signers=4)
    config = ("--config", str(network.place.config))
    for verb in ("export", "trust"):
        code, _ = kyojo("audit", verb, "--json", *config, "--out", str(tmp_path / verb))
        assert code == 0
    trust = parse_trust((tmp_path / "trust").read_bytes())
    assert parse_policy(trust.policy.encode()).quorum == "two"
    with (tmp_path / "export").open("rb") as source:
        report = verify_bundle(source, trust)
        assert report.verdict == "verified", report.findings
        assert len(report.facts.signed_by) == 4
        assert NO_WITNESSES not in report.not_checked
        # Who knows the log's key only can verify too, and is told what was not counted.
        keys = {"policy": None, "log_keys": tuple(with_coop(network.place, log_keys_of))}
        bare = verify_bundle(source, trust.model_copy(update=keys))
        assert bare.verdict == "verified"
        assert NO_WITNESSES in bare.not_checked
        assert any("bike.example" in remark.en for remark in bare.not_checked)


def log_keys_of(coop: Coop) -> list[str]:
    return list(coop.state().terms().log_keys)


def test_a_witness_killed_between_keeping_and_answering_recovers_and_never_signs_backwards(network):
    witness = network.witnesses[0]
    before = network.append("before").size
    older = network.await_size(before, signers=4)
    (witness.folder / "die").touch()
    receipt = network.append("killed")
    assert network.dying.running.wait(WAIT_SECONDS_MAX) == -signal.SIGKILL
    # The two others make the quorum; the first has kept the head, and the log does not know it.
    network.await_size(receipt.size, signers=3)
    behind = wait_for(lambda: trouble_of(network, "bike"))
    assert behind["trouble"]["code"] == "unreachable"
    assert behind["size"] == before
    assert behind["trouble"]["since"] is not None
    assert "接続" in behind["trouble"]["ja"]
    _, told = kyojo("status", "--config", str(network.place.config))
    assert "bike: size" in told
    assert "[unreachable]" in told
    witness.process.start()
    kept = witness.note()
    assert size_of(kept) == receipt.size
    # Through 409 the log finds out, and the same checkpoint is cosigned afresh.
    assert kyojo("publish", "--config", str(network.place.config))[0] == 0
    network.await_size(receipt.size, signers=4)
    assert wait_for(lambda: None if trouble_of(network, "bike") else True)
    # The witness, restarted, signs nothing that is older than what it kept.
    for old in (0, before):
        request = format_add_checkpoint(AddCheckpoint(old, (), older))
        answer = httpx.post(f"{witness.url}/add-checkpoint", content=request)
        assert (answer.status_code, answer.text) == (409, f"{receipt.size}\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"
    assert size_of(witness.note()) == receipt.size


def trouble_of(network: Network, name: str) -> dict[str, Any] | None:
    rows = network.standing()["witnesses"]
    return next((row for row in rows if row["name"] == name and row["trouble"]), None)


def test_a_forked_log_is_refused_by_each_witness_and_by_the_quorum(network, tmp_path):
    common = network.append("common")
    network.await_size(common.size, signers=4)
    # The operator keeps a copy of everything, key included, and goes on differently in both.
    shutil.copytree(network.place.root, tmp_path / "fork")
    fork = Place(tmp_path / "fork")
    for record_id in ("shown-to-all", "and-one-more"):
        true = network.append(record_id)
    network.await_size(true.size, signers=4)
    # The copy, as it is configured, refuses to sign on: the witnesses know more.
    with pytest.raises(ReadOnly, match="the witness"):
        network.append("in-good-faith", fork)
    fork.use_port(8000)  # without the policy nobody is asked: an operator who means it
    lies = [network.append(f"shown-to-one-{number}", fork) for number in range(3)]
    use_policy(fork, two_of_three(network.witnesses))
    code, told = kyojo("publish", "--json", "--config", str(fork.config))
    assert code == 7
    standing = json.loads(told)
    assert (standing["size"], standing["witnessed_size"]) == (lies[-1].size, common.size)
    codes = {row["trouble"]["code"] for row in standing["witnesses"]}
    assert codes == {"inconsistent"}
    # Whoever asks for the quorum refuses the lie even if the operator hands it over directly.
    with pytest.raises(BadSignature):
        open_cosigned(lies[-1].note, origin=ORIGIN, policy=network.policy)
    for witness in network.witnesses:
        assert size_of(witness.note()) == true.size
    # With the same number of entries, or fewer, it is refused too.
    for lie in lies:
        for witness in network.witnesses:
            for old in (true.size, common.size):
                request = format_add_checkpoint(AddCheckpoint(old, (), lie.note))
                answer = httpx.post(f"{witness.url}/add-checkpoint", content=request)
                assert answer.status_code in {400, 409, 422}


def test_publishing_once_is_for_cron_and_says_where_witnesses_stand(network):
    receipt = network.append("cron")
    code, told = kyojo("publish", "--config", str(network.place.config))
    assert code == 0
    assert f"{receipt.size} of {receipt.size} entries have the quorum" in told
    assert "定足数" in told
    witness = network.witnesses[1]
    _, told = kyojo("witness", "status", "--config", str(witness.config), "--json")
    (log,) = json.loads(told)["logs"]
    assert (log["origin"], log["size"]) == (ORIGIN, receipt.size)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "text/plain; charset=utf-8"),
        (b"x" * 2**20, 413, "text/plain; charset=utf-8"),
    ],
)
def test_errors_are_plain_text(network, body, status, kind):
    answer = httpx.post(f"{network.witnesses[0].url}/add-checkpoint", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert answer.text.endswith("\n")
