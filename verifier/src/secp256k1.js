// secp256k1: from a signature and a digest to the address that signed (SEC 1 §4.1.6, EIP-2).
//
// Points are Jacobian (X, Y, Z) with x = X/Z², y = Y/Z³, so that only the end needs an inverse;
// null is the point at infinity. Nothing here is secret, so nothing runs in constant time.

import { toBigInt, bigEndian, concat, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { keccak256 } from "./keccak.js";

const P = 2n ** 256n - 2n ** 32n - 977n;
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const HALF_N = N / 2n;
const GX = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n;
const GY = 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n;
const LOW = 2n ** 256n - 1n;
const FOLD = 2n ** 32n + 977n;
const WINDOW = 5;
const BASE_WINDOW = 8;

// The curve's endomorphism: λ·(x, y) = (β·x, y). A scalar is split into two of half the length
// (Gallant, Lambert, Vanstone), which halves the doublings.
const BETA = 0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501een;
const A1 = 0x3086d221a7d46bcde86c90e49284eb15n;
const MINUS_B1 = 0xe4437ed6010e88286f547fa90abfe4c3n;
const A2 = 0x114ca50f7a8e2f3f657c1108d9d44cfd8n;

// x mod P for 0 ≤ x: 2²⁵⁶ is FOLD, so the high part is folded into the low one.
function mod(x) {
  while (x > LOW) x = (x & LOW) + (x >> 256n) * FOLD;
  return x >= P ? x - P : x;
}

function inverse(value, modulus) {
  let [a, b, x, y] = [((value % modulus) + modulus) % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    if (b === 0n) return null;
    const quotient = a / b;
    [a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
  }
  return a === 1n ? ((x % modulus) + modulus) % modulus : null;
}

// Differences are kept positive by adding P, so that `mod` never meets a negative number.

function double(point) {
  if (point === null || point[1] === 0n) return null;
  const [x, y, z] = point;
  const yy = mod(y * y);
  const s = mod(4n * x * yy);
  const m = mod(3n * x * x);
  const x3 = mod(m * m + 2n * (P - s));
  return [x3, mod(m * (P + s - x3) + 8n * (P - mod(yy * yy))), mod(2n * y * z)];
}

function add(a, b) {
  if (a === null) return b;
  if (b === null) return a;
  const zz1 = mod(a[2] * a[2]);
  const zz2 = mod(b[2] * b[2]);
  const u1 = mod(a[0] * zz2);
  const s1 = mod(a[1] * mod(zz2 * b[2]));
  const h = mod(b[0] * zz1 + P - u1);
  const r = mod(b[1] * mod(zz1 * a[2]) + P - s1);
  if (h === 0n) return r === 0n ? double(a) : null;
  const hh = mod(h * h);
  const hhh = mod(h * hh);
  const v = mod(u1 * hh);
  const x3 = mod(r * r + P - hhh + 2n * (P - v));
  return [x3, mod(r * (P + v - x3) + s1 * (P - hhh)), mod(h * mod(a[2] * b[2]))];
}

const negate = (point) => [point[0], P - point[1], point[2]];

// The multiples 1, 3, 5, … of a point that signed windows need.
function oddMultiples(point, window) {
  const twice = double(point);
  const table = [point];
  for (let i = 1; i < 2 ** (window - 2); i++) table.push(add(table[i - 1], twice));
  return table;
}

const rotate = (table) => table.map(([x, y, z]) => [mod(BETA * x), y, z]);

// k as k1 + k2·λ modulo N, both of about 128 bits and of either sign.
function split(k) {
  const c1 = (A1 * k + HALF_N) / N;
  const c2 = (MINUS_B1 * k + HALF_N) / N;
  return [k - c1 * A1 - c2 * A2, c1 * MINUS_B1 - c2 * A1];
}

// Digits of k, lowest first, each 0 or odd and smaller than half a window (w-NAF).
function digits(k, window) {
  const found = [];
  const sign = k < 0n ? -1 : 1;
  const size = 2 ** window;
  let rest = k < 0n ? -k : k;
  while (rest > 0n) {
    let digit = 0;
    if (rest & 1n) {
      digit = Number(rest & BigInt(size - 1));
      if (digit >= size / 2) digit -= size;
      rest -= BigInt(digit);
    }
    found.push(sign * digit);
    rest >>= 1n;
  }
  return found;
}

function pick(table, digit) {
  const point = table[(Math.abs(digit) - 1) >> 1];
  return digit < 0 ? negate(point) : point;
}

const BASE = oddMultiples([GX, GY, 1n], BASE_WINDOW);
const BASE_ROTATED = rotate(BASE);

// u·G + v·Q with one chain of doublings.
function combine(u, v, q) {
  const table = oddMultiples(q, WINDOW);
  const [u1, u2] = split(u);
  const [v1, v2] = split(v);
  const terms = [
    [digits(u1, BASE_WINDOW), BASE], [digits(u2, BASE_WINDOW), BASE_ROTATED],
    [digits(v1, WINDOW), table], [digits(v2, WINDOW), rotate(table)],
  ];
  let sum = null;
  for (let i = Math.max(...terms.map(([list]) => list.length)) - 1; i >= 0; i--) {
    sum = double(sum);
    for (const [list, multiples] of terms) if (list[i]) sum = add(sum, pick(multiples, list[i]));
  }
  return sum;
}

// A root of x³ + 7 with the parity asked for; null if x is on no point.
function lift(x, isOdd) {
  const square = mod(mod(x * x) * x + 7n);
  let root = 1n;
  let power = square;
  for (let e = (P + 1n) / 4n; e > 0n; e >>= 1n) {
    if (e & 1n) root = mod(root * power);
    power = mod(power * power);
  }
  if (mod(root * root) !== square) return null;
  return (root & 1n) === (isOdd ? 1n : 0n) ? root : P - root;
}

export function addressOf(publicKey) {
  return "0x" + toHex(keccak256(publicKey).subarray(12));
}

// The address whose key signed the 32-byte digest; refuses any signature but the strict form.
export function recoverAddress(digest, signature) {
  const bad = (why) => refuse("bad-signature", why);
  if (signature.length !== 65) bad(`a signature has 65 bytes, this one has ${signature.length}`);
  if (signature[64] !== 27 && signature[64] !== 28) bad("a signature's last byte is 27 or 28");
  const r = toBigInt(signature.subarray(0, 32));
  const s = toBigInt(signature.subarray(32, 64));
  if (s > HALF_N) bad("the signature's s lies in the upper half of the group order (EIP-2)");
  if (r === 0n || s === 0n || r >= N) bad("no public key fits this signature");
  const y = lift(r, signature[64] === 28);
  if (y === null) bad("no public key fits this signature");
  const invR = inverse(r, N);
  const u = (((N - (toBigInt(digest) % N)) % N) * invR) % N;
  const point = combine(u, (s * invR) % N, [r, y, 1n]);
  if (point === null) bad("no public key fits this signature");
  const invZ = inverse(point[2], P);
  const zz = mod(invZ * invZ);
  const [x, v] = [mod(point[0] * zz), mod(point[1] * mod(zz * invZ))];
  return addressOf(concat(bigEndian(x, 32), bigEndian(v, 32)));
}
