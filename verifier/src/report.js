// A report as people read it: the verdict, what is wrong and where, what was read, what was not
// checked.

import { element } from "./dom.js";
import { formatMinor } from "./subjects.js";
import { TEXTS } from "./texts.js";

const SHOWN_MAX = 100;
const MARKS = { verified: "✓", consistent: "≈", refused: "✕", unknown: "?" };

function card(title, ...children) {
  return element("section", { class: "card" }, element("h2", {}, title), ...children);
}

function findingNode(finding, language) {
  return element(
    "li", {}, element("b", {}, finding.where), `${finding[language]} `,
    element("code", {}, finding.code ?? ""),
  );
}

function findingsCard(report, texts, language) {
  const shown = report.findings.slice(0, SHOWN_MAX);
  const list = element(
    "ol", { class: "findings" }, ...shown.map((finding) => findingNode(finding, language)),
  );
  const rest = report.findingsCount - shown.length;
  const more = rest ? [element("p", { class: "quiet" }, `${rest} ${texts.more}`)] : [];
  return card(`${texts.findings} (${report.findingsCount})`, list, ...more);
}

function amount(value, digits, currency) {
  return `${formatMinor(BigInt(value), digits)} ${currency}`;
}

function periodText(period, texts) {
  const text = `${period.id}: ${texts.status[period.status] ?? period.status}`;
  const { recordsBefore: before } = period;
  return before ? `${text} (${texts.recordsBefore(before, period.records)})` : text;
}

// What is held in suspense belongs to no member: it is said apart.
function settlementText(one, texts) {
  const money = (value) => amount(value, one.digits, one.currency);
  const paid = `${one.period}: ${texts.paid(money(one.total), one.members)}`;
  return one.suspense === "0" ? paid : `${paid}${texts.suspense(money(one.suspense))}`;
}

function correctionText(one, texts) {
  const money = (value) => amount(value, one.digits, one.currency);
  const moved = texts.corrected(money(one.raised), money(one.lowered));
  return `${one.period}: ${moved}${one.isPosted ? "" : texts.undecided}`;
}

function disputeText(one, texts) {
  const place = texts.disputed(one.period, one.member);
  return `${place}: ${one.isOpen ? texts.openUntil(one.deadline) : texts.ended}` +
    (one.isHeld ? texts.held : "");
}

// Where a slice starts, and on whose approval that rests.
function startRows(start, texts) {
  if (start === null) return [];
  return [
    ["stateHash", start.stateHash],
    ["approval", [start.period, ...start.approvedBy].filter((text) => text).join("\n")],
  ];
}

function bundleRows(facts, texts) {
  const { start } = facts;
  const periods = facts.periods.map((period) => periodText(period, texts));
  const settlements = facts.settlements.map((one) => settlementText(one, texts));
  const size = start === null
    ? String(facts.size)
    : `${start.entry} – ${facts.size - 1} (${facts.entries})`;
  const anchors = facts.anchors.map((one) =>
    `${texts.names.size} ${one.size}, ${texts.block} ${one.block} (${one.time ?? "?"}): ` +
      texts.restsOn[one.restsOn]);
  return [
    ["origin", facts.origin], ["genesis", facts.genesis], ["size", size],
    ...startRows(start, texts),
    ["root", facts.root], ["signedBy", facts.signedBy.join("\n")],
    ["span", `${facts.firstReceivedAt} – ${facts.lastReceivedAt}`],
    ["records", `${facts.records} (${texts.inBatches} ${facts.batches})`],
    ["files", String(facts.files)], ["periods", periods.join("\n")],
    ["settlements", settlements.join("\n")],
    ["corrections", facts.corrections.map((one) => correctionText(one, texts)).join("\n")],
    ["disputes", facts.disputes.map((one) => disputeText(one, texts)).join("\n")],
    ["anchors", anchors.join("\n")],
  ];
}

function factRows({ what, facts }, texts) {
  if (what === "bundle") return bundleRows(facts, texts);
  if (what === "records") return [["origin", facts.origin], ["lines", facts.lines.join("\n")]];
  if (what === "proof") {
    return ["origin", "size", "index", "leaf"].map((name) => [name, facts[name]]);
  }
  const payable = facts.payable && amount(facts.payable, facts.digits, facts.currency);
  const net = facts.net && amount(facts.net, facts.digits, facts.currency);
  return [
    ["origin", facts.origin], ["member", facts.member], ["period", facts.period], ["net", net],
    ["payable", payable], ["corrected", facts.corrected],
    ["batches", String(facts.batches)], ["size", facts.size],
    ["signedBy", facts.signedBy.join(", ")],
  ];
}

function factsCard(report, texts) {
  const time = ["time", `${(report.milliseconds / 1000).toFixed(1)} s`];
  const rows = [...factRows(report, texts), time].filter(([, value]) => value);
  const nodes = rows.flatMap(([name, value]) => [
    element("dt", {}, texts.names[name]), element("dd", {}, value),
  ]);
  return card(texts.facts, element("dl", {}, ...nodes));
}

function verdictNode(verdict, texts) {
  const [title, sentence] = texts.verdicts[verdict];
  const mark = element("span", { "aria-hidden": "true" }, MARKS[verdict]);
  return element(
    "section", { class: `verdict ${verdict}`, "data-verdict": verdict },
    element("h2", { tabindex: "-1" }, mark, title), element("p", {}, sentence),
  );
}

// The nodes of a report in a language.
export function reportNodes(report, language) {
  const texts = TEXTS[language];
  const nodes = [verdictNode(report.verdict, texts)];
  if (report.unknown.length) {
    const items = report.unknown.map((one) => findingNode(one, language));
    nodes.push(card(texts.unknownTitle, element("ol", { class: "findings" }, ...items)));
  }
  if (report.findingsCount) nodes.push(findingsCard(report, texts, language));
  if (report.facts) nodes.push(factsCard(report, texts));
  if (report.notChecked.length) {
    const items = report.notChecked.map((remark) => element("li", {}, remark[language]));
    nodes.push(card(texts.notChecked, element("ul", { class: "plain" }, ...items)));
  }
  return nodes;
}
