// Erasure: lines and salts of records are gone, leaves and totals stand.
//
// A member erases records of its own batches at once; somebody else only proposes it. The state
// keeps, by the entry index of a batch, the ranges [first, last] of its erased records.

import { toHex } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { parseEnvelope } from "./envelope.js";
import { Refusal, refuse } from "./errors.js";
import { formatMinor } from "./subjects.js";
import { propose } from "./proposals.js";
import { withKey } from "./state.js";

// The erased records (0-based) of the batch at an entry index.
export function erasedRecords(state, batch) {
  const found = new Set();
  for (const [first, last] of state.erased.get(String(batch)) ?? []) {
    for (let number = first; number <= last; number++) found.add(number);
  }
  return found;
}

function rangesOf(numbers) {
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

function withErased(state, { batch, records }) {
  const numbers = [...erasedRecords(state, batch), ...records];
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  return { ...state, erased: withKey(state.erased, String(batch), rangesOf(sorted)) };
}

// Whose batch it is; refuses unless there is one and it has these records.
function ownerOf(step, { batch, records }) {
  if (batch >= step.index) refuse("not-found", `the log has no entry ${batch} yet`);
  const entry = parseEnvelope(step.evidence.entry(batch));
  if (entry.kind !== "usage-batch") refuse("not-found", `entry ${batch} is a ${entry.kind}`);
  if (records.some((number, i) => i && records[i - 1] >= number)) {
    refuse("malformed-entry", "records are numbers in ascending order, each once");
  }
  if (records.at(-1) >= entry.body.get("count")) {
    refuse("out-of-range", `batch ${batch} has no record ${records.at(-1)}`);
  }
  return step.state.keys.get(entry.actor).member;
}

export function erase(step, body) {
  const owner = ownerOf(step, body);
  const erased = erasedRecords(step.state, body.batch);
  if (body.records.some((number) => erased.has(number))) {
    refuse("conflict", `a record of batch ${body.batch} is erased already`);
  }
  if (owner === step.member.id) return withErased(step.state, body);
  if (step.right.approve === null) refuse("malformed-entry", "nobody may approve this");
  const count = body.records.length;
  const what = count === 1 ? "1 record" : `${formatMinor(count, 0)} records`;
  const subject = `Erase ${what} of batch ${body.batch} of ${owner}: ${body.reason}`;
  const subjectHash = toHex(step.entry.leaf);
  return propose(step, step.right.approve, { subject, subjectHash, body: step.entry.body });
}

export function enactErasure(step, state, proposal) {
  return withErased(state, takeBody(proposal.kind, proposal.body));
}

// The records that entries of this kind name, whether they apply or not: lines may be missing there
// until the fold has shown what was erased in fact.
export function namedErasures(entries) {
  const found = new Map();
  for (const data of entries) {
    try {
      const { kind, body } = parseEnvelope(data);
      if (kind !== "records-erased") continue;
      const { batch, records } = takeBody(kind, body);
      found.set(batch, new Set([...(found.get(batch) ?? []), ...records]));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error; // the fold says what is wrong with an entry
    }
  }
  return found;
}
