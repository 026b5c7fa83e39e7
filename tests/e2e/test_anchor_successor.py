"""An installation whose anchor contract got a successor: anchors, trust files, bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.audit.trust import parse_trust
from ledger.chain.anchor import deploy_anchor_contract, read_head
from ledger.chain.node import open_node
from ledger.chain.quorum import key_address
from ledger.cli.main import main
from ledger.errors import AnchorMismatch
from ledger.service.anchor import anchor
from ledger.service.chain_view import NodeChainView
from ledger.service.coop import Coop
from ledger.service.export import export_bundle, export_trust
from ledger.service.outside import heads_on_chain
from ledger.service.submit import submit_usage
from ledger.wiring import Installation
from tests.audit.world import verify
from tests.installation import SLUG, Place, carry, line, send, usage_body


@dataclass
class Opened:
    """The co-op, its chain, and what stood on the first contract."""

    installation: Installation
    folder: Path

    @property
    def coop(self) -> Coop:
        return self.installation.coop(SLUG)

    def submit(self, record_id: str) -> int:
        return submit_usage(self.coop, usage_body(self.coop, "bus", line(record_id))).size

    def name(self, contract: str, code_hash: str) -> None:
        first = self.coop.state().terms().anchors[0]
        new = {"chain_id": first.chain_id, "contract": contract, "code_hash": code_hash}
        place = {"chain_id": first.chain_id, "contract": first.contract}
        body = {**place, "successor": new, "reason": "signers lost"}
        send(self.coop, "office", "anchor-successor-named", body)
        carry(self.coop)


@pytest.fixture
def opened(templates: dict[str, Path], tmp_path: Path) -> Iterator[Opened]:
    shutil.copytree(templates["open"], tmp_path / "log")
    installation = Place(tmp_path / "log").open()
    yield Opened(installation, tmp_path)
    installation.close()


def test_anchors_go_to_the_successor_and_an_audit_follows_them(opened):
    access = opened.installation.chain(SLUG)
    opened.submit("a")
    before = anchor(opened.coop, access)
    first = opened.coop.state().terms().anchors[0].contract
    export_trust(opened.coop, opened.folder / "old-trust.toml")
    with open_node(access.url) as node:
        signers = list(map(key_address, access.anchorer_keys))
        made = deploy_anchor_contract(node, access.sender_key, signers=signers, k=1)
    opened.name(made.contract.lower(), made.code_hash.hex())
    size = opened.submit("b")
    found = anchor(opened.coop, access)
    assert (found.state, found.size, found.contract.lower()) == (
        "final", size, made.contract.lower(),
    )  # fmt: skip
    with open_node(access.url) as node:
        origin = opened.coop.log.origin
        assert read_head(node, first, origin).size == before.size
        assert read_head(node, made.contract, origin).size == size
    heads = heads_on_chain(access.url, opened.coop.state())
    assert [head.size for head in heads] == [before.size, size]
    export_bundle(opened.coop, opened.folder / "audit.zip")
    bundle = (opened.folder / "audit.zip").read_bytes()
    for trust in ("old-trust.toml", "trust.toml"):
        if trust == "trust.toml":
            export_trust(opened.coop, opened.folder / trust)
        known = parse_trust((opened.folder / trust).read_bytes())
        with open_node(access.url) as node:
            report = verify(bundle, known, chain=NodeChainView(node))
        assert (report.verdict, report.findings) == ("verified", ())
        assert [one.rests_on for one in report.facts.anchors] == ["node", "node"]
        followed = any("does not name" in remark.en for remark in report.not_checked)
        assert followed is (trust == "old-trust.toml")


def test_the_commands_look_at_the_chain_list_and_propose(opened, capsys):
    access, config = opened.installation.chain(SLUG), str(opened.folder / "log" / "kyojo.toml")
    with open_node(access.url) as node:
        signers = list(map(key_address, access.anchorer_keys))
        made = deploy_anchor_contract(node, access.sender_key, signers=signers, k=1)
    opened.installation.close()

    def command(*words: str) -> int:
        return main(["anchor-contract", *words, "--config", config])

    wrong = "0x" + "77" * 20
    assert command("succeed", wrong, "--rpc", access.url) != 0, "no such code there"
    assert command("succeed", made.contract, "--rpc", access.url, "--after", f"1/{wrong}") != 0
    assert command("succeed", made.contract, "--rpc", access.url, "--reason", "moved") == 0
    opened.installation = Place(opened.folder / "log").open()
    (proposal,) = opened.coop.state().proposals.values()
    assert proposal.subject.startswith(f"Anchor at {made.contract} on chain ")
    carry(opened.coop)
    capsys.readouterr()
    assert command("list", "--json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["entry"], first["is_current"]) == (0, False)
    assert (second["contract"], second["is_current"]) == (made.contract.lower(), True)
    assert command("list") == 0
    assert "followed by the next" in capsys.readouterr().out


def test_a_successor_that_is_not_there_stops_anchors_and_not_the_log(opened):
    access = opened.installation.chain(SLUG)
    opened.submit("a")
    anchor(opened.coop, access)
    opened.name("0x" + "77" * 20, "77" * 32)
    with pytest.raises(AnchorMismatch):
        anchor(opened.coop, access)
    assert [head.size for head in heads_on_chain(access.url, opened.coop.state())] == [
        anchor_size(opened)
    ]
    assert opened.submit("b") > 0


def anchor_size(opened: Opened) -> int:
    (found,) = opened.coop.state().anchors.values()
    return found.size
