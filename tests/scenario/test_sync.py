"""`sync` over the stand-ins: what it proposes, writes and reports."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from bot import cli as commands
from bot.core.errors import BadInput, ConfigError
from bot.local.faults import Fault
from bot.local.slack.workspace import Workspace
from tests.cli import run_command
from tests.scenario.conftest import Product, create_domain, create_profile, sagemaker


def run(*arguments: str) -> str:
    result = CliRunner().invoke(commands.cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def synced(*arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run("sync", "--json", *arguments))
    return report


@pytest.fixture(scope="module", autouse=True)
def people(product: Product) -> None:
    """Create more members and profiles than fit on a page of Slack's and SageMaker's lists."""
    for number in range(230):
        product.slack.add_member(f"U0CROWD{number:03}", f"crowd{number}", email=f"crowd.{number}@example.com")
    traits: dict[str, Any] = {
        "U0TAGGED": {"email": "tagged@example.com"},
        "U0TWIN1": {"email": "twin@example.com"},
        "U0TWIN2": {"email": "twin@example.org"},
        "U0GUEST": {"email": "guest@example.com", "guest": True},
        "U0GONE": {"email": "gone@example.com", "deleted": True},
        "U0EVE": {"email": "eve@evil.example.net", "real_name": "Eve\u202e"},
        "U0BOT": {"email": "bot@example.com", "bot": True},
        "U0STRANGER": {"email": "stranger@example.com", "stranger": True, "team_id": "T0OTHER"},
    }
    for user, each in traits.items():
        product.slack.add_member(user, user.lower(), **each)
    for number in range(105):
        create_profile(product.domain_id, f"crowd-{number}")
    for name in ("twin", "guest", "gone", "bot", "stranger", "nobody", "eve"):
        create_profile(product.domain_id, name)
    sagemaker().create_user_profile(
        DomainId=product.domain_id, UserProfileName="by-tag", Tags=[{"Key": "Email", "Value": "Tagged@example.com"}]
    )
    product.cli("map", "U0HOLDER", "--domain", product.domain_id, "--profile", "crowd-0", "--force")
    product.cli("map", "U0CROWD001", "--domain", product.domain_id, "--profile", "crowd-1", "--force")
    product.cli(
        "map", "U0CROWD002", "--domain", product.domain_id, "--profile", "long-gone", "--alias", "old", "--force"
    )


def test_sync_proposes_a_plan_and_writes_nothing(product: Product) -> None:
    before = run("export")
    calls = len(product.slack.api_calls)

    report = synced()

    assert run("export") == before
    assert report["applied"] is False
    assert len(report["propose"]) == 104
    assert report["propose"]["U0TAGGED"]["mappings"][0]["profile_name"] == "by-tag"
    assert report["mapped"] == 1
    assert [each["holder"] for each in report["taken"]] == ["U0HOLDER"]
    assert [each["candidates"] for each in report["refused"]] == [["U0TWIN1", "U0TWIN2"]]
    assert {each["name"] for each in report["unmatched"]} == {"guest", "gone", "bot", "stranger", "nobody", "eve"}
    assert [(each["user_id"], each["why"]) for each in report["gone"]] == [
        ("U0CROWD002", "the profile is gone"),
        ("U0HOLDER", "the member is gone, a guest, or of another workspace"),
    ]
    assert [call.method for call in product.slack.api_calls[calls:]].count("users.list") == 2


def test_sync_prints_a_table_for_people() -> None:
    text = run("sync", "--dry-run")
    assert "104 to map, 1 mapped already, 1 taken, 1 not clear, 4 skipped, 2 with nobody, 2 gone: --apply" in text
    assert "not clear\tU0TWIN1, U0TWIN2\ttwin" in text


def test_sync_shows_names_addresses_and_whom_it_skips() -> None:
    report, text = synced(), run("sync")

    people = {each["user_id"]: (each["name"], each["email"]) for each in report["people"]}
    assert people["U0TAGGED"] == ("U0Tagged", "tagged@example.com")
    assert people.keys() >= {*report["propose"], "U0EVE", "U0GUEST"}
    skipped = {each["candidates"][0]: each["why"] for each in report["skipped"]}
    assert skipped["U0EVE"] == "the address is outside example.com"
    assert skipped["U0GUEST"] == "the account is no full member: a guest"
    assert "map\tU0TAGGED\tby-tag\td-research\tas default, by tag email\tU0Tagged <tagged@example.com>" in text
    assert "skipped\tU0EVE\teve\td-research\tthe address is outside example.com\tEve\\u202e <eve@evil" in text


def test_sync_counts_only_addresses_in_the_configured_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_EMAIL_DOMAINS", "evil.example.net")
    report = synced()
    assert (list(report["propose"]), report["email_domains"]) == (["U0EVE"], ["evil.example.net"])


def test_sync_apply_asks_on_a_terminal(product: Product) -> None:
    asked = run_command("sync", "--apply", environment=product.environment, typed="n\n")
    assert asked.returncode == 1
    assert "U0Tagged <tagged@example.com>" in asked.stdout
    assert "Write these mappings? [y/N]:" in asked.stderr
    assert len(synced()["propose"]) == 104


def test_sync_apply_writes_and_records_everything_proposed(product: Product) -> None:
    product.slack.inject("users.list", Fault(status=429, retry_after=1))
    assert "104 mapped" in run("sync", "--apply")

    assert (len(synced()["propose"]), synced()["mapped"]) == (0, 105)
    [entry] = json.loads(run("history", "U0TAGGED", "--json"))
    assert (entry["action"], entry["outcome"]) == ("sync", "done")
    assert entry["actor"].startswith("cli:arn:aws:")
    assert entry["after"]["mapping#default"]["profile_arn"].endswith("/by-tag")
    assert "would be refused: not_allowed" in run("explain", "U0TAGGED")


def test_sync_reads_a_named_domain(product: Product) -> None:
    other = create_domain("sync-other")
    create_profile(other, "crowd-7")
    report = synced("--domain", other)
    assert list(report["propose"]) == ["U0CROWD007"]
    assert report["propose"]["U0CROWD007"]["mappings"][0]["alias"] == "sync-other"
    assert [each["user_id"] for each in report["gone"]] == ["U0HOLDER"]
    with pytest.raises(Exception, match="must be a SageMaker domain id"):
        run("sync", "--domain", "x")
    product.aws.inject("ListUserProfiles", Fault("AccessDeniedException"))
    with pytest.raises(Exception, match="AWS refuses"):
        run("sync", "--domain", other)


def test_sync_lists_a_domain_through_its_role(product: Product) -> None:
    role = "arn:aws:iam::123456789012:role/broker"
    far = create_domain("sync-far")
    create_profile(far, "crowd-9")
    run("map", "U0CROWD008", "--domain", far, "--profile", "some", "--alias", "far", "--role-arn", role, "--force")

    report = synced("--domain", far)

    assert report["propose"]["U0CROWD009"]["mappings"][0]["role_arn"] == role
    profiles, left = [call.as_text for call in product.aws.recorded if call.operation == "AssumeRole"][-2:]
    assert "ListUserProfiles" in profiles
    assert "ListApps" in left  # for what nobody holds
    assert "CreatePresignedDomainUrl" not in profiles + left


def test_sync_reports_missing_settings_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace(scopes=("users:read",)) as bare:
        bare.add_member("U0ONE", "one", email="one@example.com")
        monkeypatch.setenv("SLACK_BOT_TOKEN", bare.bot_token)
        monkeypatch.setenv("SLACK_API_URL", bare.api_url)
        with pytest.raises(ConfigError, match="add the scope users:read"):
            run("sync")
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    with pytest.raises(ConfigError, match="SLACK_BOT_TOKEN is missing"):
        run("sync", "--team", "T0STUDIO01")
    assert CliRunner().invoke(commands.cli, ["sync", "--apply", "--dry-run"]).exit_code == 2


def test_sync_without_mappings_needs_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TABLE_PREFIX", "sync-empty-")
    run("tables", "create")
    with pytest.raises(BadInput, match="name domains with --domain"):
        run("sync")
