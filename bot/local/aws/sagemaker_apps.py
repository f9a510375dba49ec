"""The apps of Studio, which moto lacks: create, describe, list and delete.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateApp.html
"""

from moto.sagemaker.exceptions import AWSValidationException, ResourceNotFound

from bot.local.aws.sagemaker_context import Answer, Context, operation
from bot.local.aws.sagemaker_state import Kind, Resource, moment

OWNERS: tuple[Kind, ...] = ("UserProfile", "Space")
# Studio runs these in spaces alone. https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-running-stop.html
OF_SPACES = ("JupyterLab", "CodeEditor")


@operation
def create_app(context: Context) -> Answer:
    request = context.request
    context.domain()
    owner = _owner(context)
    context.require_in_service(owner)
    if owner.kind == "UserProfile" and request["AppType"] in OF_SPACES:
        raise AWSValidationException(f"An app of the type {request['AppType']} needs a SpaceName.")
    named = {f"{kind}Name": owner.name if owner.kind == kind else None for kind in OWNERS}
    app = context.new("App", _path(context, owner), "AppType", "AppName", "ResourceSpec", **named)
    app.tags = owner.tags | app.tags
    return {"AppArn": app.arn}


@operation
def describe_app(context: Context) -> Answer:
    """Describe an app; health checks move the time of the last activity, as they do at AWS."""
    app = context.state.get("App", context.request["DomainId"], _path(context, _owner(context)))
    checked = {} if app.status != "InService" else dict.fromkeys(
        ("LastHealthCheckTimestamp", "LastUserActivityTimestamp"), moment(context.now)
    )  # fmt: skip
    return {**app.described(), **checked}


@operation
def list_apps(context: Context) -> Answer:
    request = context.request
    wanted = {name: request.get(f"{name}Equals") for name in ("UserProfileName", "SpaceName")}
    if all(wanted.values()):
        raise AWSValidationException("UserProfileNameEquals and SpaceNameEquals cannot be given together.")
    return context.listed(
        "App", lambda app: all(value in {None, app.details[name]} for name, value in wanted.items())
    )


@operation
def delete_app(context: Context) -> Answer:
    """End an app; what has ended stays in the lists as Deleted."""
    app = context.state.get("App", context.request["DomainId"], _path(context, _owner(context)))
    if not app.is_alive:
        raise ResourceNotFound(f"App [{app.name}] does not exist.")
    return context.delete(app, [])


def _owner(context: Context) -> Resource:
    """Return the profile or space that the request names, of which it must name one."""
    kinds = [kind for kind in OWNERS if context.request.get(f"{kind}Name")]
    if len(kinds) != 1:
        raise AWSValidationException("Exactly one of UserProfileName and SpaceName must be given.")
    return context.named(kinds[0])


def _path(context: Context, owner: Resource) -> str:
    return f"{owner.name}/{context.request['AppType'].lower()}/{context.request['AppName']}"
