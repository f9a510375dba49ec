"""Creating and checking the three tables."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import TTLAttribute
from pynamodb.models import Model

from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.store.errors import store_errors
from bot.store.models import RuntimeItem, Tables, client_of

# What DynamoDB answers while a table is still settling in, and the seconds between attempts.
TOO_EARLY = {"ContinuousBackupsUnavailableException", "ResourceInUseException"}
PAUSES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Finding:
    """One property of one table: what it is, whether it is right, and how to mend it."""

    table: str
    name: str
    ok: bool
    detail: str


def create(tables: Tables) -> Iterator[Finding]:
    """Create what is missing and switch on what protects the data. Running it again changes nothing.

    A table of somebody else's that has such a name is left as it is.

    Yields what was done as it is done: on AWS a new table takes some ten seconds.

    Raises:
        StoreError: DynamoDB refused or could not be reached.
    """
    for model in tables.all():
        name = model.Meta.table_name
        with store_errors():
            if model.exists():
                differs = _differs(model, _describe(model))
                yield Finding(name, "table", ok=differs is None, detail=differs or "exists")
                if differs:
                    continue
            else:
                model.create_table(wait=True, billing_mode="PAY_PER_REQUEST")
                yield Finding(name, "table", ok=True, detail="created, billed on demand")
            if _ttl(model) not in (None, "ENABLED", "ENABLING"):
                model.update_ttl(ignore_update_ttl_errors=False)
                yield Finding(name, "time to live", ok=True, detail="switched on")
        if not issubclass(model, RuntimeItem):
            yield from _protect(model)


def _protect(model: type[Model]) -> Iterator[Finding]:
    """Deletion protection and point-in-time recovery."""
    name, client = model.Meta.table_name, client_of(model)

    def delete_protection() -> None:
        if not _describe(model).get("DeletionProtectionEnabled"):
            client.update_table(TableName=name, DeletionProtectionEnabled=True)

    def recovery() -> None:
        specification = {"PointInTimeRecoveryEnabled": True}
        client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)

    yield _switched_on(name, "deletion protection", delete_protection)
    yield _switched_on(name, "point-in-time recovery", recovery)


def _switched_on(table: str, what: str, switch: Callable[[], None]) -> Finding:
    """Try for a while: DynamoDB refuses some changes in the first seconds of a table's life."""
    for pause in (*PAUSES, None):
        try:
            with store_errors():
                switch()
        except StoreError as error:
            if error.code in TOO_EARLY and pause is not None:
                time.sleep(pause)
                continue
            why = error.code or str(error)
            return Finding(table, what, ok=False, detail=f"not switched on ({why}): run this again, or ask AWS why")
        return Finding(table, what, ok=True, detail="on")
    raise AssertionError("the last attempt has returned")


def check(tables: Tables) -> Iterator[Finding]:
    """Everything about the tables that the bot relies on, compared with what DynamoDB says.

    Raises:
        StoreError: DynamoDB refused or could not be reached.
    """
    for model in tables.all():
        name = model.Meta.table_name
        with store_errors():
            if not model.exists():
                yield Finding(name, "table", ok=False, detail="missing: run `studio-links tables create`")
                continue
            found, ttl = _describe(model), _ttl(model)
        status = found.get("TableStatus", "unknown")
        yield Finding(name, "table", ok=status == "ACTIVE", detail=status.lower())

        differs = _differs(model, found)
        yield Finding(name, "keys", ok=differs is None, detail=differs or "as expected")
        billing = found.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
        yield Finding(
            name,
            "billing",
            ok=billing == "PAY_PER_REQUEST",
            detail="on demand" if billing == "PAY_PER_REQUEST" else f"{billing}: a rush will be throttled",
        )
        if ttl is not None:
            on = ttl in ("ENABLED", "ENABLING")
            yield Finding(name, "time to live", ok=on, detail="on" if on else "off: run `studio-links tables create`")
        if not issubclass(model, RuntimeItem):
            on = bool(found.get("DeletionProtectionEnabled"))
            yield Finding(
                name,
                "deletion protection",
                ok=on,
                detail="on" if on else "off: run `studio-links tables create`",
            )
            with store_errors():
                on = _recovery(model)
            yield Finding(
                name,
                "point-in-time recovery",
                ok=on,
                detail="on" if on else "off: run `studio-links tables create`",
            )


def ready(tables: Tables) -> None:
    """Return if every table can serve.

    Raises:
        StoreError: DynamoDB cannot be reached, or a table is missing or not active.
    """
    with store_errors():
        for model in tables.all():
            status = _describe(model).get("TableStatus")
            if status not in ("ACTIVE", "UPDATING"):
                raise StoreError(f"table {model.Meta.table_name} is {status}", reason=Reason.STORE_REFUSED)


def _describe(model: type[Model]) -> dict[str, Any]:
    described: dict[str, Any] = client_of(model).describe_table(TableName=model.Meta.table_name)["Table"]
    return described


def _recovery(model: type[Model]) -> bool:
    described = client_of(model).describe_continuous_backups(TableName=model.Meta.table_name)
    recovery = described["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")


def _ttl(model: type[Model]) -> str | None:
    """Status of the table's time to live; None for a table whose items do not expire."""
    if not any(isinstance(attribute, TTLAttribute) for attribute in model.get_attributes().values()):
        return None
    described = client_of(model).describe_time_to_live(TableName=model.Meta.table_name)
    status: str = described["TimeToLiveDescription"]["TimeToLiveStatus"]
    return status


def _differs(model: type[Model], found: dict[str, Any]) -> str | None:
    """In which keys a table is another than ours; None for one that is ours."""
    wanted, actual = _wanted_keys(model), _actual_keys(found)
    missing = sorted(index for index, keys in wanted.items() if actual.get(index) != keys)
    if not missing:
        return None
    return f"keys differ for {', '.join(missing)}: the table is not ours, choose another STUDIO_TABLE_PREFIX"


def _wanted_keys(model: type[Model]) -> dict[str, list[tuple[str, str]]]:
    schema: dict[str, Any] = dict(model._get_schema())  # noqa: SLF001 - PynamoDB offers no public way
    indexes = {index["index_name"]: index["key_schema"] for index in schema["global_secondary_indexes"]}
    return {name: _pairs(keys) for name, keys in {"the table": schema["key_schema"], **indexes}.items()}


def _actual_keys(found: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    indexes = {index["IndexName"]: index["KeySchema"] for index in found.get("GlobalSecondaryIndexes", [])}
    return {name: _pairs(keys) for name, keys in {"the table": found["KeySchema"], **indexes}.items()}


def _pairs(keys: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((key["AttributeName"], key["KeyType"]) for key in keys)
