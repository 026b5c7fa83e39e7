// ML-DSA-44 signatures (FIPS 204, pure, empty context), of which browsers know nothing yet: how one
// is verified. Nothing here is secret, so nothing needs to take the same time.
//
// Numbers stay below 2⁴⁶, the square of the modulus, which a double holds exactly.

import { concat, equalBytes } from "./bytes.js";
import { Sponge, shake256 } from "./keccak.js";

const Q = 8_380_417;
const N = 256;
const ROWS = 4;
const COLUMNS = 4;
const DROPPED_BITS = 13;
const TAU = 39;
const BETA = 78;
const GAMMA1 = 2 ** 17;
const GAMMA2 = (Q - 1) / 88;
const OMEGA = 80;
const CHALLENGE_BYTES = 32;
const Z_BYTES = (N * 18) / 8;
const T1_BYTES = (N * 10) / 8;
const INVERSE_OF_N = 8_347_681;
export const PUBLIC_KEY_BYTES = 32 + ROWS * T1_BYTES;
export const SIGNATURE_BYTES = CHALLENGE_BYTES + COLUMNS * Z_BYTES + OMEGA + ROWS;

const times = (a, b) => (a * b) % Q;
const lift = (a) => (a < 0 ? a + Q : a);

// The powers of 1753, a 512th root of one, in the order in which the transform meets them.
const ZETAS = Array.from({ length: N }, (_, i) => {
  let [power, found] = [1753, 1];
  for (let bit = 128; bit; bit >>= 1) {
    if (i & bit) found = times(found, power);
    power = times(power, power);
  }
  return found;
});

function transform(poly) {
  let m = 0;
  for (let half = N / 2; half >= 1; half /= 2) {
    for (let start = 0; start < N; start += 2 * half) {
      const zeta = ZETAS[++m];
      for (let j = start; j < start + half; j++) {
        const t = times(zeta, poly[j + half]);
        poly[j + half] = lift(poly[j] - t);
        poly[j] = (poly[j] + t) % Q;
      }
    }
  }
  return poly;
}

function transformBack(poly) {
  let m = N;
  for (let half = 1; half < N; half *= 2) {
    for (let start = 0; start < N; start += 2 * half) {
      const zeta = Q - ZETAS[--m];
      for (let j = start; j < start + half; j++) {
        const t = poly[j];
        poly[j] = (t + poly[j + half]) % Q;
        poly[j + half] = times(zeta, lift(t - poly[j + half]));
      }
    }
  }
  return poly.map((value) => times(value, INVERSE_OF_N));
}

// 256 numbers of `width` bits, the lowest bit first.
function unpack(bytes, width) {
  const found = [];
  let [word, bits] = [0, 0];
  for (const byte of bytes) {
    word += byte * 2 ** bits;
    bits += 8;
    while (bits >= width) {
      found.push(word % 2 ** width);
      word = Math.floor(word / 2 ** width);
      bits -= width;
    }
  }
  return found;
}

function packSixBits(values) {
  const bytes = new Uint8Array((N * 6) / 8);
  for (let i = 0, at = 0; i < N; i += 4) {
    const word = values[i] | (values[i + 1] << 6) | (values[i + 2] << 12) | (values[i + 3] << 18);
    for (let shift = 0; shift < 24; shift += 8) bytes[at++] = word >> shift;
  }
  return bytes;
}

// A polynomial of the public matrix, in its transformed form.
function sampleUniform(rho, row, column) {
  const sponge = new Sponge(168, 0x1f, concat(rho, new Uint8Array([column, row])));
  const found = [];
  while (found.length < N) {
    const [low, middle, high] = [sponge.next(), sponge.next(), sponge.next()];
    const value = low | (middle << 8) | ((high & 127) << 16);
    if (value < Q) found.push(value);
  }
  return found;
}

// The challenge: 39 coefficients that are 1 or −1, all others 0.
function sampleChallenge(seed) {
  const sponge = new Sponge(136, 0x1f, seed);
  const signs = Array.from({ length: 8 }, () => sponge.next());
  const found = new Array(N).fill(0);
  for (let i = N - TAU; i < N; i++) {
    let j = sponge.next();
    while (j > i) j = sponge.next();
    found[i] = found[j];
    const bit = i + TAU - N;
    found[j] = (signs[bit >> 3] >> (bit & 7)) & 1 ? Q - 1 : 1;
  }
  return found;
}

// Which coefficients of each row carry a hint; null for another spelling than the only one.
function unpackHints(bytes) {
  const found = [];
  let at = 0;
  for (let row = 0; row < ROWS; row++) {
    const end = bytes[OMEGA + row];
    if (end < at || end > OMEGA) return null;
    const places = [...bytes.subarray(at, end)];
    if (places.some((place, i) => i && places[i - 1] >= place)) return null;
    found.push(new Set(places));
    at = end;
  }
  return bytes.subarray(at, OMEGA).some((byte) => byte) ? null : found;
}

// The high part of a number, moved by one where there is a hint.
function highPart(value, hasHint) {
  let low = value % (2 * GAMMA2);
  if (low > GAMMA2) low -= 2 * GAMMA2;
  const isLast = value - low === Q - 1;
  const high = isLast ? 0 : (value - low) / (2 * GAMMA2);
  if (!hasHint) return high;
  return (high + ((isLast ? low - 1 : low) > 0 ? 1 : 43)) % 44;
}

const pieces = (bytes, size, count) =>
  Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

// The polynomials that signer and verifier must find alike, packed.
function commitments(key, z, challenge, hints) {
  const rho = key.subarray(0, 32);
  const transformed = z.map((poly) => transform(poly.map(lift)));
  const c = transform([...challenge]);
  return pieces(key.subarray(32), T1_BYTES, ROWS).map((packed, row) => {
    const t = transform(unpack(packed, 10).map((value) => times(value, 2 ** DROPPED_BITS)));
    const sum = t.map((value, i) => Q - times(c[i], value));
    for (let column = 0; column < COLUMNS; column++) {
      const a = sampleUniform(rho, row, column);
      for (let i = 0; i < N; i++) sum[i] = (sum[i] + times(a[i], transformed[column][i])) % Q;
    }
    return packSixBits(transformBack(sum).map((value, i) => highPart(value, hints[row].has(i))));
  });
}

// Whether this is the key's signature over the message.
export function isMlDsa44Signature(key, message, signature) {
  if (key.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  const stated = signature.subarray(0, CHALLENGE_BYTES);
  const z = pieces(signature.subarray(CHALLENGE_BYTES), Z_BYTES, COLUMNS)
    .map((packed) => unpack(packed, 18).map((value) => GAMMA1 - value));
  const hints = unpackHints(signature.subarray(CHALLENGE_BYTES + COLUMNS * Z_BYTES));
  const isShort = z.every((poly) => poly.every((value) => Math.abs(value) < GAMMA1 - BETA));
  if (hints === null || !isShort) return false;
  const about = shake256(concat(shake256(key, 64), new Uint8Array(2), message), 64);
  const found = commitments(key, z, sampleChallenge(stated), hints);
  return equalBytes(shake256(concat(about, ...found), CHALLENGE_BYTES), stated);
}
