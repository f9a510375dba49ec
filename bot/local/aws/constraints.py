"""Check a request against its botocore shape, as AWS does before anything else.

Types matter only to clients without an SDK; lengths, ranges, patterns and enums are left to the service. The model
that ships with botocore states them all.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

# The Python types of JSON values. Other shapes are not checked.
TYPES: dict[str, Any] = {"structure": dict, "map": dict, "list": list, "string": str, "blob": str, "boolean": bool}
TYPES |= {"integer": int, "long": int}


def mistyped(shape: Shape, value: Any) -> str:
    """Return the message of the SerializationException for a value of another type; "" if all types fit."""
    expected = TYPES.get(shape.type_name, object)
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is int):
        return f"{type(value).__name__.upper()}_VALUE can not be converted to {shape.type_name}"
    parts: Iterator[tuple[Shape, Any]] = iter(())
    if isinstance(shape, StructureShape):
        # A field that is null counts as missing, and one that the model lacks is ignored.
        known = (name for name, part in value.items() if name in shape.members and part is not None)
        parts = ((shape.members[name], value[name]) for name in known)
    elif isinstance(shape, ListShape):
        parts = ((shape.member, part) for part in value)
    elif isinstance(shape, MapShape):
        parts = ((shape.value, part) for part in value.values())
    return next(filter(None, (mistyped(inner, part) for inner, part in parts)), "")


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """The constraints that ``value`` breaks, in AWS's wording; nothing for a valid value.

    ``path`` is the lower-camel-case place of the value ("" for the whole request). Maps are not looked into.
    """
    if isinstance(shape, StructureShape):
        yield from _structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _size(len(value), "length", shape, value, path)
        for number, element in enumerate(value, start=1):
            yield from violations(shape.member, element, f"{path}.{number}.member")
    elif isinstance(shape, StringShape):
        yield from _string(shape, value, path)
    elif shape.type_name in {"integer", "long"}:
        yield from _size(value, "value", shape, value, path)


def report(found: list[str]) -> str:
    """The message of the ValidationException for a non-empty list of violations."""
    noun = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {noun} detected: {'; '.join(found)}"


def broken(value: Any, path: str, constraint: str) -> str:
    """One violation in AWS's wording. (None is what AWS calls null.)"""
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {constraint}"


def _structure(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        inner = f"{path}.{_lower_first(name)}" if path else _lower_first(name)
        if value.get(name) is not None:
            yield from violations(member, value[name], inner)
        elif name in shape.required_members:
            yield broken(None, inner, "not be null")


def _string(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield broken(value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")
    yield from _size(len(value), "length", shape, value, path)
    pattern = shape.metadata.get("pattern")
    if pattern and (compiled := _compiled(pattern)) and not compiled.fullmatch(value):
        yield broken(value, path, f"satisfy regular expression pattern: {pattern}")


def _size(size: int, what: str, shape: Shape, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and size > most:
        yield broken(value, path, f"have {what} less than or equal to {most}")
    if least is not None and size < least:
        yield broken(value, path, f"have {what} greater than or equal to {least}")


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:  # the models are written for Java: \p{L} and its like mean nothing here
        return None


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
