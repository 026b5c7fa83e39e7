"""Export from a real store: the bundle verifies, is the same each time, and is whole or absent."""

from __future__ import annotations

import stat

import pytest

from ledger.audit.trust import parse_trust
from ledger.errors import NotFound
from ledger.service.export import export_bundle, export_trust
from tests.audit.world import Source, bundle_of, verify
from tests.pages.month import Recording, new_coop, settled_month


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    world = Recording()
    coop = settled_month(folder, world)
    return folder, coop, world


def test_an_exported_month_is_verified_under_its_exported_trust(exported):
    folder, coop, _ = exported
    manifest = export_bundle(coop, folder / "audit.zip")
    blocks = [(31337, 5, bytes(32)), (31337, 5, bytes(32)), (1, 6, bytes(32))]
    trust = export_trust(coop, folder / "trust.toml", blocks=blocks)
    assert parse_trust((folder / "trust.toml").read_bytes()) == trust
    assert [block.number for block in trust.chains[0].blocks] == [5]
    bundle = (folder / "audit.zip").read_bytes()
    report = verify(bundle, trust)
    assert report.verdict == "verified", report.findings
    assert (manifest.end, report.facts.records) == (coop.state().size, 8)
    assert report.facts.settlements[0].id == coop.state().period("2026-10").settlement


def test_the_trust_file_says_where_its_values_should_come_from(exported):
    folder, coop, _ = exported
    export_trust(coop, folder / "trust.toml")
    assert "several members" in (folder / "trust.toml").read_text()


def test_exporting_again_gives_the_same_bytes_and_leaves_nothing_else(exported):
    folder, coop, _ = exported
    told = []
    export_bundle(coop, folder / "a.zip", lambda done, size: told.append((done, size)))
    export_bundle(coop, folder / "b.zip")
    assert (folder / "a.zip").read_bytes() == (folder / "b.zip").read_bytes()
    assert stat.S_IMODE((folder / "a.zip").stat().st_mode) == 0o600
    assert told[-1][0] == told[-1][1] == len(told)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_failed_export_leaves_the_old_file(exported):
    folder, coop, _ = exported
    path = folder / "kept.zip"
    path.write_bytes(b"old")

    def fail(done, size):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_bundle(coop, path, fail)
    assert path.read_bytes() == b"old"
    assert not [found for found in folder.iterdir() if found.name.startswith(".")]


def test_an_empty_log_has_nothing_to_audit(tmp_path):
    with pytest.raises(NotFound):
        export_bundle(new_coop(tmp_path), tmp_path / "audit.zip")
    assert not (tmp_path / "audit.zip").exists()


def test_the_store_and_the_model_give_the_same_bundle_up_to_the_model_s_end(exported):
    _, coop, world = exported
    with coop.reading() as (_, reader):
        size = len(world.entries)
        assert list(reader.entry_data(0, size)) == list(Source(world).entry_data(0, size))
    assert verify(bundle_of(world)).verdict == "consistent"
