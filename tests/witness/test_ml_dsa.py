"""A log that signs with Ed25519 and ML-DSA-44: keys from the command, note, client, audit."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path

import pytest

from ledger.audit.verify import verify_bundle
from ledger.cli import main
from ledger.errors import InvalidInput
from ledger.log.checkpoint import open_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import KeyType, format_vkey, parse_vkey
from ledger.service.export import export_bundle, trust_of
from ledger.service.found import found
from tests.builder import ORIGIN, log_key, signing_key
from tests.installation import MEMBERS, SLUG, Place, charter_of


def make_key(*arguments: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["key", "--json", *arguments]) == 0
    return str(json.loads(out.getvalue())["public"])


@pytest.fixture
def place(templates: dict[str, Path], tmp_path: Path) -> Place:
    shutil.copytree(templates["empty"], tmp_path / "log")
    return Place(tmp_path / "log")


def use_second_key(place: Place, file: str) -> None:
    text = place.config.read_text()
    place.config.write_text(
        text.replace("office_key", f'more_log_keys = ["{file}"]\noffice_key', 1)
    )


def test_both_signatures_stand_under_the_checkpoint_and_are_verified(place, tmp_path):
    file = place.root / "keys" / "second.key"
    vkeys = [
        format_vkey(log_key().verifier_key),
        make_key(str(file), "--log", ORIGIN, "--ml-dsa"),
    ]
    use_second_key(place, "keys/second.key")
    installation = place.open()
    coop = installation.coop(SLUG)
    terms = charter_of(place, log_keys=vkeys)
    receipt = found(coop, terms, [signing_key(who) for who in MEMBERS])
    keys = [parse_vkey(vkey) for vkey in vkeys]
    for some in (keys, keys[:1], keys[1:]):
        verifiers = list(map(verifier_of, some))
        opened = open_checkpoint(receipt.note, origin=ORIGIN, verifiers=verifiers)
        assert len(opened.note.signatures) == len(some)
    export_bundle(coop, tmp_path / "audit.zip")
    with (tmp_path / "audit.zip").open("rb") as source:
        report = verify_bundle(source, trust_of(coop))
    assert report.verdict == "verified"
    assert len(report.facts.signed_by) == 2
    installation.close()


@pytest.mark.parametrize(
    ("arguments", "name", "key_type"),
    [
        (("--witness", "w.example"), "w.example", KeyType.ED25519_COSIGNATURE),
        (("--witness", "w.example", "--ml-dsa"), "w.example", KeyType.ML_DSA_44),
        (("--log", "log.example/a"), "log.example/a", KeyType.ED25519),
        (("--log", "log.example/a", "--ml-dsa"), "log.example/a", KeyType.ML_DSA_44),
    ],
)
def test_a_key_of_every_type_is_made(tmp_path, arguments, name, key_type):
    key = parse_vkey(make_key(str(tmp_path / "new.key"), *arguments))
    assert (key.name, key.key_type) == (name, key_type)


def test_a_key_of_another_type_is_refused_where_it_is_named(place):
    make_key(str(place.root / "keys" / "second.key"), "--witness", ORIGIN)
    use_second_key(place, "keys/second.key")
    with pytest.raises(InvalidInput):
        place.open()
    with contextlib.redirect_stderr(io.StringIO()):
        assert main(["key", str(place.root / "member.key"), "--ml-dsa"]) == 2
