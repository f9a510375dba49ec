// Times in the browser's own zone, worded as Slack does.
// https://docs.slack.dev/messaging/formatting-message-text#date-formatting

const parts = (options) => new Intl.DateTimeFormat("en-US", options);
const MONTH = parts({ month: "long" });
const SHORT_MONTH = parts({ month: "short" });
const WEEKDAY = parts({ weekday: "long" });
const TIME = parts({ hour: "numeric", minute: "2-digit" });
const TIME_SECS = parts({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const DAY_MS = 86_400_000;
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** The time of day of a message: "2:46 PM". */
export function clockTime(seconds) {
  return TIME.format(new Date(seconds * 1000));
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
  const day = when.getDate();
  const year = when.getFullYear();
  const date = `${MONTH.format(when)} ${day}${ordinal(day)}, ${year}`;
  const short = `${SHORT_MONTH.format(when)} ${day}, ${year}`;
  const long = `${WEEKDAY.format(when)}, ${date}`;
  const near = { "-1": "yesterday", 0: "today", 1: "tomorrow" }[daysBetween(now, when)];
  const two = (number) => String(number).padStart(2, "0");
  return {
    date_num: `${year}-${two(when.getMonth() + 1)}-${two(day)}`,
    date_slash: `${two(when.getMonth() + 1)}/${two(day)}/${year}`,
    date,
    date_short: short,
    date_long: long,
    date_long_full: `${MONTH.format(when)} ${day}, ${year}`,
    date_pretty: near ?? date,
    date_short_pretty: near ?? short,
    date_long_pretty: near ?? long,
    time: TIME.format(when),
    time_secs: TIME_SECS.format(when),
    ago: ago((now - when) / 1000),
  };
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
  for (const [unit, size] of UNITS) {
    const count = Math.floor(Math.abs(seconds) / size);
    if (count) {
      const words = `${count} ${unit}${count > 1 ? "s" : ""}`;
      return seconds > 0 ? `${words} ago` : `in ${words}`;
    }
  }
  return "now";
}
