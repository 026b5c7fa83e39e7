// The keys over payers: the matrix of uses, by member and by the payer's total.

import { refuse } from "../errors.js";
import { fraction, gcd, lcm, over, sum, times } from "../fraction.js";
import { amountOf, listed, outsideOf, reducedWeights, weighBy } from "../scope.js";

const DENOMINATOR_BITS_MAX = 4096n;

function matrixOf(name, scope) {
  return scope.inputs.matrices.get(name) ?? refuse("infeasible", `there is no matrix ${name}`);
}

const asFractions = (map) => new Map([...map].map(([id, value]) => [id, fraction(value)]));

function rowOf(uses, outside) {
  return [...uses].filter(([member, count]) => count && !outside.has(member));
}

// All uses by member that takes part.
function allUses(matrix, outside) {
  const found = new Map();
  for (const uses of matrix.values()) {
    for (const [member, count] of rowOf(uses, outside)) {
      found.set(member, (found.get(member) ?? 0n) + count);
    }
  }
  return found;
}

export function proRata(key, scope) {
  const outside = outsideOf(key.members, scope);
  return weighBy(asFractions(allUses(matrixOf(key.matrix, scope), outside)), scope, outside);
}

// Σ pay · uses by member, apart for every total of uses.
function add(sums, whole, uses, pay) {
  if (!sums.has(whole)) sums.set(whole, new Map());
  const row = sums.get(whole);
  for (const [member, count] of uses) row.set(member, (row.get(member) ?? 0n) + pay * count);
}

export function userCentric(key, scope) {
  const outside = outsideOf(key.members, scope);
  const amount = key.idle === "carry" ? amountOf(scope) : null;
  const matrix = matrixOf(key.matrix, scope);
  const { payments } = scope.inputs;
  const [sums, notes] = [new Map(), []];
  let [paid, unpaid] = [0n, 0];
  for (const [payer, uses] of matrix) {
    const row = rowOf(uses, outside);
    const whole = sum(row.map(([, count]) => count));
    const pay = payments.get(payer) ?? 0n;
    if (whole && pay) {
      add(sums, whole, row, pay);
      paid += pay;
    } else if (whole) unpaid++;
  }
  if (unpaid) notes.push(`payers with uses who paid nothing: ${unpaid}`);
  const idle = sum([...payments.values()]) - paid;
  let allocated = null;
  if (idle && amount !== null) {
    allocated = times(amount, over(fraction(paid), fraction(paid + idle)));
    notes.push(`${idle} minor units, paid by payers without use, are not allocated`);
  } else if (idle) {
    const uses = allUses(matrix, outside);
    if (uses.size) {
      add(sums, sum([...uses.values()]), uses, idle);
      notes.push(`${idle} minor units, paid by payers without use, are divided by all uses`);
    }
  }
  const [found, bottom] = together(sums);
  const [numerators] = listed(asFractions(found), scope, outside);
  return reducedWeights(numerators, bottom, outside, { allocated, notes });
}

// Σ over totals of sums ÷ total, as integers over one denominator.
function together(sums) {
  const divided = [];
  let bottom = 1n;
  for (const [whole, row] of sums) {
    const divisor = [...row.values()].reduce(gcd, whole);
    bottom = lcm(bottom, whole / divisor);
    if (bottom >= 1n << DENOMINATOR_BITS_MAX) {
      refuse("infeasible", `the common denominator of ${sums.size} totals of uses is too large`);
    }
    divided.push([whole / divisor, divisor, row]);
  }
  const found = new Map();
  for (const [whole, divisor, row] of divided) {
    for (const [member, amount] of row) {
      found.set(member, (found.get(member) ?? 0n) + (amount / divisor) * (bottom / whole));
    }
  }
  return [found, bottom];
}
