"""The page's "Under the hood": what the stand-ins and the audit recorded of each thing that a member did."""

import re
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from bot import console
from bot.admin.changes import Admin
from bot.core.audit import LINK as ABOUT_A_LINK
from bot.core.errors import StudioLinksError
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.local.aws.calls import Call
from bot.local.aws.stand_in import LocalAws
from bot.local.slack.exchanges import Exchange, Kind
from bot.local.slack.workspace import Workspace
from bot.slack.payloads import request_id

Json = dict[str, Any]
MAX_SHOWN = 20
LOOK_BACK = timedelta(days=1)
# Replaces a secret.
SECRET, LINK = "(secret)", "(link, redacted)"
_KEYS = {"response_url": SECRET, "token": SECRET, "trigger_id": SECRET, "url": LINK, "AuthorizedUrl": LINK}
_RESPONSE_URL = re.compile(r"https?://[^\s\"'<>|]+/(?:commands|actions)/[^\s\"'<>|]+")
_BEARER = re.compile(r"https?://[^\s\"'<>|]*[?&]token=[^\s\"'<>|]*")


class UnderTheHood:
    """Describes one member's requests at a time. `caller` is the access key id that signs the bot's calls of AWS."""

    def __init__(self, workspace: Workspace, aws: LocalAws, admin: Admin, *, caller: str) -> None:
        self._workspace = workspace
        self._aws = aws
        self._admin = admin
        self._caller = caller
        self._lock = threading.Lock()

    def __call__(self, user_id: str) -> list[Json]:
        """Return the member's latest requests, newest first."""
        own = [exchange for exchange in self._workspace.exchanges if exchange.user_id == user_id]
        entries = self._entries(user_id) if own else []
        ends = [*(later.at for later in own[1:]), float("inf")]
        latest = list(zip(own, ends, strict=False))[-MAX_SHOWN:]
        return [self._request(exchange, end, entries) for exchange, end in reversed(latest)]

    def _request(self, exchange: Exchange, end: float, entries: list[Entry]) -> Json:
        about = _about(exchange, end, entries)
        return {
            "id": request_id(exchange.id),
            "what": describe(exchange),
            "at": exchange.at,
            "request": redacted(exchange.fields),
            "ack": {
                "result": exchange.ack,
                "status": exchange.status,
                "milliseconds": round(exchange.seconds * 1000, 1),
                "body": redacted(exchange.reply),
                "problem": exchange.problem,
            },
            "entries": [redacted(console.plain(entry)) for entry in about],
            "aws": [_call(call) for call in self._aws_calls(exchange, end, about)],
            "slack": self._slack_calls(exchange, end),
        }

    def _aws_calls(self, exchange: Exchange, end: float, about: list[Entry]) -> list[Call]:
        """Return the bot's calls of AWS between this request and the member's next one that name either of them.

        A call doesn't carry the id of Slack's request, so the names in it have to match.
        """
        names = [exchange.user_id, request_id(exchange.id)]
        names += [f'"{entry.profile_name}"' for entry in about if entry.profile_name]
        return [
            call
            for call in self._aws.recorded
            if call.caller == self._caller
            and exchange.at <= call.at < end
            and any(name in call.as_text for name in names)
        ]

    def _slack_calls(self, exchange: Exchange, end: float) -> list[Json]:
        names = (exchange.user_id, exchange.id)
        calls = [
            {"what": call.method, "at": call.at, "result": call.error or "ok", "content": redacted(call.arguments)}
            for call in self._workspace.api_calls
            if exchange.at <= call.at < end and any(name in str(call.arguments) for name in names)
        ]
        posts = [
            {"what": "response_url", "at": post.at, "result": post.body, "content": redacted(post.payload)}
            for post in self._workspace.deliveries
            if post.exchange == exchange.id
        ]
        return sorted(calls + posts, key=lambda each: each["at"])

    def _entries(self, user_id: str) -> list[Entry]:
        """Return the member's audit entries, newest first; none if the audit cannot be read just now."""
        team, since = self._workspace.installation.team_id, utc_now() - LOOK_BACK
        try:
            with self._lock:
                return list(self._admin.history(team, None, since, limit=5 * MAX_SHOWN, by=user_id))
        except StudioLinksError:
            return []


def _about(exchange: Exchange, end: float, entries: list[Entry]) -> list[Entry]:
    """Return the entries of an exchange, oldest first: of its link by id, and of changes by their time."""
    link = _entry_id(exchange)
    return [
        entry
        for entry in reversed(entries)
        if entry.id == link or (entry.action != ABOUT_A_LINK and exchange.at <= entry.at.timestamp() < end)
    ]


def _entry_id(exchange: Exchange) -> str:
    """Return the exchange's own entry, or the one that the pressed "Open Studio" names."""
    actions = exchange.fields.get("actions") or [{}]
    named = actions[0].get("value") if exchange.kind == "button" and "url" in actions[0] else None
    return named or request_id(exchange.id)


# The page has these words in its languages.
DESCRIPTIONS: dict[Kind, tuple[str, Callable[[Json], str]]] = {
    "command": ("{name}", lambda fields: f"{fields['command']} {fields['text']}".strip()),
    "button": ("pressed “{name}”", lambda fields: str(fields["actions"][0]["text"]["text"])),
    "choice": ("chose in “{name}”", lambda fields: str(fields["actions"][0]["action_id"])),
    "submission": ("submitted “{name}”", lambda fields: str(fields["view"]["title"]["text"])),
    "closing": ("closed “{name}”", lambda fields: str(fields["view"]["title"]["text"])),
    "shortcut": ("used the shortcut “{name}”", lambda fields: str(fields["callback_id"])),
    "suggestion": ("searched in “{name}”", lambda fields: str(fields["block_id"])),
    "event": ("wrote “{name}”", lambda fields: str(fields["event"]["text"])),
}


def describe(exchange: Exchange) -> Json:
    """Return the member's action: words with a place for a name, and the name."""
    fields = exchange.fields
    if "tab" in (event := fields.get("event", {})):
        return {"words": f"opened the app's {event['tab']} tab", "name": ""}
    words, name = DESCRIPTIONS[exchange.kind]
    return {"words": words, "name": name(fields)}


def _call(call: Call) -> Json:
    is_link = call.operation == "CreatePresignedDomainUrl"
    note = f"→ {LINK}" if is_link else " ".join(_tables(call.arguments)) or None
    return {"operation": call.operation, "at": call.at, "arguments": redacted(call.arguments), "note": note}


def _tables(arguments: Mapping[str, Any]) -> list[str]:
    """Return the tables of a call of DynamoDB: of one item, of several read together, or of a transaction."""
    if "TableName" in arguments:
        return [arguments["TableName"]]
    changes = [change for item in arguments.get("TransactItems", ()) for change in item.values()]
    return list(dict.fromkeys([*arguments.get("RequestItems", ()), *(change["TableName"] for change in changes)]))


def redacted(value: Any) -> Any:
    """Return the same JSON without links, `response_url`s, tokens and triggers, found by name and by shape."""
    if isinstance(value, Mapping):
        return {name: _KEYS[name] if name in _KEYS and part else redacted(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(part) for part in value]
    if isinstance(value, str):
        return _BEARER.sub(LINK, _RESPONSE_URL.sub(SECRET, value))
    return value
