// The one-line subjects that people decide on; derived here, never taken from an entry.

import { toChecksum } from "./eip712.js";
import { abs } from "./fraction.js";
import { digitsOf } from "./state.js";

// Minor units as a decimal amount with thousands commas.
export function formatMinor(amount, digits) {
  const value = BigInt(amount);
  const text = String(abs(value)).padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits).replace(/\B(?=([0-9]{3})+$)/g, ",");
  const sign = value < 0n ? "-" : "";
  return digits ? `${sign}${whole}.${text.slice(-digits)}` : sign + whole;
}

function money(state, body) {
  return `${formatMinor(body.amount_minor, digitsOf(state, body.currency))} ${body.currency}`;
}

export const ofCharter = (charter) => {
  const names = charter.members.map((member) => member.id).join(", ");
  return `Charter of ${charter.name.en} (${charter.origin}) by ${names}`;
};

export const ofAdmission = (body) =>
  `Admit ${body.id} (${body.name.en}) as ${body.roles.join(", ")} with ${body.keys.length} key(s)`;

export const ofLeaving = (body) => `End the membership of ${body.member}`;

export const ofKeyAdded = (body) => `Add key ${toChecksum(body.key.address)} for ${body.member}`;

export const ofKeyRevoked = (body, member) => `Revoke key ${toChecksum(body.key)} of ${member}`;

export const ofFacility = (body) => `Register facility ${body.id} (${body.name.en})`;

export const ofFunding = (state, body) =>
  `Funding ${body.id} of ${body.asset} by ${body.member}: ${money(state, body)} (${body.origin})`;

// That a report replaces the one in an earlier entry.
const instead = ({ replaces }) =>
  (replaces === undefined ? "" : `, instead of entry ${replaces}`);

export const ofRevenue = (state, body) =>
  `Revenue ${body.id} ${body.period}: ${money(state, body)} (${body.origin})${instead(body)}`;

export const ofCost = (state, body) =>
  `Cost ${body.id} ${body.period}: ${money(state, body)} borne by ${body.member}${instead(body)}`;

export function ofKpi(body) {
  const whose = body.member === "_" ? "the whole town" : body.member;
  const [value, scale] = [body.value, body.scale].map((number) => formatMinor(number, 0));
  return `Reading ${body.id} ${body.period} of ${whose}: ${value} of ${scale}${instead(body)}`;
}

export function ofFigures(body) {
  const { section, id, period, figures: { bytes, sha256 } } = body;
  const size = `${formatMinor(bytes, 0)} bytes, SHA-256 ${sha256.slice(0, 16)}…`;
  return `Figures ${section} ${id} ${period}: ${size}${instead(body)}`;
}

export const ofRules = (body) =>
  `Rule set ${body.ruleset} version ${body.version} from ${body.effective_from}`;

export function ofSettlement(period, { paid, toSuspense, charged }, currency, members, digits) {
  const words = (amount) => `${formatMinor(amount, digits)} ${currency}`;
  return `Settlement ${period}: ${words(paid)} to ${members} members` +
    (toSuspense ? `, ${words(toSuspense)} to suspense` : "") +
    (charged ? `, ${words(charged)} charged to members` : "");
}

// Of a correction: what members gain and lose by it, what suspense gains.
export function ofCorrection(periods, postedIn, { raised, lowered, suspense }, words) {
  const which = periods.length === 1 ? periods[0] : `${periods[0]} to ${periods.at(-1)}`;
  return `Correction of ${which} in ${postedIn}: ${words(raised)} more to members, ` +
    `${words(lowered)} less to members${suspense ? `, ${words(suspense)} to suspense` : ""}`;
}

// Of a dispute: to approve is to uphold it.
export function ofDispute({ period, claims }, member) {
  const figures = claims.map(({ where, value }) => `${where} is ${formatMinor(value, 0)}`);
  return `Uphold the dispute of settlement ${period} by ${member}: ${figures.join(", ")}`;
}

export function ofDestination(body) {
  const where = body.destination;
  const bank = where.type === "bank" ? "bank account" : "IBAN";
  const place = where.type === "evm" ? toChecksum(where.address) : `${bank} ${where.hint}`;
  return `Pay ${body.member} in ${body.currency} to ${place}`;
}

export function ofPayout(state, { period, count, total_minor, currency, method }, vault) {
  const to = count === 1 ? "1 member" : `${formatMinor(count, 0)} members`;
  const how = { bank: "by bank", iban: "by IBAN", vault: "through the vault" }[method];
  const amount = money(state, { amount_minor: total_minor, currency });
  const [chainId, contract] = vault?.split("/") ?? [];
  const where = vault === null ? "" : ` ${toChecksum(contract)} on chain ${chainId}`;
  return `Payout ${period}: ${amount} to ${to} ${how}${where}`;
}

export function ofPayoutResults(period, paid, returned, expired, count) {
  const lines = count === 1 ? "1 line" : `${formatMinor(count, 0)} lines`;
  const gone = expired === null ? "" : `${expired} expired to a reserve, `;
  return `Payout results ${period}: ${paid} paid, ${returned} returned, ${gone}${lines}`;
}
