// Key `energy`: produced energy, divided among members by demand, by coefficients, or by both.

import { ZERO, fraction, lcm, least, most, sum } from "../fraction.js";
import { amountOf, listed, measured, reducedWeights, requireMembers, totalsOf } from
  "../scope.js";
import { figures, takesPart } from "./figures.js";
import { resolved } from "./plain.js";

function fixedShares({ produced, demands, shares, whole }) {
  return [demands.map((demand, i) => least(demand * whole, shares[i] * produced)), whole];
}

function byDemand({ produced, demands }) {
  const wanted = sum(demands);
  if (produced >= wanted) return [demands, 1n];
  return [demands.map((demand) => demand * produced), wanted];
}

// The lesser of d and λ·β: members are satisfied in the order of d/β while λ·β would reach it.
function hybrid({ produced, demands, shares }) {
  const scale = most(0n, ...shares) ** 2n;
  const place = demands.map((demand, i) => (shares[i] ? (demand * scale) / shares[i] : 0n));
  const served = demands.map((_, i) => i).filter((i) => shares[i]);
  served.sort((a, b) => (place[a] < place[b] ? -1 : place[a] > place[b] ? 1 : 0));
  let [left, open, satisfied] = [produced, sum(shares), 0];
  for (const i of served) {
    if (demands[i] * open > left * shares[i]) break;
    left -= demands[i];
    open -= shares[i];
    satisfied++;
  }
  const level = satisfied < served.length ? fraction(left, open) : ZERO;
  const found = demands.map(() => 0n);
  for (const i of served.slice(0, satisfied)) found[i] = demands[i] * level.d;
  for (const i of served.slice(satisfied)) found[i] = shares[i] * level.n;
  return [found, level.d];
}

const MODES = { static: fixedShares, dynamic: byDemand, hybrid };

export function energy(key, scope) {
  const given = key.coefficients ?? new Map();
  requireMembers(given.keys(), scope);
  const outside = takesPart(key.members, scope, key.demand);
  const produced = amountOf(scope);
  if (measured(scope, key.demand).table === "totals") totalsOf(scope, key.demand, true);
  const [demands, demandBottom] = listed(figures(key.demand, scope, outside), scope, outside);
  const [shares, whole] = listed(given.size ? resolved(given) : given, scope, outside);
  const bottom = lcm(demandBottom, produced.d);
  const [numerators, scale] = MODES[key.mode]({
    produced: produced.n * (bottom / produced.d),
    demands: demands.map((demand) => demand * (bottom / demandBottom)), shares, whole,
  });
  const found = reducedWeights(numerators, scale * bottom, outside);
  return { ...found, allocated: fraction(sum(found.numerators), found.denominator) };
}
