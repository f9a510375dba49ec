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
from bot.core.access import Mapping
from bot.core.causes import Cause
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.core.templates import Template
from bot.core.values import utc_now
from bot.observability.aws_errors import CODES
from bot.workspaces.resources import Found, RunningApp

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

    def profile(self, mapping: Mapping) -> Found | None:
        with self._calling(mapping) as client:
            try:
                found = client.describe_user_profile(DomainId=mapping.domain_id, UserProfileName=mapping.profile_name)
                tags = _tags(client, found["UserProfileArn"])
            except ClientError as error:
                _require_missing(error)
                return None
            return Found(found["UserProfileName"], found["Status"], _why(found), tags)

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

    def space(self, mapping: Mapping, name: str) -> Found | None:
        with self._calling(mapping) as client:
            try:
                found = client.describe_space(DomainId=mapping.domain_id, SpaceName=name)
                tags = _tags(client, found["SpaceArn"])
            except ClientError as error:
                _require_missing(error)
                return None
            owner = found.get("OwnershipSettings", {}).get("OwnerUserProfileName", "")
            private = found.get("SpaceSharingSettings", {}).get("SharingType") == "Private"
            return Found(found["SpaceName"], found["Status"], _why(found), tags, owner, private)

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

    def spaces(self, mapping: Mapping) -> Sequence[Found]:
        mine = mapping.profile_name.lower()
        with self._calling(mapping) as client:
            pages = client.get_paginator("list_spaces").paginate(
                DomainIdEquals=mapping.domain_id, PaginationConfig={"PageSize": 100}
            )
            return [
                Found(
                    each["SpaceName"],
                    each["Status"],
                    owner=mapping.profile_name,
                    # Anything else may hold the files of others.
                    is_private=each.get("SpaceSharingSettingsSummary", {}).get("SharingType") == "Private",
                )
                for page in pages
                for each in page["Spaces"]
                if each.get("OwnershipSettingsSummary", {}).get("OwnerUserProfileName", "").lower() == mine
            ]

    def apps(self, mapping: Mapping, space: str | None = None) -> Sequence[RunningApp]:
        holder: Any = {"SpaceNameEquals": space} if space else {"UserProfileNameEquals": mapping.profile_name}
        with self._calling(mapping) as client:
            pages = client.get_paginator("list_apps").paginate(DomainIdEquals=mapping.domain_id, **holder)
            return [
                RunningApp(each["AppType"], each["AppName"], each["Status"], space)
                for page in pages
                for each in page["Apps"]
                if each["Status"] != "Deleted"
            ]

    def delete_app(self, mapping: Mapping, app: RunningApp) -> None:
        holder: Any = {"SpaceName": app.space} if app.space else {"UserProfileName": mapping.profile_name}
        kind: Any = app.kind
        self._delete(mapping, "delete_app", AppType=kind, AppName=app.name, **holder)

    def delete_space(self, mapping: Mapping, name: str) -> None:
        self._delete(mapping, "delete_space", SpaceName=name)

    def delete_profile(self, mapping: Mapping) -> None:
        self._delete(mapping, "delete_user_profile", UserProfileName=mapping.profile_name)

    def _delete(self, mapping: Mapping, operation: str, **named: str) -> None:
        with self._calling(mapping) as client:
            try:
                getattr(client, operation)(DomainId=mapping.domain_id, **named)
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


def _why(found: Dictionary[str, Any]) -> str:
    return failure_reason(found)[:MAX_FAILURE_REASON]


def _tags(client: "SageMakerClient", arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in client.list_tags(ResourceArn=arn)["Tags"]}


def _tag_list(tags: Dictionary[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
