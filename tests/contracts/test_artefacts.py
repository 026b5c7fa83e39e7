"""The committed artefacts are what their sources compile to, wherever they are compiled."""

import json
import re
import shutil
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from contracts import CONTRACT_NAMES, load_contract
from ledger.errors import NotFound

pytest.importorskip("vyper", reason="vyper is not installed: recompilation not checked")

from contracts import build


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_recompilation_gives_the_committed_bytes(name):
    assert build.compile_contract(name) == (build.FOLDER / f"{name}.json").read_text("utf-8")


def test_a_changed_source_or_artefact_is_noticed(tmp_path, monkeypatch, capsys):
    for path in build.FOLDER.glob("CheckpointAnchor.*"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "CONTRACT_NAMES", ("CheckpointAnchor",))
    assert build.main(["--check"]) == 0
    source = tmp_path / "CheckpointAnchor.vy"
    source.write_text(source.read_text("utf-8").replace("sn != 0", "sn != 1"), "utf-8")
    assert build.main(["--check"]) == 1
    assert "CheckpointAnchor.json" in capsys.readouterr().err
    assert build.main([]) == 0
    assert build.stale_contracts() == []


def test_the_loader_gives_code_abi_and_code_hash():
    contract = load_contract("CheckpointAnchor")
    assert keccak(contract.runtime) == contract.runtime_hash
    assert contract.runtime in contract.creation
    assert {"anchor", "rotate", "head"} <= {item.get("name") for item in contract.abi}
    with pytest.raises(NotFound):
        load_contract("Vault")


def test_every_reason_in_the_source_has_its_test():
    """The vault's are compared where its cases are: test_vault_refuses.py."""
    source = (Path(build.FOLDER) / "CheckpointAnchor.vy").read_text("utf-8")
    reasons = set(re.findall(r'assert [^\n]*, "([^"]+)"', source))
    tests = (Path(__file__).parent / "test_anchor_refuses.py").read_text("utf-8")
    assert len(reasons) > 15
    assert {reason for reason in reasons if json.dumps(reason) not in tests} == set()
