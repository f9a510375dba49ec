"""Find why a mapping's domain, profile or space cannot be opened."""

from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from botocore.exceptions import ClientError

from bot.admin.examination import SETTLING
from bot.aws.client import translated
from bot.core.access import Mapping
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.observability.aws_failures import AWS_ERRORS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

log = structlog.get_logger()

MISSING = "ResourceNotFound"
MAX_FAILURE_REASON = 300
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
    except AWS_ERRORS as unclear:  # describing may be refused or throttled: the first error stands
        log.warning("diagnosis_failed", why=type(unclear).__name__)
    return first


def examine(client: "SageMakerClient", mapping: Mapping) -> str | None:
    """Return the profile's ARN.

    Raises:
        StudioError: the mapping could not be signed in to; the reason says why.
    """
    domain_id = mapping.domain_id
    with _named(Reason.DOMAIN_MISSING, f"there is no domain {domain_id} in {client.meta.region_name}"):
        domain = client.describe_domain(DomainId=domain_id)
    if domain.get("AuthMode") == "SSO":
        raise StudioError(
            f"domain {domain_id} signs members in through IAM Identity Center: send them to its address",
            reason=Reason.DOMAIN_SSO,
            sign_in_address=domain.get("Url"),
        )
    _require_in_service(f"domain {domain_id}", domain, Reason.DOMAIN_NOT_READY)
    with _named(Reason.PROFILE_MISSING, f"there is no profile {mapping.profile_name} in {domain_id}"):
        profile = client.describe_user_profile(DomainId=domain_id, UserProfileName=mapping.profile_name)
    _require_in_service(f"profile {mapping.profile_name}", profile, Reason.PROFILE_NOT_READY)
    if mapping.space_name is not None:
        require_space(client, mapping)
    return profile.get("UserProfileArn")


def require_space(client: "SageMakerClient", mapping: Mapping) -> None:
    """Raise StudioError unless the space is shared, or owned by the profile: IAM does not check this."""
    name = mapping.space_name or ""
    with _named(Reason.SPACE_MISSING, f"there is no space {name} in {mapping.domain_id}"):
        space = client.describe_space(DomainId=mapping.domain_id, SpaceName=name)
    owner = space.get("OwnershipSettings", {}).get("OwnerUserProfileName", "")
    shared = space.get("SpaceSharingSettings", {}).get("SharingType") == "Shared"
    if not shared and owner.lower() != mapping.profile_name.lower():
        raise StudioError(
            f"space {name} is neither shared nor owned by {mapping.profile_name}: map another space",
            reason=Reason.SPACE_NOT_YOURS,
        )


def failure_reason(described: Dictionary[str, Any]) -> str:
    """Return AWS's reason for a failure in one line; empty without one."""
    return " ".join(str(described.get("FailureReason") or "").split())


def _require_in_service(name: str, described: Dictionary[str, Any], reason: Reason) -> None:
    """Raise StudioError with AWS's own reason, for administrators, unless the resource is in service."""
    status, why = described.get("Status"), failure_reason(described)
    if status == "InService":
        return
    found = f"{name} is {status}" + (f" ({why[:MAX_FAILURE_REASON]})" if why else "")
    advice = "repair it in the SageMaker console, or map another one"
    if status in SETTLING:
        advice = "wait until it is InService"
    elif status is None:  # which says nothing of the resource
        reason = Reason.AWS_UNEXPECTED
        found, advice = f"AWS does not say in which state {name} is", "check the endpoint and the proxy"
    raise StudioError(f"{found}: {advice}", reason=reason, code=status)


@contextmanager
def _named(reason: Reason, what: str) -> Iterator[None]:
    """Raise StudioError with these words if SageMaker does not know the resource."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != MISSING:
            raise
        raise StudioError(f"{what}: correct the mapping, or create it", reason=reason, code=MISSING) from None
