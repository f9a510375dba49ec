// A select whose options the app suggests while the member types.
// https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select
// It works as https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ describes.

import { make } from "./dom.js";
import { text } from "./mrkdwn.js";
import { say } from "./words.js";

// Milliseconds without a key until the app is asked, as typing goes on meanwhile.
const PAUSE = 150;
let numbers = 0;

/** The select. `tied` ties it to the label of its field, `onChoice` is called with each choice. */
export function externalSelect(each, block, surface, tied, onChoice) {
  const list = make("ul", { className: "options", id: `options-${numbers += 1}`, role: "listbox", hidden: true });
  const hint = each.placeholder ? text(each.placeholder).join("") : say("Choose an option");
  const box = make("input", {
    ...tied, type: "text", autocomplete: "off", spellcheck: false, placeholder: hint, role: "combobox",
    "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list",
  });
  const status = make("p", { className: "options-status", role: "status" });
  // What is chosen: the text of an option is known only from the app's answer, so it is kept beside the value.
  const kept = surface.value(block, each, each.initial_option?.value ?? "");
  const key = `${block.block_id}/${each.action_id}`;
  if (each.initial_option) surface.options[key] ??= each.initial_option;
  let chosen = kept && surface.options[key]?.value === kept ? surface.options[key] : null;
  let options = [];
  let active = -1;
  let asked = 0;
  let timer = null;
  const label = (option) => text(option.text).join("");
  box.value = chosen ? label(chosen) : "";

  const mark = (index) => {
    active = index;
    [...list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === active)));
    if (active < 0) return box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-activedescendant", list.children[active].id);
    return list.children[active].scrollIntoView({ block: "nearest" });
  };
  const close = () => {
    clearTimeout(timer);
    asked += 1;
    list.hidden = true;
    list.replaceChildren();
    status.textContent = "";
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-busy");
    mark(-1);
    box.value = chosen ? label(chosen) : "";
  };
  const take = (option) => {
    chosen = option;
    if (option) surface.options[key] = option;
    surface.enter(block, each, option ? option.value : "");
    close();
    onChoice();
  };
  const show = (answer) => {
    options = answer.options ?? [];
    list.replaceChildren(...options.map((option, index) =>
      make("li", { id: `${list.id}-${index}`, role: "option", "aria-selected": "false" }, label(option))));
    list.hidden = options.length === 0;
    box.setAttribute("aria-expanded", String(!list.hidden));
    status.textContent = answer.trouble ? say("Results could not be loaded")
      : options.length === 0 ? say("No results") : "";
    mark(-1);
  };
  const search = async (typed) => {
    if (typed.length < (each.min_query_length ?? 3)) return show({ options: [] });
    asked += 1;
    const mine = asked;
    box.setAttribute("aria-busy", "true");
    const answer = await surface.suggest(block, each, typed);
    if (mine !== asked) return undefined;  // more has been typed, or the list was closed
    box.removeAttribute("aria-busy");
    return show(answer);
  };
  const isOpen = () => !list.hidden || status.textContent !== "";

  box.addEventListener("input", () => {
    if (box.value === "" && chosen) take(null);
    clearTimeout(timer);
    timer = setTimeout(() => search(box.value), PAUSE);
  });
  box.addEventListener("click", () => !isOpen() && search(""));
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.hidden) {
      search(chosen ? "" : box.value);
    } else if (step) {
      mark((active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length);
    } else if (event.key === "Enter") {
      if (active >= 0) take(options[active]);
    } else if (event.key === "Escape" && isOpen()) {
      event.stopPropagation();  // the dialog stays
      close();
    } else {
      return;
    }
    event.preventDefault();
  });
  // A press on the list must not take the focus from the box: that would close the list.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const index = [...list.children].indexOf(event.target.closest("li"));
    if (index >= 0) take(options[index]);
  });
  return make("div", { className: "external-select" }, make("span", { className: "select" }, box), list, status);
}
