// The shape of the body of every kind of entry, and of the charter.

import { integer, list, nullable, object, oneOf, either, record, take, text } from
  "./schema.js";

const HASH = /^[0-9a-f]{64}$/;
// Words that people read: no control characters, none that hide or turn around what follows.
const READABLE = new RegExp(
  "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f" +
    "\\ufeff\\ufff9-\\ufffb]*$",
  "u",
);
const FACILITY = new RegExp(
  "^[^+\\u0000-\\u0020\\u007f\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f" +
    "\\u3000]{1,64}$",
  "u",
);

export const hash = text({ pattern: HASH });
export const address = text({ pattern: /^0x[0-9a-f]{40}$/ });
const signature = text({ pattern: /^0x[0-9a-f]{130}$/ });
export const memberName = text({ pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/ });
const word = text({ pattern: /^[a-z][a-z0-9_]{0,63}$/ });
const month = text({ pattern: /^[0-9]{4}-(0[1-9]|1[0-2])$/ });
const instant = text({
  pattern: /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/,
});
const date = text({ pattern: /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/ });
const currency = text({ pattern: /^[A-Z]{3}$/ });
const positive = integer(1);
const count = integer(0);
// The entry of the report that another one takes the place of.
const replaces = { replaces: count };
const shortText = text({ max: 200, pattern: READABLE });
const label = text({ min: 1, max: 120, pattern: READABLE });
const role = oneOf("member", "operator", "auditor", "municipality");
const roles = list(role, 1, 4);
const moneyOrigin = oneOf("member", "other", "public");
const localName = object({ ja: label, en: label });
const blobRef = object({ sha256: hash, bytes: integer(1, 2 ** 40) });
const newKey = object({ address, possession: signature });

const destination = either(
  object({ type: oneOf("evm"), address }),
  object({
    type: oneOf("bank", "iban"), details: blobRef, hint: text({ max: 40, pattern: READABLE }),
  }),
);

const vkey = text({ min: 1, max: 4000 });

const figureName = text({ pattern: /^([a-z]{1,8}\.)?[a-z][a-z0-9_]{0,63}$/ });
// A line of a settlement: a step's id and an account.
const lineId = text({ pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\/[a-z0-9][a-z0-9_-]{0,63}$/ });
// What a figure of a settlement's inputs should be: totals/trips/bus, or revenue/fares.
const claim = object({
  where: text({
    pattern: new RegExp(
      "^(revenue/[a-z][a-z0-9_]{0,63}" +
        "|(totals|costs|funding)/[a-z][a-z0-9_.]{0,72}/[a-z0-9][a-z0-9_-]{0,63}" +
        "|kpis/[a-z][a-z0-9_.]{0,72}/(_|[a-z0-9][a-z0-9_-]{0,63})" +
        "|payments/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}" +
        "|matrices/[a-z][a-z0-9_.]{0,72}/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}" +
        "/[a-z0-9][a-z0-9_-]{0,63})$",
    ),
  }),
  value: count,
});

const source = object({
  format: shortText, format_version: shortText, map_version: shortText, map_hash: hash,
});

const days = integer(0, 90);
const lookback = integer(0, 120);
const quorum = object({
  roles, threshold: text({ pattern: /^[1-9][0-9]{0,3}(\/[1-9][0-9]{0,3})?$/ }),
});
const authority = record(object({ write: roles, approve: nullable(quorum) }));
export const periodTerms = object({
  decided_by: oneOf("start", "end"), grace_days: days, objection_days: days,
  lookback_periods: lookback,
});
const payoutTerms = object({ destination_days: days });
const entryReaders = oneOf("everyone", "members");
const aliases = list(text({ min: 1, max: 64 }), 0, 16);
const metric = { id: word, unit: oneOf("m", "s", "Wh", "count", "g", "mL") };
const metricTerm = object({ ...metric, name: localName, aliases });
const chargeTerm = object({ id: word, name: localName, aliases });

// A new word is signed between semicolons, brackets and arrows, so it has none in it, nor what
// looks like them: it would say what is not done.
const UNBUILT = new RegExp(
  "^[^;\\u037e\\u061b\\ufe14\\ufe54\\uff1b()\\u207d\\u207e\\u208d\\u208e\\ufe35\\ufe36\\ufe59" +
    "\\ufe5a\\uff08\\uff09\\u2190-\\u21ff\\u2794-\\u27be\\u27f0-\\u27ff\\u2900-\\u297f" +
    "\\u2b00-\\u2bff\\uffe9-\\uffec]*$",
  "u",
);
const said = (max) => {
  const [readable, unbuilt] = [READABLE, UNBUILT].map((pattern) => text({ min: 1, max, pattern }));
  return (value, where, faults) =>
    (readable(value, where, faults) === undefined ? undefined : unbuilt(value, where, faults));
};
const newWords = {
  name: object({ ja: said(120), en: said(120) }), aliases: list(said(64), 0, 16),
};
const newTerms = object({}, {
  metrics: list(object({ ...metric, ...newWords }), 1, 64),
  charges: list(object({ id: word, ...newWords }), 1, 64),
});

// What of a charter can be changed; what stays is left out, and what never changes has no place.
const changes = object({}, {
  period: object({}, { grace_days: days, objection_days: days, lookback_periods: lookback }),
  payouts: payoutTerms,
  readers: object({}, {
    entries: entryReaders, totals: list(role), records: list(role), settlements: list(role),
  }),
  authority,
  // At least one further word, for they count the version up.
  vocabulary: (value, where, faults) => {
    const found = newTerms(value, where, faults);
    return found && !Object.keys(found).length ? list(word, 1)([], where, faults) : found;
  },
});

export const BODIES = {
  "member-admitted": object({
    id: memberName, name: localName, roles, keys: list(newKey, 1, 16),
  }),
  "member-left": object({ member: memberName, reason: shortText }),
  "key-added": object({ member: memberName, key: newKey, label: shortText }),
  "key-revoked": object({ key: address, reason: shortText }),
  "facility-registered": object({
    id: text({ pattern: FACILITY }), name: localName, owner: nullable(memberName),
  }),
  "payout-destination-set": object({ member: memberName, currency, destination }),
  "funding-reported": object({
    asset: word, id: word, member: memberName, amount_minor: positive, currency,
    origin: moneyOrigin,
  }),
  "revenue-reported": object({
    period: month, id: word, amount_minor: count, currency, origin: moneyOrigin,
  }, replaces),
  "cost-reported": object({
    period: month, id: word, member: memberName, amount_minor: positive, currency,
  }, replaces),
  "kpi-reported": object({
    period: month, id: figureName, member: text({ pattern: /^(_|[a-z0-9][a-z0-9_-]{0,63})$/ }),
    value: integer(), scale: positive, evidence_hash: nullable(hash),
  }, replaces),
  "figures-reported": object({
    period: month, section: oneOf("matrices", "payments", "games", "ballots", "totals"),
    id: figureName, figures: blobRef,
  }, replaces),
  "usage-batch": object({
    count: integer(1, 10_000), root: hash, totals: blobRef, account: oneOf("own", "suspense"),
    custody: oneOf("ledger"), source: nullable(source),
  }),
  "records-erased": object({
    batch: count, records: list(integer(0, 9999), 1, 10_000), reason: shortText,
  }),
  "usage-confirmed": object({ period: month, batches: count, records: count }),
  "ruleset-proposed": object({
    ruleset: memberName, version: integer(1, 1_000_000), effective_from: date, rule_hash: hash,
    text: blobRef,
  }),
  "period-opened": object({ period: month, start: instant, end: instant }),
  "period-closing": object({ period: month }),
  "period-closed": object({ period: month }),
  "settlement-proposed": object({
    settlement: record(), inputs: blobRef, lines: blobRef, seed: blobRef,
  }),
  "settlement-settled": object({ period: month, settlement_id: hash }),
  "correction-proposed": object({ correction: record(), rows: blobRef, seed: blobRef }),
  "dispute-opened": object({
    period: month, settlement_id: hash, line_ids: list(lineId, 1, 64), claims: list(claim, 1, 8),
    reason: shortText, evidence_hash: nullable(hash),
  }),
  "dispute-answered": object({
    dispute: hash, answer: text({ min: 1, max: 2000, pattern: READABLE }),
    evidence_hash: nullable(hash),
  }),
  "dispute-withdrawn": object({ dispute: hash, reason: shortText }),
  "payout-ordered": object({
    period: month, currency, method: oneOf("bank", "iban", "vault"), count: positive,
    total_minor: positive, lines: blobRef,
  }, { notices: blobRef }),
  "payout-exported": object({
    order: hash, format: oneOf("zengin", "pain.001.001.03", "pain.001.001.09", "csv"),
    pay_on: date, file: blobRef,
  }),
  "payout-resulted": object({
    order: hash, paid_minor: count, returned_minor: count, results: blobRef, evidence_hash: hash,
  }, { expired_minor: count }),
  "vault-named": object({
    currency, orders_before: count, reason: shortText,
    previous: nullable(object({ chain_id: positive, contract: address })),
    vault: object({
      chain_id: positive, contract: address, code_hash: hash, token: address,
      decimals: integer(0, 255),
    }),
  }),
  "log-key-added": object({ vkey, possession: text({ max: 8000 }) }),
  "log-key-retired": object({ vkey, reason: shortText }),
  "anchor-recorded": object({
    size: positive, root: hash, chain_id: positive, contract: address, transaction: hash,
    block_number: count, block_hash: hash, evidence: blobRef,
  }),
  "anchor-successor-named": object({
    chain_id: positive, contract: address, reason: shortText,
    successor: object({ chain_id: positive, contract: address, code_hash: hash }),
  }),
  "charter-changed": object({ charter: hash, changes, reason: shortText }),
  decision: object({
    action: oneOf("approve", "reject", "abstain"), subject: text({ min: 1, max: 500 }),
    subject_hash: hash, comment: text({ max: 500, pattern: READABLE }),
  }),
  "proposal-withdrawn": object({ subject_hash: hash, reason: shortText }),
};

// The rows of a report on payouts, as its blob has them.
export const resultsShape = object({
  kyojo_payout_results: oneOf(1), order: hash,
  results: list(
    object({
      id: text({ pattern: /^[A-Za-z0-9-]{1,35}$/ }), date,
      outcome: oneOf("paid", "returned", "expired"),
      reference: shortText, reason: shortText,
    }),
    1, 10_000,
  ),
});

export const charterTerms = object({
  origin: text({ max: 255, pattern: /^[a-z0-9.-]+(:[0-9]+)?(\/[A-Za-z0-9._-]+)*$/ }),
  name: localName,
  nonce: hash,
  time_zone: text({ min: 1, max: 64 }),
  currencies: list(object({ code: currency, digits: integer(0, 6) }), 1, 8),
  period: periodTerms,
  members: list(
    object({ id: memberName, name: localName, roles, keys: list(address, 1, 16) }), 1, 64,
  ),
  authority,
  vocabulary: object({
    version: integer(1, 1_000_000),
    metrics: list(metricTerm, 1, 64),
    charges: list(chargeTerm, 0, 64),
  }),
  readers: object({
    entries: entryReaders, totals: list(role), records: list(role), settlements: list(role),
  }),
  log_keys: list(text({ max: 4000 }), 1, 4),
  anchors: list(
    object({ chain_id: positive, contract: address, code_hash: hash }), 0, 8,
  ),
}, {
  payouts: payoutTerms,
});

const charterEntry = object({
  charter: charterTerms, signatures: list(object({ key: address, signature }), 1, 1024),
});

export function takeBody(kind, body) {
  return take(BODIES[kind], body, "malformed-entry", kind);
}

export function takeCharter(body) {
  return take(charterEntry, body, "malformed-entry", "charter");
}

// Every {"sha256", "bytes"} in a body, at any depth.
export function blobReferences(value) {
  if (value instanceof Map) {
    const isReference = value.size === 2 && value.has("bytes") &&
      typeof value.get("sha256") === "string";
    return isReference ? [value] : [...value.values()].flatMap(blobReferences);
  }
  return Array.isArray(value) ? value.flatMap(blobReferences) : [];
}
