"""What a method of the Web API is to this stand-in, and how a method fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """One method: what it does, and the arguments it looks at; the scope it needs, if any.

    `open` needs no token, `app_level` needs the app's own instead of the bot's.
    """

    run: Callable[[Mapping[str, Any]], Answer]
    arguments: frozenset[str] = frozenset()
    scope: str | None = None
    open: bool = False
    app_level: bool = False


def failed(code: str, problems: tuple[str, ...] = ()) -> Answer:
    """Slack's way of saying no; with explanations where it gives any."""
    answer: Answer = {"ok": False, "error": code}
    if problems:
        answer["errors"] = list(problems)
        answer["response_metadata"] = {"messages": [f"[ERROR] {problem}" for problem in problems]}
    return answer
