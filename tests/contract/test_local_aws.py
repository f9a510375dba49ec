"""The AWS stand-in, seen through boto3 and a browser: what the bot may rely on, and where it must say no."""

import http.client
import http.cookiejar
import json
import logging
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from moto.sagemaker.responses import SageMakerResponse

from bot.local.aws.calls import arguments
from bot.local.aws.constraints import violations
from bot.local.aws.stand_in import REGION, LocalAws
from bot.local.aws.studio_site import COOKIE, SCRIPT
from bot.local.demo.running import BOT_KEY
from bot.local.faults import Fault
from bot.local.loopback import HOST

DOMAIN = "d-research"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()


class Clock:
    """A clock that tests set, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server(clock: Clock) -> Iterator[LocalAws]:
    with LocalAws(clock=clock) as aws:
        yield aws


@pytest.fixture
def aws(server: LocalAws, clock: Clock) -> LocalAws:
    """The running server with nothing in it, at noon."""
    server.reset()
    clock.now = NOON
    return server


Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    """One for all, as it keeps the service models that take long to load."""
    return boto3.Session()


@pytest.fixture
def connect(server: LocalAws, session: boto3.Session) -> Iterator[Connect]:
    """Makes boto3 clients that try once, and closes them."""
    clients = []

    def connect(service: str, **options: Any) -> Any:
        environment = server.environment()
        config = {"retries": {"total_max_attempts": 1}, **options.pop("config", {})}
        client = session.client(  # type: ignore[call-overload] # the service is not a literal
            service,
            **{
                "endpoint_url": server.endpoint,
                "region_name": REGION,
                "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
                "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
                "config": Config(**config),
                **options,
            },
        )
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def sagemaker(aws: LocalAws, connect: Connect) -> Any:  # noqa: ARG001 - aws empties the server first
    """A SageMaker client, with one domain in IAM mode that has one profile, Ana."""
    client = connect("sagemaker")
    client.create_domain(DomainName="research", AuthMode="IAM", DefaultUserSettings={})
    client.create_user_profile(DomainId=DOMAIN, UserProfileName="Ana")
    return client


@pytest.fixture
def table(aws: LocalAws, connect: Connect) -> Any:  # noqa: ARG001
    """A DynamoDB client, with a table "t" that has the key "id"."""
    client = connect("dynamodb")
    client.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return client


def code(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code that a call ends with."""
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    return str(failed.value.response["Error"]["Code"])


def link(sagemaker: Any, **arguments: Any) -> str:
    """A presigned URL for Ana."""
    answer = sagemaker.create_presigned_domain_url(**{"DomainId": DOMAIN, "UserProfileName": "Ana", **arguments})
    return str(answer["AuthorizedUrl"])


def browser() -> urllib.request.OpenerDirector:
    """Something that keeps cookies and follows redirects."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)


def show(visitor: urllib.request.OpenerDirector, url: str) -> str:
    with visitor.open(url, timeout=10) as page:
        return f"{urlsplit(page.url).path}\n{page.read().decode()}"


def ask(
    url: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, str]:
    """One request as it is, without following anything: status, headers, body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def call_by_hand(
    aws: LocalAws, target: str, body: bytes, service: str = "sagemaker", **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    """A signed-looking call, as no SDK would make it."""
    sent = {
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential=k/x/{REGION}/{service}/aws4_request, Signature=0",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection = http.client.HTTPConnection(urlsplit(aws.endpoint).netloc, timeout=10)
    try:
        connection.request("POST", "/", body, {name: value for name, value in sent.items() if value})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


# User profiles


def test_describe_user_profile_has_the_fields_the_bot_reads(sagemaker: Any) -> None:
    described = sagemaker.describe_user_profile(DomainId=DOMAIN, UserProfileName="Ana")
    assert described["Status"] == "InService"
    assert described["UserProfileArn"] == f"arn:aws:sagemaker:{REGION}:123456789012:user-profile/{DOMAIN}/Ana"


def test_profile_names_are_not_case_sensitive(sagemaker: Any) -> None:
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName="ANA")
    described = sagemaker.describe_user_profile(DomainId=DOMAIN, UserProfileName="ana")
    assert described["UserProfileName"] == "Ana"
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="aNa")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_user_profile(DomainId=DOMAIN, UserProfileName="Ana")


def test_tags_are_validated(sagemaker: Any) -> None:
    create = sagemaker.create_user_profile
    create(DomainId=DOMAIN, UserProfileName="Bo", Tags=[{"Key": "team", "Value": "x"}])
    wrong = [{"Key": "team", "Value": "x"}, {"Key": "k" * 129, "Value": "x"}]
    with pytest.raises(ClientError, match=r"at 'tags\.2\.member\.key' failed to satisfy constraint"):
        create(DomainId=DOMAIN, UserProfileName="Cy", Tags=wrong)


def test_profile_tags_of_creation_and_added_later(sagemaker: Any) -> None:
    create, arn = sagemaker.create_user_profile, f"arn:aws:sagemaker:{REGION}:123456789012:user-profile/{DOMAIN}/Bo"
    create(DomainId=DOMAIN, UserProfileName="Bo", Tags=[{"Key": "email", "Value": "bo@example.com"}])
    added = sagemaker.add_tags(
        ResourceArn=arn, Tags=[{"Key": "email", "Value": "b@x.org"}, {"Key": "k", "Value": ""}]
    )

    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == added["Tags"]
    assert added["Tags"] == [{"Key": "email", "Value": "b@x.org"}, {"Key": "k", "Value": ""}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert code(sagemaker.add_tags, ResourceArn=arn, Tags=many) == "ValidationException"
    assert code(sagemaker.list_tags, ResourceArn=f"{arn}-and-nobody") == "ResourceNotFound"


@pytest.mark.public(31)
@pytest.mark.parametrize("kind", ["Domain", "UserProfile", "Space"])
def test_tags_of_each_kind_are_listed_and_deleted(sagemaker: Any, kind: str) -> None:
    tags = [{"Key": key, "Value": "x"} for key in ("email", "team")]
    arn = {
        "Domain": lambda: sagemaker.create_domain(
            DomainName="tagged", AuthMode="IAM", DefaultUserSettings={}, Tags=tags
        )["DomainArn"],
        "UserProfile": lambda: sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName="ben", Tags=tags)[
            "UserProfileArn"
        ],
        "Space": lambda: sagemaker.create_space(DomainId=DOMAIN, SpaceName="falcon", Tags=tags)["SpaceArn"],
    }[kind]()
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "1"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["email", "no such key"])
    assert [tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]] == ["team", "cost"]
    assert code(sagemaker.delete_tags, ResourceArn=f"{arn}x", TagKeys=["team"]) == "ResourceNotFound"


@pytest.mark.public(31)
def test_file_system_ids_are_never_given_again(sagemaker: Any) -> None:
    def uid(name: str) -> str:
        sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName=name)
        described = sagemaker.describe_user_profile(DomainId=DOMAIN, UserProfileName=name)
        return str(described["HomeEfsFileSystemUid"])

    first = uid("ben")
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="ana")
    second = uid("cleo")
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="cleo")
    assert len({first, second, uid("dan")}) == 3


def test_profile_needs_an_existing_domain(sagemaker: Any) -> None:
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.create_user_profile(DomainId="d-nowhere", UserProfileName="Bo")


def test_profile_needs_sso_user_only_in_sso_domains(sagemaker: Any) -> None:
    sagemaker.create_domain(DomainName="sso", AuthMode="SSO", DefaultUserSettings={})
    who = {"SingleSignOnUserIdentifier": "UserName", "SingleSignOnUserValue": "bo"}
    create = sagemaker.create_user_profile
    assert code(create, DomainId="d-sso", UserProfileName="Bo") == "ValidationException"
    assert code(create, DomainId=DOMAIN, UserProfileName="Bo", **who) == "ValidationException"
    create(DomainId="d-sso", UserProfileName="Bo", **who)
    described = sagemaker.describe_user_profile(DomainId="d-sso", UserProfileName="Bo")
    assert described["SingleSignOnUserValue"] == "bo"


def test_list_pages_have_ten_profiles_and_no_duplicates(sagemaker: Any) -> None:
    for number in range(24):
        sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName=f"user-{number:02}")
    pages = list(sagemaker.get_paginator("list_user_profiles").paginate(DomainIdEquals=DOMAIN))
    names = [profile["UserProfileName"] for page in pages for profile in page["UserProfiles"]]
    assert [len(page["UserProfiles"]) for page in pages] == [10, 10, 5]
    assert names == ["Ana", *(f"user-{number:02}" for number in range(24))]


def test_profiles_are_filtered_and_sorted(sagemaker: Any) -> None:
    sagemaker.create_domain(DomainName="other", AuthMode="IAM", DefaultUserSettings={})
    for domain, name in ((DOMAIN, "Susanna"), (DOMAIN, "Bo"), ("d-other", "Hanna")):
        sagemaker.create_user_profile(DomainId=domain, UserProfileName=name)

    def names(**query: Any) -> list[str]:
        return [each["UserProfileName"] for each in sagemaker.list_user_profiles(**query)["UserProfiles"]]

    assert names(UserProfileNameContains="ANNA") == ["Susanna", "Hanna"]
    assert names(DomainIdEquals=DOMAIN, SortOrder="Descending") == ["Bo", "Susanna", "Ana"]
    assert names(SortBy="LastModifiedTime", MaxResults=1) == ["Ana"]
    assert names(DomainIdEquals="d-nowhere") == []


def test_next_page_works_after_last_profile_was_deleted(sagemaker: Any) -> None:
    for name in ("Bo", "Cy"):
        sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName=name)
    first = sagemaker.list_user_profiles(MaxResults=2)
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="Bo")
    second = sagemaker.list_user_profiles(MaxResults=2, NextToken=first["NextToken"])
    assert [profile["UserProfileName"] for profile in second["UserProfiles"]] == ["Cy"]
    assert "NextToken" not in second


def test_page_token_is_valid_for_its_own_query_only(sagemaker: Any) -> None:
    sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName="Bo")
    token = sagemaker.list_user_profiles(MaxResults=1)["NextToken"]
    listing = sagemaker.list_user_profiles
    assert code(listing, NextToken=token, SortOrder="Descending") == "ValidationException"
    assert code(listing, NextToken="made up") == "ValidationException"
    assert code(listing, NextToken="WzEsMl0") == "ValidationException"
    assert code(listing, MaxResults=101) == "ValidationException"


def test_profile_that_owns_a_space_cannot_be_deleted(sagemaker: Any) -> None:
    sagemaker.create_space(
        DomainId=DOMAIN,
        SpaceName="desk",
        OwnershipSettings={"OwnerUserProfileName": "ANA"},
        SpaceSharingSettings={"SharingType": "Private"},
    )
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="Ana")
    sagemaker.delete_space(DomainId=DOMAIN, SpaceName="desk")
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="Ana")


def test_concurrent_creation_makes_one_profile(sagemaker: Any) -> None:
    def create(_: int) -> bool:
        try:
            sagemaker.create_user_profile(DomainId=DOMAIN, UserProfileName="Bo")
        except sagemaker.exceptions.ResourceInUse:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(24))) == 1


# Spaces


def test_describe_space_has_owner_and_sharing(sagemaker: Any) -> None:
    settings = {
        "OwnershipSettings": {"OwnerUserProfileName": "Ana"},
        "SpaceSharingSettings": {"SharingType": "Shared"},
    }
    sagemaker.create_space(DomainId=DOMAIN, SpaceName="lab", SpaceDisplayName="The lab", **settings)
    described = sagemaker.describe_space(DomainId=DOMAIN, SpaceName="lab")
    assert described["Status"] == "InService"
    assert {key: described[key] for key in settings} == settings
    [listed] = sagemaker.list_spaces(DomainIdEquals=DOMAIN, SpaceNameContains="lab")["Spaces"]
    assert listed["SpaceSharingSettingsSummary"] == {"SharingType": "Shared"}
    assert listed["OwnershipSettingsSummary"] == {"OwnerUserProfileName": "Ana"}
    assert listed["SpaceDisplayName"] == "The lab"


def test_classic_space_has_neither_owner_nor_sharing(sagemaker: Any) -> None:
    sagemaker.create_space(DomainId=DOMAIN, SpaceName="classic")
    described = sagemaker.describe_space(DomainId=DOMAIN, SpaceName="classic")
    assert not {"OwnershipSettings", "SpaceSharingSettings"} & described.keys()
    [listed] = sagemaker.list_spaces()["Spaces"]
    assert "OwnershipSettingsSummary" not in listed


def test_invalid_space_settings_are_refused(sagemaker: Any) -> None:
    create, sharing = sagemaker.create_space, {"SharingType": "Private"}
    owner = {"OwnerUserProfileName": "Ana"}
    assert code(create, DomainId=DOMAIN, SpaceName="x", OwnershipSettings=owner) == "ValidationException"
    assert code(create, DomainId=DOMAIN, SpaceName="no spaces") == "ValidationException"
    assert code(create, DomainId="d-nowhere", SpaceName="x") == "ResourceNotFound"
    both = {"OwnershipSettings": {"OwnerUserProfileName": "Bo"}, "SpaceSharingSettings": sharing}
    assert code(create, DomainId=DOMAIN, SpaceName="x", **both) == "ResourceNotFound"
    wrong = {"OwnershipSettings": owner, "SpaceSharingSettings": {"SharingType": "Public"}}
    assert code(create, DomainId=DOMAIN, SpaceName="x", **wrong) == "ValidationException"
    create(DomainId=DOMAIN, SpaceName="x")
    assert code(create, DomainId=DOMAIN, SpaceName="x") == "ResourceInUse"
    assert code(sagemaker.describe_space, DomainId=DOMAIN, SpaceName="y") == "ResourceNotFound"
    assert code(sagemaker.delete_space, DomainId=DOMAIN, SpaceName="y") == "ResourceNotFound"


# What takes its time


OWN = {"DomainId": DOMAIN, "UserProfileName": "Ana", "AppType": "JupyterServer", "AppName": "default"}
IN_SPACE = {"DomainId": DOMAIN, "SpaceName": "desk", "AppType": "JupyterLab", "AppName": "default"}
PRIVATE = {
    "OwnershipSettings": {"OwnerUserProfileName": "Ana"},
    "SpaceSharingSettings": {"SharingType": "Private"},
    "SpaceSettings": {"AppType": "JupyterLab"},
}


def test_app_has_its_instance_type_and_time(sagemaker: Any) -> None:
    sagemaker.create_space(DomainId=DOMAIN, SpaceName="desk", **PRIVATE)
    arn = sagemaker.create_app(**IN_SPACE, ResourceSpec={"InstanceType": "ml.t3.medium"})["AppArn"]

    [listed] = sagemaker.list_apps(DomainIdEquals=DOMAIN, SpaceNameEquals="desk")["Apps"]
    described = sagemaker.describe_app(**IN_SPACE)

    assert (
        arn == described["AppArn"] == f"arn:aws:sagemaker:{REGION}:123456789012:app/{DOMAIN}/desk/jupyterlab/default"
    )
    assert listed["ResourceSpec"] == described["ResourceSpec"] == {"InstanceType": "ml.t3.medium"}
    assert listed["CreationTime"].timestamp() == NOON
    assert "UserProfileName" not in listed
    assert sagemaker.list_apps(UserProfileNameEquals="Ana")["Apps"] == []


def test_health_checks_look_like_the_activity_of_a_member(sagemaker: Any, clock: Clock) -> None:
    sagemaker.create_app(**OWN)
    clock.now += 3600
    assert sagemaker.describe_app(**OWN)["LastUserActivityTimestamp"].timestamp() == clock.now


def test_invalid_apps_are_refused(sagemaker: Any, aws: LocalAws) -> None:
    create = sagemaker.create_app
    assert code(create, **OWN | {"AppType": "JupyterLab"}) == "ValidationException"
    assert code(create, **OWN, SpaceName="desk") == "ValidationException"
    assert code(create, **OWN, ResourceSpec={"InstanceType": "ml.t9.nano"}) == "ValidationException"
    assert code(create, **IN_SPACE) == "ResourceNotFound"
    create(**OWN)
    assert code(create, **OWN | {"UserProfileName": "ana"}) == "ResourceInUse"
    assert code(sagemaker.describe_app, **OWN | {"AppName": "x"}) == "ResourceNotFound"
    both = {"UserProfileNameEquals": "Ana", "SpaceNameEquals": "desk"}
    assert code(sagemaker.list_apps, **both) == "ValidationException"
    aws.set_status(DOMAIN, "Ana", status="Failed")
    assert code(create, **OWN | {"AppName": "second"}) == "ValidationException"


def test_everything_passes_through_its_states(sagemaker: Any, aws: LocalAws, clock: Clock) -> None:
    def states() -> list[str]:
        listed = (sagemaker.list_user_profiles, sagemaker.list_spaces, sagemaker.list_apps)
        return [each["Status"] for call in listed for found in list(call().values())[:1] for each in found]

    aws.delays.starting |= {"UserProfile": 30, "Space": 10, "App": 120}
    aws.delays.deleting |= {"UserProfile": 30, "Space": 10, "App": 900}
    sagemaker.create_space(DomainId=DOMAIN, SpaceName="desk", **PRIVATE)
    assert states() == ["InService", "Pending"]
    assert code(sagemaker.create_app, **IN_SPACE) == "ValidationException"
    clock.now += 10
    sagemaker.create_app(**IN_SPACE)
    assert states() == ["InService", "InService", "Pending"]
    assert code(sagemaker.delete_app, **IN_SPACE) == "ResourceInUse"
    clock.now += 120
    assert states() == ["InService"] * 3
    sagemaker.delete_app(**IN_SPACE)
    assert states() == ["InService", "InService", "Deleting"]
    assert code(sagemaker.delete_app, **IN_SPACE) == "ResourceInUse"
    clock.now += 900
    assert states() == ["InService", "InService", "Deleted"]
    sagemaker.delete_space(DomainId=DOMAIN, SpaceName="desk")
    assert states() == ["InService", "Deleting", "Deleted"]
    assert code(sagemaker.delete_user_profile, DomainId=DOMAIN, UserProfileName="Ana") == "ResourceInUse"
    clock.now += 10
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="Ana")
    assert states() == ["Deleting", "Deleted"]
    clock.now += 30
    assert states() == ["Deleted"]
    assert code(sagemaker.delete_app, **OWN) == "ResourceNotFound"


def test_owner_of_something_alive_cannot_be_deleted(sagemaker: Any) -> None:
    sagemaker.create_space(DomainId=DOMAIN, SpaceName="desk", **PRIVATE)
    for app in (OWN, IN_SPACE):
        sagemaker.create_app(**app)
    delete_space = {"DomainId": DOMAIN, "SpaceName": "desk"}
    assert code(sagemaker.delete_space, **delete_space) == "ResourceInUse"
    sagemaker.delete_app(**IN_SPACE)
    sagemaker.delete_space(**delete_space)
    assert code(sagemaker.delete_user_profile, DomainId=DOMAIN, UserProfileName="ana") == "ResourceInUse"
    sagemaker.delete_app(**OWN)
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="ana")


def test_failed_start_has_its_reason_and_can_be_deleted(sagemaker: Any, aws: LocalAws, clock: Clock) -> None:
    aws.delays.starting["App"] = 60
    aws.delays.failing |= {"App": "No capacity", "UserProfile": "No such role"}
    sagemaker.create_app(**OWN)
    assert sagemaker.describe_app(**OWN)["Status"] == "Pending"
    clock.now += 60
    described = sagemaker.describe_app(**OWN)
    assert (described["Status"], described["FailureReason"]) == ("Failed", "No capacity")
    sagemaker.delete_app(**OWN)
    sagemaker.update_user_profile(DomainId=DOMAIN, UserProfileName="ana", UserSettings={})
    described = sagemaker.describe_user_profile(DomainId=DOMAIN, UserProfileName="Ana")
    assert (described["Status"], described["FailureReason"]) == ("Update_Failed", "No such role")


def test_update_replaces_settings(sagemaker: Any, aws: LocalAws, clock: Clock) -> None:
    sagemaker.create_space(DomainId=DOMAIN, SpaceName="desk", **PRIVATE)
    aws.delays.starting["Space"] = 5
    settings = {"SpaceSettings": {"SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": 50}}}}
    named = {"DomainId": DOMAIN, "SpaceName": "desk"}
    assert sagemaker.update_space(**named, **settings)["SpaceArn"].endswith(f":space/{DOMAIN}/desk")
    assert code(sagemaker.update_space, **named, **settings) == "ResourceInUse"
    assert sagemaker.describe_space(**named)["Status"] == "Updating"
    clock.now += 5
    described = sagemaker.describe_space(**named)
    assert (described["Status"], described["SpaceSettings"]) == ("InService", settings["SpaceSettings"])


def test_app_list_has_pages_of_ten(sagemaker: Any) -> None:
    for number in range(12):
        sagemaker.create_app(**OWN | {"AppName": f"app-{number}"})
    pages = list(sagemaker.get_paginator("list_apps").paginate(DomainIdEquals=DOMAIN, SortOrder="Ascending"))
    assert [len(page["Apps"]) for page in pages] == [10, 2]
    assert [app["AppName"] for page in pages for app in page["Apps"]] == [f"app-{number}" for number in range(12)]


# Domains


def test_describe_domain_has_its_auth_mode(sagemaker: Any, aws: LocalAws) -> None:
    sagemaker.create_domain(DomainName="sso", AuthMode="SSO", DefaultUserSettings={})
    iam, sso = (sagemaker.describe_domain(DomainId=each) for each in (DOMAIN, "d-sso"))
    assert (iam["AuthMode"], iam["Status"], iam["Url"]) == (
        "IAM",
        "InService",
        f"{aws.endpoint}/studio/{DOMAIN}/",
    )
    assert sso["AuthMode"] == "SSO"
    assert "Sign in through IAM Identity Center" in show(browser(), sso["Url"])


def test_unknown_domain_is_resource_not_found(sagemaker: Any) -> None:
    for call in (sagemaker.describe_domain, sagemaker.delete_domain):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            call(DomainId="d-nowhere")


def test_domain_names_are_unique_and_ids_valid(sagemaker: Any) -> None:
    create = sagemaker.create_domain
    assert code(create, DomainName="research", AuthMode="IAM", DefaultUserSettings={}) == "ResourceInUse"
    assert code(create, DomainName="x", AuthMode="LDAP", DefaultUserSettings={}) == "ValidationException"
    for name in ("Research", "r" * 63):
        domain_id = create(DomainName=name, AuthMode="IAM", DefaultUserSettings={})["DomainId"]
        described = sagemaker.describe_domain(DomainId=domain_id)
        assert described["DomainName"] == name
        assert described["DomainArn"].endswith(f":domain/{domain_id}")


@pytest.mark.public(31)
@pytest.mark.parametrize("auth_mode", ["IAM", "SSO"])
def test_answers_are_valid_by_the_model_of_the_api(sagemaker: Any, auth_mode: str) -> None:
    name = "a-team-with-a-name-of-sixty-three-characters-which-is-the-most1"
    sagemaker.create_domain(DomainName=name, AuthMode=auth_mode, DefaultUserSettings={}, VpcId="vpc-1")
    sso = {"SingleSignOnUserIdentifier": "UserName", "SingleSignOnUserValue": "ana"} if auth_mode == "SSO" else {}
    [domain] = [each["DomainId"] for each in sagemaker.list_domains()["Domains"] if each["DomainName"] == name]
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="ana", **sso)
    sagemaker.create_space(DomainId=domain, SpaceName="falcon")
    app = {"DomainId": domain, "UserProfileName": "ana", "AppType": "Canvas", "AppName": "default"}
    sagemaker.create_app(**app, ResourceSpec={"InstanceType": "system"})
    calls: dict[str, dict[str, str]] = {
        "DescribeDomain": {"DomainId": domain},
        "DescribeUserProfile": {"DomainId": domain, "UserProfileName": "ana"},
        "DescribeSpace": {"DomainId": domain, "SpaceName": "falcon"},
        "DescribeApp": app,
        "ListApps": {},
        "ListDomains": {},
        "ListUserProfiles": {},
        "ListSpaces": {},
    }
    for operation, given in calls.items():
        model = sagemaker.meta.service_model.operation_model(operation).output_shape
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        assert list(violations(model, getattr(sagemaker, method)(**given))) == [], operation


def test_domain_in_use_cannot_be_deleted(sagemaker: Any) -> None:
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.delete_domain(DomainId=DOMAIN)
    sagemaker.delete_user_profile(DomainId=DOMAIN, UserProfileName="Ana")
    sagemaker.delete_domain(DomainId=DOMAIN)
    assert sagemaker.list_domains()["Domains"] == []


# CreatePresignedDomainUrl: what is accepted, and what is not


@pytest.mark.parametrize(
    "arguments",
    [
        {"ExpiresInSeconds": 5},
        {"ExpiresInSeconds": 300},
        {"SessionExpirationDurationInSeconds": 1800},
        {"SessionExpirationDurationInSeconds": 43200},
        {"UserProfileName": "aNA"},
        {"LandingUri": "studio::"},
        {"LandingUri": "studio::relative/path"},
        {"LandingUri": "studio::" + "x" * 1015},
        *(
            {"LandingUri": f"app:{app}:lab/tree"}
            for app in ("JupyterServer", "JupyterLab", "RStudioServerPro", "CodeEditor", "Canvas")
        ),
    ],
)
def test_documented_values_are_accepted(sagemaker: Any, aws: LocalAws, arguments: dict[str, Any]) -> None:
    assert link(sagemaker, **arguments).startswith(f"{aws.endpoint}/studio/{DOMAIN}/auth?token=")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"ExpiresInSeconds": 4}, "Value '4' at 'expiresInSeconds'"),
        ({"ExpiresInSeconds": 301}, "Member must have value less than or equal to 300"),
        ({"SessionExpirationDurationInSeconds": 1799}, "'sessionExpirationDurationInSeconds'"),
        ({"SessionExpirationDurationInSeconds": 43201}, "'sessionExpirationDurationInSeconds'"),
        ({"DomainId": "BAD!"}, "Value 'BAD!' at 'domainId'"),
        ({"DomainId": "d-" + "x" * 62}, "Member must have length less than or equal to 63"),
        ({"DomainId": "research"}, "Member must satisfy regular expression pattern: d-(-*[a-z0-9]){1,61}"),
        ({"UserProfileName": ""}, "Value '' at 'userProfileName'"),
        ({"UserProfileName": "Ana\n"}, "'userProfileName'"),
        ({"UserProfileName": "a" * 64}, "'userProfileName'"),
        ({"SpaceName": "-desk"}, "'spaceName'"),
        ({"LandingUri": ""}, "'landingUri'"),
        ({"LandingUri": "https://elsewhere.example"}, "'landingUri'"),
        ({"LandingUri": "app:Excel:path"}, "'landingUri'"),
        ({"LandingUri": "app:JupyterLab"}, "'landingUri'"),
        ({"LandingUri": "studio:path"}, "'landingUri'"),
        ({"LandingUri": "studio::" + "x" * 1016}, "less than or equal to 1023"),
    ],
)
def test_broken_constraint_is_a_named_validation_exception(
    aws: LocalAws, arguments: dict[str, Any], said: str
) -> None:
    body = json.dumps({"DomainId": DOMAIN, "UserProfileName": "Ana", **arguments}).encode()
    status, _, answer = call_by_hand(aws, "SageMaker.CreatePresignedDomainUrl", body)
    refused = json.loads(answer)
    assert (status, refused["__type"]) == (400, "ValidationException")
    assert said in refused["Message"]
    assert "failed to satisfy constraint: Member must" in refused["Message"]


def test_validation_exception_lists_every_problem(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="3 validation errors detected"):
        link(sagemaker, DomainId="BAD!", UserProfileName="", ExpiresInSeconds=301)


def test_request_without_required_fields_is_refused(aws: LocalAws) -> None:
    status, _, body = call_by_hand(aws, "SageMaker.CreatePresignedDomainUrl", b"{}")
    assert status == 400
    assert "Value null at 'domainId' failed to satisfy constraint: Member must not be null" in body


MISTYPED: dict[str, dict[str, Any]] = {
    "a text for a number": {"ExpiresInSeconds": "60"},
    "a fraction for a whole number": {"ExpiresInSeconds": 60.5},
    "a truth value for a number": {"ExpiresInSeconds": True},
    "a number for a text": {"UserProfileName": 5},
    "an object for a text": {"SpaceName": {}},
}


@pytest.mark.public(31)
@pytest.mark.parametrize("wrong", MISTYPED.values(), ids=MISTYPED.keys())
def test_value_of_another_type_is_refused(aws: LocalAws, wrong: dict[str, Any]) -> None:
    sent = json.dumps({"DomainId": DOMAIN, "UserProfileName": "Ana", **wrong}).encode()
    status, _, body = call_by_hand(aws, "SageMaker.CreatePresignedDomainUrl", sent)
    assert (status, json.loads(body)["__type"]) == (400, "SerializationException")


@pytest.mark.public(31)
@pytest.mark.parametrize("body", ["[]", "5", "null", "{", '{"Tags": {}}', '{"Tags": [5]}', '{"Tags": [{"Key": 1}]}'])
def test_body_of_another_shape_is_refused(aws: LocalAws, body: str) -> None:
    status, _, answer = call_by_hand(aws, "SageMaker.AddTags", body.encode())
    assert (status, json.loads(answer)["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("body", ["[]", '{"TableName": 5}', '{"TableName": "t", "Item": {"id": {"S": 5}}}'])
def test_types_are_checked_for_dynamodb_too(table: Any, aws: LocalAws, body: str) -> None:  # noqa: ARG001
    status, _, answer = call_by_hand(aws, "DynamoDB_20120810.PutItem", body.encode(), "dynamodb")
    assert (status, json.loads(answer)["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("arguments", [{"DomainId": "d-nowhere"}, {"UserProfileName": "Bo"}, {"SpaceName": "desk"}])
def test_missing_resource_is_resource_not_found(sagemaker: Any, arguments: dict[str, str]) -> None:
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        link(sagemaker, **arguments)


def test_presign_refuses_a_domain_in_sso_mode(sagemaker: Any) -> None:
    sagemaker.create_domain(DomainName="sso", AuthMode="SSO", DefaultUserSettings={})
    sagemaker.create_user_profile(
        DomainId="d-sso",
        UserProfileName="Ana",
        SingleSignOnUserIdentifier="UserName",
        SingleSignOnUserValue="ana",
    )
    with pytest.raises(ClientError, match="AuthMode IAM") as failed:
        link(sagemaker, DomainId="d-sso")
    assert failed.value.response["Error"]["Code"] == "ValidationException"


def test_presign_needs_domain_and_profile_in_service(sagemaker: Any, aws: LocalAws) -> None:
    aws.set_status(DOMAIN, "ana", status="Failed")
    described = sagemaker.describe_user_profile(DomainId=DOMAIN, UserProfileName="Ana")
    assert described["Status"] == "Failed"
    assert code(link, sagemaker=sagemaker) == "ValidationException"
    aws.set_status(DOMAIN, "ana", status="InService")
    aws.set_status(DOMAIN, status="Updating")
    assert sagemaker.describe_domain(DomainId=DOMAIN)["Status"] == "Updating"
    assert code(link, sagemaker=sagemaker) == "ValidationException"
    with pytest.raises(KeyError):
        aws.set_status("d-nowhere", status="Failed")


# Opening the link


def test_link_signs_in_and_shows_the_profile(sagemaker: Any) -> None:
    sagemaker.create_space(DomainId=DOMAIN, SpaceName="desk")
    url = link(sagemaker, UserProfileName="ana", SpaceName="desk", LandingUri="app:JupyterLab:notes")
    status, _, page = ask(url)  # nothing needs to be followed or kept to see it
    assert status == 200
    for shown in ("Signed in to SageMaker Studio", "Ana", DOMAIN, "desk", "app:JupyterLab:notes", "stand-in"):
        assert shown in page
    assert "2030-01-02 00:00:00 UTC" in page  # twelve hours from noon


def test_link_works_repeatedly_until_it_expires(sagemaker: Any, clock: Clock) -> None:
    url = link(sagemaker, ExpiresInSeconds=60)
    for second in (0, 30, 59.9):
        clock.now = NOON + second
        assert "Signed in to SageMaker Studio" in show(browser(), url)
    clock.now = NOON + 60
    page = show(browser(), url)
    assert page.startswith("/signin\n")
    assert "Sign in to the AWS console" in page
    assert "This link has expired" in page


def test_link_lasts_five_minutes_by_default(sagemaker: Any, clock: Clock) -> None:
    url = link(sagemaker)
    clock.now = NOON + 299
    assert "Signed in" in show(browser(), url)
    clock.now = NOON + 300
    assert "This link has expired" in show(browser(), url)


def test_session_outlives_its_link_and_expires(sagemaker: Any, aws: LocalAws, clock: Clock) -> None:
    visitor = browser()
    show(visitor, link(sagemaker, SessionExpirationDurationInSeconds=1800, ExpiresInSeconds=5))
    studio = f"{aws.endpoint}/studio/{DOMAIN}"
    clock.now = NOON + 1799
    assert "Signed in to SageMaker Studio" in show(visitor, studio)
    clock.now = NOON + 1800
    page = show(visitor, studio)
    assert page.startswith("/signin\n")
    assert "No Studio session is open" in page


def test_session_cookie_is_limited_to_its_domain_path(sagemaker: Any) -> None:
    status, headers, _ = ask(link(sagemaker, SessionExpirationDurationInSeconds=3600))
    assert status == 200
    cookie = [part.strip() for part in headers["Set-Cookie"].split(";")]
    assert cookie[0].startswith(f"{COOKIE}=")
    assert set(cookie[1:]) >= {"HttpOnly", "SameSite=Lax", "Max-Age=3600", f"Path=/studio/{DOMAIN}/"}


def test_link_and_session_are_invalid_in_another_domain(sagemaker: Any) -> None:
    sagemaker.create_domain(DomainName="other", AuthMode="IAM", DefaultUserSettings={})
    url = link(sagemaker)
    assert ask(url.replace(DOMAIN, "d-other"))[1]["Location"] == "/signin?why=link"
    cookie = ask(url)[1]["Set-Cookie"].split(";")[0]
    other = url.partition("/studio/")[0] + "/studio/d-other/"
    assert ask(other, headers={"Cookie": cookie})[1]["Location"] == "/signin?why=session"


@pytest.mark.parametrize("token", ["", "?token=", "?token=made-up", "?token=%ff%fe", "?token=%ed%a0%80"])
def test_unknown_token_leads_to_the_sign_in_page(aws: LocalAws, token: str) -> None:
    status, headers, body = ask(f"{aws.endpoint}/studio/{DOMAIN}/auth{token}")
    assert (status, headers["Location"]) == (302, "/signin?why=link")
    assert "made-up" not in body


def test_every_page_has_restrictive_headers(sagemaker: Any, aws: LocalAws) -> None:
    for url in (link(sagemaker), f"{aws.endpoint}/signin", f"{aws.endpoint}/nothing"):
        _, headers, _ = ask(url)
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers


def test_page_escapes_request_values(sagemaker: Any) -> None:
    page = show(browser(), link(sagemaker, LandingUri="studio::<script>alert('&')</script>"))
    assert "<script" not in page.replace(f"<script>{SCRIPT}</script>", "")
    assert "studio::&lt;script&gt;" in page


def test_pages_accept_get_and_head_only(sagemaker: Any, aws: LocalAws) -> None:
    assert ask(link(sagemaker), "POST")[0] == 405
    assert ask(link(sagemaker), "HEAD")[0] == 200
    for path in (
        "/",
        "/studio/",
        "/studio/D-BAD/",
        f"/studio/{DOMAIN}/else",
        "/favicon.ico",
        "/moto-api/data.json",
    ):
        assert ask(aws.endpoint + path)[0] == 404


def test_neither_links_nor_sessions_are_kept_or_logged(
    sagemaker: Any, server: LocalAws, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        url = link(sagemaker)
        token = urlsplit(url).query.removeprefix("token=")
        cookie = ask(url)[1]["Set-Cookie"].partition("=")[2].partition(";")[0]
        with socket.create_connection((HOST, int(server.endpoint.rpartition(":")[2]))) as rude:
            rude.sendall(f"GET /auth?token={token} HTTP/9.9\r\n\r\n".encode())
            rude.recv(1000)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("boto", "urllib3"))]
    written = capfd.readouterr()
    site = server._site
    for place in (*ours, written.out, written.err, repr(site._links), repr(site._sessions)):
        assert token not in place
        assert cookie not in place


def test_failing_request_is_logged_without_its_content(
    sagemaker: Any, aws: LocalAws, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.now = 1e12  # past every date that datetime knows
    assert ask(link(sagemaker))[0] == 500
    with socket.create_connection((HOST, int(aws.endpoint.rpartition(":")[2])), timeout=10) as rude:
        rude.sendall(b"GET http://[ HTTP/1.1\r\n\r\n")
        assert rude.recv(1000) == b""
    noted = [record.getMessage() for record in caplog.records if record.name == "bot.local.loopback"]
    assert noted == ["stand_in_failed error=ValueError"] * 2


def test_expired_links_are_dropped(sagemaker: Any, server: LocalAws, clock: Clock) -> None:
    for minute in range(5):
        clock.now = NOON + 60 * minute
        for _ in range(3):
            link(sagemaker, ExpiresInSeconds=60)
    assert len(server._site._links) == 3


# Who gets through


def test_foreign_host_name_is_refused(sagemaker: Any, aws: LocalAws) -> None:
    assert call_by_hand(aws, "SageMaker.ListDomains", b"{}")[0] == 200
    assert call_by_hand(aws, "SageMaker.ListDomains", b"{}", Host="evil.example")[0] == 403
    assert ask(link(sagemaker), headers={"Host": "127.0.0.1.evil.example:80"})[0] == 403
    assert ask(link(sagemaker), headers={"Host": "localhost"})[0] == 200


def test_calls_from_a_web_page_are_refused(aws: LocalAws) -> None:
    status, headers, _ = call_by_hand(aws, "SageMaker.ListDomains", b"{}", Origin="https://evil.example")
    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers


def test_calls_of_other_services_get_a_clear_error(sagemaker: Any, aws: LocalAws, connect: Connect) -> None:
    assert "MissingAuthenticationToken" in call_by_hand(aws, "SageMaker.ListDomains", b"{}", Authorization="")[2]
    assert "UnknownService" in call_by_hand(aws, "", b"", service="s3")[2]
    assert code(connect("sqs").list_queues) == "UnknownService"
    assert code(sagemaker.create_app_image_config, AppImageConfigName="x") == "UnknownOperationException"
    assert "UnknownOperationException" in call_by_hand(aws, "SageMaker.Dance", b"{}")[2]
    assert call_by_hand(aws, "SageMaker.ListDomains", b"{}", Content_Length=str(10**9))[0] == 413


def test_failure_of_moto_is_an_error_response(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SageMakerResponse, "list_domains", lambda _: 1 / 0)
    status, _, body = call_by_hand(aws, "SageMaker.ListDomains", b"{}")
    assert (status, json.loads(body)["__type"]) == (500, "InternalFailure")


# DynamoDB and STS


def test_concurrent_conditional_writes_succeed_once(table: Any) -> None:
    def write(_: int) -> bool:
        try:
            table.put_item(TableName="t", Item={"id": {"S": "one"}}, ConditionExpression="attribute_not_exists(id)")
        except table.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(40))) == 1


def test_transaction_is_atomic(table: Any) -> None:
    def claim(number: int) -> bool:
        count = {
            "TableName": "t",
            "Key": {"id": {"S": "count"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        lock = {
            "TableName": "t",
            "Item": {"id": {"S": f"lock-{number % 5}"}},
            "ConditionExpression": "attribute_not_exists(id)",
        }
        try:
            table.transact_write_items(TransactItems=[{"Update": count}, {"Put": lock}])
        except table.exceptions.TransactionCanceledException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(40))) == 5
    assert table.get_item(TableName="t", Key={"id": {"S": "count"}})["Item"]["n"] == {"N": "5"}


PUT = {"Put": {"TableName": "t", "Item": {"id": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(id)"}}


@pytest.mark.public(31)
def test_transaction_sent_twice_with_its_token_is_applied_once(table: Any) -> None:
    table.transact_write_items(TransactItems=[PUT], ClientRequestToken="first")
    table.delete_item(TableName="t", Key={"id": {"S": "a"}})
    table.transact_write_items(TransactItems=[PUT], ClientRequestToken="first")
    assert table.scan(TableName="t")["Items"] == []
    table.transact_write_items(TransactItems=[PUT], ClientRequestToken="second")
    assert code(table.transact_write_items, TransactItems=[PUT], ClientRequestToken="third") == (
        "TransactionCanceledException"
    )
    assert code(table.transact_write_items, TransactItems=[PUT]) == "TransactionCanceledException"


@pytest.mark.public(31)
def test_token_of_a_cancelled_transaction_can_be_used_again(table: Any) -> None:
    table.put_item(TableName="t", Item={"id": {"S": "a"}})
    cancelled = "TransactionCanceledException"
    assert code(table.transact_write_items, TransactItems=[PUT], ClientRequestToken="first") == cancelled
    table.delete_item(TableName="t", Key={"id": {"S": "a"}})
    table.transact_write_items(TransactItems=[PUT], ClientRequestToken="first")


@pytest.mark.public(31)
def test_token_of_another_transaction_is_refused(table: Any) -> None:
    other = {"Put": {**PUT["Put"], "Item": {"id": {"S": "b"}}}}
    table.transact_write_items(TransactItems=[PUT], ClientRequestToken="first")
    assert code(table.transact_write_items, TransactItems=[other], ClientRequestToken="first") == (
        "IdempotentParameterMismatchException"
    )


@pytest.mark.public(33)
def test_empty_key_is_refused_in_every_operation(table: Any) -> None:
    key = {"TableName": "t", "Key": {"id": {"S": ""}}}
    update = {"UpdateExpression": "SET seen = :s", "ExpressionAttributeValues": {":s": {"N": "1"}}}
    for call, more in ((table.get_item, {}), (table.delete_item, {}), (table.update_item, update)):
        assert code(call, **key, **more) == "ValidationException"
    assert code(table.put_item, TableName="t", Item={"id": {"S": ""}}) == "ValidationException"


@pytest.mark.public(31)
def test_printed_access_key_is_accepted_by_dynamodb_local(aws: LocalAws) -> None:
    assert re.fullmatch(r"\w+", aws.environment()["AWS_ACCESS_KEY_ID"], re.ASCII)
    assert re.fullmatch(r"\w+", BOT_KEY, re.ASCII)


def test_failed_transaction_restores_its_items(aws: LocalAws, connect: Connect) -> None:  # noqa: ARG001
    client = connect("dynamodb")
    keys = [("owner", "HASH"), ("item", "RANGE")]
    client.create_table(
        TableName="r",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        BillingMode="PAY_PER_REQUEST",
    )

    def key(item: str) -> dict[str, Any]:
        return {"owner": {"S": "ana"}, "item": {"S": item}}

    for item in ("changed", "replaced", "deleted"):
        client.put_item(TableName="r", Item={**key(item), "n": {"N": "1"}})
    before = client.scan(TableName="r")["Items"]

    count = {"UpdateExpression": "SET n = :two", "ExpressionAttributeValues": {":two": {"N": "2"}}}
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(
            TransactItems=[
                {"Update": {"TableName": "r", "Key": key("changed"), **count}},
                {"Put": {"TableName": "r", "Item": key("replaced")}},
                {"Delete": {"TableName": "r", "Key": key("deleted")}},
                {"Update": {"TableName": "r", "Key": key("new"), **count}},
                {"Put": {"TableName": "r", "Item": key("also new")}},
                {
                    "ConditionCheck": {
                        "TableName": "r",
                        "Key": key("missing"),
                        "ConditionExpression": "attribute_exists(n)",
                    }
                },
            ]
        )

    assert client.scan(TableName="r")["Items"] == before


def test_assumed_role_reaches_the_other_account(sagemaker: Any, connect: Connect) -> None:
    role = connect("sts").assume_role(RoleArn="arn:aws:iam::210987654321:role/broker", RoleSessionName="slack-T1-U1")
    there = connect(
        "sagemaker",
        aws_access_key_id=role["Credentials"]["AccessKeyId"],
        aws_secret_access_key=role["Credentials"]["SecretAccessKey"],
        aws_session_token=role["Credentials"]["SessionToken"],
    )
    assert there.list_domains()["Domains"] == []
    there.create_domain(DomainName="research", AuthMode="IAM", DefaultUserSettings={})
    created = there.create_user_profile(DomainId=DOMAIN, UserProfileName="Zoe")
    assert ":210987654321:" in created["UserProfileArn"]
    assert code(link, sagemaker=sagemaker, UserProfileName="Zoe") == "ResourceNotFound"
    assert "210987654321" in show(browser(), link(there, UserProfileName="Zoe"))


# Faults and bookkeeping


def test_fault_affects_the_ordered_number_of_calls(sagemaker: Any, aws: LocalAws) -> None:
    aws.inject("CreatePresignedDomainUrl", Fault("ThrottlingException", "Rate exceeded", times=2))
    aws.inject("CreatePresignedDomainUrl", Fault("AccessDeniedException", "No.", 403))
    codes = [code(link, sagemaker=sagemaker) for _ in range(3)]
    assert codes == ["ThrottlingException", "ThrottlingException", "AccessDeniedException"]
    assert link(sagemaker)


def test_fault_without_number_lasts_until_cleared(sagemaker: Any, aws: LocalAws) -> None:
    aws.inject("ListDomains", Fault("InternalFailure", status=500, times=None))
    assert [code(sagemaker.list_domains) for _ in range(3)] == ["InternalFailure"] * 3
    aws.clear_faults()
    assert sagemaker.list_domains()["Domains"]


def test_errors_of_sts_are_xml(aws: LocalAws, connect: Connect) -> None:
    sts = connect("sts")
    aws.inject("GetCallerIdentity", Fault("AccessDenied", "<no>", 403))
    with pytest.raises(ClientError, match="<no>") as failed:
        sts.get_caller_identity()
    assert failed.value.response["Error"]["Code"] == "AccessDenied"
    assert sts.get_caller_identity()["Account"] == "123456789012"


def test_fault_drops_the_connection(sagemaker: Any, aws: LocalAws) -> None:
    aws.inject("ListDomains", Fault(drop=True))
    with pytest.raises(ConnectionClosedError):
        sagemaker.list_domains()
    assert sagemaker.list_domains()["Domains"]


def test_fault_replaces_the_answers_body(sagemaker: Any, aws: LocalAws) -> None:
    aws.inject("CreatePresignedDomainUrl", Fault(body=b"<html>", status=200))
    answer = sagemaker.create_presigned_domain_url(DomainId=DOMAIN, UserProfileName="Ana")
    assert "AuthorizedUrl" not in answer  # this is what botocore makes of it


def test_fault_loses_the_answer_of_a_served_call(table: Any, aws: LocalAws, connect: Connect) -> None:
    retrying = connect("dynamodb", config={"retries": {"total_max_attempts": 2, "mode": "standard"}})
    aws.inject("PutItem", Fault(drop=True, served=True))
    with pytest.raises(table.exceptions.ConditionalCheckFailedException):
        retrying.put_item(TableName="t", Item={"id": {"S": "one"}}, ConditionExpression="attribute_not_exists(id)")
    assert table.get_item(TableName="t", Key={"id": {"S": "one"}})["Item"]
    assert aws.calls.count("PutItem") == 2


def test_fault_delays_a_call(aws: LocalAws, connect: Connect) -> None:
    impatient = connect("sagemaker", config={"read_timeout": 0.1})
    aws.inject("ListDomains", Fault(delay=0.3))
    with pytest.raises(ReadTimeoutError):
        impatient.list_domains()
    aws.inject("ListDomains", Fault(delay=0.001))
    assert impatient.list_domains()["Domains"] == []


def test_reset_forgets_recorded_calls(sagemaker: Any, aws: LocalAws, connect: Connect) -> None:
    connect("sts").get_caller_identity()
    connect("dynamodb").list_tables()
    assert aws.calls == ["CreateDomain", "CreateUserProfile", "GetCallerIdentity", "ListTables"]
    aws.calls.clear()
    assert len(aws.calls) == 4
    url = link(sagemaker)
    aws.reset()
    assert aws.calls == []
    assert sagemaker.list_domains()["Domains"] == []
    assert "This link has expired" in show(browser(), url)


# The life of the server, in processes of their own: in this one, a server is running


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_import_installs_nothing() -> None:
    run(
        "import bot.local.aws.stand_in\n"
        "from moto.sagemaker.responses import SageMakerResponse\n"
        "assert not hasattr(SageMakerResponse, 'create_user_profile')"
    )


def test_restart_leaves_no_thread_and_frees_the_port() -> None:
    program = """
import socket, threading, urllib.request
from bot.local.aws.stand_in import LocalAws
aws = LocalAws()
aws.stop()
with aws:
    endpoint, port = aws.endpoint, int(aws.endpoint.rpartition(":")[2])
    idle = socket.create_connection(("127.0.0.1", port))
    urllib.request.urlopen(aws.endpoint + "/signin").close()
aws.stop()
idle.close()
assert threading.active_count() == 1, threading.enumerate()
with LocalAws(port=port) as again:
    assert again.endpoint == endpoint
    try:
        LocalAws().start()
    except RuntimeError as refused:
        print(refused)
    try:
        urllib.request.urlopen(f"http://127.0.0.2:{port}/signin")
    except OSError:
        print("loopback only")
with socket.create_server(("127.0.0.1", port)):
    try:
        LocalAws(port=port).start()
    except OSError as refused:
        print(refused)
LocalAws().start().stop()
"""
    printed = run(program)
    assert "Another LocalAws runs in this process" in printed
    assert "loopback only" in printed
    assert "Nothing can listen on 127.0.0.1:" in printed
    assert "use" in printed


def test_stop_ends_a_delayed_call() -> None:
    program = """
import os, threading, boto3
from collections import deque
from bot.local.aws.stand_in import LocalAws
from bot.local.faults import Fault
aws = LocalAws()
arrived = threading.Event()
class Noticed(deque):
    def append(self, call):
        super().append(call)
        arrived.set()
aws._calls = Noticed()
with aws:
    os.environ.update(aws.environment())
    aws.inject("ListDomains", Fault(delay=300))
    client = boto3.client("sagemaker")
    caller = threading.Thread(target=client.list_domains)
    caller.start()
    arrived.wait(10)
caller.join(10)
assert not caller.is_alive()
client.close()
"""
    run(program)


def test_operations_work_under_mock_aws() -> None:
    program = """
import os, boto3
from moto import mock_aws
from bot.local.aws.sagemaker import install
os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="eu-west-1")
install()
install()
with mock_aws():
    client = boto3.client("sagemaker")
    client.create_domain(DomainName="research", AuthMode="IAM", DefaultUserSettings={})
    client.create_user_profile(DomainId="d-research", UserProfileName="Ana")
    print(client.describe_domain(DomainId="d-research")["Url"])
    print(client.create_presigned_domain_url(DomainId="d-research", UserProfileName="Ana")["AuthorizedUrl"])
    client.close()
"""
    home, url = run(program).split()
    assert home == "https://d-research.studio.eu-west-1.sagemaker.aws"
    assert url.startswith(f"{home}/auth?token=")


def test_calls_are_recorded_with_arguments_and_caller(aws: LocalAws, connect: Connect) -> None:
    before = time.time()
    connect("sagemaker", aws_access_key_id="somebody").list_user_profiles(DomainIdEquals="d-1", MaxResults=3)
    connect("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/broker", RoleSessionName="one-session")

    listed, assumed = aws.recorded

    assert (listed.operation, assumed.operation) == ("ListUserProfiles", "AssumeRole")
    assert dict(listed.arguments) == {"DomainIdEquals": "d-1", "MaxResults": 3}
    assert assumed.arguments["RoleSessionName"] == "one-session"
    assert (listed.caller, assumed.caller) == ("somebody", "localaws")
    assert before <= listed.at <= assumed.at <= time.time()
    assert "d-1" in listed.as_text
    assert "d-1" not in repr(listed)
    aws.reset()
    assert aws.recorded == []


def test_call_with_invalid_json_has_no_arguments() -> None:
    assert arguments(b"{", query=False) is None
    assert arguments(b"", query=False) == {}
