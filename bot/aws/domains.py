"""Find the SageMaker domains that our credentials can see, and what keeps the bot from opening one."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from bot.aws.client import aws_errors, new_session
from bot.aws.examination import failure_reason
from bot.core.causes import Cause
from bot.core.errors import StudioError
from bot.observability.aws_errors import CODES

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

AT_ONCE = 16
# What regions answer that an account has to enable first.
NOT_ENABLED = CODES[Cause.UNKNOWN_KEY] | CODES[Cause.NOT_ENABLED]
CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


@dataclass(frozen=True, slots=True, order=True)
class Domain:
    """A SageMaker domain. `obstacle` says why no link can open it; None if links can."""

    region: str
    domain_id: str
    name: str
    obstacle: str | None = None

    def __str__(self) -> str:
        return f"{self.domain_id} ({self.name}) in {self.region}"


def regions_of(partition: str) -> list[str]:
    """Return the regions of a partition that have SageMaker."""
    return boto3.Session().get_available_regions("sagemaker", partition_name=partition)


def find(regions: Collection[str]) -> tuple[list[Domain], dict[str, StudioError]]:
    """Return the domains of the regions, and the regions that hide theirs.

    A region that the account has not enabled counts as empty.

    Raises:
        StudioError: all of them hide theirs.
    """
    with aws_errors():
        session = new_session()  # not thread-safe, unlike its clients
        clients = [session.client("sagemaker", region_name=region, config=CONFIG) for region in regions]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="regions") as pool:
        results = dict(zip(regions, pool.map(_domains, clients), strict=True))
    hidden = {region: found for region, found in results.items() if isinstance(found, StudioError)}
    if len(hidden) == len(results):
        raise next(iter(hidden.values()))
    found = sorted(each for domains in results.values() if not isinstance(domains, StudioError) for each in domains)
    return found, {region: error for region, error in hidden.items() if error.code not in NOT_ENABLED}


def _domains(client: "SageMakerClient") -> list[Domain] | StudioError:
    region = client.meta.region_name
    try:
        with aws_errors():
            pages = client.get_paginator("list_domains").paginate()
            listed = [(each["DomainId"], each["DomainName"]) for page in pages for each in page["Domains"]]
            return [Domain(region, domain_id, name, _obstacle(client, domain_id)) for domain_id, name in listed]
    except StudioError as error:
        return error


def _obstacle(client: "SageMakerClient", domain_id: str) -> str | None:
    described = client.describe_domain(DomainId=domain_id)
    unified = described.get("DomainSettings", {}).get("UnifiedStudioSettings", {})
    if described.get("AuthMode") == "SSO":
        return f"signs in through IAM Identity Center: its members use {described.get('Url', 'its own address')}"
    if unified.get("StudioWebPortalAccess") == "DISABLED":
        return "belongs to SageMaker Unified Studio, and opens only there"
    if (status := described.get("Status")) != "InService":
        why = failure_reason(described)[:200]
        return f"is {status}{f' ({why})' if why else ''}: repair it in the SageMaker console"
    return None
