// Exact numbers: BigInt integers and fractions in lowest terms with a positive denominator.

import { refuse } from "./errors.js";

export const ZERO = { n: 0n, d: 1n };
export const ONE = { n: 1n, d: 1n };
const LENGTH_MAX = 80;
// The digits of the largest number that a sum tree holds, of 4096 bytes.
export const DIGITS_MAX = 9_865;
const LONG = new RegExp(`^-?[1-9][0-9]{15,${DIGITS_MAX - 1}}$`);
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

export function abs(value) {
  return value < 0n ? -value : value;
}

export function gcd(a, b) {
  [a, b] = [abs(a), abs(b)];
  while (b) [a, b] = [b, a % b];
  return a;
}

export function lcm(a, b) {
  return (a / gcd(a, b)) * b;
}

export const least = (...values) => values.reduce((a, b) => (b < a ? b : a));
export const most = (...values) => values.reduce((a, b) => (b > a ? b : a));

// The quotient rounded towards minus infinity.
export function floorDivide(a, b) {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

export const floorOf = ({ n, d }) => floorDivide(n, d);
export const ceilOf = ({ n, d }) => -floorDivide(-n, d);

export function fraction(n, d = 1n) {
  if (d === 1n) return { n, d };
  const divisor = gcd(n, d) * (d < 0n ? -1n : 1n);
  return divisor === 0n ? ZERO : { n: n / divisor, d: d / divisor };
}

export const plus = (a, b) => fraction(a.n * b.d + b.n * a.d, a.d * b.d);
export const minus = (a, b) => fraction(a.n * b.d - b.n * a.d, a.d * b.d);
export const times = (a, b) => fraction(a.n * b.n, a.d * b.d);
export const over = (a, b) => fraction(a.n * b.d, a.d * b.n);
export const isSame = (a, b) => a.n === b.n && a.d === b.d;
export const isLess = (a, b) => a.n * b.d < b.n * a.d;
export const text = ({ n, d }) => (d === 1n ? String(n) : `${n}/${d}`);
export const total = (values) => values.reduce(plus, ZERO);

// "3" or "-1/2".
export function formatFraction(n, d = 1n) {
  const found = fraction(n, d);
  return found.d === 1n ? String(found.n) : `${found.n}/${found.d}`;
}

// Read an integer or a number's text: 5, "2.5", "70%", "1/3".
export function parseNumber(value, lengthMax = LENGTH_MAX) {
  if (typeof value === "number") return fraction(BigInt(value));
  if (typeof value !== "string") refuse("out-of-range", "this is not a number");
  if (value.length > lengthMax) refuse("out-of-range", `longer than ${lengthMax} characters`);
  const decimal = /^(-?)([0-9]+)(?:\.([0-9]+))?(%?)$/.exec(value);
  if (decimal) {
    const [, sign, whole, digits = "", percent] = decimal;
    const scale = 10n ** BigInt(digits.length) * (percent ? 100n : 1n);
    return fraction(BigInt(sign + "1") * BigInt(whole + digits), scale);
  }
  const ratio = /^(-?[0-9]+)\/([0-9]+)$/.exec(value);
  if (ratio && BigInt(ratio[2]) !== 0n) return fraction(BigInt(ratio[1]), BigInt(ratio[2]));
  return refuse("out-of-range", `${JSON.stringify(value.slice(0, 40))} is not a number`);
}

// The fraction strictly between two non-negative ones that has the smallest denominator, and of
// several such the smallest: down the Stern–Brocot tree, by continued fractions.
export function simplestBetween(low, high) {
  const whole = fraction(low.n / low.d);
  const next = plus(whole, ONE);
  if (isLess(next, high)) return next;
  const [restLow, restHigh] = [minus(low, whole), minus(high, whole)];
  if (restLow.n === 0n) return plus(whole, fraction(1n, restHigh.d / restHigh.n + 1n));
  return plus(whole, over(ONE, simplestBetween(over(ONE, restHigh), over(ONE, restLow))));
}

// Numerators of the fractions over their least common denominator.
export function overCommonDenominator(values) {
  if (values.every((value) => value.d === 1n)) return [values.map((value) => value.n), 1n];
  const common = values.reduce((found, value) => lcm(found, value.d), 1n);
  return [values.map((value) => value.n * (common / value.d)), common];
}

// An integer as JSON holds it exactly: a number within ±(2⁵³ − 1), decimal text beyond.
export function integerJson(value) {
  return abs(value) <= SAFE ? Number(value) : String(value);
}

// Read what integerJson wrote, in that form only.
export function parseIntegerJson(value) {
  if (typeof value === "number") return BigInt(value);
  if (typeof value === "string" && LONG.test(value)) {
    const found = BigInt(value);
    if (abs(found) > SAFE) return found;
  }
  return refuse("out-of-range", "this is not an integer as kyojo writes it");
}

export function sum(values) {
  return values.reduce((found, value) => found + value, 0n);
}

// The same fractions with the smallest common denominator.
export function reduced(numerators, denominator) {
  let divisor = denominator;
  for (const numerator of numerators) {
    if (divisor === 1n) return [numerators, denominator];
    divisor = gcd(divisor, numerator);
  }
  return [numerators.map((numerator) => numerator / divisor), denominator / divisor];
}
