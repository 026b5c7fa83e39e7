// A statement against the settlement document that the members approved: every figure is computed
// again from the member's own weight, the public totals and the sum proofs.

import { boundsAgree, follows } from "./basis.js";
import { equalBytes, fromHex, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { ZERO, abs, fraction, isLess, isSame, least, most, over, sum, times, total } from
  "./fraction.js";
import { canonicalDigest } from "./json.js";
import { agree, completed, paidTogether, verifyTotals } from "./public.js";
import { HALF_EVEN, nearestEven } from "./rounding.js";
import { FIELD, takeKnown } from "./schema.js";
import { settlementShape, statementShape } from "./shapes.js";
import { climb, commit, leafNode, widthOf } from "./sumtree.js";

// The member's leaf is one of those that add up to the public sum under the commitment.
export function verifyLeaf(own, proof, amount, head, field) {
  const bad = (code, why) => refuse(code, why, { field });
  if (amount < 0n) bad("not-included", `no leaf can hold ${amount}`);
  if (own.leaf_index >= head.size) bad("not-included", `there is no leaf ${own.leaf_index}`);
  const siblings = proof.siblings.map((one) => ({ hash: fromHex(one.hash), sum: one.sum }));
  const width = widthOf(head.sum);
  const leaf = leafNode(fromHex(proof.salt), own.member, amount, width);
  const root = climb(leaf, own.leaf_index, head.size, siblings, width);
  if (!equalBytes(commit(root, head.size), fromHex(head.commitment))) {
    bad("not-included", "the path does not lead to the commitment");
  }
  if (root.sum !== head.sum) bad("sum-mismatch", `the leaves add up to ${root.sum}`);
}

// Whether the odd unit received, or not, agrees with the cut-off; between its bounds either may be.
function mayBeExtra(mine, remainder, whole, division) {
  const { basis, extra_units: units, rounding, cut_off: cutOff } = division;
  const isUnit = mine.extra === 0n || mine.extra === 1n;
  if (units === 0 || mine.weight_units === 0n) return mine.extra === 0n;
  // A whole amount keeps to the bound that it may have reached.
  if (rounding.method === "sequential") return basis && !remainder ? mine.extra === 0n : isUnit;
  if (cutOff === null) return false;
  const { unserved_below: below, served_above: above } = cutOff;
  const own = fraction(remainder, whole);
  if (isLess(below, own) && isLess(own, above)) return isUnit;
  // Nobody's remainder is a bound.
  if (isSame(own, below) || isSame(own, above)) return false;
  return mine.extra === (isLess(above, own) ? 1n : 0n);
}

// What half-even rounding adds to the quotient; who is named for it has the residual too.
function halfEvenExtra(mine, step, whole, member) {
  const { rounding, residual } = step.division;
  const up = nearestEven(mine.quotient * whole + mine.remainder, whole) - mine.quotient;
  if (rounding.half_even_residual_to !== member) return up;
  return step.divided < 0n ? up - (residual ?? 0n) : up + (residual ?? 0n);
}

// The sum of a tree of weights, or of a basis, which must be whole.
function wholeOf(division, field) {
  const found = times(division.weight_total, fraction(division.denominator));
  agree(found.d === 1n, "the sum of the weights", field);
  return found.n;
}

function verifyStep(mine, step, own, settlement) {
  const field = `step ${step.step}`;
  const whole = wholeOf(step.division, field);
  const { commitment } = step.division;
  const head = { commitment, size: settlement.account_count, sum: whole };
  verifyLeaf(own, mine.proof, mine.weight_units, head, field);
  const product = abs(step.divided) * mine.weight_units;
  const divisor = whole || 1n;
  agree(mine.quotient === product / divisor, "the quotient", field);
  agree(mine.remainder === product % divisor, "the remainder", field);
  const amount = (step.divided < 0n ? -1n : 1n) * (mine.quotient + mine.extra);
  agree(mine.amount_minor === amount - backOf(mine), "the amount", field);
  const isRight = step.division.rounding.method === HALF_EVEN
    ? mine.extra === halfEvenExtra(mine, step, divisor, own.member)
    : mayBeExtra(mine, mine.remainder, divisor, step.division);
  agree(isRight, "the odd unit", field);
  agree(mine.takes_part || mine.weight_units === 0n, "taking no part", field);
  verifyBasis(mine, step, own, settlement, field);
}

// Own key weight or claim is in its tree, and the exact amount follows from it.
function verifyBasis(mine, step, own, settlement, field) {
  const { division } = step;
  const [basis, found] = [division.basis ?? null, mine.basis ?? null];
  agree((basis === null) === (found === null), "what the amount rests on", field);
  if (basis === null) return;
  const whole = wholeOf(basis, field);
  const isWhole = wholeOf(division, field) === abs(step.divided * division.denominator);
  agree(isWhole, "the sum of the exact amounts", field);
  const head = { commitment: basis.commitment, size: settlement.account_count, sum: whole };
  verifyLeaf(own, found.proof, found.weight_units, head, field);
  const exact = fraction(mine.weight_units, division.denominator);
  agree(follows(exact, basis, whole, found), "the exact amount", field);
  agree(boundsAgree(basis, found, mine.takes_part), "the bounds", field);
}

const backOf = (row) => row.recouped_minor ?? 0n;

// A member's weight or claim, and its share of all of them.
function broughtBy(mine, division, field) {
  const isBased = (division.basis ?? null) !== null;
  const units = isBased ? mine.basis.weight_units : mine.weight_units;
  const found = isBased ? division.basis : division;
  const whole = wholeOf(found, field) || 1n;
  return [fraction(units, found.denominator), fraction(units, whole)];
}

function verifyStepLines(own, mine, step, lines) {
  const field = `step ${step.step}`;
  const { division } = step;
  const combined = lines.filter((line) => line.part === null);
  agree(combined.length === 1, "the number of lines", field);
  const [line] = combined;
  const share = fraction(mine.weight_units, wholeOf(division, field) || 1n);
  const exact = times(fraction(step.divided), share);
  const [brought, ofParts] = broughtBy(mine, division, field);
  const weight = division.parts.length ? times(fraction(step.divided), ofParts) : brought;
  agree(isSame(line.weight, weight) && isSame(line.share, share), "the weight or share", field);
  agree(isSame(line.exact, exact), "the exact amount", field);
  const isAmount = line.amount_minor === mine.amount_minor && backOf(line) === backOf(mine);
  agree(isAmount, "the line's amount", field);
  agree(lines.every((one) => one.member === own.member), "the line's member", field);
  verifyParts(step, lines.filter((one) => one.part !== null), ofParts, field);
}

// The parts' shares follow from own weights and public totals, and add up to the share.
function verifyParts({ divided, division }, lines, share, field) {
  const known = new Map(division.parts.map((part) => [part.part, part]));
  agree(new Set(lines.map((line) => line.part)).size === lines.length, "a part named twice", field);
  for (const line of lines) {
    const part = known.get(line.part);
    agree(part !== undefined, `the part ${line.part}`, field);
    const isIdle = part.weight_total.n === 0n;
    const own = isIdle ? ZERO : over(times(part.fraction, line.weight), part.weight_total);
    const isRight = isSame(line.share, own) && line.amount_minor === null &&
      isSame(line.exact, times(fraction(divided), own));
    agree(isRight, `the part ${line.part}`, field);
  }
  const shares = total(lines.map((line) => line.share));
  agree(!division.parts.length || isSame(shares, share), "the sum of the parts", field);
}

// Every line restates what the steps showed, and none is missing or added.
function verifyLines(own, dividing) {
  let rest = own.lines;
  dividing.forEach((step, i) => {
    const named = own.steps[i].parts.map((part) => part.part);
    const stated = step.division.parts.map((part) => part.part);
    agree(named.join("\n") === stated.join("\n"), "the naming of parts", `step ${step.step}`);
    if (!own.steps[i].takes_part) return;
    const isOf = (line) => line.step === step.step;
    verifyStepLines(own, own.steps[i], step, rest.filter(isOf));
    rest = rest.filter((line) => !isOf(line));
  });
  agree(rest.length === 0, "a line of a step without a share", "lines");
}

function verifySum(own, found, expected, head, field) {
  agree(found.total_minor === expected, "the total", field);
  verifyLeaf(own, found.proof, expected, head, field);
}

// What is kept back of each line is what was open and the line could bear, in step order.
function verifyRecoup(own, dividing) {
  const told = own.recoup ?? null;
  let left = told === null ? 0n : told.before;
  dividing.forEach((step, i) => {
    const mine = own.steps[i];
    const isKeeping = step.kind === "allocate" && step.unit === null && step.as !== "charge";
    const back = isKeeping ? least(left, most(0n, mine.amount_minor + backOf(mine))) : 0n;
    agree(backOf(mine) === back, "what is paid back", `step ${step.step}`);
    left -= back;
  });
  if (told === null) return;
  const guaranteed = sum(
    dividing.map((step, i) => (step.kind === "guarantee" ? own.steps[i].amount_minor : 0n)),
  );
  const isAdvanced = told.advanced >= 0n && told.advanced <= guaranteed;
  agree(isAdvanced, "what is advanced", "recoup");
  agree(told.after === left + told.advanced, "what is to be paid back", "recoup");
}

function verifySums(own, settlement) {
  const units = new Map(settlement.steps.map((step) => [step.step, step.unit]));
  const inMoney = own.steps.filter((step) => units.get(step.step) === null);
  const amounts = inMoney.map((step) => step.amount_minor);
  const paid = sum(amounts.filter((amount) => amount > 0n));
  const charged = -sum(amounts.filter((amount) => amount < 0n));
  const { totals, account_count: size, amounts_root, charges_root } = settlement;
  const paidHead = { commitment: amounts_root, size, sum: paidTogether(totals) };
  verifySum(own, own.amounts, paid, paidHead, "amounts");
  agree((own.charges === null) === (charges_root === null), "whether there are charges", "charges");
  if (own.charges !== null) {
    const head = { commitment: charges_root, size, sum: totals.charged_to_members };
    verifySum(own, own.charges, charged, head, "charges");
  }
  agree(own.net_minor === paid - charged, "the net amount", "net_minor");
}

// Check every figure of a statement against the settlement document; gives the statement's shape.
export function verifyStatement(statement, settlement) {
  // A later ledger may say more in them; then this page cannot judge.
  const own = takeKnown(statementShape, statement, "statement", "sum-mismatch", FIELD);
  const shape = takeKnown(settlementShape, settlement, "settlement", "sum-mismatch", FIELD);
  const found = completed(shape);
  const wanted = toHex(canonicalDigest(settlement));
  if (own.settlement_id !== wanted || toHex(canonicalDigest(own.settlement)) !== wanted) {
    const field = "settlement_id";
    refuse("not-included", "the statement belongs to another settlement", { field });
  }
  verifyTotals(found);
  const dividing = found.steps.filter((step) => step.division !== null);
  const names = (steps) => JSON.stringify(steps.map((step) => step.step));
  agree(names(own.steps) === names(dividing), "which steps there are", "steps");
  dividing.forEach((step, i) => verifyStep(own.steps[i], step, own, found));
  verifyLines(own, dividing);
  verifyRecoup(own, dividing);
  verifySums(own, found);
  return { own, settlement: found };
}

