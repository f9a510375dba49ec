"""The scope of a policy, and the statements that allow links. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot.core.access import Mapping

PRESIGN = "sagemaker:CreatePresignedDomainUrl"
EXAMINE_PROFILE = "sagemaker:DescribeUserProfile"
# The tag of the user profiles that the bot may open, for policies too small to name them.
TAG, TAG_VALUE = "studio-links", "yes"
TAGGED = {"StringEquals": {f"aws:ResourceTag/{TAG}": TAG_VALUE}}


@dataclass(frozen=True, slots=True)
class Scope:
    """The coverage of a policy.

    Attributes:
        profiles: the ARNs of the mapped profiles that are reached with the role's own credentials.
        domains: region and id of their domains.
        open_domains: those of them whose profiles the bot may all open.
        broker_roles: the ARNs of the roles that are assumed for the others.
        secrets: the ARNs of the secrets and parameters that variables refer to.
        administers_in_slack: whether the bot itself changes access rules.
        runs: whether members and administrators see, stop and start what runs.
        picks: whether administrators pick domains and profiles from AWS's lists in Slack.
        by_tag: whether the bot opens the profiles that are tagged instead of those named.
        source_ips, source_vpces: the networks that may make and use links; empty for any.
        kms_key: the ARN of the key that encrypts the tables; None for AWS's own.
        serving_role: the ARN of the bot's role, for revocation; None if nobody has named it.
        template_domains: those in which profiles and spaces are made.
        template_roles: the ARNs of the execution roles of profiles that are made.
        offboards: whether apps, spaces and profiles of the domains are deleted.
    """

    partition: str
    account: str
    region: str
    table_prefix: str
    profiles: frozenset[str] = frozenset()
    domains: frozenset[tuple[str, str]] = frozenset()
    open_domains: frozenset[tuple[str, str]] = frozenset()
    broker_roles: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    administers_in_slack: bool = False
    runs: bool = False
    picks: bool = False
    by_tag: bool = False
    source_ips: tuple[str, ...] = ()
    source_vpces: tuple[str, ...] = ()
    kms_key: str | None = None
    serving_role: str | None = None
    template_domains: frozenset[tuple[str, str]] = frozenset()
    template_roles: frozenset[str] = frozenset()
    offboards: bool = False

    def table(self, name: str) -> str:
        """Return the ARN of one of our tables, or of its indexes (`audit/index/*`)."""
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.table_prefix}{name}"

    def studio(self, kind: str, below: str = "", domains: Iterable[tuple[str, str]] | None = None) -> list[str]:
        """Return the ARNs of a kind of resource in the domains."""
        return [
            f"arn:{self.partition}:sagemaker:{region}:{self.account}:{kind}/{domain}{below}"
            for region, domain in sorted(self.domains if domains is None else domains)
        ]

    def opened(self) -> list[str]:
        """Return the ARNs of the profiles that the bot may open."""
        if self.by_tag:
            return self.studio("user-profile", "/*")
        return sorted(self.profiles) + self.studio("user-profile", "/*", self.open_domains)


def scope_of(mapping: Mapping, region: str) -> Scope:
    """Return the scope of a mapping with a role: its domain, in the role's account."""
    partition, account = re.match(r"arn:([^:]+):iam::(\d+):", mapping.role_arn or "").groups()  # type: ignore[union-attr] # Mapping checked it
    return Scope(partition, account, region, "", domains=frozenset({(region, mapping.domain_id)}))


def links(scope: Scope) -> list[dict[str, Any]]:
    """Allow minting links. With both networks there are two statements: a request never meets both conditions."""
    networks: list[dict[str, Any]] = []
    if scope.source_ips:
        networks.append({"IpAddress": {"aws:SourceIp": list(scope.source_ips)}})
    if scope.source_vpces:
        networks.append({"StringEquals": {"aws:SourceVpce": list(scope.source_vpces)}})
    statements = []
    for number, network in enumerate(networks or [{}], start=1):
        found = statement(f"Links{number if len(networks) > 1 else ''}", [PRESIGN], scope.opened())
        tagged = TAGGED["StringEquals"] if scope.by_tag else {}
        equals = network.get("StringEquals", {}) | tagged
        condition = network | ({"StringEquals": equals} if equals else {})
        statements.append(found | ({"Condition": condition} if condition else {}))
    return statements


def document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the policy of these statements."""
    return {"Version": "2012-10-17", "Statement": statements}


def profile_arn(mapping: Mapping, partition: str, region: str, account: str) -> str:
    """Return the ARN of a mapping's profile, which is in the account unless the mapping says so itself."""
    named = f"user-profile/{mapping.domain_id}/{mapping.profile_name}"
    return mapping.profile_arn or f"arn:{partition}:sagemaker:{region}:{account}:{named}"


def statement(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    """Return a statement that allows something."""
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
