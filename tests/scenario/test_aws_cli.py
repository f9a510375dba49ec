"""Run the AWS CLI against the AWS stand-in, with every option of `aws sagemaker create-presigned-domain-url`.

The CLI comes from PyPI and runs in the tests' own process; `AWS_CLI=/path/to/aws` selects another. The one from PyPI
is version 1, which has no `--cli-input-yaml`: there, the same document is passed with `--cli-input-json`.
"""

import http.cookiejar
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import distribution
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.local.aws.stand_in import LocalAws

DATA = distribution("awscli").locate_file("awscli/data")
PRESIGN = "create-presigned-domain-url"
ANA = "--domain-id d-research --user-profile-name Ana"
SETTINGS = "--default-user-settings ExecutionRole=arn:aws:iam::123456789012:role/studio"
SSO_USER = "--single-sign-on-user-identifier UserName --single-sign-on-user-value ana"
SHARED = "--ownership-settings OwnerUserProfileName=Ana --space-sharing-settings SharingType=Shared"
APP = "--domain-id d-research --space-name lab --app-type JupyterLab --app-name default"

DOCUMENT = {
    "DomainId": "d-research",
    "UserProfileName": "Ana",
    "SessionExpirationDurationInSeconds": 3600,
    "ExpiresInSeconds": 60,
    "SpaceName": "lab",
    "LandingUri": "app:CodeEditor:src",
}

# Resources that presigning needs.
PREPARATION = (
    f"create-domain --domain-name research --auth-mode IAM --vpc-id vpc-1 --subnet-ids subnet-1 {SETTINGS}",
    f"create-domain --domain-name sso --auth-mode SSO --vpc-id vpc-1 --subnet-ids subnet-1 {SETTINGS}",
    "create-user-profile --domain-id d-research --user-profile-name Ana",
    f"create-user-profile --domain-id d-sso --user-profile-name Ana {SSO_USER}",
    f"create-space --domain-id d-research --space-name lab {SHARED}",
    "update-space --domain-id d-research --space-name lab --space-display-name Lab",
    "update-user-profile --domain-id d-research --user-profile-name Ana --user-settings {}",
    f"create-app {APP} --resource-spec InstanceType=ml.t3.medium",
    f"create-app {APP.replace('default', 'gone')}",
    f"delete-app {APP.replace('default', 'gone')}",
)

# Calls that return a link: the command, the link's seconds, and words on the page that it opens.
GRANTED = {
    "required options only": (f"{PRESIGN} {ANA}", 300, ("Ana", "d-research", "2030-01-02 00:00:00 UTC")),
    "profile name in another case": (f"{PRESIGN} --domain-id d-research --user-profile-name ANA", 300, ("Ana",)),
    "--expires-in-seconds": (f"{PRESIGN} {ANA} --expires-in-seconds 60", 60, ("Ana",)),
    "--session-expiration-duration-in-seconds": (
        f"{PRESIGN} {ANA} --session-expiration-duration-in-seconds 1800",
        300,
        ("2030-01-01 12:30:00 UTC",),
    ),
    "--space-name": (f"{PRESIGN} {ANA} --space-name lab", 300, ("lab",)),
    "--landing-uri": (f"{PRESIGN} {ANA} --landing-uri app:JupyterLab:lab/tree", 300, ("app:JupyterLab:lab/tree",)),
    "--cli-input-json": (
        f"{PRESIGN} --cli-input-json file://request.json",
        60,
        ("Ana", "lab", "app:CodeEditor:src", "2030-01-01 13:00:00 UTC"),
    ),
    "--cli-input-json, overridden": (
        f"{PRESIGN} --cli-input-json file://request.json --landing-uri studio:: --expires-in-seconds 90",
        90,
        ("lab", "studio::"),
    ),
}

# Calls that fail: the command and the error code.
REFUSED = {
    "link too long": (f"{PRESIGN} {ANA} --expires-in-seconds 301", "ValidationException"),
    "session too long": (
        f"{PRESIGN} {ANA} --session-expiration-duration-in-seconds 43201",
        "ValidationException",
    ),
    "bad domain id": (f"{PRESIGN} --domain-id BAD! --user-profile-name Ana", "ValidationException"),
    "bad profile name": (
        f"{PRESIGN} --domain-id d-research --user-profile-name a_b",
        "ValidationException",
    ),
    "bad landing page": (f"{PRESIGN} {ANA} --landing-uri app:Excel:book", "ValidationException"),
    "unknown domain": (f"{PRESIGN} --domain-id d-nowhere --user-profile-name Ana", "ResourceNotFound"),
    "unknown profile": (f"{PRESIGN} --domain-id d-research --user-profile-name Bo", "ResourceNotFound"),
    "unknown space": (f"{PRESIGN} {ANA} --space-name desk", "ResourceNotFound"),
    "domain in SSO mode": (f"{PRESIGN} --domain-id d-sso --user-profile-name Ana", "ValidationException"),
    "second profile of that name": (
        "create-user-profile --domain-id d-research --user-profile-name ana",
        "ResourceInUse",
    ),
    "second app of that name": (f"create-app {APP}", "ResourceInUse"),
    "app that has ended": (f"delete-app {APP.replace('default', 'gone')}", "ResourceNotFound"),
    "space with an app": ("delete-space --domain-id d-research --space-name lab", "ResourceInUse"),
    "profile with a space": ("delete-user-profile --domain-id d-research --user-profile-name Ana", "ResourceInUse"),
}

# Calls that only read, or that the CLI answers itself.
READING = {
    "skeleton": f"{PRESIGN} --generate-cli-skeleton",
    "sample output": f"{PRESIGN} {ANA} --generate-cli-skeleton output",
    "profiles": "list-user-profiles --domain-id-equals d-research",
    "spaces": "list-spaces --domain-id-equals d-research --max-items 1",
    "apps": "list-apps --domain-id-equals d-research",
    "app": f"describe-app {APP}",
    "yaml": f"{PRESIGN} {ANA} --cli-input-yaml file://request.yaml",
}


@dataclass(frozen=True)
class Outcome:
    """Result of one run of the CLI."""

    status: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Clock:
    """Settable time in seconds since the epoch. Starts at noon, 2030-01-01 UTC."""

    def __init__(self) -> None:
        self.now = 1893499200.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Cli:
    """The AWS CLI in an empty home directory, configured for the stand-in only."""

    home: Path
    environment: dict[str, str]

    def __call__(self, command: str) -> Outcome:
        arguments = ["sagemaker", *command.split(), "--output", "json"]
        nowhere = str(self.home / "none")
        files = {"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere}
        environment = {"HOME": str(self.home), "AWS_PAGER": "", **files, **self.environment}
        if other := os.environ.get("AWS_CLI"):
            return self._run(other, arguments, environment)
        out, error = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
            patch.chdir(self.home)
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setenv("AWS_DATA_PATH", str(DATA))  # importing it sets this
            from awscli.clidriver import create_clidriver  # noqa: PLC0415

            status = create_clidriver().main(arguments)
        return Outcome(status, out.getvalue(), error.getvalue())

    def _run(self, path: str, arguments: list[str], environment: dict[str, str]) -> Outcome:
        environment |= {"PATH": os.environ["PATH"]}
        done = subprocess.run(
            [path, *arguments],
            check=False,
            cwd=self.home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def cli(clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    home = tmp_path_factory.mktemp("home")
    (home / "request.json").write_text(json.dumps(DOCUMENT))
    (home / "request.yaml").write_text(yaml.safe_dump(DOCUMENT))
    with LocalAws(clock=clock) as aws:
        yield Cli(home, aws.environment())


@pytest.fixture(scope="module")
def transcript(cli: Cli) -> dict[str, Outcome]:
    """Run every call of the tables above once."""
    for command in PREPARATION:
        done = cli(command)
        assert (done.status, done.error) == (0, "")
    granted = {name: command for name, (command, _, _) in GRANTED.items()}
    refused = {name: command for name, (command, _) in REFUSED.items()}
    return {name: cli(command) for name, command in (granted | refused | READING).items()}


def show(url: str) -> str:
    """Return the page that a browser shows for the link."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    visitor = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
    with visitor.open(url, timeout=10) as page:
        return str(page.read().decode())


def assert_lives(url: str, clock: Clock, seconds: int, words: tuple[str, ...]) -> None:
    """Assert that the link signs in until it expires, and then leads to the sign-in page."""
    noon = clock.now
    try:
        page = show(url)
        assert "Signed in to SageMaker Studio" in page
        for word in words:
            assert word in page
        clock.now = noon + seconds - 0.1
        assert "Signed in to SageMaker Studio" in show(url)
        clock.now = noon + seconds
        assert "Sign in to the AWS console" in show(url)
    finally:
        clock.now = noon


@pytest.mark.parametrize("step", GRANTED)
def test_cli_gets_a_link_that_works_until_it_expires(transcript: dict[str, Outcome], clock: Clock, step: str) -> None:
    outcome, (_, seconds, words) = transcript[step], GRANTED[step]
    assert (outcome.status, outcome.error) == (0, "")
    assert outcome.json.keys() == {"AuthorizedUrl"}
    assert_lives(outcome.json["AuthorizedUrl"], clock, seconds, words)


@pytest.mark.parametrize("step", REFUSED)
def test_cli_gets_the_error_codes_of_sagemaker(transcript: dict[str, Outcome], step: str) -> None:
    outcome, (command, code) = transcript[step], REFUSED[step]
    operation = "".join(word.capitalize() for word in command.split()[0].split("-"))
    assert outcome.status not in {0, 252}  # 252 would be the CLI's own complaint about its arguments
    assert outcome.out == ""
    assert f"({code}) when calling the {operation} operation" in outcome.error


def test_skeleton_has_every_field(transcript: dict[str, Outcome]) -> None:
    assert transcript["skeleton"].json.keys() == DOCUMENT.keys()
    assert transcript["sample output"].json == {"AuthorizedUrl": "AuthorizedUrl"}


def test_cli_lists_profiles_and_spaces(transcript: dict[str, Outcome]) -> None:
    assert [each["UserProfileName"] for each in transcript["profiles"].json["UserProfiles"]] == ["Ana"]
    assert [each["SpaceName"] for each in transcript["spaces"].json["Spaces"]] == ["lab"]


def test_cli_shows_apps_and_their_states(transcript: dict[str, Outcome]) -> None:
    assert [(each["AppName"], each["Status"]) for each in transcript["apps"].json["Apps"]] == [
        ("default", "InService"),
        ("gone", "Deleted"),
    ]
    assert transcript["app"].json["ResourceSpec"] == {"InstanceType": "ml.t3.medium"}


def test_cli_gets_a_link_for_a_yaml_document(cli: Cli, transcript: dict[str, Outcome], clock: Clock) -> None:
    outcome = transcript["yaml"]
    if "Unknown options: --cli-input-yaml" in outcome.error:  # version 1
        document = yaml.safe_load((cli.home / "request.yaml").read_text())
        (cli.home / "from-yaml.json").write_text(json.dumps(document))
        outcome = cli(f"{PRESIGN} --cli-input-json file://from-yaml.json")
    assert (outcome.status, outcome.error) == (0, "")
    assert_lives(outcome.json["AuthorizedUrl"], clock, 60, ("Ana", "lab", "app:CodeEditor:src"))
