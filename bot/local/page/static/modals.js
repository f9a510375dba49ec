// Modals: the top one of the member's stack, its fields, and what goes wrong with them.
// https://docs.slack.dev/surfaces/modals

import { blocks } from "./blocks.js";
import { byId, focusable, make } from "./dom.js";
import { icon } from "./icons.js";
import { text } from "./mrkdwn.js";
import { Surface } from "./surfaces.js";
import { ask } from "./wire.js";
import { say } from "./words.js";

const dialog = byId("modal");
let shown = null;

/** Show the top modal of a stack, or none. */
export function showModals(member, stack, names) {
  const view = stack.at(-1);
  if (!view) return hide();
  if (shown?.view.id === view.id && shown.view.hash === view.hash) return undefined;
  // Input stays if the app only changes the view around it, as in Slack.
  const before = shown?.view.id === view.id ? shown.surface : {};
  shown = { member, view, surface: new Surface(member, { view: view.id }, names, before.values, before.options) };
  dialog.replaceChildren(form(view, stack.length > 1, names));
  if (!dialog.open) dialog.showModal();
  return (dialog.querySelector("[autofocus]") ?? firstField()).focus();
}

/** Keep Tab inside, and let Escape close one modal through the app. */
export function startModals() {
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      close(false);
    } else if (event.key === "Tab") {
      const stops = focusable(dialog);
      const leaves = event.shiftKey ? stops[0] : stops.at(-1);
      if (document.activeElement === leaves) {
        event.preventDefault();
        (event.shiftKey ? stops.at(-1) : stops[0]).focus();
      }
    }
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
}

function hide() {
  shown = null;
  if (dialog.open) dialog.close();
}

function firstField() {
  return dialog.querySelector(".modal-body :is(input, select, textarea, button)") ?? focusable(dialog)[0];
}

function form(view, isStacked, names) {
  const closeLabel = view.close ? text(view.close, names) : [say("Close")];
  return make("form", { className: "modal", noValidate: true, onsubmit: submit },
    make("header", { className: "modal-header" },
      make("h2", { id: "modal-title" }, text(view.title, names)),
      make("button", {
        type: "button", className: "icon-button", "aria-label": isStacked ? say("Close all") : say("Close dialog"),
        onclick: () => close(true),
      }, icon("close"))),
    make("p", { className: "trouble", role: "alert" }),
    make("div", { className: "modal-body" }, blocks(view.blocks, shown.surface)),
    make("footer", { className: "dialog-buttons" },
      make("button", { type: "button", className: "button", onclick: () => close(false) }, closeLabel),
      view.submit && make("button", { type: "submit", className: "button primary" }, text(view.submit, names))));
}

function close(everything) {
  return ask("close", shown.member, { view: shown.view.id, everything });
}

async function submit(event) {
  event.preventDefault();
  const { member, view, surface } = shown;
  const button = event.target.querySelector("button[type=submit]");
  if (!button || button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  showErrors({}, "");
  const answer = await ask("submit", member, { view: view.id, values: surface.values })
    .finally(() => button.removeAttribute("aria-busy"));
  if (!answer.gone) showErrors(answer.errors, answer.trouble);
}

function showErrors(errors, trouble) {
  dialog.querySelector(".trouble").textContent = trouble;
  for (const field of dialog.querySelectorAll("[data-block]")) {
    const words = errors[field.dataset.block] ?? "";
    field.classList.toggle("wrong", words !== "");
    field.querySelector(".field-error").textContent = words;
    const control = field.querySelector("input, select, textarea");
    if (words) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  dialog.querySelector("[aria-invalid]")?.focus();
}
