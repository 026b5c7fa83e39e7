// Two ways in which verifying may stop: something is wrong, or this page does not know it.

// Something is wrong. `code` is one of the ledger's stable codes; `faults` lists several at once,
// each with its own place; `field` narrows the place.
export class Refusal extends Error {
  constructor(code, message, { faults = [], field = null, file = null, offset = null } = {}) {
    super(message);
    Object.assign(this, { code, faults, field, file, offset });
  }
}

// Nothing is known to be wrong, but this page cannot judge it: never "verified", never "refused".
export class Unknown extends Error {
  constructor(en, ja) {
    super(en);
    this.ja = ja;
  }
}

export function refuse(code, message, details) {
  throw new Refusal(code, message, details);
}

// Run `read`; a refusal is passed on under another code.
export function recode(code, read, prefix = "") {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(code, prefix + error.message);
    throw error;
  }
}
