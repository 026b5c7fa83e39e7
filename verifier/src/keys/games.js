// The keys on needs and games: airport, shapley, scrb.

import { refuse } from "../errors.js";
import { least, most, overCommonDenominator, reduced } from "../fraction.js";
import { airport, scrb, shapley, treeShares } from "../games.js";
import { listed, outsideOf, reducedWeights, weightsOf } from "../scope.js";
import { figures, takesPart } from "./figures.js";

export function weighAirport(key, scope) {
  const outside = takesPart(key.members, scope, key.input);
  const [needs, denominator] = listed(figures(key.input, scope, outside), scope, outside);
  const [shares, bottom] = airport(needs);
  return reducedWeights(shares, bottom * denominator, outside);
}

function gameOf(key, scope) {
  const game = scope.inputs.games.get(key.game);
  return game ?? refuse("game-incomplete", `the inputs hold no game ${key.game}`);
}

// The coalitions' worths, that of nobody being 0.
function worths(key, game, coalitions) {
  const missing = coalitions.filter((one) => one && !game.values.has(one)).length;
  if (missing) {
    refuse("game-incomplete", `the game ${key.game} lacks the worth of ${missing} coalitions`);
  }
  return coalitions.map((one) => game.values.get(one) ?? 0n);
}

// The shares as weights, those of other members 0; all of one sign.
function weighPlayers(key, players, [shares, bottom], scope) {
  const outside = outsideOf(key.members, scope);
  if (players.some((player) => outside.has(player))) {
    refuse("infeasible", `'members' leaves out somebody who plays in ${key.game}`);
  }
  const [numerators, denominator] = reduced(shares, bottom);
  const isNegative = least(0n, ...numerators) < 0n;
  if (isNegative && (most(0n, ...numerators) > 0n || !key.signed)) {
    refuse("infeasible", `a share in the game ${key.game} is negative`);
  }
  const own = new Map(players.map((player, i) => [player, numerators[i]]));
  const sign = isNegative ? -1n : 1n;
  const found = scope.inputs.members.map((id) => sign * (own.get(id) ?? 0n));
  return weightsOf(found, denominator, outside);
}

export function weighShapley(key, scope) {
  const game = gameOf(key, scope);
  if (game.form === "scrb") refuse("infeasible", "a Shapley value needs a table or a tree");
  const [shares, bottom] = game.form === "table"
    ? shapley(worths(key, game, Array.from({ length: 1 << game.players.length }, (_, i) => i)))
    : treeShares(game.costs, game.parents, [...game.at.values()]);
  return weighPlayers(key, game.players, [shares, bottom * game.denominator], scope);
}

export function weighScrb(key, scope) {
  const game = gameOf(key, scope);
  if (game.form === "tree") refuse("infeasible", "scrb needs the form scrb or a table");
  const count = game.players.length;
  const [costs, denominator] = game.form === "table"
    ? [costsOfTable(key, game), game.denominator]
    : overCommonDenominator([
      ...game.alone.values(), ...game.players.map((player) => game.separable.get(player)),
      game.total,
    ]);
  const [shares, bottom] = scrb(costs.slice(0, count), costs.slice(count, -1), costs.at(-1));
  const { signed, ...own } = key;
  return weighPlayers(own, game.players, [shares, bottom * denominator], scope);
}

// Both costs of every player, from the worths of one, of all but one, and of all.
function costsOfTable(key, game) {
  const alone = game.players.map((_, i) => 1 << i);
  const everybody = (1 << game.players.length) - 1;
  const others = alone.map((one) => everybody & ~one);
  const found = worths(key, game, [...alone, ...others, everybody]);
  const whole = found.at(-1);
  const separable = found.slice(alone.length, -1).map((without) => whole - without);
  return [...found.slice(0, alone.length), ...separable, whole];
}
