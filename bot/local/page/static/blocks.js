// Blocks as elements. A block or element that is not known here is a failure, never a gap.
// https://docs.slack.dev/reference/block-kit/blocks

import { make } from "./dom.js";
import { element } from "./elements.js";
import { orFailure } from "./failures.js";
import { text } from "./mrkdwn.js";
import { say } from "./words.js";

const BLOCKS = {
  section(block, surface) {
    return make("div", { className: "section" },
      make("div", { className: "section-text" },
        block.text && make("div", { className: "mrkdwn" }, text(block.text, surface.names)),
        block.fields && make("div", { className: "fields" },
          block.fields.map((field) => make("div", { className: "mrkdwn" }, text(field, surface.names))))),
      block.accessory && make("div", { className: "accessory" }, element(block.accessory, block, surface)));
  },

  context(block, surface) {
    return make("div", { className: "context" },
      block.elements.map((each) => make("span", { className: "mrkdwn" }, text(each, surface.names))));
  },

  header(block, surface) {
    return make("h3", { className: "header" }, text(block.text, surface.names));
  },

  divider() {
    return make("hr");
  },

  actions(block, surface) {
    return make("div", { className: "actions" },
      block.elements.map((each) => orFailure("element", () => element(each, block, surface))));
  },

  input(block, surface) {
    const id = `field-${block.block_id}`;
    const several = ["checkboxes", "radio_buttons"].includes(block.element.type);
    const optional = block.optional ? make("span", { className: "optional" }, say(" (optional)")) : null;
    const label = [...text(block.label, surface.names), optional].filter(Boolean);
    const described = `${id}-hint ${id}-error`;
    const control = element(block.element, block, surface, {
      id,
      "aria-describedby": described,
      dispatches: block.dispatch_action === true,
    });
    const group = several ? { "aria-describedby": described } : {};
    return make(several ? "fieldset" : "div", { className: "input", "data-block": block.block_id, ...group },
      several ? make("legend", {}, label) : make("label", { for: id }, label),
      control,
      make("p", { className: "field-error", id: `${id}-error` }),
      make("p", { className: "hint", id: `${id}-hint` }, block.hint ? text(block.hint, surface.names) : null));
  },
};

/** All blocks of a message or view. */
export function blocks(list, surface) {
  return list.map((block) =>
    orFailure("block", () => {
      if (!Object.hasOwn(BLOCKS, block.type)) throw new Error(`this page does not know “${block.type}”`);
      const node = BLOCKS[block.type](block, surface);
      node.classList.add("block");
      return node;
    }));
}
