"""Domains and user profiles as AWS lists them, for administrators to pick from.

Listing takes permissions that no resource narrows, so an installation may not grant them; see STUDIO_PICK_LISTS.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListUserProfiles.html
"""

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from bot.aws.iam_policy import profiles_policy
from bot.aws.sagemaker import SageMakerStudio
from bot.core.access import Mapping, Member
from bot.core.values import DEFAULT_ALIAS
from bot.single_flight import SingleFlightCache

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

PAGE = 100
# The most pages to read in search of matching names.
MAX_PAGES = 5
# How long to keep a list, how long a failure, and how many of them.
CACHED_SECONDS, FAILURE_SECONDS, MAX_LISTS = 10.0, 2.0, 256
# Our own credentials, in the home region.
HOME = Mapping(DEFAULT_ALIAS, "d-any", "any")

# Region, role, domain, part of a name, and how many names at most.
ListKey = tuple[str | None, str | None, str, str, int]


class StudioLists:
    """The adapter; see `bot.admin.picks.StudioLists`."""

    def __init__(self, studio: SageMakerStudio, seconds: float = CACHED_SECONDS) -> None:
        self._studio = studio
        kept: dict[str, Any] = {"failure_seconds": min(seconds, FAILURE_SECONDS), "max_entries": MAX_LISTS}
        self._domains = SingleFlightCache[None, tuple[tuple[str, str], ...]](seconds, **kept)
        self._profiles = SingleFlightCache[ListKey, tuple[str, ...]](seconds, **kept)

    def domains(self, by: Member) -> tuple[tuple[str, str], ...]:
        return self._domains.get(None, partial(self._studio.call, HOME, by, _domains))

    def profiles(self, by: Member, place: Mapping, part: str, most: int) -> tuple[str, ...]:
        """Return names of profiles that contain a part; see the port. In a role, its session may do nothing else."""
        key = place.region, place.role_arn, place.domain_id, part, most
        listed = partial(_profiles, place.domain_id, part, most)
        return self._profiles.get(key, partial(self._studio.call, place, by, listed, profiles_policy))


def _domains(client: "SageMakerClient") -> tuple[tuple[str, str], ...]:
    found = client.list_domains(MaxResults=PAGE)["Domains"]
    return tuple((each["DomainId"], each["DomainName"]) for each in found)


def _profiles(domain_id: str, part: str, most: int, client: "SageMakerClient") -> tuple[str, ...]:
    wanted: dict[str, Any] = {"UserProfileNameContains": part} if part else {}
    pages = client.get_paginator("list_user_profiles").paginate(
        DomainIdEquals=domain_id, PaginationConfig={"PageSize": PAGE, "MaxItems": most}, **wanted
    )
    return tuple(each["UserProfileName"] for page in islice(pages, MAX_PAGES) for each in page["UserProfiles"])
