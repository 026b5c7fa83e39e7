// The settlement document and the result document, from a run of the rules; compared byte for byte.

import { compareText, concat, toHex, utf8 } from "./bytes.js";
import { formatFraction, integerJson, sum } from "./fraction.js";
import { encodeCanonical } from "./json.js";
import { leafHash, rootHash } from "./merkle.js";
import { run } from "./run.js";
import { sha256 } from "./sha256.js";
import { SUSPENSE } from "./state.js";
import { buildSumTree, deriveSalt } from "./sumtree.js";

const amountsJson = (amounts) =>
  new Map([...amounts].map(([name, amount]) => [name, integerJson(amount)]));

function stepRow(step) {
  return {
    step: step.step, kind: step.kind, source: step.source, available: integerJson(step.available),
    taken: integerJson(step.taken), left: integerJson(step.left), notes: step.notes,
  };
}

// Result lines: by step, then by member, a member's parts before what they combine to.

function partLine(step, division, part, member, index) {
  const weight = part.weights.numerators[index];
  const top = part.fraction.n * weight;
  const bottom = part.fraction.d * (part.weightSum || 1n);
  return {
    step, part: part.part, member, weight: formatFraction(weight, part.weights.denominator),
    share: formatFraction(top, bottom), exact: formatFraction(division.total * top, bottom),
    amount_minor: null,
  };
}

function memberLine(step, division, member, index) {
  const weight = division.weights[index];
  const whole = division.weightSum || 1n;
  const exact = formatFraction(division.total * weight, whole);
  return {
    step, part: null, member,
    weight: division.parts.length ? exact : formatFraction(weight, division.denominator),
    share: formatFraction(weight, whole), exact,
    amount_minor: integerJson(division.rounded.amounts[index]),
  };
}

function linesOf(step, members) {
  const { division } = step;
  if (step.fund !== null) {
    return [{
      step: step.step, part: null, member: step.fund, weight: "1", share: "1",
      exact: String(step.taken), amount_minor: integerJson(step.taken),
    }];
  }
  return members.flatMap((member, index) => {
    if (division.outside.has(member)) return [];
    const parts = division.parts.filter((part) => !part.weights.outside.has(member));
    return [
      ...parts.map((part) => partLine(step.step, division, part, member, index)),
      memberLine(step.step, division, member, index),
    ];
  });
}

function resultDocument(rules, inputs, result, sums) {
  const members = new Map(result.members.map((id, i) => [id, result.memberTotals[i]]));
  const totals = {
    members: amountsJson(members), funds: amountsJson(result.funds), projects: {},
    pools_left: amountsJson(result.poolsLeft), carry: amountsJson(result.carry), ...sums,
  };
  if (result.owed.size) {
    totals.owed = new Map([...result.owed].map(([step, row]) => [step, amountsJson(row)]));
  }
  return {
    kyojo_result: 1, ruleset: rules.ruleset, version: rules.version, rule_hash: toHex(rules.hash),
    inputs_hash: toHex(inputs.hash), currency: rules.currency, steps: result.steps.map(stepRow),
    lines: result.steps.flatMap((step) => linesOf(step, result.members)), totals,
  };
}

// Trees: one leaf per member, in the order of the ids' bytes.

function creditsAndCharges(result) {
  const paid = result.members.map(() => 0n);
  const charged = result.members.map(() => 0n);
  for (const { taken, division } of result.steps) {
    division?.rounded.amounts.forEach((amount, i) => {
      if (taken < 0n) charged[i] -= amount;
      else paid[i] += amount;
    });
  }
  return { paid, charged };
}

// What usage that names nobody has earned: held, and paid to nobody yet.
function paidToSuspense(result) {
  return creditsAndCharges(result).paid[result.members.indexOf(SUSPENSE)] ?? 0n;
}

function buildTrees(result, seed) {
  const order = result.members.map((_, i) => i)
    .sort((a, b) => compareText(result.members[a], result.members[b]));
  const tree = (name, values) =>
    buildSumTree(seed, name, order.map((i) => [result.members[i], values[i]]));
  const weights = new Map();
  for (const { step, division } of result.steps) {
    if (division) weights.set(step, tree(`weights/${step}`, division.weights));
  }
  const { paid, charged } = creditsAndCharges(result);
  const hasCharges = charged.some((amount) => amount);
  return {
    weights, amounts: tree("amounts", paid), charges: hasCharges ? tree("charges", charged) : null,
  };
}

// RFC 6962 root over `step ‖ 0x00 ‖ commitment` of every dividing step.
export function weightsRoot(commitments) {
  return rootHash(
    commitments.map(([step, found]) => leafHash(concat(utf8(step), new Uint8Array(1), found))),
  );
}

function divisionRow(division, tree) {
  const { cutOff } = division.rounded;
  return {
    weight_total: formatFraction(division.weightSum, division.denominator),
    denominator: integerJson(division.denominator),
    commitment: toHex(tree.commitment),
    rounding: { method: division.rounding.method, tie_break: division.rounding.tie_break },
    extra_units: division.rounded.extra,
    cut_off: cutOff && {
      unserved_below: formatFraction(cutOff.unservedBelow.n, cutOff.unservedBelow.d),
      served_above: formatFraction(cutOff.servedAbove.n, cutOff.servedAbove.d),
    },
    parts: division.parts.map((part) => ({
      part: part.part,
      fraction: formatFraction(part.fraction.n, part.fraction.d),
      weight_total: formatFraction(part.weightSum, part.weights.denominator),
    })),
  };
}

function publicStep(step, trees) {
  const division = step.division && divisionRow(step.division, trees.weights.get(step.step));
  return { ...stepRow(step), fund: step.fund, division };
}

function inAndOut(result) {
  const values = (map) => [...map.values()];
  const given = sum(result.memberTotals) + sum(values(result.funds));
  return {
    in: integerJson(sum(values(result.pools))),
    out: integerJson(given + sum(values(result.poolsLeft))),
  };
}

// Run the rules and write the settlement. `cutOff` has period, index, logRoot and stateHash.
export function buildSettlement(cutOff, rules, inputs, seed) {
  const result = run(rules, inputs);
  const trees = buildTrees(result, seed);
  const sums = inAndOut(result);
  const salted = (name, document) =>
    concat(deriveSalt(seed, name, 0), encodeCanonical(document));
  const linesBlob = salted("lines", resultDocument(rules, inputs, result, sums));
  const inputsBlob = salted("inputs", inputs.document);
  const toSuspense = paidToSuspense(result);
  const paid = trees.amounts.root.sum - toSuspense;
  const charged = trees.charges === null ? 0n : trees.charges.root.sum;
  const commitments = [...trees.weights].map(([step, tree]) => [step, tree.commitment]);
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
    pools: amountsJson(result.pools),
    steps: result.steps.map((step) => publicStep(step, trees)),
    totals: {
      paid_to_members: integerJson(paid), paid_to_suspense: integerJson(toSuspense),
      charged_to_members: integerJson(charged),
      funds: amountsJson(result.funds), projects: {}, pools_left: amountsJson(result.poolsLeft),
      carry: amountsJson(result.carry), ...sums,
    },
    seed_commitment: toHex(sha256(seed)),
    weights_root: toHex(weightsRoot(commitments)),
    amounts_root: toHex(trees.amounts.commitment),
    charges_root: trees.charges && toHex(trees.charges.commitment),
  };
  return { document, inputsBlob, linesBlob, result, paid, toSuspense, charged };
}
