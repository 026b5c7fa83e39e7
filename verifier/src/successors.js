// Which contracts witness the log: those of the charter, and those that decisions put after them.

import { takeBody } from "./bodies.js";
import { toChecksum } from "./eip712.js";
import { refuse } from "./errors.js";
import { put } from "./proposals.js";
import { withKey } from "./state.js";
import { trustedChain } from "./trust.js";

const CONTRACTS_MAX = 64;
export const placeOf = ({ chain_id: chainId, contract }) => `${chainId}/${contract}`;

// The line of each contract of the charter, from the first to the one in force; `index` is the
// entry that put it there. The state that a slice starts from may be made up, and go in a circle.
export function linesOf(state) {
  return (state.charter?.terms.anchors ?? []).map((first) => {
    const line = [{ ...first, index: 0 }];
    while (line.length < CONTRACTS_MAX) {
      const next = state.successors.get(placeOf(line.at(-1)));
      if (next === undefined) break;
      line.push(next);
    }
    return line;
  });
}

export const knownTargets = (state) => linesOf(state).flat();

// The contracts that count as witnesses: of each line those from the first one that the trust file
// names. Each has its own entry of the trust file, and the blocks that it may rest on.
export function followedTargets(state, trust) {
  return linesOf(state).flatMap((line) => {
    const named = line.map((one) => trustedChain(trust, one.chain_id, one.contract));
    const from = named.findIndex((chain) => chain !== undefined);
    if (from < 0) return [];
    const blocksOf = (chainId) =>
      named.flatMap((chain) => (chain?.chain_id === chainId ? chain.blocks ?? [] : []));
    const found = line.map((one, at) => ({
      ...one, known: named[at], previous: line[at - 1], blocks: blocksOf(one.chain_id),
    }));
    return found.slice(from);
  });
}

function check(state, body) {
  const place = placeOf(body);
  if (!linesOf(state).some((line) => placeOf(line.at(-1)) === place)) {
    refuse("not-found", `anchors do not go to ${place} now, so nothing can follow it`);
  }
  const known = knownTargets(state).map(placeOf);
  if (known.includes(placeOf(body.successor))) {
    refuse("duplicate-id", `${placeOf(body.successor)} is or was an anchor of this co-op`);
  }
  if (known.length >= CONTRACTS_MAX) refuse("out-of-range", "too many anchor contracts");
}

export function nameSuccessor(step, body) {
  check(step.state, body);
  const { contract, chain_id: chainId, code_hash: code } = body.successor;
  return put(step, `Anchor at ${toChecksum(contract)} on chain ${chainId} with code ${code} ` +
    `instead of ${toChecksum(body.contract)} on chain ${body.chain_id}`);
}

export function enactSuccessor(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  check(state, body);
  const { chain_id, contract, code_hash } = body.successor;
  const successor = { chain_id, contract, code_hash, index: step.index };
  return { ...state, successors: withKey(state.successors, placeOf(body), successor) };
}
