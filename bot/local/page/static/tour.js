// The tour: five steps that tick themselves off, and one sentence that says what to do next.

import { byId, make, mirror } from "./dom.js";
import { icon } from "./icons.js";
import { say } from "./words.js";

const STEPS = {
  link: ["Get a link", "Type /studio in the message box, and press Enter."],
  open: ["Open it", "Press Open Studio: it signs you in, and the used link leaves the screen."],
  expire: ["Watch it expire", "Press New link, and wait until the message says that the link has expired."],
  ask: ["Be refused and ask", "Become ben, type /studio, and send a request for access."],
  approve: ["Approve as ada", "Become ada, open studio-links, and press Approve under Messages."],
};
const OVER = "That was the tour. Type /studio help for the rest, or become another member.";

let isClosed = false;

/** Set the tour up; `onClose` runs once it is closed. */
export function startTour(onClose) {
  byId("tour-close").append(icon("close"));
  byId("tour-close").addEventListener("click", () => {
    isClosed = true;
    byId("tour").hidden = true;
    onClose();
  });
}

/** Show which steps are done, and the next one; nothing if there is no tour. */
export function showTour(done) {
  byId("tour").hidden = isClosed || !done;
  if (!done) return;
  const names = Object.keys(STEPS);
  const current = names.find((name) => !done.includes(name));
  const steps = names.map((name, index) => ({
    name, number: index + 1, title: say(STEPS[name][0]), done: done.includes(name), current: name === current,
  }));
  mirror(byId("tour-steps"), steps, (step) => step.name, row);
  const task = current
    ? say("Step {number} of 5: {task}", { number: names.indexOf(current) + 1, task: say(STEPS[current][1]) })
    : say(OVER);
  // The same words again would be read out again.
  if (byId("tour-task").textContent !== task) byId("tour-task").textContent = task;
}

function row(step) {
  return make("li", { className: step.done ? "done" : "", "aria-current": step.current ? "step" : undefined },
    make("span", { className: "tour-mark", "aria-hidden": "true" }, step.done ? icon("check") : String(step.number)),
    make("span", { className: "tour-title" }, step.title),
    step.done && make("span", { className: "unseen" }, ` (${say("done")})`));
}
