"""The apps of Studio, which moto lacks: create, list and delete.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListApps.html
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow
from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException, ResourceNotFound
from moto.sagemaker.utils import arn_formatter

from bot.local.aws.sagemaker import Answer, Context, operation
from bot.local.aws.sagemaker_state import Kind

OWNERS: tuple[Kind, ...] = ("UserProfile", "Space")
Key = tuple[str | None, ...]


@dataclass
class App:
    """An app of a profile or a space. `status` may be set to any of the API's, to see what callers do."""

    summary: dict[str, Any]
    status: str = "InService"
    created: datetime = field(default_factory=utcnow)


def apps_of(backend: Any) -> dict[Key, App]:
    """The apps on a ``SageMakerModelBackend``; they live until it is reset."""
    apps: dict[Key, App] = backend.__dict__.setdefault("studio_apps", {})
    return apps


def _key(request: dict[str, Any]) -> Key:
    owner, name = (request.get(f"{kind}Name") for kind in OWNERS)
    return request["DomainId"], owner and owner.lower(), name, request["AppType"], request["AppName"]


@operation
def create_app(context: Context) -> Answer:
    """Create an app: in service at once."""
    request, backend = context.request, context.backend
    domain = context.domain()
    owners = [kind for kind in OWNERS if request.get(f"{kind}Name")]
    if len(owners) != 1:
        raise AWSValidationException("Exactly one of UserProfileName and SpaceName must be given.")
    owner = context.named(owners[0])
    apps, key = apps_of(backend), _key(request)
    if key in apps and apps[key].status != "Deleted":
        raise ResourceInUseException(f"App [{request['AppName']}] already exists.")
    apps[key] = App(
        {"DomainId": domain.id, f"{owners[0]}Name": owner.name}
        | {name: request[name] for name in ("AppType", "AppName")}
    )
    path = f"{domain.id}/{owner.name}/{request['AppType'].lower()}/{request['AppName']}"
    return {"AppArn": arn_formatter("app", path, backend.account_id, backend.region_name)}


@operation
def list_apps(context: Context) -> Answer:
    """All apps that fit, on one page: AWS would make several of many."""
    request = context.request
    wanted = {name: request.get(f"{name}Equals") for name in ("DomainId", "UserProfileName", "SpaceName")}
    if wanted["UserProfileName"] and wanted["SpaceName"]:
        raise AWSValidationException("UserProfileNameEquals and SpaceNameEquals cannot be given together.")
    return {
        "Apps": [
            {**app.summary, "Status": app.status, "CreationTime": app.created}
            for app in apps_of(context.backend).values()
            if all(value is None or app.summary.get(name) == value for name, value in wanted.items())
        ]
    }


@operation
def delete_app(context: Context) -> Answer:
    """Gone at once: the states in between (Deleting) are not played."""
    app = apps_of(context.backend).get(_key(context.request))
    if app is None or app.status == "Deleted":
        raise ResourceNotFound(f"App [{context.request['AppName']}] does not exist.")
    app.status = "Deleted"
    return {}
