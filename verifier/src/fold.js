// The fold over a bundle: every entry applied with what the bundle alone holds. A slice's fold
// begins with the state at its start.
//
// After an entry that does not apply the fold goes on as if it had said nothing, so that what is
// independent of it is checked all the same.

import { compareText } from "./bytes.js";
import { apply, skip } from "./apply.js";
import { blobReferences, takeBody } from "./bodies.js";
import { parseEnvelope } from "./envelope.js";
import { erasedRecords, namedErasures } from "./erasure.js";
import { Refusal, Unknown, refuse } from "./errors.js";
import { Frontier, leafHash } from "./merkle.js";
import { entryFiles } from "./names.js";
import { RecordChecks } from "./records.js";
import { emptyState } from "./state.js";
import { hasUsageBefore } from "./start.js";
import { readEntries } from "./tiles.js";
import { joinKey } from "./totals.js";
import { scopeOf } from "./usage.js";

// What a made-up state makes the fold stumble over: its parts have shapes, but no meaning.
const STUMBLES = [TypeError, RangeError, SyntaxError];

export class Fold {
  entries = [];
  leaves = [];
  erased = 0;
  held = 0;
  firstRefused = null;
  firstUnknown = null;
  firstReceivedAt = "";
  settlements = [];
  corrections = [];
  keyChanges = [];
  approvals = new Map();
  anchors = [];
  #totals = new Map();

  // `start` is where a slice begins, or null for a bundle from the charter on.
  constructor(files, findings, start = null) {
    Object.assign(this, { files, findings, start });
    this.before = start?.before ?? new Frontier();
    this.state = start?.state ?? emptyState();
    this.roots = [this.before.root()];
    this.named = entryFiles(files.members, this.base);
    const isKnown = (period) => !hasUsageBefore(start, period);
    this.records = new RecordChecks(files, findings, isKnown);
    this.#addTotals(start?.totals ?? []);
  }

  // The index of the first entry, the size of the log up to here, and that which it should come to.
  get base() {
    return this.before.size;
  }

  get size() {
    return this.base + this.leaves.length;
  }

  get wantedSize() {
    return this.named.reduce((size, { width }) => size + width, this.base);
  }

  // Evidence for `apply`.

  blob(digest) {
    return this.files.blob(digest);
  }

  root(size) {
    const root = this.start?.roots.get(size) ?? this.roots[size - this.base];
    return root ?? refuse("not-found", `the bundle does not show the root at size ${size}`);
  }

  entry(index) {
    const entry = this.start?.entries.get(index) ?? this.entries[index - this.base];
    return entry ?? refuse("not-found", `the bundle has no entry ${index}`);
  }

  // The totals of a period over its first `epochs` epochs, as counted so far; not of one that was
  // settled before a slice begins, for its usage is not there.
  totals(period, epochs) {
    if (this.start?.state.periods.get(period)?.status === "settled") {
      refuse("not-found", `the usage of ${period} lies before this slice`);
    }
    const found = new Map();
    for (const row of this.#totals.get(period)?.values() ?? []) {
      if (row.epoch >= epochs) continue;
      const key = joinKey(row.account, row.facility, row.name, row.currency);
      const before = found.get(key)?.amount ?? 0n;
      found.set(key, { ...row, amount: before + row.amount });
    }
    return [...found.values()].sort((a, b) =>
      ["account", "facility", "name", "currency"].reduce(
        (order, field) => order || compareText(a[field], b[field]), 0));
  }

  #addTotals(rows) {
    for (const row of rows) {
      if (!this.#totals.has(row.period)) this.#totals.set(row.period, new Map());
      const period = this.#totals.get(row.period);
      const key = joinKey(String(row.epoch), row.account, row.facility, row.name, row.currency);
      const before = period.get(key)?.amount ?? 0n;
      period.set(key, { ...row, amount: before + row.amount });
    }
  }

  // Fold all entries; `progress(done, size)` may give the page time to breathe.
  async run(progress) {
    const count = this.wantedSize - this.base;
    this.records.erased = namedErasures(this.#entriesAsTheyAre());
    for (const { name, width } of this.named) {
      const data = this.files.read(name);
      if (data === null) break;
      const { entries, fault } = readEntries(data, width);
      if (fault) this.findings.add("malformed-proof", name, fault, `検証で拒否されました: ${fault}`);
      for (const entry of entries) {
        await this.#take(this.size, entry);
        await progress(this.leaves.length, count);
      }
      if (fault) break;
    }
    this.records.finish();
    this.#checkErasures();
  }

  // The entries as they stand in the bundle; what is wrong with their files is said by the fold.
  #entriesAsTheyAre() {
    return this.named.flatMap(({ name, width }) =>
      readEntries(this.files.content(this.files.members.get(name)), width).entries);
  }

  // Note every line that is missing though nothing erased it; count what was erased.
  #checkErasures() {
    const inFact = [...this.state.erased.keys()].map(Number);
    const batches = new Set([...this.records.erased.keys(), ...inFact]);
    for (const batch of [...batches].sort((a, b) => a - b)) {
      const lines = this.records.linesOf(batch);
      if (lines === null) continue;
      const erased = erasedRecords(this.state, batch);
      this.erased += erased.size;
      lines.forEach((line, number) => {
        if (line.length && erased.has(number)) this.held += 1;
        if (line.length || erased.has(number)) return;
        this.findings.add(
          "record-missing", `records/${batch}.ndjson, record ${number + 1}`,
          "this record is missing, and no entry in effect erases it",
          "この記録がありません。消去を定める有効なエントリーもありません",
        );
      });
    }
  }

  async #take(index, data) {
    const leaf = leafHash(data);
    const entry = await this.#attempt(index, () => parseEnvelope(data));
    const before = this.state;
    if (entry === null) {
      this.state = skip(before, leaf, null);
    } else {
      this.firstReceivedAt = this.firstReceivedAt || entry.receivedAt;
      const isJudged = index === 0 || before.charter !== null;
      const judge = () => (isJudged ? this.#apply(before, entry) : null);
      const change = await this.#attempt(index, judge);
      this.state = change === null ? skip(before, leaf, entry) : change.state;
      this.#lookBeside(index, entry, before, change);
    }
    this.entries.push(data);
    this.leaves.push(leaf);
    this.roots.push(this.state.frontier.root());
  }

  async #apply(before, entry) {
    try {
      return await apply(before, entry, this);
    } catch (error) {
      if (this.start === null || !STUMBLES.some((kind) => error instanceof kind)) throw error;
      return refuse("malformed-document", `the state at the start misleads: ${error.message}`);
    }
  }

  async #attempt(index, run) {
    try {
      return await run();
    } catch (error) {
      this.#refused(index, error);
      return null;
    }
  }

  #refused(index, error) {
    const note = { en: "", ja: "" };
    const first = this.firstUnknown ?? this.firstRefused;
    if (error instanceof Unknown) this.firstUnknown ??= index;
    if (error instanceof Refusal) this.firstRefused ??= index;
    if (first !== null && first < index) {
      note.en = ` (this may follow from entry ${first})`;
      note.ja = `(エントリー ${first} の結果である可能性があります)`;
    }
    this.findings.addError(error, `entry ${index}`, note);
  }

  // What hangs on an entry, whether or not it applied: blobs, records, anchors.
  #lookBeside(index, entry, before, change) {
    this.#checkBlobs(index, entry.body);
    if (change !== null) {
      this.#addTotals(change.totals);
      this.#noteKeys(index, before, change.state);
      this.#noteApproval(entry, before);
      if (change.settlement) this.settlements.push({ entry: index, ...change.settlement });
      if (change.correction) this.corrections.push({ entry: index, ...change.correction });
    }
    try {
      if (entry.kind === "usage-batch") {
        const body = takeBody(entry.kind, entry.body);
        const member = before.keys.get(entry.actor)?.member ?? entry.actor;
        this.records.check(index, body, member, before.charter === null ? null : scopeOf(before));
      } else if (entry.kind === "anchor-recorded") {
        this.anchors.push({ index, body: takeBody(entry.kind, entry.body) });
      }
    } catch (error) {
      if (change !== null || !(error instanceof Refusal)) this.#refused(index, error);
    }
  }

  #noteKeys(index, before, { log_keys: keys }) {
    if (index === 0 || keys === before.log_keys) return;
    const inForce = [...keys].filter(([, key]) => key.retired === null);
    this.keyChanges.push({ index, vkeys: inForce.map(([vkey]) => vkey) });
  }

  // In a slice: who approved what; the state at its start rests on some of them.
  #noteApproval({ kind, actor, body }, before) {
    if (this.start === null || kind !== "decision" || body.get("action") !== "approve") return;
    const hash = body.get("subject_hash");
    const who = `${before.keys.get(actor).member} ${actor}`;
    this.approvals.set(hash, [...(this.approvals.get(hash) ?? []), who]);
  }

  #checkBlobs(index, body) {
    for (const reference of blobReferences(body)) {
      const digest = reference.get("sha256");
      let size;
      try {
        size = this.files.blob(digest).length;
      } catch (error) {
        if (error instanceof Refusal) continue; // noted by the files, at the file
        throw error;
      }
      if (size !== reference.get("bytes")) {
        this.findings.add(
          "blob-changed", `entry ${index}, blob ${digest}`,
          `the blob has ${size} bytes, the entry names ${reference.get("bytes")}`,
          `大きさは ${size} バイトですが、エントリーの指定と異なります`,
        );
      }
    }
  }
}
