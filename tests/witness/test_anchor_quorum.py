"""What is anchored where witnesses are asked: the newest checkpoint that has their quorum."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import parse_note, sign_text
from ledger.log.policy import parse_policy
from ledger.service.anchor import anchor, anchor_all, report_lines, waiting_text
from ledger.service.coop import Coop
from ledger.service.published import cosigned_of, is_quorum, unwitnessed, witness_id
from ledger.service.submit import submit_usage
from ledger.wiring import Installation
from tests.builder import log_key
from tests.installation import SLUG, Place, line, usage_body

KEYS = [SigningKey(f"{n}.example", KeyType.ED25519_COSIGNATURE, n.encode() * 32) for n in "ab"]


@pytest.fixture
def installation(templates: dict[str, Path], tmp_path: Path) -> Iterator[Installation]:
    shutil.copytree(templates["open"], tmp_path / "log")
    opened = Place(tmp_path / "log").open()
    yield opened
    opened.close()


def with_policy(installation: Installation, quorum: str) -> Coop:
    lines = [f"log {format_vkey(log_key().verifier_key)}"]
    lines += [f"witness {k.name[0]} {format_vkey(k.verifier_key)}" for k in KEYS]
    text = "\n".join([*lines, "group both all a b", f"quorum {quorum}", ""])
    return replace(installation.coop(SLUG), policy=parse_policy(text.encode()))


def append(coop: Coop, record_id: str) -> int:
    return submit_usage(coop, usage_body(coop, "bus", line(record_id))).size


def cosign(coop: Coop, *keys: SigningKey) -> int:
    """Cosign the newest head; its size."""
    with coop.reading() as (_, log):
        head = log.head()
    candidate = cosigned_of(coop).choose(head, held_since="9999")
    text = parse_note(head.note).text
    found = {
        witness_id(key.verifier_key): sign_text(text, CosignatureSigner(key, 1_700_000_000)).value
        for key in keys
    }
    policy = coop.policy
    assert policy is not None
    cosigned_of(coop).keep(candidate, found, lambda who: is_quorum(policy, who))
    return head.size


def test_the_newest_head_with_a_quorum_is_anchored_and_the_rest_is_told(installation):
    coop, access = with_policy(installation, "both"), installation.chain(SLUG)
    append(coop, "a")
    cosign(coop, KEYS[0])
    (report,) = anchor_all(coop, [access])
    assert (report.newest, report.error) == (None, None), "one of two has signed"
    assert f"{coop.state().size} newer entries have no quorum" in "\n".join(report_lines(report))
    size = cosign(coop, *KEYS)
    newest = append(coop, "b")
    found = anchor(coop, access)
    assert (found.size, found.state) == (size, "final")
    assert found.recorded_at == newest
    assert found.unwitnessed == unwitnessed(coop) == 2, "the new entry and the anchor's own"
    assert "2 newer entries" in waiting_text(found.unwitnessed)
    assert anchor(coop, access).size == size
    size = cosign(coop, *KEYS)
    found = anchor(coop, access)
    assert (found.size, found.unwitnessed) == (size, 1)
    size = cosign(coop, *KEYS)
    assert anchor(coop, access).size == size - 1, "an anchor's own entry causes no other"
    assert waiting_text(unwitnessed(coop)) == ""


def test_without_a_quorum_the_newest_head_is_anchored(installation):
    coop, access = with_policy(installation, "none"), installation.chain(SLUG)
    size = append(coop, "a")
    found = anchor(coop, access)
    assert (found.size, found.unwitnessed) == (size, 0)
