"""The lists to pick from, as SageMaker answers them."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bot.aws.lists import StudioLists
from bot.aws.sagemaker import SageMakerStudio
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.local.aws.stand_in import REGION
from bot.local.faults import Fault
from tests.contract.stands import ListeningAws
from tests.fakes import ANA, NOON, a_mapping

PLACE = a_mapping()
ROLE = "arn:aws:iam::123456789012:role/studio/broker"
NAMES = [f"p{number:03}" for number in range(130)]


@pytest.fixture
def lists(local_aws: ListeningAws) -> Iterator[StudioLists]:
    local_aws.reset()
    studio = SageMakerStudio(region=REGION, link_seconds=60, session_seconds=43200, now=lambda: NOON)
    client = boto3.client("sagemaker", region_name=REGION, endpoint_url=local_aws.endpoint)
    client.create_domain(DomainName="research", AuthMode="IAM", DefaultUserSettings={})
    for name in ("Ana", "ben"):
        client.create_user_profile(DomainId="d-research", UserProfileName=name)
    yield StudioLists(studio, seconds=0)
    for each in (client, *studio._clients.values()):
        each.close()


def test_domains_have_ids_and_names(lists: StudioLists) -> None:
    assert lists.domains(ANA) == (("d-research", "research"),)


def test_profiles_are_found_by_a_part_of_their_name(lists: StudioLists) -> None:
    assert sorted(lists.profiles(ANA, PLACE, "", 99)) == ["Ana", "ben"]
    assert lists.profiles(ANA, PLACE, "be", 99) == ("ben",)
    assert lists.profiles(ANA, PLACE, "zoe", 99) == ()


def test_no_more_profiles_are_listed_than_asked_for(lists: StudioLists, local_aws: ListeningAws) -> None:
    client: Any = boto3.client("sagemaker", region_name=REGION, endpoint_url=local_aws.endpoint)
    for name in NAMES:
        client.create_user_profile(DomainId="d-research", UserProfileName=name)
    client.close()
    assert len(lists.profiles(ANA, PLACE, "p", 120)) == 120
    assert len(lists.profiles(ANA, PLACE, "p", 3)) == 3


def test_refusal_is_an_error(lists: StudioLists, local_aws: ListeningAws) -> None:
    for operation in ("ListDomains", "ListUserProfiles"):
        local_aws.inject(operation, Fault("AccessDeniedException", "no", times=None))
    for failing in (lambda: lists.domains(ANA), lambda: lists.profiles(ANA, PLACE, "", 9)):
        with pytest.raises(StudioError) as refused:
            failing()
        assert refused.value.reason is Reason.AWS_REFUSED


def test_role_of_a_mapping_may_only_list(lists: StudioLists, local_aws: ListeningAws) -> None:
    assert lists.profiles(ANA, a_mapping(role_arn=ROLE), "an", 9) == ("Ana",)
    [assumed] = [call for call in local_aws.recorded if call.operation == "AssumeRole"]
    assert assumed.arguments["RoleSessionName"] == ANA.session_name
    [statement] = json.loads(assumed.arguments["Policy"])["Statement"]
    assert statement["Action"] == ["sagemaker:ListUserProfiles"]


def test_same_list_is_asked_for_once(local_aws: ListeningAws, lists: StudioLists) -> None:
    kept = StudioLists(lists._studio)
    before = len(local_aws.recorded)
    for _ in range(3):
        kept.domains(ANA)
        kept.profiles(ANA, PLACE, "an", 9)
    assert [call.operation for call in list(local_aws.recorded)[before:]] == ["ListDomains", "ListUserProfiles"]
