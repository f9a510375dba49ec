"""The SageMaker Studio operations that moto lacks: user profiles, spaces and presigned domain URLs.

Written in moto's own idiom (state on the backend, thin methods on the response class, moto's exceptions), so
that it works under ``mock_aws`` as well as behind a server. `install` adds it; importing this adds nothing.

Where AWS's documentation leaves a point open, a comment says what was chosen.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Any, Protocol

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model
from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException, ResourceNotFound
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemaker.utils import arn_formatter

from bot.local.aws.sagemaker_constraints import broken, report, violations
from bot.local.aws.sagemaker_state import Resource, SignIn, page, studio_state

LINK_SECONDS = 300  # ExpiresInSeconds when the request has none
SESSION_SECONDS = 43200  # SessionExpirationDurationInSeconds when the request has none
# https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html
MAX_TAGS = 50
LANDING = r"(studio:|app:(JupyterServer|JupyterLab|RStudioServerPro|CodeEditor|Canvas)):.*"


class Studio(Protocol):
    """Where Studio itself is reached: the one thing these operations do not know."""

    def home(self, domain_id: str, region: str, auth_mode: str) -> str:
        """The domain's plain address (DescribeDomain's Url)."""

    def presign(self, sign_in: SignIn) -> str:
        """A new URL that signs in; a bearer secret."""


class StudioAtAws:
    """Addresses of the real shape, which lead nowhere: enough under ``mock_aws``."""

    def home(self, domain_id: str, region: str, auth_mode: str) -> str:  # noqa: ARG002 - one address for both modes
        return f"https://{domain_id}.studio.{region}.sagemaker.aws"

    def presign(self, sign_in: SignIn) -> str:
        home = self.home(sign_in.domain_id, sign_in.region, "IAM")
        return f"{home}/auth?token={secrets.token_urlsafe(32)}"


def domain_of(backend: Any, domain_id: str) -> Any:
    """moto's ``Domain``, or ResourceNotFound (where moto itself raises a ValidationException)."""
    if domain_id not in backend.domains:
        raise ResourceNotFound(f"Domain [{domain_id}] does not exist.")
    return backend.domains[domain_id]


def install(studio: Studio | None = None) -> None:
    """Add the operations to moto's SageMaker, for the whole process; again replaces what was there.

    ``studio`` gives the addresses. Must come before the requests it is to serve; there is no way back.
    """
    extended: Any = SageMakerResponse  # its attributes are about to become more than its type knows
    extended.studio = studio or StudioAtAws()
    if extended.create_domain is not create_domain:
        extended.moto_create_domain = extended.create_domain
    for operation in OPERATIONS:
        setattr(extended, operation.__name__, operation)


# The operations. Each becomes a method of moto's SageMakerResponse, whose type is unknown: hence Any.


def create_domain(self: Any) -> Any:
    """moto's, with the request checked, the id made a valid one, and an address that fits ``studio``."""
    request = _valid(self, "CreateDomain")
    backend, name = self.sagemaker_backend, request["DomainName"]
    with studio_state(backend).lock:
        if any(domain.domain_name == name for domain in backend.domains.values()):
            raise ResourceInUseException(f"Domain with name {name} already exists. Choose a different name.")
        created = self.moto_create_domain().result
        domain = backend.domains.pop(f"d-{name}")
        if not re.fullmatch(r"d-(-*[a-z0-9]){1,61}", domain.id):
            # A domain may be called what its id may not: "Research". moto's id would be one nobody can use.
            domain.id = f"d-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
            domain.arn = arn_formatter("domain", domain.id, backend.account_id, backend.region_name)
        domain.url = self.studio.home(domain.id, backend.region_name, domain.auth_mode)
        backend.domains[domain.id] = domain
    return ActionResult({**created, "DomainArn": domain.arn, "DomainId": domain.id, "Url": domain.url})


def describe_domain(self: Any) -> Any:
    """moto's, with the error code of the API."""
    request = _valid(self, "DescribeDomain")
    return ActionResult(domain_of(self.sagemaker_backend, request["DomainId"]).describe())


def delete_domain(self: Any) -> Any:
    """moto's, but a domain in use stays: its profiles would come back to life in a new domain of that id."""
    domain_id = _valid(self, "DeleteDomain")["DomainId"]
    domain_of(self.sagemaker_backend, domain_id)
    state = studio_state(self.sagemaker_backend)
    with state.lock:
        if any(owner == domain_id for owner, _ in [*state.profiles, *state.spaces]):
            raise ResourceInUseException(f"Domain [{domain_id}] still has user profiles or spaces.")
        del self.sagemaker_backend.domains[domain_id]
    return EmptyResult()


def create_user_profile(self: Any) -> Any:
    request = _valid(self, "CreateUserProfile")
    backend, domain_id, name = self.sagemaker_backend, request["DomainId"], request["UserProfileName"]
    sso = domain_of(backend, domain_id).auth_mode == "SSO"
    for key in ("SingleSignOnUserIdentifier", "SingleSignOnUserValue"):
        if sso != bool(request.get(key)):
            rule = "is required" if sso else "cannot be specified"
            raise AWSValidationException(f"{key} {rule} for a domain with this AuthMode.")
    state = studio_state(backend)
    with state.lock:
        if (domain_id, name.lower()) in state.profiles:
            raise ResourceInUseException(f"UserProfile [{name}] already exists in domain [{domain_id}].")
        uid = str(200005 + 5 * len(state.profiles))
        arn = arn_formatter("user-profile", f"{domain_id}/{name}", backend.account_id, backend.region_name)
        keep = ("SingleSignOnUserIdentifier", "SingleSignOnUserValue", "UserSettings")
        details = {"HomeEfsFileSystemUid": uid, **{key: request.get(key) for key in keep}}
        profile = Resource(domain_id, name, arn, details, tags=_tags(request.get("Tags", [])))
        state.profiles[domain_id, name.lower()] = profile
    return ActionResult({"UserProfileArn": arn})


def describe_user_profile(self: Any) -> Any:
    request = _valid(self, "DescribeUserProfile")
    domain_of(self.sagemaker_backend, request["DomainId"])
    profile = studio_state(self.sagemaker_backend).profile(request["DomainId"], request["UserProfileName"])
    described = {"UserProfileArn": profile.arn, "FailureReason": profile.failure_reason, **profile.details}
    return ActionResult({**described, **profile.summary("UserProfileName")})


def list_user_profiles(self: Any) -> Any:
    request = _valid(self, "ListUserProfiles")
    found = list(studio_state(self.sagemaker_backend).profiles.values())
    shown, token = page(found, request, request.get("UserProfileNameContains"))
    return ActionResult({"UserProfiles": [each.summary("UserProfileName") for each in shown], "NextToken": token})


def delete_user_profile(self: Any) -> Any:
    """Gone at once: the states in between (Deleting) are not played."""
    request = _valid(self, "DeleteUserProfile")
    domain_id, name = request["DomainId"], request["UserProfileName"].lower()
    state = studio_state(self.sagemaker_backend)
    with state.lock:
        state.profile(domain_id, name)
        if any(_owner(each) == name for each in state.spaces.values() if each.domain_id == domain_id):
            raise ResourceInUseException(f"UserProfile [{name}] still owns spaces.")
        del state.profiles[domain_id, name]
    return EmptyResult()


def create_space(self: Any) -> Any:
    """With neither settings it is a shared space of Studio Classic; the two come together or not at all.

    (https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/sagemaker_space)
    """
    request = _valid(self, "CreateSpace")
    backend, domain_id, name = self.sagemaker_backend, request["DomainId"], request["SpaceName"]
    domain_of(backend, domain_id)
    state = studio_state(backend)
    if bool(request.get("OwnershipSettings")) != bool(request.get("SpaceSharingSettings")):
        raise AWSValidationException("OwnershipSettings and SpaceSharingSettings must be given together.")
    keep = ("SpaceSettings", "OwnershipSettings", "SpaceSharingSettings", "SpaceDisplayName")
    arn = arn_formatter("space", f"{domain_id}/{name}", backend.account_id, backend.region_name)
    details = {key: request.get(key) for key in keep}
    space = Resource(domain_id, name, arn, details, tags=_tags(request.get("Tags", [])))
    with state.lock:
        if owner := _owner(space):
            state.profile(domain_id, owner)
        if (domain_id, name) in state.spaces:
            raise ResourceInUseException(f"Space [{name}] already exists in domain [{domain_id}].")
        state.spaces[domain_id, name] = space
    return ActionResult({"SpaceArn": arn})


def describe_space(self: Any) -> Any:
    request = _valid(self, "DescribeSpace")
    domain_of(self.sagemaker_backend, request["DomainId"])
    space = studio_state(self.sagemaker_backend).space(request["DomainId"], request["SpaceName"])
    described = {"SpaceArn": space.arn, "FailureReason": space.failure_reason, **space.details}
    return ActionResult({**described, **space.summary("SpaceName")})


def list_spaces(self: Any) -> Any:
    """The summaries leave out SpaceSettings: they hold a digest of it that nothing here computes."""
    request = _valid(self, "ListSpaces")
    found = list(studio_state(self.sagemaker_backend).spaces.values())
    shown, token = page(found, request, request.get("SpaceNameContains"))
    return ActionResult({"Spaces": [_space_summary(each) for each in shown], "NextToken": token})


def delete_space(self: Any) -> Any:
    request = _valid(self, "DeleteSpace")
    state = studio_state(self.sagemaker_backend)
    with state.lock:
        state.space(request["DomainId"], request["SpaceName"])
        del state.spaces[request["DomainId"], request["SpaceName"]]
    return EmptyResult()


def create_presigned_domain_url(self: Any) -> Any:
    """Check the whole request, then that all it names is there and ready.

    Whose the space is does not matter here: IAM cannot restrict it either, so callers have to.
    """
    request = _valid(self, "CreatePresignedDomainUrl")
    landing = request.get("LandingUri")
    if landing is not None and not re.fullmatch(LANDING, landing):
        rule = f"satisfy regular expression pattern: {LANDING}"
        raise AWSValidationException(report([broken(landing, "landingUri", rule)]))
    backend, domain_id = self.sagemaker_backend, request["DomainId"]
    state, domain = studio_state(backend), domain_of(backend, domain_id)
    profile = state.profile(domain_id, request["UserProfileName"])
    if space := request.get("SpaceName"):
        state.space(domain_id, space)
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
    return ActionResult({"AuthorizedUrl": self.studio.presign(sign_in)})


def add_tags(self: Any) -> Any:
    """Add tags to a user profile or space, or overwrite those of the same key.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html
    """
    request = _valid(self, "AddTags")
    state = studio_state(self.sagemaker_backend)
    with state.lock:
        resource = state.tagged(request["ResourceArn"])
        tags = resource.tags | _tags(request["Tags"])
        if len(tags) > MAX_TAGS:
            raise AWSValidationException(f"A resource can have {MAX_TAGS} tags at most.")
        resource.tags = tags
    return ActionResult({"Tags": _tag_list(tags)})


def list_tags(self: Any) -> Any:
    """All tags of a user profile or space: they always fit into one page."""
    request = _valid(self, "ListTags")
    return ActionResult({"Tags": _tag_list(studio_state(self.sagemaker_backend).tagged(request["ResourceArn"]).tags)})


OPERATIONS: tuple[Callable[[Any], Any], ...] = (
    create_domain,
    describe_domain,
    delete_domain,
    create_user_profile,
    describe_user_profile,
    list_user_profiles,
    delete_user_profile,
    create_space,
    describe_space,
    list_spaces,
    delete_space,
    create_presigned_domain_url,
    add_tags,
    list_tags,
)


def _valid(response: Any, operation: str) -> dict[str, Any]:
    """The request as moto parsed it, or a ValidationException that lists all that is wrong with it."""
    request: dict[str, Any] = response.params
    shape = get_service_model("sagemaker").operation_model(operation).input_shape
    if found := list(violations(shape, request)):
        raise AWSValidationException(report(found))
    return request


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given}


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _owner(space: Resource) -> str | None:
    """The lower-case name of the profile that owns a space, if one does."""
    name = (space.details["OwnershipSettings"] or {}).get("OwnerUserProfileName")
    return name.lower() if name else None


def _space_summary(space: Resource) -> dict[str, Any]:
    summary = space.summary("SpaceName", "SpaceDisplayName")
    for long, short in (("OwnershipSettings", "Ownership"), ("SpaceSharingSettings", "SpaceSharing")):
        if space.details[long]:
            summary[f"{short}SettingsSummary"] = space.details[long]
    return summary
