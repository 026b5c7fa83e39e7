// Which vault pays the members of a currency: named in the log, each after the one before it.
// Orders through the vault belong to the one in force when they were made; the first that is named
// takes over the orders that name none.

import { takeBody } from "./bodies.js";
import { toChecksum } from "./eip712.js";
import { refuse } from "./errors.js";
import { put } from "./proposals.js";
import { digitsOf, withKey } from "./state.js";
import { formatMinor } from "./subjects.js";
import { placeOf } from "./successors.js";

export const VAULT = "vault";
const VAULTS_MAX = 16;

const vaultsOf = (state, currency) => state.vaults.get(currency) ?? [];

// The vault from which payouts are ordered now, as orders name it; null where the log names none.
export function placeInForce(state, currency) {
  const last = vaultsOf(state, currency).at(-1);
  return last === undefined ? null : placeOf(last);
}

const ordersWithoutVault = (state, currency) => [...state.orders]
  .filter(([, order]) =>
    order.currency === currency && order.method === VAULT && order.vault === null)
  .map(([id]) => id);

function subjectOf({ currency, previous, vault, orders_before: before }) {
  return `Pay ${currency} through the vault ${toChecksum(vault.contract)} on chain ` +
    `${vault.chain_id} with code ${vault.code_hash}, in the token ${toChecksum(vault.token)} ` +
    `of ${vault.decimals} decimals` +
    (previous
      ? `, instead of ${toChecksum(previous.contract)} on chain ${previous.chain_id}`
      : "") +
    (before ? `, with the ${formatMinor(before, 0)} order(s) made before` : "");
}

function check(state, { currency, previous, vault, orders_before: before }) {
  if (vault.decimals < digitsOf(state, currency)) {
    refuse("out-of-range", `a token of ${vault.decimals} decimals cannot hold ${currency}`);
  }
  const stated = previous === null ? null : placeOf(previous);
  const current = placeInForce(state, currency);
  if (stated !== current) {
    refuse("conflict", `${currency} is paid through ${current ?? "no vault that is named"} now`);
  }
  const known = [...state.vaults.values()].flat().map(placeOf);
  if (known.includes(placeOf(vault))) {
    refuse("duplicate-id", `${placeOf(vault)} is or was a vault of this co-op`);
  }
  if (known.length >= VAULTS_MAX) refuse("out-of-range", "too many vaults");
  const waiting = ordersWithoutVault(state, currency).length;
  if (before !== waiting) {
    refuse("conflict", `${waiting} order(s) name no vault, the entry takes over ${before}`);
  }
}

export function nameVault(step, body) {
  check(step.state, body);
  return put(step, subjectOf(body));
}

export function enactVault(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  check(state, body);
  const { currency, vault } = body;
  const { chain_id, contract, code_hash, token, decimals } = vault;
  const found = { chain_id, contract, code_hash, token, decimals, index: step.index };
  const orders = new Map(state.orders);
  for (const id of ordersWithoutVault(state, currency)) {
    orders.set(id, { ...orders.get(id), vault: placeOf(vault) });
  }
  const named = [...vaultsOf(state, currency), found];
  return { ...state, orders, vaults: withKey(state.vaults, currency, named) };
}
