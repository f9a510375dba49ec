// The stream of messages, and App Home.

import { blocks } from "./blocks.js";
import { clockTime } from "./dates.js";
import { byId, make, mirror } from "./dom.js";
import { orFailure } from "./failures.js";
import { icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { Surface } from "./surfaces.js";
import { say } from "./words.js";

const STAYS = "About the demo: Slack lets no app change the answer to a typed command, so this message stays as it is "
  + "when its link expires. Press New link: that answer can change, and says so once its link has expired.";

/** A square with an initial, in a colour that goes with the name. */
export function avatar(name, isApp = false) {
  if (isApp) return make("img", { className: "avatar", src: "/page/icon.svg", alt: "" });
  const node = make("span", { className: "avatar", "aria-hidden": "true" }, name.slice(0, 1).toUpperCase());
  const hue = [...name].reduce((sum, letter) => (sum * 44 + letter.codePointAt(0)) % 360, 40);
  node.style.setProperty("--hue", hue);
  return node;
}

/** Show a channel's messages, and keep the newest in sight. */
export function showMessages(member, messages, names) {
  const stream = byId("stream");
  const atEnd = stream.scrollHeight - stream.scrollTop - stream.clientHeight < 80;
  const before = byId("messages").lastElementChild?.dataset.key;
  mirror(byId("messages"), messages, (message) => `${member} ${message.ts}`, (message) =>
    orFailure("message", () => row(member, message, names)));
  const now = byId("messages").lastElementChild?.dataset.key;
  if (atEnd || before !== now) stream.scrollTop = stream.scrollHeight;
}

function row(member, message, names) {
  const isMember = message.source === "member";
  const name = isMember ? names[message.author] ?? message.author : message.author;
  const seconds = Number(message.ts);
  const surface = new Surface(member, { message: message.ts }, names);
  return make("li", { className: `message ${message.onlyYou ? "only-you" : ""}`.trim() },
    message.onlyYou && make("p", { className: "visibility" }, icon("eye"), say("Only visible to you")),
    avatar(name, message.source === "app"),
    make("div", { className: "message-body" },
      make("p", { className: "byline" },
        make("strong", {}, name),
        !isMember && make("span", { className: "app-badge" }, "APP"),
        make("time", { dateTime: new Date(seconds * 1000).toISOString() }, clockTime(seconds))),
      message.blocks.length > 0
        ? blocks(message.blocks, surface)
        : make("div", { className: "mrkdwn" }, mrkdwn(message.text, names)),
      message.stays && make("p", { className: "demo-note", role: "note" }, say(STAYS))));
}

/** Show what the app has published as this member's home. */
export function showHome(member, view, names) {
  // Published again without a change, it stays in place: a press must not miss.
  const { id, blocks: rows } = view ?? { id: "none", blocks: [] };
  mirror(byId("home"), [{ id, rows }], (shown) => `${member} ${shown.id}`, (shown) =>
    shown.id === "none"
      ? make("p", { className: "beginning" }, say("The app has not published a home for this member yet."))
      : make("div", {}, blocks(shown.rows, new Surface(member, { view: shown.id }, names))));
}
