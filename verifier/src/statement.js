// A statement against the settlement document that the members approved: every figure is computed
// again from the member's own weight, the public totals and the sum proofs.

import { equalBytes, fromHex, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { abs, fraction, isLess, isSame, over, sum, times, total, ZERO } from "./fraction.js";
import { canonicalDigest } from "./json.js";
import { FIELD, takeKnown } from "./schema.js";
import { weightsRoot } from "./settlement.js";
import { settlementShape, statementShape } from "./shapes.js";
import { climb, commit, leafNode, widthOf } from "./sumtree.js";

function agree(holds, what, field) {
  if (!holds) refuse("sum-mismatch", `${what} does not follow from the public figures`, { field });
}

const isSameMap = (a, b) =>
  a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);

function fundsOf(steps) {
  const funds = new Map();
  for (const { fund, taken } of steps) {
    if (fund !== null) funds.set(fund, (funds.get(fund) ?? 0n) + taken);
  }
  return funds;
}

const paidTogether = (totals) => totals.paid_to_members + totals.paid_to_suspense;

// The settlement document adds up by itself: steps, funds, members, pools, roots.
function verifyTotals(settlement) {
  const { totals, steps, pools } = settlement;
  const held = new Map(pools);
  for (const step of steps) {
    const follows = held.get(step.source) === step.available;
    agree(follows && step.left === step.available - step.taken, `step ${step.step}`, "settlement");
    const isOne = (step.fund === null) === (step.division !== null);
    agree(isOne, `the kind of step ${step.step}`, "settlement");
    held.set(step.source, step.left);
  }
  const taken = steps.filter((step) => step.division).map((step) => step.taken);
  const values = (map) => sum([...map.values()]);
  const paid = sum(taken.filter((amount) => amount > 0n));
  const charged = -sum(taken.filter((amount) => amount < 0n));
  const given = paid - totals.charged_to_members + values(totals.funds) +
    values(totals.projects);
  const roots = steps.filter((step) => step.division)
    .map((step) => [step.step, fromHex(step.division.commitment)]);
  for (const [what, holds] of [
    ["what is left in the pools", isSameMap(held, totals.pools_left)],
    ["the funds", isSameMap(fundsOf(steps), totals.funds)],
    ["what members and suspense are paid", paid === paidTogether(totals)],
    ["what members owe", charged === totals.charged_to_members],
    ["the charges root", (settlement.charges_root === null) === (charged === 0n)],
    ["what came in", values(pools) === totals.in],
    ["what went out", given + values(totals.pools_left) === totals.out],
    ["what came in and what went out", totals.in === totals.out],
    ["the weights root", toHex(weightsRoot(roots)) === settlement.weights_root],
  ]) agree(holds, what, "settlement");
}

// The member's leaf is one of those that add up to the public sum under the commitment.
function verifyLeaf(own, proof, amount, head, field) {
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
function mayBeExtra(mine, remainder, whole, { extra_units: units, rounding, cut_off: cutOff }) {
  if (units === 0 || mine.weight_units === 0n) return mine.extra === 0;
  if (rounding.method === "sequential") return true;
  if (cutOff === null) return false;
  const { unserved_below: below, served_above: above } = cutOff;
  const own = fraction(remainder, whole);
  if (isLess(below, own) && isLess(own, above)) return true;
  // Nobody's remainder is a bound.
  if (isSame(own, below) || isSame(own, above)) return false;
  return mine.extra === (isLess(above, own) ? 1 : 0);
}

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
  const product = abs(step.taken) * mine.weight_units;
  const divisor = whole || 1n;
  agree(mine.quotient === product / divisor, "the quotient", field);
  agree(mine.remainder === product % divisor, "the remainder", field);
  const amount = (step.taken < 0n ? -1n : 1n) * (mine.quotient + BigInt(mine.extra));
  agree(mine.amount_minor === amount, "the amount", field);
  agree(mayBeExtra(mine, mine.remainder, divisor, step.division), "the odd unit", field);
  agree(mine.takes_part || mine.weight_units === 0n, "taking no part", field);
}

function verifyStepLines(own, mine, step, lines) {
  const field = `step ${step.step}`;
  const { division } = step;
  const combined = lines.filter((line) => line.part === null);
  agree(combined.length === 1, "the number of lines", field);
  const [line] = combined;
  const share = fraction(mine.weight_units, wholeOf(division, field) || 1n);
  const exact = times(fraction(step.taken), share);
  const weight = division.parts.length ? exact : fraction(mine.weight_units, division.denominator);
  agree(isSame(line.weight, weight) && isSame(line.share, share), "the weight or share", field);
  agree(isSame(line.exact, exact), "the exact amount", field);
  agree(line.amount_minor === mine.amount_minor, "the line's amount", field);
  agree(lines.every((one) => one.member === own.member), "the line's member", field);
  verifyParts(step, lines.filter((one) => one.part !== null), share, field);
}

// The parts' shares follow from own weights and public totals, and add up to the share.
function verifyParts({ taken, division }, lines, share, field) {
  const known = new Map(division.parts.map((part) => [part.part, part]));
  agree(new Set(lines.map((line) => line.part)).size === lines.length, "a part named twice", field);
  for (const line of lines) {
    const part = known.get(line.part);
    agree(part !== undefined, `the part ${line.part}`, field);
    const isIdle = part.weight_total.n === 0n;
    const own = isIdle ? ZERO : over(times(part.fraction, line.weight), part.weight_total);
    const isRight = isSame(line.share, own) && line.amount_minor === null &&
      isSame(line.exact, times(fraction(taken), own));
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

function verifySums(own, settlement) {
  const amounts = own.steps.map((step) => step.amount_minor);
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
  const found = takeKnown(settlementShape, settlement, "settlement", "sum-mismatch", FIELD);
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
  verifySums(own, found);
  return { own, settlement: found };
}

