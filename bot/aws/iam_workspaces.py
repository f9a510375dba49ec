"""IAM permissions to make, run and remove workspaces, for roles and for sessions of a mapping's role. Pure."""

from dataclasses import replace
from typing import Any

from bot.aws.iam_scope import EXAMINE_PROFILE, TAG, TAG_VALUE, TAGGED, Scope, document, links, scope_of, statement
from bot.core.access import Mapping

# IAM offers no narrower resource for these.
LIST = ["sagemaker:ListApps", "sagemaker:ListSpaces"]
STOP = ["sagemaker:DescribeApp", "sagemaker:DeleteApp"]
STOP_AND_START = [*STOP, "sagemaker:CreateApp"]


def running(scope: Scope, actions: list[str]) -> list[dict[str, Any]]:
    """Allow listing what runs in the domains, and optionally acting on their apps."""
    apps = scope.studio("app", "/*") if scope.runs else []
    return [statement("Running", LIST, ["*"] if apps else []), statement("Apps", actions, apps)]


def listing_policy(_mapping: Mapping, _region: str) -> dict[str, Any]:
    """Return the inline policy of a session that lists apps and spaces."""
    return document([{"Effect": "Allow", "Action": LIST, "Resource": "*"}])


def acting_policy(mapping: Mapping, region: str, *, space: str | None) -> dict[str, Any]:
    """Return the inline policy that narrows a broker role to the apps of one space, or of the mapping's profile."""
    scope, owner = scope_of(mapping, region), space or mapping.profile_name
    statements = [
        {"Effect": "Allow", "Action": STOP_AND_START, "Resource": scope.studio("app", f"/{owner}/*")},
        {"Effect": "Allow", "Action": "sagemaker:DescribeSpace", "Resource": scope.studio("space", f"/{owner}")},
    ]
    return document(statements)


def provisions(scope: Scope) -> list[dict[str, Any]]:
    """Allow making profiles and spaces that carry our tag, with the roles of the templates.

    Tags can be given to what is made only: with the tag, the bot may open a profile.
    """
    made = [
        resource
        for kind in ("user-profile", "space")
        for resource in scope.studio(kind, "/*", scope.template_domains)
    ]
    operations = ["CreateUserProfile", "CreateSpace"]
    tagging = {"StringEquals": {"sagemaker:TaggingAction": operations}}
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    return [
        statement("Make", [f"sagemaker:{name}" for name in operations], made)
        | {"Condition": {"StringEquals": {f"aws:RequestTag/{TAG}": TAG_VALUE}}},
        statement("TagMade", ["sagemaker:AddTags"], made) | {"Condition": tagging},
        statement("PassRole", ["iam:PassRole"], sorted(scope.template_roles)) | {"Condition": to_sagemaker},
        statement("LookAtMade", [EXAMINE_PROFILE, "sagemaker:DescribeSpace", "sagemaker:ListTags"], made),
        statement("LookAtDomains", ["sagemaker:DescribeDomain"], scope.studio("domain", "", scope.template_domains)),
    ]


def made_links(scope: Scope) -> list[dict[str, Any]]:
    """Allow links to the profiles that were made, which no policy names yet."""
    made = replace(scope, by_tag=True, domains=scope.template_domains)
    return [each | {"Sid": each["Sid"].replace("Links", "MadeLinks")} for each in links(made)]


def offboards(scope: Scope, profiles: list[str]) -> list[dict[str, Any]]:
    """Allow deleting the workspaces of members who leave. IAM cannot tell one member's spaces from another's."""
    domains = scope.domains | scope.template_domains if scope.offboards else frozenset()
    made = scope.studio("user-profile", "/*", scope.template_domains)
    tagged = {"Condition": TAGGED}
    deletes = ["sagemaker:DeleteUserProfile", EXAMINE_PROFILE, "sagemaker:ListTags"]
    return [
        statement("DeleteApps", ["sagemaker:DeleteApp"], scope.studio("app", "/*", domains)),
        statement("DeleteSpaces", ["sagemaker:DeleteSpace"], scope.studio("space", "/*", domains)),
        statement("DeleteProfiles", deletes, profiles if domains else [])
        | (tagged if scope.by_tag and profiles == scope.opened() else {}),
        statement("DeleteMade", deletes, made if domains else []) | tagged,
        statement("FindApps", LIST, ["*"] if domains else []),
    ]
