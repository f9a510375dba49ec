// Times in the browser's own zone and in the language of the member's Slack, worded as Slack does.
// https://docs.slack.dev/messaging/formatting-message-text#date-formatting

const TIME = { timeStyle: "short" };
const DATE = { year: "numeric", month: "long", day: "numeric" };
const DAY_MS = 86_400_000;
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
let locale = "en-US";

/** Write in this language from now on. Returns whether that is another one. */
export function useLocale(name) {
  const isOther = name !== locale;
  locale = name;
  return isOther;
}

/** The time of day of a message: "2:46 PM". */
export function clockTime(seconds) {
  return new Intl.DateTimeFormat(locale, TIME).format(new Date(seconds * 1000));
}

/** The text of a `<!date^…>`; its fallback where the template holds a token that Slack does not know. */
export function slackDate(seconds, template, fallback, now = new Date()) {
  const words = tokens(new Date(seconds * 1000), now);
  const used = [...template.matchAll(/{(\w+)}/g)].map((match) => match[1]);
  if (!used.every((token) => token in words)) return fallback;
  return template.replace(/{(\w+)}/g, (_, token, offset) =>
    // "Today" where the date opens the text, "today" inside it.
    offset === 0 ? words[token][0].toUpperCase() + words[token].slice(1) : words[token]);
}

function tokens(when, now) {
  const format = (options) => new Intl.DateTimeFormat(locale, options).format(when);
  const date = ordinals(format(DATE));
  const short = format({ ...DATE, month: "short" });
  const long = ordinals(format({ ...DATE, weekday: "long" }));
  const days = daysBetween(now, when);
  const near = Math.abs(days) <= 1 ? relative("auto").format(days, "day") : null;
  const two = (number) => String(number).padStart(2, "0");
  return {
    date_num: `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`,
    date_slash: format({ year: "numeric", month: "2-digit", day: "2-digit" }),
    date,
    date_short: short,
    date_long: long,
    date_long_full: format(DATE),
    date_pretty: near ?? date,
    date_short_pretty: near ?? short,
    date_long_pretty: near ?? long,
    time: format(TIME),
    time_secs: format({ timeStyle: "medium" }),
    ago: ago((now - when) / 1000),
  };
}

/** American dates with Slack's "1st" and "2nd". */
function ordinals(date) {
  return locale === "en-US" ? date.replace(/\d+(?=,)/, (day) => day + ordinal(Number(day))) : date;
}

function relative(numeric) {
  return new Intl.RelativeTimeFormat(locale, { numeric });
}

function ordinal(day) {
  if (day >= 11 && day <= 13) return "th";
  return { 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th";
}

function daysBetween(now, when) {
  const midnight = (date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (midnight(when) - midnight(now)) / DAY_MS;
}

function ago(seconds) {
  const [unit, size] = UNITS.find((each) => Math.abs(seconds) >= each[1]) ?? ["second", 1];
  const count = Math.trunc(seconds / size);
  return count ? relative("always").format(-count, unit) : relative("auto").format(0, "second");
}
