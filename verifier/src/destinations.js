// Where members are paid: named by the member, confirmed by another, in force after a delay.

import { toHex } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { refuse } from "./errors.js";
import { putToVote } from "./facts.js";
import { canonicalDigest } from "./json.js";
import { digitsOf, keepsPayouts, termsOf, withKey } from "./state.js";
import { ofDestination } from "./subjects.js";
import { addDays } from "./time.js";

export const EVM = "evm";

export function setDestination(step, body) {
  if (body.member !== step.member.id) {
    refuse("not-permitted", `only ${body.member} itself names where ${body.member} is paid`);
  }
  digitsOf(step.state, body.currency);
  if (body.destination.type !== EVM) step.blob(body.destination.details, "the bank details");
  return putToVote(step, ofDestination(body));
}

// After the charter's delay; until then the one before stays in force.
export function enactDestination(step, state, proposal) {
  const { member, currency, destination } = takeBody(proposal.kind, proposal.body);
  const { payouts, period } = termsOf(state);
  const agreed = payouts?.destination_days ?? period.objection_days;
  const days = keepsPayouts(state) ? agreed : 0;
  const since = days ? addDays(step.now, days) : step.now;
  const coming = { ...destination, since };
  const before = destinationInForce(state, member, currency, step.now);
  const found = since > step.now && before !== null ? { ...before, next: coming } : coming;
  return { ...state, destinations: withKey(state.destinations, `${member}/${currency}`, found) };
}

// Where a member is paid at an instant, with `since`; null if nowhere yet.
export function destinationInForce(state, member, currency, now) {
  const row = state.destinations.get(`${member}/${currency}`);
  if (row === undefined) return null;
  const { next, ...first } = row;
  if (next !== undefined && next.since <= now) return next;
  return first.since <= now ? first : null;
}

// The hash by which orders name a destination: of what the member signed, not of since when.
export function destinationHash({ since: _since, ...signed }) {
  return toHex(canonicalDigest(signed));
}
