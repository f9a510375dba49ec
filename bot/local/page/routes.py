"""The page in the browser: its files, the stream of what it shows, and what it does on behalf of a member.

The stream is one of server-sent events for each page: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, request, send_from_directory

from bot.local.page.state import snapshot
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
# Seconds: how often "Under the hood" is updated, and how often a silent stream sends a sign of life.
HOOD_INTERVAL, HEARTBEAT = 0.5, 5.0
# The languages of Slack that the page offers.
LOCALES = ("en-US", "de-DE")

Json = dict[str, Any]


def page(workspace: Workspace) -> Blueprint:
    """Return the routes below `/`, for one workspace."""
    routes = Blueprint("page", __name__)
    routes.before_request(_only_from_the_page)
    routes.after_request(_with_headers)

    @routes.get("/", defaults={"name": "index.html"})
    @routes.get("/page/<name>")
    def file(name: str) -> Response:
        return send_from_directory(FILES, name)

    @routes.get("/events")
    def events() -> Response:
        members, user_id = _members(workspace), request.args.get("as", "")
        user_id, hood = user_id if user_id in members else members[0], request.args.get("hood") == "1"
        since = request.args.get("since", type=float)
        since = time.monotonic() if since is None else since
        return Response(_stream(workspace, user_id, since, hood=hood), mimetype="text/event-stream")

    @routes.post("/do/<name>")
    def do(name: str) -> Response:
        sent = request.get_json()
        user_id = sent.get("as") if isinstance(sent, dict) else None
        if name not in ACTIONS or not isinstance(user_id, str) or user_id not in _members(workspace):
            abort(404)
        try:
            return jsonify(ACTIONS[name](workspace, user_id, sent))
        except KeyError:
            abort(400)
        except LookupError as error:
            # The pressed element has left the screen meanwhile.
            return jsonify({"gone": str(error)})

    return routes


def _only_from_the_page() -> tuple[str, int] | None:
    """Let no other site do or read anything through a member's browser; opening the page itself does no harm."""
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


def _members(workspace: Workspace) -> list[str]:
    return [person.id for person in workspace.directory.members()]


def _stream(workspace: Workspace, user_id: str, since: float, *, hood: bool) -> Iterator[str]:
    """Yield the member's screen after each change, and a comment in between, so that a closed page is noticed."""
    last, seen, silent = "", -1, 0.0
    while not workspace.changes.closed:
        seen = workspace.changes.count
        state = snapshot(workspace, user_id, since)
        if hood:
            state["hood"] = workspace.under_the_hood(user_id) if workspace.under_the_hood else []
        now = json.dumps(state)
        if now != last:
            yield f"data: {now}\n\n"
            last, silent = now, 0.0
        elif silent >= HEARTBEAT:
            yield ": still here\n\n"
            silent = 0.0
        interval = HOOD_INTERVAL if hood else HEARTBEAT
        silent += interval
        workspace.changes.wait(seen, interval)


def _type(workspace: Workspace, user_id: str, sent: Json) -> Json:
    """Send what was typed: a slash command of the app, one that no app has, or a message."""
    text, channel = str(sent["text"]).strip(), str(sent["channel"])
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


def _act(workspace: Workspace, user_id: str, sent: Json) -> Json:
    where, action_id = _where(workspace, user_id, sent), str(sent["action"])
    done = workspace.press(user_id, where, action_id, block_id=sent.get("block"), values=sent.get("values"))
    return {"ack": done.ack}


def _suggest(workspace: Workspace, user_id: str, sent: Json) -> Json:
    view = workspace.views.on_screen(user_id, sent["view"])
    typed, action_id = str(sent["typed"]), str(sent["action"])
    found = workspace.suggest(user_id, view, action_id, typed, block_id=sent.get("block"))
    return {"options": found.options, "trouble": found.trouble}


def _submit(workspace: Workspace, user_id: str, sent: Json) -> Json:
    view = workspace.views.on_screen(user_id, sent["view"])
    done = workspace.submit(user_id, sent["values"], view=view)
    return {"errors": done.errors, "trouble": done.trouble}


def _close(workspace: Workspace, user_id: str, sent: Json) -> Json:
    view = workspace.views.on_screen(user_id, sent["view"])
    workspace.close(user_id, view=view, everything=bool(sent.get("everything")))
    return {}


def _open_home(workspace: Workspace, user_id: str, sent: Json) -> Json:
    workspace.open_home(user_id, "home" if sent.get("tab") == "home" else "messages")
    return {}


def _use_shortcut(workspace: Workspace, user_id: str, sent: Json) -> Json:
    if sent["shortcut"] not in {shortcut.callback_id for shortcut in workspace.features.shortcuts}:
        raise LookupError("no such shortcut")
    return {"ack": workspace.shortcut(user_id, sent["shortcut"]).ack}


def _speak(workspace: Workspace, user_id: str, sent: Json) -> Json:
    """Change the language of a member's Slack, or of everyone's."""
    if sent["locale"] not in LOCALES:
        raise LookupError("no such language")
    for person in workspace.directory.members():
        if sent.get("everyone") or person.id == user_id:
            workspace.directory.put(replace(person, locale=sent["locale"]))
    workspace.changes.note()
    return {}


def _where(workspace: Workspace, user_id: str, sent: Json) -> Message | View:
    if "view" in sent:
        return workspace.views.on_screen(user_id, sent["view"])
    return workspace.screens.on_screen(user_id, sent["message"])


ACTIONS: dict[str, Callable[[Workspace, str, Json], Json]] = {
    "type": _type,
    "act": _act,
    "suggest": _suggest,
    "submit": _submit,
    "close": _close,
    "open-home": _open_home,
    "speak": _speak,
    "use-shortcut": _use_shortcut,
}
