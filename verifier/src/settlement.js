// The settlement document, from a run of the rules; compared byte for byte.

import { compareText, concat, toHex, utf8 } from "./bytes.js";
import { formatFraction, integerJson, sum, text } from "./fraction.js";
import { encodeCanonical } from "./json.js";
import { leafHash, rootHash } from "./merkle.js";
import { amountsJson, inAndOut, resultDocument, specialTotals, stepRow, taxJson } from
  "./result.js";
import { HALF_EVEN } from "./rounding.js";
import { run } from "./run.js";
import { sha256 } from "./sha256.js";
import { SUSPENSE } from "./state.js";
import { buildSumTree, deriveSalt } from "./sumtree.js";

// Trees: one leaf per member, in the order of the ids' bytes.

function creditsAndCharges(result) {
  const paid = result.members.map(() => 0n);
  const charged = result.members.map(() => 0n);
  for (const { division, unit } of result.steps) {
    if (division === null || unit !== null) continue;
    division.amounts.forEach((amount, i) => {
      if (amount < 0n) charged[i] -= amount;
      else paid[i] += amount;
    });
  }
  return { paid, charged };
}

function buildTrees(result, seed) {
  const order = result.members.map((_, i) => i)
    .sort((a, b) => compareText(result.members[a], result.members[b]));
  const tree = (name, values) =>
    buildSumTree(seed, name, order.map((i) => [result.members[i], values[i]]));
  const [weights, bases] = [new Map(), new Map()];
  for (const { step, division } of result.steps) {
    if (division) weights.set(step, tree(`weights/${step}`, division.weights));
    if (division?.basis) bases.set(step, tree(`basis/${step}`, division.basis.weights));
  }
  const { paid, charged } = creditsAndCharges(result);
  const hasCharges = charged.some((amount) => amount);
  return {
    weights, bases, amounts: tree("amounts", paid),
    charges: hasCharges ? tree("charges", charged) : null,
    // What usage that names nobody has earned: held, and paid to nobody yet.
    toSuspense: paid[result.members.indexOf(SUSPENSE)] ?? 0n,
  };
}

// The name of a basis tree among those of the weights root; no step's id.
export const basisRow = (step) => `${step}/basis`;

// RFC 6962 root over `step ‖ 0x00 ‖ commitment` of every dividing step.
export function weightsRoot(commitments) {
  return rootHash(
    commitments.map(([step, found]) => leafHash(concat(utf8(step), new Uint8Array(1), found))),
  );
}

function commitmentsOf({ weights, bases }) {
  return [...weights].flatMap(([step, { commitment }]) => {
    const basis = bases.get(step);
    const own = [[step, commitment]];
    return basis ? [...own, [basisRow(step), basis.commitment]] : own;
  });
}

function basisJson(basis, tree) {
  const orNull = (value, write) => (value === null ? null : write(value));
  return {
    rule: basis.rule, scale: orNull(basis.scale, text), losses: basis.losses,
    of_floors: basis.ofFloors, cap: orNull(basis.cap, integerJson),
    floor: orNull(basis.floor, integerJson), rest: integerJson(basis.rest),
    weight_total: formatFraction(basis.weightSum, basis.denominator),
    denominator: integerJson(basis.denominator), commitment: toHex(tree.commitment),
  };
}

// What only some divisions have; left out of the others.
function particulars(step, division, trees) {
  const found = {};
  if (division.total !== step.taken) found.total = integerJson(division.total);
  if (division.recouped) found.recouped = integerJson(sum(division.recouped));
  if (division.rounding.method === HALF_EVEN) {
    found.residual = integerJson(division.rounded.residual);
  }
  if (division.basis) found.basis = basisJson(division.basis, trees.bases.get(step.step));
  return found;
}

function roundingJson({ method, tie_break, residualTo }) {
  const named = residualTo === null ? {} : { half_even_residual_to: residualTo };
  return { method, tie_break, ...named };
}

function divisionRow(step, division, trees) {
  const { cutOff } = division.rounded;
  return {
    ...particulars(step, division, trees),
    weight_total: formatFraction(division.weightSum, division.denominator),
    denominator: integerJson(division.denominator),
    commitment: toHex(trees.weights.get(step.step).commitment),
    rounding: roundingJson(division.rounding),
    extra_units: division.rounded.extra,
    cut_off: cutOff && {
      unserved_below: text(cutOff.unservedBelow), served_above: text(cutOff.servedAbove),
    },
    parts: division.parts.map((part) => ({
      part: part.part,
      fraction: text(part.fraction),
      weight_total: formatFraction(part.weightSum, part.weights.denominator),
    })),
  };
}

function publicStep(step, trees) {
  const { fund, division, payees } = step;
  const isPaying = payees.size > 0 || (division === null && fund === null);
  return {
    ...stepRow(step), fund, ...(isPaying ? { payees: amountsJson(payees) } : {}),
    division: division && divisionRow(step, division, trees),
  };
}

// Units of pools that hold no money, costs that are charged, tax; each only where there is.
function besideMoney({ units, costs, tax }) {
  return {
    ...(units.size ? { units } : {}), ...(costs.size ? { costs: amountsJson(costs) } : {}),
    ...(tax === null ? {} : { tax: taxJson(tax) }),
  };
}

// Run the rules and write the settlement. `cutOff` has period, index, logRoot and stateHash.
export function buildSettlement(cutOff, rules, inputs, seed) {
  const result = run(rules, inputs);
  const trees = buildTrees(result, seed);
  const salted = (name, document) =>
    concat(deriveSalt(seed, name, 0), encodeCanonical(document));
  const linesBlob = salted("lines", resultDocument(rules, inputs, result));
  const inputsBlob = salted("inputs", inputs.document);
  const { toSuspense } = trees;
  const paid = trees.amounts.root.sum - toSuspense;
  const charged = trees.charges === null ? 0n : trees.charges.root.sum;
  const advances = sum([...result.recoup.values()]);
  const document = {
    kyojo_settlement: 1,
    period: cutOff.period,
    as_of_index: cutOff.index,
    log_root: cutOff.logRoot,
    state_hash: cutOff.stateHash,
    ruleset: rules.ruleset,
    version: rules.version,
    rule_hash: toHex(rules.hash),
    inputs_hash: toHex(sha256(inputsBlob)),
    lines: { sha256: toHex(sha256(linesBlob)), bytes: linesBlob.length },
    currency: rules.currency,
    minor_digits: rules.minor_digits,
    member_count: result.members.filter((id) => id !== SUSPENSE).length,
    account_count: result.members.length,
    ...besideMoney(result),
    pools: amountsJson(result.pools),
    steps: result.steps.map((step) => publicStep(step, trees)),
    totals: {
      ...(result.recoup.size ? { recoup: integerJson(advances) } : {}), ...specialTotals(result),
      paid_to_members: integerJson(paid), paid_to_suspense: integerJson(toSuspense),
      charged_to_members: integerJson(charged),
      funds: amountsJson(result.funds), projects: amountsJson(result.projects),
      pools_left: amountsJson(result.poolsLeft), carry: amountsJson(result.carry),
      ...inAndOut(result),
    },
    seed_commitment: toHex(sha256(seed)),
    weights_root: toHex(weightsRoot(commitmentsOf(trees))),
    amounts_root: toHex(trees.amounts.commitment),
    charges_root: trees.charges && toHex(trees.charges.commitment),
  };
  return { document, inputsBlob, linesBlob, result, paid, toSuspense, charged };
}
