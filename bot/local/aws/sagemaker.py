"""The SageMaker Studio operations that moto lacks: user profiles, spaces and presigned domain URLs.

In moto's own idiom (state on the backend, moto's exceptions), so they work under `mock_aws` and behind a server.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException, ResourceNotFound
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemaker.utils import arn_formatter

from bot.local.aws.constraints import broken, report, violations
from bot.local.aws.sagemaker_state import Kind, Resource, SignIn, StudioState, page, studio_state

LINK_SECONDS = 300  # ExpiresInSeconds when the request has none
SESSION_SECONDS = 43200  # SessionExpirationDurationInSeconds when the request has none
MAX_ID_LENGTH = 61  # of a domain, after "d-"
# https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html
MAX_TAGS = 50
LANDING = r"(studio:|app:(JupyterServer|JupyterLab|RStudioServerPro|CodeEditor|Canvas)):.*"

Answer = dict[str, Any]
ARN_PARTS: dict[Kind, str] = {"UserProfile": "user-profile", "Space": "space"}


class Studio:
    """The addresses of Studio. These have the real shape and lead nowhere: enough under `mock_aws`."""

    def home(self, domain_id: str, region: str, auth_mode: str) -> str:  # noqa: ARG002 - one address for both modes
        """Return the domain's plain address (DescribeDomain's Url)."""
        return f"https://{domain_id}.studio.{region}.sagemaker.aws"

    def presign(self, sign_in: SignIn) -> str:
        """Return a new URL that signs in for `sign_in.link_seconds` from now. A bearer secret."""
        home = self.home(sign_in.domain_id, sign_in.region, "IAM")
        return f"{home}/auth?token={secrets.token_urlsafe(32)}"


@dataclass(frozen=True, slots=True)
class Context:
    """The input of an operation: its request as moto parsed it, moto's objects, and our state."""

    request: dict[str, Any]
    response: Any
    backend: Any
    state: StudioState

    def domain(self) -> Any:
        """Return moto's `Domain`, or raise ResourceNotFound (where moto itself raises a ValidationException)."""
        domain_id = self.request["DomainId"]
        if domain_id not in self.backend.domains:
            raise ResourceNotFound(f"Domain [{domain_id}] does not exist.")
        return self.backend.domains[domain_id]

    def new(self, kind: Kind, *kept: str, **details: Any) -> Resource:
        """Return the profile or space that the request describes, with these fields of it."""
        domain_id, name, backend = self.request["DomainId"], self.request[f"{kind}Name"], self.backend
        arn = arn_formatter(ARN_PARTS[kind], f"{domain_id}/{name}", backend.account_id, backend.region_name)
        details |= {key: self.request.get(key) for key in kept}
        return Resource(kind, domain_id, name, arn, details, tags=_tags(self.request.get("Tags", [])))

    def named(self, kind: Kind) -> Resource:
        """Return the profile or space that the request names."""
        return self.state.get(kind, self.request["DomainId"], self.request[f"{kind}Name"])

    def tagged(self) -> Any:
        """Return the domain, profile or space whose ARN is in the request. The error for others is not documented."""
        arn = self.request["ResourceArn"]
        for resource in (*self.backend.domains.values(), *self.state.resources.values()):
            if resource.arn == arn:
                return resource
        raise ResourceNotFound(f"{arn} does not exist, or is of a kind that carries no tags here.")

    def listed(self, kind: Kind) -> Answer:
        shown, token = page(self.state.all(kind), self.request, f"{kind}NameContains")
        return {f"{kind}s": [each.summary() for each in shown], "NextToken": token}


OPERATIONS: dict[str, Callable[[Any], Any]] = {}


def operation(run: Callable[[Context], Answer]) -> Callable[[Context], Answer]:
    """Let a function answer the operation of its name, one call at a time, once the request is valid."""
    name = run.__name__.title().replace("_", "")

    def method(response: Any) -> Any:
        shape = get_service_model("sagemaker").operation_model(name).input_shape
        if found := list(violations(shape, response.params)):
            raise AWSValidationException(report(found))
        backend = response.sagemaker_backend
        state = studio_state(backend)
        with state.lock:
            return ActionResult(run(Context(response.params, response, backend, state)))

    OPERATIONS[run.__name__] = method
    return run


def install(studio: Studio | None = None) -> None:
    """Add the operations to moto's SageMaker, for the whole process, before its first request."""
    extended: Any = SageMakerResponse  # its attributes are about to become more than its type knows
    extended.studio = studio or Studio()
    if extended.create_domain is not OPERATIONS["create_domain"]:
        extended.moto_create_domain = extended.create_domain
    for name, method in OPERATIONS.items():
        setattr(extended, name, method)


@operation
def create_domain(context: Context) -> Answer:
    """moto's, with the request checked, the id made a valid one, and an address that fits `studio`."""
    backend, name = context.backend, context.request["DomainName"]
    if any(domain.domain_name == name for domain in backend.domains.values()):
        raise ResourceInUseException(f"Domain with name {name} already exists. Choose a different name.")
    created = context.response.moto_create_domain().result
    domain = backend.domains.pop(f"d-{name}")
    digest = hashlib.sha256(name.encode()).hexdigest()
    if len(name) > MAX_ID_LENGTH or not re.fullmatch(r"(-*[a-z0-9])+", name):
        # A domain may be called what its id may not: "Research". moto's id would be one nobody can use.
        domain.id = f"d-{digest[:12]}"
        domain.arn = arn_formatter("domain", domain.id, backend.account_id, backend.region_name)
    domain.tags = _tags(context.request.get("Tags", []))
    domain.home_efs_file_system_id = f"fs-{digest[:17]}"
    domain.security_group_id_for_domain_boundary = f"sg-{digest[:17]}"
    domain.single_sign_on_managed_application_instance_id = f"ins-{digest[:16]}"
    domain.single_sign_on_managed_application_arn = (
        f"arn:aws:sso::{backend.account_id}:application/ssoins-{digest[:16]}/apl-{digest[:16]}"
    )
    domain.url = context.response.studio.home(domain.id, backend.region_name, domain.auth_mode)
    backend.domains[domain.id] = domain
    return {**created, "DomainArn": domain.arn, "DomainId": domain.id, "Url": domain.url}


@operation
def describe_domain(context: Context) -> Answer:
    """moto's, with the error code of the API."""
    return dict(context.domain().describe())


@operation
def delete_domain(context: Context) -> Answer:
    """moto's, but a domain in use stays: its profiles would come back to life in a new domain of that id."""
    domain_id = context.domain().id
    if any(each.domain_id == domain_id for each in context.state.resources.values()):
        raise ResourceInUseException(f"Domain [{domain_id}] still has user profiles or spaces.")
    del context.backend.domains[domain_id]
    return {}


@operation
def create_user_profile(context: Context) -> Answer:
    request, state = context.request, context.state
    sso = context.domain().auth_mode == "SSO"
    single_sign_on = ("SingleSignOnUserIdentifier", "SingleSignOnUserValue")
    for key in single_sign_on:
        if sso != bool(request.get(key)):
            rule = "is required" if sso else "cannot be specified"
            raise AWSValidationException(f"{key} {rule} for a domain with this AuthMode.")
    uid = next(state.file_system_uids)
    profile = context.new("UserProfile", *single_sign_on, "UserSettings", HomeEfsFileSystemUid=str(uid))
    state.add(profile)
    return {"UserProfileArn": profile.arn}


@operation
def describe_user_profile(context: Context) -> Answer:
    context.domain()
    return context.named("UserProfile").described()


@operation
def list_user_profiles(context: Context) -> Answer:
    return context.listed("UserProfile")


@operation
def delete_user_profile(context: Context) -> Answer:
    """Gone at once: the states in between (Deleting) are not played."""
    profile = context.named("UserProfile")
    spaces = [each for each in context.state.all("Space") if each.domain_id == profile.domain_id]
    if profile.name.lower() in {each.owner for each in spaces}:
        raise ResourceInUseException(f"UserProfile [{profile.name}] still owns spaces.")
    context.state.remove(profile)
    return {}


@operation
def create_space(context: Context) -> Answer:
    """Create a space: without either of the two settings, a shared one of Studio Classic."""
    request, state = context.request, context.state
    context.domain()
    if bool(request.get("OwnershipSettings")) != bool(request.get("SpaceSharingSettings")):
        raise AWSValidationException("OwnershipSettings and SpaceSharingSettings must be given together.")
    settings = ("SpaceSettings", "OwnershipSettings", "SpaceSharingSettings")
    space = context.new("Space", *settings, "SpaceDisplayName")
    if space.owner:
        state.get("UserProfile", space.domain_id, space.owner)
    state.add(space)
    return {"SpaceArn": space.arn}


@operation
def describe_space(context: Context) -> Answer:
    context.domain()
    return context.named("Space").described()


@operation
def list_spaces(context: Context) -> Answer:
    """The summaries leave out SpaceSettings: they hold a digest of it that nothing here computes."""
    return context.listed("Space")


@operation
def delete_space(context: Context) -> Answer:
    context.state.remove(context.named("Space"))
    return {}


@operation
def create_presigned_domain_url(context: Context) -> Answer:
    """Check the whole request, then that everything it names exists and is ready.

    The owner of the space does not matter here: IAM cannot restrict it either, so callers have to.
    """
    request, backend = context.request, context.backend
    landing = request.get("LandingUri")
    if landing is not None and not re.fullmatch(LANDING, landing):
        rule = f"satisfy regular expression pattern: {LANDING}"
        raise AWSValidationException(report([broken(landing, "landingUri", rule)]))
    domain_id, domain = request["DomainId"], context.domain()
    profile = context.named("UserProfile")
    if space := request.get("SpaceName"):
        context.named("Space")
    if domain.auth_mode != "IAM":
        raise AWSValidationException(
            f"CreatePresignedDomainUrl needs AuthMode IAM; domain [{domain_id}] has {domain.auth_mode}."
        )
    for what, status in ((f"Domain [{domain_id}]", domain.status), (profile.name, profile.status)):
        if status != "InService":
            raise AWSValidationException(f"{what} is not InService but {status}.")
    sign_in = SignIn(
        account=backend.account_id,
        region=backend.region_name,
        domain_id=domain_id,
        profile=profile.name,
        space=space,
        landing=landing,
        link_seconds=request.get("ExpiresInSeconds", LINK_SECONDS),
        session_seconds=request.get("SessionExpirationDurationInSeconds", SESSION_SECONDS),
    )
    return {"AuthorizedUrl": context.response.studio.presign(sign_in)}


@operation
def add_tags(context: Context) -> Answer:
    """Add or overwrite tags. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html"""
    resource = context.tagged()
    tags = resource.tags | _tags(context.request["Tags"])
    if len(tags) > MAX_TAGS:
        raise AWSValidationException(f"A resource can have {MAX_TAGS} tags at most.")
    resource.tags = tags
    return {"Tags": _tag_list(tags)}


@operation
def list_tags(context: Context) -> Answer:
    """All tags of a domain, user profile or space: they always fit into one page."""
    return {"Tags": _tag_list(context.tagged().tags)}


@operation
def delete_tags(context: Context) -> Answer:
    """Remove tags; ones that are not there don't matter."""
    for key in context.request["TagKeys"]:
        context.tagged().tags.pop(key, None)
    return {}


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given}


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
