"""Least-privilege IAM policies for the bot, the people who run it, and a broker role's session. Pure.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.core.access import Mapping
from bot.core.audit import FROM_SHELL

TABLES = ("access", "audit", "runtime")
HISTORIES = ("audit/index/by_member", "audit/index/by_day")
# What `tables create` switches on and `tables check` reads.
SETTINGS = ("Table", "TimeToLive", "ContinuousBackups")
PRESIGN = "sagemaker:CreatePresignedDomainUrl"
EXAMINE_PROFILE = "sagemaker:DescribeUserProfile"
EXAMINE_REST = ["sagemaker:DescribeDomain", "sagemaker:DescribeSpace"]
# The tag of the user profiles that the bot may open, for policies too small to name them.
TAG, TAG_VALUE = "studio-links", "yes"
TAGGED = {"StringEquals": {f"aws:ResourceTag/{TAG}": TAG_VALUE}}
# Characters without white space. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_MANAGED_POLICY = 6144

# The audit's keys that a role may write: a bot no entry of a shell, and a shell nothing but those. An erasure may
# replace what names people in any entry. Both names and keys are in every request.
SHELL_KEYS = {"dynamodb:LeadingKeys": [f"{FROM_SHELL}*"]}
ERASABLE = (
    "id", "member", "actor", "alias", "profile_name", "space_name", "landing_uri", "rule", "detail", "locale",
    "aws_request_id", "aws_session", "before", "after", "salt", "original", "erased_by",
)  # fmt: skip
# The access table's keys of members: no lock, which remembers that a profile had an owner, and no workspace.
MEMBER_KEYS = {"dynamodb:LeadingKeys": ["T*#*", "E*#*"]}


class Role(StrEnum):
    """The roles that have a policy."""

    SERVING = "serving"
    ADMINISTRATION = "administration"
    SETUP = "setup"
    REVOCATION = "revocation"
    ERASURE = "erasure"


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
        by_tag: whether the bot opens the profiles that are tagged instead of those named.
        source_ips, source_vpces: the networks that may make and use links; empty for any.
        kms_key: the ARN of the key that encrypts the tables; None for AWS's own.
        serving_role: the ARN of the bot's role, for revocation; None if nobody has named it.
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
    by_tag: bool = False
    source_ips: tuple[str, ...] = ()
    source_vpces: tuple[str, ...] = ()
    kms_key: str | None = None
    serving_role: str | None = None

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


def policy(role: Role, scope: Scope) -> dict[str, Any]:
    """Return the policy document of a role, without statements that would cover nothing."""
    statements = _STATEMENTS[role](scope)
    return {"Version": "2012-10-17", "Statement": [each for each in statements if each["Resource"]]}


def size(document: dict[str, Any]) -> int:
    """Return the length of a policy as IAM counts it, without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def session_policy(mapping: Mapping, region: str) -> dict[str, Any]:
    """Return the inline policy that narrows a broker role to the one profile of the mapping."""
    partition, account = re.match(r"arn:([^:]+):iam::(\d+):", mapping.role_arn or "").groups()  # type: ignore[union-attr] # Mapping checked it
    scope = Scope(partition, account, region, "", domains=frozenset({(region, mapping.domain_id)}))
    profile = mapping.profile_arn or scope.studio("user-profile", f"/{mapping.profile_name}")[0]
    statements = [
        {"Effect": "Allow", "Action": [PRESIGN], "Resource": profile},
        {
            "Effect": "Allow",
            "Action": [*EXAMINE_REST, EXAMINE_PROFILE],
            "Resource": [*scope.studio("domain"), *scope.studio("space", "/*"), profile],
        },
        {"Effect": "Allow", "Action": ["sagemaker:ListSpaces"], "Resource": "*"},  # it takes no narrower one
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _serving(scope: Scope) -> list[dict[str, Any]]:
    changes = ("Scan", "PutItem", "UpdateItem") if scope.administers_in_slack else ()
    profiles = _statement("ExamineProfiles", [EXAMINE_PROFILE], scope.opened())
    return [
        *_links(scope),
        profiles | ({"Condition": TAGGED} if scope.by_tag else {}),
        *_common(scope),
        _statement("OfferSpaces", ["sagemaker:ListSpaces"], ["*"] if scope.domains else []),
        _tables(scope, "Access", ("BatchGetItem", *changes), ["access"]),
        _tables(scope, "Record", ("PutItem", "UpdateItem"), ["audit"])
        | {"Condition": {"ForAllValues:StringNotLike": SHELL_KEYS}},
        _tables(scope, "Count", ("GetItem", "BatchGetItem", "PutItem", "UpdateItem"), ["runtime"]),
        _tables(scope, "LastLinks", ("Query",), HISTORIES),
        _tables(scope, "Ready", ("DescribeTable",), TABLES),
    ]


def _administration(scope: Scope) -> list[dict[str, Any]]:
    # For `doctor`: simulating the policies of this account's roles changes nothing.
    roles = f"arn:{scope.partition}:iam::{scope.account}:role/*"
    return [
        _statement("ExamineProfiles", [EXAMINE_PROFILE], scope.studio("user-profile", "/*")),
        *_common(scope),
        _statement("ListProfiles", ["sagemaker:ListUserProfiles"], ["*"] if scope.domains else []),
        _statement("ReadTags", ["sagemaker:ListTags"], scope.studio("user-profile", "/*")),
        _tables(scope, "Access", ("BatchGetItem", "Scan", "PutItem", "UpdateItem"), ["access"]),
        _tables(scope, "Record", ("PutItem",), ["audit"]) | {"Condition": {"ForAllValues:StringLike": SHELL_KEYS}},
        _tables(scope, "History", ("Query",), HISTORIES),
        _tables(scope, "Verify", ("GetItem",), ["audit"]),
        _tables(scope, "LookAtTables", [f"Describe{name}" for name in SETTINGS], TABLES),
        _statement("Simulate", ["iam:SimulatePrincipalPolicy"], [roles]),
    ]


def _setup(scope: Scope) -> list[dict[str, Any]]:
    """Allow creating the tables and protecting them, and nothing that is in them.

    IAM cannot allow switching protection on without allowing to switch it off, so this is no role for every day.
    """
    operations = ("CreateTable", *(f"{verb}{name}" for name in SETTINGS for verb in ("Update", "Describe")))
    return [
        _tables(scope, "Tables", operations, TABLES),
        # `tables create` warns about a second installation in the region. This action takes no narrower resource.
        _statement("FindTables", ["dynamodb:ListTables"], ["*"]),
        *_key(scope, "kms:CreateGrant"),
    ]


def _revocation(scope: Scope) -> list[dict[str, Any]]:
    """Allow `revoke`. IAM cannot limit what a role's policy says, so this is no role for administrators."""
    here = f":{scope.account}:"
    roles = sorted(each for each in {*scope.broker_roles, scope.serving_role or ""} if here in each)
    return [
        _statement("EndSessions", ["iam:PutRolePolicy"], roles),
        _statement("EndApps", ["sagemaker:DeleteApp"], scope.studio("app", "/*")),
        # These take no narrower resource.
        _statement("FindApps", ["sagemaker:ListApps", "sagemaker:ListSpaces"], ["*"] if scope.domains else []),
        _tables(scope, "Access", ("BatchGetItem",), ["access"]),
        _tables(scope, "Record", ("PutItem", "UpdateItem"), ["audit"])
        | {"Condition": {"ForAllValues:StringLike": SHELL_KEYS}},
        *_secrets(scope),
        *_key(scope),
    ]


def _erasure(scope: Scope) -> list[dict[str, Any]]:
    """Allow what `erase` needs beside administration: it deletes items and rewrites entries, on few days."""
    return [
        _tables(scope, "Erase", ("UpdateItem",), ["audit"])
        | {"Condition": {"ForAllValues:StringEquals": {"dynamodb:Attributes": list(ERASABLE)}}},
        _tables(scope, "Remove", ("DeleteItem",), ["access"])
        | {"Condition": {"ForAllValues:StringLike": MEMBER_KEYS}},
        _tables(scope, "Runtime", ("GetItem", "Scan", "PutItem", "UpdateItem", "DeleteItem"), ["runtime"]),
        *_key(scope),
    ]


def _links(scope: Scope) -> list[dict[str, Any]]:
    """Allow minting links. With both networks there are two statements: a request never meets both conditions."""
    networks: list[dict[str, Any]] = []
    if scope.source_ips:
        networks.append({"IpAddress": {"aws:SourceIp": list(scope.source_ips)}})
    if scope.source_vpces:
        networks.append({"StringEquals": {"aws:SourceVpce": list(scope.source_vpces)}})
    statements = []
    for number, network in enumerate(networks or [{}], start=1):
        statement = _statement(f"Links{number if len(networks) > 1 else ''}", [PRESIGN], scope.opened())
        tagged = TAGGED["StringEquals"] if scope.by_tag else {}
        equals = network.get("StringEquals", {}) | tagged
        condition = network | ({"StringEquals": equals} if equals else {})
        statements.append(statement | ({"Condition": condition} if condition else {}))
    return statements


def _common(scope: Scope) -> list[dict[str, Any]]:
    """Allow what both roles need: examining mappings, assuming their roles, and reading referenced secrets."""
    return [
        _statement("Examine", EXAMINE_REST, [*scope.studio("domain"), *scope.studio("space", "/*")]),
        _statement("Brokers", ["sts:AssumeRole", "sts:SetSourceIdentity"], sorted(scope.broker_roles)),
        *_secrets(scope),
        *_key(scope),
    ]


def _secrets(scope: Scope) -> list[dict[str, Any]]:
    """Allow reading referenced secrets. The key of one that is encrypted with a key of your own has to be added."""
    kinds = {"secretsmanager:GetSecretValue": ":secretsmanager:", "ssm:GetParameter": ":ssm:"}
    return [
        _statement(f"Secrets{number}", [action], sorted(arn for arn in scope.secrets if kind in arn))
        for number, (action, kind) in enumerate(kinds.items(), start=1)
    ]


def _key(scope: Scope, *more: str) -> list[dict[str, Any]]:
    """Allow using the tables' own key, through DynamoDB only.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    statement = _statement("TableKey", [*actions, *more], [scope.kms_key] if scope.kms_key else [])
    return [statement | {"Condition": {"StringLike": {"kms:ViaService": f"dynamodb.{scope.region}.*"}}}]


def _tables(scope: Scope, sid: str, operations: Iterable[str], names: Iterable[str]) -> dict[str, Any]:
    return _statement(sid, [f"dynamodb:{name}" for name in operations], [scope.table(name) for name in names])


def _statement(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


_STATEMENTS = {
    Role.SERVING: _serving,
    Role.ADMINISTRATION: _administration,
    Role.SETUP: _setup,
    Role.REVOCATION: _revocation,
    Role.ERASURE: _erasure,
}
