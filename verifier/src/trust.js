// The trust file: what an auditor knows about a co-op from elsewhere than the file under test.
//
// Only the part of TOML that docs/audit-bundle.md shows is read: `name = value` lines, `[[chains]]`
// headers, comments; values are strings, whole numbers, arrays and inline tables.

import { decodeUtf8 } from "./bytes.js";
import { recode, refuse } from "./errors.js";
import { parseVkey } from "./note.js";
import { parsePolicy } from "./policy.js";
import { integer, list, object, oneOf, take, text } from "./schema.js";

const BYTES_MAX = 2 ** 20;
const DEPTH_MAX = 8;
const hash = text({ pattern: /^[0-9a-f]{64}$/ });
const block = object({ number: integer(0), hash });
const chain = object(
  { chain_id: integer(0), contract: text({ pattern: /^0x[0-9a-f]{40}$/ }), code_hash: hash },
  { blocks: list(block, 0, 10_000) },
);
const trustShape = object(
  { origin: text({ min: 1, max: 255 }), genesis: hash },
  {
    format: oneOf("kyojo-trust/1"), log_keys: list(text(), 0, 16), policy: text(),
    chains: list(chain, 0, 64),
  },
);
const bad = (why) => refuse("malformed-document", `the trust file: ${why}`);

class Toml {
  constructor(source) {
    this.source = source;
    this.at = 0;
  }

  fail(why) {
    bad(`line ${this.source.slice(0, this.at).split("\n").length}: ${why}`);
  }

  match(pattern) {
    const sticky = new RegExp(pattern, "uy");
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.source);
    if (found) this.at = sticky.lastIndex;
    return found;
  }

  expect(pattern, what) {
    return this.match(pattern) ?? this.fail(`${what} must stand here`);
  }

  document() {
    const root = new Map();
    let table = root;
    for (;;) {
      this.match("(?:[ \\t]*(?:#[^\\n]*)?\\r?\\n)*[ \\t]*(?:#[^\\n]*)?");
      if (this.at === this.source.length) return root;
      const header = this.match("\\[\\[[ \\t]*([A-Za-z0-9_-]+)[ \\t]*\\]\\]");
      if (header) table = this.append(root, header[1]);
      else this.pair(table);
      this.expect("[ \\t]*(?:#[^\\n]*)?(?:\\r?\\n|$)", "the end of the line");
    }
  }

  append(root, name) {
    if (!root.has(name)) root.set(name, []);
    const rows = root.get(name);
    if (!Array.isArray(rows) || (rows.length && !(rows[0] instanceof Map))) this.fail("no table");
    rows.push(new Map());
    return rows[rows.length - 1];
  }

  pair(table, depth = DEPTH_MAX) {
    const bare = this.match("[A-Za-z0-9_-]+");
    const name = bare ? bare[0] : this.string();
    if (table.has(name)) this.fail(`${name} stands twice`);
    this.expect("[ \\t]*=[ \\t]*", "=");
    table.set(name, this.value(depth));
  }

  value(depth) {
    if (depth === 0) this.fail("nested too deeply");
    const next = this.source[this.at];
    if (next === '"' || next === "'") return this.string();
    if (next === "[") return this.array(depth);
    if (next === "{") return this.inline(depth);
    const number = this.expect("[+-]?(?:0|[1-9][0-9]*)(?![0-9A-Za-z_.:+-])", "a value")[0];
    if (!Number.isSafeInteger(Number(number))) this.fail("a number that is too large");
    return Number(number) + 0;
  }

  string() {
    if (this.source.startsWith('"""', this.at) || this.source.startsWith("'''", this.at)) {
      return this.longString();
    }
    const literal = this.match("'([^'\\n\\r]*)'");
    if (literal) return literal[1];
    return this.unescape(this.expect('"((?:[^"\\\\\\n\\r]|\\\\.)*)"', "a text")[1]);
  }

  longString() {
    const literal = this.match("'''(?:\\r?\\n)?([^]*?)'''(?!')");
    if (literal) return literal[1];
    const found = this.expect('"""(?:\\r?\\n)?((?:[^"\\\\]|\\\\[^]|"(?!""))*)"""(?!")', "a text");
    return this.unescape(found[1].replace(/\\[ \t]*\r?\n[ \t\r\n]*/g, ""));
  }

  unescape(raw) {
    const short = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\" };
    return raw.replace(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/gu, (_, code) => {
      if (code.length > 1) {
        const point = parseInt(code.slice(1), 16);
        if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) this.fail("no character");
        return String.fromCodePoint(point);
      }
      return Object.hasOwn(short, code) ? short[code] : this.fail("not an escape");
    });
  }

  array(depth) {
    const gap = "(?:[ \\t\\r\\n]|#[^\\n]*)*";
    const found = [];
    this.at++;
    this.match(gap);
    while (!this.match("\\]")) {
      found.push(this.value(depth - 1));
      this.match(gap);
      if (!this.match(",") && this.source[this.at] !== "]") this.fail("a comma must stand here");
      this.match(gap);
    }
    return found;
  }

  inline(depth) {
    const table = new Map();
    this.expect("\\{[ \\t]*", "{");
    if (this.match("\\}")) return table;
    do this.pair(table, depth - 1);
    while (this.match("[ \\t]*,[ \\t]*"));
    this.expect("[ \\t]*\\}", "}");
    return table;
  }
}

// Read a trust file; refuses with what is wrong in it.
export function parseTrust(data) {
  if (data.length > BYTES_MAX) bad(`it has more than ${BYTES_MAX} bytes`);
  const source = decodeUtf8(data) ?? bad("it is not UTF-8");
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(source)) bad("a control character");
  const found = take(trustShape, new Toml(source).document(), "malformed-document", "trust file");
  const trust = { policy: null, log_keys: [], chains: [], ...found };
  return recode("malformed-document", () => readKeys(trust), "the trust file: ");
}

function readKeys(trust) {
  if (trust.log_keys.length > 0 === (trust.policy !== null)) {
    refuse("malformed-document", "give either log_keys or policy, and not both");
  }
  const keys = trust.log_keys.map(parseVkey);
  for (const key of keys) {
    if (key.name !== trust.origin || key.type === 4) {
      refuse("malformed-document", `${key.name} is not a log key of ${trust.origin}`);
    }
  }
  const policy = trust.policy === null ? null : parsePolicy(new TextEncoder().encode(trust.policy));
  return { ...trust, keys, policy };
}

// The trusted contract at this place, if it is one.
export function trustedChain(trust, chainId, contract) {
  const isIt = (one) => one.chain_id === chainId && one.contract === contract;
  return trust === null ? undefined : trust.chains.find(isIt);
}
