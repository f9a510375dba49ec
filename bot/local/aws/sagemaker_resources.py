"""Profiles, spaces and apps of Studio, which moto lacks: create, describe, list, update and delete.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateUserProfile.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateSpace.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateApp.html
"""

from moto.sagemaker.exceptions import AWSValidationException, ResourceNotFound

from bot.local.aws.sagemaker_context import Answer, Context, operation
from bot.local.aws.sagemaker_state import Kind, Resource, moment

OWNERS: tuple[Kind, ...] = ("UserProfile", "Space")
# Studio runs these only in spaces. https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-running-stop.html
OF_SPACES = ("JupyterLab", "CodeEditor")


@operation
def create_user_profile(context: Context) -> Answer:
    request, state = context.request, context.state
    sso = context.domain().auth_mode == "SSO"
    single_sign_on = ("SingleSignOnUserIdentifier", "SingleSignOnUserValue")
    for key in single_sign_on:
        if sso != bool(request.get(key)):
            rule = "is required" if sso else "cannot be specified"
            raise AWSValidationException(f"{key} {rule} for a domain with this AuthMode.")
    uid = str(next(state.file_system_uids))
    name = request["UserProfileName"]
    profile = context.new("UserProfile", name, *single_sign_on, "UserSettings", HomeEfsFileSystemUid=uid)
    return {"UserProfileArn": profile.arn}


@operation
def describe_user_profile(context: Context) -> Answer:
    context.domain()
    return context.named("UserProfile").described()


@operation
def list_user_profiles(context: Context) -> Answer:
    return context.listed("UserProfile")


@operation
def update_user_profile(context: Context) -> Answer:
    return _update(context, "UserProfile", "UserSettings")


@operation
def delete_user_profile(context: Context) -> Answer:
    profile, state = context.named("UserProfile"), context.state
    spaces = [each for each in state.all("Space") if each.domain_id == profile.domain_id]
    held = [each for each in spaces if each.owner == profile.name.lower()]
    return context.delete(profile, state.apps_of("UserProfile", profile.domain_id, profile.name) + held)


@operation
def create_space(context: Context) -> Answer:
    """Create a space: without either of the two settings, a shared one of Studio Classic."""
    request = context.request
    context.domain()
    if bool(request.get("OwnershipSettings")) != bool(request.get("SpaceSharingSettings")):
        raise AWSValidationException("OwnershipSettings and SpaceSharingSettings must be given together.")
    if owner := request.get("OwnershipSettings"):
        profile = context.state.get("UserProfile", request["DomainId"], owner["OwnerUserProfileName"])
        context.require_in_service(profile)
    settings = ("SpaceSettings", "OwnershipSettings", "SpaceSharingSettings")
    space = context.new("Space", request["SpaceName"], *settings, "SpaceDisplayName")
    return {"SpaceArn": space.arn}


@operation
def describe_space(context: Context) -> Answer:
    context.domain()
    return context.named("Space").described()


@operation
def list_spaces(context: Context) -> Answer:
    """The summaries have only the type of app of SpaceSettings."""
    return context.listed("Space")


@operation
def update_space(context: Context) -> Answer:
    return _update(context, "Space", "SpaceSettings", "SpaceDisplayName")


@operation
def delete_space(context: Context) -> Answer:
    space = context.named("Space")
    return context.delete(space, context.state.apps_of("Space", space.domain_id, space.name))


def _update(context: Context, kind: Kind, *settable: str) -> Answer:
    """Replace settings. AWS merges those of a part that is given; nothing here depends on it."""
    resource = context.named(kind)
    context.require_settled(resource)
    resource.details |= {key: context.request[key] for key in settable if context.request.get(key)}
    context.change(resource, "Updating")
    return {f"{kind}Arn": resource.arn}


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
    """End an app. It stays in the lists as Deleted."""
    app = context.state.get("App", context.request["DomainId"], _path(context, _owner(context)))
    if not app.is_alive:
        raise ResourceNotFound(f"App [{app.name}] does not exist.")
    return context.delete(app, [])


def _owner(context: Context) -> Resource:
    """Return the profile or space that the call names; it must name exactly one."""
    kinds = [kind for kind in OWNERS if context.request.get(f"{kind}Name")]
    if len(kinds) != 1:
        raise AWSValidationException("Exactly one of UserProfileName and SpaceName must be given.")
    return context.named(kinds[0])


def _path(context: Context, owner: Resource) -> str:
    return f"{owner.name}/{context.request['AppType'].lower()}/{context.request['AppName']}"
