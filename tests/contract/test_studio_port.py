"""Contract of Studio and StudioExaminer, run on the fake and on SageMaker's adapter."""

import json
import re
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

import boto3
import pytest

from bot.aws import account
from bot.aws.account import access_key_id, caller_arn
from bot.aws.sagemaker import SageMakerStudio
from bot.core.access import Mapping, Member
from bot.core.errors import StudioError
from bot.core.link import Allowed, Link, Reason
from bot.core.ports import Studio, StudioExaminer
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from tests.contract.stands import ListeningAws
from tests.dripping import DRIPS, dripping
from tests.fakes import ANA, NOON, Clock, FakeStudio, a_mapping, an_allowed

DOMAIN = "d-research"
ROLE = "arn:aws:iam::123456789012:role/studio/broker"


class Port(Studio, StudioExaminer, Protocol):
    """Both ports, which one adapter implements."""


@dataclass(frozen=True)
class World:
    """A Studio with a domain `d-research` and two profiles, Ana and ben, and ways to change it."""

    studio: Port
    add_domain: Callable[[str, str], object]
    add_profile: Callable[[str, str], object]
    add_space: Callable[[str, str | None], object]
    set_status: Callable[[str | None, str], object]
    fail: Callable[[Reason], object]
    fail_listing: Callable[[Reason], object]
    opens: Callable[[Link], tuple[str, str] | None]


def fake_world() -> World:
    fake = FakeStudio()

    def opens(link: Link) -> tuple[str, str] | None:
        allowed = fake.links.get(link.url)
        return (allowed.mapping.domain_id, allowed.mapping.profile_name) if allowed else None

    def set_status(profile: str | None, status: str) -> None:
        if profile is None:
            fake.domains[DOMAIN].status = status
        else:
            fake.domains[DOMAIN].profiles[profile.lower()] = status

    def add_space(name: str, owner: str | None) -> None:
        fake.domains[DOMAIN].spaces[name] = owner

    def fail(reason: Reason) -> None:
        fake.error = StudioError("it fails: try again", reason=reason)

    def fail_listing(reason: Reason) -> None:
        fake.listing_error = StudioError("it fails: try again", reason=reason)

    return World(
        studio=fake,
        add_domain=lambda name, mode: fake.add(f"d-{name}", auth_mode=mode, url=f"https://{name}.example.com/"),
        add_profile=lambda domain, name: fake.domains[domain].profiles.setdefault(name.lower(), "InService"),
        add_space=add_space,
        set_status=set_status,
        fail=fail,
        fail_listing=fail_listing,
        opens=opens,
    )


FAULTS = {
    Reason.AWS_THROTTLED: Fault("ThrottlingException", "Rate exceeded", times=None),
    Reason.AWS_REFUSED: Fault("AccessDeniedException", "no"),
    Reason.AWS_UNREACHABLE: Fault(drop=True, times=None),
    Reason.AWS_UNEXPECTED: Fault("ValidationException", "no"),
}


@pytest.fixture(scope="module")
def sagemaker(local_aws: ListeningAws) -> Iterator[Any]:
    """Return a client for preparing the tests."""
    client = boto3.client("sagemaker", region_name=REGION, endpoint_url=local_aws.endpoint)
    yield client
    client.close()


@pytest.fixture(scope="module")
def adapter(local_aws: ListeningAws) -> Iterator[SageMakerStudio]:  # noqa: ARG001 - sets the environment
    studio = SageMakerStudio(region=REGION, link_seconds=60, session_seconds=43200, now=lambda: NOON)
    studio.warm_up()
    yield studio
    for client in studio._clients.values():
        client.close()


@pytest.fixture
def aws(local_aws: ListeningAws, sagemaker: Any) -> ListeningAws:
    """Return the stand-in with one domain and two profiles."""
    local_aws.reset()
    sagemaker.create_domain(DomainName="research", AuthMode="IAM", DefaultUserSettings={})
    for name in ("Ana", "ben"):
        sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName=name)
    return local_aws


@pytest.fixture
def sagemaker_world(aws: ListeningAws, sagemaker: Any, adapter: SageMakerStudio) -> World:
    def add_space(name: str, owner: str | None) -> None:
        sharing = {
            "OwnershipSettings": {"OwnerUserProfileName": owner or "ben"},
            "SpaceSharingSettings": {"SharingType": "Private" if owner else "Shared"},
        }
        sagemaker.create_space(DomainId=DOMAIN, SpaceName=name, **sharing)

    def fail(reason: Reason) -> None:
        for operation in ("CreatePresignedDomainUrl", "DescribeDomain"):
            aws.inject(operation, FAULTS[reason])

    return World(
        studio=adapter,
        add_domain=lambda name, mode: sagemaker.create_domain(DomainName=name, AuthMode=mode, DefaultUserSettings={}),
        add_profile=lambda domain, name: sagemaker.create_user_profile(DomainId=domain, UserProfileName=name),
        add_space=add_space,
        set_status=lambda profile, status: aws.set_status(DOMAIN, profile, status=status),
        fail=fail,
        fail_listing=lambda reason: aws.inject("ListSpaces", FAULTS[reason]),
        opens=lambda link: opened(link.url),
    )


@pytest.fixture(params=["fake", "sagemaker"])
def world(request: pytest.FixtureRequest) -> World:
    return fake_world_in_the_region() if request.param == "fake" else request.getfixturevalue("sagemaker_world")


def fake_world_in_the_region() -> World:
    world = fake_world()
    world.add_domain("research", "IAM")
    for name in ("Ana", "ben"):
        world.add_profile(DOMAIN, name)
    return world


def browse(url: str) -> str:
    """Return the page that a browser with cookies shows."""
    cookies = urllib.request.HTTPCookieProcessor(CookieJar())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
    with opener.open(url, timeout=10) as page:
        return str(page.read().decode())


def opened(url: str) -> tuple[str, str] | None:
    """Return the domain and profile that the link signs in to."""
    page = browse(url)
    if "Signed in to SageMaker Studio" not in page:
        return None
    profile = next(name for name in ("Ana", "ben") if f">{name}<" in page)
    return re.findall(r">(d-[a-z0-9-]+)<", page)[0], profile


def refused(call: Callable[..., object], *arguments: Any) -> StudioError:
    with pytest.raises(StudioError) as failed:
        call(*arguments)
    assert re.search(r": \w", str(failed.value)), "the message ends with what to do next"
    return failed.value


def test_link_signs_in_as_the_mapped_profile(world: World) -> None:
    link = world.studio.sign_in(an_allowed(a_mapping(profile="Ana")))
    assert world.opens(link) == (DOMAIN, "Ana")


def test_profile_name_is_case_insensitive(world: World) -> None:
    assert world.studio.sign_in(an_allowed(a_mapping(profile="ANA"))).url


def test_every_link_is_new(world: World) -> None:
    links = [world.studio.sign_in(an_allowed(a_mapping())) for _ in range(2)]
    assert links[0].url != links[1].url


def test_link_has_its_own_and_the_sessions_lifetime(world: World) -> None:
    link = world.studio.sign_in(an_allowed(a_mapping()))
    assert link.expires_at == NOON + timedelta(seconds=60)
    assert (link.lifetime_seconds, link.session_seconds) == (60, 43200)
    assert link.aws_request_id


def test_mapping_can_shorten_the_session(world: World) -> None:
    assert world.studio.sign_in(an_allowed(a_mapping(session_seconds=1800))).session_seconds == 1800


def test_shared_and_own_spaces_can_be_opened(world: World) -> None:
    world.add_space("team-space", None)
    world.add_space("own-space", "Ana")
    for space in ("team-space", "own-space"):
        mapping = a_mapping(profile="ana", space_name=space)
        assert world.studio.sign_in(an_allowed(mapping)).url
        assert world.studio.examine(mapping).profile_arn


def test_examination_only_adds_the_profile_arn(world: World) -> None:
    mapping = a_mapping(profile="Ana", session_seconds=1800, profile_arn="arn:of:another")
    found = world.studio.examine(mapping)
    assert found.profile_arn is not None
    assert found.profile_arn.endswith(f":user-profile/{DOMAIN}/Ana")
    assert replace(found, profile_arn=None) == replace(mapping, profile_arn=None)


@pytest.fixture(params=["sign_in", "examine"])
def attempt(request: pytest.FixtureRequest, world: World) -> Callable[[Mapping], StudioError]:
    """Return sign-in or examination; both refuse the same mappings."""

    def attempt(mapping: Mapping) -> StudioError:
        if request.param == "sign_in":
            return refused(world.studio.sign_in, an_allowed(mapping))
        return refused(world.studio.examine, mapping)

    return attempt


Attempt = Callable[[Mapping], StudioError]


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        (a_mapping(domain="d-gone"), Reason.DOMAIN_MISSING),
        (a_mapping(profile="gone"), Reason.PROFILE_MISSING),
        (a_mapping(space_name="gone"), Reason.SPACE_MISSING),
    ],
)
def test_missing_domain_profile_or_space_is_named(attempt: Attempt, mapping: Mapping, reason: Reason) -> None:
    error = attempt(mapping)
    assert error.reason is reason
    assert "gone" in str(error)


def test_space_of_another_profile_is_refused(world: World, attempt: Attempt) -> None:
    world.add_space("bens-space", "ben")
    assert attempt(a_mapping(profile="Ana", space_name="bens-space")).reason is Reason.SPACE_NOT_YOURS


def test_sso_domain_returns_its_address(world: World, attempt: Attempt) -> None:
    world.add_domain("sso", "SSO")
    error = attempt(a_mapping(domain="d-sso"))
    assert error.reason is Reason.DOMAIN_SSO
    assert error.sign_in_address is not None
    assert error.sign_in_address.startswith("http")


@pytest.mark.parametrize("status", ["Pending", "Updating", "Failed", "Deleting"])
@pytest.mark.parametrize(("profile", "reason"), [(None, Reason.DOMAIN_NOT_READY), ("Ana", Reason.PROFILE_NOT_READY)])
def test_resource_not_in_service_is_not_ready(
    world: World, attempt: Attempt, profile: str | None, reason: Reason, status: str
) -> None:
    world.set_status(profile, status)
    assert attempt(a_mapping(profile="Ana")).reason is reason


@pytest.mark.parametrize("reason", FAULTS)
def test_aws_failures_map_to_reasons(world: World, attempt: Attempt, reason: Reason) -> None:
    world.fail(reason)
    assert attempt(a_mapping(profile="Ana")).reason is reason


# Spaces


def offered(world: World, profile: str = "Ana", *, domain: str = DOMAIN) -> list[str]:
    return sorted(world.studio.spaces(ANA, a_mapping(profile=profile, domain=domain)))


def test_spaces_are_shared_or_own(world: World) -> None:
    for name, owner in {"team": None, "anas": "Ana", "bens": "ben", "atelier": None}.items():
        world.add_space(name, owner)
    assert offered(world) == ["anas", "atelier", "team"]
    assert offered(world, "ben") == ["atelier", "bens", "team"]


def test_spaces_match_the_profile_name_in_any_case(world: World) -> None:
    world.add_space("anas", "Ana")
    assert offered(world, "ANA") == offered(world, "ana") == ["anas"]


def test_domain_without_spaces_offers_none(world: World) -> None:
    assert offered(world) == []


def test_spaces_of_other_domains_are_not_offered(world: World) -> None:
    world.add_domain("other", "IAM")
    world.add_profile("d-other", "Ana")
    world.add_space("team", None)
    assert offered(world, domain="d-other") == []


def test_offered_spaces_can_be_opened(world: World) -> None:
    for name, owner in {"team": None, "anas": "Ana", "bens": "ben"}.items():
        world.add_space(name, owner)
    for name in offered(world):
        assert world.studio.sign_in(an_allowed(a_mapping(profile="Ana", space_name=name))).url


@pytest.mark.parametrize("reason", FAULTS)
def test_listing_failures_map_to_reasons(world: World, reason: Reason) -> None:
    world.add_space("team", None)
    world.fail_listing(reason)
    assert refused(world.studio.spaces, ANA, a_mapping(profile="Ana")).reason is reason


def test_link_works_without_permission_to_list_spaces(world: World) -> None:
    world.add_space("team", None)
    world.fail_listing(Reason.AWS_REFUSED)
    assert world.studio.sign_in(an_allowed(a_mapping(profile="Ana"))).url
    assert world.studio.sign_in(an_allowed(a_mapping(profile="Ana", space_name="team"))).url


# SageMaker only


FAILED = Path(__file__).parent.parent / "data" / "sagemaker-domain-failed.json"


@pytest.mark.public(10)
def test_failed_domain_has_aws_reason_and_no_advice_to_wait(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    for operation, answer in json.loads(FAILED.read_text()).items():
        status = 400 if "__type" in answer else 200
        aws.inject(operation, Fault(body=json.dumps(answer).encode(), status=status, times=None))
    for error in (
        refused(adapter.examine, a_mapping(profile="Ana")),
        refused(adapter.sign_in, an_allowed(a_mapping(profile="Ana"))),
    ):
        assert str(error) == (
            "domain d-research is Failed (The VPC ID could not be found): "
            "repair it in the SageMaker console, or map another one"
        )
        assert error.reason is Reason.DOMAIN_NOT_READY
    aws.clear_faults()


@pytest.mark.public(10)
@pytest.mark.parametrize("operation", ["DescribeDomain", "DescribeUserProfile"])
@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("Pending", "wait until it is InService"),
        ("Updating", "wait until it is InService"),
        ("Update_Failed", "repair it in the SageMaker console"),
        ("Delete_Failed", "repair it in the SageMaker console"),
        ("Deleting", "map another one"),
    ],
)
def test_advice_depends_on_the_status(
    aws: ListeningAws, adapter: SageMakerStudio, operation: str, status: str, advice: str
) -> None:
    answer = {"Status": status, "AuthMode": "IAM", "FailureReason": "quota:\n 5"}
    aws.inject(operation, Fault(body=json.dumps(answer).encode(), status=200))
    error = str(refused(adapter.examine, a_mapping(profile="Ana")))
    assert f"is {status} (quota: 5): " in error
    assert advice in error


@pytest.mark.public(10)
def test_missing_domain_names_the_region(aws: ListeningAws, adapter: SageMakerStudio) -> None:  # noqa: ARG001 - sets the environment
    for region in (None, "eu-west-1"):
        error = refused(adapter.examine, a_mapping(domain="d-gone", region=region))
        assert f"there is no domain d-gone in {region or REGION}: " in str(error)


def test_answer_without_a_status_does_not_say_wait(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    aws.inject("DescribeDomain", Fault(body=b'{"login": "here"}', status=200))
    error = refused(adapter.examine, a_mapping(profile="Ana"))
    assert "AWS does not say in which state domain d-research is: check the endpoint" in str(error)
    assert error.reason is Reason.AWS_UNEXPECTED


def signed_in(adapter: SageMakerStudio, mapping: Mapping | None = None, member: Member = ANA) -> Link:
    return adapter.sign_in(an_allowed(mapping or a_mapping(profile="Ana"), member))


def test_link_works_until_it_expires(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    link = signed_in(adapter)
    aws.time.now = link.expires_at.timestamp() - 1
    assert opened(link.url) == (DOMAIN, "Ana")
    aws.time.now = link.expires_at.timestamp()
    assert "Sign in to the AWS console" in browse(link.url)


def test_shown_expiry_is_never_later_than_the_real_one(aws: ListeningAws) -> None:
    clock = Clock()

    def now() -> datetime:
        moment = clock.now()
        clock.advance(1)  # a second look at the clock returns a later time
        return moment

    studio = SageMakerStudio(region=REGION, link_seconds=60, session_seconds=43200, now=now)
    assert studio.sign_in(an_allowed(a_mapping(profile="Ana"))).expires_at == NOON + timedelta(seconds=60)
    assert aws.calls == [*["CreateDomain", "CreateUserProfile", "CreateUserProfile"], "CreatePresignedDomainUrl"]


def test_every_parameter_reaches_aws(aws: ListeningAws, sagemaker: Any) -> None:
    sagemaker.create_space(
        DomainId=DOMAIN,
        SpaceName="lab-space",
        OwnershipSettings={"OwnerUserProfileName": "Ana"},
        SpaceSharingSettings={"SharingType": "Shared"},
    )
    studio = SageMakerStudio(region=REGION, link_seconds=5, session_seconds=7200)
    mapping = a_mapping(
        profile="Ana", space_name="lab-space", landing_uri="app:JupyterLab:lab/tree/x", session_seconds=1800
    )
    link = studio.sign_in(an_allowed(mapping))

    assert aws.requests("CreatePresignedDomainUrl") == [
        {
            "DomainId": DOMAIN,
            "UserProfileName": "Ana",
            "SpaceName": "lab-space",
            "LandingUri": "app:JupyterLab:lab/tree/x",
            "ExpiresInSeconds": 5,
            "SessionExpirationDurationInSeconds": 1800,
        }
    ]
    page = browse(link.url)
    assert all(text in page for text in ("Ana", DOMAIN, "lab-space", "app:JupyterLab:lab/tree/x"))


def test_unset_mapping_fields_use_defaults_or_are_omitted(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    signed_in(adapter)
    assert aws.requests("CreatePresignedDomainUrl") == [
        {
            "DomainId": DOMAIN,
            "UserProfileName": "Ana",
            "ExpiresInSeconds": 60,
            "SessionExpirationDurationInSeconds": 43200,
        }
    ]


def test_link_costs_one_call(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    before = len(aws.calls)
    signed_in(adapter)
    assert aws.calls[before:] == ["CreatePresignedDomainUrl"]


def test_mapping_can_name_another_region(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    far = boto3.client("sagemaker", region_name="eu-central-1", endpoint_url=aws.endpoint)
    far.create_domain(DomainName="far", AuthMode="IAM", DefaultUserSettings={})
    far.create_user_profile(DomainId="d-far", UserProfileName="Ana")
    far.close()
    mapping = a_mapping(profile="Ana", domain="d-far")
    assert opened(signed_in(adapter, replace(mapping, region="eu-central-1")).url) == ("d-far", "Ana")
    assert refused(adapter.sign_in, an_allowed(mapping)).reason is Reason.DOMAIN_MISSING


ERRORS = [
    (Fault("ThrottlingException", "Rate exceeded", times=None), Reason.AWS_THROTTLED, "ThrottlingException"),
    (Fault("TooManyRequestsException", times=None), Reason.AWS_THROTTLED, "TooManyRequestsException"),
    (Fault("AccessDeniedException", "Rate exceeded"), Reason.AWS_REFUSED, "AccessDeniedException"),
    (Fault("ExpiredTokenException"), Reason.AWS_REFUSED, "ExpiredTokenException"),
    (Fault("UnrecognizedClientException"), Reason.AWS_REFUSED, "UnrecognizedClientException"),
    (Fault("InternalFailure", status=500, times=None), Reason.AWS_UNREACHABLE, "InternalFailure"),
    (Fault("ServiceUnavailable", status=503, times=None), Reason.AWS_UNREACHABLE, "ServiceUnavailable"),
    (Fault(body=b"<html>", status=502, times=None), Reason.AWS_UNREACHABLE, "502"),
    (Fault(drop=True, times=None), Reason.AWS_UNREACHABLE, "ConnectionClosedError"),
    (Fault("NewlyInvented", "AccessDenied"), Reason.AWS_UNEXPECTED, "NewlyInvented"),
    (Fault("ValidationException", "no"), Reason.AWS_UNEXPECTED, "ValidationException"),
    (Fault(body=b"not JSON"), Reason.AWS_UNEXPECTED, "ForeignAnswer"),
]


@pytest.mark.parametrize(
    ("fault", "reason", "code"),
    ERRORS,
    ids=[fault.code or ("dropped" if fault.drop else "garbage") for fault, _, _ in ERRORS],
)
def test_errors_are_classified_by_code_and_not_by_message(
    aws: ListeningAws, adapter: SageMakerStudio, fault: Fault, reason: Reason, code: str | None
) -> None:
    if fault.body is not None and fault.status is None:
        fault = replace(fault, status=200)
    aws.inject("CreatePresignedDomainUrl", fault)
    error = refused(signed_in, adapter)
    assert (error.reason, error.code) == (reason, code)
    aws.clear_faults()


@pytest.mark.parametrize(
    "fault", [Fault("InternalFailure", status=500), Fault("ThrottlingException"), Fault(drop=True)]
)
def test_single_failure_is_retried(aws: ListeningAws, adapter: SageMakerStudio, fault: Fault) -> None:
    aws.inject("CreatePresignedDomainUrl", fault)
    assert signed_in(adapter).url


def test_failed_call_keeps_its_request_id(aws: ListeningAws, adapter: SageMakerStudio, sagemaker: Any) -> None:
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="Ana")
    error = refused(signed_in, adapter)
    assert (error.reason, error.code) == (Reason.PROFILE_MISSING, "ResourceNotFound")
    assert error.request_id
    assert aws.calls[-3:] == ["CreatePresignedDomainUrl", "DescribeDomain", "DescribeUserProfile"]


@pytest.mark.parametrize("fault", [Fault("AccessDeniedException"), Fault("InternalFailure", status=500, times=None)])
def test_failed_diagnosis_keeps_the_first_error(aws: ListeningAws, adapter: SageMakerStudio, fault: Fault) -> None:
    aws.inject("CreatePresignedDomainUrl", Fault("ValidationException", "no"))
    aws.inject("DescribeDomain", fault)
    error = refused(signed_in, adapter)
    assert (error.reason, error.code) == (Reason.AWS_UNEXPECTED, "ValidationException")
    aws.clear_faults()


def test_space_that_cannot_be_described_is_refused(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    aws.inject("DescribeSpace", Fault("AccessDeniedException"))
    error = refused(adapter.sign_in, an_allowed(a_mapping(profile="Ana", space_name="lab-space")))
    assert error.reason is Reason.AWS_REFUSED
    assert "CreatePresignedDomainUrl" not in aws.calls


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"SpaceSharingSettings": {"SharingType": "shared"}},
        {"SpaceSharingSettings": {}},
        {"OwnershipSettings": {}},
        {"OwnershipSettings": {"OwnerUserProfileName": "anna"}},
    ],
)
def test_space_with_missing_fields_is_refused(
    aws: ListeningAws, adapter: SageMakerStudio, description: dict[str, Any]
) -> None:
    aws.inject("DescribeSpace", Fault(body=json.dumps(description).encode(), status=200))
    error = refused(adapter.sign_in, an_allowed(a_mapping(profile="Ana", space_name="lab-space")))
    assert error.reason is Reason.SPACE_NOT_YOURS
    assert "CreatePresignedDomainUrl" not in aws.calls


@pytest.mark.parametrize(
    "space",
    [
        {},
        {"SpaceSharingSettingsSummary": {"SharingType": "shared"}},
        {"SpaceSharingSettingsSummary": {}, "OwnershipSettingsSummary": {}},
        {"OwnershipSettingsSummary": {"OwnerUserProfileName": "anna"}},
        {"SpaceSharingSettingsSummary": {"SharingType": "Private"}},
    ],
)
def test_space_with_missing_fields_is_not_offered(
    aws: ListeningAws, adapter: SageMakerStudio, space: dict[str, Any]
) -> None:
    listing = {"Spaces": [{"SpaceName": "lab-space", "DomainId": DOMAIN, **space}]}
    aws.inject("ListSpaces", Fault(body=json.dumps(listing).encode(), status=200))
    assert adapter.spaces(ANA, a_mapping(profile="Ana")) == ()


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "{}",
        "[]",
        '{"Spaces": null}',
        '{"Spaces": "all"}',
        '{"Spaces": ["lab-space"]}',
        '{"Spaces": [{"SpaceSharingSettingsSummary": {"SharingType": "Shared"}}]}',
    ],
)
def test_malformed_listing_is_an_error_or_empty(aws: ListeningAws, adapter: SageMakerStudio, body: str) -> None:
    aws.inject("ListSpaces", Fault(body=body.encode(), status=200))
    try:
        assert adapter.spaces(ANA, a_mapping(profile="Ana")) == ()
    except StudioError as error:
        assert error.reason is Reason.AWS_UNEXPECTED  # noqa: PT017 - either is fine


def test_spaces_are_listed_with_one_call_per_domain(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    before = len(aws.calls)
    adapter.spaces(ANA, a_mapping(profile="Ana"))
    assert aws.calls[before:] == ["ListSpaces"]
    assert aws.requests("ListSpaces")[0]["DomainIdEquals"] == DOMAIN


def test_own_space_is_offered_among_many_others(adapter: SageMakerStudio, sagemaker_world: World) -> None:
    for number in range(100):
        sagemaker_world.add_space(f"bens-{number}", "ben")
    sagemaker_world.add_space("anas", "Ana")
    assert adapter.spaces(ANA, a_mapping(profile="Ana")) == ("anas",)


def test_spaces_are_listed_in_the_mappings_region(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    far = boto3.client("sagemaker", region_name="eu-central-1", endpoint_url=aws.endpoint)
    far.create_domain(DomainName="far", AuthMode="IAM", DefaultUserSettings={})
    far.create_user_profile(DomainId="d-far", UserProfileName="Ana")
    far.create_space(
        DomainId="d-far",
        SpaceName="far-space",
        OwnershipSettings={"OwnerUserProfileName": "Ana"},
        SpaceSharingSettings={"SharingType": "Shared"},
    )
    far.close()
    mapping = a_mapping(profile="Ana", domain="d-far")
    assert adapter.spaces(ANA, replace(mapping, region="eu-central-1")) == ("far-space",)
    assert adapter.spaces(ANA, mapping) == ()


SECRET = "s3cr3t-of-this-link"
ADDRESS = f"https://d-research.studio.us-east-1.sagemaker.aws/auth?token={SECRET}"
ODD = {
    "missing": {},
    "null": {"AuthorizedUrl": None},
    "empty": {"AuthorizedUrl": ""},
    "not text": {"AuthorizedUrl": {"token": SECRET}},
    "a number": {"AuthorizedUrl": 42},
    "longer than a button takes": {"AuthorizedUrl": ADDRESS + "x" * 3000},
    "no address": {"AuthorizedUrl": SECRET},
    "another scheme": {"AuthorizedUrl": f"javascript:{SECRET}"},
    "no host": {"AuthorizedUrl": f"https:///auth?token={SECRET}"},
    "a space": {"AuthorizedUrl": f"{ADDRESS} x"},
    "a line break": {"AuthorizedUrl": f"{ADDRESS}\nx"},
    "not ASCII": {"AuthorizedUrl": f"{ADDRESS}ü"},
    "a broken host": {"AuthorizedUrl": f"https://[::1/auth?token={SECRET}"},
    "a host in brackets": {"AuthorizedUrl": f"https://[{SECRET}]/auth"},
}


def text_of(error: BaseException) -> str:
    """Return everything that a traceback or log shows of an error and its causes."""
    chain = []
    found: BaseException | None = error
    while found is not None:
        chain += [repr(found), str(found), repr(vars(found))]
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\n".join([*chain, *traceback.format_exception(error)])


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_unusable_link_is_an_error_that_does_not_quote_it(
    aws: ListeningAws, adapter: SageMakerStudio, answer: dict[str, Any]
) -> None:
    aws.inject("CreatePresignedDomainUrl", Fault(body=json.dumps(answer).encode(), status=200))
    error = refused(signed_in, adapter)
    assert error.reason is Reason.AWS_UNEXPECTED
    assert SECRET not in text_of(error)


def test_longest_link_that_fits_a_button_is_accepted(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    longest = ADDRESS + "x" * (3000 - len(ADDRESS))
    aws.inject("CreatePresignedDomainUrl", Fault(body=json.dumps({"AuthorizedUrl": longest}).encode(), status=200))
    assert signed_in(adapter).url == longest


@pytest.mark.parametrize("body", [f'{{"AuthorizedUrl": "{ADDRESS}"', ADDRESS, f'["{ADDRESS}"]'])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_link_in_a_malformed_response_is_not_quoted(
    aws: ListeningAws, adapter: SageMakerStudio, body: str, status: int
) -> None:
    aws.inject("CreatePresignedDomainUrl", Fault(body=body.encode(), status=status, times=None))
    error = refused(signed_in, adapter)
    assert error.reason in (Reason.AWS_UNEXPECTED, Reason.AWS_UNREACHABLE)
    assert SECRET not in text_of(error)
    aws.clear_faults()


def test_aws_call_ends_at_the_timeout(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    aws.inject("CreatePresignedDomainUrl", Fault(delay=2.2))
    assert signed_in(adapter).url  # the second attempt succeeds; the first one times out after two seconds


# The broker role


BROKERED = a_mapping(profile="Ana", role_arn=ROLE)
POLICY_RESOURCE = f"arn:aws:sagemaker:{REGION}:123456789012:user-profile/{DOMAIN}/Ana"


def assumed(aws: ListeningAws) -> list[dict[str, str]]:
    """Return the parameters of each AssumeRole call."""
    found = (
        {name: values[0] for name, values in parse_qs(body.decode()).items()} for name, body in aws.sent if not name
    )
    return [parameters for parameters in found if parameters.get("Action") == "AssumeRole"]


def test_role_is_assumed_as_the_member_for_the_shortest_time(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    assert opened(signed_in(adapter, BROKERED).url) == (DOMAIN, "Ana")
    [parameters] = assumed(aws)
    assert parameters["RoleArn"] == ROLE
    assert parameters["RoleSessionName"] == parameters["SourceIdentity"] == f"slack-{ANA.tenant}-{ANA.user_id}"
    assert parameters["DurationSeconds"] == "900"


def test_session_policy_allows_one_profile_and_its_domain(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    signed_in(adapter, BROKERED)
    statements = json.loads(assumed(aws)[0]["Policy"])["Statement"]
    [presign] = [each for each in statements if "sagemaker:CreatePresignedDomainUrl" in each["Action"]]
    assert presign == {
        "Effect": "Allow",
        "Action": ["sagemaker:CreatePresignedDomainUrl"],
        "Resource": POLICY_RESOURCE,
    }
    listing = {"Effect": "Allow", "Action": ["sagemaker:ListSpaces"], "Resource": "*"}
    others = [each for each in statements if each not in (presign, listing)]
    assert all(action.startswith("sagemaker:Describe") for each in others for action in each["Action"])
    assert all(DOMAIN in resource for each in others for resource in each["Resource"])
    assert len(assumed(aws)[0]["Policy"]) <= 2048


def test_role_lists_spaces_as_the_member(aws: ListeningAws, adapter: SageMakerStudio, sagemaker_world: World) -> None:
    sagemaker_world.add_space("team", None)
    assert adapter.spaces(ANA, BROKERED) == ("team",)
    [parameters] = assumed(aws)
    assert parameters["RoleArn"] == ROLE
    assert parameters["RoleSessionName"] == parameters["SourceIdentity"] == f"slack-{ANA.tenant}-{ANA.user_id}"


def test_session_policy_of_a_listing_allows_it(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    adapter.spaces(ANA, BROKERED)
    statements = json.loads(assumed(aws)[0]["Policy"])["Statement"]
    [listing] = [each for each in statements if "sagemaker:ListSpaces" in each["Action"]]
    assert listing["Effect"] == "Allow"
    assert listing["Resource"] in ("*", ["*"])  # IAM supports no resource for this action


def test_session_policy_names_the_arn_from_sagemaker(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    known = POLICY_RESOURCE.replace("/Ana", "/ana")
    signed_in(adapter, replace(BROKERED, profile_arn=known))
    assert json.loads(assumed(aws)[0]["Policy"])["Statement"][0]["Resource"] == known


def test_session_policy_uses_mapping_region_and_role_partition(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    mapping = replace(BROKERED, region="us-gov-west-1", role_arn="arn:aws-us-gov:iam::210987654321:role/broker")
    refused(adapter.sign_in, an_allowed(mapping))
    policy = json.loads(assumed(aws)[0]["Policy"])
    resource = f"arn:aws-us-gov:sagemaker:us-gov-west-1:210987654321:user-profile/{DOMAIN}/Ana"
    assert policy["Statement"][0]["Resource"] == resource


def test_session_policy_of_the_longest_mapping_fits(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    longest = a_mapping(profile="p" * 63, domain="d-" + "x" * 61, role_arn=ROLE, region="ap-southeast-1")
    refused(adapter.sign_in, an_allowed(longest))
    assert len(assumed(aws)[0]["Policy"]) <= 2048


def test_session_name_of_the_longest_ids_fits(aws: ListeningAws, adapter: SageMakerStudio) -> None:
    longest = Member("T" + "0" * 30, "U" + "0" * 30)
    signed_in(adapter, BROKERED, longest)
    assert len(assumed(aws)[0]["RoleSessionName"]) <= 64
    assert len(assumed(aws)[0]["SourceIdentity"]) <= 64


@pytest.fixture
def caching(aws: ListeningAws) -> Iterator[SageMakerStudio]:  # noqa: ARG001 - sets the environment
    """Return an adapter with the clock of STS, so that it caches sessions."""
    studio = SageMakerStudio(region=REGION, link_seconds=60, session_seconds=43200, external_id="links-of-research")
    yield studio
    for client in studio._clients.values():
        client.close()


def callers(aws: ListeningAws, operation: str) -> list[str]:
    """Return the access keys that signed the calls of an operation."""
    return [call.caller for call in aws.recorded if call.operation == operation]


def test_each_member_has_their_own_session(aws: ListeningAws, caching: SageMakerStudio) -> None:
    ben = Member(ANA.tenant, "U0BEN00001")
    for member in (ANA, ANA, ben):
        assert opened(signed_in(caching, BROKERED, member).url) == (DOMAIN, "Ana")
    assert [each["RoleSessionName"].rpartition("-")[2] for each in assumed(aws)] == [ANA.user_id, ben.user_id]
    first, second, bens = callers(aws, "CreatePresignedDomainUrl")
    assert first == second != bens
    assert "localaws" not in {first, bens}


def test_mapping_without_role_uses_the_bots_credentials(aws: ListeningAws, caching: SageMakerStudio) -> None:
    signed_in(caching, BROKERED)
    signed_in(caching, a_mapping(profile="Ana"))
    assert callers(aws, "CreatePresignedDomainUrl")[1] == "localaws"
    assert len(assumed(aws)) == 1


def test_external_id_is_sent_with_the_role(aws: ListeningAws, caching: SageMakerStudio) -> None:
    signed_in(caching, BROKERED)
    assert assumed(aws)[0]["ExternalId"] == "links-of-research"


@pytest.mark.parametrize("code", ["ExpiredTokenException", "AccessDeniedException", "UnrecognizedClientException"])
def test_rejected_session_is_replaced_once(aws: ListeningAws, caching: SageMakerStudio, code: str) -> None:
    signed_in(caching, BROKERED)
    aws.inject("CreatePresignedDomainUrl", Fault(code, "no"))
    assert opened(signed_in(caching, BROKERED).url) == (DOMAIN, "Ana")
    assert len(assumed(aws)) == 2
    aws.inject("CreatePresignedDomainUrl", Fault(code, "no", times=None))
    assert refused(signed_in, caching, BROKERED).code == code
    assert len(assumed(aws)) == 3
    aws.clear_faults()


def test_rejected_new_session_is_not_retried(aws: ListeningAws, caching: SageMakerStudio) -> None:
    aws.inject("CreatePresignedDomainUrl", Fault("AccessDeniedException", "no"))
    assert refused(signed_in, caching, BROKERED).reason is Reason.AWS_REFUSED
    assert len(assumed(aws)) == 1


def test_cached_session_serves_while_sts_is_down(aws: ListeningAws, caching: SageMakerStudio) -> None:
    signed_in(caching, BROKERED)
    aws.inject("AssumeRole", Fault(drop=True, times=None))
    assert opened(signed_in(caching, BROKERED).url) == (DOMAIN, "Ana")
    aws.clear_faults()


def test_concurrent_presses_assume_the_role_once(aws: ListeningAws, caching: SageMakerStudio) -> None:
    aws.inject("AssumeRole", Fault(delay=0.3))
    with ThreadPoolExecutor(2) as presses:
        links = list(presses.map(lambda _: signed_in(caching, BROKERED), range(2)))
    assert len({link.url for link in links}) == 2
    assert len(assumed(aws)) == 1


@pytest.mark.parametrize(
    ("fault", "reason", "code"),
    [
        (Fault("AccessDenied", "no", 403), Reason.AWS_REFUSED, "AccessDenied"),
        (Fault("ExpiredToken", "no", 403), Reason.AWS_REFUSED, "ExpiredToken"),
        (Fault("Throttling", "no", times=None), Reason.AWS_THROTTLED, "Throttling"),
        (Fault("InternalFailure", "no", 500, times=None), Reason.AWS_UNREACHABLE, "InternalFailure"),
        (Fault(drop=True, times=None), Reason.AWS_UNREACHABLE, "ConnectionClosedError"),
        (Fault(body=b"not XML", status=200), Reason.AWS_UNEXPECTED, "ResponseParserError"),
        (Fault("PackedPolicyTooLarge", "no"), Reason.AWS_UNEXPECTED, "PackedPolicyTooLarge"),
    ],
    ids=["denied", "expired", "throttled", "failed", "dropped", "garbled", "policy too large"],
)
def test_role_that_cannot_be_assumed_gives_no_link(
    aws: ListeningAws, adapter: SageMakerStudio, fault: Fault, reason: Reason, code: str
) -> None:
    aws.inject("AssumeRole", replace(fault, times=None))
    for error in (
        refused(adapter.sign_in, an_allowed(BROKERED)),
        refused(adapter.examine, BROKERED),
        refused(adapter.spaces, ANA, BROKERED),
    ):
        assert (error.reason, error.code) == (reason, code)
    assert "CreatePresignedDomainUrl" not in aws.calls
    aws.clear_faults()


# Invalid credentials and settings


@pytest.fixture
def fresh(aws: ListeningAws, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str | None]], SageMakerStudio]:  # noqa: ARG001 - sets the environment
    """Return an adapter created in a changed environment."""

    def make(changes: dict[str, str | None]) -> SageMakerStudio:
        for name, value in changes.items():
            if value is None:
                monkeypatch.delenv(name)
            else:
                monkeypatch.setenv(name, value)
        return SageMakerStudio(region=REGION, link_seconds=60, session_seconds=43200)

    return make


Fresh = Callable[[dict[str, str | None]], SageMakerStudio]
WRONG_SETTINGS: dict[str, tuple[dict[str, str | None], Reason]] = {
    "no credentials": ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, Reason.AWS_REFUSED),
    "half the credentials": ({"AWS_SECRET_ACCESS_KEY": None}, Reason.AWS_REFUSED),
    "a profile that does not exist": (
        {"AWS_PROFILE": "typo", "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
        Reason.AWS_REFUSED,
    ),
    "nobody at the endpoint": ({"AWS_ENDPOINT_URL_SAGEMAKER": "http://127.0.0.1:9"}, Reason.AWS_UNREACHABLE),
    "an endpoint that is no address": ({"AWS_ENDPOINT_URL_SAGEMAKER": "nonsense"}, Reason.AWS_REFUSED),
}


@pytest.mark.parametrize(("changes", "reason"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_wrong_credentials_and_settings_are_studio_errors(
    fresh: Fresh, changes: dict[str, str | None], reason: Reason
) -> None:
    studio = fresh(changes)
    for error in (
        refused(studio.sign_in, an_allowed(a_mapping(profile="Ana"))),
        refused(studio.examine, a_mapping(profile="Ana")),
        refused(studio.spaces, ANA, a_mapping(profile="Ana")),
    ):
        assert error.reason is reason


def test_caller_is_identified_by_sts(aws: ListeningAws) -> None:
    assert (caller_arn(REGION) or "").startswith("arn:aws:sts::")
    aws.inject("GetCallerIdentity", Fault("ExpiredToken", "no", 403))
    assert caller_arn(REGION) is None


@pytest.mark.parametrize("said", DRIPS, ids=["head", "body"])
def test_dripping_sts_holds_no_change_up(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "CALLER_TIMEOUT", 0.3)
    with dripping(said) as address:
        for name, value in {"ENDPOINT_URL_STS": address, "ACCESS_KEY_ID": "AKIA", "SECRET_ACCESS_KEY": "key"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        started = time.monotonic()
        assert caller_arn(REGION) is None
        assert time.monotonic() - started < 1.3


def test_caller_without_sts_is_identified_by_access_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    assert access_key_id() == "AKIAEXAMPLE"
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert access_key_id() is None


def test_member_with_the_longest_names_gets_a_link(
    aws: ListeningAws, adapter: SageMakerStudio, sagemaker: Any
) -> None:
    sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName="p" * 63)
    allowed: Allowed = an_allowed(a_mapping("a" * 32, "p" * 63))
    assert adapter.sign_in(allowed).url
    assert aws.requests("CreatePresignedDomainUrl")[0]["UserProfileName"] == "p" * 63
