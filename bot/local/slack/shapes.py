"""Small checks for the shape of JSON, which list what is wrong with it in the words of Slack's own validator.

Each check takes a value and its JSON pointer and yields problems. As in Slack's schemas, an object may hold
only the properties named for it (https://github.com/slackhq/hack-json-schema).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Check = Callable[[Any, str], Iterator[str]]


def problem(what: str, at: str) -> str:
    return f"{what} [json-pointer:{at or '/'}]"


def string(most: int, *, least: int = 1, like: str = "", called: str = "") -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield problem("must be a string", at)
        elif len(value) < least:
            yield problem(f"must be more than {least - 1} characters", at)
        elif len(value) > most:
            yield problem(f"must be less than {most + 1} characters", at)
        elif like and not re.fullmatch(like, value):
            yield problem(f"must be {called}", at)

    return check


def number(least: int, most: int) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if type(value) is not int or not least <= value <= most:
            yield problem(f"must be a number from {least} to {most}", at)

    return check


def one_of(*allowed: object) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not any(value == one and type(value) is type(one) for one in allowed):
            yield problem(f"must be a valid enum value: {', '.join(map(str, allowed))}", at)

    return check


def anything(_value: Any, _at: str) -> Iterator[str]:
    """Checked elsewhere."""
    yield from ()


def items(each: Check, most: int, *rules: Check) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield problem("must be an array", at)
            return
        if not value:
            yield problem("no fewer than 1 items allowed", at)
        if len(value) > most:
            yield problem(f"no more than {most} items allowed", at)
        for index, item in enumerate(value):
            yield from each(item, f"{at}/{index}")
        for rule in rules:
            yield from rule(value, at)

    return check


def mapping(required: Mapping[str, Check], optional: Mapping[str, Check], *rules: Check) -> Check:
    """An object with exactly these properties; what it does not name is refused."""
    known = {**required, **optional}

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield problem("must be an object", at)
            return
        for name in required:
            if name not in value:
                yield problem(f"missing required field: {name}", at)
        for name, part in value.items():
            if name in known:
                yield from known[name](part, f"{at}/{name}")
            else:
                yield problem(f"invalid additional property: {name}", at)
        for rule in rules:
            yield from rule(value, at)

    return check


def typed(kinds: Mapping[str, Check]) -> Check:
    """One of several objects, told apart by their `type`."""

    def check(value: Any, at: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if not isinstance(kind, str):
            yield problem("missing required field: type", at)
        elif kind not in kinds:
            yield problem(f"unsupported type: {kind}", f"{at}/type")
        else:
            yield from kinds[kind](value, at)

    return check


def needs(*names: str, together: bool = True) -> Check:
    """At least one of these properties, or exactly one where they exclude each other."""

    def check(value: Any, at: str) -> Iterator[str]:
        given = [name for name in names if name in value]
        if not given or (len(given) > 1 and not together):
            yield problem(f"must define {'either ' if not together else ''}{' or '.join(names)}", at)

    return check


def repeated(items: Sequence[Any], name: str, at: str) -> Iterator[str]:
    seen: set[object] = set()
    for index, item in enumerate(items):
        value = item.get(name) if isinstance(item, Mapping) else None
        if isinstance(value, str) and value in seen:
            yield problem(f"`{name}` {value!r} is used more than once", f"{at}/{index}/{name}")
        seen.add(value if isinstance(value, str) else None)
