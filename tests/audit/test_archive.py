"""The container: one sequence of bytes, and no other, for the same files."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.archive import LAST, ArchiveWriter, is_next, read_archive
from ledger.errors import InvariantViolated, MalformedDocument
from tests.audit.world import archive_of, flipped

FILES = {"a/1": b"one", "a/2": b"", "b": b"x" * 40, LAST: b"{}"}


def content_at(bundle: bytes, position: int) -> bool:
    members = read_archive(io.BytesIO(bundle)).members.values()
    return any(m.start <= position < m.start + m.size_bytes for m in members)


def refused(data: bytes) -> MalformedDocument:
    with pytest.raises(MalformedDocument) as caught:
        read_archive(io.BytesIO(data))
    return caught.value


def test_reads_what_was_written():
    archive = read_archive(io.BytesIO(archive_of(FILES)))
    assert {name: archive.read(name) for name in archive.members} == FILES
    assert list(archive.members) == ["a/1", "a/2", "b", LAST]


def test_is_a_zip_for_others_too(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive_of(FILES))
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == FILES
    if unzip := shutil.which("unzip"):
        subprocess.run([unzip, "-tq", str(path)], check=True, capture_output=True)


def test_every_byte_outside_the_contents_is_fixed():
    good = archive_of(FILES)
    for position in range(len(good)):
        if content_at(good, position):
            continue
        for bit in range(8):
            error = refused(flipped(good, position, bit))
            assert "offset" in error.details


def test_an_archive_cut_anywhere_is_refused():
    good = archive_of(FILES)
    for size in range(len(good)):
        refused(good[:size])


@pytest.mark.parametrize("extra", [b"\0", b"PK\5\6" + bytes(18)])
def test_nothing_may_stand_before_or_behind(extra):
    refused(archive_of(FILES) + extra)
    refused(extra + archive_of(FILES))


@pytest.mark.parametrize("options", [{}, {"compression": zipfile.ZIP_DEFLATED}])
def test_other_zips_of_the_same_files_are_refused(options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as writer:
        for name, data in FILES.items():
            writer.writestr(name, data)
    refused(out.getvalue())


@pytest.mark.parametrize(
    ("last", "name", "may"),
    [
        (None, "a", True),
        ("a", "b", True),
        ("a", "a", False),
        ("b", "a", False),
        ("z", LAST, True),
        (LAST, "z", False),
        (LAST, LAST, False),
    ],
)
def test_names_ascend_and_the_manifest_is_last(last, name, may):
    assert is_next(last, name) is may


def test_the_writer_refuses_what_the_reader_would():
    writer = ArchiveWriter(io.BytesIO())
    writer.add("b", b"")
    with pytest.raises(InvariantViolated):
        writer.add("a", b"")


@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(data):
    refused(data)


names = st.from_regex(r"[a-z/]{1,9}", fullmatch=True)


@given(st.dictionaries(names, st.binary(max_size=50), min_size=1))
def test_the_same_files_give_the_same_bytes(files):
    good = archive_of(files)
    archive = read_archive(io.BytesIO(good))
    assert archive_of({name: archive.read(name) for name in archive.members}) == good


@pytest.mark.parametrize("name", ["blobs/０", "blobs/\u202e", "blobs/\ud800", "a\nb", "x" * 201])
def test_what_cannot_be_a_name_is_not_written(name: str) -> None:
    with pytest.raises(InvariantViolated):
        ArchiveWriter(io.BytesIO()).add(name, b"")
