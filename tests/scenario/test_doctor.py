"""`studio-links doctor` finds each fault that it knows in an otherwise healthy installation."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from bot import cli as commands
from bot.core.values import our_version
from bot.local.faults import Fault
from bot.local.slack.people import Channel
from bot.local.slack.workspace import Workspace
from bot.slack import manifest
from tests.cli import run_command
from tests.scenario.conftest import Product, create_domain, create_profile, free_port, sagemaker
from tests.waiting import wait_until

ROLE = "arn:aws:iam::123456789012:role/broker"
TABLES = [f"studio-links-{name}" for name in ("access", "audit", "runtime")]


@pytest.fixture(scope="module", autouse=True)
def healthy_installation(product: Product) -> None:
    """Set up a small healthy installation."""
    create_profile(product.domain_id, "doc")
    run("map", "U0DOC", "--domain", product.domain_id, "--profile", "doc", "--force")
    iam = boto3.client("iam")
    iam.create_role(RoleName="serving", AssumeRolePolicyDocument="{}")
    iam.create_role(RoleName="powerless", AssumeRolePolicyDocument="{}")
    document = run("iam-policy")
    iam.put_role_policy(RoleName="serving", PolicyName="all", PolicyDocument=document)


SERVING = ("--serving-role", "arn:aws:iam::123456789012:role/serving")


def examine(*arguments: str, role: tuple[str, ...] = SERVING) -> tuple[int, list[dict[str, str]], str]:
    """Return the exit code, the findings and the whole output."""
    result = CliRunner().invoke(commands.cli, ["doctor", "--json", *role, *arguments], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout), result.output


def findings_of(level: str, *arguments: str, role: tuple[str, ...] = SERVING) -> list[dict[str, str]]:
    """Return the findings of a level; the exit code is 1 if and only if a check fails."""
    code, every, output = examine(*arguments, role=role)
    assert code == (1 if any(each["level"] == "fail" for each in every) else 0)
    assert os.environ.get("SLACK_BOT_TOKEN", "no token") not in output
    assert "token=" not in output
    found = [each for each in every if each["level"] == level]
    assert all(each["why"] and each["fix"] == each["mend"] for each in found)
    return found


def finding(level: str, check: str, *arguments: str, role: tuple[str, ...] = SERVING) -> dict[str, str]:
    """Return the only finding of the level about the check."""
    [found] = [each for each in findings_of(level, *arguments, role=role) if check in each["check"]]
    return found


def run(*arguments: str) -> str:
    result = CliRunner().invoke(commands.cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@contextmanager
def mapped(user: str, domain: str, profile: str, *more: str) -> Iterator[None]:
    run("map", user, "--domain", domain, "--profile", profile, "--force", *more)
    try:
        yield
    finally:
        run("unmap", user)


def test_doctor_passes_a_healthy_installation(product: Product) -> None:
    code, findings, _ = examine("--url", product.bot.address)

    assert (code, [each for each in findings if each["level"] == "fail"]) == (0, [])
    checks = {each["check"] for each in findings}
    assert {"environment", "Slack token", "Slack team", "Slack scopes", "AWS credentials", "clock"} <= checks
    assert {f"domain {product.domain_id} (us-east-1)", "profiles", f"links into {product.domain_id}"} <= checks
    assert f"bot at {product.bot.address}" in checks
    table = CliRunner().invoke(commands.cli, ["doctor", *SERVING])
    assert "0 failed" in table.stdout


# Environment and Slack


def test_doctor_reports_a_wrong_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_LINK_SECONDS", "1")
    assert "STUDIO_LINK_SECONDS" in finding("fail", "environment")["found"]


def test_doctor_reports_settings_with_which_no_bot_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "short")
    assert "SLACK_SIGNING_SECRET" in finding("fail", "environment")["found"]
    monkeypatch.delenv("SLACK_SIGNING_SECRET")
    assert "is missing" in finding("warn", "environment")["found"]


def test_doctor_warns_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    assert "SLACK_BOT_TOKEN is not set" in finding("warn", "Slack token", "--team", "T0STUDIO01")["found"]
    assert "--team" in finding("warn", "mappings")["fix"]


def test_doctor_reports_a_revoked_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-0000-revoked")
    assert "invalid_auth" in finding("fail", "Slack token")["found"]


@pytest.mark.parametrize("missing", ["chat:write", "users:read"])
def test_doctor_reports_missing_and_extra_scopes(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    granted = (*(scope for scope in manifest.scopes() if scope != missing), "files:read")
    with Workspace(scopes=granted) as slack:
        monkeypatch.setenv("SLACK_BOT_TOKEN", slack.bot_token)
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        assert manifest.scopes()[missing] in finding("fail", missing)["why"]
        assert "files:read" in finding("warn", "Slack scopes")["found"]


def test_doctor_reports_a_token_of_another_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TEAMS", "T0OTHER001")
    assert "STUDIO_TEAMS admits T0OTHER001 only" in finding("fail", "Slack team")["found"]


@pytest.mark.public(13)
@pytest.mark.parametrize(
    ("traits", "words"), [({"deleted": True}, "deactivated"), ({"guest": True}, "a guest"), ({}, "")]
)
def test_doctor_reports_administrators_who_cannot_act(
    product: Product, monkeypatch: pytest.MonkeyPatch, traits: dict[str, bool], words: str
) -> None:
    user = f"U0BOSS{len(words)}"
    product.slack.add_member(user, user.lower(), **traits)
    run("admin", user)
    monkeypatch.setenv("STUDIO_ADMINS", "U0NOBODY")
    found = {each["check"]: each for each in examine()[1]}
    assert found[f"administrator {user}"]["level"] == ("fail" if words else "ok")
    assert words in found[f"administrator {user}"]["found"]
    assert found["administrator U0NOBODY"]["found"] == "Slack does not know this account"
    run("forget", user)


@pytest.mark.public(13)
def test_doctor_reports_channels_the_bot_is_not_in(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    product.slack.add_channel(Channel("C0WITH", "with", members=frozenset({product.slack.installation.bot_user_id})))
    product.slack.add_channel(Channel("C0WITHOUT", "without"))
    monkeypatch.setenv("STUDIO_AUDIT_CHANNEL", "C0WITHOUT")
    monkeypatch.setenv("STUDIO_REQUEST_CHANNEL", "C0WITH")
    found = {each["check"]: each for each in examine()[1]}
    assert found["channel C0WITH"]["level"] == "ok"
    assert "not in it (STUDIO_AUDIT_CHANNEL)" in found["channel C0WITHOUT"]["found"]
    assert "/invite" in found["channel C0WITHOUT"]["fix"]


# AWS and the tables


def test_doctor_reports_credentials_that_aws_refuses(product: Product) -> None:
    product.aws.inject("GetCallerIdentity", Fault("InvalidClientTokenId", status=403, times=8))
    finding("fail", "AWS credentials")
    product.aws.clear_faults()


@pytest.mark.parametrize(("ahead", "level"), [(-60, "warn"), (3600, "fail")])
def test_doctor_reports_a_wrong_clock(product: Product, ahead: float, level: str) -> None:
    product.clock.seconds = ahead
    try:
        assert "AWS's" in finding(level, "clock")["found"]
    finally:
        product.clock.seconds = 0


def test_doctor_reports_missing_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TABLE_PREFIX", "other-")
    missing = [each for each in findings_of("fail") if each["check"].startswith("other-")]
    assert [each["fix"] for each in missing] == ["check AWS_REGION, STUDIO_TABLE_PREFIX and AWS_ENDPOINT_URL"] * 3
    assert all("tables with the prefix 'studio-links-'" in each["found"] for each in missing)


def test_doctor_reports_tables_it_may_not_describe(product: Product) -> None:
    product.aws.inject("DescribeTable", Fault("AccessDeniedException", times=4))
    found = [each for each in findings_of("fail") if each["check"].endswith(": table")]
    assert [each["fix"] for each in found] == ["allow dynamodb:DescribeTable"] * 3
    product.aws.clear_faults()


@pytest.mark.parametrize("table", TABLES[1:])
def test_doctor_reports_a_table_without_time_to_live(table: str) -> None:
    dynamodb: Any = boto3.client("dynamodb")
    for on in (False, True):
        life = {"AttributeName": "expires", "Enabled": on}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=life)
        if not on:
            finding("fail", f"{table}: time to live")


@pytest.mark.parametrize("table", TABLES[:2])
def test_doctor_reports_an_unprotected_table(table: str) -> None:
    dynamodb = boto3.client("dynamodb")
    for on in (False, True):
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=on)
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on}
        )
        if not on:
            finding("fail", f"{table}: deletion protection")
            finding("fail", f"{table}: point-in-time recovery")


# Mappings


def test_doctor_reports_a_missing_domain() -> None:
    with mapped("U0GONE", "d-gone", "gone"):
        assert "there is no domain d-gone" in finding("fail", "domain d-gone")["found"]


def test_doctor_reports_a_domain_of_identity_center() -> None:
    sso = create_domain("doctor-sso", "SSO")
    with mapped("U0SSO", sso, "sso"):
        assert "IAM Identity Center" in finding("fail", f"domain {sso}")["found"]


def test_doctor_reports_a_failed_domain(product: Product) -> None:
    product.aws.set_status(product.domain_id, status="Failed")
    try:
        assert "is Failed" in finding("fail", f"domain {product.domain_id}")["found"]
    finally:
        product.aws.set_status(product.domain_id, status="InService")


def test_doctor_reports_a_domain_it_may_not_describe(product: Product) -> None:
    product.aws.inject("DescribeDomain", Fault("AccessDeniedException", times=8))
    assert "AccessDeniedException" in finding("fail", f"domain {product.domain_id}")["found"]
    product.aws.clear_faults()


@pytest.mark.public(13)
def test_doctor_reports_a_missing_profile(product: Product) -> None:
    with mapped("U0NOP", product.domain_id, "nobody"):
        found = finding("fail", "profile nobody")
    assert "there is no profile nobody" in found["found"]
    assert "U0NOP" in found["why"]


def test_doctor_reports_a_failed_profile(product: Product) -> None:
    product.aws.set_status(product.domain_id, "doc", status="Failed")
    try:
        assert "is Failed" in finding("fail", "profile doc")["found"]
    finally:
        product.aws.set_status(product.domain_id, "doc", status="InService")


def test_doctor_reports_a_missing_space(product: Product) -> None:
    create_profile(product.domain_id, "spacey")
    with mapped("U0SPACE", product.domain_id, "spacey", "--space", "nowhere"):
        assert "there is no space nowhere" in finding("fail", "profile spacey")["found"]


def test_doctor_reports_a_role_it_cannot_assume(product: Product) -> None:
    with mapped("U0ROLE", product.domain_id, "doc-2", "--role-arn", ROLE):
        product.aws.inject("AssumeRole", Fault("AccessDenied", status=403, times=None))
        found = finding("fail", f"role {ROLE}")
        product.aws.clear_faults()
    assert "AccessDenied" in found["found"]
    assert "trust policy" in found["fix"]


def test_doctor_warns_about_unchecked_links_through_a_role(product: Product) -> None:
    create_profile(product.domain_id, "doc-3")
    with mapped("U0ROLE", product.domain_id, "doc-3", "--role-arn", ROLE):
        found = finding("warn", f"links into {product.domain_id}")
        tried = [each for each in examine("--presign")[1] if each["check"].startswith("links into")]
    assert f"through {ROLE} were not checked" in found["found"]
    assert "--presign" in found["fix"]
    assert {each["level"] for each in tried} == {"ok"}


@pytest.mark.parametrize(
    ("owner", "item", "content", "why"),
    [
        ("T0STUDIO01#U0ODD", "member", {"mappings": {"default": {}}, "rules": {}}, "the member gets no link"),
        ("T0STUDIO01", "workspace", {"rules": {}, "lockdown": {"reason": 1}}, "nobody in the workspace gets a link"),
    ],
)
def test_doctor_reports_unreadable_records(owner: str, item: str, content: dict[str, Any], why: str) -> None:
    table = boto3.resource("dynamodb").Table("studio-links-access")
    table.put_item(Item={"owner": owner, "item": item, "version": 1, **content})
    try:
        found = finding("fail", f"records of {owner.rpartition('#')[2]}")
    finally:
        table.delete_item(Key={"owner": owner, "item": item})
    assert found["why"] == why


# Permission to make links


def test_doctor_reports_a_role_without_permission(product: Product) -> None:
    powerless = ("--serving-role", "arn:aws:iam::123456789012:role/powerless")
    assert "implicitDeny" in finding("fail", f"links into {product.domain_id}", role=powerless)["found"]


def test_doctor_warns_about_conditional_permission(product: Product) -> None:
    iam = boto3.client("iam")
    iam.create_role(RoleName="conditional", AssumeRolePolicyDocument="{}")
    document = run("iam-policy", "--source-ip", "203.0.113.0/24")
    iam.put_role_policy(RoleName="conditional", PolicyName="all", PolicyDocument=document)

    conditional = ("--serving-role", "arn:aws:iam::123456789012:role/conditional")
    found = finding("warn", f"links into {product.domain_id}", role=conditional)

    assert "aws:SourceIp" in found["found"]
    assert "--presign" in found["fix"]


def test_doctor_names_a_profile_without_the_tag(product: Product) -> None:
    iam = boto3.client("iam")
    iam.create_role(RoleName="tagged", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName="tagged", PolicyName="all", PolicyDocument=run("iam-policy", "--by-tag"))
    tagged = ("--serving-role", "arn:aws:iam::123456789012:role/tagged")

    found = finding("fail", f"links into {product.domain_id}", role=tagged)
    assert "has no tag studio-links" in found["found"]
    command, _, options = found["fix"].partition(" --resource-arn ")
    arn, _, tag = options.partition(" --tags ")
    assert (command, tag) == ("aws sagemaker add-tags", "Key=studio-links,Value=yes")
    sagemaker().add_tags(ResourceArn=arn, Tags=[{"Key": "studio-links", "Value": "yes"}])
    [links] = [each for each in examine(role=tagged)[1] if each["check"] == f"links into {product.domain_id}"]
    assert (links["level"], links["found"].partition(" may ")[2]) == ("ok", "make them")
    sagemaker().delete_tags(ResourceArn=arn, TagKeys=["studio-links"])


def test_doctor_warns_when_iam_does_not_answer(product: Product) -> None:
    product.aws.inject("SimulatePrincipalPolicy", Fault("AccessDenied", status=403))
    assert "--presign" in finding("warn", f"links into {product.domain_id}")["fix"]
    unknown = finding("warn", "links into", role=())
    assert ("NoSuchEntity" in unknown["found"], "--serving-role" in unknown["fix"]) == (True, True)


def test_doctor_presigns_without_showing_the_link(product: Product) -> None:
    code, every, output = examine("--presign")
    assert code == 0
    assert "one was made and thrown away" in output
    assert "http://" not in json.dumps([each for each in every if each["check"].startswith("links")])
    product.aws.inject("CreatePresignedDomainUrl", Fault("AccessDeniedException"))
    assert "AccessDeniedException" in finding("fail", "links into", "--presign")["found"]


# The live acceptance run


def verified(record: Path, key: Path) -> bool:
    """Return whether the signature is by the key, as docs/RELEASING.md verifies it."""
    signers = record.with_suffix(".signers")
    signers.write_text(f"me@example.com {key.with_suffix('.pub').read_text()}")
    command = ["ssh-keygen", "-Y", "verify", "-n", "studio-links", "-I", "me@example.com", "-f", str(signers)]
    with record.open() as content:
        ended = subprocess.run(
            [*command, "-s", f"{record}.sig"], stdin=content, capture_output=True, check=False, timeout=20
        )
    return ended.returncode == 0


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=20)
    return path


def test_live_run_leaves_a_signed_record_of_every_check(product: Product, tmp_path: Path, key: Path) -> None:
    slack, record = product.slack, tmp_path / "record.json"
    slack.add_member("U0DOC", "doc")
    run("allow", "U0DOC")
    live = ("--live", "--record", str(record), "--sign-with", str(key))
    assert "within the last hour" in finding("fail", "a member's link", *live)["found"]
    assert json.loads(record.read_text())["result"] == "failed"

    slack.press("U0DOC", slack.answer_to(slack.command("U0DOC")), "open_studio")
    wait_until(lambda: '"opened_at": "' in run("history", "U0DOC", "--json"))
    record, live = tmp_path / "second.json", ("--live", "--record", str(tmp_path / "second.json"), *live[3:])
    started = datetime.now(UTC)
    code, every, _ = examine(*live)

    written = json.loads(record.read_text())
    assert written["checks"] == [{name: text for name, text in each.items() if name != "mend"} for each in every]
    checks = {each["check"]: each for each in every}
    assert "U0DOC got one" in checks["a member's link"]["found"]
    assert checks[f"links into {product.domain_id}"]["found"] == "one was made and thrown away"
    # All is well, but for the one thing that no test can have.
    assert [each["check"] for each in every if each["level"] == "fail"] == ["real Slack and AWS"]
    assert (code, written["result"]) == (1, "failed")
    assert written["versions"]["studio-links"] == our_version()
    assert started <= datetime.fromisoformat(written["started"]) <= datetime.fromisoformat(written["ended"])
    assert "token=" not in record.read_text()
    assert verified(record, key)
    record.write_text(record.read_text().replace('"result": "failed"', '"result": "passed"'))
    assert not verified(record, key)


def test_live_run_fails_where_slack_was_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    failed = findings_of("fail", "--live", "--record", str(tmp_path / "record.json"))
    assert {"Slack token", "a member's link"} <= {each["check"] for each in failed}


def links_made(product: Product) -> int:
    return product.aws.calls.count("CreatePresignedDomainUrl")


def test_live_run_makes_no_link_without_consent(product: Product, tmp_path: Path) -> None:
    made, record = links_made(product), tmp_path / "record.json"
    declined = run_command("doctor", "--live", "--record", str(record), environment={}, typed="n\n")
    assert (declined.returncode, record.exists()) == (1, False)
    assert "creates a link into each mapped domain" in declined.stderr
    record.write_text("an older record")
    for arguments, words in {
        ("--record", str(record)): "exists already",
        ("--record", str(tmp_path / "new.json"), "--sign-with", str(tmp_path / "none")): "cannot sign",
    }.items():
        refused = run_command("doctor", "--live", "--yes", *arguments, environment={})
        assert (refused.returncode, words in refused.stderr) == (1, True)
    assert record.read_text() == "an older record"
    assert links_made(product) == made


# A running bot


@pytest.mark.public(11)
def test_doctor_signs_a_probe_of_its_own(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    def signing() -> dict[str, str]:
        [found] = [each for each in examine("--url", product.bot.address)[1] if each["check"] == "signing secret"]
        return found

    assert signing()["level"] == "ok"
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "8f14e45fceea167a5a36dedd4bea2543")
    wrong = signing()
    assert (wrong["level"], "does not match SLACK_SIGNING_SECRET" in wrong["found"]) == ("fail", True)
    monkeypatch.setattr("bot.cli.doctor_findings.time.time", lambda: 1_000_000.0)
    late = signing()
    assert (late["level"], "clock" in late["found"], "NTP" in late["fix"]) == ("fail", True, True)


def test_doctor_reports_an_unreachable_or_unready_bot(product: Product) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert "cannot be reached" in finding("fail", f"bot at {nowhere}", "--url", nowhere)["found"]
    product.aws.inject("DescribeTable", Fault("AccessDeniedException", times=2))
    not_found = f"{product.bot.address}/nothing"
    assert "not ready (404)" in finding("fail", "bot at", "--url", not_found)["found"]
    product.aws.clear_faults()


def test_doctor_refuses_an_address_with_a_password(product: Product) -> None:
    ended = product.cli("doctor", "--url", "http://me:hunter2@127.0.0.1/", check=False)
    assert ended.returncode == 2
    assert "hunter2" not in ended.stdout
