// Corrections that followed on a month: a member's part of each, in a statement of the month.
//
// The part's net difference is shown to be among those that add up to the correction's sums. Each
// correction names what it corrects, so none in between can be left out; whether it was approved,
// and whether none came after the last, a bundle shows.

import { toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { most, sum } from "./fraction.js";
import { canonicalDigest } from "./json.js";
import { FIELD, takeKnown } from "./schema.js";
import { correctionPartShape, correctionShape } from "./shapes.js";
import { verifyLeaf } from "./statement.js";

function agree(isRight, what) {
  if (isRight) return;
  refuse("sum-mismatch", `${what} does not agree with the rest of the correction`);
}

const values = (row) => [...row.values()];
const isSame = (one, other) =>
  one.size === other.size && [...one].every(([name, amount]) => other.get(name) === amount);

// The document adds up by itself.
function checkSums({ totals, periods }) {
  const rows = [totals.funds, totals.projects, totals.charged, totals.pools_left];
  const given = totals.raised - totals.lowered + totals.suspense + sum(rows.flatMap(values));
  agree(totals.in === given, "what came in and where it went");
  agree(totals.in === sum(periods.map((one) => one.in)), "what came in");
  const last = periods.at(-1);
  agree(last !== undefined && isSame(totals.pools_left, last.pools_left), "the pools");
  const funds = new Set([...periods, totals].flatMap((one) => [...one.funds.keys()]));
  for (const name of funds) {
    const moved = sum(periods.map((one) => one.funds.get(name) ?? 0n));
    agree(moved === (totals.funds.get(name) ?? 0n), `the fund ${name}`);
  }
  const net = sum(periods.map((one) => one.raised - one.lowered));
  agree(net === totals.raised - totals.lowered, "the members' differences");
}

function checkSide(own, found, expected, head) {
  agree(found.total_minor === expected, "the net difference");
  verifyLeaf(own, found.proof, expected, head, "corrections");
}

// Check a member's part against the correction that an entry proposed; gives both.
function checkPart(statement, correction) {
  const shape = takeKnown(correctionShape, correction, "correction", "sum-mismatch", FIELD);
  checkSums(shape);
  const own = takeKnown(correctionPartShape, statement, "statement", "sum-mismatch", FIELD);
  const wanted = toHex(canonicalDigest(correction));
  if (own.correction_id !== wanted || toHex(canonicalDigest(own.correction)) !== wanted) {
    refuse("not-included", "the statement belongs to another correction");
  }
  const key = (period, of, isDelta) => JSON.stringify([period, of, isDelta]);
  const named = new Set(shape.periods.map((one) =>
    key(one.period, one.correction_of, one.style === "delta")));
  for (const { member, period, correction_of: of, role } of own.rows) {
    agree(member === own.member && named.has(key(period, of, role === "delta")), "a row");
  }
  agree(sum(own.rows.map((row) => row.amount_minor)) === own.net_minor, "the rows");
  const { totals, account_count: size } = shape;
  const raised = totals.raised + most(0n, totals.suspense);
  const lowered = totals.lowered + most(0n, -totals.suspense);
  const net = own.net_minor;
  checkSide(own, own.raised, most(0n, net), { commitment: shape.raised_root, size, sum: raised });
  checkSide(own, own.lowered, most(0n, -net), {
    commitment: shape.lowered_root, size, sum: lowered,
  });
  return { own, shape };
}

// Check that a correction follows on `before`, the id of a month's settlement or of the correction
// that had its figures; gives its own id and the month with which it is posted.
export function checkFollowed(statement, correction, { member, period, before }) {
  const { own, shape } = checkPart(statement, correction);
  if (own.member !== member) refuse("sum-mismatch", "a correction's part is another member's");
  const rows = shape.periods.filter((one) => one.period === period);
  if (rows.length !== 1 || rows[0].correction_of !== before) {
    refuse("sum-mismatch", "it does not correct what stands before it");
  }
  return { id: own.correction_id, postedIn: shape.posted_in };
}
