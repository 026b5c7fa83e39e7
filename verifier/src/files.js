// The files of a bundle: each compared with what vouches for it (archive, manifest, entries).
//
// A wrong file is noted and read on, so that what looks into it can say what in it is wrong. What
// was never asked for has no business in a bundle, and is noted at the end.

import { compareText, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { noting } from "./findings.js";
import { parseCanonical } from "./json.js";
import { CHECKPOINT, sizeLimit } from "./names.js";
import { sha256 } from "./sha256.js";
import { MANIFEST, crc32, readArchive } from "./zip.js";

const FORMAT = "kyojo-audit-bundle/1";
const FIELDS = ["end", "files", "format", "genesis", "origin", "start"];

// Read a manifest; refuses unless it is exactly what the ledger would write.
export function parseManifest(data) {
  const document = parseCanonical(data, MANIFEST);
  const bad = (why) => refuse("malformed-document", `${MANIFEST}: ${why}`);
  const names = document instanceof Map ? [...document.keys()] : [];
  if (names.join() !== FIELDS.join()) bad(`it has the fields ${FIELDS.join(", ")}`);
  const [end, files, format, genesis, origin, start] = FIELDS.map((name) => document.get(name));
  if (format !== FORMAT) bad(`this page reads ${FORMAT}`);
  if (![origin, genesis].every((value) => typeof value === "string")) {
    bad("origin and genesis are texts");
  }
  if (typeof start !== "number" || typeof end !== "number") bad("start and end are numbers");
  if (!(files instanceof Map)) bad("files is an object");
  for (const [name, row] of files) {
    const isRow = row instanceof Map && row.size === 2 && typeof row.get("sha256") === "string" &&
      typeof row.get("bytes") === "number" && row.get("bytes") >= 0;
    if (!isRow) bad(`${name} has sha256 and bytes`);
  }
  return { origin, genesis, start, end, files };
}

export class Files {
  #asked = new Set();
  #compared = new Set();
  #digests = new Map();

  constructor(data, members, findings) {
    Object.assign(this, { data, members, findings, manifest: null });
  }

  // The content of a file, or null, noted, if the bundle lacks it.
  read(name) {
    this.#asked.add(name);
    const member = this.members.get(name);
    if (!member) {
      this.findings.add("missing-file", name, "this file is missing", "このファイルがありません");
      return null;
    }
    const content = this.content(member);
    if (!this.#compared.has(name)) {
      this.#compared.add(name);
      this.#compare(member, content);
    }
    return content;
  }

  content({ start, size }) {
    return this.data.subarray(start, start + size);
  }

  #digest(name, content) {
    if (!this.#digests.has(name)) this.#digests.set(name, toHex(sha256(content)));
    return this.#digests.get(name);
  }

  // The blob with this SHA-256; refuses if the bundle lacks it or has other bytes.
  blob(digest) {
    const name = `blobs/${digest}`;
    const content = this.read(name) ?? refuse("not-found", `the bundle has no file ${name}`);
    if (this.#digest(name, content) !== digest) {
      this.findings.add(
        "blob-changed", name, "the bytes do not have the SHA-256 that an entry names",
        "エントリーが指定する SHA-256 と内容が一致しません",
      );
      refuse("not-found", `${name} holds other bytes than an entry names`);
    }
    return content;
  }

  // Note every file that nothing in the log names.
  close() {
    for (const name of this.members.keys()) {
      if (this.#asked.has(name)) continue;
      this.findings.add(
        "unexpected-file", name, "nothing in the log names this file",
        "このファイルは記録のどこにも現れません",
      );
      this.read(name);
    }
  }

  #compare({ name, crc, size }, content) {
    if (crc32(content) !== crc) {
      this.findings.add(
        "wrong-crc", name, "the content does not have the CRC-32 in the archive",
        "内容が書庫の CRC-32 と一致しません",
      );
    }
    const stated = name === MANIFEST ? undefined : this.manifest?.files.get(name);
    if (!stated) return;
    if (stated.get("bytes") !== size || stated.get("sha256") !== this.#digest(name, content)) {
      this.findings.add(
        "manifest-mismatch", `${name}, as ${MANIFEST} lists it`,
        "size or SHA-256 are not those of the manifest",
        "大きさまたは SHA-256 が目録と一致しません",
      );
    }
  }
}

function compareNames(files) {
  const { findings, manifest, members } = files;
  const there = [...members.keys()].filter((name) => name !== MANIFEST);
  const isMissing = (name) => name === MANIFEST || !members.has(name);
  const missing = [...manifest.files.keys()].filter(isMissing);
  const unexpected = there.filter((name) => !manifest.files.has(name));
  if (missing.length || unexpected.length) {
    findings.add(
      "manifest-mismatch", MANIFEST, "the manifest names other files than the bundle has",
      "目録とファイルの一覧が一致しません",
    );
  }
  for (const name of missing.sort(compareText)) {
    findings.add(
      "missing-file", name, "the manifest names this file, the bundle lacks it",
      "目録にあるファイルがありません",
    );
  }
  for (const name of unexpected.sort(compareText)) {
    findings.add(
      "unexpected-file", name, "the manifest does not name this file", "目録にないファイルです",
    );
  }
}

// Open a bundle; refuses if its container cannot be read.
export function openFiles(data, findings) {
  const members = readArchive(data);
  for (const { name, size } of members.values()) {
    const limit = sizeLimit(name);
    if (size > limit) {
      const message = `${name} has ${size} bytes, the limit is ${limit}`;
      refuse("malformed-document", message, { file: name });
    }
  }
  if (!members.has(MANIFEST) || !members.has(CHECKPOINT)) {
    refuse("malformed-document", `a bundle has the files ${MANIFEST} and ${CHECKPOINT}`);
  }
  const files = new Files(data, members, findings);
  files.manifest = noting(findings, MANIFEST, () => parseManifest(files.read(MANIFEST)));
  if (files.manifest) compareNames(files);
  return files;
}

