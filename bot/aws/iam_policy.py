"""Least-privilege IAM policies for the bot, its administrators and a broker role's session. Pure.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.core.access import Mapping

TABLES = ("access", "audit", "runtime")
PRESIGN = "sagemaker:CreatePresignedDomainUrl"
EXAMINE = ["sagemaker:DescribeDomain", "sagemaker:DescribeUserProfile", "sagemaker:DescribeSpace"]


class Role(StrEnum):
    """The roles that have a policy."""

    SERVING = "serving"
    ADMINISTRATION = "administration"


@dataclass(frozen=True, slots=True)
class Scope:
    """The coverage of a policy.

    Attributes:
        domains: region and id of each domain that is reached with the role's own credentials.
        broker_roles: the ARNs of the roles that are assumed for the others.
        secrets: the ARNs of the secrets and parameters that variables refer to.
        administers_in_slack: whether the bot itself changes access rules.
        source_ips, source_vpces: the networks that may make and use links; empty for any.
    """

    partition: str
    account: str
    region: str
    table_prefix: str
    domains: frozenset[tuple[str, str]] = frozenset()
    broker_roles: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    administers_in_slack: bool = False
    source_ips: tuple[str, ...] = ()
    source_vpces: tuple[str, ...] = ()

    def table(self, name: str) -> str:
        """Return the ARN of one of our tables, or of its indexes (`audit/index/*`)."""
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.table_prefix}{name}"

    def studio(self, kind: str, below: str = "") -> list[str]:
        """Return the ARNs of a kind of resource in the domains."""
        return [
            f"arn:{self.partition}:sagemaker:{region}:{self.account}:{kind}/{domain}{below}"
            for region, domain in sorted(self.domains)
        ]

    def mapped(self) -> list[str]:
        """Return the ARNs of the domains and of their profiles and spaces."""
        return [*self.studio("domain"), *self.studio("user-profile", "/*"), *self.studio("space", "/*")]


def policy(role: Role, scope: Scope) -> dict[str, Any]:
    """Return the policy document of a role, without statements that would cover nothing."""
    statements = _serving(scope) if role is Role.SERVING else _administration(scope)
    return {"Version": "2012-10-17", "Statement": [each for each in statements if each["Resource"]]}


def session_policy(mapping: Mapping, region: str) -> dict[str, Any]:
    """Return the inline policy that narrows a broker role to the one profile of the mapping."""
    partition, account = re.match(r"arn:([^:]+):iam::(\d+):", mapping.role_arn or "").groups()  # type: ignore[union-attr] # Mapping checked it
    scope = Scope(partition, account, region, "", frozenset({(region, mapping.domain_id)}))
    profile = mapping.profile_arn or scope.studio("user-profile", f"/{mapping.profile_name}")[0]
    statements = [
        {"Effect": "Allow", "Action": [PRESIGN], "Resource": profile},
        {"Effect": "Allow", "Action": EXAMINE, "Resource": scope.mapped()},
        {"Effect": "Allow", "Action": ["sagemaker:ListSpaces"], "Resource": "*"},  # it takes no narrower one
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _serving(scope: Scope) -> list[dict[str, Any]]:
    changes = ("Scan", "PutItem", "UpdateItem") if scope.administers_in_slack else ()
    histories = ("by_member", "by_day") if scope.administers_in_slack else ("by_member",)
    return [
        *_links(scope),
        *_common(scope),
        _statement("OfferSpaces", ["sagemaker:ListSpaces"], ["*"] if scope.domains else []),
        _tables(scope, "Access", ("BatchGetItem", *changes), ["access"]),
        _tables(scope, "Record", ("PutItem", "UpdateItem"), ["audit"]),
        _tables(scope, "Count", ("GetItem", "PutItem", "UpdateItem"), ["runtime"]),
        _tables(scope, "LastLinks", ("Query",), [f"audit/index/{name}" for name in histories]),
        _tables(scope, "Ready", ("DescribeTable",), TABLES),
    ]


def _administration(scope: Scope) -> list[dict[str, Any]]:
    settings = ("Table", "TimeToLive", "ContinuousBackups")
    operations = ("CreateTable", *(f"{verb}{name}" for name in settings for verb in ("Update", "Describe")))
    # For `doctor`: simulating the policies of this account's roles changes nothing.
    roles = f"arn:{scope.partition}:iam::{scope.account}:role/*"
    return [
        *_common(scope),
        _statement("ListProfiles", ["sagemaker:ListUserProfiles"], ["*"] if scope.domains else []),
        _statement("ReadTags", ["sagemaker:ListTags"], scope.studio("user-profile", "/*")),
        _tables(scope, "Access", ("BatchGetItem", "Scan", "PutItem", "UpdateItem"), ["access"]),
        _tables(scope, "Record", ("PutItem",), ["audit"]),
        _tables(scope, "History", ("Query",), ["audit/index/by_member", "audit/index/by_day"]),
        _tables(scope, "Tables", operations, TABLES),
        _statement("Simulate", ["iam:SimulatePrincipalPolicy"], [roles]),
    ]


def _links(scope: Scope) -> list[dict[str, Any]]:
    """Allow minting links. With both conditions there are two statements: a request never meets both."""
    conditions: list[dict[str, Any]] = []
    if scope.source_ips:
        conditions.append({"Condition": {"IpAddress": {"aws:SourceIp": list(scope.source_ips)}}})
    if scope.source_vpces:
        conditions.append({"Condition": {"StringEquals": {"aws:SourceVpce": list(scope.source_vpces)}}})
    profiles = scope.studio("user-profile", "/*")
    return [
        _statement(f"Links{number if len(conditions) > 1 else ''}", [PRESIGN], profiles) | condition
        for number, condition in enumerate(conditions or [{}], start=1)
    ]


def _common(scope: Scope) -> list[dict[str, Any]]:
    """Allow what both roles need: examining mappings, assuming their roles, and reading referenced secrets.

    The key of a secret that is encrypted with a key of your own has to be added.
    """
    kinds = {"secretsmanager:GetSecretValue": ":secretsmanager:", "ssm:GetParameter": ":ssm:"}
    return [
        _statement("Examine", EXAMINE, scope.mapped()),
        _statement("Brokers", ["sts:AssumeRole", "sts:SetSourceIdentity"], sorted(scope.broker_roles)),
        *(
            _statement(f"Secrets{number}", [action], sorted(arn for arn in scope.secrets if kind in arn))
            for number, (action, kind) in enumerate(kinds.items(), start=1)
        ),
    ]


def _tables(scope: Scope, sid: str, operations: Iterable[str], names: Iterable[str]) -> dict[str, Any]:
    return _statement(sid, [f"dynamodb:{name}" for name in operations], [scope.table(name) for name in names])


def _statement(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
