"""The SageMaker Studio operations that moto lacks: domains, presigned domain URLs and tags here, others beside.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
"""

import hashlib
import re
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemaker.utils import arn_formatter

from bot.local.aws import sagemaker_resources  # noqa: F401 - importing it adds its operations
from bot.local.aws.constraints import broken, report
from bot.local.aws.sagemaker_context import OPERATIONS, Answer, Context, Studio, operation, tags_of
from bot.local.aws.sagemaker_state import SignIn

LINK_SECONDS = 300  # ExpiresInSeconds when the request has none
SESSION_SECONDS = 43200  # SessionExpirationDurationInSeconds when the request has none
MAX_ID_LENGTH = 61  # of a domain, after "d-"
# https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html
MAX_TAGS = 50
LANDING = r"(studio:|app:(JupyterServer|JupyterLab|RStudioServerPro|CodeEditor|Canvas)):.*"


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
    domain.tags = tags_of(context.request.get("Tags", []))
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
    if any(each.domain_id == domain_id and each.is_alive for each in context.state.resources.values()):
        raise ResourceInUseException(f"Domain [{domain_id}] still has user profiles or spaces.")
    del context.backend.domains[domain_id]
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
    tags = resource.tags | tags_of(context.request["Tags"])
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


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
