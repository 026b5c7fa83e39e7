// The page: which files there are, when to verify, and the language.

import { kindOf } from "./engine.js";
import { reportNodes } from "./report.js";
import { element } from "./dom.js";
import { TEXTS } from "./texts.js";

const MAIN = ["bundle", "statement", "records", "proof"];
const byId = (id) => document.getElementById(id);

// What is to be verified with these files, or which text says why nothing can be.
export function plan(files) {
  const of = (kind) => files.filter((file) => file.kind === kind);
  const main = MAIN.flatMap(of);
  if (main.length === 0) return { hint: files.length ? "needsMain" : null };
  if (main.length > 1 || of("trust").length > 1) return { hint: "several" };
  const [{ kind, data }] = main;
  const trust = of("trust")[0]?.data ?? null;
  const entry = of("other")[0]?.data ?? null;
  if (kind === "proof" && entry === null) return { hint: "needsEntry" };
  return { given: { [kind]: data, trust, entry }, hint: trust === null ? "needsTrust" : null };
}

class Page {
  files = [];
  report = null;
  failure = null;
  request = 0;

  constructor(language) {
    this.language = language;
    const program = new Blob([byId("program").textContent], { type: "text/javascript" });
    this.worker = new Worker(URL.createObjectURL(program));
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = ({ message }) => this.receive({ id: this.request, failure: message });
    this.listen();
    this.speak(language);
  }

  get texts() {
    return TEXTS[this.language];
  }

  listen() {
    const drop = byId("drop");
    byId("chooser").addEventListener("change", ({ target }) => {
      this.add([...target.files]);
      target.value = "";
    });
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    document.addEventListener("dragleave", () => drop.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.add([...event.dataTransfer.files]);
    });
    for (const language of ["ja", "en"]) {
      byId(`lang-${language}`).addEventListener("click", () => this.speak(language));
    }
  }

  // Show everything in a language; it is not remembered anywhere.
  speak(language) {
    this.language = language;
    document.documentElement.lang = language;
    document.title = `${this.texts.title} · kyojo`;
    for (const node of document.querySelectorAll("[data-text]")) {
      node.textContent = this.texts[node.dataset.text];
    }
    for (const one of ["ja", "en"]) {
      byId(`lang-${one}`).setAttribute("aria-pressed", String(one === language));
    }
    this.show();
  }

  async add(chosen) {
    for (const file of chosen) {
      const data = new Uint8Array(await file.arrayBuffer());
      this.files.push({ name: file.name, data, kind: kindOf(data, file.name) });
    }
    this.verify();
  }

  remove(file) {
    this.files = this.files.filter((other) => other !== file);
    this.verify();
    byId("chooser").focus();
  }

  verify() {
    const { given } = plan(this.files);
    this.request += 1;
    this.report = null;
    this.failure = null;
    this.isRunning = Boolean(given);
    if (given) this.worker.postMessage({ id: this.request, given });
    this.show();
  }

  receive({ id, progress, report = null, failure = null }) {
    if (id !== this.request) return; // of files that have been changed since
    if (progress) {
      this.showProgress(progress);
      return;
    }
    Object.assign(this, { report, failure, isRunning: false });
    this.show();
    document.querySelector("#result h2")?.focus();
  }

  showProgress({ done, all }) {
    const bar = byId("progress");
    bar.max = all;
    bar.value = done;
    byId("progress-label").textContent =
      `${this.texts.running} ${done} ${this.texts.entries} ${all}`;
  }

  show() {
    const { hint } = plan(this.files);
    byId("files").replaceChildren(...this.files.map((file) => this.fileNode(file)));
    byId("files").hidden = this.files.length === 0;
    byId("hint").textContent = hint ? this.texts[hint] : "";
    byId("running").hidden = !this.isRunning;
    if (this.isRunning) {
      byId("progress").removeAttribute("value");
      byId("progress-label").textContent = this.texts.running;
    }
    byId("result").replaceChildren(...this.resultNodes());
  }

  resultNodes() {
    if (this.failure) {
      return [
        element("section", { class: "card" }, element("h2", { tabindex: "-1" }, this.texts.failed),
          element("code", {}, this.failure)),
      ];
    }
    return this.report ? reportNodes(this.report, this.language) : [];
  }

  fileNode(file) {
    const label = `${this.texts.remove}: ${file.name}`;
    const button = element("button", { type: "button", "aria-label": label }, this.texts.remove);
    button.addEventListener("click", () => this.remove(file));
    const size = file.data.length.toLocaleString(this.language);
    const about = element("small", {}, `${this.texts.kinds[file.kind]} · ${size} B`);
    return element("li", {}, element("span", {}, file.name, about), button);
  }
}

export function startPage() {
  const isJapanese = navigator.language.toLowerCase().startsWith("ja");
  return new Page(isJapanese ? "ja" : "en");
}
