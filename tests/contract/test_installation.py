"""What `init` asks Slack and AWS: whose a token is, and which domains there are."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import yaml

from bot.aws import domains
from bot.core.errors import BadInput, SlackError, StudioError
from bot.local.aws.stand_in import LocalAws
from bot.local.faults import Fault
from bot.local.slack.features import from_manifest
from bot.local.slack.people import SCOPES
from bot.local.slack.workspace import Workspace
from bot.slack.manifest import creation_link, manifest
from bot.slack.tokens import APP, BOT, check_app_token, check_bot_token, require_kind

REFUSED = Fault("AccessDeniedException", "not authorized")
NOT_ENABLED = Fault("UnrecognizedClientException", "The security token included in the request is invalid.")


def workspace(**installation: Any) -> Workspace:
    return Workspace(features=replace(from_manifest(), socket_mode=True), **installation)


def test_link_creates_the_app_of_the_socket_mode_manifest() -> None:
    link = urlsplit(creation_link())

    assert (link.scheme, link.netloc, link.path) == ("https", "api.slack.com", "/apps")
    assert parse_qs(link.query)["new_app"] == ["1"]
    assert yaml.safe_load(parse_qs(link.query)["manifest_yaml"][0]) == yaml.safe_load(manifest(socket=True))
    assert len(creation_link()) <= 2083  # the most that GNOME's terminal makes a link of


@pytest.mark.parametrize(
    ("name", "token", "kind"),
    [
        (BOT, "xapp-1-A0-1-s3cr3t", "the app-level token"),
        (BOT, "xoxp-1-s3cr3t", "a person's token"),
        (BOT, "xoxe.xoxp-1-s3cr3t", "a person's token"),
        (BOT, "xoxe-1-s3cr3t", "a configuration token"),
        (BOT, "0123456789abcdef0123456789abcdef", "a signing secret or client secret"),
        (BOT, "s3cr3t", "not a token that this bot uses"),
        (APP, "xoxb-1-s3cr3t", "the bot token"),
        (APP, "xoxe.xoxb-1-s3cr3t", "the bot token"),
        (APP, "", "not a token that this bot uses"),
    ],
)
def test_token_of_another_kind_is_named_not_quoted(name: str, token: str, kind: str) -> None:
    with pytest.raises(BadInput, match=f"^this is {kind}: give the ") as refused:
        require_kind(name, token)

    assert not token or token not in str(refused.value)


def test_tokens_of_one_app_are_accepted() -> None:
    with workspace(app_token="xapp-1-A0STUDIO01-1-s3cr3t") as slack:
        assert check_bot_token(slack.bot_token, slack.api_url) == "studio-links-demo (T0STUDIO01)"
        check_app_token(slack.app_token, slack.api_url, slack.bot_token)


def test_app_token_of_another_app_is_refused() -> None:
    why = "belongs to the app A0OTHER, and the bot token to A0STUDIO01"
    with workspace(app_token="xapp-1-A0OTHER-1-s3cr3t") as slack, pytest.raises(BadInput, match=why):
        check_app_token(slack.app_token, slack.api_url, slack.bot_token)


def test_bot_token_without_a_scope_names_it() -> None:
    granted, why = set(SCOPES) - {"users:read.email", "im:history"}, r"lacks im:history, users:read\.email: add them"
    with workspace(scopes=tuple(granted)) as slack, pytest.raises(BadInput, match=why):
        check_bot_token(slack.bot_token, slack.api_url)


def test_app_without_socket_mode_is_explained() -> None:
    why = r"apps\.connections\.open .*: check that .* Socket Mode is on"
    with Workspace(features=from_manifest()) as slack, pytest.raises(BadInput, match=why):
        check_app_token(slack.app_token, slack.api_url, slack.bot_token)


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(drop=True), Fault(status=429, retry_after=1)])
def test_token_is_in_no_error(fault: Fault) -> None:
    with workspace() as slack:
        slack.inject("auth.test", fault)
        with pytest.raises(SlackError) as failed:
            check_bot_token(slack.bot_token, slack.api_url)

        assert slack.bot_token not in repr(failed.value)
        assert failed.value.__cause__ is None


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with LocalAws() as stand_in:
        for name, value in stand_in.environment().items():
            monkeypatch.setenv(name, value)
        yield stand_in


def create(region: str, name: str) -> None:
    boto3.client("sagemaker", region_name=region).create_domain(
        DomainName=name,
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": "arn:aws:iam::123456789012:role/studio"},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )


@pytest.mark.usefixtures("aws")
def test_domains_of_every_region_are_found() -> None:
    for number in range(12):  # more than one page
        create("eu-west-1", f"lab-{number:02}")
    create("us-east-1", "research")

    found, hidden = domains.find(domains.regions_of("aws"))

    assert [str(each) for each in found[:1]] == ["d-lab-00 (lab-00) in eu-west-1"]
    assert [each.region for each in found] == ["eu-west-1"] * 12 + ["us-east-1"]
    assert hidden == {}


def test_region_that_hides_its_domains_is_told_apart(aws: LocalAws) -> None:
    create("us-east-1", "research")
    aws.inject("ListDomains", REFUSED)

    found, hidden = domains.find(["eu-west-1", "us-east-1"])

    assert len(found) + len(hidden) == 1 or list(hidden) == ["eu-west-1"]
    assert all("ListDomains" in str(error) for error in hidden.values())


def test_region_that_is_not_enabled_counts_as_empty(aws: LocalAws) -> None:
    aws.inject("ListDomains", NOT_ENABLED)

    assert domains.find(["eu-west-1", "us-east-1"]) == ([], {})


def test_credentials_that_see_no_region_are_refused(aws: LocalAws) -> None:
    aws.inject("ListDomains", replace(REFUSED, times=None))

    with pytest.raises(StudioError, match="ListDomains"):
        domains.find(["eu-west-1", "us-east-1"])
