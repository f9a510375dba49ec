"""SageMaker and STS: from what the policy allowed to a link, and from AWS's errors to ours.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, which is no OSError
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from bot.aws.role_sessions import Roles, SessionKey, borrowing_session, use_session
from bot.core.access import Mapping, Member
from bot.core.errors import StudioError
from bot.core.link import Allowed, Link, Reason
from bot.core.values import USER_AGENT, utc_now
from bot.observability.metrics import Failed, count_aws_failures

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import (
        CreatePresignedDomainUrlRequestTypeDef,
        CreatePresignedDomainUrlResponseTypeDef,
    )
    from mypy_boto3_sts import STSClient

T = TypeVar("T")
log = structlog.get_logger()

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ProfileNotFound)
MISSING = "ResourceNotFound"
WORTH_A_DIAGNOSIS = {MISSING, "ValidationException"}

# Slack takes no button URL longer than this. https://docs.slack.dev/reference/block-kit/block-elements/button-element
MAX_URL_LENGTH = 3000
MAX_SPACES = 1000
ADMINISTRATION = "studio-links-administration"


class SageMakerStudio:
    """Mints links; see `ports.Studio`. Clients are shared by all threads: one a region, and one for roles there.

    Args:
        link_seconds: how long a link works after it was minted.
        session_seconds: how long the Studio session lasts where the mapping does not say.
        connections: the size of each client's pool.
        external_id: what the trust policies of the roles in mappings ask for; None for nothing.
        failed: is told of each call that AWS refused or did not answer, after retries.
    """

    def __init__(
        self,
        *,
        region: str,
        link_seconds: int,
        session_seconds: int,
        connections: int = 10,
        external_id: str | None = None,
        failed: Failed | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._region = region
        self._failed = failed
        self._link_seconds = link_seconds
        self._session_seconds = session_seconds
        self._now = now
        # boto3's defaults (60 s, five attempts) outlast a member's patience and the link.
        self._config = Config(
            connect_timeout=1,
            read_timeout=2,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=connections,
            user_agent=USER_AGENT,
        )
        self._lock = threading.Lock()  # boto3's sessions are not thread-safe, its clients are
        self._clients: dict[tuple[str, bool], SageMakerClient] = {}
        self._sts: STSClient | None = None
        self._roles = Roles(self._sts_client, external_id=external_id, now=now)

    def warm_up(self) -> None:
        """Create the home region's client now: parsing SageMaker's model takes a tenth of a second.

        Raises:
            StudioError: AWS's own settings do not make sense.
        """
        with aws_errors():
            self._client(self._region, by_role=False)

    @cached_property
    def _session(self) -> boto3.Session:
        return self._counted(boto3.Session())

    @cached_property
    def _role_session(self) -> boto3.Session:
        return self._counted(boto3.Session(botocore_session=borrowing_session()))

    def _counted(self, session: boto3.Session) -> boto3.Session:
        if self._failed is not None:
            count_aws_failures(session.events, self._failed)
        return session

    def sign_in(self, allowed: Allowed) -> Link:
        """A fresh link for the mapping that the policy allowed.

        Raises:
            StudioError: there is no link; the reason says why.
        """
        mapping, member = allowed.mapping, allowed.member

        def mint(client: "SageMakerClient") -> tuple["CreatePresignedDomainUrlResponseTypeDef", datetime]:
            if mapping.space_name is not None:
                _require_space(client, mapping)
            expires_at = self._now() + timedelta(seconds=self._link_seconds)
            try:
                return client.create_presigned_domain_url(**self._parameters(mapping)), expires_at
            except ClientError as error:
                raise _diagnosed(client, mapping, error) from None

        with aws_errors():
            response, expires_at = self._call(mapping, member.session_name, mint)
        return Link(
            url=_checked(response.get("AuthorizedUrl")),
            expires_at=expires_at,
            lifetime_seconds=self._link_seconds,
            session_seconds=mapping.session_seconds or self._session_seconds,
            aws_request_id=response["ResponseMetadata"].get("RequestId"),
        )

    def examine(self, mapping: Mapping) -> Mapping:
        """The mapping with its profile's ARN, as SageMaker knows it now.

        Raises:
            StudioError: the mapping could not be signed in to; the reason says why.
        """
        with aws_errors():
            arn = self._call(mapping, ADMINISTRATION, lambda client: _examine(client, mapping))
        return replace(mapping, profile_arn=arn)

    def spaces(self, member: Member, mapping: Mapping) -> tuple[str, ...]:
        """The spaces that are shared or the profile's own, by name; see `ports.Studio`.

        Listing takes a permission that no resource narrows (`sagemaker:ListSpaces`), so an installation may well
        not give it. Of a domain with thousands of spaces, the first ones are looked at.
        """
        mine = mapping.profile_name.lower()

        def names(client: "SageMakerClient") -> list[str]:
            found = (
                client.get_paginator("list_spaces")
                .paginate(
                    DomainIdEquals=mapping.domain_id, PaginationConfig={"MaxItems": MAX_SPACES, "PageSize": 100}
                )
                .search("Spaces[]")
            )
            return [
                space["SpaceName"]
                for space in found
                if space.get("SpaceSharingSettingsSummary", {}).get("SharingType") == "Shared"
                or space.get("OwnershipSettingsSummary", {}).get("OwnerUserProfileName", "").lower() == mine
            ]

        with aws_errors():
            return tuple(sorted(self._call(mapping, member.session_name, names)))

    def _parameters(self, mapping: Mapping) -> "CreatePresignedDomainUrlRequestTypeDef":
        parameters: CreatePresignedDomainUrlRequestTypeDef = {
            "DomainId": mapping.domain_id,
            "UserProfileName": mapping.profile_name,
            "ExpiresInSeconds": self._link_seconds,
            "SessionExpirationDurationInSeconds": mapping.session_seconds or self._session_seconds,
        }
        if mapping.space_name is not None:
            parameters["SpaceName"] = mapping.space_name
        if mapping.landing_uri is not None:
            parameters["LandingUri"] = mapping.landing_uri
        return parameters

    def _call(self, mapping: Mapping, who: str, work: Callable[["SageMakerClient"], T]) -> T:
        """Do the work in the mapping's region, and in its role if it names one, assumed as `who`.

        CloudTrail shows the name, and a wrong mapping fails in IAM instead of opening another profile. A session that
        AWS does not take any more is replaced, once.
        """
        region = mapping.region or self._region
        if mapping.role_arn is None:
            return work(self._client(region, by_role=False))
        wanted = SessionKey(mapping.role_arn, who, json.dumps(session_policy(mapping, region)))
        session, was_kept = self._roles.session(wanted)
        client = self._client(region, by_role=True)
        try:
            with use_session(session):
                return work(client)
        except (ClientError, StudioError) as error:
            if not was_kept or _code(error) not in REFUSED:
                raise
        self._roles.forget(wanted)
        session, _ = self._roles.session(wanted)
        with use_session(session):
            return work(client)

    def _client(self, region: str, *, by_role: bool) -> "SageMakerClient":
        with self._lock:
            if (region, by_role) not in self._clients:
                session = self._role_session if by_role else self._session
                client = session.client("sagemaker", region_name=region, config=self._config)
                self._clients[region, by_role] = client
            return self._clients[region, by_role]

    def _sts_client(self) -> "STSClient":
        with self._lock:
            self._sts = self._sts or self._session.client("sts", region_name=self._region, config=self._config)
            return self._sts


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turn what botocore raises into StudioError.

    The causes are dropped: a half-read answer, with a link in it, may sit in their texts.
    """
    try:
        yield
    except ClientError as error:
        raise _translated(error) from None
    except BotoCoreError as error:
        raise _unreachable(error) from None
    except ValueError as error:  # an endpoint or region that is none
        raise StudioError(
            f"AWS's settings cannot be used: {error}", reason=Reason.AWS_REFUSED, code=type(error).__name__
        ) from None
    except (AttributeError, KeyError, TypeError, ResponseParserError) as error:  # an answer of another shape
        raise _senseless(type(error).__name__) from None


def _diagnosed(client: "SageMakerClient", mapping: Mapping, error: ClientError) -> StudioError:
    """SageMaker's error as ours; where its code says too little, after asking what is wrong."""
    translated = _translated(error)
    if translated.code not in WORTH_A_DIAGNOSIS:
        return translated
    try:
        _examine(client, mapping)
    except StudioError as problem:
        return StudioError(
            str(problem),
            reason=problem.reason,
            code=translated.code,
            request_id=translated.request_id,
            sign_in_address=problem.sign_in_address,
        )
    except (ClientError, BotoCoreError) as unclear:  # describing may be refused or throttled: the first error stands
        log.warning("diagnosis_failed", why=type(unclear).__name__)
    return translated


def caller_arn(region: str) -> str | None:
    """The ARN of the credentials in use; None if STS cannot tell."""
    config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
    try:
        return boto3.client("sts", region_name=region, config=config).get_caller_identity()["Arn"]
    except (ClientError, BotoCoreError, ValueError) as error:
        log.warning("caller_unknown", why=type(error).__name__)
        return None


def access_key_id() -> str | None:
    """Which access key is in use, as CloudTrail names it in `userIdentity.accessKeyId`; None if there is none."""
    with suppress(BotoCoreError):
        credentials = boto3.Session().get_credentials()
        return credentials.access_key if credentials else None
    return None


def session_policy(mapping: Mapping, region: str) -> dict[str, Any]:
    """The inline policy that narrows a broker role to the one profile of the mapping."""
    partition, account = re.match(r"arn:([^:]+):iam::(\d+):", mapping.role_arn or "").groups()  # type: ignore[union-attr] # Mapping checked it
    base = f"arn:{partition}:sagemaker:{region}:{account}"
    profile = mapping.profile_arn or f"{base}:user-profile/{mapping.domain_id}/{mapping.profile_name}"
    statements = [
        {"Effect": "Allow", "Action": ["sagemaker:CreatePresignedDomainUrl"], "Resource": profile},
        {
            "Effect": "Allow",
            "Action": ["sagemaker:DescribeDomain", "sagemaker:DescribeUserProfile", "sagemaker:DescribeSpace"],
            "Resource": [
                f"{base}:domain/{mapping.domain_id}",
                f"{base}:user-profile/{mapping.domain_id}/*",
                f"{base}:space/{mapping.domain_id}/*",
            ],
        },
        {"Effect": "Allow", "Action": ["sagemaker:ListSpaces"], "Resource": "*"},  # it takes no narrower one
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _examine(client: "SageMakerClient", mapping: Mapping) -> str | None:
    """The profile's ARN. Raise StudioError for whatever stands in the way of signing in."""
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
        _require_space(client, mapping)
    return profile.get("UserProfileArn")


def _require_space(client: "SageMakerClient", mapping: Mapping) -> None:
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
    """That a resource does not exist, if that is what the error says; else the error as it is."""
    if error.response["Error"]["Code"] != MISSING:
        raise error
    return StudioError(f"{what}: correct the mapping, or create it", reason=reason, code=MISSING)


def _code(error: ClientError | StudioError) -> str | None:
    return error.code if isinstance(error, StudioError) else error.response["Error"]["Code"]


def _translated(error: ClientError) -> StudioError:
    code = error.response["Error"]["Code"]
    request_id = error.response["ResponseMetadata"].get("RequestId")
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    if code in THROTTLED:
        reason, words = Reason.AWS_THROTTLED, "AWS throttles us: try again in a minute"
    elif code in REFUSED:
        reason, words = Reason.AWS_REFUSED, "AWS refuses us: check the role's policy, trust and credentials"
    elif status >= 500:  # noqa: PLR2004 - HTTP's own number
        reason, words = Reason.AWS_UNREACHABLE, "AWS failed: try again in a minute"
    else:
        reason, words = Reason.AWS_UNEXPECTED, f"AWS answered {code}: check the mapping"
    return StudioError(f"{words} ({error.operation_name})", reason=reason, code=code, request_id=request_id)


def _unreachable(error: BotoCoreError) -> StudioError:
    name = type(error).__name__
    if isinstance(error, NO_CREDENTIALS):
        return StudioError(
            "there are no AWS credentials: give the process a role or a profile that exists",
            reason=Reason.AWS_REFUSED,
            code=name,
        )
    if isinstance(error, HTTPClientError | ConnectionError):
        return StudioError(
            "SageMaker or STS could not be reached: check the region, the endpoint and the network",
            reason=Reason.AWS_UNREACHABLE,
            code=name,
        )
    return _senseless(name)


def _senseless(code: str) -> StudioError:
    return StudioError(
        "AWS answered something that makes no sense: try again in a minute", reason=Reason.AWS_UNEXPECTED, code=code
    )


def _checked(url: object) -> str:
    """The URL, if a browser and a Slack button can take it. StudioError, which does not quote it, otherwise."""
    if isinstance(url, str) and len(url) <= MAX_URL_LENGTH and url.isascii() and url.isprintable() and " " not in url:
        with suppress(ValueError):  # which quotes the URL
            parts = urlsplit(url)
            if parts.scheme in ("https", "http") and parts.hostname:
                return url
    raise StudioError("AWS answered without a usable link: try again", reason=Reason.AWS_UNEXPECTED)
