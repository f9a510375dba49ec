// Where a member types: messages, and slash commands and shortcuts with their completion.
// The list follows https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

import { byId, make } from "./dom.js";
import { icon } from "./icons.js";

const box = byId("composer");
const list = byId("completions");
let offers = [];
let matches = [];
let active = 0;

/** Set the composer up. `type` sends a text, `use` a shortcut. */
export function startComposer({ type, use }) {
  byId("slash").append(icon("slash"));
  byId("send").append(icon("send"));
  const send = () => {
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    refresh();
    type(text);
  };
  const take = (offer) => {
    box.value = offer.shortcut ? "" : `${offer.name} `;
    box.focus();
    refresh();
    if (offer.shortcut) use(offer.shortcut);
  };
  box.addEventListener("input", refresh);
  box.addEventListener("blur", () => setTimeout(hide, 150));
  box.addEventListener("keydown", (event) => onKey(event, send, take));
  byId("composer-form").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
    box.focus();
  });
  byId("slash").addEventListener("click", () => {
    box.value = "/";
    box.focus();
    refresh();
  });
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const index = [...list.children].indexOf(event.target.closest("li"));
    if (index >= 0) take(matches[index]);
  });
}

/** What can be completed, and where typing goes. */
export function showComposer(features, placeholder, isReadOnly) {
  offers = [
    ...features.commands,
    ...features.shortcuts.map((each) => ({ ...each, usage: "shortcut", shortcut: each.callback_id })),
  ];
  box.placeholder = isReadOnly ? "This app takes no messages here" : placeholder;
  box.setAttribute("aria-label", box.placeholder);
  for (const control of byId("composer-form").elements) control.disabled = isReadOnly;
}

function onKey(event, send, take) {
  const isOpen = !list.hidden;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (isOpen && step) {
    active = (active + step + matches.length) % matches.length;
    mark();
  } else if (isOpen && event.key === "Escape") {
    hide();
  } else if (isOpen && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey && !isWhole()) {
    take(matches[active]);
  } else if (event.key === "Enter" && !event.shiftKey) {
    send();
  } else {
    return;
  }
  event.preventDefault();
}

/** A command that is typed out is sent, not completed. */
function isWhole() {
  return matches[active].name === box.value;
}

function refresh() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
  const typed = box.value.toLowerCase();
  const begins = (offer) => offer.name.toLowerCase().startsWith(typed);
  const named = (offer) => offer.shortcut && offer.name.toLowerCase().includes(typed.slice(1));
  matches = /^\/\S*$/.test(typed) ? offers.filter((offer) => begins(offer) || named(offer)) : [];
  if (matches.length === 0) return hide();
  active = 0;
  list.replaceChildren(...matches.map((offer, index) =>
    make("li", { id: `completion-${index}`, role: "option" },
      make("span", { className: "completion-name" }, offer.name),
      make("span", { className: "completion-usage" }, offer.usage),
      make("span", { className: "completion-description" }, offer.description))));
  list.hidden = false;
  box.setAttribute("aria-expanded", "true");
  return mark();
}

function mark() {
  [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === active)));
  box.setAttribute("aria-activedescendant", `completion-${active}`);
}

function hide() {
  list.hidden = true;
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
}
