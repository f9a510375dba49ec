// What an element stands on: a message, a modal or App Home. It knows what the member has put into its elements,
// and reports to the app when they act.

import { confirmed } from "./confirm.js";
import { ask } from "./wire.js";

export class Surface {
  /**
   * `target` is `{ message: ts }` or `{ view: id }`; `values` holds what was entered, by block and action, and
   * `options` the suggested options among it, whose words only the app knows.
   */
  constructor(member, target, names, values = {}, options = {}) {
    this.member = member;
    this.target = target;
    this.names = names;
    this.values = values;
    this.options = options;
  }

  /** The content of an element; `initial` until the member has changed it. */
  value(block, element, initial) {
    return this.values[block.block_id]?.[element.action_id] ?? initial;
  }

  enter(block, element, value) {
    (this.values[block.block_id] ??= {})[element.action_id] = value;
  }

  /** The options that the app suggests for what is typed into an element. */
  suggest(block, element, typed) {
    return ask("suggest", this.member, {
      ...this.target, block: block.block_id, action: element.action_id, typed,
    });
  }

  /** Send the use of an element to the app. False if the member cancels the confirmation. */
  async act(block, element, before = () => {}) {
    if (element.confirm && !(await confirmed(element.confirm, this.names))) return false;
    before();
    await ask("act", this.member, {
      ...this.target, block: block.block_id, action: element.action_id, values: this.values,
    });
    return true;
  }
}
