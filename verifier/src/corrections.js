// Corrections: settled periods run again on what is known now.
//
// The first settled period with figures that no run has seen, and every one settled after it, are
// run again in the order in which they were settled, each under its own rules and facts, on the
// balances that the one before now leaves. The differences are posted in the next open period.

import { equalBytes, toHex } from "./bytes.js";
import { buildCorrection, compareRuns, movedMinor, totalsOf } from "./correction.js";
import { Refusal, refuse } from "./errors.js";
import { checkCharges } from "./feasibility.js";
import { integerJson, sum } from "./fraction.js";
import { readInputs } from "./inputs.js";
import { canonicalDigest, encodeCanonical } from "./json.js";
import { post } from "./postings.js";
import { propose } from "./proposals.js";
import { rulesOf } from "./rulesets.js";
import { run } from "./run.js";
import {
  amountsJson, bigAmounts, compareBlob, compareDocument, inputsDocument, mapValues, moved,
  neededFor,
} from "./settlements.js";
import {
  SUSPENSE, balancesOf, digitsOf, laterOfBalances, periodOf, withKey, withPeriod,
} from "./state.js";
import { formatMinor, ofCorrection } from "./subjects.js";
import { joinKey } from "./totals.js";

const CORRECTION = "correction-proposed";
const BETWEEN_TIMES = ["open", "closing", "settled"];
const isOpen = ({ status }) => status === "open" || status === "closing";
const isSettled = (period) => period.status === "settled" && period.run !== null;

function isSame(a, b) {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

// Whether a run would have other inputs of its own. The state alone says where nothing can have
// changed: there the usage need not be at hand.
function hasChanged(period, evidence) {
  const { run: last } = period;
  if (!isSame(period.amended, last.amended)) return true;
  if (period.late === last.late) return false;
  const amounts = (epochs) => new Map(evidence.totals(period.id, epochs)
    .filter(({ amount }) => amount)
    .map(({ account, facility, name, currency, amount }) =>
      [joinKey(account, facility, name, currency), amount]));
  return !isSame(amounts(period.epoch + 1), amounts(last.epochs));
}

// The first settled period whose figures have changed, and all settled after it.
function affected(state, currency, evidence) {
  const settled = [...state.periods.values()]
    .filter((period) => isSettled(period) && period.currency === currency)
    .sort((a, b) => a.run.order - b.run.order);
  const at = settled.findIndex((period) => hasChanged(period, evidence));
  if (at < 0) refuse("conflict", `nothing is to be corrected in ${currency}`);
  return settled.slice(at);
}

function nextOpen(state, periods) {
  const last = periods.map(({ start }) => start).reduce((a, b) => (a < b ? b : a));
  const found = [...state.periods.values()].filter((one) => isOpen(one) && one.start > last);
  if (!found.length) refuse("conflict", "a correction is posted in the next open period");
  return found.reduce((first, one) => (one.start < first.start ? one : first)).id;
}

// A run of the period on the usage, balances and amendments that `based` names.
function again(period, rules, evidence, based) {
  const totals = evidence.totals(period.id, based.epochs);
  const bad = (why) => refuse("infeasible", `${period.id} cannot be run again: ${why}`);
  try {
    checkCharges(totals, rules, bad);
    const given = { totals, balances: based.opening, amended: based.amended };
    const inputs = readInputs(inputsDocument(period, rules, given, evidence));
    return { result: run(rules, inputs), inputsHash: inputs.hash };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return bad(error.message);
  }
}

// What other periods had left in the pools of money.
function openedIn(opening, { units }) {
  return sum([...opening.pools].filter(([name]) => !units.has(name)).map(([, amount]) => amount));
}

// The balances that a run leaves, from those on which it was computed.
function leftBy(before, result) {
  return moved(before, {
    funds: result.funds, carry: result.carry, pools: result.poolsLeft, owed: result.owed,
    suspense: totalsOf(result).get(SUSPENSE) ?? 0n, recoup: result.recoup,
  });
}

// The correction that is due in a currency.
function compute(state, currency, evidence, seed) {
  for (const { id, status } of state.periods.values()) {
    if (!BETWEEN_TIMES.includes(status)) refuse("conflict", `${id} is ${status}`);
  }
  const periods = affected(state, currency, evidence);
  const postedIn = nextOpen(state, periods);
  let balances = periods[0].run.opening;
  const reruns = periods.map((period) => {
    const rules = rulesOf(state, period, evidence);
    const opening = balances;
    const before = again(period, rules, evidence, period.run).result;
    const now = { epochs: period.epoch + 1, opening, amended: period.amended };
    const { result: after, inputsHash } = again(period, rules, evidence, now);
    balances = leftBy(opening, after);
    return compareRuns({
      period: period.id, rules, opening, before, after, inputsHash, correctionOf: period.run.id,
      style: rules.late?.style ?? "delta",
      opened: [openedIn(period.run.opening, before), openedIn(opening, after)],
    });
  });
  checkBalances(state, currency, leftBy(periods.at(-1).run.opening, reruns.at(-1).before));
  const limits = reruns.map(({ rules }) => BigInt(rules.late?.materiality_minor ?? 0));
  if (!reruns.some((rerun, i) => movedMinor(rerun) > limits[i])) {
    refuse("conflict", "what has moved is not above the rules' materiality");
  }
  const correction = buildCorrection(postedIn, reruns, reruns.at(-1).rules, seed);
  return { ...correction, postedIn, currency, reruns, balances };
}

// The settled periods must lead to the balances that the co-op has.
function checkBalances(state, currency, expected) {
  const texts = [balancesOf(state, currency), expected].map((one) =>
    encodeCanonical(balancesDocument(one)));
  if (!equalBytes(...texts)) {
    refuse("invariant-violated", `the periods do not lead to the balances in ${currency}`);
  }
}

function refuseSecond(state, currency) {
  for (const { kind, body, subject } of state.proposals.values()) {
    if (kind === CORRECTION && body.get("currency") === currency) {
      refuse("conflict", `this waits for decisions already: ${subject}`);
    }
  }
}

// Compute the correction again and put it before the electorate. Usage below this entry's own index
// counts; what comes later is for another correction.
export function proposeCorrection(step, body) {
  const { approve } = step.right;
  if (approve === null) refuse("malformed-entry", "a correction needs a quorum");
  const currency = body.correction.get("currency");
  refuseSecond(step.state, currency);
  const found = compute(step.state, currency, step.evidence, step.blob(body.seed, "the seed"));
  compareDocument(body.correction, found.document, "correction");
  compareBlob(step.blob(body.rows, "the rows"), found.rowsBlob, "the rows");
  let { state } = step;
  for (const { period: id } of found.reruns) {
    const period = periodOf(state, id);
    state = withPeriod(state, { ...period, epoch: period.epoch + 1 });
  }
  const id = toHex(canonicalDigest(found.document));
  const digits = digitsOf(state, currency);
  const words = (amount) => `${formatMinor(amount, digits)} ${currency}`;
  step.noteCorrection({ period: found.postedIn, id, ...found.document.totals, digits, currency });
  return propose({ ...step, state }, approve, {
    subject: ofCorrection(
      found.reruns.map(({ period }) => period), found.postedIn, found.document.totals, words,
    ),
    subjectHash: id,
    body: keptOf(id, found, state),
    needed: Math.max(...found.reruns.map(({ rules }) => neededFor(state, approve, rules))),
  });
}

// What the approval will put into effect, as the proposal keeps it.
function keptOf(id, { postedIn, currency, net, reruns, balances }, state) {
  const nets = new Map(net);
  for (const { repaid } of reruns) {
    for (const [member, by] of repaid) nets.set(member, nets.get(member) + by);
  }
  const members = [...nets].filter(([member, amount]) => member !== SUSPENSE && amount);
  const runs = reruns.map(({ period, opening }) => {
    const { epoch: epochs, late, amended } = periodOf(state, period);
    return mapOf({
      period, epochs, late, amended: amountsJson(amended), opening: balancesDocument(opening),
    });
  });
  return mapOf({
    id, period: postedIn, currency, net: amountsJson(new Map(members)), runs,
    balances: balancesDocument(balances),
  });
}

// As a state that is read back has it: documents of Maps.
const mapOf = (fields) => new Map(Object.entries(fields));

function balancesDocument({ funds, carry, pools, owed, suspense, recoup }) {
  return mapOf({
    funds: amountsJson(funds), carry: amountsJson(carry), pools: amountsJson(pools),
    owed: mapValues(owed, amountsJson), suspense: integerJson(suspense),
    ...(recoup.size ? { recoup: amountsJson(recoup) } : {}),
  });
}

function readBalances(document) {
  const amounts = (name) => bigAmounts(document.get(name));
  return {
    funds: amounts("funds"), carry: amounts("carry"), pools: amounts("pools"),
    owed: mapValues(document.get("owed"), bigAmounts), suspense: BigInt(document.get("suspense")),
    ...laterOfBalances(), ...(document.has("recoup") ? { recoup: amounts("recoup") } : {}),
  };
}

// The electorate approved: differences are posted, and the balances are those of the runs.
export function enactCorrection(step, state, { body }) {
  let found = state;
  for (const row of body.get("runs")) {
    const period = periodOf(found, row.get("period"));
    const again = {
      order: period.run.order, id: body.get("id"), epochs: row.get("epochs"),
      opening: readBalances(row.get("opening")), late: row.get("late"),
      amended: bigAmounts(row.get("amended")),
    };
    found = withPeriod(found, { ...period, run: again });
  }
  const currency = body.get("currency");
  const period = periodOf(found, body.get("period"));
  found = post(found, period, body.get("id"), bigAmounts(body.get("net")), currency);
  const { receivables } = balancesOf(found, currency);
  const balances = { ...readBalances(body.get("balances")), receivables };
  return { ...found, balances: withKey(found.balances, currency, balances) };
}

// The state without corrections that nobody has decided on, at the cut-off of a period: what they
// would correct is still due, and is proposed again when the period has been settled.
export function dropCorrections(state) {
  const kept = [...state.proposals].filter(([, { kind }]) => kind !== CORRECTION);
  return { ...state, proposals: new Map(kept) };
}
