// What members put into assets: an amount, held throughout, or the dated changes of it.

import { isDate } from "../time.js";
import { bad, count, fields, perMember, rows, whole } from "./reader.js";

const CHANGES_MAX = 1000;
const DAY = 86_400_000;
const dayOf = (date) => Date.parse(`${date}T00:00:00Z`) / DAY;

// The changes by day, in order; refused where more is taken out than stands.
function changesOf(list, where) {
  const byDay = new Map();
  rows(list, where, 1, CHANGES_MAX).forEach((row, at) => {
    const change = fields(row, `${where}/${at}`, "amount_minor", "from");
    const amount = whole(change.get("amount_minor"), `${where}/${at}/amount_minor`);
    const from = change.get("from");
    if (typeof from !== "string" || !isDate(from)) bad(`${where}/${at}/from`, "not a date");
    byDay.set(from, (byDay.get(from) ?? 0n) + amount);
  });
  const found = [...byDay].sort(([a], [b]) => (a < b ? -1 : 1));
  let standing = 0n;
  for (const [, amount] of found) {
    standing += amount;
    if (standing < 0n) bad(where, "more is taken out than was put in");
  }
  return found;
}

// One asset: what stands at the period's end, amount × days held in it, and what had no dates.
export function fundingReader(known, start, end) {
  const [first, last] = [dayOf(start), dayOf(end)];
  const held = (value, where) => {
    const isDated = Array.isArray(value);
    const changes = isDated ? changesOf(value, where) : [[start, count(value, where)]];
    let [standing, days] = [0n, 0n];
    for (const [from, amount] of changes) {
      const day = dayOf(from);
      if (day >= last) continue;
      standing += amount;
      days += amount * BigInt(last - Math.max(day, first));
    }
    return { standing, days, isDated };
  };
  const read = perMember(known, held);
  return (value, where) => {
    const found = [...read(value, where)];
    return {
      standing: new Map(found.map(([id, one]) => [id, one.standing])),
      days: new Map(found.map(([id, one]) => [id, one.days])),
      undated: new Set(found.filter(([, one]) => !one.isDated).map(([id]) => id)),
    };
  };
}
