"""Any one byte of any file in a bundle, changed: refused, and the place is named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.audit.bundle import MANIFEST
from tests.audit.world import archive_of, flipped, places, rebuild, verify

KINDS = ("blobs/", "checkpoint", "records/", "tile/0/", "tile/entries/", MANIFEST)


def entry_at(data: bytes, position: int) -> int:
    """Which entry of an entry bundle a byte belongs to; its length counts as its own."""
    index, end = -1, 0
    while end <= position:
        end += 2 + int.from_bytes(data[end : end + 2], "big")
        index += 1
    return index


def expected_place(files, name: str, position: int) -> str:
    """The place that the verifier has to name, if only the content can tell."""
    data = files[name]
    if name.startswith("tile/entries/"):
        return rf"entry {entry_at(data, position)}\b"
    if name.startswith("tile/0/"):
        return rf"{re.escape(name)}, hash {position // 32}$"
    if name.endswith(".ndjson"):
        entry, number = name[8:-7], data.count(b"\n", 0, position) + 1
        return rf"(entry {entry}|{re.escape(name)}), (record {number}\b|count)"
    if name.endswith(".leaves"):
        entry, number = name[8:-7], position // 64 + 1
        return rf"(entry {entry}|{re.escape(name)}), record {number}\b"
    return re.escape(name)


def check_flip(month, files, name: str, position: int, bit: int) -> None:
    changed = {**files, name: flipped(files[name], position, bit)}
    start = month.bundle.find(files[name])
    in_place = flipped(month.bundle, start + position, bit)
    assert files[name] != changed[name]
    reports = [verify(in_place, month.trust), verify(archive_of(changed), month.trust)]
    for report in reports:
        assert report.verdict == "refused"
        assert report.exit_code == 3
        assert any(name in place for place in places(report)), places(report)
    if name != MANIFEST:
        report = verify(rebuild(changed, fit=True), month.trust)
        assert report.verdict == "refused"
        wanted = expected_place(files, name, position)
        assert any(re.match(wanted, place) for place in places(report)), places(report)


@pytest.mark.parametrize("kind", KINDS)
def test_first_middle_and_last_byte_of_every_file(month, files, kind):
    names = [name for name in files if name.startswith(kind)]
    assert names
    for name in names:
        size = len(files[name])
        for position in {0, size // 2, size - 1}:
            check_flip(month, files, name, position, bit=0)


@settings(max_examples=40, deadline=None)
@given(pick=st.integers(0, 2**40), position=st.integers(0, 2**40), bit=st.integers(0, 7))
def test_any_byte_of_any_file(month, files, pick, position, bit):
    name = sorted(files)[pick % len(files)]
    check_flip(month, files, name, position % len(files[name]), bit)


@settings(max_examples=250, deadline=None)
@given(position=st.integers(0, 2**40), bit=st.integers(0, 7))
def test_any_byte_of_the_bundle(month, position, bit):
    report = verify(flipped(month.bundle, position % len(month.bundle), bit), month.trust)
    assert report.verdict == "refused"
    assert places(report)
