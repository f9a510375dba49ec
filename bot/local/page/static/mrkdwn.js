// Slack's markup as nodes. Text stays text: what somebody writes can never become markup of this page.
// https://docs.slack.dev/messaging/formatting-message-text

import { slackDate } from "./dates.js";
import { make } from "./dom.js";
import { withEmoji } from "./emoji.js";

const FENCE = /```\n?([\s\S]*?)```/;
const MARKS = [
  /<(?<token>[^<>]+)>/,
  /`(?<code>[^`\n]+)`/,
  /(?<![\w*_~])(?<mark>[*_~])(?=\S)(?<styled>[^\n]*?\S)\k<mark>(?![\w*_~])/,
];
const BARE = /(?<bare>https?:\/\/[^\s<>|]*[^\s<>|.,;:!?)'"])/;
// In verbatim text, an address stays text.
const VERBATIM = either(MARKS);
const INLINE = either([...MARKS, BARE]);
const DATE = /^!date\^(-?\d+)\^([^|^]+)(?:\^([^|]*))?\|([\s\S]*)$/;
const TAGS = { "*": "strong", "_": "em", "~": "s" };

function either(patterns) {
  return new RegExp(patterns.map((pattern) => pattern.source).join("|"));
}

/** What a `plain_text` says: the three entities are decoded there as well. */
export function plain(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

/** What a text says between its markup: decoded, with its emoji. */
function words(text) {
  return withEmoji(plain(text));
}

/** The nodes for a text; `names` gives the names of people and channels by id, `pattern` what is markup. */
export function mrkdwn(text, names = {}, pattern = INLINE) {
  const fence = FENCE.exec(text);
  if (!fence) return lines(text, names, pattern);
  const before = text.slice(0, fence.index);
  const after = text.slice(fence.index + fence[0].length).replace(/^\n/, "");
  return [...lines(before, names, pattern), make("pre", {}, plain(fence[1])), ...mrkdwn(after, names, pattern)];
}

/** A text object of either kind, as nodes. */
export function text(object, names) {
  switch (object.type) {
    case "mrkdwn":
      return mrkdwn(object.text, names, object.verbatim ? VERBATIM : INLINE);
    case "plain_text":
      return [object.emoji === false ? plain(object.text) : words(object.text)];
    default:
      throw new Error(`no text of type ${object.type}`);
  }
}

/** Quoted lines become quotes; the others stay lines. */
function lines(text, names, pattern) {
  const nodes = [];
  for (const run of text.match(/(?:^(?:&gt;|>).*(?:\n|$))+|(?:^(?!&gt;|>).*(?:\n|$))+/gm) ?? []) {
    if (/^(?:&gt;|>)/.test(run)) {
      const quoted = run.replace(/^(?:&gt;|>) ?/gm, "").replace(/\n$/, "");
      nodes.push(make("blockquote", {}, ...inline(quoted, names, pattern)));
    } else {
      nodes.push(...inline(run, names, pattern));
    }
  }
  return nodes;
}

function inline(text, names, pattern) {
  const found = pattern.exec(text);
  if (!found) return text ? [words(text)] : [];
  const { token, code, mark, styled, bare } = found.groups;
  let node;
  if (token !== undefined) node = resolve(token, names);
  else if (code !== undefined) node = make("code", {}, plain(code));
  else if (bare !== undefined) node = link(bare, bare);
  else node = make(TAGS[mark], {}, ...inline(styled, names, pattern));
  const after = text.slice(found.index + found[0].length);
  return [words(text.slice(0, found.index)), node, ...inline(after, names, pattern)].filter((part) => part !== "");
}

function resolve(token, names) {
  const date = DATE.exec(token);
  if (date) return time(...date.slice(1));
  const [target, label] = split(token);
  switch (target[0]) {
    case "@":
      return mention(`@${(label || names[target.slice(1)] || target.slice(1)).replace(/^@/, "")}`);
    case "#":
      return mention(`#${(label || names[target.slice(1)] || target.slice(1)).replace(/^#/, "")}`);
    case "!":
      return mention(label || `@${special(target.slice(1), names)}`);
    default:
      return link(target, label || target);
  }
}

/** What stands behind the `!`: a user group by its handle, or a word such as "here". */
function special(target, names) {
  const [word, id] = target.split("^");
  return word === "subteam" && id ? names[id] || id : word;
}

function split(token) {
  const bar = token.indexOf("|");
  return bar < 0 ? [token, ""] : [token.slice(0, bar), token.slice(bar + 1)];
}

function time(seconds, template, address, fallback) {
  const words = plain(slackDate(Number(seconds), template, fallback));
  const node = make("time", { dateTime: new Date(seconds * 1000).toISOString() }, words);
  return address ? link(address, node) : node;
}

function mention(text) {
  return make("span", { className: "mention" }, plain(text));
}

function link(address, label) {
  if (!/^(https?|mailto):/.test(address)) throw new Error(`a link must be http, https or mailto: ${address}`);
  const content = typeof label === "string" ? plain(label).replace(/^mailto:/, "") : label;
  return make("a", { href: plain(address), target: "_blank", rel: "noopener noreferrer" }, content);
}
