// Totals blobs: 32 bytes of salt, then rows [period, facility, name, currency, amount], sorted.

import { compareText, concat } from "./bytes.js";
import { recode, refuse } from "./errors.js";
import { encodeCanonical, parseCanonical } from "./json.js";

export const SALT_BYTES = 32;
export const CHARGE = "charge.";

// The texts of a key as one text, so that it can stand in a Map.
export const joinKey = (...texts) => JSON.stringify(texts);
export const splitKey = (key) => JSON.parse(key);

export function compareRows(a, b) {
  for (let i = 0; i < 4; i++) {
    const order = compareText(a[i], b[i]);
    if (order) return order;
  }
  return 0;
}

function checkRow(row) {
  const isRow = Array.isArray(row) && row.length === 5 && typeof row[4] === "number" &&
    row.slice(0, 4).every((text) => typeof text === "string");
  if (!isRow || row[2].startsWith(CHARGE) !== Boolean(row[3])) {
    refuse("malformed-batch", "not a row of totals");
  }
  return row;
}

// The rows of a totals blob; refuses unless it is exactly what the ledger would write.
export function parseTotals(blob) {
  if (blob.length < SALT_BYTES) refuse("malformed-batch", "the totals blob is shorter than a salt");
  const rows = recode("malformed-batch", () =>
    parseCanonical(blob.subarray(SALT_BYTES), "the totals"));
  if (!Array.isArray(rows)) refuse("malformed-batch", "the totals are a list of rows");
  rows.forEach(checkRow);
  for (let i = 1; i < rows.length; i++) {
    if (compareRows(rows[i - 1], rows[i]) >= 0) {
      refuse("malformed-batch", "the rows of the totals are not sorted, or one stands twice");
    }
  }
  return rows;
}

export function encodeTotals(salt, rows) {
  return concat(salt, encodeCanonical([...rows].sort(compareRows)));
}

// Every key whose stated and counted amounts differ: [texts, stated, counted].
export function differences(stated, counted) {
  const found = [];
  const signed = new Map(stated.map((row) => [joinKey(...row.slice(0, 4)), BigInt(row[4])]));
  for (const key of new Set([...signed.keys(), ...counted.keys()])) {
    if (signed.get(key) !== counted.get(key)) {
      found.push([splitKey(key), signed.get(key) ?? 0n, counted.get(key) ?? 0n]);
    }
  }
  return found.sort(([a], [b]) => compareRows(a, b));
}
