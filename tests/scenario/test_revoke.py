"""`studio-links revoke` ends what AWS lets it end of one member, and nothing of anybody else."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bot.local.faults import Fault
from tests.cli import run_command
from tests.policies import permits
from tests.scenario.conftest import Product, create_domain, create_profile, sagemaker

BOT = "arn:aws:iam::123456789012:role/bot"
BROKER = "arn:aws:iam::123456789012:role/studio/broker"
ELSEWHERE = "arn:aws:iam::210987654321:role/broker"
PRESIGN = "sagemaker:CreatePresignedDomainUrl"
EARLIER, LATER = {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}, {"aws:TokenIssueTime": "2099-01-01T00:00:00Z"}


@pytest.fixture(scope="module", autouse=True)
def installation(product: Product) -> None:
    """Give ana an app, a private and a shared space, and ben an app of his own."""
    domain, client = product.domain_id, sagemaker()
    for role in (BOT, BROKER):
        boto3.client("iam").create_role(RoleName=role.rpartition("/")[2], AssumeRolePolicyDocument="{}")
    for name in ("rev-ana", "rev-ben"):
        create_profile(domain, name)
        client.create_app(DomainId=domain, UserProfileName=name, AppType="JupyterServer", AppName="default")
    for space, owner, sharing in (
        ("ana-lab", "rev-ana", "Private"),
        ("ben-lab", "rev-ben", "Private"),
        ("team", "rev-ana", "Shared"),
    ):
        client.create_space(
            DomainId=domain,
            SpaceName=space,
            OwnershipSettings={"OwnerUserProfileName": owner},
            SpaceSharingSettings={"SharingType": sharing},  # type: ignore[typeddict-item] # one of the two literals
        )
        client.create_app(DomainId=domain, SpaceName=space, AppType="JupyterLab", AppName="default")
    assert product.cli("map", "U0REV", "--domain", domain, "--profile", "rev-ana").returncode == 0
    assert product.cli("map", "U0BENREV", "--domain", domain, "--profile", "rev-ben").returncode == 0
    assert product.cli("deny", "U0REV").returncode == 0


@pytest.fixture(autouse=True)
def running_again(product: Product) -> Iterator[None]:
    """Start what a test has ended, and remove its policies."""
    yield
    client, iam = sagemaker(), boto3.client("iam")
    for owner in ({"UserProfileName": "rev-ana"}, {"SpaceName": "ana-lab"}):
        kind = "JupyterServer" if "UserProfileName" in owner else "JupyterLab"
        if [kind, *owner.values()] not in running(product):
            client.create_app(DomainId=product.domain_id, AppType=kind, AppName="default", **owner)  # type: ignore[arg-type]
    for role in ("bot", "broker"):
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=name)


def running(product: Product) -> list[list[str]]:
    found = sagemaker().list_apps(DomainIdEquals=product.domain_id)["Apps"]
    return sorted(
        [app["AppType"], app.get("UserProfileName") or app["SpaceName"]]
        for app in found
        if app["Status"] == "InService"
    )


EVERYTHING = [
    ["JupyterLab", "ana-lab"],
    ["JupyterLab", "ben-lab"],
    ["JupyterLab", "team"],
    ["JupyterServer", "rev-ana"],
    ["JupyterServer", "rev-ben"],
]
OTHERS = [["JupyterLab", "ben-lab"], ["JupyterLab", "team"], ["JupyterServer", "rev-ben"]]


def denied(role: str) -> list[dict[str, Any]]:
    """Return the statements that revocations have added to a role."""
    iam, name = boto3.client("iam"), role.rpartition("/")[2]
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents: list[Any] = [
        iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in policies
    ]
    return [statement for document in documents for statement in document["Statement"]]


def revoke(product: Product, *arguments: str, code: int = 0) -> dict[str, Any]:
    ended = product.cli("revoke", *arguments, "--json", check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    shown: dict[str, Any] = json.loads(ended.stdout)
    return shown


def audited(product: Product, user: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(product.cli("history", user, "--json").stdout)
    return [entry for entry in entries if entry["action"] == "revoke"]


def test_revoke_ends_only_what_is_the_members_own(product: Product) -> None:
    shown = revoke(product, "U0REV", "--serving-role", BOT)

    assert running(product) == OTHERS
    assert (len(shown["ended"]), shown["failed"]) == (3, [])
    assert any("space team" in each and "shared" in each for each in shown["remains"])
    newest = audited(product, "U0REV")[0]
    assert (newest["outcome"], newest["after"]["ended"]) == ("done", shown["ended"])
    assert audited(product, "U0BENREV") == []


def test_revoke_ends_earlier_sessions_of_the_profile_only(product: Product) -> None:
    revoke(product, "U0REV", "--serving-role", BOT)

    allowed = {"Effect": "Allow", "Action": PRESIGN, "Resource": "*"}
    statements = [allowed, *denied(BOT)]
    profile = f"arn:aws:sagemaker:us-east-1:123456789012:user-profile/{product.domain_id}/"
    assert not permits(statements, PRESIGN, f"{profile}rev-ana", EARLIER)
    assert permits(statements, PRESIGN, f"{profile}rev-ana", LATER)
    assert permits(statements, PRESIGN, f"{profile}rev-ben", EARLIER)
    assert all(each["Effect"] == "Deny" for each in denied(BOT))


def test_revoke_ends_earlier_sessions_of_the_member_in_a_role(product: Product) -> None:
    domain = create_domain("revoked")
    product.cli("map", "U0FARREV", "--domain", domain, "--profile", "far", "--role-arn", BROKER, "--force")

    revoke(product, "U0FARREV")

    statements = [{"Effect": "Allow", "Action": PRESIGN, "Resource": "*"}, *denied(BROKER)]
    mine, other = ({"aws:userid": f"AROA:slack-T0STUDIO01-{user}"} for user in ("U0FARREV", "U0OTHER"))
    assert not permits(statements, PRESIGN, "any", mine | EARLIER)
    assert permits(statements, PRESIGN, "any", mine | LATER)
    assert permits(statements, PRESIGN, "any", other | EARLIER)


def test_revoke_says_what_failed_and_ends_the_rest(product: Product) -> None:
    product.aws.inject("DeleteApp", Fault("AccessDeniedException", status=400))

    shown = revoke(product, "U0REV", code=1)

    assert [each.split(":")[0] for each in shown["failed"]] == [
        "sessions of the bot that made links before now",
        f"app JupyterServer default of rev-ana in {product.domain_id}",
    ]
    assert "--serving-role" in shown["failed"][0]
    assert [each for each in running(product) if each not in OTHERS] == [["JupyterServer", "rev-ana"]]
    newest = audited(product, "U0REV")[0]
    assert (newest["outcome"], newest["after"]["failed"]) == ("incomplete", shown["failed"])


def test_revoke_without_a_record_ends_nothing(product: Product) -> None:
    product.aws.inject("PutItem", *[Fault("AccessDeniedException", status=400)] * 2)

    ended = product.cli("revoke", "U0REV", "--serving-role", BOT, check=False)

    product.aws.faults.clear()
    assert ended.returncode == 1
    assert running(product) == EVERYTHING
    assert denied(BOT) == []


def test_dry_run_ends_nothing_and_leaves_no_record(product: Product) -> None:
    before = audited(product, "U0REV")

    shown = revoke(product, "U0REV", "--serving-role", BOT, "--dry-run")

    assert len(shown["would_end"]) == 3
    assert (running(product), denied(BOT), audited(product, "U0REV")) == (EVERYTHING, [], before)


@pytest.mark.parametrize(("answer", "expected"), [("n\n", EVERYTHING), ("y\n", OTHERS)])
def test_revoke_asks_on_a_terminal(product: Product, answer: str, expected: list[list[str]]) -> None:
    ended = run_command("revoke", "U0REV", "--serving-role", BOT, environment=product.environment, typed=answer)

    assert "would end: app JupyterLab default of ana-lab" in ended.stderr
    assert running(product) == expected


def test_revoke_in_another_account_needs_a_role_to_assume(product: Product) -> None:
    product.cli("map", "U0ELSE", "--domain", "d-else", "--profile", "far", "--role-arn", ELSEWHERE, "--force")

    shown = revoke(product, "U0ELSE", code=1)
    assert all("account 210987654321" in each and "--assume" in each for each in shown["failed"])

    ended = product.cli("revoke", "U0ELSE", "--assume", "arn:aws:iam::210987654321:role/security", check=False)
    calls = [call for call in product.aws.recorded if call.operation == "AssumeRole"]
    assert calls[-1].arguments["RoleArn"] == "arn:aws:iam::210987654321:role/security"
    assert calls[-1].arguments["RoleSessionName"] == "studio-links-revocation"
    assert ended.returncode == 1  # the stand-in has no such domain


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("U0NOBODY",), "before you unmap"),
        (("nobody",), "a Slack user id"),
        (("U0REV", "--serving-role", "bot"), "an IAM role's ARN"),
        (("U0REV", "--assume", "bot"), "an IAM role's ARN"),
    ],
)
def test_revoke_refuses(product: Product, arguments: tuple[str, ...], words: str) -> None:
    ended = product.cli("revoke", *arguments, check=False)
    assert ended.returncode != 0
    assert words in ended.stderr


def test_revoke_warns_about_a_member_who_is_not_denied(product: Product) -> None:
    ended = product.cli("revoke", "U0BENREV", "--dry-run")
    assert "studio-links deny U0BENREV" in ended.stderr


# `running` and `stop`


def seen(product: Product, *arguments: str) -> list[dict[str, Any]]:
    shown = json.loads(product.cli("running", *arguments, "--json").stdout)
    assert shown["unread"] == {}
    found: list[dict[str, Any]] = shown["apps"]
    return found


def test_running_lists_every_app_with_its_holder(product: Product) -> None:
    found = seen(product, "--domain", product.domain_id)
    assert sorted([row["app_type"], row["space"] or row["profile"]] for row in found) == EVERYTHING
    held = {row["space"] or row["profile"]: row["user"] for row in found}
    assert (held["ana-lab"], held["team"], held["rev-ben"]) == ("U0REV", "U0REV", "U0BENREV")
    assert {row["usd_per_hour"] for row in found} == {None}
    assert seen(product, "--over", "1h") == []
    assert len(seen(product, "U0BENREV")) == 2
    table = product.cli("running", "--cost").stdout
    assert "unknown" in table
    assert "together about $0.00 an hour" in table


def test_stop_ends_what_the_member_owns_alone(product: Product) -> None:
    shown = json.loads(product.cli("stop", "U0REV", "--space", "ana-lab", "--dry-run", "--json").stdout)
    assert (len(shown["would_stop"]), running(product)) == (1, EVERYTHING)

    shown = json.loads(product.cli("stop", "U0REV", "--space", "ana-lab", "--json").stdout)

    assert (len(shown["stopped"]), shown["failed"]) == (1, [])
    assert [row for row in EVERYTHING if row not in running(product)] == [["JupyterLab", "ana-lab"]]
    newest = json.loads(product.cli("history", "U0REV", "--json").stdout)[0]
    assert (newest["action"], newest["outcome"], newest["space_name"]) == ("stop", "done", "ana-lab")
    assert newest["id"].startswith("cli-")
    assert "nothing of theirs runs" in product.cli("stop", "U0REV", "--space", "nowhere").stdout


def test_stop_that_aws_refuses_says_so_and_fails(product: Product) -> None:
    product.aws.inject("DeleteApp", Fault("AccessDeniedException", status=400))
    ended = product.cli("stop", "U0REV", "--space", "ana-lab", check=False)
    assert ended.returncode == 1
    assert "aws_refused" in ended.stdout
    assert running(product) == EVERYTHING


def test_domain_that_cannot_be_read_fails_the_listing(product: Product) -> None:
    product.aws.inject("ListApps", Fault("AccessDeniedException", status=400))
    ended = product.cli("running", check=False)
    assert ended.returncode == 1
    assert "could not be read: AWS refuses us" in ended.stderr
