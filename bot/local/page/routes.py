"""The page in the browser: its files, what it is told, and what it asks for on behalf of a member.

It is told by server-sent events, one stream per page: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, request, send_from_directory

from bot.local.page.state import is_resident, snapshot
from bot.local.slack.screens import Message
from bot.local.slack.views import View
from bot.local.slack.workspace import Workspace

FILES = Path(__file__).parent / "static"
# Nothing from elsewhere, nothing inline, no script from text, and no frame around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Seconds: how often an open glass is looked through again, and how often a silent stream says that it lives.
GLANCE, HEARTBEAT = 0.5, 5.0

Json = dict[str, Any]


def page(workspace: Workspace) -> Blueprint:
    """The routes below `/`, for one workspace."""
    routes = Blueprint("page", __name__)
    routes.before_request(_only_from_the_page)
    routes.after_request(_with_headers)

    @routes.get("/")
    def index() -> Response:
        return send_from_directory(FILES, "index.html")

    @routes.get("/page/<name>")
    def file(name: str) -> Response:
        return send_from_directory(FILES, name)

    @routes.get("/events")
    def events() -> Response:
        user_id, glass = _viewer(workspace, request.args.get("as", "")), request.args.get("glass") == "1"
        since = request.args.get("since", type=float)
        since = time.monotonic() if since is None else since
        return Response(_stream(workspace, user_id, since, glass=glass), mimetype="text/event-stream")

    @routes.post("/do/<deed>")
    def do(deed: str) -> Response:
        asked = request.get_json()
        if deed not in DEEDS or not isinstance(asked, dict):
            abort(404)
        try:
            return jsonify(DEEDS[deed](workspace, _resident(workspace, asked), asked))
        except KeyError:
            abort(400)
        except LookupError as error:
            # What was pressed has left the screen meanwhile.
            return jsonify({"gone": str(error)})

    return routes


def _only_from_the_page() -> tuple[str, int] | None:
    """No other site may do or read anything through a member's browser; opening the page itself does no harm."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    own = site == "same-origin" or (site is None and origin is not None and urlsplit(origin).netloc == request.host)
    if request.method == "POST" and not own:
        return "only the page itself may do that\n", 403
    if request.path != "/" and site not in (None, "same-origin", "none"):
        return "only the page itself may read that\n", 403
    return None


def _with_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


def _resident(workspace: Workspace, asked: Any) -> str:
    user_id = asked.get("as")
    if not isinstance(user_id, str) or not is_resident(workspace, user_id):
        abort(404)
    return user_id


def _viewer(workspace: Workspace, user_id: str) -> str:
    """Whose screen to show: that of the first member where nobody, or somebody unknown, was named."""
    known = [person.id for person in workspace.directory.people() if is_resident(workspace, person.id)]
    return user_id if user_id in known else known[0]


def _stream(workspace: Workspace, user_id: str, since: float, *, glass: bool) -> Iterator[str]:
    """The member's screen whenever it has changed; a comment where it has not, so that a closed page is noticed."""
    behind = workspace.under_the_hood if glass else None
    told, seen, silent = "", -1, 0.0
    while not workspace.changes.closed:
        seen = workspace.changes.count
        state = snapshot(workspace, user_id, since)
        if glass:
            state["glass"] = behind(user_id) if behind else []
        now = json.dumps(state)
        if now != told:
            yield f"data: {now}\n\n"
            told, silent = now, 0.0
        elif silent >= HEARTBEAT:
            yield ": still here\n\n"
            silent = 0.0
        patience = GLANCE if glass else HEARTBEAT
        silent += patience
        workspace.changes.wait(seen, patience)


def _type(workspace: Workspace, user_id: str, asked: Json) -> Json:
    """What was typed: a slash command of the app, one of nobody, or a message."""
    text, channel = str(asked["text"]).strip(), str(asked["channel"])
    place = workspace.directory.channel(channel)
    if place is None or user_id not in place.members:
        raise LookupError("that conversation is not theirs")
    word, _, rest = text.partition(" ")
    if not text.startswith("/"):
        workspace.say(user_id, text, channel=channel)
    elif word in {command.name for command in workspace.features.commands}:
        workspace.command(user_id, rest.strip(), command=word, channel=channel)
    else:
        workspace.not_a_command(user_id, word, channel)
    return {}


def _act(workspace: Workspace, user_id: str, asked: Json) -> Json:
    done = workspace.press(
        user_id,
        _where(workspace, user_id, asked),
        str(asked["action"]),
        block_id=asked.get("block"),
        values=asked.get("values"),
    )
    return {"ack": done.ack}


def _submit(workspace: Workspace, user_id: str, asked: Json) -> Json:
    view = workspace.views.on_screen(user_id, asked["view"])
    done = workspace.submit(user_id, asked["values"], view=view)
    return {"errors": done.errors, "trouble": done.trouble}


def _close(workspace: Workspace, user_id: str, asked: Json) -> Json:
    view = workspace.views.on_screen(user_id, asked["view"])
    workspace.close(user_id, view=view, everything=bool(asked.get("everything")))
    return {}


def _open_home(workspace: Workspace, user_id: str, asked: Json) -> Json:
    workspace.open_home(user_id, "home" if asked.get("tab") == "home" else "messages")
    return {}


def _use_shortcut(workspace: Workspace, user_id: str, asked: Json) -> Json:
    known = {shortcut.callback_id for shortcut in workspace.features.shortcuts}
    if asked["shortcut"] not in known:
        raise LookupError("there is no such shortcut")
    return {"ack": workspace.shortcut(user_id, asked["shortcut"]).ack}


def _where(workspace: Workspace, user_id: str, asked: Json) -> Message | View:
    if "view" in asked:
        return workspace.views.on_screen(user_id, asked["view"])
    for message in workspace.view(user_id):
        if message.ts == asked["message"]:
            return message
    raise LookupError("that message has gone")


DEEDS: dict[str, Callable[[Workspace, str, Json], Json]] = {
    "type": _type,
    "act": _act,
    "submit": _submit,
    "close": _close,
    "open-home": _open_home,
    "use-shortcut": _use_shortcut,
}
