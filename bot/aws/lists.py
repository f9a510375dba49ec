"""Domains and user profiles as AWS lists them, for administrators to pick from.

Listing takes permissions that no resource narrows, so an installation may not grant them; see STUDIO_PICK_LISTS.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListUserProfiles.html
"""

from itertools import islice
from typing import TYPE_CHECKING, Any

from bot.aws.iam_policy import profiles_policy
from bot.aws.sagemaker import SageMakerStudio
from bot.core.access import Mapping, Member
from bot.core.values import DEFAULT_ALIAS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

PAGE = 100
# Pages that are read for enough names with a part in them.
MAX_PAGES = 5
# Our own credentials, in the home region.
HOME = Mapping(DEFAULT_ALIAS, "d-any", "any")


class StudioLists:
    """The adapter; see `bot.admin.picks.StudioLists`."""

    def __init__(self, studio: SageMakerStudio) -> None:
        self._studio = studio

    def domains(self, by: Member) -> tuple[tuple[str, str], ...]:
        def listed(client: "SageMakerClient") -> tuple[tuple[str, str], ...]:
            found = client.list_domains(MaxResults=PAGE)["Domains"]
            return tuple((each["DomainId"], each["DomainName"]) for each in found)

        return self._studio.call(HOME, by, listed)

    def profiles(self, by: Member, place: Mapping, part: str, most: int) -> tuple[str, ...]:
        """Return names of profiles that contain a part; see the port. In a role, its session may do nothing else."""

        def listed(client: "SageMakerClient") -> tuple[str, ...]:
            wanted: dict[str, Any] = {"UserProfileNameContains": part} if part else {}
            pages = client.get_paginator("list_user_profiles").paginate(
                DomainIdEquals=place.domain_id, PaginationConfig={"PageSize": PAGE, "MaxItems": most}, **wanted
            )
            return tuple(
                each["UserProfileName"] for page in islice(pages, MAX_PAGES) for each in page["UserProfiles"]
            )

        return self._studio.call(place, by, listed, profiles_policy)
