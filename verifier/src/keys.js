// Keys: how figures become weights.

import { energy } from "./keys/energy.js";
import { weighAirport, weighScrb, weighShapley } from "./keys/games.js";
import { kpiWeighted } from "./keys/kpi.js";
import { isPlain, weighPlain } from "./keys/plain.js";
import { weighQuadratic } from "./keys/quadratic.js";

const KINDS = {
  kpi_weighted: kpiWeighted, energy, airport: weighAirport, shapley: weighShapley, scrb: weighScrb,
  quadratic: weighQuadratic,
};

export function weigh(key, scope) {
  return isPlain(key) ? weighPlain(key, scope) : KINDS[key.kind](key, scope);
}
