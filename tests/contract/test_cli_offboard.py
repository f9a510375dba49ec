"""`offboard` on the stand-in: a dry run unless --yes, AWS's order, and who is never off-boarded."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.aws.client import new_session
from bot.cli import jobs
from bot.core.access import Effect, Mapping, Member
from bot.core.jobs import JobKind, JobState
from bot.core.values import utc_now
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from bot.store.jobs import JobTable
from bot.store.models import Tables
from tests.cli import run_command
from tests.contract.stands import ListeningAws, Store
from tests.contract.test_resources_port import INSTANCE, a_domain, sagemaker
from tests.fakes import ANA, BEN, TEAM, a_grant, a_mapping, an_entry
from tests.fakes_jobs import a_job, later

DOMAIN = "d-research"
ENVIRONMENT = {"STUDIO_TABLE_PREFIX": "contract-", "STUDIO_TEAMS": TEAM}
OFFBOARD = ("offboard", ANA.user_id)
DELETED = ("DeleteApp", "DeleteSpace", "DeleteUserProfile")


@pytest.fixture(autouse=True)
def _workspaces(dynamodb: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ana and Ben each have a profile and a private space with an app; Ana owns a shared space beside it."""
    monkeypatch.setattr(jobs, "PAUSE", 0.0)
    a_domain()
    client = sagemaker()
    for member, name in ((ANA, "ana"), (BEN, "ben")):
        mapping: Mapping = a_mapping(profile=name, set_by="", set_at=None)
        dynamodb.access.put_records(
            member, [mapping], seen=dynamodb.access.read(member), entry=an_entry(f"map {name}")
        )
        client.create_user_profile(DomainId=DOMAIN, UserProfileName=name)
        add_space(f"{name}-lab", name, "Private")
        client.create_app(
            DomainId=DOMAIN, AppType="JupyterLab", AppName="default", SpaceName=f"{name}-lab", ResourceSpec=INSTANCE
        )


def add_space(name: str, owner: str, sharing: str) -> None:
    sagemaker().create_space(
        DomainId=DOMAIN,
        SpaceName=name,
        OwnershipSettings={"OwnerUserProfileName": owner},
        SpaceSharingSettings={"SharingType": sharing},
    )


CEM = Member(TEAM, "U0CEM00001")


def run(*arguments: str, **more: str) -> Any:
    return run_command(*arguments, environment=ENVIRONMENT | more)


def deleted(local_aws: ListeningAws) -> list[str]:
    return [call for call in local_aws.calls if call in DELETED]


def test_offboard_without_yes_only_shows_the_plan(dynamodb: Store, tables: Tables, local_aws: ListeningAws) -> None:
    add_space("team", "ana", "Shared")
    shown = run(*OFFBOARD)
    assert shown.returncode == 0, shown.stderr
    assert "would go: app JupyterLab default in space ana-lab in d-research" in shown.stdout
    assert "would go: space ana-lab in d-research" in shown.stdout
    assert "stays: shared space team in d-research" in shown.stdout
    assert "stays: profile ana in d-research: it owns the shared space team" in shown.stdout
    assert "ben" not in shown.stdout
    assert "nothing was changed" in shown.stderr
    assert deleted(local_aws) == []
    assert dynamodb.access.read(ANA).grants == ()
    assert JobTable(tables).find(ANA) is None


def test_offboard_removes_all_and_reports(dynamodb: Store, local_aws: ListeningAws) -> None:
    done = run(*OFFBOARD, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["principal"], report["state"]) == (ANA.user_id, "done")
    assert {item["state"] for item in report["items"]} == {"gone"}
    assert deleted(local_aws) == list(DELETED)
    records = dynamodb.access.read(ANA)
    assert (records.mappings, [grant.effect for grant in records.grants]) == ((), [Effect.DENY])
    assert dynamodb.access.ownership(a_mapping()).holder is None
    outcomes = [(each.action, each.outcome) for each in dynamodb.audit.of_member(ANA, later(-9_000_000))]
    assert {("offboard", "started"), ("deny", "done"), ("unmap", "done"), ("offboard", "done")} <= set(outcomes)
    assert sagemaker().describe_user_profile(DomainId=DOMAIN, UserProfileName="ben")["Status"] == "InService"
    assert len(dynamodb.access.read(BEN).mappings) == 1


def test_offboard_keeps_files_if_asked(local_aws: ListeningAws) -> None:
    done = run(*OFFBOARD, "--yes", "--keep-files")
    assert done.returncode == 0, done.stderr
    assert deleted(local_aws) == ["DeleteApp"]
    assert "stays: space ana-lab" in done.stdout
    assert "not reached: the home directory" in done.stdout


def test_offboard_reports_what_aws_refuses(dynamodb: Store, local_aws: ListeningAws) -> None:
    local_aws.faults.inject("DeleteSpace", Fault("AccessDeniedException", "no", times=None))
    failed = run(*OFFBOARD, "--yes")
    assert failed.returncode == 1
    assert "not gone: space ana-lab in d-research: " in failed.stdout
    assert "--offboards" in failed.stdout
    assert len(dynamodb.access.read(ANA).mappings) == 1  # so that it can be done again
    local_aws.faults.clear()
    assert run(*OFFBOARD, "--yes").returncode == 0
    assert dynamodb.access.read(ANA).mappings == ()


@pytest.mark.parametrize("how", ["settings", "rule"])
def test_last_administrator_is_not_offboarded(dynamodb: Store, local_aws: ListeningAws, how: str) -> None:
    more = {"STUDIO_ADMINS": ANA.user_id} if how == "settings" else {}
    if how == "rule":
        rule = a_grant(effect=Effect.ADMIN)
        dynamodb.access.put_grant(TEAM, rule, seen=dynamodb.access.read(ANA), entry=an_entry("admin"))
    refused = run(*OFFBOARD, "--yes", **more)
    assert (refused.returncode, "only administrator" in refused.stderr) == (1, True)
    assert deleted(local_aws) == []


def test_offboard_takes_over_the_making_of_a_profile(tables: Tables, local_aws: ListeningAws) -> None:
    store = JobTable(tables)
    store.start(a_job(), "a", utc_now())  # its process was killed
    assert run(*OFFBOARD, "--yes").returncode == 0
    job = store.find(ANA)
    assert job is not None
    assert (job.kind, job.state) == (JobKind.OFFBOARD, JobState.DONE)
    assert "CreateUserProfile" not in local_aws.calls[-20:]


def test_offboard_does_not_begin_twice(tables: Tables, local_aws: ListeningAws) -> None:
    JobTable(tables).start(a_job(kind=JobKind.OFFBOARD), "a", later(60_000_000))
    refused = run(*OFFBOARD, "--yes")
    assert (refused.returncode, "other work on the workspace" in refused.stderr) == (1, True)
    assert deleted(local_aws) == []


@pytest.mark.parametrize("exists", [True, False])
def test_offboard_ends_sessions_of_a_named_role(local_aws: ListeningAws, *, exists: bool) -> None:
    iam = new_session().client("iam", REGION)
    if exists:
        iam.create_role(RoleName="bot", AssumeRolePolicyDocument="{}")
    done = run(*OFFBOARD, "--yes", "--serving-role", "arn:aws:iam::123456789012:role/bot")
    assert deleted(local_aws) == list(DELETED)
    assert done.returncode == (0 if exists else 1)
    assert "sessions of arn:aws:iam::123456789012:role/bot" in done.stderr
    if exists:
        assert len(iam.list_role_policies(RoleName="bot")["PolicyNames"]) == 1


# Members whom a file no longer has


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with Ben alone."""
    path = tmp_path / "members.csv"
    path.write_text(f"principal,kind,domain,profile\n{BEN.user_id},mapping,{DOMAIN},ben\n")
    return path


def test_prune_without_yes_only_lists_who_is_not_in_the_file(
    dynamodb: Store, local_aws: ListeningAws, file: Path
) -> None:
    shown = run("import", str(file), "--prune")
    assert shown.returncode == 0, shown.stderr
    assert f"{ANA.user_id} is not in the file: would off-board (ana in {DOMAIN})" in shown.stderr
    assert BEN.user_id not in shown.stderr
    assert deleted(local_aws) == []
    assert dynamodb.access.read(ANA).grants == ()


def test_prune_offboards_who_is_not_in_the_file(dynamodb: Store, local_aws: ListeningAws, file: Path) -> None:
    assert run("import", str(file), "--prune", "--yes", "--dry-run").returncode == 0
    assert deleted(local_aws) == []
    assert run("import", str(file), "--prune", "--yes").returncode == 0
    assert deleted(local_aws) == list(DELETED)
    assert dynamodb.access.read(ANA).mappings == ()
    assert len(dynamodb.access.read(BEN).mappings) == 1
    again = run("import", str(file), "--prune", "--yes")
    assert (again.returncode, "not in the file" in again.stderr) == (0, False)


def test_prune_leaves_administrators_alone(dynamodb: Store, local_aws: ListeningAws, file: Path) -> None:
    done = run("import", str(file), "--prune", "--yes", STUDIO_ADMINS=ANA.user_id)
    assert (done.returncode, "left alone" in done.stderr) == (0, True)
    assert deleted(local_aws) == []
    assert len(dynamodb.access.read(ANA).mappings) == 1


def test_prune_leaves_one_of_all_administrators(dynamodb: Store, local_aws: ListeningAws, file: Path) -> None:
    for member in (ANA, CEM):
        for effect in (Effect.ADMIN, Effect.ALLOW):
            rule, seen = a_grant(member, effect=effect), dynamodb.access.read(member)
            dynamodb.access.put_grant(TEAM, rule, seen=seen, entry=an_entry(f"{member.user_id}-{effect}", member))
    done = run("import", str(file), "--prune", "--yes", STUDIO_ADMINS="")
    assert (done.returncode, done.stderr.count("left alone")) == (0, 1)
    assert deleted(local_aws) == []
    assert Effect.DENY not in [grant.effect for grant in dynamodb.access.read(ANA).grants]


def test_prune_refuses_a_file_without_members(dynamodb: Store, local_aws: ListeningAws, file: Path) -> None:
    file.write_text("principal,kind,domain,profile\n")
    refused = run("import", str(file), "--prune", "--yes")
    assert (refused.returncode, "would off-board everybody" in refused.stderr) == (1, True)
    assert deleted(local_aws) == []
    assert len(dynamodb.access.read(ANA).mappings) == 1
