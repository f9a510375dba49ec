// "Are you sure?", as the app words it. https://docs.slack.dev/reference/block-kit/composition-objects

import { byId, make } from "./dom.js";
import { text } from "./mrkdwn.js";

/** Ask; true if the member confirms. */
export function confirmed(question, names) {
  const dialog = byId("confirm");
  const style = question.style === "danger" ? "danger" : "primary";
  dialog.replaceChildren(
    make("h2", { id: "confirm-title" }, text(question.title, names)),
    make("div", { className: "mrkdwn" }, text(question.text, names)),
    make("div", { className: "dialog-buttons" },
      make("button", { type: "button", className: "button", onclick: () => dialog.close("deny") },
        text(question.deny, names)),
      make("button", { type: "button", className: `button ${style}`, onclick: () => dialog.close("confirm") },
        text(question.confirm, names))));
  dialog.returnValue = "deny";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "confirm"), { once: true });
  });
}
