"""Contract of Apps, run on the fake and on SageMaker's adapter."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from bot.aws.apps import StudioApps
from bot.aws.sagemaker import SageMakerStudio
from bot.core.apps import App, AppName, AppStatus, Space
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from bot.workspaces.resources import Apps
from tests.contract.stands import ListeningAws
from tests.fakes import ANA, NOON, a_mapping
from tests.fakes_apps import FakeApps

DOMAIN = "d-research"
ROLE = "arn:aws:iam::123456789012:role/studio/broker"
MAPPING, BENS = a_mapping(), a_mapping(profile="ben")
OWN, IN_LAB = AppName("JupyterServer", "default"), AppName("JupyterLab", "default", "ana-lab")


@dataclass(frozen=True)
class World:
    """A domain with the profiles Ana and ben, and ways to change it."""

    apps: Apps
    add_space: Callable[[Space], object]
    add_app: Callable[[App], object]
    settle: Callable[[str], object]
    fail: Callable[[], object]


def fake_world() -> World:
    fake = FakeApps()

    def fail() -> None:
        fake.error = StudioError("it throttles us: try again", reason=Reason.AWS_THROTTLED)

    def add(thing: App | Space) -> None:
        fake.add(DOMAIN, thing)

    return World(fake, add, add, lambda failure: fake.settle(DOMAIN, failure), fail)


@pytest.fixture(scope="module")
def adapter(local_aws: ListeningAws) -> Iterator[StudioApps]:  # noqa: ARG001 - sets the environment
    studio = SageMakerStudio(region=REGION, link_seconds=60, session_seconds=43200, now=lambda: NOON)
    yield StudioApps(studio, seconds=0)
    for client in studio._clients.values():
        client.close()


@pytest.fixture(scope="module")
def client(local_aws: ListeningAws) -> Iterator[Any]:
    made = boto3.client("sagemaker", region_name=REGION, endpoint_url=local_aws.endpoint)
    yield made
    made.close()


@pytest.fixture
def sagemaker_world(local_aws: ListeningAws, client: Any, adapter: StudioApps) -> World:
    local_aws.reset()
    local_aws.time.now = NOON.timestamp()
    client.create_domain(DomainName="research", AuthMode="IAM", DefaultUserSettings={})
    for name in ("Ana", "ben"):
        client.create_user_profile(DomainId=DOMAIN, UserProfileName=name)

    def add_space(space: Space) -> None:
        settings = {
            "OwnershipSettings": {"OwnerUserProfileName": space.owner},
            "SpaceSharingSettings": {"SharingType": "Shared" if space.shared else "Private"},
        }
        kind = {"SpaceSettings": {"AppType": space.app_type}} if space.app_type else {}
        client.create_space(DomainId=DOMAIN, SpaceName=space.name, **settings, **kind)

    def add_app(app: App) -> None:
        local_aws.delays.starting["App"] = 0
        owner = {"SpaceName": app.name.space} if app.name.space else {"UserProfileName": app.owner}
        spec = {"ResourceSpec": {"InstanceType": app.instance_type}} if app.instance_type else {}
        client.create_app(DomainId=DOMAIN, AppType=app.name.app_type, AppName=app.name.name, **owner, **spec)
        local_aws.delays.starting["App"] = local_aws.delays.deleting["App"] = 60

    def settle(failure: str) -> None:
        local_aws.delays.failing |= {"App": failure} if failure else {}
        local_aws.time.now += 60

    local_aws.delays.starting["App"] = local_aws.delays.deleting["App"] = 60
    fault = Fault("ThrottlingException", "Rate exceeded", times=None)

    def fail() -> None:
        for name in ("ListApps", "ListSpaces", "DescribeApp", "DescribeSpace", "DeleteApp", "CreateApp"):
            local_aws.inject(name, fault)

    return World(adapter, add_space, add_app, settle, fail)


@pytest.fixture(params=["fake", "sagemaker"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = fake_world() if request.param == "fake" else request.getfixturevalue("sagemaker_world")
    found.add_space(Space("ana-lab", "Ana", shared=False, app_type="JupyterLab"))
    found.add_space(Space("team", "ben", shared=True, app_type="CodeEditor"))
    return found


def an_app(name: AppName = OWN, owner: str = "Ana", **more: Any) -> App:
    return App(name, owner, AppStatus.IN_SERVICE, since=NOON, **more)


def reason(call: Callable[[], object]) -> Reason:
    with pytest.raises(StudioError) as failed:
        call()
    return failed.value.reason


def test_inventory_lists_apps_with_their_owners_and_spaces(world: World) -> None:
    apps = (
        an_app(instance_type="ml.t3.medium"),
        an_app(IN_LAB, instance_type="ml.m5.large"),
        an_app(AppName("CodeEditor", "default", "team"), "ben", shared=True, instance_type="ml.t3.large"),
    )
    for app in apps:
        world.add_app(app)
    found = world.apps.inventory(MAPPING)
    assert found.apps == apps
    assert {(space.name, space.owner, space.shared, space.app_type) for space in found.spaces} == {
        ("ana-lab", "Ana", False, "JupyterLab"),
        ("team", "ben", True, "CodeEditor"),
    }


def test_app_that_stops_is_listed_until_it_is_gone(world: World) -> None:
    world.add_app(an_app(IN_LAB))
    world.apps.stop(MAPPING, IN_LAB)
    assert [app.status for app in world.apps.inventory(MAPPING).apps] == [AppStatus.DELETING]
    assert reason(lambda: world.apps.stop(MAPPING, IN_LAB)) is Reason.APP_NOT_READY
    world.settle("")
    assert world.apps.inventory(MAPPING).apps == ()
    assert world.apps.app(MAPPING, IN_LAB) is None
    assert reason(lambda: world.apps.stop(MAPPING, IN_LAB)) is Reason.APP_GONE


def test_app_is_read_with_the_owner_of_its_space(world: World) -> None:
    name = AppName("CodeEditor", "default", "team")
    world.add_app(an_app(name, "ben", shared=True))
    found = world.apps.app(MAPPING, name)
    assert found is not None
    assert (found.owner, found.belongs_to(MAPPING), found.belongs_to(BENS)) == ("ben", False, True)


def test_app_of_a_profile_is_looked_up_below_that_profile(world: World) -> None:
    world.add_app(an_app(owner="ben"))
    assert world.apps.app(MAPPING, OWN) is None
    assert reason(lambda: world.apps.stop(MAPPING, OWN)) is Reason.APP_GONE
    assert world.apps.app(BENS, OWN) is not None


def test_space_starts_the_app_that_it_is_set_to(world: World) -> None:
    assert world.apps.start(MAPPING, "ana-lab") == IN_LAB
    started = world.apps.app(MAPPING, IN_LAB)
    assert started is not None
    assert started.status is AppStatus.PENDING
    assert reason(lambda: world.apps.start(MAPPING, "ana-lab")) is Reason.APP_RUNNING
    world.settle("")
    started = world.apps.app(MAPPING, IN_LAB)
    assert started is not None
    assert started.status is AppStatus.IN_SERVICE


def test_start_that_fails_has_awss_reason(world: World) -> None:
    world.apps.start(MAPPING, "ana-lab")
    world.settle("No capacity")
    failed = world.apps.app(MAPPING, IN_LAB)
    assert failed is not None
    assert (failed.status, failed.failure) == (AppStatus.FAILED, "No capacity")


@pytest.mark.parametrize(
    ("space", "why"),
    [("team", Reason.SPACE_NOT_YOURS), ("nowhere", Reason.SPACE_MISSING), ("plain", Reason.APP_UNKNOWN)],
)
def test_space_of_others_or_without_app_starts_nothing(world: World, space: str, why: Reason) -> None:
    world.add_space(Space("plain", "ana", shared=False))
    assert reason(lambda: world.apps.start(MAPPING, space)) is why
    assert world.apps.inventory(MAPPING).apps == ()


def test_throttling_is_named(world: World) -> None:
    world.fail()
    calls = (
        lambda: world.apps.inventory(MAPPING),
        lambda: world.apps.app(MAPPING, OWN),
        lambda: world.apps.stop(MAPPING, OWN),
        lambda: world.apps.start(MAPPING, "ana-lab"),
    )
    assert {reason(call) for call in calls} == {Reason.AWS_THROTTLED}


# SageMaker alone


def test_quota_of_instances_is_named(sagemaker_world: World, local_aws: ListeningAws) -> None:
    sagemaker_world.add_space(Space("ana-lab", "Ana", shared=False, app_type="JupyterLab"))
    local_aws.inject("CreateApp", Fault("ResourceLimitExceeded", "no more", status=400))
    assert reason(lambda: sagemaker_world.apps.start(MAPPING, "ana-lab")) is Reason.APP_QUOTA


def test_app_starts_on_the_instance_that_the_space_names(
    sagemaker_world: World, client: Any, local_aws: ListeningAws
) -> None:
    spec = {"InstanceType": "ml.m5.large"}
    client.create_space(
        DomainId=DOMAIN,
        SpaceName="big",
        OwnershipSettings={"OwnerUserProfileName": "Ana"},
        SpaceSharingSettings={"SharingType": "Private"},
        SpaceSettings={"AppType": "JupyterLab", "JupyterLabAppSettings": {"DefaultResourceSpec": spec}},
    )
    sagemaker_world.apps.start(MAPPING, "big")
    [call] = [call for call in local_aws.recorded if call.operation == "CreateApp"]
    assert call.arguments["ResourceSpec"] == spec


def test_role_of_a_mapping_acts_on_one_space_in_the_members_name(
    sagemaker_world: World, local_aws: ListeningAws
) -> None:
    mapping = replace(MAPPING, role_arn=ROLE)
    sagemaker_world.add_space(Space("ana-lab", "Ana", shared=False, app_type="JupyterLab"))
    sagemaker_world.apps.inventory(mapping, ANA)
    sagemaker_world.apps.start(mapping, "ana-lab", ANA)
    listing, acting = [call.arguments for call in local_aws.recorded if call.operation == "AssumeRole"]
    assert listing["RoleSessionName"] == acting["RoleSessionName"] == ANA.session_name
    [statement] = json.loads(listing["Policy"])["Statement"]
    assert set(statement["Action"]) == {"sagemaker:ListApps", "sagemaker:ListSpaces"}
    apps, _ = json.loads(acting["Policy"])["Statement"]
    assert apps["Resource"] == [f"arn:aws:sagemaker:{REGION}:123456789012:app/{DOMAIN}/ana-lab/*"]


def test_requests_for_one_domain_share_a_list(
    sagemaker_world: World, adapter: StudioApps, local_aws: ListeningAws
) -> None:
    apps = StudioApps(adapter._studio)
    sagemaker_world.add_space(Space("ana-lab", "Ana", shared=False, app_type="JupyterLab"))
    for mapping in (MAPPING, BENS, MAPPING):
        apps.inventory(mapping, ANA)
    assert local_aws.calls.count("ListApps") == 1
    apps.start(MAPPING, "ana-lab", ANA)
    assert [app.name for app in apps.inventory(BENS).apps] == [IN_LAB]
    assert local_aws.calls.count("ListApps") == 2
    sagemaker_world.add_space(Space("new-lab", "ben", shared=False, app_type="JupyterLab"))
    apps.forget(BENS)
    assert "new-lab" in [space.name for space in apps.inventory(MAPPING).spaces]


@pytest.mark.usefixtures("sagemaker_world")
def test_list_that_failed_is_asked_for_again(adapter: StudioApps, local_aws: ListeningAws) -> None:
    apps = StudioApps(adapter._studio)
    local_aws.inject("ListApps", Fault("AccessDeniedException", "no"))
    assert reason(lambda: apps.inventory(MAPPING)) is Reason.AWS_REFUSED
    assert apps.inventory(MAPPING).apps == ()
