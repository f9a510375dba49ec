// The page: the current member and conversation, and the state that it shows.

import { showComposer, startComposer } from "./composer.js";
import { useLocale } from "./dates.js";
import { byId } from "./dom.js";
import { reportProblems } from "./failures.js";
import { openHood, showHood, startHood } from "./under_hood.js";
import { icon } from "./icons.js";
import { showHome, showMessages } from "./messages.js";
import { showModals, startModals } from "./modals.js";
import { channelName, showSidebar } from "./sidebar.js";
import { showTour, startTour } from "./tour.js";
import { ask, listen } from "./wire.js";
import { say, speak } from "./words.js";

// The place of this page: kept in the address (`#member/channel`), so that a reload stays there.
const here = { member: null, channel: null, tab: "home", hood: false, since: null, baseline: null };
// The newest change that was seen, by member and channel.
const seen = new Map();
// The tab of the app's home that was opened last, by whom: the app hears of each opening once.
let openedHome = "";
let state = null;

function connect() {
  listen(here, (next) => {
    state = next;
    here.member = state.me;
    here.since = state.since;
    here.baseline ??= state.revision;
    show();
  }, (isUp) => { byId("connection").hidden = isUp; });
}

function become(member) {
  here.member = member;
  here.tab = "home";
  connect();
  closeMenu();
  byId("composer").focus();
}

function go(channel) {
  here.channel = channel;
  here.tab = "home";
  openedHome = "";
  show();
  closeMenu();
  byId("composer").focus();
}

function switchTab(tab) {
  here.tab = tab;
  show();
}

/** The channel that is shown: the chosen one if this member is in it. */
function currentChannel() {
  return state.channels.find((channel) => channel.id === here.channel) ?? state.channels[0];
}

function show() {
  const channel = currentChannel();
  here.channel = channel.id;
  const address = `#${here.member}/${here.channel}`;
  if (location.hash !== address) history.replaceState(null, "", address);
  const named = [...state.members, ...state.channels, ...state.groups, state.app];
  const names = Object.fromEntries(named.map((one) => [one.id, one.name]));
  const isApp = channel.id === state.appChannel;
  showLanguage();
  markSeen(channel);
  showSidebar(state, channel.id, unread(), { become, go });
  showHeader(channel);
  showTabs(isApp);
  showMessages(here.member, state.messages.filter((message) => message.channel === channel.id), names);
  showHome(here.member, state.home, names);
  const name = channelName(channel, state);
  showComposer(state, say("Message {name}", { name: channel.kind === "direct" ? name : `#${name}` }),
    isApp && state.features.read_only);
  showModals(here.member, state.modals, names);
  showHood(state.hood ?? [], state.features.socket_mode);
  showTour(state.tour);
  reportProblems(state.problems);
}

/** The language of this member's Slack: the bot writes in it, and the page and its dates follow it. */
function showLanguage() {
  const isGerman = state.locale.startsWith("de");
  byId("language").textContent = isGerman ? "Slack in English" : "Slack auf Deutsch";
  byId("tour-language").textContent = isGerman ? "Everyone in English" : "Alle auf Deutsch";
  for (const id of ["language", "tour-language"]) byId(id).lang = isGerman ? "en" : "de";
  for (const id of ["messages", "home", "modal"]) byId(id).lang = state.locale;
  if (!useLocale(state.locale)) return;
  speak(state.locale);
  for (const list of document.querySelectorAll("#messages, #home, #tour-steps, #requests, #sidebar ul")) list.replaceChildren();
}

/** Switch it, for this member or for everyone. The app hears of an opened home again, as after a reload of Slack. */
async function switchLanguage(everyone) {
  const locale = state.locale.startsWith("de") ? "en-US" : "de-DE";
  await ask("speak", here.member, { locale, everyone });
  openedHome = "";
  show();
}

function showHeader(channel) {
  const name = channelName(channel, state);
  byId("channel-name").textContent = channel.kind === "direct" ? name : `# ${name}`;
  const others = channel.kind === "direct" ? "" : say("{number} members", { number: channel.members });
  byId("channel-topic").textContent = channel.topic || others;
  const member = state.members.find((each) => each.id === state.me).name;
  document.title = say("{name} as {member}, a demo", { name, member });
}

/** The tabs of the app's home, as far as its manifest has them. The app hears when one is opened. */
function showTabs(isApp) {
  const { home_tab: hasHome, messages_tab: hasMessages } = state.features;
  const tab = isApp && hasHome && (here.tab === "home" || !hasMessages) ? "home" : "messages";
  byId("tabs").hidden = !(isApp && hasHome);
  byId("tab-messages").hidden = !hasMessages;
  byId("home").hidden = tab !== "home";
  byId("conversation").hidden = tab === "home";
  byId("tab-home").setAttribute("aria-selected", String(tab === "home"));
  byId("tab-messages").setAttribute("aria-selected", String(tab === "messages"));
  const opened = isApp ? `${here.member} ${tab}` : "";
  if (opened && opened !== openedHome) ask("open-home", here.member, { tab });
  openedHome = opened;
}

function markSeen(channel) {
  const shown = state.messages.filter((message) => message.channel === channel.id);
  seen.set(`${here.member} ${channel.id}`, Math.max(0, ...shown.map((message) => message.revision)));
}

function unread() {
  const isNew = (message) => message.author !== here.member
    && message.revision > (seen.get(`${here.member} ${message.channel}`) ?? here.baseline);
  return new Set(state.messages.filter(isNew).map((message) => message.channel));
}

function closeMenu() {
  document.body.classList.remove("menu-open");
  byId("menu").setAttribute("aria-expanded", "false");
}

function toggleMenu() {
  const isOpen = document.body.classList.toggle("menu-open");
  byId("menu").setAttribute("aria-expanded", String(isOpen));
  if (isOpen) byId("members").querySelector("[aria-current]").focus();
}

/** Where the address says this page is. */
function readAddress() {
  const [member, channel] = location.hash.slice(1).split("/");
  here.member = member || null;
  here.channel = channel || null;
}

function start() {
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address keeps the member and conversation
    byId(byId("conversation").hidden ? "tab-home" : "composer").focus();
  });
  byId("menu").append(icon("menu"));
  byId("menu").addEventListener("click", toggleMenu);
  byId("sidebar").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("menu-open")) return;
    closeMenu();
    byId("menu").focus();
  });
  byId("language").addEventListener("click", () => switchLanguage(false));
  byId("tour-language").addEventListener("click", () => switchLanguage(true));
  startTour(() => byId("composer").focus());
  byId("tab-home").addEventListener("click", () => switchTab("home"));
  byId("tab-messages").addEventListener("click", () => switchTab("messages"));
  byId("tabs").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    switchTab(byId("home").hidden ? "home" : "messages");
    byId("tabs").querySelector("[aria-selected=true]").focus();
  });
  startComposer({
    type: (text) => ask("type", here.member, { channel: here.channel, text }),
    use: (shortcut) => ask("use-shortcut", here.member, { shortcut }),
  });
  startModals();
  startHood((isOpen) => {
    here.hood = isOpen;
    connect();
  });
  window.addEventListener("hashchange", () => {
    readAddress();
    connect();
  });
  readAddress();
  // Where there is room for it beside the rest.
  here.hood = window.matchMedia("(min-width: 85rem)").matches;
  openHood(here.hood);
  connect();
}

start();
