"""What stands in the way of signing in to a mapping's domain, profile and space."""

from typing import TYPE_CHECKING

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from bot.aws.client import translated
from bot.core.access import Mapping
from bot.core.errors import StudioError
from bot.core.link import Reason

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

log = structlog.get_logger()

MISSING = "ResourceNotFound"
# SageMaker's codes that say too little about what is wrong.
UNCLEAR = {MISSING, "ValidationException"}


def diagnosed(client: "SageMakerClient", mapping: Mapping, error: ClientError) -> StudioError:
    """Return SageMaker's error as ours, after an examination if its code says too little."""
    first = translated(error)
    if first.code not in UNCLEAR:
        return first
    try:
        examine(client, mapping)
    except StudioError as problem:
        problem.code, problem.request_id = first.code, first.request_id
        return problem
    except (ClientError, BotoCoreError) as unclear:  # describing may be refused or throttled: the first error stands
        log.warning("diagnosis_failed", why=type(unclear).__name__)
    return first


def examine(client: "SageMakerClient", mapping: Mapping) -> str | None:
    """Return the profile's ARN.

    Raises:
        StudioError: the mapping could not be signed in to; the reason says why.
    """
    try:
        domain = client.describe_domain(DomainId=mapping.domain_id)
    except ClientError as error:
        raise _missing(error, Reason.DOMAIN_MISSING, f"there is no domain {mapping.domain_id}") from None
    if domain.get("AuthMode") == "SSO":
        raise StudioError(
            f"domain {mapping.domain_id} signs members in through IAM Identity Center: send them to its address",
            reason=Reason.DOMAIN_SSO,
            sign_in_address=domain.get("Url"),
        )
    if domain.get("Status") != "InService":
        raise StudioError(
            f"domain {mapping.domain_id} is {domain.get('Status')}: wait until it is InService",
            reason=Reason.DOMAIN_NOT_READY,
        )
    try:
        profile = client.describe_user_profile(DomainId=mapping.domain_id, UserProfileName=mapping.profile_name)
    except ClientError as error:
        what = f"there is no profile {mapping.profile_name} in {mapping.domain_id}"
        raise _missing(error, Reason.PROFILE_MISSING, what) from None
    if profile.get("Status") != "InService":
        raise StudioError(
            f"profile {mapping.profile_name} is {profile.get('Status')}: wait until it is InService",
            reason=Reason.PROFILE_NOT_READY,
        )
    if mapping.space_name is not None:
        require_space(client, mapping)
    return profile.get("UserProfileArn")


def require_space(client: "SageMakerClient", mapping: Mapping) -> None:
    """Raise StudioError unless the space is shared, or owned by the profile: IAM does not check this."""
    name = mapping.space_name or ""
    try:
        space = client.describe_space(DomainId=mapping.domain_id, SpaceName=name)
    except ClientError as error:
        raise _missing(error, Reason.SPACE_MISSING, f"there is no space {name} in {mapping.domain_id}") from None
    owner = space.get("OwnershipSettings", {}).get("OwnerUserProfileName", "")
    shared = space.get("SpaceSharingSettings", {}).get("SharingType") == "Shared"
    if not shared and owner.lower() != mapping.profile_name.lower():
        raise StudioError(
            f"space {name} is neither shared nor owned by {mapping.profile_name}: map another space",
            reason=Reason.SPACE_NOT_YOURS,
        )


def _missing(error: ClientError, reason: Reason, what: str) -> StudioError:
    """Return that the resource does not exist if the error says so; else raise the error."""
    if error.response["Error"]["Code"] != MISSING:
        raise error
    return StudioError(f"{what}: correct the mapping, or create it", reason=reason, code=MISSING)
