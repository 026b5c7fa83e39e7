"""The committed artefacts are what their sources compile to, wherever they are compiled."""

import shutil

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
    source.write_text(source.read_text("utf-8").replace("fn != 0", "fn != 1"), "utf-8")
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
