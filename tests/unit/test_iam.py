"""Policies allow the calls of the bot and of its administration, and nothing else."""

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from bot.aws import secret_refs as references
from bot.aws.iam_policy import LIST_TO_PICK, Role, policy, profiles_policy, size
from bot.aws.iam_scope import Scope
from bot.aws.sagemaker import SageMakerStudio
from bot.cli.iam import _account
from bot.core.access import Mapping
from bot.core.errors import StudioError
from tests.policies import permits

ACCOUNT = "123456789012"
BROKER = "arn:aws:iam::210987654321:role/studio/broker"
ANA = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:user-profile/d-one/ana"
DAN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:user-profile/d-two/dan"
BOT = f"arn:aws:iam::{ACCOUNT}:role/bot"
APP = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:app/d-one/ana/jupyterlab/default"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0123abcd"
SCOPE = Scope(
    partition="aws",
    account=ACCOUNT,
    region="eu-west-1",
    table_prefix="studio-links-",
    profiles=frozenset({ANA, DAN}),
    domains=frozenset({("eu-west-1", "d-one"), ("us-east-1", "d-two")}),
    broker_roles=frozenset({BROKER}),
    serving_role=BOT,
)


OF_TABLES = (Role.SETUP, Role.ERASURE)


def allows(document: dict[str, Any], action: str, resource: str) -> bool:
    return any(
        action in statement["Action"] and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in document["Statement"]
    )


@pytest.mark.parametrize("role", Role)
def test_policy_names_exactly_the_mapped_resources(role: Role) -> None:
    document = policy(role, SCOPE)
    resources = {resource for statement in document["Statement"] for resource in statement["Resource"]}
    sagemaker = {resource for resource in resources if ":sagemaker:" in resource}
    assert {resource.split("/")[1] for resource in sagemaker} == (set() if role in OF_TABLES else {"d-one", "d-two"})
    assert all("us-east-1" in resource for resource in sagemaker if "d-two" in resource)
    assert all("studio-links-" in resource for resource in resources if ":dynamodb:" in resource)
    assert (BROKER in resources) == (role in (Role.SERVING, Role.ADMINISTRATION))
    assert not any(action.endswith("*") for statement in document["Statement"] for action in statement["Action"])
    for statement in document["Statement"]:
        if "*" in statement["Resource"]:  # these take no narrower resource
            assert set(statement["Action"]) <= {
                "sagemaker:ListApps",
                "sagemaker:ListSpaces",
                "sagemaker:ListUserProfiles",
                "dynamodb:ListTables",
            }


# What a thief of each role's credentials tries, and what its policy says: (role, action, resource).
ATTACKS = [
    *((role, "dynamodb:DeleteTable", SCOPE.table("audit")) for role in Role),
    *((role, "dynamodb:DeleteItem", SCOPE.table("audit")) for role in Role),
    *((role, "dynamodb:BatchWriteItem", SCOPE.table("audit")) for role in Role),
    *(
        (role, f"dynamodb:{action}", SCOPE.table("audit"))
        for role in (Role.SERVING, Role.ADMINISTRATION, Role.REVOCATION)
        for action in ("CreateTable", "UpdateTable", "UpdateContinuousBackups", "UpdateTimeToLive")
    ),
    *(
        (Role.SETUP, f"dynamodb:{action}", SCOPE.table(name))
        for name in ("access", "audit", "runtime")
        for action in ("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem")
    ),
    *(
        (role, "dynamodb:DeleteItem", SCOPE.table(name))
        for role in (Role.SERVING, Role.ADMINISTRATION, Role.SETUP)
        for name in ("access", "runtime")
    ),
    (Role.ERASURE, "dynamodb:UpdateTable", SCOPE.table("audit")),
    (Role.ERASURE, "sagemaker:CreatePresignedDomainUrl", ANA),
    (Role.ADMINISTRATION, "sagemaker:CreatePresignedDomainUrl", ANA),
    (Role.SETUP, "sagemaker:CreatePresignedDomainUrl", ANA),
    (Role.REVOCATION, "sagemaker:CreatePresignedDomainUrl", ANA),
    (Role.REVOCATION, "sagemaker:DeleteApp", APP.replace("d-one", "d-three")),
    (Role.REVOCATION, "dynamodb:PutItem", SCOPE.table("access")),
    (Role.REVOCATION, "iam:PutRolePolicy", BOT.replace("bot", "admin")),
    *((role, "iam:PutRolePolicy", BOT) for role in (Role.SERVING, Role.ADMINISTRATION, Role.SETUP)),
    *((role, "sagemaker:DeleteApp", APP) for role in (Role.SERVING, Role.ADMINISTRATION, Role.SETUP)),
    (Role.SERVING, "sagemaker:CreatePresignedDomainUrl", ANA.replace("ana", "eve")),
    (Role.SERVING, "sagemaker:CreatePresignedDomainUrl", ANA.replace("d-one", "d-three")),
    (Role.SERVING, "sagemaker:DescribeUserProfile", ANA.replace("ana", "eve")),
]


@pytest.mark.parametrize(("role", "action", "resource"), ATTACKS)
def test_policy_does_not_allow(role: Role, action: str, resource: str) -> None:
    assert not allows(policy(role, SCOPE), action, resource)


@pytest.mark.parametrize(
    ("key", "deleted"),
    [
        ("T0A#U0ANA", True),
        ("E0A#W0ANA", True),
        ("profile#d-one#ana", False),
        ("T0A", False),
        ("profile#d-one#T#U", False),
    ],
)
def test_erasure_deletes_members_alone(key: str, *, deleted: bool) -> None:
    """A deleted lock forgets that its profile had an owner, and a deleted workspace its lockdown."""
    found, table = policy(Role.ERASURE, SCOPE)["Statement"], SCOPE.table("access")
    assert permits(found, "dynamodb:DeleteItem", table, {"dynamodb:LeadingKeys": [key]}) == deleted


def test_each_role_may_do_its_own_work() -> None:
    assert allows(policy(Role.SERVING, SCOPE), "sagemaker:CreatePresignedDomainUrl", ANA)
    assert allows(policy(Role.REVOCATION, SCOPE), "sagemaker:DeleteApp", APP)
    assert allows(policy(Role.REVOCATION, SCOPE), "iam:PutRolePolicy", BOT)
    assert allows(policy(Role.SETUP, SCOPE), "dynamodb:CreateTable", SCOPE.table("access"))
    assert allows(policy(Role.ADMINISTRATION, SCOPE), "sagemaker:DescribeUserProfile", ANA.replace("ana", "eve"))


EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/studio"
MAKES = replace(SCOPE, template_domains=frozenset({("eu-west-1", "d-new")}), template_roles=frozenset({EXECUTION}))
LEAVES = replace(SCOPE, offboards=True)
MADE, SPACE = ANA.replace("d-one", "d-new"), ANA.replace("user-profile/d-one", "space/d-new")
TAGGED, MARKED = {"aws:ResourceTag/studio-links": "yes"}, {"aws:RequestTag/studio-links": "yes"}
TO_SAGEMAKER, ON_CREATION = {"iam:PassedToService": "sagemaker.amazonaws.com"}, "sagemaker:TaggingAction"
MAY_MAKE = (Role.SERVING, Role.ADMINISTRATION)


@pytest.mark.parametrize("role", MAY_MAKE)
@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("sagemaker:CreateUserProfile", MADE, MARKED, True),
        ("sagemaker:CreateUserProfile", MADE, {}, False),
        ("sagemaker:CreateUserProfile", ANA, MARKED, False),
        ("sagemaker:CreateSpace", SPACE, MARKED, True),
        ("sagemaker:AddTags", MADE, {ON_CREATION: "CreateUserProfile"}, True),
        ("sagemaker:AddTags", MADE, {}, False),
        ("sagemaker:AddTags", MADE, {ON_CREATION: "CreateDomain"}, False),
        ("sagemaker:AddTags", ANA, {ON_CREATION: "CreateUserProfile"}, False),
        ("sagemaker:UpdateUserProfile", MADE, MARKED, False),
        ("iam:PassRole", EXECUTION, TO_SAGEMAKER, True),
        ("iam:PassRole", EXECUTION, {"iam:PassedToService": "lambda.amazonaws.com"}, False),
        ("iam:PassRole", EXECUTION, {}, False),
        ("iam:PassRole", BOT, TO_SAGEMAKER, False),
        ("sagemaker:DeleteUserProfile", MADE, TAGGED, False),
    ],
)
def test_provisioning_role_makes_only_what_templates_say(
    role: Role, action: str, resource: str, context: dict[str, str], *, allowed: bool
) -> None:
    assert permits(policy(role, MAKES)["Statement"], action, resource, context) is allowed
    assert not permits(policy(role, SCOPE)["Statement"], action, resource, context)


def test_made_profile_opens_by_its_tag_and_within_the_networks() -> None:
    scope = replace(MAKES, source_ips=("203.0.113.0/24",))
    found, inside = policy(Role.SERVING, scope)["Statement"], {"aws:SourceIp": "203.0.113.9"}
    presign = "sagemaker:CreatePresignedDomainUrl"
    assert permits(found, presign, MADE, TAGGED | inside)
    assert not permits(found, presign, MADE, inside)
    assert not permits(found, presign, MADE, TAGGED | {"aws:SourceIp": "192.0.2.9"})
    assert not permits(policy(Role.ADMINISTRATION, scope)["Statement"], presign, MADE, TAGGED | inside)


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("sagemaker:DeleteApp", APP, True),
        ("sagemaker:DeleteSpace", APP.replace("app", "space"), True),
        ("sagemaker:DeleteUserProfile", ANA, True),
        ("sagemaker:DeleteUserProfile", ANA.replace("ana", "eve"), False),
        ("sagemaker:DeleteUserProfile", ANA.replace("d-one", "d-three"), False),
        ("sagemaker:DeleteDomain", ANA.replace("user-profile", "domain"), False),
        ("sagemaker:CreateUserProfile", ANA, False),
    ],
)
def test_offboarding_role_deletes_in_mapped_domains_alone(action: str, resource: str, *, allowed: bool) -> None:
    assert permits(policy(Role.SERVING, LEAVES)["Statement"], action, resource, MARKED) is allowed
    assert not permits(policy(Role.SERVING, SCOPE)["Statement"], action, resource, MARKED)


def test_shell_that_makes_or_removes_keeps_its_work_in_the_tables() -> None:
    for scope, allowed in ((SCOPE, False), (MAKES, True), (LEAVES, True)):
        found = policy(Role.ADMINISTRATION, scope)["Statement"]
        assert permits(found, "dynamodb:PutItem", SCOPE.table("runtime")) is allowed


def test_profile_made_by_the_bot_is_deleted_by_its_tag() -> None:
    found = policy(Role.SERVING, replace(MAKES, offboards=True))["Statement"]
    assert permits(found, "sagemaker:DeleteUserProfile", MADE, TAGGED)
    assert not permits(found, "sagemaker:DeleteUserProfile", MADE)


@pytest.mark.parametrize("role", [Role.SERVING, Role.ADMINISTRATION])
def test_apps_are_in_the_policy_only_if_wanted(role: Role) -> None:
    wanted = policy(role, replace(SCOPE, runs=True))
    for action in ("DeleteApp", "DescribeApp", "CreateApp"):
        assert not allows(policy(role, SCOPE), f"sagemaker:{action}", APP)
        assert allows(wanted, f"sagemaker:{action}", APP) == (role is Role.SERVING or action != "CreateApp")
        assert not allows(wanted, f"sagemaker:{action}", APP.replace("d-one", "d-three"))
    assert allows(wanted, "sagemaker:ListApps", "*")
    assert not allows(policy(role, SCOPE), "sagemaker:ListApps", "*")


def test_lists_to_pick_from_are_in_the_policy_only_if_wanted() -> None:
    wanted = policy(Role.SERVING, replace(SCOPE, picks=True))
    for action in LIST_TO_PICK:
        assert allows(wanted, action, "*")
        assert not allows(policy(Role.SERVING, SCOPE), action, "*")
    session = profiles_policy(Mapping("default", "d-one", "any", role_arn=BROKER), "eu-west-1")
    assert allows(session, "sagemaker:ListUserProfiles", "*")
    assert not allows(session, "sagemaker:CreatePresignedDomainUrl", ANA)


def test_policy_by_tag_opens_only_tagged_profiles() -> None:
    document = policy(Role.SERVING, replace(SCOPE, by_tag=True, source_vpces=("vpce-1",)))
    profiles = [each for each in document["Statement"] if "user-profile" in str(each["Resource"])]
    assert {action for each in profiles for action in each["Action"]} == {
        "sagemaker:CreatePresignedDomainUrl",
        "sagemaker:DescribeUserProfile",
    }
    for each in profiles:
        assert each["Condition"]["StringEquals"]["aws:ResourceTag/studio-links"] == "yes"
    [links] = [each for each in profiles if each["Sid"] == "Links"]
    assert links["Condition"]["StringEquals"]["aws:SourceVpce"] == ["vpce-1"]


def test_open_domain_is_the_only_one_with_all_its_profiles() -> None:
    document = policy(Role.SERVING, replace(SCOPE, open_domains=frozenset({("us-east-1", "d-two")})))
    assert allows(document, "sagemaker:CreatePresignedDomainUrl", DAN.replace("dan", "eve"))
    assert not allows(document, "sagemaker:CreatePresignedDomainUrl", ANA.replace("ana", "eve"))


@pytest.mark.parametrize("role", Role)
def test_table_key_is_used_only_through_dynamodb(role: Role) -> None:
    of_key = [
        each for each in policy(role, replace(SCOPE, kms_key=KEY))["Statement"] if "kms:" in str(each["Action"])
    ]
    [statement] = of_key
    assert statement["Resource"] == [KEY]
    assert statement["Condition"] == {"StringLike": {"kms:ViaService": "dynamodb.eu-west-1.*"}}
    assert ("kms:CreateGrant" in statement["Action"]) == (role is Role.SETUP)
    assert "kms:" not in json.dumps(policy(role, SCOPE))


def test_policy_size_leaves_out_white_space() -> None:
    assert size({"Version": "1", "Statement": []}) == len('{"Version":"1","Statement":[]}')


def test_serving_writes_access_only_if_it_administers() -> None:
    table = SCOPE.table("access")
    reading = policy(Role.SERVING, SCOPE)
    writing = policy(Role.SERVING, replace(SCOPE, administers_in_slack=True))
    assert allows(reading, "dynamodb:BatchGetItem", table)
    assert not allows(reading, "dynamodb:PutItem", table)
    assert allows(writing, "dynamodb:PutItem", table)
    assert not allows(reading, "dynamodb:Scan", table)
    assert allows(writing, "dynamodb:Scan", table)  # `/studio admin list`
    # For seals, and for `/studio admin history`.
    assert allows(reading, "dynamodb:Query", SCOPE.table("audit/index/by_day"))
    assert allows(writing, "dynamodb:Query", SCOPE.table("audit/index/by_day"))


@pytest.mark.parametrize(
    ("ips", "vpces", "expected"),
    [
        ((), (), [None]),
        (("203.0.113.0/24",), (), [{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}]),
        ((), ("vpce-1",), [{"StringEquals": {"aws:SourceVpce": ["vpce-1"]}}]),
        (
            ("203.0.113.7",),
            ("vpce-1", "vpce-2"),
            [
                {"IpAddress": {"aws:SourceIp": ["203.0.113.7"]}},
                {"StringEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}},
            ],
        ),
    ],
)
def test_conditions_limit_only_links(ips: Any, vpces: Any, expected: list[Any]) -> None:
    document = policy(Role.SERVING, replace(SCOPE, source_ips=ips, source_vpces=vpces))
    links = [s for s in document["Statement"] if s["Action"] == ["sagemaker:CreatePresignedDomainUrl"]]
    assert [statement.get("Condition") for statement in links] == expected
    assert not any("aws:Source" in json.dumps(each) for each in document["Statement"] if each not in links)
    assert len({statement["Sid"] for statement in document["Statement"]}) == len(document["Statement"])


def test_statements_without_resources_are_omitted() -> None:
    for role in Role:
        document = policy(role, Scope("aws", ACCOUNT, "eu-west-1", "p-"))
        assert all(statement["Resource"] for statement in document["Statement"])
        assert "sagemaker" not in json.dumps(document)


def test_policy_allows_reading_referenced_secrets() -> None:
    place = {"partition": "aws", "region": "eu-west-1", "account": ACCOUNT}
    secret = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:slack-AbCdEf"
    arns = [
        references.arn(f"aws-secretsmanager://{secret}#TOKEN", **place),
        references.arn("aws-secretsmanager://slack", **place),
        references.arn("ssm:///studio/slack", **place),
    ]
    for role in (Role.SERVING, Role.ADMINISTRATION):
        document = policy(role, replace(SCOPE, secrets=frozenset(arns)))
        assert allows(document, "secretsmanager:GetSecretValue", secret)
        assert allows(
            document,
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:slack-XyZ123",
        )
        assert allows(document, "ssm:GetParameter", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/studio/slack")
        assert not allows(
            document,
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:other-XyZ123",
        )


@pytest.mark.public(17)
@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
    ],
)
def test_partition_without_sts_is_that_of_the_region(
    monkeypatch: pytest.MonkeyPatch, region: str, partition: str
) -> None:
    monkeypatch.setattr("bot.aws.account.caller_arn", lambda _region: None)
    assert _account(ACCOUNT, region) == (partition, ACCOUNT)


@pytest.mark.public(17)
def test_region_of_a_mapping_that_aws_does_not_have_is_named() -> None:
    studio = SageMakerStudio(region="eu-west-1", link_seconds=60, session_seconds=43200)
    with pytest.raises(StudioError, match="AWS has no region mars-east-1: correct the mapping"):
        studio.examine(Mapping("default", "d-x", "ana", region="mars-east-1"))
