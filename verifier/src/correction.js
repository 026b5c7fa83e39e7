// The document of a correction: what new runs of settled periods give against what was settled.
//
// Like a settlement's it holds no member's figures: per period the sums, and in all the roots of
// two salted trees over what members gain and lose. The rows are a blob.

import { concat, sortedTexts, toHex } from "./bytes.js";
import { abs, integerJson, sum } from "./fraction.js";
import { encodeCanonical } from "./json.js";
import { sha256 } from "./sha256.js";
import { SUSPENSE } from "./state.js";
import { buildSumTree, deriveSalt } from "./sumtree.js";

const amountsJson = (amounts) =>
  new Map([...amounts].map(([name, amount]) => [name, integerJson(amount)]));
const values = (map) => [...map.values()];

// `after − before` by name, in the order of names, without zeros.
export function difference(before, after) {
  const names = sortedTexts(new Set([...before.keys(), ...after.keys()]));
  const by = (name) => (after.get(name) ?? 0n) - (before.get(name) ?? 0n);
  return new Map(names.map((name) => [name, by(name)]).filter(([, amount]) => amount));
}

export const totalsOf = ({ members, memberTotals }) =>
  new Map(members.map((id, i) => [id, memberTotals[i]]));

// Each member's lines, and what it is repaid of charged costs that it bore.
export function netsOf(result) {
  const found = totalsOf(result);
  for (const row of result.repaid.values()) {
    for (const [id, amount] of row) found.set(id, found.get(id) + amount);
  }
  return found;
}

// What pools of money held, or have left.
function ofMoney({ units }, pools) {
  return new Map([...pools].filter(([name]) => !units.has(name)));
}

// How two runs of a period differ. `opened` is what other periods had left in its pools.
export function compareRuns({ before, after, opened, ...rest }) {
  const came = (result) => sum(values(ofMoney(result, result.pools)));
  return {
    ...rest, before, after,
    moneyIn: came(after) - opened[1] - (came(before) - opened[0]),
    members: difference(totalsOf(before), totalsOf(after)),
    repaid: difference(
      difference(totalsOf(before), totalsOf(after)), difference(netsOf(before), netsOf(after)),
    ),
    funds: difference(before.funds, after.funds),
    projects: difference(before.projects, after.projects),
    charged: difference(before.charged, after.charged),
    poolsLeft: difference(ofMoney(before, before.poolsLeft), ofMoney(after, after.poolsLeft)),
    carry: difference(before.carry, after.carry),
  };
}

// How much moved: the absolute differences of members, funds, pools, projects and repayments.
export function movedMinor({ members, funds, poolsLeft, projects, repaid }) {
  return sum([members, funds, poolsLeft, projects, repaid].flatMap(values).map(abs));
}

// What members gain and lose, and what suspense gains.
function sidesOf(differences) {
  const members = [...differences].filter(([id]) => id !== SUSPENSE).map(([, amount]) => amount);
  return {
    raised: integerJson(sum(members.filter((amount) => amount > 0n))),
    lowered: integerJson(-sum(members.filter((amount) => amount < 0n))),
    suspense: integerJson(differences.get(SUSPENSE) ?? 0n),
  };
}

function periodRow(rerun, seed) {
  const salt = deriveSalt(seed, `inputs/${rerun.period}`, 0);
  const { ruleset, version, hash } = rerun.rules;
  return {
    period: rerun.period, correction_of: rerun.correctionOf, ruleset, version,
    rule_hash: toHex(hash), inputs_hash: toHex(sha256(concat(salt, rerun.inputsHash))),
    style: rerun.style, in: integerJson(rerun.moneyIn), ...sidesOf(rerun.members),
    funds: amountsJson(rerun.funds), projects: amountsJson(rerun.projects),
    charged: amountsJson(rerun.charged), pools_left: amountsJson(rerun.poolsLeft),
    carry: amountsJson(rerun.carry),
  };
}

const added = (maps) => difference(new Map(), maps.reduce((found, map) => {
  for (const [name, amount] of map) found.set(name, (found.get(name) ?? 0n) + amount);
  return found;
}, new Map()));

// What one period leaves in a pool is in the next one's, so pools and carry are the last's.
function totalsRow(reruns, net) {
  const last = reruns.at(-1);
  const all = (name) => amountsJson(added(reruns.map((rerun) => rerun[name])));
  return {
    in: integerJson(sum(reruns.map((rerun) => rerun.moneyIn))), ...sidesOf(net),
    funds: all("funds"), projects: all("projects"), charged: all("charged"),
    pools_left: amountsJson(last.poolsLeft), carry: amountsJson(last.carry),
  };
}

// Per account whose total changes one row, or two where the rules want the old one negated.
function rowsOf({ period, correctionOf, style, before, after, members }) {
  const [old, now] = [totalsOf(before), totalsOf(after)];
  return [...members].flatMap(([member, amount]) => {
    const roles = style === "delta"
      ? { delta: amount }
      : { negate: -(old.get(member) ?? 0n), restate: now.get(member) ?? 0n };
    return Object.entries(roles).map(([role, minor]) => ({
      member, period, charge_class: "Correction", role, amount_minor: integerJson(minor),
      correction_of: correctionOf,
    }));
  });
}

function netOf(reruns) {
  const accounts = reruns.flatMap(({ before, after }) => [...before.members, ...after.members]);
  const net = new Map(sortedTexts(new Set(accounts)).map((id) => [id, 0n]));
  for (const { members } of reruns) {
    for (const [id, amount] of members) net.set(id, net.get(id) + amount);
  }
  return net;
}

// The correction that these periods, in the order of their settlements, come to.
export function buildCorrection(postedIn, reruns, rules, seed) {
  const net = netOf(reruns);
  const tree = (name, sign) => buildSumTree(
    seed, name, [...net].map(([id, amount]) => [id, amount * sign > 0n ? amount * sign : 0n]),
  );
  const rows = reruns.flatMap(rowsOf);
  const content = encodeCanonical({ accounts: [...net.keys()], rows });
  const rowsBlob = concat(deriveSalt(seed, "rows", 0), content);
  const document = {
    kyojo_correction: 1, posted_in: postedIn, currency: rules.currency,
    minor_digits: rules.minor_digits,
    periods: reruns.map((rerun) => periodRow(rerun, seed)), account_count: net.size,
    totals: totalsRow(reruns, net),
    rows: { sha256: toHex(sha256(rowsBlob)), bytes: rowsBlob.length },
    seed_commitment: toHex(sha256(seed)),
    raised_root: toHex(tree("raised", 1n).commitment),
    lowered_root: toHex(tree("lowered", -1n).commitment),
  };
  return { document, rowsBlob, net };
}
