// Strict JSON in, canonical JSON (RFC 8785) out.
//
// Objects are read as Maps, so that no name (such as __proto__) has a meaning of its own. Numbers
// are whole and within ±(2⁵³ − 1), the range in which all JSON readers agree; fractions, repeated
// names and lone surrogates are refused rather than guessed.

import { decodeUtf8, equalBytes, hasLoneSurrogate, utf8 } from "./bytes.js";
import { refuse, recode } from "./errors.js";
import { sha256 } from "./sha256.js";

export const INTEGER_MAX = Number.MAX_SAFE_INTEGER;
const DEPTH_MAX = 32;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SPACE = /[ \t\n\r]*/y;

// Reads one text; `minusZero` says whether -0 may stand for 0, as it may in a record's line.
class Reader {
  constructor(text, minusZero) {
    Object.assign(this, { text, minusZero, at: 0 });
  }

  fail(why) {
    refuse("malformed-document", `${why} at character ${this.at}`);
  }

  space() {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  whole() {
    const value = this.value(DEPTH_MAX);
    this.space();
    if (this.at !== this.text.length) this.fail("something follows the value");
    return value;
  }

  value(depth) {
    this.space();
    const start = this.text[this.at];
    if (start === '"') return this.string();
    if (start === "{") return this.object(depth);
    if (start === "[") return this.array(depth);
    for (const [word, value] of [["true", true], ["false", false], ["null", null]]) {
      if (start === word[0] && this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  number() {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) this.fail("no value");
    if (match[1] || match[2]) this.fail("a fraction; numbers are whole");
    const value = Number(match[0]);
    if (!Number.isSafeInteger(value)) this.fail("a number beyond ±(2**53 − 1)");
    if (Object.is(value, -0) && !this.minusZero) this.fail("-0 is not an integer");
    this.at = NUMBER.lastIndex;
    return value === 0 ? 0 : value;
  }

  string() {
    let found = "";
    this.at++;
    for (;;) {
      PLAIN.lastIndex = this.at;
      found += PLAIN.exec(this.text)[0];
      this.at = PLAIN.lastIndex;
      const next = this.text[this.at++];
      if (next === '"') return found;
      if (next !== "\\") this.fail("a string that does not end, or a control character");
      found += this.escape();
    }
  }

  escape() {
    const letter = this.text[this.at++];
    if (letter === "u") {
      const digits = this.text.slice(this.at, this.at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail("not an escape");
      this.at += 4;
      return String.fromCharCode(parseInt(digits, 16));
    }
    if (letter === undefined || !Object.hasOwn(ESCAPES, letter)) this.fail("not an escape");
    return ESCAPES[letter];
  }

  object(depth) {
    if (depth === 0) this.fail(`nested deeper than ${DEPTH_MAX} levels`);
    const found = new Map();
    this.at++;
    this.space();
    if (this.text[this.at] === "}") {
      this.at++;
      return found;
    }
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail("a name must stand here");
      const name = this.string();
      if (found.has(name)) this.fail(`the name ${JSON.stringify(name)} stands twice`);
      this.space();
      if (this.text[this.at++] !== ":") this.fail("a colon must stand here");
      found.set(name, this.value(depth - 1));
      if (this.ends("}")) return found;
    }
  }

  array(depth) {
    if (depth === 0) this.fail(`nested deeper than ${DEPTH_MAX} levels`);
    const found = [];
    this.at++;
    this.space();
    if (this.text[this.at] === "]") {
      this.at++;
      return found;
    }
    for (;;) {
      found.push(this.value(depth - 1));
      if (this.ends("]")) return found;
    }
  }

  ends(bracket) {
    this.space();
    const next = this.text[this.at++];
    if (next === bracket) return true;
    if (next !== ",") this.fail("a comma or the end must stand here");
    return false;
  }
}

export function parseJsonText(text, { minusZero = false } = {}) {
  return new Reader(text, minusZero).whole();
}

// Read strict JSON in UTF-8; refuses with the code of a malformed document, naming `what`.
export function parseJson(bytes, what = "document") {
  const text = decodeUtf8(bytes);
  if (text === null) refuse("malformed-document", `${what} is not UTF-8`);
  return recode("malformed-document", () => parseJsonText(text), `${what}: `);
}

// Read JSON that must already be in its RFC 8785 form, byte for byte.
export function parseCanonical(bytes, what = "document") {
  const document = parseJson(bytes, what);
  if (!equalBytes(encodeCanonical(document, what), bytes)) {
    refuse("malformed-document", `${what} is JSON but not in its RFC 8785 form`);
  }
  return document;
}

function quoted(text) {
  if (hasLoneSurrogate(text)) refuse("malformed-document", "a string holds a lone surrogate");
  return JSON.stringify(text);
}

function written(value, depth) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number" || typeof value === "bigint") return integer(value);
  if (depth === 0) refuse("out-of-range", `nested deeper than ${DEPTH_MAX} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => written(item, depth - 1)).join()}]`;
  const pairs = value instanceof Map ? [...value] : Object.entries(value);
  // JavaScript sorts texts by their UTF-16 code units, which is the order of RFC 8785.
  const names = pairs.map(([name]) => name).sort();
  const found = value instanceof Map ? value : new Map(pairs);
  return `{${names.map((n) => `${quoted(n)}:${written(found.get(n), depth - 1)}`).join()}}`;
}

function integer(value) {
  if (!Number.isSafeInteger(Number(value)) || Number(value) !== Math.trunc(Number(value))) {
    refuse("out-of-range", `integer ${value} is beyond ±(2**53 − 1)`);
  }
  return String(value);
}

// The RFC 8785 form of a document of Maps, plain objects, arrays, texts, booleans and integers.
export function encodeCanonical(document, what = "document") {
  return recode("malformed-document", () => utf8(written(document, DEPTH_MAX)), `${what}: `);
}

export function canonicalDigest(document) {
  return sha256(encodeCanonical(document));
}
