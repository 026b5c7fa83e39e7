// The part of YAML that rule sets are written in, strictly.
//
// Block and flow mappings and sequences, plain and quoted scalars, comments. Whatever two readers
// could take differently (floats, yes/no, octal numbers, anchors, tags) is refused; what is YAML
// but not read here (block scalars, multi-line scalars, explicit keys) is said to be unknown.

import { decodeUtf8 } from "./bytes.js";
import { Unknown, refuse } from "./errors.js";

const BYTES_MAX = 262_144;
const DEPTH_MAX = 32;
const FLOW_END = /[,[\]{}]/;
const WORDS = new Map([
  ["true", true], ["True", true], ["false", false], ["False", false], ["null", null],
  ["Null", null], ["~", null], ["", null],
]);
const AMBIGUOUS = new RegExp(
  "^(?:yes|Yes|YES|no|No|NO|TRUE|FALSE|on|On|ON|off|Off|OFF|NULL|=|<<" +
    "|[-+]?(?:[0-9][0-9_]*)\\.[0-9_]*(?:[eE][-+][0-9]+)?|\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?" +
    "|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)" +
    "|[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+" +
    "|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
);
const SHORT = {
  0: "\0", a: "\x07", b: "\b", t: "\t", n: "\n", v: "\v", f: "\f", r: "\r", e: "\x1b",
  " ": " ", '"': '"', "/": "/", "\\": "\\", N: "\x85", _: "\xa0", L: "\u2028", P: "\u2029",
};

function notRead(what, line) {
  throw new Unknown(
    `the rule set uses ${what} (line ${line}), which this page does not read`,
    `配分規則の ${line} 行目の書き方(${what})をこのページは読めません`,
  );
}

const broken = (why, line) => refuse("malformed-rules", `line ${line}: ${why}`);

// The value of a plain scalar: a word, a whole number, or text.
function plainValue(text, line) {
  if (WORDS.has(text)) return WORDS.get(text);
  if (/^-?(?:0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(Number(text))) {
    return Number(text) + 0;
  }
  if (AMBIGUOUS.test(text)) broken(`YAML readers disagree about ${text}`, line);
  return text;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.starts = [0];
    for (let i = 0; i < text.length; i++) if (text[i] === "\n") this.starts.push(i + 1);
  }

  // The line of the present position, counted from 1, by halving.
  get line() {
    let [low, high] = [0, this.starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= this.at) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  get column() {
    return this.at - this.starts[this.line - 1];
  }

  peek(pattern) {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text);
  }

  take(pattern) {
    const found = this.peek(pattern);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  // Skip spaces, comments and line ends; a comment needs a space or a line start before it.
  gap() {
    for (;;) {
      const before = this.at;
      this.take(/[ \n]+/y);
      const isFree = this.at === 0 || /[ \n]/.test(this.text[this.at - 1]);
      if (isFree) this.take(/#[^\n]*/y);
      if (this.at === before) break;
    }
  }

  document() {
    this.gap();
    if (this.peek(/---(?=[ \n]|$)/y)) {
      if (this.column !== 0) broken("--- in the middle of a line", this.line);
      this.at += 3;
      this.gap();
    }
    if (this.peek(/%/y)) notRead("a directive", this.line);
    if (this.at >= this.text.length) broken("the text holds no document", this.line);
    const value = this.block(-1, DEPTH_MAX);
    this.gap();
    if (this.at < this.text.length) broken("something follows the document", this.line);
    return value;
  }

  // The value that starts here, in lines indented by more than `parent`.
  block(parent, depth) {
    if (depth === 0) broken(`nested deeper than ${DEPTH_MAX} levels`, this.line);
    if (this.column === 0 && this.peek(/(?:---|\.\.\.)(?=[ \n]|$)/y)) {
      notRead("a second document", this.line);
    }
    const column = this.column;
    if (column <= parent) return null;
    if (this.peek(/-(?=[ \n]|$)/y)) return this.sequence(column, depth);
    if (this.isKey()) return this.mapping(column, depth);
    const value = this.node(depth, false);
    this.endOfLine();
    return value;
  }

  // Whether a key and its colon stand here, on this line.
  isKey() {
    if (this.peek(/\?(?=[ \n]|$)/y)) notRead("an explicit key", this.line);
    const quoted = this.peek(/(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*') *:(?=[ \n]|$)/y);
    const plain = this.peek(/[^\s"'[\]{},#&*!|>%@`](?:[^\n:#]|:(?![ \n]|$)|(?<! )#)*:(?=[ \n]|$)/y);
    return Boolean(quoted ?? plain);
  }

  mapping(column, depth) {
    const found = new Map();
    do {
      const { line } = this;
      const name = this.key(/[^\n:#]*(?:(?::(?![ \n]|$)|(?<! )#)[^\n:#]*)*/y);
      if (found.has(name)) broken(`the name ${name} stands twice`, line);
      this.take(/ *:/y);
      found.set(name, this.entry(column, depth));
    } while (this.nextItem(column, () => this.isKey()));
    return found;
  }

  // What stands behind a colon: on the same line, or indented below it.
  entry(column, depth) {
    const { line } = this;
    this.gap();
    if (this.at >= this.text.length) return null;
    if (this.line !== line) {
      // A sequence may stand at the column of its key.
      const isSequence = this.column === column && this.peek(/-(?=[ \n]|$)/y);
      return this.block(isSequence ? column - 1 : column, depth - 1);
    }
    if (depth === 1) broken(`nested deeper than ${DEPTH_MAX} levels`, line);
    if (this.peek(/-(?=[ \n]|$)/y)) broken("a sequence cannot start here", line);
    const value = this.node(depth - 1, false);
    this.endOfLine(column);
    return value;
  }

  sequence(column, depth) {
    const found = [];
    do {
      const { line } = this;
      this.at += 1;
      this.gap();
      const isEmpty = this.at >= this.text.length || (this.line !== line && this.column <= column);
      found.push(isEmpty ? null : this.block(column, depth - 1));
    } while (this.nextItem(column, () => this.peek(/-(?=[ \n]|$)/y)));
    return found;
  }

  nextItem(column, isItem) {
    this.gap();
    if (this.at >= this.text.length || this.column < column) return false;
    if (this.peek(/(?:---|\.\.\.)(?=[ \n]|$)/y)) notRead("a second document", this.line);
    if (this.column > column) broken("the indentation fits nothing above", this.line);
    if (isItem()) return true;
    if (this.peek(/-(?=[ \n]|$)/y)) return false;
    return broken("neither a name nor an item", this.line);
  }

  // After a value nothing but a comment may follow on its line; more text would belong to it.
  endOfLine(column = -1) {
    const { line } = this;
    this.gap();
    if (this.at >= this.text.length) return;
    if (this.line === line) broken("something follows the value", line);
    if (column >= 0 && this.column > column) notRead("a scalar of several lines", this.line);
  }

  key(plain) {
    const start = this.text[this.at];
    if (start === '"' || start === "'") return this.quoted();
    this.refuseSpecial();
    const name = this.take(plain)[0].trimEnd();
    return name === "<<" ? broken("merge keys are not allowed", this.line) : name;
  }

  refuseSpecial() {
    if (this.peek(/[&*!]/y)) broken("anchors, aliases and tags are not allowed", this.line);
    if (this.peek(/[|>]/y)) notRead("a block scalar", this.line);
    if (this.peek(/[%@`,\]}]/y)) broken("a character that cannot start a value", this.line);
  }

  node(depth, isFlow) {
    const start = this.text[this.at];
    if (depth === 0) broken(`nested deeper than ${DEPTH_MAX} levels`, this.line);
    if (start === "[") return this.flowSequence(depth);
    if (start === "{") return this.flowMapping(depth);
    if (start === '"' || start === "'") return this.quoted();
    this.refuseSpecial();
    const { line } = this;
    if (this.peek(/[-?:](?=[ \n]|$)/y)) broken("an indicator stands alone", line);
    const pattern = isFlow
      ? /(?:[^\n:#,[\]{}?]|:(?![ \n,[\]{}]|$)|(?<! )#|\?)*/y
      : /(?:[^\n:#]|:(?![ \n]|$)|(?<! )#)*/y;
    const text = this.take(pattern)[0].trimEnd();
    if (!isFlow && this.peek(/:/y)) broken("a mapping cannot start here", line);
    return plainValue(text, line);
  }

  flowSequence(depth) {
    const found = [];
    this.at++;
    for (;;) {
      this.flowGap();
      if (this.take(/\]/y)) return found;
      if (this.peek(/,/y)) broken("a comma without a value", this.line);
      found.push(this.node(depth - 1, true));
      this.flowGap();
      if (this.peek(/:/y)) notRead("a mapping of one pair", this.line);
      if (!this.take(/,/y) && !this.peek(/\]/y)) this.flowBroken();
    }
  }

  flowMapping(depth) {
    const found = new Map();
    this.at++;
    for (;;) {
      this.flowGap();
      if (this.take(/\}/y)) return found;
      const { line } = this;
      if (this.peek(/[,[{?]/y)) broken("a name must stand here", line);
      const name = this.key(/(?:[^\n:#,[\]{}]|:(?![ \n,[\]{}]|$)|(?<! )#)*/y);
      if (found.has(name)) broken(`the name ${name} stands twice`, line);
      this.flowGap();
      found.set(name, this.take(/:/y) ? this.flowValue(depth) : null);
      this.flowGap();
      if (!this.take(/,/y) && !this.peek(/\}/y)) this.flowBroken();
    }
  }

  flowValue(depth) {
    this.flowGap();
    return this.peek(FLOW_START) ? null : this.node(depth - 1, true);
  }

  flowGap() {
    this.gap();
    if (this.at >= this.text.length) broken("a bracket is not closed", this.line);
    if (this.column === 0 && this.peek(/---|\.\.\./y)) broken("a bracket is not closed", this.line);
  }

  flowBroken() {
    if (FLOW_END.test(this.text[this.at])) broken("the wrong bracket", this.line);
    notRead("a scalar of several lines", this.line);
  }

  quoted() {
    const { line } = this;
    const single = this.take(/'((?:[^'\n]|'')*)'/y);
    if (single) return single[1].replace(/''/g, "'");
    const found = this.take(/"((?:[^"\\\n]|\\[^\n])*)"/y);
    if (!found) notRead("a quoted text of several lines", line);
    const escapes = /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/gu;
    return found[1].replace(escapes, (_, code) => this.escape(code, line));
  }

  escape(code, line) {
    if (code.length > 1) {
      const point = parseInt(code.slice(1), 16);
      if (point > 0x10ffff) broken("no such character", line);
      return String.fromCodePoint(point);
    }
    return Object.hasOwn(SHORT, code) ? SHORT[code] : broken("an unknown escape", line);
  }
}

const FLOW_START = /[,}]/y;

// Read one YAML document; refuses what is broken or ambiguous.
export function readYaml(bytes) {
  if (bytes.length > BYTES_MAX) broken(`the text is longer than ${BYTES_MAX} bytes`, 1);
  const text = decodeUtf8(bytes) ?? broken("the text is not UTF-8", 1);
  if (text.includes("\t")) notRead("a tab", 1);
  if (/[\r\u0085\u2028\u2029\ufeff]/.test(text)) notRead("an unusual line end or mark", 1);
  const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]/;
  if (control.test(text)) broken("a character that YAML does not allow", 1);
  return new Reader(text).document();
}
