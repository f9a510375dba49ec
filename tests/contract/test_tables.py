"""Create and check the tables; contents that no port exposes."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.core.access import Access
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from bot.store import tables as table_admin
from bot.store.access import AccessTable
from bot.store.dynamodb import TimeAttribute
from bot.store.models import Tables, bind, client_of
from tests.contract.conftest import AUDIT_DAYS
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping, an_entry

ACCESS, AUDIT, RUNTIME = "contract-access", "contract-audit", "contract-runtime"


@pytest.fixture
def empty(local_aws: ListeningAws, bound: Tables) -> Tables:
    """Return models without tables."""
    local_aws.reset()
    return bound


@pytest.fixture
def created(empty: Tables) -> Tables:
    list(table_admin.create(empty))
    return empty


@pytest.fixture
def dynamodb_client(bound: Tables) -> Any:
    return client_of(bound.access)


def wrong(tables: Tables) -> list[tuple[str, str]]:
    """Return the failed findings of a check."""
    return [(finding.table, finding.name) for finding in table_admin.check(tables) if not finding.ok]


def test_check_reports_missing_tables(empty: Tables) -> None:
    findings = list(table_admin.check(empty))
    assert [(finding.table, finding.name) for finding in findings] == [
        (name, "table") for name in (ACCESS, AUDIT, RUNTIME)
    ]
    assert all("studio-links tables create" in finding.detail for finding in findings)
    assert not any(finding.ok for finding in findings)


def test_created_tables_pass_the_check(empty: Tables) -> None:
    done = list(table_admin.create(empty))
    assert all(finding.ok for finding in done)
    assert [finding.table for finding in done if "created" in finding.detail] == [ACCESS, AUDIT, RUNTIME]
    assert wrong(empty) == []


def test_create_is_idempotent(created: Tables, local_aws: ListeningAws) -> None:
    before = len(local_aws.calls)
    done = list(table_admin.create(created))
    assert [finding.detail for finding in done if finding.name == "table"] == ["exists"] * 3
    assert not {"CreateTable", "UpdateTable", "UpdateTimeToLive"} & set(local_aws.calls[before:])
    assert wrong(created) == []


def test_the_tables_are_billed_on_demand_and_protected(created: Tables, dynamodb_client: Any) -> None:
    for name, protected in ((ACCESS, True), (AUDIT, True), (RUNTIME, False)):
        table = dynamodb_client.describe_table(TableName=name)["Table"]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["DeletionProtectionEnabled"] is protected
        backups = dynamodb_client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        assert recovery == ("ENABLED" if protected else "DISABLED")
    assert created.access.Meta.table_name == ACCESS


@pytest.mark.parametrize(("name", "attribute"), [(ACCESS, None), (AUDIT, "expires"), (RUNTIME, "expires")])
def test_runtime_and_audit_have_time_to_live(
    created: Tables,  # noqa: ARG001 - creates the tables
    dynamodb_client: Any,
    name: str,
    attribute: str | None,
) -> None:
    described = dynamodb_client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described["TimeToLiveStatus"] == ("ENABLED" if attribute else "DISABLED")
    assert described.get("AttributeName") == attribute


def test_create_restores_disabled_settings(created: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.update_table(TableName=ACCESS, DeletionProtectionEnabled=False)
    dynamodb_client.update_time_to_live(
        TableName=AUDIT, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires"}
    )
    assert wrong(created) == [(ACCESS, "deletion protection"), (AUDIT, "time to live")]
    list(table_admin.create(created))
    assert wrong(created) == []


def test_create_encrypts_with_the_given_key_once(created: Tables, local_aws: ListeningAws) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/0123abcd"
    found = [each for each in table_admin.check(created, key) if not each.ok]
    assert [(each.table, each.name) for each in found] == [(each, "encryption") for each in (ACCESS, AUDIT, RUNTIME)]
    assert all("with --kms-key" in each.detail for each in found)

    assert all(each.ok for each in table_admin.create(created, key))

    assert all(each.ok for each in table_admin.check(created, key))
    assert key in str(list(table_admin.check(created)))
    before = len(local_aws.calls)
    assert all(each.ok for each in table_admin.create(created, key))
    assert "UpdateTable" not in local_aws.calls[before:]


def test_one_missing_table_is_reported_and_created(created: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.delete_table(TableName=RUNTIME)
    assert wrong(created) == [(RUNTIME, "table")]
    list(table_admin.create(created))
    assert wrong(created) == []


def test_table_with_other_keys_is_rejected(empty: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.create_table(
        TableName=ACCESS,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    [keys] = [f for f in table_admin.check(empty) if (f.table, f.name) == (ACCESS, "keys")]
    assert not keys.ok
    assert "STUDIO_TABLE_PREFIX" in keys.detail

    [finding_of_table] = [finding for finding in table_admin.create(empty) if finding.table == ACCESS]
    assert not finding_of_table.ok
    assert "STUDIO_TABLE_PREFIX" in finding_of_table.detail
    assert not dynamodb_client.describe_table(TableName=ACCESS)["Table"].get("DeletionProtectionEnabled")


def test_missing_index_is_named(created: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.update_table(TableName=AUDIT, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by_day"}}])
    [keys] = [finding for finding in table_admin.check(created) if (finding.table, finding.name) == (AUDIT, "keys")]
    assert not keys.ok
    assert "by_day" in keys.detail
    assert "by_member" not in keys.detail


def test_provisioned_billing_is_reported(created: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.update_table(
        TableName=ACCESS,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    assert (ACCESS, "billing") in wrong(created)


@pytest.mark.parametrize("operation", ["UpdateTable", "UpdateContinuousBackups"])
def test_unsupported_protection_is_reported_and_not_fatal(
    empty: Tables, local_aws: ListeningAws, operation: str
) -> None:
    local_aws.inject(operation, Fault("UnknownOperationException", times=None))
    done = list(table_admin.create(empty))
    local_aws.clear_faults()
    failed = [finding for finding in done if not finding.ok]
    assert [finding.table for finding in failed] == [ACCESS, AUDIT]
    assert all("UnknownOperationException" in finding.detail for finding in failed)
    assert [finding.table for finding in done if finding.name == "table"] == [ACCESS, AUDIT, RUNTIME]


def test_recovery_of_a_new_table_is_retried(empty: Tables, local_aws: ListeningAws) -> None:
    local_aws.inject("UpdateContinuousBackups", Fault("ContinuousBackupsUnavailableException"))
    assert all(finding.ok for finding in table_admin.create(empty))
    assert wrong(empty) == []


def test_table_of_an_interrupted_run_is_waited_for(
    created: Tables, dynamodb_client: Any, local_aws: ListeningAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = dynamodb_client.describe_table(TableName=ACCESS)["Table"] | {"TableStatus": "CREATING"}
    body = json.dumps({"Table": {name: table[name] for name in ("TableName", "TableStatus", "KeySchema")}}).encode()
    local_aws.inject("DescribeTable", Fault(body=body, status=200, times=4))
    pauses: list[float] = []
    monkeypatch.setattr("pynamodb.models.time.sleep", pauses.append)

    assert all(check.ok for check in table_admin.create(created))

    assert pauses


def test_creating_without_permission_is_an_error(empty: Tables, local_aws: ListeningAws) -> None:
    local_aws.inject("CreateTable", Fault("AccessDeniedException"))
    with pytest.raises(StoreError) as failed:
        list(table_admin.create(empty))
    assert failed.value.reason is Reason.STORE_REFUSED


def test_complete_tables_are_ready(created: Tables) -> None:
    table_admin.ready(created)


def test_missing_table_is_not_ready(created: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.delete_table(TableName=RUNTIME)
    with pytest.raises(StoreError, match="studio-links tables create") as failed:
        table_admin.ready(created)
    assert failed.value.reason is Reason.STORE_REFUSED


def test_table_in_creation_is_not_ready(created: Tables, local_aws: ListeningAws) -> None:
    local_aws.inject("DescribeTable", Fault(body=b'{"Table": {"TableStatus": "CREATING"}}', status=200))
    with pytest.raises(StoreError, match=f"{ACCESS} is CREATING"):
        table_admin.ready(created)


def test_prefixes_keep_installations_apart(created: Tables) -> None:
    other = bind(prefix="elsewhere.", region=REGION)
    assert [model.Meta.table_name for model in other.all()] == [
        "elsewhere.access",
        "elsewhere.audit",
        "elsewhere.runtime",
    ]
    assert created.access.Meta.table_name == ACCESS


# Table contents


Items = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def items(dynamodb_client: Any) -> Items:
    return lambda name: list(dynamodb_client.scan(TableName=name, ConsistentRead=True)["Items"])


def test_audit_entry_expires_after_the_configured_days(dynamodb: Store, items: Items) -> None:
    expires = {"N": str(int((NOON + timedelta(days=AUDIT_DAYS)).timestamp()))}
    dynamodb.audit.open(an_entry("request-1"))
    [item] = items(AUDIT)
    assert item["expires"] == expires
    dynamodb.audit.close(an_entry("request-1", outcome="denied"))
    dynamodb.access.put_grant(TEAM, a_grant(), seen=Access(), entry=an_entry("change", action="allow"))
    assert [item["expires"] for item in items(AUDIT)] == [expires] * 2


def test_counter_expires_after_minutes(dynamodb: Store, items: Items) -> None:
    dynamodb.intake.take(an_entry("request-1"), 1)
    [item] = items(RUNTIME)
    assert item["expires"] == {"N": str(int((NOON + timedelta(minutes=10)).timestamp()))}


def test_access_records_never_expire(dynamodb: Store, items: Items) -> None:
    dynamodb.access.put_records(ANA, [a_mapping()], seen=Access(), entry=an_entry("one"))
    dynamodb.access.put_grant(TEAM, a_grant(BEN, until=NOON), seen=Access(), entry=an_entry("two"))
    assert len(items(ACCESS)) == 3  # two members and a lock
    assert not any("expires" in item for item in items(ACCESS))


def test_expired_grant_is_still_read(dynamodb: Store) -> None:
    lapsed = a_grant(until=NOON - timedelta(days=1))
    dynamodb.access.put_grant(TEAM, lapsed, seen=Access(), entry=an_entry("one"))
    assert dynamodb.access.read(ANA).grants == (lapsed,)


def test_stored_times_sort_as_text() -> None:
    times = [NOON + timedelta(seconds=seconds) for seconds in (0, 0.000001, 0.5, 1, 59.999999, 86400)]
    attribute = TimeAttribute()
    texts = [attribute.serialize(time) for time in times]
    assert texts == sorted(texts)
    assert [attribute.deserialize(text) for text in texts] == times


# Missing tables and permissions


def missing_words(tables: Tables) -> str:
    with pytest.raises(StoreError) as failed:
        AccessTable(tables, audit_days=1).read(ANA)
    assert f"looked in {REGION} at http://127.0.0.1:" in str(failed.value)
    assert f"STUDIO_TABLE_PREFIX '{tables.access.Meta.table_name.removesuffix('access')}'" in str(failed.value)
    [first, *_] = table_admin.check(tables)
    assert str(failed.value).endswith(first.detail)
    return str(failed.value)


@pytest.mark.public(7)
def test_create_is_offered_where_no_installation_is(empty: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.create_table(
        TableName="door-access",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    assert missing_words(empty).endswith("none of the 1 tables there is ours): run `studio-links tables create`")


@pytest.mark.public(7)
def test_create_is_not_offered_beside_another_installation(created: Tables) -> None:
    elsewhere = bind(prefix="typo-", region=REGION)
    elsewhere.connect()
    words = missing_words(elsewhere)
    assert "there are tables with the prefix 'contract-'): check AWS_REGION" in words
    assert "create" not in words
    assert table_admin.other_prefixes(elsewhere) == ["contract-"]
    assert table_admin.other_prefixes(created) == []


@pytest.mark.public(7)
def test_create_is_not_offered_where_listing_is_denied(empty: Tables, aws: ListeningAws) -> None:
    aws.inject("ListTables", Fault("AccessDeniedException", times=None))
    words = missing_words(empty)
    assert "could not be listed, AccessDeniedException): check AWS_REGION" in words
    assert "create" not in words


@pytest.mark.public(7)
def test_missing_one_of_three_tables_may_be_restored(created: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.update_table(TableName=ACCESS, DeletionProtectionEnabled=False)
    dynamodb_client.delete_table(TableName=ACCESS)
    assert f"{AUDIT}, {RUNTIME} exists): restore it from its backup, or run" in missing_words(created)


@pytest.mark.public(7)
def test_feature_that_is_off_names_the_place(created: Tables, dynamodb_client: Any) -> None:
    dynamodb_client.update_table(TableName=ACCESS, DeletionProtectionEnabled=False)
    [off] = [finding for finding in table_admin.check(created) if not finding.ok]
    assert off.detail.startswith(f"off (in {REGION} at http://127.0.0.1:")
    assert off.detail.endswith("with STUDIO_TABLE_PREFIX 'contract-'): run `studio-links tables create`")


UNKNOWN = [
    ("DescribeContinuousBackups", "point-in-time recovery", [ACCESS, AUDIT]),
    ("DescribeTimeToLive", "time to live", [AUDIT, RUNTIME]),
    ("DescribeTable", "table", [ACCESS, AUDIT, RUNTIME]),
]


@pytest.mark.public(32)
@pytest.mark.parametrize("unknown", UNKNOWN)
@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException"])
def test_unknown_property_has_its_own_line(
    created: Tables, aws: ListeningAws, unknown: tuple[str, str, list[str]], code: str
) -> None:
    operation, name, tables = unknown
    aws.inject(operation, Fault(code, times=None))
    failed = [finding for finding in table_admin.check(created) if not finding.ok]
    assert [(each.table, each.name) for each in failed] == [(table, name) for table in tables]
    assert all(f"could not be checked ({code}): " in each.detail for each in failed)
    if code == "AccessDeniedException":
        assert all(each.detail.endswith(f"allow dynamodb:{operation}") for each in failed)


def test_check_of_unreachable_tables_is_an_error(created: Tables, aws: ListeningAws) -> None:
    aws.inject("DescribeContinuousBackups", Fault("InternalServerError", status=500, times=None))
    with pytest.raises(StoreError, match="DynamoDB failed"):
        list(table_admin.check(created))
