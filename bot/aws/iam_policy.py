"""Least-privilege IAM policies for the bot, the people who run it, and a broker role's session. Pure.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from bot.aws.iam_scope import EXAMINE_PROFILE, PRESIGN, TAGGED, Scope, document, links, scope_of, statement
from bot.aws.iam_workspaces import LIST, STOP, STOP_AND_START, made_links, offboards, provisions, running
from bot.core.access import Mapping
from bot.core.audit import FROM_SHELL

TABLES = ("access", "audit", "runtime")
HISTORIES = ("audit/index/by_member", "audit/index/by_day")
# What `tables create` switches on and `tables check` reads.
SETTINGS = ("Table", "TimeToLive", "ContinuousBackups")
# The actions that pick-lists need. IAM offers no narrower resource for them.
LIST_TO_PICK = ["sagemaker:ListDomains", "sagemaker:ListUserProfiles"]
EXAMINE_REST = ["sagemaker:DescribeDomain", "sagemaker:DescribeSpace"]
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


def policy(role: Role, scope: Scope) -> dict[str, Any]:
    """Return the policy document of a role, without statements that would cover nothing."""
    found = _STATEMENTS[role](scope)
    return document([each for each in found if each["Resource"] and each["Action"]])


def size(document: dict[str, Any]) -> int:
    """Return the length of a policy as IAM counts it, without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def session_policy(mapping: Mapping, region: str) -> dict[str, Any]:
    """Return the inline policy that narrows a broker role to the one profile of the mapping."""
    scope = scope_of(mapping, region)
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
    return document(statements)


def profiles_policy(_mapping: Mapping, _region: str) -> dict[str, Any]:
    """Return the inline policy of a session that lists profiles."""
    return {"Version": "2012-10-17", "Statement": [statement("ListProfiles", LIST_TO_PICK[1:], ["*"])]}


def _serving(scope: Scope) -> list[dict[str, Any]]:
    changes = ("Scan", "PutItem", "UpdateItem") if scope.administers_in_slack else ()
    profiles = statement("ExamineProfiles", [EXAMINE_PROFILE], scope.opened())
    return [
        *links(scope),
        profiles | ({"Condition": TAGGED} if scope.by_tag else {}),
        *_common(scope),
        *running(scope, STOP_AND_START),
        _tables(scope, "Everyone", ("Scan",) if scope.runs else (), ["access"]),
        statement("OfferSpaces", ["sagemaker:ListSpaces"], ["*"] if scope.domains else []),
        statement("PickLists", LIST_TO_PICK, ["*"] if scope.picks else []),
        _tables(scope, "Access", ("BatchGetItem", *changes), ["access"]),
        _tables(scope, "Record", ("PutItem", "UpdateItem"), ["audit"])
        | {"Condition": {"ForAllValues:StringNotLike": SHELL_KEYS}},
        _tables(scope, "Count", ("GetItem", "BatchGetItem", "PutItem", "UpdateItem"), ["runtime"]),
        _tables(scope, "LastLinks", ("Query",), HISTORIES),
        _tables(scope, "Ready", ("DescribeTable",), TABLES),
        *provisions(scope),
        *made_links(scope),
        *offboards(scope, scope.opened()),
    ]


def _administration(scope: Scope) -> list[dict[str, Any]]:
    # For `doctor`: simulating the policies of this account's roles changes nothing.
    roles = f"arn:{scope.partition}:iam::{scope.account}:role/*"
    changes = bool(scope.template_domains) or scope.offboards
    return [
        statement("ExamineProfiles", [EXAMINE_PROFILE], scope.studio("user-profile", "/*")),
        *_common(scope),
        statement("ListProfiles", ["sagemaker:ListUserProfiles"], ["*"] if scope.domains else []),
        statement("ReadTags", ["sagemaker:ListTags"], scope.studio("user-profile", "/*")),
        _tables(scope, "Access", ("BatchGetItem", "Scan", "PutItem", "UpdateItem"), ["access"]),
        _tables(scope, "Record", ("PutItem",), ["audit"]) | {"Condition": {"ForAllValues:StringLike": SHELL_KEYS}},
        _tables(scope, "History", ("Query",), HISTORIES),
        _tables(scope, "Verify", ("GetItem",), ["audit"]),
        # Of the runtime table: names and access requests. Writing more could make an account count as a member's.
        _tables(scope, "Names", ("BatchGetItem", "GetItem"), ["runtime"])
        | {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["person#*", "access#*", "asked#*"]}}},
        _tables(scope, "Decide", ("UpdateItem",), ["runtime"])
        | {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["access#*"]}}},
        _tables(scope, "LookAtTables", [f"Describe{name}" for name in SETTINGS], TABLES),
        *running(scope, STOP),
        statement("Simulate", ["iam:SimulatePrincipalPolicy"], [roles]),
        *provisions(scope),
        *offboards(scope, scope.studio("user-profile", "/*")),
        _tables(scope, "Jobs", ("GetItem", "PutItem", "UpdateItem") if changes else (), ["runtime"]),
    ]


def _setup(scope: Scope) -> list[dict[str, Any]]:
    """Allow creating the tables and protecting them, and nothing that is in them.

    IAM cannot allow switching protection on without allowing to switch it off, so this is no role for every day.
    """
    operations = ("CreateTable", *(f"{verb}{name}" for name in SETTINGS for verb in ("Update", "Describe")))
    return [
        _tables(scope, "Tables", operations, TABLES),
        # `tables create` warns about a second installation in the region. This action takes no narrower resource.
        statement("FindTables", ["dynamodb:ListTables"], ["*"]),
        *_key(scope, "kms:CreateGrant"),
    ]


def _revocation(scope: Scope) -> list[dict[str, Any]]:
    """Allow `revoke`. IAM cannot limit what a role's policy says, so this is no role for administrators."""
    here = f":{scope.account}:"
    roles = sorted(each for each in {*scope.broker_roles, scope.serving_role or ""} if here in each)
    return [
        statement("EndSessions", ["iam:PutRolePolicy"], roles),
        statement("EndApps", ["sagemaker:DeleteApp"], scope.studio("app", "/*")),
        statement("FindApps", LIST, ["*"] if scope.domains else []),
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


def _common(scope: Scope) -> list[dict[str, Any]]:
    """Allow what both roles need: examining mappings, assuming their roles, and reading referenced secrets."""
    return [
        statement("Examine", EXAMINE_REST, [*scope.studio("domain"), *scope.studio("space", "/*")]),
        statement("Brokers", ["sts:AssumeRole", "sts:SetSourceIdentity"], sorted(scope.broker_roles)),
        *_secrets(scope),
        *_key(scope),
    ]


def _secrets(scope: Scope) -> list[dict[str, Any]]:
    """Allow reading referenced secrets. The key of one that is encrypted with a key of your own has to be added."""
    kinds = {"secretsmanager:GetSecretValue": ":secretsmanager:", "ssm:GetParameter": ":ssm:"}
    return [
        statement(f"Secrets{number}", [action], sorted(arn for arn in scope.secrets if kind in arn))
        for number, (action, kind) in enumerate(kinds.items(), start=1)
    ]


def _key(scope: Scope, *more: str) -> list[dict[str, Any]]:
    """Allow using the tables' own key, through DynamoDB only.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    found = statement("TableKey", [*actions, *more], [scope.kms_key] if scope.kms_key else [])
    return [found | {"Condition": {"StringLike": {"kms:ViaService": f"dynamodb.{scope.region}.*"}}}]


def _tables(scope: Scope, sid: str, operations: Iterable[str], names: Iterable[str]) -> dict[str, Any]:
    return statement(sid, [f"dynamodb:{name}" for name in operations], [scope.table(name) for name in names])


_STATEMENTS = {
    Role.SERVING: _serving,
    Role.ADMINISTRATION: _administration,
    Role.SETUP: _setup,
    Role.REVOCATION: _revocation,
    Role.ERASURE: _erasure,
}
