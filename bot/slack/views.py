"""From values to the messages members see, as Block Kit. Pure.

The link sits in one button's `url` and nowhere else: Slack's servers fetch addresses they find in text.
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.model import Answer, Denied, Entry, Issued, Reason
from bot.slack import words

Block = dict[str, Any]

OPEN_STUDIO = "open_studio"
NEW_LINK = "new_link"

# How much of what a member typed is repeated to them.
LONGEST_ECHO = 200
# How many of a member's aliases are listed, so that the longest still fit into Slack's 3000 characters.
MOST_ALIASES = 40


@dataclass(frozen=True, slots=True)
class Message:
    """An ephemeral message. Its blocks may hold a link, so they hide in `repr`."""

    text: str
    blocks: list[Block] = field(repr=False)

    def payload(self) -> dict[str, Any]:
        """The message as Slack takes it; nothing in it may be unfurled."""
        return {"text": self.text, "blocks": self.blocks, "unfurl_links": False, "unfurl_media": False}


def answer(given: Answer, command: str) -> Message:
    """What a member sees who asked for a link."""
    match given:
        case Issued():
            return _link(given)
        case Denied():
            return _refusal(given, command)


def _link(issued: Issued) -> Message:
    mapping, link = issued.allowed.mapping, issued.link
    space = words.SPACE.format(space=mapping.space_name) if mapping.space_name else ""
    ready = words.READY.format(profile=mapping.profile_name, domain=mapping.domain_id, space=space)
    note = words.READY_NOTE.format(until=slack_time(link.expires_at), session=duration(link.session_seconds))
    open_studio = _button(words.OPEN, OPEN_STUDIO, issued.request.id, url=link.url, style="primary")
    return Message(
        words.READY_TEXT.format(lifetime=duration(link.lifetime_seconds)),
        [_section(ready), _context(note), _actions(open_studio, _new_link(mapping.alias))],
    )


def opened(entry: Entry) -> Message:
    """What replaces a link message once its button was pressed: the used link leaves the screen."""
    at = entry.opened_at or entry.at
    if entry.expires_at is not None and at >= entry.expires_at:
        text, line = words.STALE_TEXT, words.STALE.format(until=slack_time(entry.expires_at))
    else:
        text = words.OPENED_TEXT
        # The outcome is recorded after the message went out, so a quick press may find no profile there yet.
        form = words.OPENED if entry.profile_name else words.OPENED_ONLY
        line = form.format(at=slack_time(at), profile=entry.profile_name, domain=entry.domain_id)
    return Message(text, [_section(line), _actions(_new_link(entry.alias or ""))])


def refusal(reason: Reason, command: str) -> Message:
    """A refusal that needs nothing but its reason."""
    return _refusal(Denied(reason), command)


def help_text(command: str, not_understood: str | None = None, aliases: Sequence[str] = ()) -> Message:
    """What the command understands; first, what it did not."""
    lines = [words.HELP.format(command=_escape(command), aliases=_own(aliases))]
    if not_understood is not None:
        lines.insert(
            0, words.NOT_UNDERSTOOD.format(command=_escape(command), text=_escape(not_understood, LONGEST_ECHO))
        )
    return Message("\n".join(lines), [_section(line) for line in lines])


def _refusal(denied: Denied, command: str) -> Message:
    if denied.reason is Reason.UNKNOWN_ALIAS:
        text = words.NO_SUCH_ALIAS.format(text=_escape(denied.alias or "", LONGEST_ECHO))
        shown = help_text(command, aliases=denied.aliases)
        return Message(f"{text}\n{shown.text}", [_section(text), *shown.blocks])
    address = denied.sign_in_address
    text = words.REFUSALS[denied.reason].format(
        command=_escape(command),
        choices=", ".join(f"`{_escape(command)} {alias}`" for alias in denied.aliases[:MOST_ALIASES]),
        address=words.SSO_ADDRESS.format(address=_escape(address)) if address else words.SSO_NO_ADDRESS,
    )
    blocks = [_section(text)]
    if denied.reason in words.PASSING:
        alias = denied.mapping.alias if denied.mapping else denied.alias
        blocks.append(_actions(_button(words.TRY_AGAIN, NEW_LINK, alias or "")))
    return Message(text, blocks)


def announcement(entry: Entry) -> str:
    """One line on an outcome for the audit channel. Members are named by id, which notifies nobody here."""
    what = f" · profile {entry.profile_name} in {entry.domain_id}" if entry.profile_name else ""
    return f"{_escape(entry.subject)} · {entry.action} · {entry.outcome}{what}"


def slack_time(time: datetime) -> str:
    """A time that each reader sees in their own zone; the fallback is UTC.

    https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    return f"<!date^{int(time.timestamp())}^{{time_secs}}|{time.astimezone(UTC):%H:%M:%S} UTC>"


def duration(seconds: int) -> str:
    """Seconds in words: "60 seconds", "12 hours", "1 hour 30 minutes"."""
    if seconds <= 120:  # noqa: PLR2004 - two minutes and less read better in seconds
        return _count(seconds, "second")
    hours, minutes = divmod(seconds // 60, 60)
    parts = [_count(hours, "hour") if hours else "", _count(minutes, "minute") if minutes else ""]
    return " ".join(part for part in parts if part)


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _own(aliases: Sequence[str]) -> str:
    if not aliases:
        return ""
    return words.HELP_ALIASES.format(aliases=", ".join(f"`{_escape(alias)}`" for alias in aliases[:MOST_ALIASES]))


def _escape(text: str, longest: int | None = None) -> str:
    """Text from outside, made harmless: Slack gives meaning to these three characters only."""
    if longest is not None and len(text) > longest:
        text = text[:longest] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def _new_link(alias: str) -> Block:
    return _button(words.NEW_LINK, NEW_LINK, alias)


def _button(text: str, action_id: str, value: str, **more: str) -> Block:
    label = {"type": "plain_text", "text": text}
    button: Block = {"type": "button", "action_id": action_id, "text": label, **more}
    return {**button, "value": value} if value else button
