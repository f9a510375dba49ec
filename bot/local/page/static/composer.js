// Where a member types: messages, with completion of slash commands, shortcuts, people and channels.
// The list follows https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ as far as a text box of several lines may.

import { byId, make } from "./dom.js";
import { icon } from "./icons.js";
import { say } from "./words.js";

const box = byId("composer");
const list = byId("completions");
let commands = [];
let mentions = [];
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
    const start = box.selectionStart - typedWord().length;
    box.setRangeText(offer.shortcut ? "" : `${offer.name} `, start, box.selectionStart, "end");
    box.focus();
    refresh();
    if (offer.shortcut) use(offer.shortcut);
  };
  box.addEventListener("input", refresh);
  box.addEventListener("blur", hide);
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
  // A press beside the box must not take the focus from it: that would close the list.
  for (const beside of [list, byId("slash")]) beside.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const index = [...list.children].indexOf(event.target.closest("li"));
    if (index >= 0) take(matches[index]);
  });
}

/** What can be completed, and where typing goes. An open list follows changes of what it offers. */
export function showComposer({ features, members, groups, channels }, placeholder, isReadOnly) {
  const before = JSON.stringify([commands, mentions]);
  commands = [
    ...features.commands,
    ...features.shortcuts.map((each) => ({ ...each, usage: say("shortcut"), shortcut: each.callback_id })),
  ];
  const named = channels.filter((each) => each.kind !== "direct");
  mentions = [
    ...members.map((each) => ({ name: `@${each.name}`, usage: each.badge && say(each.badge), description: each.title })),
    ...groups.map((each) => ({ name: `@${each.name}`, usage: say("group"), description: "" })),
    ...named.map((each) => ({ name: `#${each.name}`, usage: "", description: each.topic })),
  ];
  if (!list.hidden && JSON.stringify([commands, mentions]) !== before) refresh();
  box.placeholder = isReadOnly ? say("This app takes no messages here") : placeholder;
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

/** What is typed out is sent, not completed. */
function isWhole() {
  return matches[active].name === typedWord();
}

/** The command or mention that is being typed, if any. */
function typedWord() {
  const typed = box.value.slice(0, box.selectionStart);
  return /^\/\S*$|(?<!\S)[@#]\S*$/.exec(typed)?.[0] ?? "";
}

/** What completes it: mentions and commands by their beginning, shortcuts by any part of their name. */
function completions() {
  const word = typedWord().toLowerCase();
  if (!word) return [];
  const begins = (offer) => offer.name.toLowerCase().startsWith(word);
  if (!word.startsWith("/")) return mentions.filter(begins).sort((one, other) => (other.name === word) - (one.name === word));
  return commands.filter((offer) => begins(offer)
    || (offer.shortcut && offer.name.toLowerCase().includes(word.slice(1))));
}

function refresh() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
  matches = completions();
  if (matches.length === 0) return hide();
  active = 0;
  list.replaceChildren(...matches.map((offer, index) =>
    make("li", { id: `completion-${index}`, role: "option" },
      make("span", { className: "completion-name" }, offer.name),
      offer.usage && make("span", { className: "completion-usage" }, offer.usage),
      offer.description && make("span", { className: "completion-description" }, offer.description))));
  list.hidden = false;
  return mark();
}

function mark() {
  [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === active)));
  list.children[active].scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", `completion-${active}`);
}

function hide() {
  list.hidden = true;
  box.removeAttribute("aria-activedescendant");
}
