"""Check the shape of JSON against rules, and list its problems in the words of Slack's own validator.

`rules.yaml` explains what a rule is. As in Slack's schemas, an object may hold only the properties named for it
(https://github.com/slackhq/hack-json-schema).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Rule = Any  # a rule of rules.yaml, as it was read
Check = Callable[[Any, str], Iterator[str]]

FLAGS = (True, False)
PATTERNS = {
    "date": ("10", r"\d{4}-\d{2}-\d{2}", "a date as YYYY-MM-DD"),
    "url": ("3000", r"(?s)[A-Za-z][A-Za-z0-9+.-]*:\S+", "a valid URL"),
}


def problem(what: str, at: str) -> str:
    return f"{what} [json-pointer:{at or '/'}]"


class Shapes:
    """The rules by name, and further checks that they may name."""

    def __init__(self, rules: Mapping[str, Rule], checks: Mapping[str, Check]) -> None:
        self._rules = rules
        self._checks = checks

    def problems(self, rule: Rule, value: Any, at: str = "") -> Iterator[str]:
        """Yield the mistakes in a value; `at` is its JSON pointer."""
        if isinstance(rule, str):
            yield from self._word(rule, value, at)
            return
        checks = (("fields", self._fields), ("types", self._types), ("list", self._list))
        found = [problem for key, check in checks if key in rule for problem in check(rule, value, at)]
        yield from found
        if isinstance(value, list if "list" in rule else Mapping):
            for name in rule.get("also", ()):
                yield from self._checks[name](value, at)

    def _word(self, rule: str, value: Any, at: str) -> Iterator[str]:
        word, *arguments = rule.split()
        if word.startswith("="):
            yield from self.problems(self._rules[word[1:]], value, at)
        elif word in ("plain", "text"):
            text = {"type": "any", "text": f"string 1 {arguments[0]}"}
            kinds = {"plain_text": "emoji~", "mrkdwn": "verbatim~"}
            types = {kind: {"fields": {**text, flag: "flag"}} for kind, flag in kinds.items()}
            yield from self._types(
                {"types": types if word == "text" else {"plain_text": types["plain_text"]}}, value, at
            )
        else:
            yield from WORDS[word](value, at, *arguments)

    def _fields(self, rule: Rule, value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield problem("must be an object", at)
            return
        known = {name.rstrip("~"): each for name, each in rule["fields"].items()}
        for name in rule["fields"]:
            if not name.endswith("~") and name not in value:
                yield problem(f"missing required field: {name}", at)
        for name, part in value.items():
            if name in known:
                yield from self.problems(known[name], part, f"{at}/{name}")
            else:
                yield problem(f"invalid additional property: {name}", at)

    def _types(self, rule: Rule, value: Any, at: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if not isinstance(kind, str):
            yield problem("missing required field: type", at)
        elif kind not in rule["types"]:
            yield problem(f"unsupported type: {kind}", f"{at}/type")
        else:
            yield from self.problems(rule["types"][kind], value, at)

    def _list(self, rule: Rule, value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield problem("must be an array", at)
            return
        if not value:
            yield problem("no fewer than 1 items allowed", at)
        if len(value) > rule["most"]:
            yield problem(f"no more than {rule['most']} items allowed", at)
        for index, item in enumerate(value):
            yield from self.problems(rule["list"], item, f"{at}/{index}")


def repeated(items: Sequence[Any], name: str, at: str) -> Iterator[str]:
    """Yield the items whose property of this name occurs again."""
    seen: set[object] = set()
    for index, item in enumerate(items):
        value = item.get(name) if isinstance(item, Mapping) else None
        if isinstance(value, str) and value in seen:
            yield problem(f"`{name}` {value!r} is used more than once", f"{at}/{index}/{name}")
        seen.add(value if isinstance(value, str) else None)


def _string(value: Any, at: str, least: str, most: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield problem("must be a string", at)
    elif len(value) < int(least):
        yield problem(f"must be more than {int(least) - 1} characters", at)
    elif len(value) > int(most):
        yield problem(f"must be less than {int(most) + 1} characters", at)


def _pattern(value: Any, at: str, kind: str) -> Iterator[str]:
    most, pattern, called = PATTERNS[kind]
    wrong = list(_string(value, at, "1", most))
    yield from wrong
    if not wrong and not re.fullmatch(pattern, value):
        yield problem(f"must be {called}", at)


def _number(value: Any, at: str, least: str, most: str) -> Iterator[str]:
    if type(value) is not int or not int(least) <= value <= int(most):
        yield problem(f"must be a number from {least} to {most}", at)


def _enum(value: Any, at: str, *allowed: object) -> Iterator[str]:
    if not any(value == one and type(value) is type(one) for one in allowed):
        yield problem(f"must be a valid enum value: {', '.join(map(str, allowed))}", at)


WORDS: dict[str, Callable[..., Iterator[str]]] = {
    "any": lambda _value, _at: iter(()),
    "string": _string,
    "date": lambda value, at: _pattern(value, at, "date"),
    "url": lambda value, at: _pattern(value, at, "url"),
    "number": _number,
    "enum": _enum,
    "flag": lambda value, at: _enum(value, at, *FLAGS),
    # Slack's own examples write some flags as strings.
    "loose_flag": lambda value, at: _enum(value, at, *FLAGS, "true", "false"),
}
