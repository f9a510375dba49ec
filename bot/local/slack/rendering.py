"""Messages as text for a terminal. https://docs.slack.dev/messaging/formatting-message-text"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import unescape

from bot.local.slack.elements import Block
from bot.local.slack.screens import Message

PRIVATE_LINK = "(private link)"

_TOKEN = re.compile(r"<([^<>]+)>")
_DATE = re.compile(r"!date\^-?\d+\^[^|^]+(?:\^[^|]*)?\|(.*)", re.DOTALL)
_STYLE = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]*?\S)\1(?![\w*_~])")
_LABELLED = re.compile(r"\*(.+?):?\*\n(.+)", re.DOTALL)


# The names that the reader knows, by id.
Names = Mapping[str, str]


def render(message: Message, names: Names | None = None) -> str:
    """Return the message as text, without the address behind a button."""
    names = names or {}
    if message.blocks:
        text = "\n".join(line for block in message.blocks for line in _block(block, names))
    else:
        text = mrkdwn(message.text, names)
    for button in message.buttons():
        if button.url:
            text = text.replace(button.url, PRIVATE_LINK)
    return text


def mrkdwn(text: str, names: Names) -> str:
    """Return Slack's markup as its reader sees it: names and links resolved, dates in their fallback, no styles."""
    resolved = _TOKEN.sub(lambda match: _resolve(match[1], names), text)
    while (plainer := _STYLE.sub(r"\2", resolved)) != resolved:
        resolved = plainer
    return unescape(resolved)


def _resolve(token: str, names: Names) -> str:
    if date := _DATE.fullmatch(token):
        return date[1]
    target, _, label = token.partition("|")
    match target[0]:
        case "@" | "#" as mark:
            return mark + (label or names.get(target[1:], target[1:])).lstrip(mark)
        case "!":
            group = target.removeprefix("!subteam^")
            return label or "@" + (target[1:] if group == target else names.get(group, group))
    # Links keep their secrets after the question mark.
    shown = re.sub(r"\?.*", "?…", target.removeprefix("mailto:"))
    return f"{label} ({shown})" if label and label != target else shown


def _text(text: Mapping[str, Any], names: Names) -> str:
    written: str = text["text"]
    # Slack decodes the three entities in plain text as well.
    return mrkdwn(written, names) if text["type"] == "mrkdwn" else unescape(written)


def _block(block: Block, names: Names) -> Iterator[str]:
    match block["type"]:
        case "section":
            if "text" in block:
                yield from _text(block["text"], names).splitlines()
            for each in block.get("fields", ()):
                yield f"  {_field(each, names)}"
            if "accessory" in block:
                yield f"  {_element(block['accessory'], names)}"
        case "context":
            said = "  ".join(_text(each, names) for each in block["elements"])
            yield from (f"· {line}" for line in said.splitlines())
        case "header":
            heading = _text(block["text"], names)
            yield heading
            yield "=" * len(heading)
        case "divider":
            yield "-" * 40
        case "actions":
            yield "   ".join(_element(each, names) for each in block["elements"])
        case "input":
            yield f"{_text(block['label'], names)}: {_element(block['element'], names)}"
        case unknown:
            raise ValueError(f"no way to render a {unknown} block")


def _field(text: Mapping[str, Any], names: Names) -> str:
    """Fields are usually a bold label above its value; in a terminal they read better side by side."""
    if labelled := _LABELLED.fullmatch(text["text"]):
        return f"{mrkdwn(labelled[1], names)}: {mrkdwn(labelled[2], names)}"
    return _text(text, names).replace("\n", " ")


def _element(element: Mapping[str, Any], names: Names) -> str:
    match element["type"]:
        case "button":
            label = f"[ {_text(element['text'], names)} ]"
            return f"{label} {PRIVATE_LINK}" if "url" in element else label
        case "plain_text_input":
            return f"[ {element.get('initial_value', '') or '____'} ]"
    options = [element["initial_option"]] if "initial_option" in element else element.get("initial_options", ())
    chosen = ", ".join(_text(option["text"], names) for option in options) or element.get("initial_date")
    if user := element.get("initial_user"):
        chosen = f"@{names.get(user, user)}"
    if not chosen:
        chosen = _text(element["placeholder"], names) if "placeholder" in element else "…"
    return f"[ {chosen} v ]"
