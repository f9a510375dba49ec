"""Profiles, spaces and apps as they are made and removed; see `workspaces.resources.Resources`."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Dictionary
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from bot.aws.account import AwsAdmin, Place, place_of
from bot.aws.client import aws_errors
from bot.aws.examination import MAX_FAILURE_REASON, MISSING, failure_reason
from bot.aws.listing import holder_of, list_apps, list_spaces, request_of, space_of, tags_of
from bot.core.access import Mapping
from bot.core.apps import App, AppName, Profile, Space
from bot.core.causes import Cause
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.core.templates import Template
from bot.core.values import utc_now
from bot.observability.aws_errors import CODES

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import CreateSpaceRequestTypeDef, UserSettingsTypeDef

# What a mapping's role is assumed for. It makes no profiles: passing a role would take one of its account.
REMOVE = [f"sagemaker:{name}" for name in ("ListApps", "ListSpaces", "DeleteApp", "DeleteSpace", "DeleteUserProfile")]
LOOK = [f"sagemaker:{name}" for name in ("DescribeUserProfile", "DescribeSpace", "ListTags")]
# A client of a mapping's role is used for less than the role's shortest session.
CLIENT_KEPT = timedelta(minutes=10)


class StudioResources:
    """The adapter: AWS's patient client, in a mapping's role if it names one."""

    def __init__(self, aws: AwsAdmin, region: str, now: Callable[[], datetime] = utc_now) -> None:
        self._aws, self._region, self._now = aws, region, now
        self._clients: dict[Place, tuple[datetime, SageMakerClient]] = {}

    def profile(self, mapping: Mapping) -> Profile | None:
        with self._calling(mapping) as client:
            try:
                found = client.describe_user_profile(DomainId=mapping.domain_id, UserProfileName=mapping.profile_name)
                tags = tags_of(client, found["UserProfileArn"])
            except ClientError as error:
                _require_missing(error)
                return None
            failure = failure_reason(found)[:MAX_FAILURE_REASON]
            return Profile(found["UserProfileName"], found["Status"], failure, tags)

    def create_profile(self, mapping: Mapping, template: Template, tags: Dictionary[str, str]) -> None:
        idle = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": template.idle_minutes}
        lab: Any = {"AppLifecycleManagement": {"IdleSettings": idle}}
        settings: UserSettingsTypeDef = {"ExecutionRole": template.role_arn, "JupyterLabAppSettings": lab}
        if template.security_groups:
            settings["SecurityGroups"] = list(template.security_groups)
        with self._calling(mapping) as client:
            client.create_user_profile(
                DomainId=mapping.domain_id,
                UserProfileName=mapping.profile_name,
                Tags=_tag_list(tags),
                UserSettings=settings,
            )

    def space(self, mapping: Mapping, name: str) -> Space | None:
        with self._calling(mapping) as client:
            try:
                found = client.describe_space(DomainId=mapping.domain_id, SpaceName=name)
                return space_of(found, tags=tags_of(client, found["SpaceArn"]))
            except ClientError as error:
                _require_missing(error)
                return None

    def create_space(
        self, mapping: Mapping, name: str, instance: str, template: Template, tags: Dictionary[str, str]
    ) -> None:
        idle = {"IdleTimeoutInMinutes": template.idle_minutes}
        lab = {
            "DefaultResourceSpec": {"InstanceType": instance},
            "AppLifecycleManagement": {"IdleSettings": idle},
        }
        settings: Any = {"AppType": "JupyterLab", "JupyterLabAppSettings": lab}
        if template.storage_gb is not None:
            settings["SpaceStorageSettings"] = {"EbsStorageSettings": {"EbsVolumeSizeInGb": template.storage_gb}}
        request: CreateSpaceRequestTypeDef = {
            "DomainId": mapping.domain_id,
            "SpaceName": name,
            "Tags": _tag_list(tags),
            "SpaceSettings": settings,
            "OwnershipSettings": {"OwnerUserProfileName": mapping.profile_name},
            "SpaceSharingSettings": {"SharingType": "Private"},
        }
        with self._calling(mapping) as client:
            client.create_space(**request)

    def spaces(self, mapping: Mapping) -> Sequence[Space]:
        with self._calling(mapping) as client:
            return [each for each in list_spaces(client, mapping.domain_id) if each.belongs_to(mapping)]

    def apps(self, mapping: Mapping, space: str | None = None) -> Sequence[App]:
        with self._calling(mapping) as client:
            return [*list_apps(client, mapping.domain_id, {}, holder_of(mapping, space))]

    def delete_app(self, mapping: Mapping, app: AppName) -> None:
        self._delete(mapping, "delete_app", request_of(mapping, app))

    def delete_space(self, mapping: Mapping, name: str) -> None:
        self._delete(mapping, "delete_space", {"SpaceName": name})

    def delete_profile(self, mapping: Mapping) -> None:
        self._delete(mapping, "delete_user_profile", {"UserProfileName": mapping.profile_name})

    def _delete(self, mapping: Mapping, operation: str, named: Dictionary[str, str]) -> None:
        with self._calling(mapping) as client:
            try:
                getattr(client, operation)(**{"DomainId": mapping.domain_id, **named})
            except ClientError as error:
                _require_missing(error)

    @contextmanager
    def _calling(self, mapping: Mapping) -> "Iterator[SageMakerClient]":
        """Yield a client; StudioError with what our role lacks, if AWS refuses a call."""
        try:
            with aws_errors():
                yield self._client(place_of(mapping, self._region))
        except StudioError as error:
            if error.code not in CODES[Cause.NOT_ALLOWED]:
                raise
            raise StudioError(
                f"{error}. `studio-links iam-policy` with --provisions or --offboards prints what this takes",
                reason=Reason.AWS_REFUSED,
                code=error.code,
                request_id=error.request_id,
            ) from None

    def _client(self, place: Place) -> "SageMakerClient":
        made, client = self._clients.get(place, (None, None))
        if client is None or (place.role_arn and made and self._now() - made > CLIENT_KEPT):
            client = self._aws.sagemaker(place, *LOOK, *REMOVE)
            self._clients[place] = self._now(), client
        return client


def _require_missing(error: ClientError) -> None:
    """Raise the error unless it says that AWS does not know the resource."""
    if error.response["Error"]["Code"] != MISSING:
        raise error


def _tag_list(tags: Dictionary[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
