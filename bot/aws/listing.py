"""SageMaker's answers as profiles, spaces and apps.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListSpaces.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListApps.html
"""

from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bot.aws.examination import MAX_FAILURE_REASON, failure_reason
from bot.core.access import Mapping
from bot.core.apps import App, AppName, AppStatus, Inventory, Space
from bot.core.values import InvalidValue

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

PAGE: Any = {"PageSize": 100}


def inventory(domain_id: str, client: "SageMakerClient") -> Inventory:
    """List a whole domain."""
    spaces = {space.name: space for space in list_spaces(client, domain_id)}
    return Inventory(tuple(list_apps(client, domain_id, spaces)), tuple(spaces.values()))


def list_spaces(client: "SageMakerClient", domain_id: str) -> Iterator[Space]:
    """Yield the spaces of a domain, without tags."""
    for page in client.get_paginator("list_spaces").paginate(DomainIdEquals=domain_id, PaginationConfig=PAGE):
        yield from (space_of(each, "Summary") for each in page["Spaces"])


def list_apps(
    client: "SageMakerClient",
    domain_id: str,
    spaces: Dictionary[str, Space],
    holder: Dictionary[str, str] | None = None,
) -> Iterator[App]:
    """Yield the apps of a domain, or of one holder, that have not ended. `spaces` has their owners."""
    equals: Any = {f"{kind}Equals": name for kind, name in (holder or {}).items()}
    for page in client.get_paginator("list_apps").paginate(DomainIdEquals=domain_id, PaginationConfig=PAGE, **equals):
        yield from filter(None, (app_of(each, spaces) for each in page["Apps"]))


def space_of(given: Dictionary[str, Any], suffix: str = "", tags: Dictionary[str, str] | None = None) -> Space:
    """Return a space of a listing (`suffix` "Summary") or description. It is shared unless AWS calls it private."""
    return Space(
        given["SpaceName"],
        owner=given.get(f"OwnershipSettings{suffix}", {}).get("OwnerUserProfileName", ""),
        shared=given.get(f"SpaceSharingSettings{suffix}", {}).get("SharingType") != "Private",
        app_type=given.get(f"SpaceSettings{suffix}", {}).get("AppType"),
        status=given["Status"],
        failure=failure_reason(given)[:MAX_FAILURE_REASON],
        tags=tags or {},
    )


def app_of(given: Dictionary[str, Any], spaces: Dictionary[str, Space]) -> App | None:
    """Return the app; None if it has ended, or if its name or state is unknown to us."""
    with suppress(ValueError, InvalidValue):
        name = AppName(given["AppType"], given["AppName"], given.get("SpaceName"))
        space = spaces.get(name.space) if name.space else None
        return App(
            name,
            owner=given.get("UserProfileName") or (space.owner if space else ""),
            status=AppStatus(given["Status"]),
            shared=name.space is not None and (space is None or space.shared),
            instance_type=given.get("ResourceSpec", {}).get("InstanceType"),
            since=given.get("CreationTime"),
            failure=failure_reason(given),
        )
    return None


def tags_of(client: "SageMakerClient", arn: str) -> dict[str, str]:
    """Return the tags of a resource, which has at most fifty: one page."""
    return {tag["Key"]: tag["Value"] for tag in client.list_tags(ResourceArn=arn)["Tags"]}


def holder_of(mapping: Mapping, space: str | None) -> dict[str, str]:
    """Return the parameters that name an app's holder: a space, or the mapping's profile."""
    return {"SpaceName": space} if space else {"UserProfileName": mapping.profile_name}


def request_of(mapping: Mapping, name: AppName) -> Any:
    """Return the parameters that name an app."""
    named = {"DomainId": mapping.domain_id, "AppType": name.app_type, "AppName": name.name}
    return named | holder_of(mapping, name.space)
