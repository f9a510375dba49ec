// Under the hood: the steps of each of a member's requests.

import { byId, make, mirror } from "./dom.js";
import { icon } from "./icons.js";
import { say } from "./words.js";

// The details that are open, so that they stay open when a request changes.
const opened = new Set();

/** Set the pane up; `onToggle` gets whether it is open. */
export function startHood(onToggle) {
  byId("hood-close").append(icon("close"));
  byId("hood-toggle").addEventListener("click", () => toggle(byId("hood").hidden, onToggle));
  byId("hood-close").addEventListener("click", () => toggle(false, onToggle));
  byId("hood").addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggle(false, onToggle);
  });
}

function toggle(isOpen, onToggle) {
  openHood(isOpen);
  byId(isOpen ? "hood-heading" : "hood-toggle").focus();
  onToggle(isOpen);
}

/** Open or close the pane, without moving the focus. */
export function openHood(isOpen) {
  byId("hood").hidden = !isOpen;
  byId("hood-toggle").setAttribute("aria-expanded", String(isOpen));
  document.body.classList.toggle("hood-open", isOpen);
}

/** Show the requests; `overSocket` says how Slack sends them. */
export function showHood(requests, overSocket) {
  byId("hood-empty").hidden = requests.length > 0;
  mirror(byId("requests"), requests, (request) => request.id, (request) => card(request, overSocket));
}

function card(request, overSocket) {
  const { entries, ack } = request;
  const way = overSocket
    ? say("through the WebSocket connection that the bot opened")
    : say("a signed POST to /slack/events");
  return make("li", { className: "request" },
    make("header", {},
      make("strong", {}, say(request.what.words, request.what)),
      make("time", { dateTime: new Date(request.at * 1000).toISOString() }, exactTime(request.at))),
    make("ol", { className: "steps" },
      step(say("Slack sent a request"), way, details(request, "request", request.request, say("as it was sent"))),
      step(say("Acknowledged"), acknowledgement(ack),
        ack.body && details(request, "reply", ack.body, say("as it was sent"))),
      step(say("Decided"), entries.length ? null : say("nothing to decide"), entries.map(decision)),
      step(say("AWS was called"), request.aws.length ? null : say("never"), request.aws.map((call, index) =>
        details(request, `aws ${index} ${call.operation}`, call.arguments, call.operation, call.note))),
      step(say("Slack was called"), request.slack.length ? null : say("never"), request.slack.map((answer, index) =>
        details(request, `slack ${index} ${answer.what}`, answer.content, answer.what, answer.result))),
      step(say("Recorded"), entries.length ? null : say("nothing: no link was requested, and nothing changed"),
        entries.map((entry) => details(request, `entry ${entry.id}`, entry, say("audit entry"), entry.action)))));
}

function step(title, ...content) {
  return make("li", {}, make("span", { className: "step-title" }, title), content);
}

function acknowledgement(ack) {
  const took = say("in {number} ms", { number: ack.milliseconds });
  const problem = ack.problem ? make("span", { className: "outcome bad" }, ack.problem) : null;
  if (ack.result !== "ok") return make("span", { className: "outcome bad" }, `${ack.result} ${took}`);
  const answer = ack.body ? say("with an answer") : say("with an empty body");
  // Over Socket Mode there is no HTTP status.
  const parts = [ack.status, answer].filter(Boolean).join(", ");
  return make("span", {}, make("strong", { className: "milliseconds" }, took), `, ${parts}`, problem);
}

/** The outcome as the audit has it, with the rule that allowed or the detail that explains. */
function decision(entry) {
  const tone = { issued: "good", done: "good", requested: "", choose: "" }[entry.outcome] ?? "bad";
  const reasons = [
    [say("about"), entry.subject !== entry.actor && entry.subject],
    [say("rule"), entry.rule],
    [say("detail"), entry.detail],
    [say("profile"), profile(entry)],
    [say("link works until"), moment(entry.expires_at)],
    [say("opened at"), moment(entry.opened_at)],
  ].filter(([, value]) => value);
  const outcome = entry.action === "link" ? entry.outcome : `${entry.action} ${entry.outcome}`;
  return [
    make("span", { className: `outcome ${tone}` }, outcome),
    reasons.length > 0 &&
      make("dl", {}, reasons.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
  ];
}

function profile(entry) {
  return entry.profile_name && say("{profile} in {domain}", { profile: entry.profile_name, domain: entry.domain_id });
}

function details(request, name, content, title, result = null) {
  const key = `${request.id} ${name}`;
  const body = typeof content === "string" ? content : JSON.stringify(content, null, 2);
  return make("details", {
    open: opened.has(key),
    ontoggle: (event) => (event.target.open ? opened.add(key) : opened.delete(key)),
  },
  make("summary", {}, make("code", {}, title), result && make("span", { className: "result" }, result)),
  make("pre", { tabIndex: 0 }, body));
}

function moment(written) {
  return written && exactTime(Date.parse(written) / 1000);
}

function exactTime(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}
