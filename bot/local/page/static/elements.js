// Interactive elements. https://docs.slack.dev/reference/block-kit/block-elements

import { make } from "./dom.js";
import { externalSelect } from "./external_select.js";
import { text } from "./mrkdwn.js";
import { say } from "./words.js";

const ELEMENTS = {
  button, static_select: staticSelect, users_select: usersSelect, datepicker, plain_text_input: textInput,
  checkboxes, radio_buttons: radioButtons, external_select: suggested,
};

/**
 * One element. Inside an input block `field` gives the id of its label's control, what describes it, and whether it
 * sends every change to the app; elsewhere there is no field, and every change is sent.
 */
export function element(each, block, surface, field = { dispatches: true }) {
  if (!Object.hasOwn(ELEMENTS, each.type)) throw new Error(`this page does not know “${each.type}”`);
  return ELEMENTS[each.type](each, block, surface, field);
}

function button(each, block, surface) {
  const node = make("button", {
    type: "button",
    className: `button ${each.style ?? ""}`.trim(),
    "aria-label": each.accessibility_label,
    async onclick() {
      node.setAttribute("aria-busy", "true");
      // The tab has to be opened while the browser still counts this as the member's own click.
      await surface.act(block, each, () => each.url && open(each.url, "_blank", "noopener,noreferrer"))
        .finally(() => node.removeAttribute("aria-busy"));
    },
  }, text(each.text, surface.names));
  return node;
}

function staticSelect(each, block, surface, field) {
  const chosen = surface.value(block, each, each.initial_option?.value ?? "");
  const option = (one) =>
    make("option", { value: one.value, selected: one.value === chosen }, text(one.text));
  const groups = each.option_groups?.map((group) =>
    make("optgroup", { label: text(group.label).join("") }, group.options.map(option)));
  return select(each, block, surface, field, chosen, groups ?? each.options.map(option));
}

function usersSelect(each, block, surface, field) {
  const chosen = surface.value(block, each, each.initial_user ?? "");
  const people = Object.entries(surface.names).filter(([id]) => /^[UW]/.test(id));
  return select(each, block, surface, field, chosen, people.map(([id, name]) =>
    make("option", { value: id, selected: id === chosen }, `@${name}`)));
}

function suggested(each, block, surface, field) {
  const onChoice = () => { if (field.dispatches) surface.act(block, each); };
  return externalSelect(each, block, surface, labelled(each, field, say("Choose an option")), onChoice);
}

function select(each, block, surface, field, chosen, options) {
  const hint = each.placeholder ? text(each.placeholder).join("") : say("Choose an option");
  const nothing = make("option", { value: "", disabled: true, hidden: true, selected: chosen === "" }, hint);
  const node = make("select", { ...labelled(each, field, hint) }, nothing, options);
  onChange(each, block, surface, field, node);
  return make("span", { className: "select" }, node);
}

function datepicker(each, block, surface, field) {
  const chosen = surface.value(block, each, each.initial_date ?? "");
  const hint = each.placeholder ? text(each.placeholder).join("") : say("Choose a date");
  const node = make("input", { type: "date", value: chosen, ...labelled(each, field, hint) });
  onChange(each, block, surface, field, node);
  return node;
}

function textInput(each, block, surface, field) {
  const node = make(each.multiline ? "textarea" : "input", {
    value: surface.value(block, each, each.initial_value ?? ""),
    placeholder: each.placeholder ? text(each.placeholder).join("") : "",
    maxLength: each.max_length ?? 3000,
    ...labelled(each, field, ""),
  });
  const triggers = each.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  node.addEventListener("input", () => {
    surface.enter(block, each, node.value);
    if (field.dispatches && triggers.includes("on_character_entered")) surface.act(block, each);
  });
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && field.dispatches && triggers.includes("on_enter_pressed")) {
      event.preventDefault();
      surface.act(block, each);
    }
  });
  return node;
}

function checkboxes(each, block, surface, field) {
  const before = (each.initial_options ?? []).map((option) => option.value);
  const chosen = surface.value(block, each, before);
  return choices(each, block, surface, field, "checkbox", chosen, (inputs) =>
    inputs.filter((input) => input.checked).map((input) => input.value));
}

function radioButtons(each, block, surface, field) {
  const chosen = [surface.value(block, each, each.initial_option?.value ?? "")];
  return choices(each, block, surface, field, "radio", chosen, (inputs) =>
    inputs.find((input) => input.checked)?.value ?? "");
}

function choices(each, block, surface, field, type, chosen, read) {
  const inputs = each.options.map((option) =>
    make("input", {
      type, name: `${block.block_id}/${each.action_id}`, value: option.value, checked: chosen.includes(option.value),
    }));
  const rows = each.options.map((option, index) =>
    make("label", { className: "choice" },
      inputs[index],
      make("span", {},
        make("span", { className: "mrkdwn" }, text(option.text, surface.names)),
        option.description && make("span", { className: "hint" }, text(option.description, surface.names)))));
  const restore = (value) => {
    for (const input of inputs) input.checked = [value].flat().includes(input.value);
  };
  const listener = changed(each, block, surface, field, { initial: read(inputs), read: () => read(inputs), restore });
  for (const input of inputs) input.addEventListener("change", listener);
  return make("div", { className: "choices", id: field.id, tabIndex: -1 }, rows);
}

/** A listener that keeps what was chosen and tells the app; it puts the last choice back if the member declines. */
function changed(each, block, surface, field, { initial, read, restore }) {
  let kept = initial;
  return async () => {
    const before = kept;
    kept = read();
    surface.enter(block, each, kept);
    if (!field.dispatches || await surface.act(block, each)) return;
    kept = before;
    surface.enter(block, each, kept);
    restore(kept);
  };
}

/** The same for a control that has one value. */
function onChange(each, block, surface, field, node) {
  const restore = (value) => { node.value = value; };
  node.addEventListener("change",
    changed(each, block, surface, field, { initial: node.value, read: () => node.value, restore }));
}

/** Tie a control to the label of its input block; without a label its placeholder names it. */
function labelled(each, field, hint) {
  return {
    id: field.id,
    "aria-describedby": field["aria-describedby"],
    "aria-label": field.id ? undefined : hint,
    autofocus: each.focus_on_load === true,
  };
}
