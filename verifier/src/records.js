// The records of usage batches: leaves, root, lines, totals, ids, reversals.

import { compareText, concat, equalBytes, toHex } from "./bytes.js";
import { Refusal } from "./errors.js";
import { noting } from "./findings.js";
import { leafHash, rootHash } from "./merkle.js";
import { joinKey, differences, parseTotals } from "./totals.js";
import { negates, parseLine, readLines } from "./usage.js";

const ROW_BYTES = 64;
const LF = 10;

// The lines of a file, without their LF; one LF at the very end ends the last line.
function splitLines(data) {
  const lines = [];
  let start = 0;
  for (let at = data.indexOf(LF); at >= 0; at = data.indexOf(LF, start)) {
    lines.push(data.subarray(start, at));
    start = at + 1;
  }
  if (start < data.length || start === 0) lines.push(data.subarray(start));
  return lines;
}

export class RecordChecks {
  batches = 0;
  erased = new Map();
  #erasers = new Map();
  records = 0;
  unknownOriginals = 0;
  #places = new Map();
  #reversed = new Set();
  #reversals = [];
  #accounts = new Map();

  // `isKnown` says whether all records of a period are in the bundle.
  constructor(files, findings, isKnown = () => true) {
    Object.assign(this, { files, findings, isKnown });
  }

  // Check the batch of entry `index`; without a scope, only that its bytes are those.
  check(index, body, member, scope) {
    const data = this.files.read(`records/${index}.ndjson`);
    const leaves = this.files.read(`records/${index}.leaves`);
    this.batches += 1;
    if (data === null || leaves === null) return;
    const lines = this.#split(index, data);
    this.records += lines.length;
    this.#accounts.set(index, body.account);
    if (lines.length !== body.count) {
      this.findings.add(
        "malformed-batch", `entry ${index}, count`,
        `the entry counts ${body.count} records, records/${index}.ndjson has ${lines.length}`,
        `署名された件数は ${body.count}、実際の行数は ${lines.length} です`,
      );
    }
    this.#checkLeaves(index, body, lines, leaves);
    if (scope === null) return;
    const erased = this.erased.get(index) ?? new Set();
    const numbers = lines.map((_, i) => i + 1)
      .filter((number) => lines[number - 1].length || !erased.has(number - 1));
    const isWhole = numbers.length === lines.length;
    if (!isWhole && !this.#erasers.has(member)) this.#erasers.set(member, index);
    if (!numbers.length) return;
    const judged = noting(this.findings, `entry ${index}`, () =>
      readLines(numbers.map((number) => lines[number - 1]), scope, numbers));
    if (judged === null) return;
    if (isWhole) this.#checkTotals(index, body, judged);
    this.#checkIds(index, member, { ...judged, numbers });
  }

  // Compare every reversal with the record that it names.
  finish() {
    const byOriginal = new Map();
    for (const found of this.#reversals) {
      if (!byOriginal.has(found.original)) byOriginal.set(found.original, []);
      byOriginal.get(found.original).push(found);
    }
    for (const [index, reversals] of byOriginal) {
      const originals = this.#findRecords(index, new Set(reversals.map((r) => r.record.reverses)));
      for (const found of reversals) this.#compare(found, originals.get(found.record.reverses));
    }
  }

  #compare({ index, number, record, original: place }, original) {
    const where = `entry ${index}, record ${number}, reverses`;
    if (this.#accounts.get(index) !== this.#accounts.get(place)) {
      this.findings.add(
        "malformed-batch", where,
        `it counts for another account than its original in entry ${place}`,
        `エントリー ${place} の元の記録と勘定が異なります`,
      );
    }
    if (!original || !negates(record, original)) {
      this.findings.add(
        "malformed-batch", where,
        `this is not the exact negative of ${record.reverses} in entry ${place}`,
        `エントリー ${place} の ${record.reverses} を正確に打ち消していません`,
      );
    }
  }

  #split(index, data) {
    const lines = splitLines(data);
    if (data[data.length - 1] !== LF) {
      this.findings.add(
        "malformed-batch", `records/${index}.ndjson, record ${lines.length}`,
        "the last line does not end in a LF", "最終行が LF で終わっていません",
      );
    }
    return lines;
  }

  #checkLeaves(index, body, lines, data) {
    const name = `records/${index}.leaves`;
    const rows = Math.min(lines.length, Math.ceil(data.length / ROW_BYTES));
    if (data.length !== lines.length * ROW_BYTES) {
      this.findings.add(
        "malformed-batch", name,
        `${data.length} bytes are not the salts and leaves of ${lines.length} records`,
        `${lines.length} 件分の塩と葉ではありません`,
      );
    }
    const leaves = [];
    for (let i = 0; i < rows; i++) {
      const salt = data.subarray(i * ROW_BYTES, i * ROW_BYTES + 32);
      const isGone = this.erased.get(index)?.has(i) && !lines[i].length &&
        data.length >= (i + 1) * ROW_BYTES && salt.every((byte) => byte === 0);
      const stated = data.subarray(i * ROW_BYTES + 32, (i + 1) * ROW_BYTES);
      leaves.push(isGone ? stated : leafHash(concat(salt, lines[i])));
    }
    const isRoot = toHex(rootHash(leaves)) === body.root;
    if (!isRoot) {
      this.findings.add(
        "root-mismatch", `entry ${index}, root`,
        "the records give another root than the entry signs",
        "記録から得た根が署名された根と一致しません",
      );
    }
    leaves.forEach((leaf, i) => {
      const stated = data.subarray(i * ROW_BYTES + 32, (i + 1) * ROW_BYTES);
      if (!equalBytes(leaf, stated)) this.#nameRecord(index, i + 1, isRoot);
    });
  }

  #nameRecord(index, number, isRoot) {
    if (isRoot) {
      this.findings.add(
        "leaf-changed", `records/${index}.leaves, record ${number}`,
        "the leaf stated for this record is not the one that its line gives",
        "この記録について示された葉が、行から得られる葉と一致しません",
      );
    } else {
      this.findings.add(
        "record-changed", `entry ${index}, record ${number}`,
        "the line and its salt do not give the leaf that is stated for it",
        "行と塩から得られる葉が、示された葉と一致しません",
      );
    }
  }

  #checkTotals(index, body, judged) {
    const where = `entry ${index}, totals`;
    const read = () => parseTotals(this.files.blob(body.totals.sha256));
    const signed = noting(this.findings, where, read);
    if (signed === null) return;
    for (const [key, stated, counted] of differences(signed, judged.totals)) {
      this.findings.add(
        "sum-mismatch", `${where}, ${key.join("/")}`,
        `signed ${stated}, the records give ${counted}`,
        `署名された合計は ${stated}、記録からの合計は ${counted} です`,
      );
    }
  }

  #placesOf(member, period) {
    const key = joinKey(member, period);
    if (!this.#places.has(key)) this.#places.set(key, new Map());
    return this.#places.get(key);
  }

  #checkIds(index, member, { records, periods, numbers: counted }) {
    const byPeriod = new Map();
    records.forEach((record, i) => {
      if (!byPeriod.has(periods[i])) byPeriod.set(periods[i], new Map());
      byPeriod.get(periods[i]).set(record.id, counted[i]);
    });
    for (const [period, numbers] of byPeriod) {
      const places = this.#placesOf(member, period);
      const twice = [...numbers.keys()].filter((id) => places.has(id)).sort(compareText);
      for (const id of twice) this.#nameTwice(index, numbers.get(id), member, id, places.get(id));
    }
    records.forEach((record, i) => {
      if (record.reverses === null) return;
      const number = counted[i];
      const own = byPeriod.get(periods[i]).get(record.reverses) ?? number;
      this.#noteReversal({ index, number, record }, member, periods[i], own < number);
    });
    for (const [period, numbers] of byPeriod) {
      const places = this.#placesOf(member, period);
      for (const id of numbers.keys()) if (!places.has(id)) places.set(id, index);
    }
  }

  #nameTwice(index, number, member, id, place) {
    this.findings.add(
      "duplicate-id", `entry ${index}, record ${number}, id`,
      `the id ${id} of ${member} stands in entry ${place} already`,
      `${member} の識別子 ${id} はエントリー ${place} で使用済みです`,
    );
  }

  #noteReversal(found, member, period, isOwn) {
    const { index, number, record } = found;
    const where = `entry ${index}, record ${number}, reverses`;
    const key = joinKey(member, period, record.reverses);
    if (this.#reversed.has(key)) {
      this.findings.add(
        "duplicate-id", where, `${record.reverses} is reversed twice`,
        `${record.reverses} が二重に取り消されています`,
      );
    }
    this.#reversed.add(key);
    const original = isOwn ? index : this.#placesOf(member, period).get(record.reverses);
    if (original === undefined && !this.isKnown(period)) {
      this.unknownOriginals += 1;
      return;
    }
    if (original === undefined && (this.#erasers.get(member) ?? Infinity) <= index) return;
    if (original === undefined) {
      this.findings.add(
        "malformed-batch", where,
        `${member} has no record ${record.reverses} in ${period} before this one`,
        `${member} にはこれ以前に ${period} の記録 ${record.reverses} がありません`,
      );
    } else if (!isOwn) {
      this.#reversals.push({ ...found, original });
    }
  }

  // The lines of a batch, if the bundle has them.
  linesOf(index) {
    const name = `records/${index}.ndjson`;
    return this.files.members.has(name) ? splitLines(this.files.read(name)) : null;
  }

  #findRecords(index, ids) {
    const found = new Map();
    for (const line of this.linesOf(index) ?? []) {
      try {
        const record = parseLine(line);
        if (ids.has(record.id)) found.set(record.id, record);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    }
    return found;
  }
}
