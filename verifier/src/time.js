// Instants (UTC with milliseconds), months, and the times of records (RFC 3339).

import { refuse } from "./errors.js";

const INSTANT = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z$/;
const RFC3339 = new RegExp(
  "^([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\\.([0-9]+))?" +
    "(?:[Zz]|([-+])([0-9]{2}):?([0-9]{2}))$",
);
const DAY = 86_400_000;

// Milliseconds since 1970 of a moment of the calendar; null if there is none.
function milliseconds(year, month, day, hour, minute, second, millisecond) {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, millisecond);
  const isReal = year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isReal && hour < 24 && minute < 60 && second < 60 ? date.getTime() : null;
}

export function parseInstant(text) {
  const match = INSTANT.exec(text);
  const found = match && milliseconds(...match.slice(1).map(Number));
  if (found === null) refuse("out-of-range", `${text.slice(0, 40)} is not an instant`);
  return found;
}

export function formatInstant(moment) {
  const date = new Date(moment);
  const year = date.getUTCFullYear();
  if (Number.isNaN(year) || year < 1 || year > 9999) {
    refuse("out-of-range", "a moment beyond the calendar");
  }
  return date.toISOString();
}

export function addDays(instant, days) {
  return formatInstant(parseInstant(instant) + days * DAY);
}

// Whether two instants can bound the named month in some time zone of the world.
export function isPlausibleMonth(month, start, end) {
  const [year, number] = month.split("-").map(Number);
  if (year < 1900 || year > 9000) {
    refuse("out-of-range", `${month} is not a month of the years 1900 to 9000`);
  }
  const wanted = [Date.UTC(year, number - 1), Date.UTC(year, number)];
  const given = [start, end].map(parseInstant);
  return wanted.every((moment, i) => Math.abs(moment - given[i]) <= 15 * 3_600_000);
}

export function nextMonth(month) {
  const [year, number] = month.split("-").map(Number);
  const following = `${year + Math.floor(number / 12)}`.padStart(4, "0");
  return `${following}-${String((number % 12) + 1).padStart(2, "0")}-01`;
}

export function isDate(text) {
  const match = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
  return match !== null && milliseconds(...match.slice(1).map(Number), 0, 0, 0, 0) !== null;
}

// Refuse what is not a time zone of the IANA table.
export function requireZone(name) {
  try {
    if (!/^[A-Za-z]/.test(name)) throw new RangeError(name);
    new Intl.DateTimeFormat("en", { timeZone: name });
  } catch {
    refuse("out-of-range", `${name} is not a time zone of the IANA table`);
  }
}

// A record's time as microseconds since 1970: a number where that is exact, else a BigInt, which
// JavaScript compares with numbers exactly. Null for anything but RFC 3339 with an offset.
export function recordTime(text) {
  const match = RFC3339.exec(text);
  if (match === null) return null;
  const [, ...fields] = match;
  const local = milliseconds(...fields.slice(0, 6).map(Number), 0);
  const [digits = "", sign, hours = 0, minutes = 0] = fields.slice(6);
  const isOffset = Number(hours) <= 23 && Number(minutes) <= 59;
  if (local === null || !isOffset || digits.length > 6) return null;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  return micros(local - offset, Number(digits.padEnd(6, "0")));
}

function micros(moment, fraction) {
  const found = moment * 1000 + fraction;
  return Number.isSafeInteger(found) ? found : BigInt(moment) * 1000n + BigInt(fraction);
}

// The microseconds of an instant, to be compared with those of records.
export function instantTime(instant) {
  return micros(parseInstant(instant), 0);
}
