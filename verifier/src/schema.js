// Shapes of JSON documents: closed and strict, every fault with its JSON pointer.
//
// A shape is a function (value, pointer, faults) → value. Objects of known fields become plain
// objects, objects with free names stay Maps.

import { characters } from "./bytes.js";
import { Refusal, Unknown } from "./errors.js";

export const INTEGER_MAX = Number.MAX_SAFE_INTEGER;

function fault(faults, where, message, unknown = null) {
  faults.push({ where: where || "/", code: "malformed-entry", message, unknown });
  return undefined;
}

// What may be known to a later version: a field, or one of the words that a field may hold.
export const FIELD = "field";
export const WORD = "word";
const unknownField = {
  code: "malformed-entry", message: "this field is not known here", unknown: FIELD,
};

export function truth(value, where, faults) {
  return typeof value === "boolean" ? value : fault(faults, where, "true or false is expected");
}

export function text({ pattern = null, min = 0, max = Infinity } = {}) {
  return (value, where, faults) => {
    if (typeof value !== "string") return fault(faults, where, "a text is expected");
    const length = min || max < Infinity ? characters(value) : 0;
    if (length < min || length > max) return fault(faults, where, "too short or too long");
    if (pattern && !pattern.test(value)) return fault(faults, where, "not a text allowed here");
    return value;
  };
}

export function integer(min = -INTEGER_MAX, max = INTEGER_MAX) {
  return (value, where, faults) => {
    if (typeof value !== "number") return fault(faults, where, "an integer is expected");
    return value < min || value > max ? fault(faults, where, "out of range") : value;
  };
}

export function oneOf(...allowed) {
  return (value, where, faults) => {
    if (allowed.includes(value)) return value;
    const message = `must be ${allowed.join(", ")}`;
    fault(faults, where, message, typeof value === "string" ? WORD : null);
    return undefined;
  };
}

export function list(item, min = 0, max = Infinity) {
  return (value, where, faults) => {
    if (!Array.isArray(value)) return fault(faults, where, "a list is expected");
    if (value.length < min || value.length > max) {
      return fault(faults, where, "too few or too many");
    }
    return value.map((inner, index) => item(inner, `${where}/${index}`, faults));
  };
}

export function tuple(...items) {
  return (value, where, faults) => {
    if (!Array.isArray(value) || value.length !== items.length) {
      return fault(faults, where, `a list of ${items.length} is expected`);
    }
    return items.map((item, index) => item(value[index], `${where}/${index}`, faults));
  };
}

export function nullable(shape) {
  return (value, where, faults) => (value === null ? null : shape(value, where, faults));
}

export function record(value = anything, name = anything) {
  return (found, where, faults) => {
    if (!(found instanceof Map)) return fault(faults, where, "an object is expected");
    const pairs = [...found].map(([key, inner]) => {
      const below = `${where}/${key}`;
      return [name(key, below, faults), value(inner, below, faults)];
    });
    return new Map(pairs);
  };
}

export function anything(value) {
  return value;
}

// An object with exactly these fields; `optional` ones may be missing and are then `undefined`.
export function object(fields, optional = {}) {
  return (value, where, faults) => {
    if (!(value instanceof Map)) return fault(faults, where, "an object is expected");
    const found = {};
    for (const [name, shape] of Object.entries(fields)) {
      const below = `${where}/${name}`;
      if (!value.has(name)) fault(faults, below, "this field is missing");
      else found[name] = shape(value.get(name), below, faults);
    }
    for (const [name, inner] of value) {
      if (Object.hasOwn(fields, name)) continue;
      const below = `${where}/${name}`;
      if (Object.hasOwn(optional, name)) found[name] = optional[name](inner, below, faults);
      else faults.push({ ...unknownField, where: below });
    }
    return found;
  };
}

// One of several shapes: the first that fits.
export function either(...shapes) {
  return (value, where, faults) => {
    const tried = shapes.map((shape) => {
      const own = [];
      return [shape(value, where, own), own];
    });
    const fitting = tried.find(([, own]) => own.length === 0);
    if (fitting) return fitting[0];
    faults.push(...tried[0][1]);
    return undefined;
  };
}

// A shape whose value `read` makes; what it refuses becomes a fault at the place.
export function reads(read) {
  return (value, where, faults) => {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return fault(faults, where, error.message);
    }
  };
}

// The value in this shape. Where nothing is wrong but that something (a FIELD, a WORD) is not known
// here, it is said to be unknown: a later version may know it. Else refuses.
export function takeKnown(shape, value, what, code, ...later) {
  const faults = [];
  const found = shape(value, "", faults);
  if (!faults.length) return found;
  const wrong = faults.find((one) => !later.includes(one.unknown));
  if (wrong) throw new Refusal(code, `not a ${what}: ${wrong.where}: ${wrong.message}`);
  const places = [...new Set(faults.map((one) => one.where))].join(", ");
  throw new Unknown(
    `this page does not know every word of the ${what}: ${places}`,
    `このページの知らない語があります(${what}): ${places}`,
  );
}

// The value in this shape; refuses with every fault.
export function take(shape, value, code, what) {
  const faults = [];
  const found = shape(value, "", faults);
  if (faults.length) {
    const first = `${faults[0].where}: ${faults[0].message}`;
    throw new Refusal(code, `not a ${what}: ${first}`, { faults });
  }
  return found;
}
