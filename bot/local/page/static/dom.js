// Making and keeping elements. All text goes in as text nodes: nothing here, or anywhere, parses markup.

/** An element: properties are set as such, `aria-…`, `role` and `data-…` as attributes, `on…` as listeners. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat(Infinity).filter(Boolean));
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

const FOCUSABLE = "button:not([disabled]), a[href], input, select, textarea, summary, [tabindex='0']";

export function focusable(container) {
  return [...container.querySelectorAll(FOCUSABLE)].filter((element) => element.checkVisibility());
}

const versions = new WeakMap();

/**
 * Make a list show `items`. What has not changed stays in place, with its focus and with what is typed into it.
 * Where the focus was inside something that has changed, it goes to the first control of what stands there now.
 */
export function mirror(list, items, keyOf, build) {
  const standing = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let lostFocus = null;
  const nodes = items.map((item) => {
    const key = String(keyOf(item));
    const version = JSON.stringify(item);
    const old = standing.get(key);
    if (old && versions.get(old) === version) return old;
    const node = build(item);
    node.dataset.key = key;
    versions.set(node, version);
    if (old?.contains(document.activeElement)) lostFocus = node;
    return node;
  });
  for (const node of [...list.children]) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, index) => {
    // Moving a node takes the focus from it, so what is in its place is left there.
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
  if (lostFocus) focusable(lostFocus)[0]?.focus();
}
