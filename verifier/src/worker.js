// The worker's side: takes files, reports progress now and then, answers with a report.

import { verifyFiles } from "./engine.js";

const INTERVAL_MS = 100;

// A function for the engine that tells `post` of progress, but not more often than people see.
function progressTo(post) {
  let last = 0;
  return async (done, all) => {
    const now = Date.now();
    if (now - last < INTERVAL_MS) return;
    last = now;
    post({ done, all });
  };
}

async function answer({ id, given }) {
  const start = performance.now();
  try {
    const tell = progressTo((progress) => postMessage({ id, progress }));
    const report = await verifyFiles(given, tell);
    postMessage({ id, report: { ...report, milliseconds: Math.round(performance.now() - start) } });
  } catch (error) {
    // Every fault of a file is a finding; what arrives here is a fault of this program.
    postMessage({ id, failure: String(error?.stack ?? error) });
  }
}

export function serve() {
  // One after the other, so that a second request does not slow the first.
  let last = Promise.resolve();
  self.onmessage = ({ data }) => {
    last = last.then(() => answer(data));
  };
}
