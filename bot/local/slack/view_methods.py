"""`views.open`, `views.push`, `views.update` and `views.publish`, with Slack's rules and error codes."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from bot.local.slack.blocks import check_view
from bot.local.slack.features import Features
from bot.local.slack.methods import Answer, Method, failed
from bot.local.slack.people import Directory, Installation
from bot.local.slack.triggers import TriggerRefused, Triggers
from bot.local.slack.views import View, ViewRefused, Views

MAX_VIEW_BYTES = 250_000


class ViewMethods:
    """https://docs.slack.dev/reference/methods/views.open and its neighbours."""

    def __init__(
        self, app: Installation, features: Features, directory: Directory, views: Views, triggers: Triggers
    ) -> None:
        self._app = app
        self._features = features
        self._directory = directory
        self._views = views
        self._triggers = triggers

    def all(self) -> dict[str, Method]:
        opening = frozenset({"trigger_id", "view"})
        return {
            "views.open": Method(self._open, opening),
            "views.push": Method(self._push, opening),
            "views.update": Method(self._update, frozenset({"view_id", "external_id", "hash", "view"})),
            "views.publish": Method(self._publish, frozenset({"user_id", "hash", "view"})),
        }

    def _open(self, arguments: Mapping[str, Any]) -> Answer:
        return self._for_a_trigger(arguments, self._views.open)

    def _push(self, arguments: Mapping[str, Any]) -> Answer:
        return self._for_a_trigger(arguments, self._views.push)

    def _for_a_trigger(self, arguments: Mapping[str, Any], show: Callable[[str, Mapping[str, Any]], View]) -> Answer:
        if refused := _check(arguments, "modal"):
            return refused
        try:
            return self._shown(show(self._triggers.take(arguments.get("trigger_id")), arguments["view"]))
        except (TriggerRefused, ViewRefused) as error:
            return failed(error.code)

    def _update(self, arguments: Mapping[str, Any]) -> Answer:
        view_id, external_id = arguments.get("view_id"), arguments.get("external_id")
        if not view_id and not external_id:
            return failed("invalid_arguments", ("missing required field: view_id or external_id",))
        if refused := _check(arguments, None):
            return refused
        try:
            return self._shown(
                self._views.update(
                    arguments["view"],
                    view_id=view_id,
                    external_id=external_id,
                    hash_=arguments.get("hash", ""),
                )
            )
        except ViewRefused as error:
            return failed(error.code)

    def _publish(self, arguments: Mapping[str, Any]) -> Answer:
        if refused := _check(arguments, "home"):
            return refused
        if not self._features.home_tab:
            return failed("not_enabled")
        user = str(arguments.get("user_id", ""))
        if self._directory.person(user) is None:
            return failed("invalid_arguments", ("invalid `user_id`",))
        try:
            return self._shown(self._views.publish(user, arguments["view"], arguments.get("hash", "")))
        except ViewRefused as error:
            return failed(error.code)

    def _shown(self, view: View) -> Answer:
        return {"ok": True, "view": view.told(self._app)}


def _check(arguments: Mapping[str, Any], kind: str | None) -> Answer | None:
    """The answer that refuses the view, or None: it may be shown."""
    view = arguments.get("view")
    if problems := check_view(view, kind):
        return failed("invalid_arguments", tuple(problems))
    if len(json.dumps(view)) > MAX_VIEW_BYTES:
        return failed("view_too_large")
    return None
