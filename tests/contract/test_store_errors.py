"""Whatever DynamoDB does to us becomes a StoreError that says why, by its code."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.errors import Changed, ConfigError, StoreError
from bot.local.aws import REGION
from bot.local.aws_faults import Fault
from bot.model import Access, Reason
from bot.store import tables as table_admin
from bot.store.access import AccessTable
from bot.store.audit import AuditTable
from bot.store.models import Tables, bind, client_of
from bot.store.runtime import RuntimeTable
from tests.contract.stands import ListeningAws, Store
from tests.fakes import ANA, NOON, TEAM, a_grant, a_mapping, an_entry

Use = Callable[[Store], object]

USES: dict[str, tuple[str, Use]] = {
    "read": ("Query", lambda store: store.access.read(ANA)),
    "members": ("Scan", lambda store: list(store.access.members(TEAM))),
    "put mapping": (
        "TransactWriteItems",
        lambda store: store.access.put_mapping(ANA, a_mapping(), replaces=None, entry=an_entry("x")),
    ),
    "delete mapping": (
        "TransactWriteItems",
        lambda store: store.access.delete_mapping(ANA, a_mapping(), entry=an_entry("x")),
    ),
    "put grant": (
        "TransactWriteItems",
        lambda store: store.access.put_grant(TEAM, a_grant(), replaces=None, entry=an_entry("x")),
    ),
    "delete grants": (
        "TransactWriteItems",
        lambda store: store.access.delete_grants(TEAM, ANA.user_id, Access(grants=(a_grant(),)), entry=an_entry("x")),
    ),
    "audit open": ("PutItem", lambda store: store.audit.open(an_entry("x"))),
    "audit close": ("UpdateItem", lambda store: store.audit.close(an_entry("x"))),
    "audit opened": ("UpdateItem", lambda store: store.audit.opened(ANA, "x", NOON)),
    "of member": ("Query", lambda store: list(store.audit.of_member(ANA, NOON))),
    "of day": ("Query", lambda store: list(store.audit.of_day(TEAM, NOON.date()))),
    "count": ("UpdateItem", lambda store: store.counter.count(ANA, NOON)),
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


@pytest.fixture
def aws(local_aws: ListeningAws) -> Iterator[ListeningAws]:
    yield local_aws
    local_aws.clear_faults()


@pytest.mark.parametrize(
    ("name", "fault"),
    # Those that are tried again take their time, so they are not all done for every use.
    [
        *((name, fault) for name in USES for fault in ("access denied", "table missing", "dropped")),
        *((name, fault) for name in ("read", "audit open", "put grant") for fault in ("throttled", "failed")),
    ],
)
def test_what_dynamodb_does_to_us_is_told_apart(dynamodb: Store, aws: ListeningAws, name: str, fault: str) -> None:
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
        (Fault(body=b"not JSON", status=200), Reason.STORE_UNREADABLE),
    ],
    ids=lambda value: value.code or f"body with {value.status}" if isinstance(value, Fault) else value,
)
def test_an_error_is_known_by_its_code(dynamodb: Store, aws: ListeningAws, fault: Fault, reason: Reason) -> None:
    aws.inject("Query", fault)
    error = failure(USES["read"][1], dynamodb)
    assert error.reason is reason


def test_the_code_of_a_refusal_is_kept(dynamodb: Store, aws: ListeningAws) -> None:
    aws.inject("PutItem", Fault("AccessDeniedException"))
    assert failure(USES["audit open"][1], dynamodb).code == "AccessDeniedException"


def test_missing_tables_are_named_as_the_trouble(local_aws: ListeningAws, bound: Tables) -> None:
    local_aws.reset()
    runtime = RuntimeTable(bound)
    store = Store(AccessTable(bound, audit_days=1), AuditTable(bound, days=1), runtime, runtime)
    for name in ("read", "audit open", "count", "put grant", "remember", "recall"):
        error = failure(USES[name][1], store)
        assert error.reason is Reason.STORE_REFUSED
        assert "studio-links tables create" in str(error)


@pytest.mark.parametrize("name", ["read", "audit open", "audit close", "delete mapping"])
def test_one_failure_is_got_over(dynamodb: Store, aws: ListeningAws, name: str) -> None:
    operation, use = USES[name]
    if name.startswith("delete"):
        dynamodb.access.put_mapping(ANA, a_mapping(), replaces=None, entry=an_entry("before-1"))
        dynamodb.access.put_grant(TEAM, a_grant(), replaces=None, entry=an_entry("before-2"))
    aws.inject(operation, Fault("InternalServerError", status=500))
    use(dynamodb)


def test_a_change_whose_answer_was_lost_is_repeated_under_the_same_token(dynamodb: Store, aws: ListeningAws) -> None:
    """DynamoDB takes a repeated transaction for the first one by its token; the stand-in does not know that."""
    aws.inject("TransactWriteItems", Fault("InternalServerError", status=500, served=True))
    with pytest.raises(Changed):
        dynamodb.access.put_grant(TEAM, a_grant(), replaces=None, entry=an_entry("x"))
    tokens = [request["ClientRequestToken"] for request in aws.requests("TransactWriteItems")]
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [("ConditionalCheckFailed", Changed), ("TransactionConflict", Changed), ("ThrottlingError", StoreError)],
)
def test_a_cancelled_change_is_told_apart_by_its_reasons(
    dynamodb: Store, aws: ListeningAws, code: str, expected: type[Exception]
) -> None:
    body = (
        '{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "message": "cancelled", '
        f'"CancellationReasons": [{{"Code": "None"}}, {{"Code": "{code}"}}]}}'
    )
    aws.inject("TransactWriteItems", Fault(body=body.encode(), times=None))
    with pytest.raises(expected):
        dynamodb.access.put_grant(TEAM, a_grant(), replaces=None, entry=an_entry("x"))


def test_a_cancelled_change_changes_nothing(dynamodb: Store, aws: ListeningAws) -> None:
    aws.inject("TransactWriteItems", Fault("AccessDeniedException"))
    failure(USES["put mapping"][1], dynamodb)
    assert dynamodb.access.read(ANA) == Access()
    assert list(dynamodb.audit.of_day(TEAM, NOON.date())) == []


# Unreachable, and without credentials


def elsewhere(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> Tables:
    """Models that are bound in a changed environment."""
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
def test_nobody_at_the_endpoint_and_no_credentials_are_found_at_the_first_call(
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
def test_settings_of_awss_own_that_make_no_sense_are_found_when_connecting(
    monkeypatch: pytest.MonkeyPatch, changes: Settings
) -> None:
    with pytest.raises(ConfigError, match="AWS's settings cannot be used: "):
        elsewhere(monkeypatch, **changes).connect()


# Records that make no sense


UNREADABLE_ACCESS: dict[str, dict[str, Any]] = {
    "a kind nobody knows": {"item": "mapping2#default"},
    "no kind": {"item": "something"},
    "a lock among a member's records": {"item": "lock"},
    "a reserved alias": {"item": "mapping#help"},
    "no domain": {"item": "mapping#default", "profile_name": "ana"},
    "no profile": {"item": "mapping#default", "domain_id": "d-research"},
    "a malformed domain": {"item": "mapping#default", "domain_id": "d_research", "profile_name": "ana"},
    "an odd landing page": {
        "item": "mapping#default",
        "domain_id": "d-research",
        "profile_name": "ana",
        "landing_uri": "https://evil.example.com/",
    },
    "a session too long": {
        "item": "mapping#default",
        "domain_id": "d-research",
        "profile_name": "ana",
        "session_seconds": 99999,
    },
    "an unknown effect": {"item": "grant#maybe"},
    "an end that is no time": {"item": "grant#allow", "until": "tomorrow"},
    "an end without a time zone": {"item": "grant#allow", "until": "2030-01-01T00:00:00"},
    "a time of setting that is no time": {"item": "grant#allow", "set_at": "noon"},
}


def typed(value: object) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": str(value)}


def put_raw(tables: Tables, record: dict[str, Any]) -> None:
    item = {"owner": f"{TEAM}#{ANA.user_id}", **record}
    client_of(tables.access).put_item(
        TableName=tables.access.Meta.table_name, Item={name: typed(value) for name, value in item.items()}
    )


@pytest.mark.parametrize("record", UNREADABLE_ACCESS.values(), ids=UNREADABLE_ACCESS)
def test_a_record_that_makes_no_sense_is_named_beside_those_that_do(
    dynamodb: Store, tables: Tables, record: dict[str, Any]
) -> None:
    good = a_mapping("good")
    dynamodb.access.put_mapping(ANA, good, replaces=None, entry=an_entry("good"))
    put_raw(tables, record)
    expected = Access((good,), unreadable=(record["item"],))
    assert dynamodb.access.read(ANA) == expected
    assert dict(dynamodb.access.members(TEAM)) == {ANA.user_id: expected}


def test_records_that_make_no_sense_are_removed_with_the_rules(dynamodb: Store, tables: Tables) -> None:
    rule = a_grant()
    dynamodb.access.put_grant(TEAM, rule, replaces=None, entry=an_entry("rule"))
    put_raw(tables, {"item": "grant#maybe"})
    put_raw(tables, {"item": "mapping#help"})
    dynamodb.access.delete_grants(TEAM, ANA.user_id, dynamodb.access.read(ANA), entry=an_entry("gone"))
    assert dynamodb.access.read(ANA) == Access()


@pytest.mark.parametrize(
    "record",
    [
        {"item": "mapping#x", "domain_id": "d-research", "profile_name": "ana", "session_seconds": "long"},
        {"item": "mapping#x", "domain_id": "d-research", "profile_name": 7},
        {"item": "grant#allow", "until": 1893456000},
    ],
    ids=["text for a number", "a number for a name", "a number for a time"],
)
def test_a_record_of_the_wrong_types_makes_a_member_unreadable(
    dynamodb: Store, tables: Tables, record: dict[str, Any]
) -> None:
    put_raw(tables, record)
    assert failure(USES["read"][1], dynamodb).reason is Reason.STORE_UNREADABLE
    assert failure(USES["members"][1], dynamodb).reason is Reason.STORE_UNREADABLE


@pytest.mark.parametrize(
    "record", [{"alias": 7}, {"expires": "soon"}], ids=["a number for a name", "text for a number"]
)
def test_a_choice_of_the_wrong_types_is_an_error_and_no_answer(
    dynamodb: Store, tables: Tables, record: dict[str, Any]
) -> None:
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
def test_an_unreadable_audit_entry_is_an_error(dynamodb: Store, tables: Tables, change: dict[str, Any]) -> None:
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


def test_a_hanging_dynamodb_is_given_up_on_after_two_seconds(dynamodb: Store, aws: ListeningAws) -> None:
    aws.inject("Query", Fault(delay=2.2))
    assert dynamodb.access.read(ANA) == Access()  # by the second attempt
    assert aws.calls.count("Query") == 2
