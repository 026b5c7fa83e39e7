r"""A container for files that is one sequence of bytes: a zip without freedom.

Any zip tool opens it, but of all the zips with the same files only one is accepted, the one that
``ArchiveWriter`` writes: no compression, no time (1980-01-01), one set of attributes, zip64
fields throughout (APPNOTE 6.3.10 §4.5.3), names in ascending order with ``manifest.json`` last,
no comment, nothing before, between or behind. So there is nothing to unpack, and no byte that
somebody could change without changing a file or being refused.

Invariant: ``read_archive`` accepts exactly what ``ArchiveWriter`` wrote; the CRC of a file's
content is for whoever reads the content (``Member.crc``).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from ledger.errors import InvariantViolated, MalformedDocument

LAST: Final = "manifest.json"
NAME_BYTES_MAX = 200
FILES_MAX = 400_000

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")
_LOCAL_EXTRA = struct.Struct("<HHQQ")
_CENTRAL_EXTRA = struct.Struct("<HHQQQ")
_LOCAL_MARK, _CENTRAL_MARK = 0x04034B50, 0x02014B50
_VERSION, _MADE_BY = 45, (3 << 8) | 45  # zip64; made on Unix
_DATE = 0x21  # 1980-01-01, the first day that a zip can name
_ATTRIBUTES = 0o100644 << 16
_IN_EXTRA, _IN_EXTRA_SHORT = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive; ``offset`` is that of its header, ``size_bytes`` of its content.

    Names are ASCII, a byte a character.
    """

    name: str
    crc: int
    size_bytes: int
    offset: int

    @property
    def start(self) -> int:
        """Where the content starts."""
        return self.offset + _LOCAL.size + len(self.name) + _LOCAL_EXTRA.size


class ArchiveWriter:
    """Writes an archive to ``out``, file by file in order, then ``close``."""

    def __init__(self, out: BinaryIO) -> None:
        """Start an empty archive at the present position, which must be 0."""
        self._out = out
        self._members: list[Member] = []
        self._offset = 0

    def add(self, name: str, data: bytes) -> None:
        """Append a file; raises InvariantViolated for what cannot be the next name."""
        last = self._members[-1].name if self._members else None
        if not is_name(name) or not is_next(last, name) or len(self._members) == FILES_MAX:
            raise InvariantViolated(f"{name!r} is not the next file of this archive")
        member = Member(name, zlib.crc32(data), len(data), self._offset)
        self._write(_local_header(member))
        self._write(data)
        self._members.append(member)

    def close(self) -> None:
        """Write the directory; the archive is then complete."""
        start = self._offset
        for piece in _directory(self._members, start):
            self._write(piece)

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._offset += len(data)


@dataclass(frozen=True, slots=True)
class Archive:
    """The index of an archive and the file that it was read from."""

    members: Mapping[str, Member]
    size_bytes: int
    _source: BinaryIO

    def read(self, name: str) -> bytes:
        """The content of a file as it stands; compare it with the member's CRC."""
        member = self.members[name]
        self._source.seek(member.start)
        return self._source.read(member.size_bytes)


def read_archive(source: BinaryIO) -> Archive:
    """Read the index of an archive from a seekable file, without reading its contents.

    Raises MalformedDocument, naming file and offset, for any byte outside the contents that
    ``ArchiveWriter`` would have written otherwise.
    """
    end = source.seek(0, 2)
    members: list[Member] = []
    offset = 0
    while (member := _read_header(source, offset, end, members)) is not None:
        members.append(member)
        offset = member.start + member.size_bytes
    _check_directory(source, members, offset, end)
    return Archive({member.name: member for member in members}, end, source)


def is_name(name: str) -> bool:
    """Whether a text can be a file's name in an archive: printable ASCII, and not too long."""
    return name.isascii() and name.isprintable() and len(name) <= NAME_BYTES_MAX


def is_next(last: str | None, name: str) -> bool:
    """Whether a file may follow another: names ascend, and ``manifest.json`` is the end."""
    return last is None or (last != LAST and (name == LAST or last < name))


def _read_header(source: BinaryIO, offset: int, end: int, members: list[Member]) -> Member | None:
    """The member whose header is at ``offset``, or None where the directory starts."""
    last = members[-1].name if members else None
    where = f"byte {offset}, after {last or 'the start'}"
    source.seek(offset)
    fixed = source.read(_LOCAL.size)
    if len(fixed) < _LOCAL.size:
        raise MalformedDocument(f"{where}: the archive ends early", offset=offset)
    mark, *_, crc, _, _, name_bytes, _ = _LOCAL.unpack(fixed)
    if mark == _CENTRAL_MARK:
        return None
    rest = source.read(min(name_bytes, NAME_BYTES_MAX) + _LOCAL_EXTRA.size)
    try:
        name = rest[: -_LOCAL_EXTRA.size].decode("ascii")
        *_, size_bytes = _LOCAL_EXTRA.unpack(rest[-_LOCAL_EXTRA.size :])
    except (UnicodeDecodeError, struct.error) as error:
        raise MalformedDocument(f"{where}: no header of a file", offset=offset) from error
    member = Member(name, crc, size_bytes, offset)
    if fixed + rest != _local_header(member) or not name.isprintable():
        raise MalformedDocument(f"{where}: not a header as kyojo writes it", offset=offset)
    if not is_next(last, name) or len(members) == FILES_MAX:
        raise MalformedDocument(f"{where}: {name!r} cannot follow here", offset=offset, file=name)
    if member.start + size_bytes > end:
        raise MalformedDocument(f"{where}: the archive ends in {name}", offset=offset, file=name)
    return member


def _check_directory(source: BinaryIO, members: list[Member], start: int, end: int) -> None:
    source.seek(start)
    offset = start
    for number, piece in enumerate(_directory(members, start)):
        if source.read(len(piece)) != piece:
            name = members[number].name if number < len(members) else "the end"
            raise MalformedDocument(
                f"byte {offset}: the archive's directory is wrong at {name}",
                offset=offset,
                file=name,
            )
        offset += len(piece)
    if offset != end:
        raise MalformedDocument(
            f"byte {offset}: {end - offset} bytes follow the archive", offset=offset
        )


def _local_header(member: Member) -> bytes:
    name = member.name.encode("ascii")
    size = member.size_bytes
    fixed = _LOCAL.pack(
        _LOCAL_MARK, _VERSION, 0, 0, 0, _DATE, member.crc, _IN_EXTRA, _IN_EXTRA,
        len(name), _LOCAL_EXTRA.size,
    )  # fmt: skip
    return fixed + name + _LOCAL_EXTRA.pack(1, 16, size, size)


def _directory(members: list[Member], start: int) -> Iterator[bytes]:
    """The central directory, one piece a member, and one piece that ends the archive."""
    size = 0
    for member in members:
        piece = _central_header(member)
        size += len(piece)
        yield piece
    count = len(members)
    end64 = _END64.pack(
        0x06064B50, _END64.size - 12, _MADE_BY, _VERSION, 0, 0, count, count, size, start
    )
    locator = _LOCATOR.pack(0x07064B50, 0, start + size, 1)
    yield (
        end64
        + locator
        + _END.pack(0x06054B50, 0, 0, _IN_EXTRA_SHORT, _IN_EXTRA_SHORT, _IN_EXTRA, _IN_EXTRA, 0)
    )


def _central_header(member: Member) -> bytes:
    name = member.name.encode("ascii")
    size = member.size_bytes
    fixed = _CENTRAL.pack(
        _CENTRAL_MARK, _MADE_BY, _VERSION, 0, 0, 0, _DATE, member.crc, _IN_EXTRA, _IN_EXTRA,
        len(name), _CENTRAL_EXTRA.size, 0, 0, 0, _ATTRIBUTES, _IN_EXTRA,
    )  # fmt: skip
    return fixed + name + _CENTRAL_EXTRA.pack(1, 24, size, size, member.offset)
