"""`views.open`, `.push`, `.update` and `.publish`. https://docs.slack.dev/reference/methods/views.open"""

import json

from bot.local.slack.blocks import check_view
from bot.local.slack.methods import Answer, Arguments, method
from bot.local.slack.refusals import Refusal
from bot.local.slack.state import WorkspaceState
from bot.local.slack.views import View

MAX_VIEW_BYTES = 250_000


@method("views.open", "trigger_id view")
def open_view(state: WorkspaceState, arguments: Arguments) -> Answer:
    _check(arguments, "modal")
    return _shown(state, state.views.open(state.triggers.take(arguments.get("trigger_id")), arguments["view"]))


@method("views.push", "trigger_id view")
def push_view(state: WorkspaceState, arguments: Arguments) -> Answer:
    _check(arguments, "modal")
    return _shown(state, state.views.push(state.triggers.take(arguments.get("trigger_id")), arguments["view"]))


@method("views.update", "view_id external_id hash view")
def update_view(state: WorkspaceState, arguments: Arguments) -> Answer:
    view_id, external_id = arguments.get("view_id"), arguments.get("external_id")
    if not view_id and not external_id:
        raise Refusal("invalid_arguments", ("missing required field: view_id or external_id",))
    _check(arguments, None)
    known_hash = arguments.get("hash", "")
    view = state.views.update(arguments["view"], view_id=view_id, external_id=external_id, known_hash=known_hash)
    return _shown(state, view)


@method("views.publish", "user_id hash view")
def publish_view(state: WorkspaceState, arguments: Arguments) -> Answer:
    _check(arguments, "home")
    if not state.features.home_tab:
        raise Refusal("not_enabled")
    user = str(arguments.get("user_id", ""))
    if state.directory.person(user) is None:
        raise Refusal("invalid_arguments", ("invalid `user_id`",))
    return _shown(state, state.views.publish(user, arguments["view"], arguments.get("hash", "")))


def _shown(state: WorkspaceState, view: View) -> Answer:
    return {"view": view.as_payload(state.installation)}


def _check(arguments: Arguments, kind: str | None) -> None:
    view = arguments.get("view")
    if problems := check_view(view, kind):
        raise Refusal("invalid_arguments", tuple(problems))
    if len(json.dumps(view)) > MAX_VIEW_BYTES:
        raise Refusal("view_too_large")
