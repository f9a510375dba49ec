"""DynamoDB failures become a StoreError with a reason, classified by error code."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from bot.core.access import Access, Lockdown, Mapping, Workspace
from bot.core.errors import Changed, ConfigError, StoreError
from bot.core.link import Reason
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from bot.store import tables as table_admin
from bot.store.access import AccessTable
from bot.store.audit import AuditTable
from bot.store.models import Tables, bind, client_of
from bot.store.people import PeopleTable
from bot.store.runtime import RuntimeTable
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping, an_entry

Use = Callable[[Store], object]

USES: dict[str, tuple[str, Use]] = {
    "read": ("BatchGetItem", lambda store: store.access.read(ANA)),
    "workspace": ("BatchGetItem", lambda store: store.access.workspace(TEAM)),
    "members": ("Scan", lambda store: list(store.access.members(TEAM))),
    "put mapping": (
        "TransactWriteItems",
        lambda store: store.access.put_records(ANA, [a_mapping()], seen=Access(), entry=an_entry("x")),
    ),
    "delete mapping": (
        "TransactWriteItems",
        lambda store: store.access.delete_mapping(ANA, a_mapping(), seen=Access(version=1), entry=an_entry("x")),
    ),
    "put grant": (
        "TransactWriteItems",
        lambda store: store.access.put_grant(TEAM, a_grant(), seen=Access(), entry=an_entry("x")),
    ),
    "delete grants": (
        "TransactWriteItems",
        lambda store: store.access.delete_grants(
            TEAM, ANA.user_id, seen=Access(grants=(a_grant(),), version=1), entry=an_entry("x")
        ),
    ),
    "put lockdown": (
        "TransactWriteItems",
        lambda store: store.access.put_lockdown(TEAM, Lockdown("why"), seen=Workspace(), entry=an_entry("x")),
    ),
    "audit open": ("PutItem", lambda store: store.audit.open(an_entry("x"))),
    "audit close": ("UpdateItem", lambda store: store.audit.close(an_entry("x"))),
    "audit opened": ("UpdateItem", lambda store: store.audit.opened(ANA, "x", NOON)),
    "of member": ("Query", lambda store: list(store.audit.of_member(ANA, NOON))),
    "of day": ("Query", lambda store: list(store.audit.of_day(TEAM, NOON.date()))),
    "take": ("TransactWriteItems", lambda store: store.intake.take(an_entry("x"), 1)),
    "remember": ("PutItem", lambda store: store.choices.remember(ANA, "sandbox", NOON)),
    "recall": ("GetItem", lambda store: store.choices.recall(ANA)),
}

FAULTS: dict[str, tuple[Fault, Reason]] = {
    "throttled": (Fault("ProvisionedThroughputExceededException", times=None), Reason.STORE_THROTTLED),
    "access denied": (Fault("AccessDeniedException"), Reason.STORE_REFUSED),
    "dropped": (Fault(drop=True, times=None), Reason.STORE_UNREACHABLE),
    "table missing": (Fault("ResourceNotFoundException"), Reason.STORE_REFUSED),
    "failed": (Fault("InternalServerError", status=500, times=None), Reason.STORE_UNREACHABLE),
}


def failure(use: Use, store: Store) -> StoreError:
    with pytest.raises(StoreError) as failed:
        use(store)
    assert re.search(r": \w", str(failed.value)), "the message ends with what to do next"
    return failed.value


@pytest.mark.parametrize(
    ("name", "fault"),
    # Retried errors are slow, so not all of them run for every operation.
    [
        *((name, fault) for name in USES for fault in ("access denied", "table missing", "dropped")),
        *((name, fault) for name in ("read", "audit open", "put grant") for fault in ("throttled", "failed")),
    ],
)
def test_dynamodb_failures_map_to_store_errors(dynamodb: Store, aws: ListeningAws, name: str, fault: str) -> None:
    operation, use = USES[name]
    aws.inject(operation, FAULTS[fault][0])
    error = failure(use, dynamodb)
    assert error.reason is FAULTS[fault][1]
    assert error.__cause__ is not None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("ThrottlingException", times=None), Reason.STORE_THROTTLED),
        (Fault("RequestLimitExceeded", times=None), Reason.STORE_THROTTLED),
        (Fault("UnrecognizedClientException"), Reason.STORE_REFUSED),
        (Fault("ExpiredTokenException"), Reason.STORE_REFUSED),
        (Fault("ValidationException", "throttled"), Reason.STORE_REFUSED),
        (Fault("ServiceUnavailable", status=503, times=None), Reason.STORE_UNREACHABLE),
        (Fault(body=b"<html>bad gateway</html>", status=502, times=None), Reason.STORE_UNREACHABLE),
        (Fault(body=b"not JSON", status=200), Reason.STORE_UNREACHABLE),
    ],
    ids=lambda value: value.code or f"body with {value.status}" if isinstance(value, Fault) else value,
)
def test_errors_are_classified_by_code(dynamodb: Store, aws: ListeningAws, fault: Fault, reason: Reason) -> None:
    aws.inject("BatchGetItem", fault)
    error = failure(USES["read"][1], dynamodb)
    assert error.reason is reason


def test_refusal_keeps_its_code(dynamodb: Store, aws: ListeningAws) -> None:
    aws.inject("PutItem", Fault("AccessDeniedException"))
    assert failure(USES["audit open"][1], dynamodb).code == "AccessDeniedException"


def test_missing_table_is_named(local_aws: ListeningAws, bound: Tables) -> None:
    local_aws.reset()
    audit = AuditTable(bound, days=1)
    store = Store(AccessTable(bound, audit_days=1), audit, audit, RuntimeTable(bound), PeopleTable(bound))
    for name in ("read", "audit open", "take", "put grant", "remember", "recall"):
        error = failure(USES[name][1], store)
        assert error.reason is Reason.STORE_REFUSED
        assert "studio-links tables create" in str(error)


@pytest.mark.parametrize("name", ["read", "audit open", "audit close", "delete mapping"])
def test_single_failure_is_retried(dynamodb: Store, aws: ListeningAws, name: str) -> None:
    operation, use = USES[name]
    if name.startswith("delete"):
        dynamodb.access.put_records(ANA, [a_mapping()], seen=Access(), entry=an_entry("before"))
    aws.inject(operation, Fault("InternalServerError", status=500))
    use(dynamodb)


@pytest.mark.public(33)
def test_change_with_a_lost_answer_reuses_its_token(dynamodb: Store, aws: ListeningAws) -> None:
    """DynamoDB recognizes a repeated transaction by its token."""
    aws.inject("TransactWriteItems", Fault("InternalServerError", status=500, served=True))
    dynamodb.access.put_grant(TEAM, a_grant(), seen=Access(), entry=an_entry("x"))
    tokens = [request["ClientRequestToken"] for request in aws.requests("TransactWriteItems")]
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [("ConditionalCheckFailed", Changed), ("TransactionConflict", Changed), ("ThrottlingError", StoreError)],
)
def test_cancelled_changes_are_classified_by_reason(
    dynamodb: Store, aws: ListeningAws, code: str, expected: type[Exception]
) -> None:
    body = (
        '{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "message": "cancelled", '
        f'"CancellationReasons": [{{"Code": "None"}}, {{"Code": "{code}"}}]}}'
    )
    aws.inject("TransactWriteItems", Fault(body=body.encode(), times=None))
    with pytest.raises(expected):
        dynamodb.access.put_grant(TEAM, a_grant(), seen=Access(), entry=an_entry("x"))


def test_cancelled_change_writes_nothing(dynamodb: Store, aws: ListeningAws) -> None:
    aws.inject("TransactWriteItems", Fault("AccessDeniedException"))
    failure(USES["put mapping"][1], dynamodb)
    assert dynamodb.access.read(ANA) == Access()
    assert list(dynamodb.audit.of_day(TEAM, NOON.date())) == []


# Unreachable endpoint and missing credentials


def elsewhere(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> Tables:
    """Return models bound in a changed environment."""
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    return bind(prefix="contract-", region=REGION)


Settings = dict[str, str | None]
NOBODY: Settings = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}
NO_CREDENTIALS: Settings = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("changes", "reason"), [(NOBODY, Reason.STORE_UNREACHABLE), (NO_CREDENTIALS, Reason.STORE_REFUSED)]
)
def test_unreachable_endpoint_and_missing_credentials_are_errors(
    monkeypatch: pytest.MonkeyPatch, changes: Settings, reason: Reason
) -> None:
    tables = elsewhere(monkeypatch, **changes)
    tables.connect()
    for call in (lambda: AccessTable(tables, audit_days=1).read(ANA), lambda: table_admin.ready(tables)):
        with pytest.raises(StoreError) as failed:
            call()
        assert failed.value.reason is reason


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "changes",
    [{"AWS_SECRET_ACCESS_KEY": None}, {"AWS_PROFILE": "typo"}, {"AWS_ENDPOINT_URL_DYNAMODB": "nonsense"}],
    ids=["half the credentials", "a profile that does not exist", "an endpoint that is no address"],
)
def test_invalid_aws_settings_fail_when_connecting(monkeypatch: pytest.MonkeyPatch, changes: Settings) -> None:
    with pytest.raises(ConfigError, match="AWS's settings cannot be used: "):
        elsewhere(monkeypatch, **changes).connect()


# Invalid records


GOOD: dict[str, Any] = {"domain_id": "d-research", "profile_name": "ana"}
ODD_MAPPINGS: dict[str, tuple[str, Any]] = {
    "a reserved alias": ("help", GOOD),
    "no domain": ("default", {"profile_name": "ana"}),
    "no profile": ("default", {"domain_id": "d-research"}),
    "a malformed domain": ("default", {**GOOD, "domain_id": "d_research"}),
    "an odd landing page": ("default", {**GOOD, "landing_uri": "https://evil.example.com/"}),
    "a session too long": ("default", {**GOOD, "session_seconds": 99999}),
    "half a second": ("default", {**GOOD, "session_seconds": Decimal("1800.5")}),
    "text for a number": ("default", {**GOOD, "session_seconds": "3600"}),
    "a number for a name": ("default", {**GOOD, "profile_name": 7}),
    "no map": ("default", "ana"),
    "an empty one": ("default", {}),
}
ODD_RULES: dict[str, tuple[str, Any]] = {
    "an unknown effect": ("maybe", {}),
    "an effect in capitals": ("DENY", {}),
    "an end that is no time": ("allow", {"until": "tomorrow"}),
    "an end without a time zone": ("allow", {"until": "2030-01-01T00:00:00"}),
    "a number for a time": ("allow", {"until": 1893456000}),
    "a time of setting that is no time": ("allow", {"set_at": "noon"}),
    "a rule that is a list": ("allow", []),
    "a rule that is nothing": ("allow", None),
}
ODD_ITEMS: dict[str, dict[str, Any]] = {
    "no version": {"mappings": {}, "rules": {}},
    "a version that is text": {"mappings": {}, "rules": {}, "version": "1"},
    "a version of nothing": {"mappings": {}, "rules": {}, "version": 0},
    "no mappings": {"rules": {}, "version": 1},
    "no rules": {"mappings": {}, "version": 1},
    "rules that are a list": {"mappings": {}, "rules": ["deny"], "version": 1},
    "mappings that are text": {"mappings": "default", "rules": {}, "version": 1},
}
ODD_WORKSPACES: dict[str, tuple[dict[str, Any], str]] = {
    "no version": ({"rules": {}}, "workspace"),
    "no rules": ({"version": 1}, "workspace"),
    "a lockdown that is text": ({"rules": {}, "version": 1, "lockdown": "yes"}, "workspace"),
    "a lockdown without a reason": ({"rules": {}, "version": 1, "lockdown": {}}, "workspace#lockdown"),
    "a rule of a user": ({"rules": {"U0ANA#deny": {}}, "version": 1}, "workspace#U0ANA#deny"),
    "a rule of no kind": ({"rules": {"S0SCIENCE1": {}}, "version": 1}, "workspace#S0SCIENCE1"),
    "a rule without a group": ({"rules": {"deny": {}}, "version": 1}, "workspace#deny"),
    "a rule with an odd end": (
        {"rules": {"S0SCIENCE1#deny": {"until": "soon"}}, "version": 1},
        "workspace#S0SCIENCE1#deny",
    ),
}


def typed(value: object) -> dict[str, Any]:
    return dict(TypeSerializer().serialize(value))


def put_raw(tables: Tables, owner: str, kind: str, content: dict[str, Any]) -> None:
    item = {"owner": owner, "item": kind, **content}
    client_of(tables.access).put_item(
        TableName=tables.access.Meta.table_name, Item={name: typed(value) for name, value in item.items()}
    )


def put_member(tables: Tables, content: dict[str, Any]) -> None:
    put_raw(tables, f"{TEAM}#{ANA.user_id}", "member", content)


@pytest.mark.parametrize(
    ("part", "kind", "odd"),
    [
        *(("mappings", "mapping", odd) for odd in ODD_MAPPINGS.values()),
        *(("rules", "grant", odd) for odd in ODD_RULES.values()),
    ],
    ids=[*ODD_MAPPINGS, *ODD_RULES],
)
def test_invalid_record_is_listed_next_to_valid_ones(
    dynamodb: Store, tables: Tables, part: str, kind: str, odd: tuple[str, Any]
) -> None:
    name, fields = odd
    content: dict[str, Any] = {"mappings": {"good": GOOD}, "rules": {}, "version": 1}
    put_member(tables, {**content, part: {**content[part], name: fields}})

    expected = Access((Mapping("good", **GOOD),), unreadable=(f"{kind}#{name}",))
    assert dynamodb.access.read(ANA) == expected
    assert dict(dynamodb.access.members(TEAM)) == {ANA.user_id: expected}


@pytest.mark.parametrize("item", ODD_ITEMS.values(), ids=ODD_ITEMS)
def test_invalid_member_is_unreadable_and_can_be_reset(dynamodb: Store, tables: Tables, item: dict[str, Any]) -> None:
    put_member(tables, item)
    seen = dynamodb.access.read(ANA)
    assert seen == Access(unreadable=("member",))
    assert dict(dynamodb.access.members(TEAM)) == {ANA.user_id: seen}
    with pytest.raises(Changed):
        dynamodb.access.put_grant(TEAM, a_grant(), seen=replace(seen, version=0), entry=an_entry("over it"))

    dynamodb.access.delete_grants(TEAM, ANA.user_id, seen=seen, entry=an_entry("gone"))

    assert dynamodb.access.read(ANA) == Access()
    with pytest.raises(Changed):
        dynamodb.access.delete_grants(TEAM, ANA.user_id, seen=seen, entry=an_entry("gone twice"))
    dynamodb.access.put_grant(TEAM, a_grant(), seen=dynamodb.access.read(ANA), entry=an_entry("again"))


@pytest.mark.parametrize("broken", ["mapping", "member"])
def test_forgetting_an_unreadable_mapping_releases_its_profile(dynamodb: Store, tables: Tables, broken: str) -> None:
    lost, kept = a_mapping("lost", profile="lost"), a_mapping("kept", profile="kept")
    for mapping in (lost, kept):
        dynamodb.access.put_records(ANA, [mapping], seen=dynamodb.access.read(ANA), entry=an_entry(mapping.alias))
    mappings = {"lost": {"domain_id": "d_x"}, "kept": {"domain_id": kept.domain_id, "profile_name": "kept"}}
    put_member(tables, {"mappings": mappings if broken == "mapping" else "lost", "rules": {}, "version": 2})

    dynamodb.access.delete_grants(TEAM, ANA.user_id, seen=dynamodb.access.read(ANA), entry=an_entry("gone"))

    dynamodb.access.put_records(BEN, [lost], seen=dynamodb.access.read(BEN), entry=an_entry("bens"))
    holders = {mapping.alias: holder for mapping, holder in dynamodb.access.holders([lost, kept])}
    assert holders == ({"lost": BEN, "kept": ANA} if broken == "mapping" else {"lost": BEN})


def test_forget_removes_invalid_records(dynamodb: Store, tables: Tables) -> None:
    put_member(tables, {"mappings": {"good": GOOD, "help": GOOD}, "rules": {"allow": {}, "maybe": {}}, "version": 3})
    dynamodb.access.delete_grants(TEAM, ANA.user_id, seen=dynamodb.access.read(ANA), entry=an_entry("gone"))
    assert dynamodb.access.read(ANA) == Access((Mapping("good", **GOOD),))


@pytest.mark.parametrize(("item", "name"), ODD_WORKSPACES.values(), ids=ODD_WORKSPACES)
def test_invalid_workspace_is_unreadable_for_every_member(
    dynamodb: Store, tables: Tables, item: dict[str, Any], name: str
) -> None:
    put_raw(tables, TEAM, "workspace", item)
    assert dynamodb.access.workspace(TEAM) == Workspace(unreadable=(name,))
    assert dynamodb.access.read(ANA) == Access(unreadable=(name,))
    assert dynamodb.access.read(BEN) == Access(unreadable=(name,))


def test_invalid_workspace_is_reset_in_lockdown(dynamodb: Store, tables: Tables) -> None:
    put_raw(tables, TEAM, "workspace", {"rules": "none", "version": 4})
    lockdown = Lockdown("the rules of groups are lost")
    dynamodb.access.put_lockdown(TEAM, lockdown, seen=dynamodb.access.workspace(TEAM), entry=an_entry("on"))
    assert dynamodb.access.workspace(TEAM) == Workspace(lockdown)
    assert dynamodb.access.workspace(TEAM).version == 5


@pytest.mark.parametrize(
    "record", [{"alias": 7}, {"expires": "soon"}], ids=["a number for a name", "text for a number"]
)
def test_invalid_choice_is_an_error(dynamodb: Store, tables: Tables, record: dict[str, Any]) -> None:
    client, name = client_of(tables.runtime), tables.runtime.Meta.table_name
    dynamodb.choices.remember(ANA, "sandbox", NOON)
    [item] = client.scan(TableName=name)["Items"]
    client.put_item(TableName=name, Item={**item, **{key: typed(value) for key, value in record.items()}})
    assert failure(USES["recall"][1], dynamodb).reason is Reason.STORE_UNREADABLE


UNREADABLE_AUDIT: dict[str, dict[str, Any]] = {
    "no door": {"door": None},
    "an unknown door": {"door": "window"},
    "a time that is none": {"opened_at": "noon"},
    "a change that is not JSON": {"before": "{"},
}


@pytest.mark.parametrize("change", UNREADABLE_AUDIT.values(), ids=UNREADABLE_AUDIT)
def test_invalid_audit_entry_is_an_error(dynamodb: Store, tables: Tables, change: dict[str, Any]) -> None:
    client, name = client_of(tables.audit), tables.audit.Meta.table_name
    dynamodb.audit.open(an_entry("x"))
    item = {**client.get_item(TableName=name, Key={"id": {"S": "x"}})["Item"]}
    for key, value in change.items():
        if value is None:
            del item[key]
        else:
            item[key] = typed(value)
    client.put_item(TableName=name, Item=item)
    assert failure(USES["of day"][1], dynamodb).reason is Reason.STORE_UNREADABLE
    assert failure(USES["of member"][1], dynamodb).reason is Reason.STORE_UNREADABLE


def test_hanging_dynamodb_times_out_after_two_seconds(dynamodb: Store, aws: ListeningAws) -> None:
    aws.inject("BatchGetItem", Fault(delay=2.2))
    assert dynamodb.access.read(ANA) == Access()  # the second attempt succeeded
    assert aws.calls.count("BatchGetItem") == 2
