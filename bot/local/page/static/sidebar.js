// The members and conversations to choose from.

import { byId, make, mirror } from "./dom.js";
import { icon } from "./icons.js";
import { avatar } from "./messages.js";
import { say } from "./words.js";

/** Show the lists. `unread` has the channels with new messages; a press calls `become` or `go`. */
export function showSidebar(state, current, unread, { become, go }) {
  byId("team").textContent = state.team;
  mirror(byId("members"), state.members.map((member) => ({ ...member, current: member.id === state.me })),
    (member) => member.id, (member) => memberRow(member, become));
  const rows = state.channels.map((channel) => ({
    ...channel,
    label: channelName(channel, state),
    current: channel.id === current,
    unread: unread.has(channel.id),
  }));
  const isApp = (row) => row.id === state.appChannel;
  const show = (list, chosen) =>
    mirror(byId(list), rows.filter(chosen), (row) => row.id, (row) => channelRow(row, isApp(row), go));
  show("channels", (row) => row.kind !== "direct");
  show("direct", (row) => row.kind === "direct" && !isApp(row));
  show("apps", isApp);
}

/** The label of a conversation: its name, or the member at its other end. */
export function channelName(channel, state) {
  if (channel.kind !== "direct") return channel.name;
  if (channel.id === state.appChannel) return state.app.name;
  return state.members.find((member) => member.id === channel.peer)?.name ?? channel.name;
}

function memberRow(member, become) {
  return make("li", {},
    make("button", {
      type: "button", className: "row member", "aria-current": member.current ? "true" : undefined,
      onclick: () => become(member.id),
    },
    avatar(member.name),
    make("span", { className: "member-text" },
      make("span", { className: "member-name" }, member.name,
        member.badge && make("span", { className: "app-badge" }, say(member.badge))),
      make("span", { className: "member-title" }, member.title))));
}

function channelRow(channel, isApp, go) {
  return make("li", {},
    make("button", {
      type: "button", className: `row channel ${channel.unread ? "unread" : ""}`.trim(),
      "aria-current": channel.current ? "page" : undefined,
      onclick: () => go(channel.id),
    },
    channel.kind === "direct" ? avatar(channel.label, isApp) : icon("hash"),
    make("span", { className: "channel-label" }, channel.label),
    channel.unread && make("span", { className: "dot", role: "img", "aria-label": say("unread") })));
}
