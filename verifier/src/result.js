// The result document: steps, all lines with their reasons, and totals.

import { compareText, toHex } from "./bytes.js";
import { ONE, formatFraction, fraction, integerJson, over, sum, text, times, total } from
  "./fraction.js";

export const amountsJson = (amounts) =>
  new Map([...amounts].map(([name, amount]) => [name, integerJson(amount)]));
export const taxJson = (tax) => new Map([...tax].map(([rate, row]) => [rate, amountsJson(row)]));
const values = (map) => [...map.values()];

// What accounts other than members got, by name.
export function accountsOf({ fund, taken, payees }) {
  return fund === null ? payees : new Map([[fund, taken], ...payees]);
}

// A step's public figures; what only some steps have is left out of the others.
export function stepRow(step) {
  return {
    ...(step.isCharge ? { as: "charge" } : {}),
    ...(step.unit === null ? {} : { unit: step.unit }),
    ...(step.tax === null ? {} : { tax: step.tax }),
    step: step.step, kind: step.kind, source: step.source, available: integerJson(step.available),
    taken: integerJson(step.taken), left: integerJson(step.left), notes: step.notes,
  };
}

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

// What the exact amount comes from: a weight or claim, or the sum of the parts' amounts.
function weightText(division, index) {
  const found = division.basis ?? division;
  const weight = found.weights[index];
  return division.parts.length
    ? formatFraction(division.total * weight, found.weightSum || 1n)
    : formatFraction(weight, found.denominator);
}

function memberLine(step, division, member, index) {
  const weight = division.weights[index];
  const whole = division.weightSum || 1n;
  const back = division.recouped?.[index] ?? 0n;
  return {
    ...(back ? { recouped_minor: integerJson(back) } : {}),
    step, part: null, member, weight: weightText(division, index),
    share: formatFraction(weight, whole), exact: formatFraction(division.total * weight, whole),
    amount_minor: integerJson(division.amounts[index]),
  };
}

// The lines of funds, pools and projects, in the order of their names' bytes.
function accountLines({ step, fund, taken, payees, payeeWeights }) {
  const line = (member, weight, share, exact, amount) =>
    ({ step, part: null, member, weight, share, exact, amount_minor: integerJson(amount) });
  const own = fund === null ? [] : [line(fund, "1", "1", String(taken), taken)];
  const whole = payeeWeights.size ? total(values(payeeWeights)) : ONE;
  const divided = fraction(sum([...payeeWeights.keys()].map((account) => payees.get(account))));
  const rows = [...payees].sort(([a], [b]) => compareText(a, b)).map(([account, amount]) => {
    const weight = payeeWeights.get(account) ?? fraction(amount);
    const exact = payeeWeights.has(account)
      ? over(times(divided, weight), whole.n ? whole : ONE)
      : weight;
    const share = over(exact, fraction(taken || 1n));
    return line(account, text(weight), text(share), text(exact), amount);
  });
  return [...own, ...rows];
}

// Result lines: by step, then by member, a member's parts before what they combine to.
function linesOf(step, members) {
  const { division } = step;
  const lines = accountLines(step);
  if (division === null) return lines;
  members.forEach((member, index) => {
    if (division.outside.has(member)) return;
    for (const part of division.parts) {
      if (!part.weights.outside.has(member)) {
        lines.push(partLine(step.step, division, part, member, index));
      }
    }
    lines.push(memberLine(step.step, division, member, index));
  });
  return lines;
}

const ofUnit = ({ units }, pools, unit) =>
  sum([...pools].filter(([name]) => (units.get(name) ?? null) === unit).map(([, found]) => found));

// What came in of money, and what members, funds, projects and costs got, and what is left.
export function inAndOut(result) {
  const given = sum(result.memberTotals) + sum(values(result.funds)) +
    sum(values(result.projects)) + sum(values(result.charged));
  return {
    in: integerJson(ofUnit(result, result.pools, null)),
    out: integerJson(given + ofUnit(result, result.poolsLeft, null)),
  };
}

function unitTotals(result, unit) {
  const steps = result.steps.filter((step) => step.unit === unit && step.division !== null);
  const given = sum(steps.flatMap((step) => step.division.amounts));
  const left = ofUnit(result, result.poolsLeft, unit);
  return amountsJson(new Map([
    ["in", ofUnit(result, result.pools, unit)], ["members", given], ["left", left],
    ["out", given + left],
  ]));
}

// Totals of charges and of other units than money, where there are any.
export function specialTotals(result) {
  const units = new Set(result.units.values());
  return {
    ...(result.costs.size ? { costs: amountsJson(result.charged) } : {}),
    ...(units.size
      ? { units: new Map([...units].map((unit) => [unit, unitTotals(result, unit)])) }
      : {}),
  };
}

export function resultDocument(rules, inputs, result) {
  const members = new Map(result.members.map((id, i) => [id, result.memberTotals[i]]));
  const totals = {
    members: amountsJson(members), funds: amountsJson(result.funds),
    projects: amountsJson(result.projects), pools_left: amountsJson(result.poolsLeft),
    carry: amountsJson(result.carry), ...inAndOut(result), ...specialTotals(result),
  };
  if (result.owed.size) {
    totals.owed = new Map([...result.owed].map(([step, row]) => [step, amountsJson(row)]));
  }
  if (result.recoup.size) totals.recoup = amountsJson(result.recoup);
  return {
    ...(result.tax === null ? {} : { tax: taxJson(result.tax) }),
    kyojo_result: 1, ruleset: rules.ruleset, version: rules.version, rule_hash: toHex(rules.hash),
    inputs_hash: toHex(inputs.hash), currency: rules.currency, steps: result.steps.map(stepRow),
    lines: result.steps.flatMap((step) => linesOf(step, result.members)), totals,
  };
}
