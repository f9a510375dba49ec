"""SageMaker: sign-in links, spaces and examinations, in the process's own role or in a mapping's.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedDomainUrl.html
"""

import json
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from bot.admin.examination import UNKNOWN_REGION
from bot.aws import link_hosts
from bot.aws.client import aws_errors, new_session, partition_of
from bot.aws.examination import diagnosed, examine, require_space
from bot.aws.iam_policy import session_policy
from bot.aws.role_sessions import Roles, SessionKey, borrowing_session, use_session
from bot.connections import open_ahead, pool_of, read_authorities_once
from bot.core.access import Mapping, Member
from bot.core.errors import StudioError
from bot.core.link import Allowed, Link, Reason
from bot.core.ports import Failed
from bot.core.values import USER_AGENT, utc_now
from bot.observability.aws_failures import REFUSED, error_code

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import CreatePresignedDomainUrlRequestTypeDef
    from urllib3.connectionpool import HTTPConnectionPool

T = TypeVar("T")

MAX_SPACES = 1000
ADMINISTRATION = "studio-links-administration"


class SageMakerStudio:
    """Mint links; see `ports.Studio`. All threads share its clients: one per region, and one for roles there.

    Args:
        link_seconds: how long a link works.
        session_seconds: how long the Studio session lasts by default.
        connections: the size of each client's pool.
        external_id: the external id that the trust policies of mappings' roles require; None for none.
        link_hosts: hosts to which a link may lead, beside SageMaker's own.
        failed: counts each call that AWS refused or did not answer, after retries.
    """

    def __init__(
        self,
        *,
        region: str,
        link_seconds: int,
        session_seconds: int,
        connections: int = 10,
        external_id: str | None = None,
        link_hosts: Collection[str] = (),
        failed: Failed | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._region = region
        self._failed = failed
        self._link_seconds = link_seconds
        self._session_seconds = session_seconds
        self._link_hosts = link_hosts
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
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._roles = Roles(lambda: self._client("sts", region), external_id=external_id, now=now)

    def warm_up(self) -> None:
        """Create the home region's client now: parsing SageMaker's model takes a tenth of a second.

        Raises:
            StudioError: AWS's own settings do not make sense.
        """
        with aws_errors():
            self._client("sagemaker", self._region)

    @cached_property
    def _session(self) -> boto3.Session:
        return new_session(failed=self._failed)

    @cached_property
    def _pool(self) -> "HTTPConnectionPool":
        return pool_of(self._client("sagemaker", self._region))

    @cached_property
    def _role_session(self) -> boto3.Session:
        return new_session(borrowing_session(), self._failed)

    def connect(self, beside: Executor) -> None:
        """Open a connection to SageMaker in the home region; see `ports.Studio`."""
        open_ahead(self._pool, beside)

    def sign_in(self, allowed: Allowed) -> Link:
        """Mint a link for the mapping that the policy allowed.

        Raises:
            StudioError: there is no link; the reason says why.
        """
        return self.call(allowed.mapping, allowed.member, partial(self._mint, allowed.mapping))

    def _mint(self, mapping: Mapping, client: "SageMakerClient") -> Link:
        session_seconds = mapping.session_seconds or self._session_seconds
        parameters: CreatePresignedDomainUrlRequestTypeDef = {
            "DomainId": mapping.domain_id,
            "UserProfileName": mapping.profile_name,
            "ExpiresInSeconds": self._link_seconds,
            "SessionExpirationDurationInSeconds": session_seconds,
        }
        if mapping.space_name is not None:
            require_space(client, mapping)
            parameters["SpaceName"] = mapping.space_name
        if mapping.landing_uri is not None:
            parameters["LandingUri"] = mapping.landing_uri
        expires_at = self._now() + timedelta(seconds=self._link_seconds)
        try:
            response = client.create_presigned_domain_url(**parameters)
        except ClientError as error:
            raise diagnosed(client, mapping, error) from None
        return Link(
            url=link_hosts.checked(
                response.get("AuthorizedUrl"),
                region=client.meta.region_name,
                endpoint=client.meta.endpoint_url,
                listed=self._link_hosts,
            ),
            expires_at=expires_at,
            lifetime_seconds=self._link_seconds,
            session_seconds=session_seconds,
            aws_request_id=response["ResponseMetadata"].get("RequestId"),
        )

    def examine(self, mapping: Mapping) -> Mapping:
        """Return the mapping with the ARN that SageMaker has for its profile now.

        Raises:
            StudioError: the mapping could not be signed in to; the reason says why.
        """
        arn = self.call(mapping, None, lambda client: examine(client, mapping))
        return replace(mapping, profile_arn=arn)

    def spaces(self, member: Member, mapping: Mapping) -> tuple[str, ...]:
        """Return the names of the spaces that are shared or the profile's own; see `ports.Studio`.

        Listing takes a permission that no resource narrows (`sagemaker:ListSpaces`), so an installation may not grant
        it. Of a domain with thousands of spaces, only the first ones are listed.
        """
        mine = mapping.profile_name.lower()

        def names(client: "SageMakerClient") -> list[str]:
            pages = client.get_paginator("list_spaces").paginate(
                DomainIdEquals=mapping.domain_id, PaginationConfig={"MaxItems": MAX_SPACES, "PageSize": 100}
            )
            return [
                space["SpaceName"]
                for space in pages.search("Spaces[]")
                if space.get("SpaceSharingSettingsSummary", {}).get("SharingType") == "Shared"
                or space.get("OwnershipSettingsSummary", {}).get("OwnerUserProfileName", "").lower() == mine
            ]

        return tuple(sorted(self.call(mapping, member, names)))

    @aws_errors()
    def call(
        self,
        mapping: Mapping,
        member: Member | None,
        work: Callable[["SageMakerClient"], T],
        policy: Callable[[Mapping, str], dict[str, Any]] = session_policy,
    ) -> T:
        """Do the work in the mapping's region, and in its role if it names one, assumed in the member's name.

        CloudTrail shows that name, and a wrong mapping fails in IAM instead of opening another profile. A cached
        session that AWS refuses is replaced once.

        Args:
            policy: what the role's session may do, given the mapping and its region.
        """
        region = mapping.region or self._region
        if mapping.role_arn is None:
            return work(self._client("sagemaker", region))
        name = member.session_name if member else ADMINISTRATION
        key = SessionKey(mapping.role_arn, name, json.dumps(policy(mapping, region)))
        session, was_cached = self._roles.session(key)
        client = self._client("sagemaker", region, by_role=True)
        try:
            with use_session(session):
                return work(client)
        except (ClientError, StudioError) as error:
            code = error.code if isinstance(error, StudioError) else error_code(error)
            if not was_cached or code not in REFUSED:
                raise
        self._roles.forget(key)
        session, _ = self._roles.session(key)
        with use_session(session):
            return work(client)

    def _client(self, service: Literal["sagemaker", "sts"], region: str, *, by_role: bool = False) -> Any:
        key = service, region, by_role
        with self._lock:
            if key not in self._clients:
                if partition_of(region) is None:
                    raise StudioError(
                        f"AWS has no region {region}: correct the mapping",
                        reason=Reason.AWS_REFUSED,
                        code=UNKNOWN_REGION,
                    )
                session = self._role_session if by_role else self._session
                client = session.client(service, region_name=region, config=self._config)
                read_authorities_once(client)
                self._clients[key] = client
            return self._clients[key]
