// Bytes and texts: what every format here is made of.
//
// Texts that mean the same must be the same bytes, so each reader takes one spelling only:
// hexadecimal in lower case, padded base64 without stray bits, UTF-8 without surrogates.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function utf8(text) {
  return encoder.encode(text);
}

// The text of UTF-8 bytes; null for bytes that are not UTF-8.
export function decodeUtf8(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

// Whether a text holds half of a surrogate pair, which no UTF-8 can carry.
export function hasLoneSurrogate(text) {
  return /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);
}

export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function equalBytes(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function toHex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

// The bytes of lower-case hexadecimal digits that were matched by a pattern before.
export function fromHex(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function encodeBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += BASE64[word >> 18] + BASE64[(word >> 12) & 63];
    text += i + 1 < bytes.length ? BASE64[(word >> 6) & 63] : "=";
    text += i + 2 < bytes.length ? BASE64[word & 63] : "=";
  }
  return text;
}

// The bytes of padded standard base64 in its only correct spelling; null for anything else.
export function decodeBase64(text) {
  if (text.length % 4 !== 0) return null;
  const digits = text.replace(/={0,2}$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    const value = BASE64.indexOf(digit);
    if (value < 0) return null;
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (word >> bits) & 255;
    }
  }
  return encodeBase64(bytes) === text ? bytes : null;
}

// A non-negative integer (number or BigInt) as big-endian bytes; null if it does not fit.
export function bigEndian(value, length) {
  const bytes = new Uint8Array(length);
  let rest = BigInt(value);
  if (rest < 0n) return null;
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return rest === 0n ? bytes : null;
}

export function toBigInt(bytes) {
  return bytes.length ? BigInt("0x" + toHex(bytes)) : 0n;
}

// The order of two texts by their characters, as UTF-8 bytes sort; JavaScript compares halves of
// surrogate pairs.
export function compareText(a, b) {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      const high = (unit) => unit >= 0xd800 && unit <= 0xdfff;
      return high(x) === high(y) ? x - y : high(x) ? 1 : -1;
    }
  }
  return a.length - b.length;
}

export function sortedTexts(texts) {
  return [...texts].sort(compareText);
}

// How many characters a text has; an emoji is one.
export function characters(text) {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
