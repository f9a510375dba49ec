"""Create the stacks of deploy/ in moto, run the bot on them, and compare its calls with its roles."""

import ast
import json
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bot.aws.sagemaker import ADMINISTRATION as ADMINISTRATION_SESSION
from bot.local.aws.calls import Call
from bot.local.aws.stand_in import REGION, LocalAws
from bot.local.slack.features import from_manifest
from bot.local.slack.workspace import Workspace
from tests.cli import run_command
from tests.leaks import remember
from tests.scenario.conftest import (
    TEAM,
    BotProcess,
    Product,
    ShiftedClock,
    bot_process,
    create_domain,
    create_profile,
    free_port,
)
from tests.scenario.test_access_requests import ask, newest
from tests.scenario.test_home import dialog_of, home_of
from tests.templates import DEPLOY, template

ACCOUNT = "123456789012"
EXTERNAL_ID = "0123456789abcdef0123456789abcdef"
# Resources that moto does not create. cfn-lint and tests/unit/test_deploy.py check them.
BEYOND_MOTO = {
    "AWS::CloudWatch::Alarm",
    "AWS::Logs::MetricFilter",
    "AWS::WAFv2::WebACL",
    "AWS::WAFv2::WebACLAssociation",
}
# Access keys that tell the stand-in which role makes a call.
SERVING, ADMINISTRATION, REVOCATION = "serving-role", "administration-role", "revocation-role"


@dataclass(frozen=True)
class Stack:
    """A stack that CloudFormation has created."""

    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    left_out: frozenset[str]


def create_stack(name: str, file: str, **parameters: str) -> Stack:
    """Create a stack from one of our templates, in the stand-in's moto."""
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    client = boto3.client("cloudformation")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client.create_stack(StackName=name, TemplateBody=(DEPLOY / file).read_text(), Parameters=given)
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        resources = client.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    return Stack(
        {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
        frozenset(re.findall(r"Tried to parse (\S+)", " ".join(str(each.message) for each in caught))),
    )


def protect_tables(stack: Stack) -> None:
    """Set time to live and recovery of the tables as in the template, which moto ignores."""
    dynamodb = boto3.client("dynamodb")
    for logical, resource in template()["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            name, wanted = stack.resources[logical], resource["Properties"]
            recovery: Any = dict(wanted["PointInTimeRecoverySpecification"])
            dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
            if "TimeToLiveSpecification" in wanted:
                life: Any = dict(wanted["TimeToLiveSpecification"])
                dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=life)


@contextmanager
def all_of_moto() -> Iterator[None]:
    """Run every service of moto in this process, on the data of the stand-in, which serves three of them."""
    mock = mock_aws()
    mock.start(reset=False)
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("AWS_ENDPOINT_URL"):
                patch.delenv(name)
        try:
            yield
        finally:
            mock.stop(remove_data=False)


def statements(role_arn: str) -> list[dict[str, Any]]:
    """Return the policy statements of a role."""
    iam, name = boto3.client("iam"), role_arn.rpartition("/")[2]
    documents = [
        # moto stores CloudFormation's value as the repr of a dictionary
        ast.literal_eval(str(iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"]))
        for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    return [statement for document in documents for statement in document["Statement"]]


def rights(found: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return each allowed action with each of its resources."""

    def many(value: str | list[str]) -> list[str]:
        return [value] if isinstance(value, str) else value

    allowing = [statement for statement in found if statement["Effect"] == "Allow"]
    return {(a, r) for statement in allowing for a in many(statement["Action"]) for r in many(statement["Resource"])}


def allows(found: set[tuple[str, str]], action: str, resource: str) -> bool:
    return any(fnmatchcase(action, a) and fnmatchcase(resource, r) for a, r in found)


def needs(call: Call) -> set[tuple[str, str]]:
    """Return the permissions that a call needs: actions with their resources."""
    match call.operation:
        case "AssumeRole":
            return {(f"sts:{action}", call.arguments["RoleArn"]) for action in ("AssumeRole", "SetSourceIdentity")}
        case "PutRolePolicy":
            return {("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{call.arguments['RoleName']}")}
        case "GetSecretValue":
            return {("secretsmanager:GetSecretValue", call.arguments["SecretId"])}
        case "ListTags":
            return {("sagemaker:ListTags", call.arguments["ResourceArn"])}
        case studio if studio in STUDIO:
            path = STUDIO[studio].format(**call.arguments)
            resource = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{path}" if path else "*"
            return {(f"sagemaker:{studio}", resource)}
    return {(f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{on}") for action, on in reaches(call)}


# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
STUDIO = {
    "CreatePresignedDomainUrl": "user-profile/{DomainId}/{UserProfileName}",
    "DescribeUserProfile": "user-profile/{DomainId}/{UserProfileName}",
    "DescribeDomain": "domain/{DomainId}",
    "DescribeSpace": "space/{DomainId}/{SpaceName}",
    "ListSpaces": "",
    "ListUserProfiles": "",
    "ListTags": "",
    "ListApps": "",
    "DeleteApp": "app/{DomainId}/{UserProfileName}/{AppType}/{AppName}",
}


def reaches(call: Call) -> Iterator[tuple[str, str]]:
    """Yield the IAM action and the table or index for each part of a DynamoDB call.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    given = call.arguments
    if call.operation == "TransactWriteItems":
        for name, part in (part for item in given["TransactItems"] for part in item.items()):
            yield ("ConditionCheckItem" if name == "ConditionCheck" else f"{name}Item"), part["TableName"]
    elif call.operation == "BatchGetItem":
        yield from ((call.operation, name) for name in given["RequestItems"])
    else:
        yield call.operation, given["TableName"] + (f"/index/{given['IndexName']}" if "IndexName" in given else "")


# What `sync` also lists where StudioRunning lets its role; else it says that it may not, and goes on.
BY_THE_WAY = {
    ADMINISTRATION: {("sagemaker:ListApps", "*"), ("sagemaker:ListSpaces", "*")},
    "broker": {("sagemaker:ListApps", "*")},
}


@dataclass
class Deployment:
    """The stacks, and a bot that runs as their service."""

    stack: Stack
    broker: Stack
    product: Product
    trust: Sequence[Mapping[str, Any]]
    denied: Sequence[Mapping[str, Any]]
    rights: Mapping[str, set[tuple[str, str]]]

    def administer(self, *arguments: str, code: int = 0, role: str = ADMINISTRATION) -> str:
        """Run `studio-links` with the administration role, or another one for people."""
        environment = {**self.product.environment, "AWS_ACCESS_KEY_ID": role}
        ended = run_command(*arguments, environment=environment)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout

    def needed(self, role: str) -> set[tuple[str, str]]:
        """Return the permissions that the calls of a role needed. The broker's calls have keys from STS."""
        keys = {SERVING, ADMINISTRATION, REVOCATION, self.product.aws.environment()["AWS_ACCESS_KEY_ID"]}
        calls = [
            c for c in self.product.aws.recorded if c.caller == role or (role == "broker" and c.caller not in keys)
        ]
        # No policy can deny GetCallerIdentity.
        made = {need for call in calls if call.operation != "GetCallerIdentity" for need in needs(call)}
        return made - BY_THE_WAY.get(role, set())


def parameters(slack: Workspace, domain_id: str) -> dict[str, str]:
    """Return the parameters of the bot's stack, after creating the secrets and the certificate."""
    token = {"SLACK_BOT_TOKEN": slack.bot_token}
    others = {"SLACK_SIGNING_SECRET": slack.signing_secret, "SLACK_APP_TOKEN": slack.app_token}
    ec2, secrets = boto3.client("ec2"), boto3.client("secretsmanager")
    token_arn, others_arn = (
        secrets.create_secret(Name=f"{name}/{slack.url.rpartition(':')[2]}", SecretString=json.dumps(each))["ARN"]
        for name, each in (("bot-token", token), ("slack", others))
    )
    certificate = boto3.client("acm").request_certificate(DomainName="studio-links.example.com")
    return {
        "Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/studio-links:0.1.0",
        "BotTokenSecretArn": token_arn,
        "SlackSecretArn": others_arn,
        "DomainArns": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:domain/{domain_id}",
        # The two templates need each other's roles, and the broker role's name is not known in advance.
        "BrokerRoleArns": f"arn:aws:iam::{ACCOUNT}:role/broker-*",
        "AdministerInSlack": "true",
        "RevocationArn": f"arn:aws:iam::{ACCOUNT}:role/security",
        "StudioExternalId": EXTERNAL_ID,
        "StudioAdmins": "U0ADA",
        "StudioTeams": TEAM,
        "StudioLinksPerMinute": "100",
        "VpcId": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        "Subnets": ",".join(each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]),
        "CertificateArn": certificate["CertificateArn"],
    }


def task_of(stack: Stack) -> Mapping[str, Any]:
    """Return the only container of the stack's tasks."""
    task = boto3.client("ecs").describe_task_definition(taskDefinition=stack.resources["TaskDefinition"])
    container: Mapping[str, Any]
    (container,) = task["taskDefinition"]["containerDefinitions"]
    return container


@contextmanager
def task_running(task: Mapping[str, Any], slack: Workspace, aws: LocalAws, log: Path) -> Iterator[BotProcess]:
    """Run the bot with the task's command and environment, against our stand-ins."""
    given = {each["name"]: each["value"] for each in task["environment"]}
    ours = {**aws.environment(), "SLACK_API_URL": slack.api_url, "HOST": "127.0.0.1", "AWS_ACCESS_KEY_ID": SERVING}
    ours["STUDIO_REQUESTS_PER_MINUTE"] = "1000"  # the tests do in seconds what takes people minutes
    serve, *arguments = task["command"]
    assert serve == "serve"
    assert given["METRICS_PORT"] == "9090"
    port = free_port()
    with bot_process({**given, **ours, "METRICS_PORT": str(port)}, log, *arguments) as bot:
        bot.metrics_port = port
        slack.request_url = f"{bot.address}/slack/events"
        bot.wait_until_ready()
        yield bot


@pytest.fixture(scope="module")
def deployment(log_folder: Path) -> Iterator[Deployment]:
    clock = ShiftedClock()
    with (
        LocalAws(clock=clock) as aws,
        Workspace(features=from_manifest()) as slack,
        pytest.MonkeyPatch.context() as patch,
    ):
        remember(log_folder, slack.bot_token, slack.signing_secret, slack.app_token)
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        near, far = create_domain("research"), create_domain("elsewhere")
        with all_of_moto():
            stack = create_stack("studio-links", "cloudformation.yaml", **parameters(slack, near))
            protect_tables(stack)
            broker = create_stack(
                "broker",
                "broker-role.yaml",
                DomainId=far,
                ServingRoleArn=stack.outputs["ServingRoleArn"],
                AdministrationRoleArn=stack.outputs["AdministrationRoleArn"],
                StudioExternalId=EXTERNAL_ID,
            )
            task = task_of(stack)
            found = {
                SERVING: rights(statements(stack.outputs["ServingRoleArn"])),
                ADMINISTRATION: rights(statements(stack.outputs["AdministrationRoleArn"])),
                REVOCATION: rights(statements(stack.outputs["RevocationRoleArn"])),
                "broker": rights(statements(broker.outputs["BrokerRoleArn"])),
            }
            role = boto3.client("iam").get_role(RoleName=broker.resources["BrokerRole"])["Role"]
            trust = ast.literal_eval(str(role["AssumeRolePolicyDocument"]))["Statement"]
            of_broker = statements(broker.outputs["BrokerRoleArn"])
            denied = [each for each in of_broker if each["Effect"] == "Deny"]
        with task_running(task, slack, aws, log_folder / "bot-cloudformation.log") as bot:
            environment = {
                **{each["name"]: each["value"] for each in task["environment"]},
                **aws.environment(),
                "SLACK_API_URL": slack.api_url,
            }
            product = Product(aws, slack, bot, environment, near, clock)
            for name in ("ana", "ben", "ada"):
                slack.add_member(f"U0{name.upper()}", name, email=f"{name}@example.com")
            for name, domain in (("ana", near), ("ana-far", far), ("ben", near), ("dan", near)):
                create_profile(domain, name)
            yield Deployment(stack, broker, product, trust, denied, found)


@pytest.fixture(scope="module")
def used(deployment: Deployment) -> Deployment:
    """Return the deployment after members, administrators and an access request have used every feature."""
    slack, domain = deployment.product.slack, deployment.product.domain_id
    far, role = far_domain(deployment), deployment.broker.outputs["BrokerRoleArn"]
    for line in (
        "tables check",
        f"map U0ANA --domain {domain} --profile ana",
        f"map U0ANA --domain {far} --profile ana-far --alias far --role-arn {role}",
        "allow U0ANA --until 30d --reason test",
        f"map U0DAN --domain {domain} --profile dan",
        "deny U0DAN",
        "show U0ANA",
        "list",
        "explain U0ANA --alias far",
        "history",
        "history U0DAN",
        "history --outcome done",
        "unmap U0DAN",
        "forget U0DAN",
        "export",
        "sync",
    ):
        deployment.administer(*line.split())
    boto3.client("sagemaker").create_app(
        DomainId=domain, UserProfileName="ana", AppType="JupyterServer", AppName="default"
    )
    serving = deployment.stack.outputs["ServingRoleArn"]
    revoked = deployment.administer("revoke", "U0ANA", "--serving-role", serving, "--json", role=REVOCATION)
    assert len(json.loads(revoked)["ended"]) == 3
    deployment.administer("map", "U0EVE", "--domain", domain, "--profile", "ana", code=1)  # mapped to another member
    for text in ("default", "far", "default space", "default space nowhere", "whoami"):
        slack.answer_to(slack.command("U0ANA", text))
    link = slack.answer_to(slack.command("U0ANA", "default"))
    slack.answer_to(slack.press("U0ANA", link, "new_link"))
    slack.press("U0ANA", slack.answer_to(slack.command("U0ANA", "default")), "open_studio")
    slack.open_home("U0ANA")
    home_of(deployment.product, "U0ANA", "ana-far")
    decide_on_a_request(deployment.product)
    slack.add_member("U0EVE", "eve", email="eve@example.com")
    ask(deployment.product, "U0EVE")
    newest(deployment.product, "U0ADA", "<@U0EVE>")
    deployment.administer("decline", "U0EVE")
    for text in ("admin list", "admin history"):
        slack.answer_to(slack.command("U0ADA", text), timeout=12)
    return deployment


def test_moto_creates_every_supported_resource(deployment: Deployment) -> None:
    assert deployment.stack.left_out == BEYOND_MOTO
    assert deployment.broker.left_out == frozenset()
    assert {"AccessTable", "AuditTable", "RuntimeTable", "Service", "ListenerRule"} <= set(deployment.stack.resources)


@pytest.mark.parametrize("role", [SERVING, ADMINISTRATION, REVOCATION, "broker"])
def test_role_allows_every_call_made_with_it(used: Deployment, role: str) -> None:
    needed = used.needed(role)

    assert len(needed) > 2
    assert sorted(need for need in needed if not allows(used.rights[role], *need)) == []


@pytest.mark.parametrize("role", [SERVING, ADMINISTRATION, REVOCATION])
def test_role_has_no_unused_table_permissions(used: Deployment, role: str) -> None:
    of_tables = {right for right in used.rights[role] if right[0].startswith("dynamodb:")}
    looking = {right for right in of_tables if right[0].startswith("dynamodb:Describe")}
    # For `audit verify` and `erase`, whose calls tests/contract/test_audit_roles.py compares with the roles.
    elsewhere = {
        (f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/studio-links-audit")
        for action in (("GetItem", "UpdateItem") if role == ADMINISTRATION else ())
    }

    assert sorted(of_tables - looking - elsewhere - used.needed(role)) == []


@pytest.mark.parametrize("role", [SERVING, ADMINISTRATION, REVOCATION])
def test_template_matches_printed_policy(used: Deployment, role: str) -> None:
    wanted = ["--role", role.removesuffix("-role"), "--administers-in-slack", "--team", TEAM]
    wanted += ["--serving-role", used.stack.outputs["ServingRoleArn"]]
    printed = rights(json.loads(used.administer("iam-policy", *wanted))["Statement"])

    allowed = {action for action, _ in used.rights[role]}
    assert {action for action, _ in printed} == allowed


def test_broker_role_trusts_only_the_expected_sessions(used: Deployment) -> None:
    calls = [call for call in used.product.aws.recorded if call.operation == "AssumeRole"]
    arns = {
        SERVING: used.stack.outputs["ServingRoleArn"],
        ADMINISTRATION: used.stack.outputs["AdministrationRoleArn"],
    }

    assert {call.caller for call in calls} == set(arns)
    for call in calls:
        for action in ("sts:AssumeRole", "sts:SetSourceIdentity"):
            assert any(trusts(each, action, arns[call.caller], call.arguments) for each in used.trust), call.caller
            foreign = {**call.arguments, "ExternalId": "another", "SourceIdentity": "root"}
            assert not any(trusts(each, action, arns[call.caller], foreign) for each in used.trust)


def test_broker_role_denies_foreign_names_and_admin_links(
    used: Deployment,
) -> None:
    serving, administration = used.stack.outputs["ServingRoleArn"], used.stack.outputs["AdministrationRoleArn"]
    named = {"ExternalId": EXTERNAL_ID, "RoleSessionName": ADMINISTRATION_SESSION}
    for caller, who in ((administration, f"slack-{TEAM}-U0ANA"), (serving, ADMINISTRATION_SESSION)):
        given = {**named, "SourceIdentity": who}
        assert not any(trusts(each, "sts:SetSourceIdentity", caller, given) for each in used.trust)

    assert used.denied == [
        {
            "Sid": "AnAdministratorOpensNothing",
            "Effect": "Deny",
            "Action": "sagemaker:CreatePresignedDomainUrl",
            "Resource": "*",
            "Condition": {"StringLike": {"aws:userid": f"*:{ADMINISTRATION_SESSION}"}},
        }
    ]


def trusts(statement: Mapping[str, Any], action: str, caller: str, given: Mapping[str, Any]) -> bool:
    """Return whether a trust policy statement allows the caller this action with these arguments."""
    values = {
        "sts:ExternalId": given["ExternalId"],
        "sts:RoleSessionName": given["RoleSessionName"],
        "sts:SourceIdentity": given["SourceIdentity"],
    }
    wanted = [
        fnmatchcase(values[key], pattern if test == "StringLike" else pattern.replace("*", "[*]"))
        if isinstance(pattern, str)
        else any(fnmatchcase(values[key], each) for each in pattern)
        for test, conditions in statement["Condition"].items()
        for key, pattern in conditions.items()
    ]
    principal = statement["Principal"]["AWS"]
    return action == statement["Action"] and caller in principal and all(wanted)


# Permissions of iam-policy that this module does not use: reading spaces, policies and seals.
UNUSED = {
    SERVING: set[str](),
    ADMINISTRATION: {"sagemaker:DescribeSpace", "iam:SimulatePrincipalPolicy"},
}


@pytest.mark.parametrize("role", [SERVING, ADMINISTRATION])
def test_printed_policy_allows_exactly_the_calls_of_a_role(used: Deployment, role: str) -> None:
    wanted = ["--role", role.removesuffix("-role"), "--administers-in-slack", "--team", TEAM]
    printed = json.loads(used.administer("iam-policy", *wanted, "--domain", far_domain(used)))
    found, needed = rights(printed["Statement"]), used.needed(role)

    assert sorted(need for need in needed if not allows(found, *need)) == []
    assert {action for action, _ in found} - {action for action, _ in needed} == UNUSED[role]


def test_no_role_opens_other_domains_or_changes_the_audit(deployment: Deployment) -> None:
    tables = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/studio-links-"
    other = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:user-profile/d-other/ana"
    for found in deployment.rights.values():
        assert not allows(found, "sagemaker:CreatePresignedDomainUrl", other)
        for action in ("DeleteItem", "DeleteTable", "BatchWriteItem", "Scan"):
            assert not allows(found, f"dynamodb:{action}", f"{tables}audit")
    assert not any(action.endswith("CreatePresignedDomainUrl") for action, _ in deployment.rights[ADMINISTRATION])


def test_log_has_the_outcomes_of_the_metric_filters(used: Deployment) -> None:
    lines = [json.loads(line) for line in used.product.bot.log.read_text().splitlines() if line.startswith("{")]

    concluded = {line["outcome"] for line in lines if line["event"] == "concluded"}
    assert {"issued", "not_mapped"} <= concluded


def test_socket_mode_stack_serves_without_inbound_access(used: Deployment, log_folder: Path) -> None:
    features = replace(from_manifest(), socket_mode=True)
    with Workspace(features=features) as slack:
        remember(log_folder, slack.bot_token, slack.signing_secret, slack.app_token)
        with all_of_moto():
            given = {**parameters(slack, used.product.domain_id), "Transport": "socket", "TablePrefix": "socket-"}
            stack = create_stack("socket", "cloudformation.yaml", **{**given, "CertificateArn": ""})
            task = task_of(stack)
        slack.add_member("U0SOCK", "sock")
        with task_running(task, slack, used.product.aws, log_folder / "bot-cloudformation-socket.log"):
            assert "no SageMaker Studio profile" in slack.answer_to(slack.command("U0SOCK")).text
    assert not {"LoadBalancer", "TaskIngress", "TargetGroup"} & set(stack.resources)


def far_domain(deployment: Deployment) -> str:
    """Return the domain in the broker role's policy."""
    mint = next(r for a, r in deployment.rights["broker"] if a == "sagemaker:CreatePresignedDomainUrl")
    return mint.split("/")[1]


def decide_on_a_request(product: Product) -> None:
    """Let ben request access, and ada approve it with ana's profile (refused) and then with his own."""
    slack = product.slack
    refusal = slack.answer_to(slack.command("U0BEN"))
    slack.press("U0BEN", refusal, "ask_access")
    dialog_of(product, "U0BEN", "Why do you need it?")
    slack.submit("U0BEN", {"reason": {"reason": "project Falcon"}, "days": {"days": "7"}})
    request = newest(product, "U0ADA", "<@U0BEN>")
    for profile, recipient, words in (
        ("ana", "U0ADA", "Another member has that user profile"),
        ("ben", "U0BEN", "You can open SageMaker Studio now"),
    ):
        slack.press("U0ADA", request, "approve_access")
        dialog_of(product, "U0ADA", "SageMaker domain")
        values = {"domain": product.domain_id, "profile": profile}
        slack.submit("U0ADA", {name: {name: value} for name, value in values.items()})
        newest(product, recipient, words)
