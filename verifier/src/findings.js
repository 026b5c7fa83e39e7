// What a verification found: each thing that is wrong with its code, its place and a sentence.

import { Refusal, Unknown } from "./errors.js";

const KEPT_MAX = 1000;

export class Findings {
  kept = [];
  count = 0;
  unknown = [];

  add(code, where, en, ja) {
    const isSame = (one) => one.code === code && one.where === where && one.en === en;
    if (this.kept.slice(-8).some(isSame)) return;
    this.count += 1;
    if (this.kept.length < KEPT_MAX) this.kept.push({ code, where, en, ja });
  }

  // Note a refusal with every fault that it lists at its own place, or what this page does not
  // know; anything else is a bug and goes on.
  addError(error, where, note = { en: "", ja: "" }) {
    if (error instanceof Unknown) {
      this.unknown.push({ where, en: error.message, ja: error.ja });
      return;
    }
    if (!(error instanceof Refusal)) throw error;
    const faults = error.faults.length
      ? error.faults
      : [{ where: error.field, code: error.code, message: error.message }];
    for (const fault of faults) {
      const place = fault.where ? `${where}, ${fault.where}` : where;
      const ja = `検証で拒否されました(${fault.code}): ${fault.message}${note.ja}`;
      this.add(fault.code, place, fault.message + note.en, ja);
    }
  }
}

// Run `check`; what it refuses becomes a finding at `where`. Gives null then.
export function noting(findings, where, check) {
  try {
    return check();
  } catch (error) {
    findings.addError(error, where);
    return null;
  }
}
