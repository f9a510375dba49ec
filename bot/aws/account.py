"""AWS as administration uses it: the caller's identity, AWS's clock, roles' permissions and all user profiles."""

import json
import re
import threading
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import ClientError

from bot.admin.sync import TAG, Profile
from bot.aws.client import aws_errors, new_session
from bot.aws.examination import MISSING
from bot.aws.iam_scope import PRESIGN, document
from bot.aws.listing import tags_of
from bot.aws.role_sessions import SessionKey, as_arguments, assume
from bot.aws.sagemaker import ADMINISTRATION
from bot.core.access import Mapping
from bot.core.errors import StudioError
from bot.core.values import utc_now
from bot.observability.aws_failures import AWS_ERRORS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sts.type_defs import CredentialsTypeDef, GetCallerIdentityResponseTypeDef

log = structlog.get_logger()

# Long timeouts and retries: lists are long, and SageMaker throttles many describing calls.
CONFIG = Config(connect_timeout=2, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 8})
# Seconds; the shortest that AWS gives.
SHORTEST_LINK, SHORTEST_STUDIO_SESSION = 5, 1800
# Seconds for the name of the caller. Library timeouts apply per read, so a slow drip would hold up an emergency.
CALLER_TIMEOUT = 5.0
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
CALLER_ARN = re.compile("arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[!-~]{1,2000}")


@dataclass(frozen=True, slots=True)
class Identity:
    """The ARN of our credentials, and how far our clock is ahead of AWS's (to the second)."""

    arn: str
    ahead: timedelta

    @property
    def role_arn(self) -> str:
        """The IAM role of an assumed one, without its path, which STS leaves out."""
        parts = self.arn.split(":")
        kind, _, rest = parts[5].partition("/")
        if kind != "assumed-role":
            return self.arn
        return f"arn:{parts[1]}:iam::{parts[4]}:role/{rest.partition('/')[0]}"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A domain, its region, and the role to use there."""

    domain_id: str
    region: str
    role_arn: str | None = None


class AwsAdmin:
    """The adapter. Each method raises StudioError if AWS refuses or does not answer."""

    def __init__(self, *, region: str, external_id: str | None = None) -> None:
        self._region = region
        self._external_id = external_id

    @cached_property
    def _session(self) -> boto3.Session:
        return new_session()

    def identity(self) -> Identity:
        """Ask STS, which answers any valid credentials."""
        with aws_errors():
            before = utc_now()
            answer = self._session.client("sts", region_name=self._region, config=CONFIG).get_caller_identity()
            shown = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
            return Identity(_arn(answer), clock_ahead(before, shown, utc_now()))

    def endpoints(self) -> list[str]:
        """Return the addresses that calls go to."""
        session: Any = self._session
        with aws_errors():
            clients = [session.client(name, region_name=self._region) for name in ("sagemaker", "sts", "dynamodb")]
            return [str(client.meta.endpoint_url) for client in clients]

    def assume(self, role_arn: str) -> None:
        """Assume a role and discard its session."""
        with aws_errors():
            self._assumed(role_arn, "sagemaker:DescribeDomain")

    def tags(self, place: Place, profile_arn: str) -> dict[str, str]:
        """Return the tags of a profile."""
        with aws_errors():
            return tags_of(self.sagemaker(place, "sagemaker:ListTags"), profile_arn)

    def may_presign(self, role_arn: str, profile_arn: str, tags: Dictionary[str, str]) -> tuple[str, list[str]]:
        """Return IAM's decision on the role's policies, and the condition keys that it would need to be sure.

        IAM does not look up the profile's tags.

        The decision is "allowed", "implicitDeny" or "explicitDeny"; IAM ignores a statement whose condition is open.
        """
        with aws_errors():
            answer = self._session.client("iam", region_name=self._region, config=CONFIG).simulate_principal_policy(
                PolicySourceArn=role_arn,
                ActionNames=[PRESIGN],
                ResourceArns=[profile_arn],
                ContextEntries=[
                    {
                        "ContextKeyName": f"aws:ResourceTag/{key}",
                        "ContextKeyValues": [value],
                        "ContextKeyType": "string",
                    }
                    for key, value in tags.items()
                ],
            )
            [result] = answer["EvaluationResults"]
            of_profile = result.get("ResourceSpecificResults", [])
            open_keys = {key for each in of_profile for key in each.get("MissingContextValues", ())}
            return str(result["EvalDecision"]), sorted(open_keys)

    def presign(self, mapping: Mapping) -> None:
        """Make the shortest link possible and discard it unseen."""
        with aws_errors():
            self.sagemaker(place_of(mapping, self._region), PRESIGN).create_presigned_domain_url(
                DomainId=mapping.domain_id,
                UserProfileName=mapping.profile_name,
                ExpiresInSeconds=SHORTEST_LINK,
                SessionExpirationDurationInSeconds=SHORTEST_STUDIO_SESSION,
            )

    def profiles(self, place: Place) -> Iterator[Profile]:
        """Yield every user profile of a domain, page by page, with one more call for each profile's tags."""
        with aws_errors():
            client = self.sagemaker(place, "sagemaker:ListUserProfiles", "sagemaker:ListTags")
            domain_arn = client.describe_domain(DomainId=place.domain_id)["DomainArn"]
            base = domain_arn.rpartition(":")[0]
            region = None if place.region == self._region else place.region
            pages = client.get_paginator("list_user_profiles").paginate(
                DomainIdEquals=place.domain_id, PaginationConfig={"PageSize": 100}
            )
            for page in pages:
                for each in page["UserProfiles"]:
                    name = each["UserProfileName"]
                    arn = f"{base}:user-profile/{place.domain_id}/{name}"
                    yield Profile(place.domain_id, name, arn, _tag(client, arn), region, place.role_arn)

    def sagemaker(self, place: Place, *actions: str) -> "SageMakerClient":
        """Return a client for a place; in a role of it, for these actions only."""
        role = place.role_arn
        given = as_arguments(self._assumed(role, "sagemaker:DescribeDomain", *actions)) if role else {}
        return self._session.client("sagemaker", region_name=place.region, config=CONFIG, **given)

    def _assumed(self, role_arn: str, *actions: str) -> "CredentialsTypeDef":
        policy = document([{"Effect": "Allow", "Action": list(actions), "Resource": "*"}])
        sts = self._session.client("sts", region_name=self._region, config=CONFIG)
        return assume(sts, SessionKey(role_arn, ADMINISTRATION, json.dumps(policy)), self._external_id)


def caller_arn(region: str) -> str | None:
    """Return the ARN of the credentials in use; None if STS cannot tell in time."""
    answer: Future[str] = Future()

    def ask() -> None:
        try:
            answer.set_result(_caller_arn(region))
        except Exception as error:  # noqa: BLE001 - raised below, where it is expected
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()  # the end of the process does not wait for it
    try:
        return answer.result(CALLER_TIMEOUT)
    except (StudioError, TimeoutError) as error:
        log.warning("caller_unknown", why=getattr(error, "code", "timeout"))
        return None


def _caller_arn(region: str) -> str:
    config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
    with aws_errors():
        return _arn(new_session().client("sts", region_name=region, config=config).get_caller_identity())


def _arn(answer: "GetCallerIdentityResponseTypeDef") -> str:
    """Return the caller that STS named; TypeError if it is no ARN, which no audit entry could hold."""
    if not CALLER_ARN.fullmatch(answer["Arn"]):
        raise TypeError
    return answer["Arn"]


def access_key_id() -> str | None:
    """Return the access key in use, which CloudTrail has as `userIdentity.accessKeyId`; None without one."""
    with suppress(*AWS_ERRORS):
        credentials = new_session().get_credentials()
        return credentials.access_key if credentials else None
    return None


def place_of(mapping: Mapping, region: str) -> Place:
    """Return a mapping's place, with `region` as its default."""
    return Place(mapping.domain_id, mapping.region or region, mapping.role_arn)


def clock_ahead(before: datetime, shown: datetime, after: datetime) -> timedelta:
    """Return how far we are ahead of a clock that shows whole seconds and was read between two of our times."""
    return timedelta() if before - timedelta(seconds=1) <= shown <= after else before - shown


def _tag(client: "SageMakerClient", arn: str) -> str | None:
    """Return the value of the profile's tag; None without one."""
    try:
        tags = tags_of(client, arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == MISSING:  # deleted meanwhile
            return None
        raise
    return next((value for name, value in tags.items() if name.lower() == TAG), None)
