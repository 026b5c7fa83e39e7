"""Hostile bundles: any bytes give a report, quickly and in little memory."""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import canonical
from ledger.audit import start, start_proofs
from ledger.audit.archive import read_archive
from ledger.audit.bundle import (
    END_PROOF,
    LEAVES,
    MANIFEST,
    START_PROOFS,
    START_STATE,
    START_USAGE,
    parse_manifest,
    size_limit,
)
from ledger.audit.report import FINDINGS_MAX, Report
from ledger.errors import KyojoError, MalformedDocument
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.note import Ed25519Signer
from tests.audit.world import (
    archive_of,
    bundle_of,
    files_of,
    places,
    rebuild,
    slice_of,
    three_months,
    verify,
)
from tests.builder import ORIGIN, log_key

MEMORY_BYTES = 1200 * 2**20  # of address space; the interpreter and its libraries take half
DEADLINE_SECONDS = 120  # nothing here takes more than a few; this only ends what hangs


@pytest.fixture(scope="module")
def world():
    return three_months()


@pytest.fixture(scope="module")
def bundles(world):
    cut = world.state.periods["2026-11"].cut_off.index
    return bundle_of(world), slice_of(world, cut, len(world.entries) - 1)


def run(path, *more):
    """``kyojo audit verify`` in a process that may not have much."""

    def bound():
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    return subprocess.run(
        [sys.executable, "-m", "ledger.cli", "audit", "verify", str(path), "--json", "--jobs", "1",
         *more],
        capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS, preexec_fn=bound,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def bomb() -> bytes:
    """A real zip bomb: 50 MB of zeros in 50 kB, under a name that a bundle has."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("checkpoint", bytes(50 * 2**20))
    return out.getvalue()


def huge_header(bundle: bytes) -> bytes:
    """The first file says that it has 2**63 bytes."""
    name_bytes = struct.unpack_from("<H", bundle, 26)[0]
    at = 30 + name_bytes + 4
    return bundle[:at] + struct.pack("<QQ", 2**63, 2**63) + bundle[at + 16 :]


def deep(files) -> bytes:
    return archive_of({**files, MANIFEST: b"[" * 2**20})


def twice(bundle: bytes) -> bytes:
    """The same name two times."""
    first = next(iter(read_archive(io.BytesIO(bundle)).members.values()))
    piece = bundle[: first.start + first.size_bytes]
    return piece + bundle


def many_findings(files) -> bytes:
    """A batch that is nothing but bad lines, and leaves that are all wrong."""
    name = next(name for name in files if name.endswith(".ndjson"))
    changed = {
        **files,
        name: b"{}\n" * 1_000_000,
        name.replace(".ndjson", ".leaves"): bytes(64) * 10_000,
    }
    return rebuild(changed, fit=True)


def many_entries(files) -> bytes:
    """Ten thousand entries that are nothing."""
    changed = {name: data for name, data in files.items() if not name.startswith("tile/")}
    full = b"\x00\x02{}" * 256
    for number in range(40):
        changed[f"tile/entries/{number:03d}"] = full
    return rebuild(changed, fit=True)


def many_files(files) -> bytes:
    """Twenty thousand files that nothing names."""
    return rebuild({**files, **{f"blobs/{n:064x}": b"" for n in range(20_000)}}, fit=True)


def vast(files) -> bytes:
    """A checkpoint of a log that would not fit on any disk."""
    note = sign_checkpoint(Checkpoint(ORIGIN, 2**62, bytes(32)), [Ed25519Signer(log_key(ORIGIN))])
    return rebuild({**files, "checkpoint": note}, fit=True)


def overlapping(files) -> bytes:
    """Files of entries that cover the same entries, and some that come much later."""
    name = next(name for name in files if name.startswith("entries/"))
    first, end = map(int, name[8:].split("-"))
    more = {
        f"entries/{first}-{end - 1}": files[name],
        f"entries/{first + 1}-{end}": files[name],
        f"entries/{10**15}-{10**15 + 256}": b"",
    }
    return rebuild({**files, **more}, fit=True)


def erases_everything(files) -> bytes:
    """A state in which a batch has more erased records than fit into memory."""
    document = json.loads(files[START_STATE])
    document["erased"] = {"1": [[0, 10**15]]}
    return rebuild({**files, START_STATE: canonical.encode(document)}, fit=True)


def long_numbers(files) -> bytes:
    """A number of half a million digits where a count is expected."""
    data = files[MANIFEST].replace(b'"start":', b'"start":' + b"9" * 500_000, 1)
    return archive_of({**files, MANIFEST: data})


LARGE = {
    "zip bomb": lambda whole, cut: bomb(),
    "huge number in a header": lambda whole, cut: huge_header(whole),
    "deep nesting": lambda whole, cut: deep(files_of(whole)),
    "a million bad lines": lambda whole, cut: many_findings(files_of(whole)),
    "many entries that are nothing": lambda whole, cut: many_entries(files_of(whole)),
    "many files that nothing names": lambda whole, cut: many_files(files_of(whole)),
    "a state that erases everything": lambda whole, cut: erases_everything(files_of(cut)),
    "long numbers": lambda whole, cut: long_numbers(files_of(whole)),
}
SMALL = {
    "duplicate names": lambda whole, cut: twice(whole),
    "a vast checkpoint": lambda whole, cut: vast(files_of(whole)),
    "a vast checkpoint of a slice": lambda whole, cut: vast(files_of(cut)),
    "overlapping entries": lambda whole, cut: overlapping(files_of(cut)),
    "truncated": lambda whole, cut: whole[: len(whole) // 2],
    "nothing": lambda whole, cut: b"",
}


@pytest.mark.skipif(sys.platform != "linux", reason="bounds memory by RLIMIT_AS")
@pytest.mark.parametrize("which", LARGE)
def test_a_hostile_bundle_is_refused_in_little_memory(bundles, tmp_path, which):
    path = tmp_path / "bundle.zip"
    path.write_bytes(LARGE[which](*bundles))
    done = run(path)
    assert done.returncode == 3, done.stderr[-2000:]
    document = json.loads(done.stdout)
    assert document["format"] == "kyojo-audit-report/1"
    assert document["verdict"] == "refused"
    assert 1 <= len(document["findings"]) <= 5 * FINDINGS_MAX
    assert len(done.stdout) < 20 * 2**20


@pytest.mark.parametrize("which", SMALL)
def test_a_bundle_that_cannot_be_is_refused(bundles, which):
    assert is_a_report(verify(SMALL[which](*bundles)))


def is_a_report(found) -> bool:
    return isinstance(found, Report) and found.verdict == "refused" and bool(places(found))


@given(data=st.binary(max_size=400))
def test_any_bytes_give_a_report(data):
    assert is_a_report(verify(data))


@settings(max_examples=20, deadline=None)
@given(data=st.data(), which=st.integers(0, 1))
def test_any_mutation_of_a_good_bundle_gives_a_report(bundles, data, which):
    """Bytes changed, cut out and put in, in the container or in a file, the list made to fit."""
    files = files_of(bundles[which])
    name = data.draw(st.sampled_from(sorted(files)))
    content = files[name]
    at = data.draw(st.integers(0, len(content)))
    gone = data.draw(st.integers(0, 40))
    put = data.draw(st.binary(max_size=40) | st.sampled_from([b"[" * 99, b'{"', b"9" * 99, b"\n"]))
    changed = content[:at] + put + content[at + gone :]
    report = verify(archive_of({**files, name: changed}))
    assert isinstance(report, Report)
    assert (report.verdict == "refused") == (changed != content)
    if name != MANIFEST:
        fitted = verify(rebuild({**files, name: changed}, fit=True))
        assert (fitted.verdict == "refused") == (changed != content)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(document, depth=4):
    """Where something can be replaced in a document."""
    if depth and isinstance(document, dict):
        for name, inner in document.items():
            yield (name,)
            yield from ((name, *rest) for rest in paths(inner, depth - 1))
    elif depth and isinstance(document, list):
        for number, inner in enumerate(document):
            yield (number,)
            yield from ((number, *rest) for rest in paths(inner, depth - 1))


def replaced(document, path, value):
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = replaced(document[path[0]], path[1:], value)
    return copy


@settings(max_examples=20, deadline=None)
@given(data=st.data(), name=st.sampled_from([START_STATE, START_PROOFS]), value=json_values)
def test_any_value_anywhere_in_the_state_or_the_proofs_gives_a_report(bundles, data, name, value):
    files = files_of(bundles[1])
    document = json.loads(files[name])
    path = data.draw(st.sampled_from(sorted(paths(document), key=str)))
    changed = replaced(document, path, value)
    try:
        content = canonical.encode(changed)
    except KyojoError:
        return
    report = verify(rebuild({**files, name: content}, fit=True))
    assert isinstance(report, Report)
    assert (report.verdict == "refused") == (content != files[name])


@given(data=st.binary(max_size=200))
def test_each_parser_gives_a_value_or_its_one_error(data):
    for parse in (parse_manifest, start._read_state, start_proofs._parse):
        with pytest.raises(MalformedDocument):
            parse(data)


@given(name=st.text(max_size=40) | st.from_regex(r"(entries|tile|records|start|blobs)/.{0,30}"))
def test_every_name_has_a_limit_or_is_refused(name):
    try:
        assert 0 < size_limit(name) <= 256 * 2**20
    except MalformedDocument:
        return


def test_the_files_of_a_slice_are_bounded():
    for name in (START_STATE, START_PROOFS, START_USAGE, LEAVES, END_PROOF, "entries/5-261"):
        assert 0 < size_limit(name) <= 256 * 2**20
    for name in ("entries/5-5", "entries/5-262", "entries/05-6", "entries/5", "start/other"):
        with pytest.raises(MalformedDocument):
            size_limit(name)
