"""docs/PRIVACY.md names every attribute of the tables and every field of the log."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from bot.core.access import Grant, Lockdown, Mapping
from bot.store.models import AccessItem, AuditItem, RuntimeItem

ROOT = Path(__file__).parent.parent.parent
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


def named(heading: str) -> set[str]:
    """Return what one section of the page names as code."""
    [section] = re.findall(
        rf"^## {heading}.*?(?=^## |\Z)", (ROOT / "docs/PRIVACY.md").read_text(), re.MULTILINE | re.DOTALL
    )
    return set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize(
    ("heading", "model"),
    [("The access table", AccessItem), ("The audit table", AuditItem), ("The runtime table", RuntimeItem)],
)
def test_each_table_attribute_is_named(heading: str, model: type[AccessItem | AuditItem | RuntimeItem]) -> None:
    stored = {attribute.attr_name for attribute in model.get_attributes().values()}
    assert stored - named(heading) == set()


@pytest.mark.parametrize("record", [Mapping, Grant, Lockdown])
def test_each_field_of_a_record_is_named(record: type[Mapping | Grant | Lockdown]) -> None:
    assert {field.name for field in fields(record)} - named("The access table") == set()


def log_fields() -> Iterator[str]:
    """Yield the fields of each call of a logger in production code."""
    for path in (ROOT / "bot").rglob("*.py"):
        if "local" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)) if level in LEVELS:
                    yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def test_each_log_field_is_named() -> None:
    written = {*log_fields(), "delivery", "id", "action", "source", "subject", "actor", "at", "opened_at", "door"}
    assert len(written) > 20
    assert written - named("The log") == set()
