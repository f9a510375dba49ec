"""From Slack's payloads to typed values. Pure.

Identity comes from the signed payload alone: nobody can name another member in what they type.
https://docs.slack.dev/interactivity/implementing-slash-commands
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.sax.saxutils import unescape

from bot.core.errors import BadInput
from bot.core.link import StudioApp, Target
from bot.core.values import ALIAS, MAX_NAME, NAME, RESERVED_WORDS

# Slack's own helper account, which users.info does not mark as a bot.
SLACKBOT = "USLACKBOT"

# The value of an option that is only a note: Slack has no other place for one in a list.
NOTHING = "-"

# The form of a `request_id`.
REQUEST_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Home:
    """The app and workspace that our own token belongs to, as Slack named them at start-up."""

    app_id: str
    team_id: str
    enterprise_id: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a request, and the ways to answer it.

    Attributes:
        request_id: the same for the same `trigger_id`, which it does not reveal.
        user_team_id: the presser's own team, which for a Slack Connect outsider is not `team_id`.
        response_url: answers this one request for 30 minutes; a secret.
        trigger_id: lets us open one dialog within three seconds; a secret.
        view_id: the dialog the button is in.
        view_mark: proves that we opened the dialog for this very member.
        view_name: the dialog by the name that we give it, where Slack has yet to learn of it.
        message: the message the button is in, by channel and time.
        by_message: whether a direct message is the only way to answer.
        command: the slash command as it was typed, for the words that repeat it.
    """

    request_id: str
    app_id: str
    user_id: str
    team_id: str | None = None
    enterprise_id: str | None = None
    user_team_id: str | None = None
    channel_id: str | None = None
    response_url: str | None = field(default=None, repr=False)
    trigger_id: str | None = field(default=None, repr=False)
    view_id: str | None = None
    view_mark: str = field(default="", repr=False)
    view_name: str | None = None
    message: str | None = None
    by_message: bool = False
    command: str = "/studio"

    @property
    def place(self) -> str | None:
        """The dialog or message that an answer replaces, which we may still change when its link is dead."""
        return self.view_id or self.message


@dataclass(frozen=True, slots=True)
class Open:
    """`/studio [ALIAS] [lab|code|canvas|rstudio|classic|home] [space NAME]`."""

    target: Target = field(default_factory=Target)


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """`/studio whoami`."""


@dataclass(frozen=True, slots=True)
class ShowRunning:
    """`/studio running`."""


@dataclass(frozen=True, slots=True)
class Ask:
    """`/studio request`."""


@dataclass(frozen=True, slots=True)
class GiveBack:
    """`/studio return`."""


@dataclass(frozen=True, slots=True)
class Administer:
    """`/studio admin …`, its text as Slack sent it: escaped, which tells mentions from their imitations."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """`/studio help`, or text that we do not understand."""

    not_understood: str | None = None


Command = Open | WhoAmI | ShowRunning | Ask | GiveBack | Administer | Help

# The commands of one word.
WORDS: Mapping[str, Command] = {
    "help": Help(),
    "whoami": WhoAmI(),
    "running": ShowRunning(),
    "request": Ask(),
    "return": GiveBack(),
}
APPS = {app.value: app for app in StudioApp}
SPACE = "space"


class Texts(dict[str, str]):
    """The texts of a payload that are not empty; BadInput where one that Slack always sends is missing."""

    def __init__(self, payload: object) -> None:
        fields = payload.items() if isinstance(payload, Mapping) else ()
        super().__init__({name: value for name, value in fields if isinstance(value, str) and value})

    def __missing__(self, key: str) -> str:
        raise BadInput(f"Slack sent a request without {key}: try again")


def command_origin(body: Mapping[str, Any]) -> Origin:
    """Return the origin of a slash command; BadInput without a field that Slack always sends."""
    texts = Texts(body)
    return Origin(
        request_id=request_id(texts["trigger_id"]),
        trigger_id=texts["trigger_id"],
        app_id=texts["api_app_id"],
        team_id=texts.get("team_id"),
        enterprise_id=texts.get("enterprise_id"),
        user_id=texts["user_id"],
        channel_id=texts.get("channel_id"),
        response_url=texts.get("response_url"),
        command=texts["command"],
    )


def action_origin(body: Mapping[str, Any]) -> Origin:
    """Return the origin of a pressed button or a shortcut; BadInput as for `command_origin`."""
    texts, user, view = Texts(body), Texts(body.get("user")), Texts(body.get("view"))
    channel_id = Texts(body.get("channel")).get("id")
    ts = Texts(body.get("container")).get("message_ts")
    return Origin(
        request_id=request_id(texts["trigger_id"]),
        app_id=texts["api_app_id"],
        team_id=Texts(body.get("team")).get("id"),
        enterprise_id=Texts(body.get("enterprise")).get("id"),
        user_id=user["id"],
        user_team_id=user.get("team_id"),
        channel_id=channel_id,
        response_url=texts.get("response_url"),
        trigger_id=texts["trigger_id"],
        view_id=view.get("id") if view.get("type") == "modal" else None,
        view_mark=view.get("private_metadata", "").rpartition("\n")[2],
        message=f"{channel_id}/{ts}" if ts else None,
    )


def form_origin(body: Mapping[str, Any]) -> Origin:
    """Return the origin of a submitted dialog. It is closed by then, which leaves a direct message."""
    return replace(action_origin(body), view_id=None, by_message=True)


def suggestion_origin(body: Mapping[str, Any]) -> Origin:
    """Return the origin of a request for suggestions; BadInput as for `command_origin`.

    It has no `trigger_id`, and is answered in the acknowledgement. All of one field in one dialog have the same id.
    https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
    """
    view, user, field_name = Texts(body.get("view")), Texts(body.get("user")), Texts(body)["action_id"]
    return action_origin({**body, "trigger_id": f"suggestion {user['id']} {view['id']} {field_name}"})


def event_origin(body: Mapping[str, Any]) -> Origin:
    """Return the origin of an event; BadInput as for `command_origin`.

    https://docs.slack.dev/apis/events-api#event-type-structure
    """
    texts, event = Texts(body), Texts(body.get("event"))
    return Origin(
        request_id=request_id(texts["event_id"]),
        app_id=texts["api_app_id"],
        team_id=texts.get("team_id"),
        enterprise_id=texts.get("enterprise_id"),
        user_id=event["user"],
        by_message=event.get("type") == "message",
    )


def action_value(body: Mapping[str, Any]) -> str:
    """Return the value of the pressed button, or the chosen option or user; empty without one."""
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(first, Mapping):
        return ""
    given = Texts(first)
    return given.get("value") or given.get("selected_user") or Texts(first.get("selected_option")).get("value", "")


def field_value(body: Mapping[str, Any], block_id: str) -> str:
    """Return the content or choice of a dialog's field; empty without one."""
    fields = _part(_part(_part(_part(body, "view"), "state"), "values"), block_id)
    field_state = next((value for value in fields.values() if isinstance(value, Mapping)), {})
    given, chosen = Texts(field_state), Texts(field_state.get("selected_option"))
    keys = ("value", "selected_user", "selected_date")
    value = next((given[key] for key in keys if key in given), chosen.get("value", ""))
    return "" if value == NOTHING else value


def private_metadata(body: Mapping[str, Any]) -> str:
    """Return the text that we gave the dialog to bring back, without our mark. Check it like any other input."""
    return Texts(body.get("view")).get("private_metadata", "").partition("\n")[0]


def parse(text: str) -> Command:
    """Parse the text after the command. Only a space's name has a case.

    With `should_escape`, which the manifest sets, Slack sends three characters escaped.
    """
    first, *rest = text.split(maxsplit=1) or [""]
    if first.lower() == "admin":
        return Administer(rest[0] if rest else "")
    words = (text := unescape(text)).split()
    if len(words) == 1 and words[0].lower() in WORDS:
        return WORDS[words[0].lower()]
    target = parse_target(words)
    return Help(text.strip()) if target is None else Open(target)


def parse_target(words: Sequence[str]) -> Target | None:
    """Return the target that the words ask for; None if they mean nothing."""
    left, alias, app, space = list(words), None, None, None
    if left and ALIAS.fullmatch(left[0].lower()) and left[0].lower() not in RESERVED_WORDS:
        alias = left.pop(0).lower()
    if left and left[0].lower() in APPS:
        app = APPS[left.pop(0).lower()]
    if left and left[0].lower() == SPACE:
        left.pop(0)
        space = left.pop(0) if left else ""
    if left or (space and (len(space) > MAX_NAME or not NAME.fullmatch(space))):
        return None
    return Target(alias, app, space)


def request_id(trigger_id: str) -> str:
    """Return the id under which a request is recorded. A `trigger_id` opens dialogs while it lives: keep its hash."""
    return hashlib.sha256(trigger_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _part(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = body.get(key)
    return part if isinstance(part, Mapping) else {}
