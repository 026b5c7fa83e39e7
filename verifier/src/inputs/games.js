// Games in the inputs: worths by coalition, a forest of edges, or separable costs.

import { sortedTexts } from "../bytes.js";
import { ZERO, isLess, overCommonDenominator } from "../fraction.js";
import { SPACE } from "../ids.js";
import { bad, fields, perMember, quantity, rows, table } from "./reader.js";

const PLAYERS_MAX = 20;
const EDGES_MAX = 100_000;
const NODE = new RegExp(`^[^${SPACE}]{1,64}$`, "u");

function readTable(value, where, known) {
  const worths = table(value.get("values"), `${where}/values`, quantity);
  const names = [...worths.keys()];
  const players = sortedTexts(new Set(names.flatMap((name) => name.split("+"))));
  if (players.length > PLAYERS_MAX) bad(`${where}/values`, `more than ${PLAYERS_MAX} players`);
  const bits = new Map(players.map((player, i) => [player, 1 << i]));
  for (const player of players) if (!known.has(player)) bad(where, `${player} is no member`);
  const coalitions = names.map((name) => {
    let coalition = 0;
    for (const player of name.split("+")) {
      if (coalition & bits.get(player)) bad(where, `${player} stands twice in a coalition`);
      coalition |= bits.get(player);
    }
    return coalition;
  });
  if (new Set(coalitions).size !== names.length) bad(where, "a coalition stands there twice");
  const [numerators, denominator] = overCommonDenominator([...worths.values()]);
  const values = new Map(coalitions.map((coalition, i) => [coalition, numerators[i]]));
  return { form: "table", players, values, denominator };
}

function readScrb(value, where, known) {
  const costs = perMember(known, quantity);
  const alone = costs(value.get("alone"), `${where}/alone`);
  const separable = costs(value.get("separable"), `${where}/separable`);
  const players = [...alone.keys()];
  const isSame = alone.size === separable.size && players.every((id) => separable.has(id));
  if (!isSame) bad(where, "each player has an alone and a separable cost");
  const total = quantity(value.get("total"), `${where}/total`);
  return { form: "scrb", players, alone, separable, total };
}

function readEdges(list, where) {
  const found = new Map();
  rows(list, where, 0, EDGES_MAX).forEach((row, at) => {
    const place = `${where}/${at}`;
    const edge = fields(row, place, "node", "parent", "cost");
    const [node, parent] = [edge.get("node"), edge.get("parent")];
    const isNew = typeof node === "string" && NODE.test(node) && !found.has(node);
    if (!isNew) bad(place, "not a new node");
    if (parent !== null && typeof parent !== "string") bad(place, "not a parent");
    const cost = quantity(edge.get("cost"), `${place}/cost`);
    if (isLess(cost, ZERO)) bad(place, "a negative cost");
    found.set(node, { parent, cost });
  });
  return found;
}

// The nodes that lead to a root, each after its parent; in a cycle nobody does.
function parentsFirst(edges) {
  const below = new Map();
  for (const [node, { parent }] of edges) {
    if (!below.has(parent)) below.set(parent, []);
    below.get(parent).push(node);
  }
  const ordered = [...(below.get(null) ?? [])];
  for (let i = 0; i < ordered.length; i++) ordered.push(...(below.get(ordered[i]) ?? []));
  return ordered;
}

function readTree(value, where, known) {
  const edges = readEdges(value.get("edges"), `${where}/edges`);
  for (const { parent } of edges.values()) {
    if (parent !== null && !edges.has(parent)) bad(where, `there is no node ${parent}`);
  }
  const nodeOf = (node, place) => (edges.has(node) ? node : bad(place, "there is no such node"));
  const stands = perMember(known, nodeOf)(value.get("at"), `${where}/at`);
  const ordered = parentsFirst(edges);
  if (ordered.length !== edges.size) bad(where, "the edges go in a circle");
  const numbers = new Map(ordered.map((node, i) => [node, i]));
  const [costs, denominator] = overCommonDenominator(ordered.map((node) => edges.get(node).cost));
  return {
    form: "tree", costs, denominator, players: [...stands.keys()],
    parents: ordered.map((node) => numbers.get(edges.get(node).parent) ?? null),
    at: new Map([...stands].map(([player, node]) => [player, numbers.get(node)])),
  };
}

const FORMS = {
  table: [readTable, "values"],
  tree: [readTree, "edges", "at"],
  scrb: [readScrb, "alone", "separable", "total"],
};

export function gameReader(known) {
  return (value, where) => {
    const form = value instanceof Map ? value.get("form") : null;
    if (typeof form !== "string" || !Object.hasOwn(FORMS, form)) bad(where, "not a form of a game");
    const [read, ...names] = FORMS[form];
    return read(fields(value, where, "form", ...names), where, known);
  };
}
