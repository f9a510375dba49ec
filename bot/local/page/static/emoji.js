// Slack's codes for emoji: those that the bot writes, and common ones that members type.
// A code that is not listed stays text, as an unknown one does in Slack.

const EMOJI = new Map(Object.entries({
  "+1": "👍", "-1": "👎", "100": "💯", "bell": "🔔", "boom": "💥", "bulb": "💡", "calendar": "📆", "clap": "👏",
  "cry": "😢", "double_vertical_bar": "⏸️", "exclamation": "❗", "eyes": "👀", "fire": "🔥",
  "grey_exclamation": "❕", "grey_question": "❔", "hand": "✋", "heart": "❤️", "heavy_check_mark": "✔️", "hourglass": "⌛", "hourglass_flowing_sand": "⏳",
  "information_source": "ℹ️", "joy": "😂", "key": "🔑", "large_green_circle": "🟢", "large_yellow_circle": "🟡",
  "leftwards_arrow_with_hook": "↩️", "link": "🔗", "lock": "🔒", "mag": "🔍", "memo": "📝", "no_entry": "⛔",
  "no_entry_sign": "🚫", "ok_hand": "👌", "point_right": "👉", "pray": "🙏", "question": "❓", "raised_hands": "🙌",
  "red_circle": "🔴", "rocket": "🚀", "rotating_light": "🚨", "slightly_smiling_face": "🙂", "smile": "😄",
  "sparkles": "✨", "star": "⭐", "tada": "🎉", "thinking_face": "🤔", "thumbsup": "👍", "unlock": "🔓",
  "warning": "⚠️", "wave": "👋", "white_check_mark": "✅", "wink": "😉", "x": "❌",
}));

/** The text with its known codes as emoji. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (code, name) => EMOJI.get(name) ?? code);
}
