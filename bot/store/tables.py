"""Creating and checking the three tables."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from pynamodb.attributes import TTLAttribute
from pynamodb.models import Model

from bot.core.causes import Cause
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.observability.aws_errors import CODES
from bot.observability.aws_failures import AWS_ERRORS
from bot.store.dynamodb import store_errors
from bot.store.missing import CREATE, KINDS, TABLE_MISSING, place, prefixes, table_names
from bot.store.models import RuntimeItem, Tables, client_of

# DynamoDB's answers in the first seconds of a table's life, and the seconds between attempts.
TOO_EARLY = {"ContinuousBackupsUnavailableException", "ResourceInUseException"}
PAUSES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class TableCheck:
    """One property of one table; `detail` ends with how to fix it. The field names are keys of the JSON output."""

    table: str
    name: str
    ok: bool
    detail: str


def create(tables: Tables, kms_key: str | None = None) -> Iterator[TableCheck]:
    """Create missing tables and switch on what protects the data. Running it again changes nothing.

    A table with other keys is not ours and is left as it is. Each result is yielded at once: on AWS a new table takes
    some ten seconds.

    Args:
        kms_key: the ARN of the key that encrypts the tables; None leaves their encryption as it is.

    Raises:
        StoreError: DynamoDB refused or could not be reached.
    """
    for model in tables.all():
        name = model.Meta.table_name
        with store_errors():
            if model.exists():
                found = _describe(model)
                differs = _differs(model, found)
                yield TableCheck(name, "table", ok=differs is None, detail=differs or "exists")
                if differs:
                    continue
                if found["TableStatus"] == "CREATING":  # by a run that was interrupted
                    model.create_table(wait=True)
            else:
                model.create_table(wait=True, billing_mode="PAY_PER_REQUEST")
                yield TableCheck(name, "table", ok=True, detail="created, billed on demand")
            if _expires(model) and _ttl(model) not in ("ENABLED", "ENABLING"):
                model.update_ttl(ignore_update_ttl_errors=False)
                yield TableCheck(name, "time to live", ok=True, detail="switched on")
        if not issubclass(model, RuntimeItem):
            yield from _protect(model)
        if kms_key is not None:  # last: DynamoDB refuses other changes while it encrypts
            yield _switched_on(name, "encryption", partial(_encrypt, model, kms_key))


def other_prefixes(tables: Tables) -> list[str]:
    """Return the prefixes of other installations in the region, if this one has no table there; [] if AWS hides them.

    Creating tables would make a second, empty installation beside them.
    """
    try:
        names = table_names(client_of(tables.access))
    except AWS_ERRORS:
        return []
    return [] if {model.Meta.table_name for model in tables.all()} & set(names) else prefixes(names)


def _protect(model: type[Model]) -> Iterator[TableCheck]:
    """Switch on deletion protection and point-in-time recovery."""
    name, client = model.Meta.table_name, client_of(model)

    def delete_protection() -> None:
        if not _describe(model).get("DeletionProtectionEnabled"):
            client.update_table(TableName=name, DeletionProtectionEnabled=True)

    def recovery() -> None:
        specification = {"PointInTimeRecoveryEnabled": True}
        client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)

    yield _switched_on(name, "deletion protection", delete_protection)
    yield _switched_on(name, "point-in-time recovery", recovery)


def _encrypt(model: type[Model], kms_key: str) -> None:
    if _encryption_key(_describe(model)) != kms_key:
        specification: Any = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": kms_key}
        client_of(model).update_table(TableName=model.Meta.table_name, SSESpecification=specification)


def _encryption_key(found: dict[str, Any]) -> str | None:
    """Return the ARN of the table's key; None if it is one of DynamoDB's own, which nobody sees."""
    key: str | None = found.get("SSEDescription", {}).get("KMSMasterKeyArn")
    return key


def _switched_on(table: str, what: str, switch: Callable[[], None]) -> TableCheck:
    """Try for a while: DynamoDB refuses some changes in the first seconds of a table's life."""
    for pause in (*PAUSES, None):
        try:
            with store_errors():
                switch()
        except StoreError as error:
            if error.code in TOO_EARLY and pause is not None:
                time.sleep(pause)
                continue
            why = f"not switched on ({error.code or error}): run this again, or ask AWS why"
            return TableCheck(table, what, ok=False, detail=why)
        return TableCheck(table, what, ok=True, detail="on")
    raise AssertionError("the last attempt has returned")


def check(tables: Tables, kms_key: str | None = None) -> Iterator[TableCheck]:
    """Compare everything that the bot relies on with what DynamoDB says.

    Args:
        kms_key: the ARN of the key that has to encrypt the tables; None for any.

    Raises:
        StoreError: DynamoDB refused or could not be reached.
    """
    for model in tables.all():
        try:
            with store_errors():
                found = _describe(model)
        except StoreError as error:
            detail = str(error).removeprefix("a table is ")
            if error.code not in TABLE_MISSING:
                detail = _unknown(error, "dynamodb:DescribeTable")
            yield TableCheck(model.Meta.table_name, "table", ok=False, detail=detail)
        else:
            yield from _check(model, found)
            yield _encrypted(model, _encryption_key(found), kms_key)


def _encrypted(model: type[Model], key: str | None, wanted: str | None) -> TableCheck:
    named, as_wanted = key or "a key of DynamoDB's own", wanted in (None, key)
    detail = f"with {named}" + ("" if as_wanted else f": {CREATE} with --kms-key")
    return TableCheck(model.Meta.table_name, "encryption", ok=as_wanted, detail=detail)


def _check(model: type[Model], found: dict[str, Any]) -> Iterator[TableCheck]:
    name = model.Meta.table_name
    status, differs = found.get("TableStatus", "unknown"), _differs(model, found)
    yield TableCheck(name, "table", ok=status == "ACTIVE", detail=status.lower())
    yield TableCheck(name, "keys", ok=differs is None, detail=differs or "as expected")
    billing = found.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    on_demand = billing == "PAY_PER_REQUEST"
    words = "on demand" if on_demand else f"{billing}: a burst will be throttled"
    yield TableCheck(name, "billing", ok=on_demand, detail=words)
    if _expires(model):
        yield _is_on(model, "time to live", lambda: _ttl(model) in ("ENABLED", "ENABLING"), "TimeToLive")
    if not issubclass(model, RuntimeItem):
        yield _is_on(model, "deletion protection", lambda: bool(found.get("DeletionProtectionEnabled")), "Table")
        yield _is_on(model, "point-in-time recovery", lambda: _recovery(model), "ContinuousBackups")


def _is_on(model: type[Model], what: str, ask: Callable[[], bool], described: str) -> TableCheck:
    table = model.Meta.table_name
    try:
        with store_errors():
            on = ask()
    except StoreError as error:
        return TableCheck(table, what, ok=False, detail=_unknown(error, f"dynamodb:Describe{described}"))
    prefix = next(table.removesuffix(kind) for kind in KINDS if table.endswith(kind))
    return TableCheck(table, what, ok=on, detail="on" if on else f"off ({place(client_of(model), prefix)}): {CREATE}")


def _unknown(error: StoreError, permission: str) -> str:
    """Return why a property is unknown; raise the error if the other properties would fail like it."""
    if error.code in CODES[Cause.NOT_ALLOWED]:
        return f"could not be checked ({error.code}): allow {permission}"
    if error.code in CODES[Cause.UNSUPPORTED]:
        return f"could not be checked ({error.code}): the endpoint does not have it, see its documentation"
    raise error


def ready(tables: Tables) -> None:
    """Return if every table can serve.

    Raises:
        StoreError: DynamoDB cannot be reached, or tables are missing, not active or not ours; it names all of these.
    """
    problems = [problem for model in tables.all() if (problem := _not_ready(model)) is not None]
    if problems:
        raise StoreError("; ".join(dict.fromkeys(problems)), reason=Reason.STORE_REFUSED)


def _not_ready(model: type[Model]) -> str | None:
    name = model.Meta.table_name
    try:
        with store_errors():
            found = _describe(model)
    except StoreError as error:
        if error.reason is not Reason.STORE_REFUSED:
            raise
        return str(error)
    if (status := found.get("TableStatus")) not in ("ACTIVE", "UPDATING"):
        return f"table {name} is {status}"
    differs = _differs(model, found)
    return f"table {name}: {differs}" if differs else None


def _describe(model: type[Model]) -> dict[str, Any]:
    described: dict[str, Any] = client_of(model).describe_table(TableName=model.Meta.table_name)["Table"]
    return described


def _recovery(model: type[Model]) -> bool:
    described = client_of(model).describe_continuous_backups(TableName=model.Meta.table_name)
    recovery = described["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")


def _expires(model: type[Model]) -> bool:
    return any(isinstance(attribute, TTLAttribute) for attribute in model.get_attributes().values())


def _ttl(model: type[Model]) -> str:
    described = client_of(model).describe_time_to_live(TableName=model.Meta.table_name)
    status: str = described["TimeToLiveDescription"]["TimeToLiveStatus"]
    return status


def _differs(model: type[Model], found: dict[str, Any]) -> str | None:
    """Return how a table's keys differ from ours; None if they do not."""
    schema: dict[str, Any] = dict(model._get_schema())  # noqa: SLF001 - PynamoDB offers no public way
    indexes = {index["index_name"]: index["key_schema"] for index in schema["global_secondary_indexes"]}
    expected = {"the table": schema["key_schema"], **indexes}
    found_indexes = {index["IndexName"]: index["KeySchema"] for index in found.get("GlobalSecondaryIndexes", [])}
    actual = {"the table": found["KeySchema"], **found_indexes}
    missing = sorted(name for name, keys in expected.items() if _pairs(actual.get(name, [])) != _pairs(keys))
    if not missing:
        return None
    return f"keys differ for {', '.join(missing)}: the table is not ours, choose another STUDIO_TABLE_PREFIX"


def _pairs(keys: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((key["AttributeName"], key["KeyType"]) for key in keys)
