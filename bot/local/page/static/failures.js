// Failing loudly: what Slack would refuse, and what this page cannot show, must not be overlooked.

import { byId, make } from "./dom.js";

const reported = new Set();

/** Show a failure in red above everything, and report it to the console. Once each. */
export function fail(line) {
  if (reported.has(line)) return;
  reported.add(line);
  console.error(line);
  const box = byId("failures");
  if (box.hidden) box.replaceChildren(make("strong", {}, "Something is broken, or Slack would refuse it"));
  box.hidden = false;
  box.append(make("p", {}, line));
}

/** What `build` makes; a red box in its place if that fails. */
export function orFailure(what, build) {
  try {
    return build();
  } catch (error) {
    fail(`${what}: ${error.message}`);
    return make("p", { className: "failure" }, `${what}: ${error.message}`);
  }
}

let known = null;

/** Report what the workspace has refused since this page was loaded. */
export function reportProblems(problems) {
  known ??= problems.length;
  problems.slice(known).forEach(fail);
  known = problems.length;
}

window.addEventListener("unhandledrejection", (event) => fail(String(event.reason?.message ?? event.reason)));
window.addEventListener("error", (event) => fail(event.message));
