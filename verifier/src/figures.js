// Figures that nobody meters: matrices, payments, games, votes and counts, as a blob.
//
// Reported by one and confirmed by others; what nobody confirmed does not enter a settlement. The
// blob is 32 bytes of salt, then the RFC 8785 form of what stands under its name in the inputs. It
// is read before anybody may vote on it.

import { equalBytes, sortedTexts } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { recode, refuse } from "./errors.js";
import { checkUncut, putToVote, refusePending, sortedMap } from "./facts.js";
import { parseIntegerJson } from "./fraction.js";
import { readInputs } from "./inputs.js";
import { encodeCanonical, parseJson } from "./json.js";
import { checkFree, checkReport, dropOutdated } from "./replaced.js";
import { SUSPENSE, termsOf, withKey, withPeriod } from "./state.js";
import { ofFigures } from "./subjects.js";
import { nextMonth } from "./time.js";
import { CHARGE, SALT_BYTES } from "./totals.js";

const TOTALS = "totals";
const PAYMENTS = "payments"; // the one section that has no names in it

const placeOf = ({ section, id }) => (section === PAYMENTS ? PAYMENTS : `${section}/${id}`);

export function reportFigures(step, body) {
  const isThere = checkFigures(step.state, body).figures.has(placeOf(body));
  const row = isThere ? step.state.periods.get(body.period).figures.get(placeOf(body)) : null;
  const current = row && new Map([["figures", new Map(Object.entries(row))]]);
  checkReport(step, body, current, `the figure ${placeOf(body)} of ${body.period}`);
  checkContent(step.state, body, step.blob(body.figures, "the figures").subarray(SALT_BYTES));
  refusePending(step);
  return putToVote(step, ofFigures(body));
}

// Refuse what no run could read.
function checkContent(state, body, content) {
  const value = parseJson(content, "the figures");
  if (!equalBytes(encodeCanonical(value), content)) {
    refuse("malformed-entry", "the figures are not in their RFC 8785 form");
  }
  const period = new Map([["start", `${body.period}-01`], ["end", nextMonth(body.period)]]);
  readInputs(new Map([
    ["kyojo_inputs", 1], ["period", period],
    ["members", [...sortedTexts(state.members.keys()), SUSPENSE]],
    [body.section, body.section === PAYMENTS ? value : new Map([[body.id, value]])],
  ]));
  for (const count of body.section === TOTALS ? value.values() : []) {
    recode("malformed-entry", () => parseIntegerJson(count));
  }
}

function checkFigures(state, body) {
  const period = checkUncut(state, body.period);
  const isMetered = body.id.startsWith(CHARGE) ||
    termsOf(state).vocabulary.metrics.some(({ id }) => id === body.id);
  if (body.section === TOTALS && isMetered) {
    refuse("malformed-entry", `${body.id} is metered; what is metered is never also reported`);
  }
  return period;
}

export function enactFigures(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  const period = checkFigures(state, body);
  checkFree(body, `the figure ${placeOf(body)}`, period.figures.has(placeOf(body)));
  const figures = withKey(period.figures, placeOf(body), body.figures);
  return withPeriod(dropOutdated(state, proposal), { ...period, figures });
}

// The sections of a run's inputs that a cut-off holds confirmed figures for; counts are apart, to
// be put beside what was metered.
export function reportedSections(figures = new Map(), evidence) {
  const found = { counts: new Map(), sections: {} };
  for (const [place, reference] of sortedMap(figures)) {
    const content = parseJson(evidence.blob(reference.sha256).subarray(SALT_BYTES));
    const slash = place.indexOf("/");
    const [section, name] = [place.slice(0, slash), place.slice(slash + 1)];
    if (place === PAYMENTS) found.sections[PAYMENTS] = content;
    else if (section === TOTALS) found.counts.set(name, content);
    else (found.sections[section] ??= new Map()).set(name, content);
  }
  return found;
}
