"""The files of a bundle as the verifier reads them: each compared with what vouches for it.

A wrong file is noted and read on, so that the parts that look into it can say what in it is
wrong. What was never asked for has no business in a bundle, and is noted at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO

from ledger.audit.archive import Archive, read_archive
from ledger.audit.batch import Span, compare
from ledger.audit.bundle import (
    CHECKPOINT,
    MANIFEST,
    Manifest,
    blob_name,
    parse_manifest,
    size_limit,
)
from ledger.audit.report import Findings
from ledger.errors import KyojoError, MalformedDocument, NotFound


@dataclass(slots=True)
class Files:
    """An open bundle; ``manifest`` is None if it cannot be read."""

    archive: Archive
    manifest: Manifest | None
    findings: Findings
    _asked: set[str] = field(default_factory=set)
    _compared: set[str] = field(default_factory=set)
    _last: tuple[str, bytes] = ("", b"")  # an entry's blob is looked at more than once

    def span(self, name: str) -> Span | None:
        """Where a file stands, for somebody else to read, or None, noted, if it is missing."""
        self._asked.add(name)
        found = self.known_span(name)
        if found is None:
            self.findings.add(
                "missing-file", name, "this file is missing", "このファイルがありません"
            )
        return found

    def known_span(self, name: str) -> Span | None:
        """Where a file stands, or None if the bundle lacks it."""
        member = self.archive.members.get(name)
        if member is None:
            return None
        facts = self.manifest.files.get(name) if self.manifest is not None else None
        stated = (facts.sha256, facts.size_bytes) if facts is not None else None
        return Span(name, member.start, member.size_bytes, member.crc, stated)

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None, noted, if the bundle lacks it."""
        span = self.span(name)
        if span is None:
            return None
        data = self.archive.read(name)
        if name not in self._compared:
            self._compared.add(name)
            compare(data, span, self.findings)
        return data

    def blob(self, digest: str) -> bytes:
        """The blob with this SHA-256; raises NotFound if the bundle lacks it or has other bytes."""
        if self._last[0] == digest:
            return self._last[1]
        name = blob_name(digest)
        data = self.read(name)
        if data is None:
            raise NotFound(f"the bundle has no file {name}")
        if sha256(data).hexdigest() != digest:
            self.findings.add(
                "blob-changed", name,
                "the bytes do not have the SHA-256 that an entry names",
                "エントリーが指定する SHA-256 と内容が一致しません",
            )  # fmt: skip
            raise NotFound(f"{name} holds other bytes than an entry names")
        self._last = digest, data
        return data

    def close(self) -> None:
        """Note every file that nothing in the log names, and that its manifest describes it."""
        for name in self.archive.members:
            if name not in self._asked:
                self.findings.add(
                    "unexpected-file", name,
                    "nothing in the log names this file", "このファイルは記録のどこにも現れません",
                )  # fmt: skip
                self.read(name)


def open_files(source: BinaryIO, findings: Findings) -> Files:
    """Open a bundle; raises MalformedDocument if its container cannot be read."""
    archive = read_archive(source)
    for member in archive.members.values():
        limit = size_limit(member.name)
        if member.size_bytes > limit:
            raise MalformedDocument(
                f"{member.name} has {member.size_bytes} bytes, the limit is {limit}",
                file=member.name,
            )
    if MANIFEST not in archive.members or CHECKPOINT not in archive.members:
        raise MalformedDocument(f"a bundle has the files {MANIFEST} and {CHECKPOINT}")
    files = Files(archive, None, findings)
    try:
        files.manifest = parse_manifest(files.read(MANIFEST) or b"")
    except KyojoError as error:
        findings.add_error(error, MANIFEST)
        return files
    _compare_names(files.manifest, archive, findings)
    return files


def _compare_names(manifest: Manifest, archive: Archive, findings: Findings) -> None:
    there = archive.members.keys() - {MANIFEST}
    if manifest.files.keys() != there:
        findings.add(
            "manifest-mismatch", MANIFEST, "the manifest names other files than the bundle has",
            "目録とファイルの一覧が一致しません",
        )  # fmt: skip
    for name in sorted(manifest.files.keys() - there):
        findings.add(
            "missing-file", name, "the manifest names this file, the bundle lacks it",
            "目録にあるファイルがありません",
        )  # fmt: skip
    for name in sorted(there - manifest.files.keys()):
        findings.add(
            "unexpected-file", name, "the manifest does not name this file",
            "目録にないファイルです",
        )  # fmt: skip
