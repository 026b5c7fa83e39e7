// The container: a zip that has exactly one spelling for its files (docs/audit-bundle.md).
//
// Stored, dated 1980-01-01, sizes in zip64 fields, names ascending with manifest.json last. Every
// header is written again from its name, size and CRC-32 and compared byte for byte.

import { concat, equalBytes, utf8 } from "./bytes.js";
import { refuse } from "./errors.js";

export const MANIFEST = "manifest.json";
const FILES_MAX = 400_000;
const NAME_BYTES_MAX = 200;
const ATTRIBUTES = 0o100644 * 2 ** 16;
const CRC_TABLE = makeCrcTable();

function makeCrcTable() {
  return Int32Array.from({ length: 256 }, (_, n) => {
    let value = n;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
}

export function crc32(bytes) {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

// Little-endian fields: [bytes, value] pairs.
function pack(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0));
  let at = 0;
  for (const [width, value] of fields) {
    let rest = value;
    for (let i = 0; i < width; i++) {
      bytes[at++] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }
  return bytes;
}

function number(bytes, at, width) {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}

function localHeader(name, crc, size) {
  return concat(
    pack([4, 0x04034b50], [2, 45], [2, 0], [2, 0], [2, 0], [2, 0x21], [4, crc],
      [4, 0xffffffff], [4, 0xffffffff], [2, name.length], [2, 20]),
    utf8(name),
    pack([2, 1], [2, 16], [8, size], [8, size]),
  );
}

function centralHeader({ name, crc, size, offset }) {
  return concat(
    pack([4, 0x02014b50], [2, 3 * 256 + 45], [2, 45], [2, 0], [2, 0], [2, 0], [2, 0x21],
      [4, crc], [4, 0xffffffff], [4, 0xffffffff], [2, name.length], [2, 28], [2, 0], [2, 0],
      [2, 0], [4, ATTRIBUTES], [4, 0xffffffff]),
    utf8(name),
    pack([2, 1], [2, 24], [8, size], [8, size], [8, offset]),
  );
}

function endRecords(count, size, start) {
  return concat(
    pack([4, 0x06064b50], [8, 44], [2, 3 * 256 + 45], [2, 45], [4, 0], [4, 0], [8, count],
      [8, count], [8, size], [8, start]),
    pack([4, 0x07064b50], [4, 0], [8, start + size], [4, 1]),
    pack([4, 0x06054b50], [2, 0], [2, 0], [2, 0xffff], [2, 0xffff], [4, 0xffffffff],
      [4, 0xffffffff], [2, 0]),
  );
}

function isNext(last, name) {
  return last === null || (last !== MANIFEST && (name === MANIFEST || last < name));
}

// The file whose header is at `offset`; null where the directory starts.
function readHeader(data, offset, last, count) {
  const where = `byte ${offset}`;
  const bad = (why) => refuse("malformed-document", `${where}: ${why}`, { offset });
  if (data.length - offset < 30) bad("the archive ends early");
  if (number(data, offset, 4) === 0x02014b50) return null;
  const nameBytes = Math.min(number(data, offset + 26, 2), NAME_BYTES_MAX);
  const start = offset + 30 + nameBytes + 20;
  if (start > data.length) bad("no header of a file");
  const raw = data.subarray(offset + 30, offset + 30 + nameBytes);
  if (raw.some((byte) => byte < 0x20 || byte > 0x7e)) bad("not a header as kyojo writes it");
  const name = String.fromCharCode(...raw);
  const size = number(data, start - 8, 8);
  const crc = number(data, offset + 14, 4);
  if (!equalBytes(localHeader(name, crc, size), data.subarray(offset, start))) {
    bad("not a header as kyojo writes it");
  }
  if (!isNext(last, name) || count === FILES_MAX) bad(`${name} cannot follow here`);
  if (start + size > data.length) bad(`the archive ends in ${name}`);
  return { name, crc, size, offset, start };
}

function checkDirectory(data, members, start) {
  let at = start;
  const check = (piece, name) => {
    if (!equalBytes(piece, data.subarray(at, at + piece.length))) {
      const message = `byte ${at}: the archive's directory is wrong at ${name}`;
      refuse("malformed-document", message, { offset: at });
    }
    at += piece.length;
  };
  for (const member of members) check(centralHeader(member), member.name);
  check(endRecords(members.length, at - start, start), "the end");
  if (at !== data.length) {
    const message = `byte ${at}: ${data.length - at} bytes follow the archive`;
    refuse("malformed-document", message, { offset: at });
  }
}

// The files of an archive by name, in order: {name, crc, size, offset, start}.
export function readArchive(data) {
  const members = [];
  let offset = 0;
  for (;;) {
    const last = members.length ? members[members.length - 1].name : null;
    const member = readHeader(data, offset, last, members.length);
    if (member === null) break;
    members.push(member);
    offset = member.start + member.size;
  }
  checkDirectory(data, members, offset);
  return new Map(members.map((member) => [member.name, member]));
}

