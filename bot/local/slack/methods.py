"""The methods of Slack's Web API that this stand-in has: each module of methods adds its own to `METHODS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.local.slack.state import WorkspaceState

Arguments = Mapping[str, Any]
Answer = dict[str, Any]
Run = Callable[[WorkspaceState, Arguments], Answer]


@dataclass(frozen=True, slots=True)
class Method:
    """One method: the arguments it looks at, the scope it needs if any, and its answer besides `ok`.

    It needs the bot's token, or the app's own if it is `app_level`. A `Refusal` is its error.
    """

    run: Run
    arguments: frozenset[str]
    scope: str | None
    needs_token: bool
    app_level: bool


METHODS: dict[str, Method] = {}


def method(
    name: str, arguments: str = "", *, scope: str | None = None, needs_token: bool = True, app_level: bool = False
) -> Callable[[Run], Run]:
    """Let a function answer the Web API method of this name; `arguments` are separated by spaces."""

    def add(run: Run) -> Run:
        METHODS[name] = Method(run, frozenset(arguments.split()), scope, needs_token, app_level)
        return run

    return add
