"""The roles of deploy/: what a thief of each one's credentials tries, and what its policies say."""

import pytest

from tests.policies import ACCOUNT, REGION, Stack, permits

SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"
BOT_TOKEN, SLACK = f"{SECRETS}:bot-token-AbCdEf", f"{SECRETS}:slack-AbCdEf"
TABLES = ("AccessTable", "AuditTable", "RuntimeTable")
PROFILE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:user-profile/d-one/"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123abcd"
PEOPLE = f"arn:aws:iam::{ACCOUNT}:role/"
PRESIGN = "sagemaker:CreatePresignedDomainUrl"
GIVEN = {
    "Transport": "socket",
    "Image": "studio-links",
    "BotTokenSecretArn": BOT_TOKEN,
    "SlackSecretArn": SLACK,
    "DomainArns": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:domain/d-one",
    "AdministerInSlack": "true",
    "AdministratorArn": f"{PEOPLE}administrators",
    "SetupArn": f"{PEOPLE}setup",
    "RevocationArn": f"{PEOPLE}security",
    "TableKeyArn": KEY,
    "VpcId": "vpc-1",
    "Subnets": "subnet-1,subnet-2",
}
BROKER = {
    "DomainId": "d-one",
    "ServingRoleArn": f"{PEOPLE}serving",
    "AdministrationRoleArn": f"{PEOPLE}administration",
    "StudioExternalId": "0123456789abcdef",
}
TAGGED = {"aws:ResourceTag/studio-links": "yes"}


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(**GIVEN)


@pytest.mark.parametrize("role", ["AdministrationRole", "SetupRole", "RevocationRole", "ExecutionRole"])
def test_role_does_not_read_the_secret_that_the_stack_makes(role: str) -> None:
    given = {name: value for name, value in GIVEN.items() if not name.endswith("SecretArn")}
    made = Stack(**given, SlackBotToken="xoxb-1-2-3", SlackAppToken="xapp-1-2-3")
    assert permits(made.permissions("ServingRole"), "secretsmanager:GetSecretValue", "SlackSecret")
    assert not permits(made.permissions(role), "secretsmanager:GetSecretValue", "SlackSecret")
    may_read_token = role in ("AdministrationRole", "RevocationRole")
    assert permits(made.permissions(role), "secretsmanager:GetSecretValue", "BotTokenSecret") is may_read_token


PROTECTION = ("CreateTable", "DeleteTable", "UpdateTable", "UpdateContinuousBackups", "UpdateTimeToLive")
ATTACKS = [
    ("AdministrationRole", "secretsmanager:GetSecretValue", SLACK),
    ("SetupRole", "secretsmanager:GetSecretValue", BOT_TOKEN),
    ("SetupRole", "secretsmanager:GetSecretValue", SLACK),
    ("RevocationRole", "secretsmanager:GetSecretValue", SLACK),
    ("RevocationRole", PRESIGN, f"{PROFILE}ana"),
    ("RevocationRole", "dynamodb:PutItem", "AccessTable"),
    ("RevocationRole", "iam:PutRolePolicy", "AdministrationRole"),
    ("RevocationRole", "sagemaker:DeleteApp", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:app/d-two/ana/a/b"),
    ("ExecutionRole", "secretsmanager:GetSecretValue", SLACK),
    ("AdministrationRole", PRESIGN, f"{PROFILE}ana"),
    ("SetupRole", PRESIGN, f"{PROFILE}ana"),
    *(
        (role, f"dynamodb:{action}", table)
        for role in ("ServingRole", "AdministrationRole")
        for action in PROTECTION
        for table in TABLES
    ),
    *(
        ("SetupRole", f"dynamodb:{action}", table)
        for action in ("BatchGetItem", "DeleteTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
        for table in TABLES
    ),
    *((role, "iam:PutRolePolicy", "ServingRole") for role in ("ServingRole", "AdministrationRole", "SetupRole")),
    *((role, "kms:CreateGrant", KEY) for role in ("ServingRole", "AdministrationRole")),
]


@pytest.mark.parametrize(("role", "action", "resource"), ATTACKS)
def test_role_does_not_allow(stack: Stack, role: str, action: str, resource: str) -> None:
    via = {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}
    assert not permits(stack.permissions(role), action, resource, TAGGED | via)


def test_each_role_may_do_its_own_work(stack: Stack) -> None:
    for role, action, resource in (
        ("ServingRole", "secretsmanager:GetSecretValue", SLACK),
        ("ServingRole", "secretsmanager:GetSecretValue", BOT_TOKEN),
        ("AdministrationRole", "secretsmanager:GetSecretValue", BOT_TOKEN),
        ("AdministrationRole", "dynamodb:DescribeContinuousBackups", "AuditTable"),
        ("SetupRole", "dynamodb:UpdateContinuousBackups", "AuditTable"),
        ("RevocationRole", "iam:PutRolePolicy", "ServingRole"),
        ("RevocationRole", "sagemaker:DeleteApp", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:app/d-one/ana/a/b"),
    ):
        assert permits(stack.permissions(role), action, resource)


def test_table_key_is_used_only_through_dynamodb(stack: Stack) -> None:
    for role in ("ServingRole", "AdministrationRole", "SetupRole"):
        for service, allowed in (("dynamodb", True), ("s3", False)):
            via = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
            assert permits(stack.permissions(role), "kms:Decrypt", KEY, via) == allowed


@pytest.mark.parametrize("role", ["AdministrationRole", "SetupRole", "RevocationRole"])
def test_role_for_people_needs_mfa_unless_switched_off(role: str) -> None:
    mfa = {"aws:MultiFactorAuthPresent": "true"}
    trust = Stack(**GIVEN).trust(role)
    assert permits(trust, "sts:AssumeRole", context=mfa)
    assert not permits(trust, "sts:AssumeRole")
    assert not permits(trust, "sts:AssumeRole", context={"aws:MultiFactorAuthPresent": "false"})
    without = Stack(**GIVEN, RequireMfa="false").trust(role)
    assert permits(without, "sts:AssumeRole")


def test_revocation_role_is_not_the_administrators(stack: Stack) -> None:
    assert [each["Principal"]["AWS"] for each in stack.trust("RevocationRole")] == [f"{PEOPLE}security"]
    assert "RevocationRole" not in Stack(**{**GIVEN, "RevocationArn": ""}).resources
    assert "RevocationRole" not in Stack("broker-role.yaml", **BROKER).resources


def test_revocation_role_writes_only_entries_of_shells(stack: Stack) -> None:
    found = stack.permissions("RevocationRole")
    for action in ("dynamodb:PutItem", "dynamodb:UpdateItem"):
        assert permits(found, action, "AuditTable", {"dynamodb:LeadingKeys": ["cli-1"]})
        assert not permits(found, action, "AuditTable", {"dynamodb:LeadingKeys": ["Ev0REQUEST"]})


def test_setup_role_is_not_the_administrators(stack: Stack) -> None:
    assert [each["Principal"]["AWS"] for each in stack.trust("SetupRole")] == [f"{PEOPLE}setup"]
    assert "SetupRole" not in Stack(**{**GIVEN, "SetupArn": ""}).resources


# The parameters that narrow links, and the requests that they allow and refuse: (profile, context).
NAMES = {"ProfileArns": f"{PROFILE}ana"}
IPS, VPCES = {"SourceIps": "203.0.113.0/24,198.51.100.7"}, {"SourceVpces": "vpce-1,vpce-2"}
HERE, THERE = {"aws:SourceIp": "203.0.113.9"}, {"aws:SourceIp": "192.0.2.1"}
ENDPOINT = {"aws:SourceVpce": "vpce-2"}
LINKS: list[tuple[dict[str, str], list[tuple[str, dict[str, str]]], list[tuple[str, dict[str, str]]]]] = [
    ({}, [("ana", TAGGED)], [("ana", {}), ("ana", {"aws:ResourceTag/studio-links": "no"})]),
    (NAMES, [("ana", {})], [("eve", {}), ("eve", TAGGED)]),
    (IPS, [("ana", TAGGED | HERE)], [("ana", TAGGED | THERE), ("ana", HERE), ("ana", TAGGED | ENDPOINT)]),
    (VPCES, [("ana", TAGGED | ENDPOINT)], [("ana", TAGGED | HERE), ("ana", ENDPOINT)]),
    (
        NAMES | IPS | VPCES,
        [("ana", HERE), ("ana", ENDPOINT)],
        [("ana", THERE), ("ana", {"aws:SourceVpce": "vpce-3"}), ("eve", TAGGED | HERE)],
    ),
]


@pytest.mark.parametrize(("narrowing", "allowed", "refused"), LINKS)
@pytest.mark.parametrize("name", ["ServingRole", "BrokerRole"])
def test_links_are_as_narrow_as_the_parameters(
    name: str,
    narrowing: dict[str, str],
    allowed: list[tuple[str, dict[str, str]]],
    refused: list[tuple[str, dict[str, str]]],
) -> None:
    of_broker = name == "BrokerRole"
    file, given = ("broker-role.yaml", BROKER) if of_broker else ("cloudformation.yaml", GIVEN)
    statements = Stack(file, **given, **narrowing).permissions(name)
    member = {"aws:userid": "AROA:slack-T0-U0ANA"} if of_broker else {}
    for profile, context in allowed:
        assert permits(statements, PRESIGN, PROFILE + profile, context | member)
    for profile, context in refused:
        assert not permits(statements, PRESIGN, PROFILE + profile, context | member)


@pytest.mark.parametrize(
    ("file", "role", "starts"),
    [
        ("cloudformation.yaml", "ServingRole", True),
        ("cloudformation.yaml", "AdministrationRole", False),
        ("broker-role.yaml", "BrokerRole", True),
    ],
)
def test_apps_are_within_reach_only_if_wanted(file: str, role: str, *, starts: bool) -> None:
    given, app = (
        BROKER if file.startswith("broker") else GIVEN,
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:app/d-one/ana/a/b",
    )
    off, on = (Stack(file, **given, StudioRunning=value).permissions(role) for value in ("false", "true"))
    for action, allowed in (("DescribeApp", True), ("DeleteApp", True), ("CreateApp", starts)):
        assert not permits(off, f"sagemaker:{action}", app)
        assert permits(on, f"sagemaker:{action}", app) is allowed
        assert not permits(on, f"sagemaker:{action}", app.replace("d-one", "d-two"))
    assert permits(on, "sagemaker:ListApps", "*")
    assert not permits(off, "sagemaker:ListApps", "*")


def test_lists_to_pick_from_are_within_reach_only_if_wanted() -> None:
    off, on = (Stack(**GIVEN, StudioPickLists=value).permissions("ServingRole") for value in ("mapped", "aws"))
    for action in ("sagemaker:ListDomains", "sagemaker:ListUserProfiles"):
        assert permits(on, action, "*")
        assert not permits(off, action, "*")


def test_broker_role_opens_nothing_for_an_administrator() -> None:
    statements = Stack("broker-role.yaml", **BROKER).permissions("BrokerRole")
    administrator = {"aws:userid": "AROA:studio-links-administration"}
    assert not permits(statements, PRESIGN, f"{PROFILE}ana", TAGGED | administrator)
