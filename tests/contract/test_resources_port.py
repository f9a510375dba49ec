"""SageMaker's adapter of what makes and removes workspaces, with the stand-in's states and order."""

import os
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from bot.aws.account import AwsAdmin
from bot.aws.client import new_session
from bot.aws.resources import StudioResources
from bot.aws.sagemaker import SageMakerStudio
from bot.core.apps import AppName
from bot.core.errors import StudioError
from bot.core.jobs import JobKind, JobState, Workspace
from bot.core.link import Allowed, Reason
from bot.core.templates import Template
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from bot.workspaces.provisioning import tags_of
from tests.contract.stands import ListeningAws
from tests.fakes import ANA, NOON, Clock, a_grant, a_mapping
from tests.fakes_jobs import ADA, a_job
from tests.fakes_resources import ROLE
from tests.workspaces import World

CREATED = ("CreateUserProfile", "CreateSpace")
DELETED = ("DeleteApp", "DeleteSpace", "DeleteUserProfile")
TEMPLATE = Template("d-research", ROLE, None, ("ml.m5.large",), 60, 20, ("sg-1",))
MAPPING = a_mapping(set_by="", set_at=None)
INSTANCE: Any = {"InstanceType": "ml.t3.medium"}


class AwsClock(Clock):
    """A clock that AWS shares."""

    def __init__(self, aws: ListeningAws) -> None:
        super().__init__()
        self._aws = aws

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._aws.time.now += seconds


@cache
def _adapters(endpoint: str) -> tuple[Any, Any]:  # noqa: ARG001 - they keep it
    """Return the adapters: making them is slow."""
    studio = SageMakerStudio(region=REGION, link_seconds=60, session_seconds=1800)
    return StudioResources(AwsAdmin(region=REGION), REGION), studio


def sagemaker() -> Any:
    return _client(os.environ["AWS_ENDPOINT_URL_SAGEMAKER"])


@cache
def _client(endpoint: str) -> Any:  # noqa: ARG001 - it keeps it
    return new_session().client("sagemaker", REGION)


def a_domain() -> None:
    """Create the domain `d-research`."""
    sagemaker().create_domain(
        DomainName="research",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": ROLE},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )


@dataclass
class AwsWorld(World):
    """The world of `tests.workspaces`, with the stand-in's SageMaker."""

    aws: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock = AwsClock(self.aws)
        self.resources, self.studio = _adapters(self.aws.url)
        self.client = sagemaker()
        self.templates = {"d-research": TEMPLATE}
        a_domain()
        self.aws.delays.starting |= {"UserProfile": 3, "Space": 3}
        self.aws.delays.deleting |= {"UserProfile": 3, "Space": 3, "App": 3}

    def lived_in(self) -> None:
        """Give ana a profile with an app of the classic kind, and a private space that runs one."""
        self.access.give(ANA, MAPPING)
        self.resources.create_profile(MAPPING, TEMPLATE, tags_of(ANA, "x"))
        self.clock.advance(10)
        self.resources.create_space(MAPPING, "ana-lab", "ml.m5.large", TEMPLATE, tags_of(ANA, "x"))
        self.clock.advance(10)
        for kind, holder in (("Canvas", {"UserProfileName": "ana"}), ("JupyterLab", {"SpaceName": "ana-lab"})):
            self.client.create_app(
                DomainId="d-research", AppType=kind, AppName="default", ResourceSpec=INSTANCE, **holder
            )
        self.clock.advance(10)

    def counted(self, *names: str) -> Counter[str]:
        return Counter(call for call in self.aws.calls if call in names)


@pytest.fixture
def world(local_aws: ListeningAws) -> AwsWorld:
    local_aws.reset()
    return AwsWorld(aws=local_aws)


def test_made_profile_and_space_are_as_the_template_says(world: AwsWorld) -> None:
    world.access.give(ANA, MAPPING)
    world.jobs.start(a_job(workspaces=(Workspace(MAPPING, "ana-lab", "ml.m5.large"),)), "a", NOON)
    assert world.finish().state is JobState.DONE
    profile = world.client.describe_user_profile(DomainId="d-research", UserProfileName="ana")
    assert profile["UserSettings"]["ExecutionRole"] == ROLE
    assert profile["UserSettings"]["SecurityGroups"] == ["sg-1"]
    space = world.client.describe_space(DomainId="d-research", SpaceName="ana-lab")
    assert space["OwnershipSettings"] == {"OwnerUserProfileName": "ana"}
    assert space["SpaceSharingSettings"] == {"SharingType": "Private"}
    lab = space["SpaceSettings"]["JupyterLabAppSettings"]
    assert lab["DefaultResourceSpec"] == {"InstanceType": "ml.m5.large"}
    assert lab["AppLifecycleManagement"] == {"IdleSettings": {"IdleTimeoutInMinutes": 60}}
    assert space["SpaceSettings"]["SpaceStorageSettings"] == {"EbsStorageSettings": {"EbsVolumeSizeInGb": 20}}
    found = world.resources.profile(MAPPING)
    assert found is not None
    assert found.tags == tags_of(ANA, ADA.name)
    [mapping] = world.access.read(ANA).mappings
    assert world.studio.sign_in(Allowed(ANA, mapping, a_grant())).url


@pytest.mark.parametrize("number", [5, 21, 37])
def test_killed_making_is_finished_once_at_aws(world: AwsWorld, number: int) -> None:
    world.access.give(ANA, MAPPING)
    world.jobs.start(a_job(workspaces=(Workspace(MAPPING, "ana-lab", "ml.m5.large"),)), "a", NOON)
    world.kill_at(number)
    assert world.counted(*CREATED) == Counter(CREATED)


@pytest.mark.parametrize("number", [9, 33, 57])
def test_killed_removal_is_finished_at_aws(world: AwsWorld, number: int) -> None:
    world.lived_in()
    world.begin(a_job(kind=JobKind.OFFBOARD, workspaces=(Workspace(MAPPING),)))
    world.kill_at(number)
    job = world.jobs.find(ANA)
    assert job is not None
    assert job.state is JobState.DONE
    assert world.resources.profile(MAPPING) is world.resources.space(MAPPING, "ana-lab") is None
    assert set(world.counted(*DELETED)) == set(DELETED)
    assert world.access.read(ANA).mappings == ()


def test_spaces_of_other_profiles_are_not_listed(world: AwsWorld) -> None:
    world.lived_in()
    ben = a_mapping(profile="ben")
    world.resources.create_profile(ben, TEMPLATE, {})
    world.clock.advance(10)
    world.resources.create_space(ben, "ben-lab", "ml.m5.large", TEMPLATE, {})
    settings = {"SharingType": "Shared"}, {"OwnerUserProfileName": "ana"}
    world.client.create_space(
        DomainId="d-research", SpaceName="team", SpaceSharingSettings=settings[0], OwnershipSettings=settings[1]
    )
    found = {space.name: space.shared for space in world.resources.spaces(MAPPING)}
    assert found == {"ana-lab": False, "team": True}


def test_name_of_another_case_is_the_same_profile(world: AwsWorld) -> None:
    world.lived_in()
    found = world.resources.profile(a_mapping(profile="ANA"))
    assert found is not None
    assert found.name == "ana"
    assert [space.name for space in world.resources.spaces(a_mapping(profile="ANA"))] == ["ana-lab"]


def test_deleting_what_is_gone_does_nothing(world: AwsWorld) -> None:
    world.resources.delete_app(MAPPING, AppName("JupyterLab", "default"))
    world.resources.delete_space(MAPPING, "gone")
    world.resources.delete_profile(MAPPING)


def test_aws_failure_reason_reaches_the_job(world: AwsWorld) -> None:
    world.access.give(ANA, MAPPING)
    world.aws.delays.failing["UserProfile"] = "The role cannot be assumed"
    world.jobs.start(a_job(), "a", NOON)
    job = world.finish()
    assert job.state is JobState.FAILED
    assert "The role cannot be assumed" in job.why


def test_refusal_names_the_policy_to_print(world: AwsWorld) -> None:
    world.aws.faults.inject("DescribeUserProfile", Fault(code="AccessDeniedException", message="no", status=400))
    with pytest.raises(StudioError, match=r"iam-policy.*--provisions or --offboards") as error:
        world.resources.profile(MAPPING)
    assert error.value.reason is Reason.AWS_REFUSED
