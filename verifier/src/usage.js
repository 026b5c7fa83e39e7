// Usage records: a line of JSON that a member sent, and the judgement of a whole batch.
//
// The line's bytes are the evidence. Quantities are integers; times keep the offset that was sent;
// what takes back an earlier record (`reverses`) has the exact negatives of its figures.

import { characters, decodeUtf8, hasLoneSurrogate } from "./bytes.js";
import { Refusal, recode, refuse } from "./errors.js";
import { parseJsonText } from "./json.js";
import { termsOf } from "./state.js";
import { instantTime, recordTime } from "./time.js";
import { CHARGE, joinKey } from "./totals.js";

const LINE_BYTES_MAX = 8192;
const BATCH_RECORDS_MAX = 10_000;
const FAULTS_MAX = 200;
const IDENTIFIER = /^[!-~]{1,128}$/;
const NAME = new RegExp(
  "^[^+\\u0000-\\u0020\\u007f\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f" +
    "\\u3000]{1,64}$",
  "u",
);
const REQUIRED = ["id", "facility", "started_at", "ended_at", "measures"];
const OPTIONAL = ["charges", "currency", "payer", "reverses", "attributes"];

function bad(message, field = null) {
  return refuse("malformed-record", message, { field });
}

function amounts(value, field) {
  if (!(value instanceof Map)) bad("an object is expected", field);
  if (value.size < 1 || value.size > 32) bad("1 to 32 amounts are expected", field);
  for (const [name, amount] of value) {
    if (!NAME.test(name)) bad(`${JSON.stringify(name)} is not a name`, field);
    if (typeof amount !== "number") bad(`the amount of ${name} is not an integer`, field);
  }
  return value;
}

function checkAttributes(value) {
  if (!(value instanceof Map) || value.size > 32) bad("up to 32 attributes", "attributes");
  for (const [name, inner] of value) {
    const isText = typeof inner === "string" && characters(inner) <= 200;
    const fits = isText || typeof inner === "boolean" || typeof inner === "number";
    if (!NAME.test(name) || !fits) bad(`${JSON.stringify(name)} is no attribute`, "attributes");
  }
}

function moment(document, field) {
  const value = document.get(field);
  const found = typeof value === "string" ? recordTime(value) : null;
  return found ?? bad("not an RFC 3339 time with an offset and at most six decimals", field);
}

function matched(value, pattern, field) {
  return typeof value === "string" && pattern.test(value) ? value : bad("not a text", field);
}

function readFields(document) {
  for (const name of REQUIRED) if (!document.has(name)) bad(`the field ${name} is missing`);
  for (const name of document.keys()) {
    if (!REQUIRED.includes(name) && !OPTIONAL.includes(name)) bad(`unknown field ${name}`);
  }
  const optional = (name, read) => {
    const value = document.get(name) ?? null;
    return value === null ? null : read(value, name);
  };
  const identifier = (value, name) => matched(value, IDENTIFIER, name);
  optional("attributes", checkAttributes);
  return {
    id: identifier(document.get("id"), "id"),
    facility: matched(document.get("facility"), NAME, "facility"),
    startedAt: moment(document, "started_at"),
    endedAt: moment(document, "ended_at"),
    measures: amounts(document.get("measures"), "measures"),
    charges: optional("charges", amounts),
    currency: optional("currency", (value, name) => matched(value, /^[A-Z]{3}$/, name)),
    payer: optional("payer", identifier),
    reverses: optional("reverses", identifier),
  };
}

// Only what takes back an earlier record is negative.
function checkSigns(record, field) {
  for (const amount of record[field]?.values() ?? []) {
    if (record.reverses !== null ? amount > 0 : amount < 0) {
      bad(`${field} of the wrong sign`, field);
    }
  }
}

// Read one line of a batch.
export function parseLine(line) {
  if (line.length > LINE_BYTES_MAX) bad(`the line has ${line.length} bytes`);
  const text = decodeUtf8(line) ?? bad("the line is not UTF-8");
  const document = recode("malformed-record", () => parseJsonText(text, { minusZero: true }));
  if (!(document instanceof Map)) bad("a record is a JSON object");
  if (text.includes("\\u") && hasEscapedHalf(document)) bad("half of a surrogate pair");
  const record = readFields(document);
  if (record.endedAt < record.startedAt) bad("ended_at lies before started_at", "ended_at");
  if ((record.charges === null) !== (record.currency === null)) {
    bad("charges and currency go together", "currency");
  }
  checkSigns(record, "measures");
  checkSigns(record, "charges");
  return record;
}

function hasEscapedHalf(value) {
  if (typeof value === "string") return hasLoneSurrogate(value);
  return value instanceof Map && [...value].flat().some(hasEscapedHalf);
}

function isNegative(amounts, originals) {
  const [own, other] = [amounts ?? new Map(), originals ?? new Map()];
  return own.size === other.size &&
    [...own].every(([name, amount]) => other.has(name) && amount + other.get(name) === 0);
}

// Whether `reversal` is the exact negative of `original`: same usage, negated figures.
export function negates(reversal, original) {
  return (
    reversal.reverses === original.id && original.reverses === null &&
    ["facility", "currency", "payer"].every((name) => reversal[name] === original[name]) &&
    // A number equals a BigInt of the same value under == alone.
    reversal.startedAt == original.startedAt && reversal.endedAt == original.endedAt &&
    isNegative(reversal.measures, original.measures) &&
    isNegative(reversal.charges, original.charges)
  );
}

// What usage records may refer to at a state.
export function scopeOf(state) {
  const { vocabulary, period } = termsOf(state);
  const periods = [...state.periods.values()].map(({ id, start, end }) => ({
    id, start: instantTime(start), end: instantTime(end),
  }));
  return {
    decidedBy: period.decided_by,
    periods,
    facilities: state.facilities,
    metrics: new Set(vocabulary.metrics.map((term) => term.id)),
    charges: new Set(vocabulary.charges.map((term) => term.id)),
  };
}

function periodFor(record, scope) {
  const moment = scope.decidedBy === "start" ? record.startedAt : record.endedAt;
  const found = scope.periods.find(({ start, end }) => start <= moment && moment < end);
  return found?.id ?? refuse("out-of-range", "no period has been opened that contains this time");
}

function judge(record, scope, known) {
  const outside = (message, field) => refuse("out-of-range", message, { field });
  if (!scope.facilities.has(record.facility)) outside("the facility is unknown", "facility");
  for (const [field, names] of [["measures", scope.metrics], ["charges", scope.charges]]) {
    for (const name of record[field]?.keys() ?? []) {
      if (!names.has(name)) outside(`${name} is not in the vocabulary`, field);
    }
  }
  const period = periodFor(record, scope);
  if (known.has(joinKey(period, record.id))) {
    refuse("malformed-batch", `the id ${record.id} stands twice in this batch`, { field: "id" });
  }
  const original = record.reverses && known.get(joinKey(period, record.reverses));
  if (original && !negates(record, original)) {
    const message = `this is not the exact negative of ${record.reverses}`;
    refuse("malformed-batch", message, { field: "reverses" });
  }
  return period;
}

// Judge every line of a batch; refuses with one fault per bad line.
export function readLines(lines, scope, numbers = lines.map((_, i) => i + 1)) {
  if (lines.length < 1 || lines.length > BATCH_RECORDS_MAX) {
    refuse("too-large", `a batch has 1 to ${BATCH_RECORDS_MAX} records, not ${lines.length}`);
  }
  const [records, periods, faults, known] = [[], [], [], new Map()];
  lines.forEach((line, index) => {
    try {
      const record = parseLine(line);
      const period = judge(record, scope, known);
      known.set(joinKey(period, record.id), record);
      records.push(record);
      periods.push(period);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const field = error.field ? `, ${error.field}` : "";
      const where = `record ${numbers[index]}${field}`;
      faults.push({ where, code: error.code, message: error.message });
    }
  });
  if (faults.length) {
    const kept = faults.slice(0, FAULTS_MAX);
    throw new Refusal("malformed-batch", "records are wrong", { faults: kept });
  }
  return { records, periods, totals: countTotals(records, periods) };
}

// The sums of a batch per (period, facility, name, currency), as BigInt.
function countTotals(records, periods) {
  const sums = new Map();
  const add = (key, amount) => sums.set(key, (sums.get(key) ?? 0n) + BigInt(amount));
  records.forEach((record, i) => {
    for (const [metric, amount] of record.measures) {
      add(joinKey(periods[i], record.facility, metric, ""), amount);
    }
    for (const [kind, amount] of record.charges ?? []) {
      add(joinKey(periods[i], record.facility, CHARGE + kind, record.currency), amount);
    }
  });
  return sums;
}
