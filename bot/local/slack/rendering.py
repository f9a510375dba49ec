"""Messages as text for a terminal. https://docs.slack.dev/messaging/formatting-message-text"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from bot.local.slack.elements import Block
from bot.local.slack.screens import Message

PRIVATE_LINK = "(private link)"

_TOKEN = re.compile(r"<([^<>]+)>")
_DATE = re.compile(r"!date\^(-?\d+)\^([^|^]+)(?:\^[^|]*)?\|(.*)", re.DOTALL)
_STYLE = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]*?\S)\1(?![\w*_~])")
_LABELLED = re.compile(r"\*(.+?):?\*\n(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The reader: their time zone (this machine's by default), their clock, and the names they know."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    zone: tzinfo | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def render(message: Message, context: RenderContext | None = None) -> str:
    """Return the message as text, without the address behind a button."""
    context = context or RenderContext()
    if message.blocks:
        text = "\n".join(line for block in message.blocks for line in _block(block, context))
    else:
        text = mrkdwn(message.text, context)
    for button in message.buttons():
        if button.url:
            text = text.replace(button.url, PRIVATE_LINK)
    return text


def mrkdwn(text: str, context: RenderContext) -> str:
    """Return Slack's markup as its reader sees it: dates, mentions and links resolved, style marks removed."""
    resolved = _TOKEN.sub(lambda match: _resolve(match[1], context), text)
    while (plainer := _STYLE.sub(r"\2", resolved)) != resolved:
        resolved = plainer
    return _unescape(resolved)


def slack_date(seconds: int, template: str, fallback: str, context: RenderContext) -> str:
    """Write a date in the reader's zone. https://docs.slack.dev/messaging/formatting-message-text#date-formatting"""
    when = datetime.fromtimestamp(seconds, tz=UTC).astimezone(context.zone)
    known = _date_tokens(when, context.now.astimezone(context.zone))
    if not set(re.findall(r"{(\w+)}", template)) <= known.keys():
        return fallback

    text = re.sub(r"{(\w+)}", lambda match: known[match[1]], template)
    # Slack writes "Today" where the date opens the text and "today" inside it.
    return text[0].upper() + text[1:] if template.startswith("{") else text


def _date_tokens(when: datetime, now: datetime) -> dict[str, str]:
    ordinal = "th" if 11 <= when.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(when.day % 10, "th")  # noqa: PLR2004
    month, day, year = f"{when:%B}", when.day, when.year
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((when.date() - now.date()).days)
    plain = {
        "date_num": f"{when:%Y-%m-%d}",
        "date_slash": f"{when:%m/%d/%Y}",
        "date": f"{month} {day}{ordinal}, {year}",
        "date_short": f"{when:%b} {day}, {year}",
        "date_long": f"{when:%A}, {month} {day}{ordinal}, {year}",
        "date_long_full": f"{month} {day}, {year}",
    }
    clock = when.hour % 12 or 12
    return plain | {
        **{f"{name}_pretty": near or plain[name] for name in ("date", "date_short", "date_long")},
        "time": f"{clock}:{when:%M} {when:%p}",
        "time_secs": f"{clock}:{when:%M:%S} {when:%p}",
        "ago": _ago((now - when).total_seconds()),
    }


def _ago(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if count := int(abs(seconds) // size):
            words = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "now"


def _resolve(token: str, context: RenderContext) -> str:
    if date := _DATE.fullmatch(token):
        return slack_date(int(date[1]), date[2], date[3], context)
    target, _, label = token.partition("|")
    match target[0]:
        case "@" | "#" as mark:
            return mark + (label or context.names.get(target[1:], target[1:])).lstrip(mark)
        case "!":
            group = target.removeprefix("!subteam^")
            return label or "@" + (target[1:] if group == target else context.names.get(group, group))
    # Links keep their secrets after the question mark.
    shown = re.sub(r"\?.*", "?…", target.removeprefix("mailto:"))
    return f"{label} ({shown})" if label and label != target else shown


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _text(text: Mapping[str, Any], context: RenderContext) -> str:
    written: str = text["text"]
    # Slack decodes the three entities in plain text as well.
    return mrkdwn(written, context) if text["type"] == "mrkdwn" else _unescape(written)


def _block(block: Block, context: RenderContext) -> Iterator[str]:
    match block["type"]:
        case "section":
            if "text" in block:
                yield from _text(block["text"], context).splitlines()
            for each in block.get("fields", ()):
                yield f"  {_field(each, context)}"
            if "accessory" in block:
                yield f"  {_element(block['accessory'], context)}"
        case "context":
            said = "  ".join(_text(each, context) for each in block["elements"])
            yield from (f"· {line}" for line in said.splitlines())
        case "header":
            heading = _text(block["text"], context)
            yield heading
            yield "=" * len(heading)
        case "divider":
            yield "-" * 40
        case "actions":
            yield "   ".join(_element(each, context) for each in block["elements"])
        case "input":
            yield f"{_text(block['label'], context)}: {_element(block['element'], context)}"
        case unknown:
            raise ValueError(f"no way to render a {unknown} block")


def _field(text: Mapping[str, Any], context: RenderContext) -> str:
    """Fields are usually a bold label above its value; in a terminal they read better side by side."""
    if labelled := _LABELLED.fullmatch(text["text"]):
        return f"{mrkdwn(labelled[1], context)}: {mrkdwn(labelled[2], context)}"
    return _text(text, context).replace("\n", " ")


def _element(element: Mapping[str, Any], context: RenderContext) -> str:
    match element["type"]:
        case "button":
            label = f"[ {_text(element['text'], context)} ]"
            return f"{label} {PRIVATE_LINK}" if "url" in element else label
        case "plain_text_input":
            return f"[ {element.get('initial_value', '') or '____'} ]"
    options = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", ())
    chosen = ", ".join(_text(option["text"], context) for option in options) or element.get("initial_date")
    if user := element.get("initial_user"):
        chosen = f"@{context.names.get(user, user)}"
    if not chosen:
        chosen = _text(element["placeholder"], context) if "placeholder" in element else "…"
    return f"[ {chosen} v ]"
