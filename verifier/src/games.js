// Cooperative games: formulas on whole numbers. Shares are [numerators, denominator].

import { refuse } from "./errors.js";
import { lcm, reduced, sum } from "./fraction.js";

const LEVELS_MAX = 1024;
const COUNTS_MAX = 1024;
const ascending = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// Who needs more also pays for what the others need.
export function airport(needs) {
  const counts = new Map();
  for (const need of needs) counts.set(need, (counts.get(need) ?? 0n) + 1n);
  const levels = [...counts.keys()].sort(ascending);
  if (levels.length > LEVELS_MAX) refuse("infeasible", `${levels.length} different needs`);
  let above = sum([...counts.values()]);
  const sharing = levels.map((level) => {
    const users = above;
    above -= counts.get(level);
    return users;
  });
  const common = sharing.reduce(lcm, 1n);
  let [share, below] = [0n, 0n];
  const shares = new Map();
  levels.forEach((level, i) => {
    share += (level - below) * (common / sharing[i]);
    shares.set(level, share);
    below = level;
  });
  return reduced(needs.map((need) => shares.get(need)), common);
}

// Separable costs, remaining benefits.
export function scrb(alone, separable, whole) {
  const rest = whole - sum(separable);
  let savings = alone.map((cost, i) => cost - separable[i]);
  let saved = sum(savings);
  if (saved === 0n) {
    savings = savings.map(() => 1n);
    saved = BigInt(savings.length);
  }
  if (saved < 0n) {
    savings = savings.map((saving) => -saving);
    saved = -saved;
  }
  return reduced(separable.map((own, i) => own * saved + rest * savings[i]), saved || 1n);
}

// The Shapley value over n! of 2ⁿ worths, of which that of nobody is 0: the weighted table is
// folded, player by player, onto its lower half.
export function shapley(values) {
  const players = Math.log2(values.length);
  const factorials = [1n];
  for (let i = 1; i <= players; i++) factorials.push(factorials[i - 1] * BigInt(i));
  const orders = (size) =>
    (size < 0 || size >= players ? 0n : factorials[size] * factorials[players - size - 1]);
  const before = Array.from({ length: players + 1 }, (_, size) => orders(size));
  const both = before.map((own, size) => orders(size - 1) + own);
  const sizes = new Uint8Array(values.length);
  for (let i = 1; i < sizes.length; i++) sizes[i] = sizes[i >> 1] + (i & 1);
  let constant = 0n;
  let folded = values.map((value, i) => {
    constant += before[sizes[i]] * value;
    return both[sizes[i]] * value;
  });
  const found = new Array(players);
  for (let player = players - 1; player >= 0; player--) {
    const half = 1 << player;
    const upper = folded.slice(half);
    found[player] = sum(upper) - constant;
    folded = folded.slice(0, half).map((value, i) => value + upper[i]);
  }
  return [found, factorials[players]];
}

// The Shapley value of a forest, parents before children: who needs an edge shares it.
export function treeShares(costs, parents, at) {
  const users = parents.map(() => 0n);
  for (const node of at) users[node] += 1n;
  for (let i = parents.length - 1; i >= 0; i--) {
    if (parents[i] !== null) users[parents[i]] += users[i];
  }
  const sharing = new Set(users.filter((count, i) => count && costs[i]));
  if (sharing.size > COUNTS_MAX) refuse("infeasible", `${sharing.size} numbers of players`);
  const common = [...sharing].reduce(lcm, 1n);
  const path = [];
  costs.forEach((cost, i) => {
    const above = parents[i] === null ? 0n : path[parents[i]];
    path.push(above + (cost && users[i] ? cost * (common / users[i]) : 0n));
  });
  return reduced(at.map((node) => path[node]), common);
}
