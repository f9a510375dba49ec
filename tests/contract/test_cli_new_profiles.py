"""Profiles that `map --create` and an import make, on the stand-in."""

from pathlib import Path
from typing import Any

import pytest

from bot.cli import jobs
from bot.core.access import Member
from bot.core.jobs import JobState
from bot.core.templates import variable_of
from bot.store.jobs import JobTable
from bot.store.models import Tables
from bot.workspaces.provisioning import tags_of
from tests.cli import run_command
from tests.contract.stands import ListeningAws, Store
from tests.contract.test_resources_port import a_domain, sagemaker
from tests.fakes import ANA, BEN, TEAM
from tests.fakes_jobs import a_job, later
from tests.fakes_resources import ROLE

DOMAIN = "d-research"
ENVIRONMENT = {
    "STUDIO_TABLE_PREFIX": "contract-",
    "STUDIO_TEAMS": TEAM,
    variable_of(DOMAIN): f"role={ROLE},instances=ml.t3.medium",
}
CREATE = ("map", ANA.user_id, "--domain", DOMAIN, "--profile", "ana", "--create")


@pytest.fixture(autouse=True)
def _domain(dynamodb: Store, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - clears the tables
    monkeypatch.setattr(jobs, "PAUSE", 0.0)
    a_domain()


def run(*arguments: str, **more: Any) -> Any:
    return run_command(*arguments, environment=ENVIRONMENT, **more)


def created(local_aws: ListeningAws) -> list[str]:
    return [call for call in local_aws.calls if call in ("CreateUserProfile", "CreateSpace")]


def test_map_create_makes_the_profile_and_its_space_once(
    dynamodb: Store, tables: Tables, local_aws: ListeningAws
) -> None:
    done = run(*CREATE, "--space", "ana-lab")
    assert done.returncode == 0, done.stderr
    assert created(local_aws) == ["CreateUserProfile", "CreateSpace"]
    [mapping] = dynamodb.access.read(ANA).mappings
    assert (mapping.space_name, mapping.profile_arn is not None) == ("ana-lab", True)
    job = JobTable(tables).find(ANA)
    assert job is not None
    assert job.state is JobState.DONE
    assert run(*CREATE, "--space", "ana-lab").returncode == 0
    assert created(local_aws) == ["CreateUserProfile", "CreateSpace"]


def test_map_create_leaves_a_profile_of_somebody_else(dynamodb: Store, local_aws: ListeningAws) -> None:
    sagemaker().create_user_profile(DomainId=DOMAIN, UserProfileName="ANA")
    refused = run(*CREATE)
    assert refused.returncode == 1
    assert "exists and was not made for" in refused.stderr
    assert dynamodb.access.read(ANA).mappings == ()
    assert created(local_aws) == ["CreateUserProfile"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--domain", "d-other"), "STUDIO_PROFILE_TEMPLATE_D_OTHER"),
        (("--role-arn", ROLE), "leave out --role-arn"),
    ],
)
def test_map_create_needs_a_template_and_its_own_account(dynamodb: Store, more: tuple[str, ...], why: str) -> None:
    refused = run(*CREATE, *more)
    assert (refused.returncode, why in refused.stderr) == (1, True)
    assert dynamodb.access.read(ANA).mappings == ()


def test_map_create_waits_for_no_other_work(tables: Tables, local_aws: ListeningAws) -> None:
    JobTable(tables).start(a_job(), "a", later(1))
    refused = run(*CREATE)
    assert (refused.returncode, "other work on the workspace" in refused.stderr) == (1, True)
    assert created(local_aws) == []


def test_map_create_reports_what_aws_says(local_aws: ListeningAws) -> None:
    local_aws.delays.failing["UserProfile"] = "The role cannot be assumed"
    failed = run(*CREATE)
    assert (failed.returncode, "The role cannot be assumed" in failed.stderr) == (1, True)


def test_import_makes_the_profiles_that_a_column_names(
    dynamodb: Store, local_aws: ListeningAws, tmp_path: Path
) -> None:
    sagemaker().create_user_profile(DomainId=DOMAIN, UserProfileName="cy")
    cy = Member(TEAM, "U0CY000001")
    file = tmp_path / "members.csv"
    rows = [(ANA, "ana", "yes"), (BEN, "ben", "YES"), (cy, "cy", "")]
    lines = [f"{who.user_id},mapping,{DOMAIN},{profile},{create}" for who, profile, create in rows]
    file.write_text("\n".join(["principal,kind,domain,profile,create", *lines]))
    tried = run("import", str(file), "--dry-run")
    assert "would make ana in d-research" in tried.stderr
    assert created(local_aws) == ["CreateUserProfile"]
    done = run("import", str(file))
    assert done.returncode == 0, done.stderr
    assert created(local_aws) == ["CreateUserProfile"] * 3
    assert sagemaker().list_tags(ResourceArn=dynamodb.access.read(BEN).mappings[0].profile_arn)["Tags"][1:3] == [
        {"Key": key, "Value": value} for key, value in list(tags_of(BEN, "").items())[1:3]
    ]


@pytest.mark.parametrize("row", [f"{ANA.user_id},mapping,{DOMAIN},ana,perhaps", f"{ANA.user_id},allow,,,yes"])
def test_import_refuses_another_value_of_that_column(row: str, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text(f"principal,kind,domain,profile,create\n{row}")
    refused = run("import", str(file))
    assert (refused.returncode, "column E" in refused.stderr) == (1, True)
