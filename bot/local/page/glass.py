"""What happened behind the glass: for each thing a member did, the request, the decision, and what came of it.

Everything here was recorded by the stand-ins or read from the audit; nothing is made up from what the bot should do.
"""

import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from bot import console
from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings
from bot.core.audit import LINK as ABOUT_A_LINK
from bot.core.errors import StudioLinksError
from bot.core.records import Entry
from bot.core.values import utc_now
from bot.local.aws.calls import Call
from bot.local.aws.stand_in import LocalAws
from bot.local.demo.redaction import LINK, redacted
from bot.local.slack.exchanges import Exchange
from bot.local.slack.workspace import Workspace
from bot.slack.payloads import request_id

Json = dict[str, Any]
SHOWN = 20
LOOK_BACK = timedelta(days=1)


class Glass:
    """Looks through it for one member at a time. `caller` is the access key id that signs the bot's calls of AWS."""

    def __init__(self, workspace: Workspace, aws: LocalAws, settings: Settings, *, caller: str) -> None:
        self._workspace = workspace
        self._aws = aws
        self._settings = settings
        self._caller = caller
        self._lock = threading.Lock()

    def __call__(self, user_id: str) -> list[Json]:
        """The member's latest requests, newest first."""
        own = [exchange for exchange in self._workspace.exchanges if exchange.user_id == user_id]
        entries = self._entries(user_id) if own else []
        ends = [*(later.at for later in own[1:]), float("inf")]
        latest = list(zip(own, ends, strict=False))[-SHOWN:]
        return [self._tell(exchange, end, entries) for exchange, end in reversed(latest)]

    def _tell(self, exchange: Exchange, end: float, entries: list[Entry]) -> Json:
        about = _about(exchange, end, entries)
        return {
            "id": request_id(exchange.id),
            "what": _in_words(exchange),
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
            "aws": [_call(call) for call in self._calls(exchange, end, about)],
            "slack": self._answers(exchange, end),
        }

    def _calls(self, exchange: Exchange, end: float, about: list[Entry]) -> list[Call]:
        """The bot's calls of AWS between this request and the member's next one that name either of them.

        AWS is not told which request of Slack a call belongs to, so the names in it have to say.
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

    def _answers(self, exchange: Exchange, end: float) -> list[Json]:
        """What the bot asked of Slack for this request, and what it sent through its `response_url`."""
        told = [
            {
                "what": call.method,
                "at": call.at,
                "result": call.error or "ok",
                "content": redacted(call.arguments),
            }
            for call in self._workspace.api_calls
            if exchange.at <= call.at < end and _names(call.arguments, exchange)
        ]
        told += [
            {"what": "response_url", "at": post.at, "result": post.body, "content": redacted(post.payload)}
            for post in self._workspace.deliveries
            if post.exchange == exchange.id
        ]
        return sorted(told, key=lambda each: each["at"])

    def _entries(self, user_id: str) -> list[Entry]:
        """What the audit has of the member's doings, newest first; nothing if it cannot be read just now."""
        team, since = self._workspace.installation.team_id, utc_now() - LOOK_BACK
        try:
            with self._lock:
                return list(self._admin.history(team, None, since, limit=5 * SHOWN, by=user_id))
        except StudioLinksError:
            return []

    @cached_property
    def _admin(self) -> Admin:
        return administration.admin(self._settings)


def _about(exchange: Exchange, end: float, entries: list[Entry]) -> list[Entry]:
    """The entries of an exchange, oldest first: of the link it is about, and of what was changed before the next one.

    The entry of a change has an id of its own, so its time has to say where it belongs.
    """
    link = _entry_id(exchange)
    return [
        entry
        for entry in reversed(entries)
        if entry.id == link or (entry.action != ABOUT_A_LINK and exchange.at <= entry.at.timestamp() < end)
    ]


def _entry_id(exchange: Exchange) -> str:
    """The entry that an exchange is about: its own, or the one that the pressed "Open Studio" names."""
    actions = exchange.fields.get("actions") or [{}]
    named = actions[0].get("value") if exchange.kind == "button" and "url" in actions[0] else None
    return named or request_id(exchange.id)


def _in_words(exchange: Exchange) -> str:
    fields = exchange.fields
    match exchange.kind:
        case "command":
            words = f"{fields['command']} {fields['text']}".strip()
        case "button":
            words = f"pressed “{fields['actions'][0]['text']['text']}”"
        case "choice":
            words = f"chose in “{fields['actions'][0]['action_id']}”"
        case "submission" | "closing":
            words = (
                f"{'submitted' if exchange.kind == 'submission' else 'closed'} “{fields['view']['title']['text']}”"
            )
        case "shortcut":
            words = f"used the shortcut “{fields['callback_id']}”"
        case "event":
            words = f"opened the app's {fields['event']['tab']} tab"
    return words


def _call(call: Call) -> Json:
    note = " ".join(_tables(call.arguments)) or None
    if call.operation == "CreatePresignedDomainUrl":
        note = f"→ {LINK}"
    return {"operation": call.operation, "at": call.at, "arguments": redacted(call.arguments), "note": note}


def _tables(arguments: Mapping[str, Any]) -> list[str]:
    """The tables that a call to DynamoDB is about: of one item, of several read together, or of a transaction."""
    if "TableName" in arguments:
        return [arguments["TableName"]]
    changes = [change for item in arguments.get("TransactItems", ()) for change in item.values()]
    return list(dict.fromkeys([*arguments.get("RequestItems", ()), *(change["TableName"] for change in changes)]))


def _names(arguments: Any, exchange: Exchange) -> bool:
    text = str(arguments)
    return exchange.user_id in text or exchange.id in text
