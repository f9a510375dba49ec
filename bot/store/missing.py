"""Advice where a table is missing. The region, prefix or endpoint may be wrong, and new tables would be empty."""

from collections.abc import Collection, Mapping
from typing import Any

from bot.observability.aws_failures import AWS_ERRORS, error_code

KINDS = ("access", "audit", "runtime")
TABLE_MISSING = {"ResourceNotFoundException", "TableNotFoundException"}
CREATE = "run `studio-links tables create`"


def explain_missing_tables(client: Any, prefix: str) -> None:
    """Replace DynamoDB's message about a missing table by one that says where we looked, and what to do."""

    def answered(parsed: Mapping[str, Any], **_: object) -> None:
        error = parsed.get("Error") or {}
        if error.get("Code") in TABLE_MISSING:
            error["Message"] = _advice(client, prefix)

    client.meta.events.register("after-call.dynamodb", answered, unique_id="explain-missing-tables")


def prefixes(names: Collection[str]) -> list[str]:
    """Return the prefixes of installations: those that at least two of our tables have."""
    found = [name.removesuffix(kind) for kind in KINDS for name in names if name.endswith(kind)]
    return sorted({prefix for prefix in found if found.count(prefix) > 1})


def table_names(client: Any) -> list[str]:
    """Return the names of all tables of the region; raise AWS_ERRORS."""
    return [name for page in client.get_paginator("list_tables").paginate() for name in page["TableNames"]]


def place(client: Any, prefix: str) -> str:
    """Return where we look for tables."""
    return f"in {client.meta.region_name} at {client.meta.endpoint_url} with STUDIO_TABLE_PREFIX {prefix!r}"


def _advice(client: Any, prefix: str) -> str:
    where = f"looked {place(client, prefix)}"
    settings = "check AWS_REGION, STUDIO_TABLE_PREFIX and AWS_ENDPOINT_URL"
    try:
        names = table_names(client)
    except AWS_ERRORS as error:
        why = error_code(error)
        return f"({where}; its tables could not be listed, {why}): {settings}, or allow dynamodb:ListTables"
    if own := [prefix + kind for kind in KINDS if prefix + kind in names]:
        return f"({where}; {', '.join(own)} exists): restore it from its backup, or {CREATE} for an empty one"
    if others := prefixes(names):
        shown = ", ".join(map(repr, others))
        return f"({where}; there are tables with the prefix {shown}): {settings}"
    return f"({where}; none of the {len(names)} tables there is ours): {CREATE}"
