// What all sections of the inputs share: objects by name, exact numbers, and refusing.

import { refuse } from "../errors.js";
import { fraction, parseNumber } from "../fraction.js";

export const bad = (where, why) => refuse("malformed-rules", `inputs: ${where}: ${why}`);

// A number, a BigInt of the balances, or the text of a decimal or fraction.
export function quantity(value, where) {
  if (typeof value === "bigint") {
    const isSafe = Number.isSafeInteger(Number(value));
    return isSafe ? fraction(value) : bad(where, "beyond ±(2**53 − 1)");
  }
  return parseNumber(value);
}

export function whole(value, where) {
  const number = quantity(value, where);
  return number.d === 1n ? number.n : bad(where, "a fraction");
}

export function count(value, where) {
  const number = whole(value, where);
  return number < 0n ? bad(where, "negative") : number;
}

// A Map whose values `read` takes one by one.
export function table(map, where, read) {
  if (!(map instanceof Map)) bad(where, "an object is expected here");
  return new Map([...map].map(([name, value]) => [name, read(value, `${where}/${name}`)]));
}

// A reader of Maps keyed by ids, each of which must be a member or `beside`.
export function perMember(known, read, beside = null) {
  return (map, where) => {
    const found = table(map, where, read);
    for (const id of found.keys()) {
      if (!known.has(id) && id !== beside) bad(where, `${id} is not one of the members`);
    }
    return found;
  };
}

// The value as a Map of exactly these fields.
export function fields(value, where, ...names) {
  const isRight = value instanceof Map && value.size === names.length &&
    names.every((name) => value.has(name));
  return isRight ? value : bad(where, `these fields are expected: ${names.join(", ")}`);
}

export function rows(value, where, min, max) {
  const isRight = Array.isArray(value) && value.length >= min && value.length <= max;
  return isRight ? value : bad(where, `a list of ${min} to ${max} rows is expected`);
}
