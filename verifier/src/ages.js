// The order in which what a state holds is gone through, where the order decides anything.
//
// A state that was folded has its disputes and proposals as they came; one that was read has them
// by hash, as canonical JSON sorts them. Both must do the same with the next entry. So the order
// comes from what the state says of each.

import { compareText } from "./bytes.js";

// The disputes as [id, dispute], oldest first. Of one millisecond those that have ended come first,
// by id; the others still stand as proposals, and these tell which entry was before which.
export function disputesByAge(state) {
  const place = (id) => state.proposals.get(id)?.index ?? -1;
  return [...state.disputes].sort(([a, one], [b, other]) =>
    compareText(one.opened_at, other.opened_at) || place(a) - place(b) || compareText(a, b));
}

// What waits for decisions as [hash, proposal], as it was proposed; an entry proposes one thing.
export function proposalsByAge(state) {
  return [...state.proposals].sort(([, one], [, other]) => one.index - other.index);
}
