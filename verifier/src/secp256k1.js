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
const WINDOW = 5n;

// x mod P for 0 ≤ x < P³: 2²⁵⁶ is FOLD, so the high part is folded into the low one.
function mod(x) {
  if (x < 0n) return ((x % P) + P) % P;
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

function double(point) {
  if (point === null || point[1] === 0n) return null;
  const [x, y, z] = point;
  const yy = mod(y * y);
  const s = mod(4n * mod(x * yy));
  const m = mod(3n * mod(x * x));
  const x3 = mod(m * m - 2n * s);
  return [x3, mod(m * (s - x3) - 8n * mod(yy * yy)), mod(2n * mod(y * z))];
}

function add(a, b) {
  if (a === null) return b;
  if (b === null) return a;
  const zz1 = mod(a[2] * a[2]);
  const zz2 = mod(b[2] * b[2]);
  const u1 = mod(a[0] * zz2);
  const s1 = mod(a[1] * mod(zz2 * b[2]));
  const h = mod(b[0] * zz1 - u1);
  const r = mod(b[1] * mod(zz1 * a[2]) - s1);
  if (h === 0n) return r === 0n ? double(a) : null;
  const hh = mod(h * h);
  const hhh = mod(h * hh);
  const v = mod(u1 * hh);
  const x3 = mod(r * r - hhh - 2n * v);
  return [x3, mod(r * (v - x3) - s1 * hhh), mod(h * mod(a[2] * b[2]))];
}

function negate(point) {
  return point === null ? null : [point[0], P - point[1], point[2]];
}

// The multiples 1, 3, 5, … of a point that signed windows need.
function oddMultiples(point) {
  const twice = double(point);
  const table = [point];
  for (let i = 1; i < 2 ** (Number(WINDOW) - 2); i++) table.push(add(table[i - 1], twice));
  return table;
}

// Digits of k, lowest first, each 0 or odd and smaller than half a window (w-NAF).
function digits(k) {
  const found = [];
  const size = 1n << WINDOW;
  while (k > 0n) {
    let digit = 0n;
    if (k & 1n) {
      digit = k & (size - 1n);
      if (digit >= size / 2n) digit -= size;
      k -= digit;
    }
    found.push(Number(digit));
    k >>= 1n;
  }
  return found;
}

function pick(table, digit) {
  if (!digit) return null;
  const point = table[(Math.abs(digit) - 1) >> 1];
  return digit < 0 ? negate(point) : point;
}

const BASE_TABLE = oddMultiples([GX, GY, 1n]);

// u·G + v·Q with one chain of doublings.
function combine(u, v, q) {
  const first = digits(u);
  const second = digits(v);
  const table = oddMultiples(q);
  let sum = null;
  for (let i = Math.max(first.length, second.length) - 1; i >= 0; i--) {
    sum = double(sum);
    if (first[i]) sum = add(sum, pick(BASE_TABLE, first[i]));
    if (second[i]) sum = add(sum, pick(table, second[i]));
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
